"""A Model's fields as the content of its folder; `profunda.model.saving` is the way back."""

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from profunda.data.preprocessing import Preprocessing
from profunda.data.schema import Schema
from profunda.data.task import Task
from profunda.model.folder import write_folder
from profunda.model.parts import Part, Provenance
from profunda.networks.prediction import Clamp

__all__ = ["network_name", "preprocessing_name", "write"]


def network_name(part: int, network: int) -> str:
    """What the parameters of a part's network are called in the file."""
    return f"parts/{part}/{network}/params"


def preprocessing_name(number: int, array: str) -> str:
    """What one array of a preprocessing is called in the file."""
    return f"preprocessing/{number}/{array}"


def write(
    folder: str | Path,
    task: Task,
    schema: Schema,
    parts: tuple[Part, ...],
    provenance: Provenance,
    temperature: float,
    clamp: Clamp | None,
) -> Path:
    """Write a Model's fields as a folder, a shared preprocessing once; raises as `write_folder`."""
    shared = {id(n.preprocessing): n.preprocessing for part in parts for n in part.networks}
    numbers = {identity: number for number, identity in enumerate(shared)}
    content = {
        "task": json.loads(task.to_json()),
        "schema": json.loads(schema.to_json()),
        "temperature": float(temperature),
        "clamp": None if clamp is None else np.asarray(clamp, np.float64).tolist(),
        "provenance": _provenance(provenance),
        "preprocessings": [preprocessing.spec() for preprocessing in shared.values()],
        "parts": [_part(part, numbers) for part in parts],
    }
    return write_folder(folder, content, _arrays(tuple(shared.values()), parts))


def _provenance(provenance: Provenance) -> dict[str, object]:
    sheet: dict[str, Any] = asdict(provenance)
    if sheet["score"] is not None:
        for name in ("value", "low", "high"):  # JSON has no NaN
            sheet["score"][name] = sheet["score"][name] if isfinite(sheet["score"][name]) else None
    return sheet


def _part(part: Part, numbers: dict[int, int]) -> dict[str, object]:
    return {
        "weight": float(part.weight),
        "design": part.design.to_json(),
        "networks": [numbers[id(network.preprocessing)] for network in part.networks],
    }


def _arrays(preprocessings: tuple[Preprocessing, ...], parts: tuple[Part, ...]) -> dict[str, np.ndarray]:
    arrays = {
        preprocessing_name(number, name): array
        for number, preprocessing in enumerate(preprocessings)
        for name, array in preprocessing.arrays().items()
    }
    for i, part in enumerate(parts):
        for j, network in enumerate(part.networks):
            arrays[network_name(i, j)] = np.asarray(network.params, dtype=np.float32)
    return arrays
