"""The door: a file, a frame or arrays in, a Dataset out."""

from typing import Literal

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.schema import Schema

__all__ = ["read", "read_inputs"]


def read(
    source: object,
    target: object = None,
    *,
    task: Literal["classification", "regression"] | None = None,
    group: str | None = None,
    time: str | None = None,
    memory_limit: int | None = None,
) -> Dataset: ...


def read_inputs(source: object, schema: Schema) -> np.ndarray: ...
