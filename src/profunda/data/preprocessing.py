"""From codes to the numbers a network reads: fitted on given rows, then frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda.data.schema import Schema
from profunda.data.task import Task

__all__ = ["Categories", "Encoding", "Preprocessing", "fit_preprocessing"]

Encoding = Literal["robust", "quantile", "piecewise"]
Categories = Literal["onehot", "ordinal"]


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """Frozen numbers that turn codes float64 [N, F] into inputs float32 [N, D]."""

    D: int
    names: tuple[str, ...]

    def transform(self, codes: np.ndarray) -> np.ndarray: ...

    def target(self, y: np.ndarray) -> np.ndarray: ...

    def untarget(self, f: np.ndarray) -> np.ndarray: ...

    def spec(self) -> dict[str, object]: ...

    def arrays(self) -> dict[str, np.ndarray]: ...

    @classmethod
    def load(cls, spec: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> "Preprocessing": ...


def fit_preprocessing(
    codes: np.ndarray,
    y: np.ndarray,
    rows: np.ndarray,
    schema: Schema,
    encoding: Encoding,
    task: Task,
    *,
    categories: Categories = "onehot",
) -> Preprocessing: ...
