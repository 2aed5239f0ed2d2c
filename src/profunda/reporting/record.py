"""What a run's papers need and none of its other files keeps: the content of `record.json`.

It is written when a run ends, from what was in memory then. A run of an earlier version has none; its papers
say "not recorded" there.
"""

import hashlib
import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from profunda.data.bundled import PREFIX
from profunda.data.bundled import path as bundled_path
from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.data.table import Column, Kind
from profunda.data.task import Task
from profunda.errors import Notice, RunError
from profunda.metrics.score import Metric
from profunda.reporting.slices import ClassScore, Slice, class_scores, slices

__all__ = ["HASHED", "RECORD_FILE", "Record", "SourceFile", "Spread", "Target", "record_of"]

FORMAT = 1
RECORD_FILE = "record.json"
HASHED = 4 << 30  # bytes: hashing takes about a second for each 1 << 30, which the run's budget has to bear


@dataclass(frozen=True)
class SourceFile:
    """The file that was read: its name without folders, its size, its SHA-256 ("" where it was too large)."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Spread:
    """How numbers of a target lie."""

    least: float
    mean: float
    median: float
    most: float


@dataclass(frozen=True)
class Target:
    """How one target lies over the rows that have it: `classes` (name, rows), or the `spread` of numbers."""

    name: str
    rows: int
    classes: tuple[tuple[str, int], ...]
    spread: Spread | None


@dataclass(frozen=True)
class Record:
    """The data as they were read, and what the held-out rows said, beside the summary and the model.

    `columns` are all of the source, also those that were not used; `split` says in words how rows were split,
    `development` and `test` how many there are, `ordered` and `grouped` whether by time or groups. `file` is
    None where no single file was read; `files` then counts those of a folder. `scores` are all
    metrics on the held-out rows.
    """

    command: str
    machine: str
    python: str
    rows: int
    columns: tuple[Column, ...]
    targets: tuple[Target, ...]
    split: str
    development: int
    test: int
    folds: int
    ordered: bool
    grouped: bool
    file: SourceFile | None
    files: int
    notices: tuple[Notice, ...]
    scores: tuple[tuple[str, float], ...]
    class_scores: tuple[ClassScore, ...]
    slices: tuple[Slice, ...]

    def to_json(self) -> str:
        """As JSON text; numbers that JSON lacks are null."""
        tree = {"format": FORMAT, **asdict(self)}
        return json.dumps(_finite(tree), ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "Record":
        """The record that `to_json` wrote; RunError where it is none or from another version."""
        try:
            tree = json.loads(text)
            if tree.pop("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            return cls(**tree | _parts(tree))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(
                f"{RECORD_FILE} cannot be read ({error}); it was changed, or another version wrote it. "
                "Without "
                "it the run's papers can still be written: move it away."
            ) from error


def _parts(tree: dict[str, Any]) -> dict[str, Any]:
    """The typed parts of a record's JSON."""
    columns = tuple(Column(**one | {"kind": Kind(one["kind"])}) for one in tree["columns"])
    return {
        "columns": columns,
        "targets": tuple(_target(one) for one in tree["targets"]),
        "file": None if tree["file"] is None else SourceFile(**tree["file"]),
        "notices": tuple(Notice(**one) for one in tree["notices"]),
        "scores": tuple((name, math.nan if v is None else float(v)) for name, v in tree["scores"]),
        "class_scores": tuple(
            ClassScore(**_numbers(one, "recall", "precision")) for one in tree["class_scores"]
        ),
        "slices": tuple(_slice(one) for one in tree["slices"]),
    }


def _slice(tree: dict[str, Any]) -> Slice:
    words: dict[str, Any] = {name: tuple(tree[name]) for name in ("columns", "levels")}
    return Slice(**_numbers(tree, "value", "low", "high") | words)


def _target(tree: dict[str, Any]) -> Target:
    classes = tuple((str(name), int(rows)) for name, rows in tree["classes"])
    return Target(tree["name"], tree["rows"], classes, tree["spread"] and Spread(**tree["spread"]))


def _numbers(tree: dict[str, Any], *names: str) -> dict[str, Any]:
    return tree | {name: math.nan if tree[name] is None else float(tree[name]) for name in names}


def record_of(
    *,
    dataset: Dataset,
    splits: Splits,
    metric: Metric,
    prediction: np.ndarray | None,
    scores: Sequence[tuple[str, float]],
    notices: Sequence[Notice],
    command: str,
    source: str,
    seed: int,
) -> Record:
    """The record of a run that ends.

    `splits.test` are the rows that `prediction` ([N, C] probabilities or [N] numbers; None: not kept) is for;
    `source` the path that was read, "" for data in memory.
    """
    held, task = splits.test, dataset.task
    file, files = _source(source)
    kept = prediction is not None and len(held) > 0
    return Record(
        command=command,
        machine=f"{platform.system()} ({platform.machine()})",
        python=platform.python_version(),
        rows=dataset.n_rows,
        columns=dataset.columns,
        targets=_targets(task, dataset.y),
        split=splits.how,
        development=len(splits.development),
        test=len(held),
        folds=len(splits.folds),
        ordered=dataset.times is not None,
        grouped=dataset.groups is not None,
        file=file,
        files=files,
        notices=tuple(dict.fromkeys(notices)),
        scores=tuple(scores),
        class_scores=class_scores(task, dataset.y[held], prediction) if kept else (),
        slices=slices(dataset, held, prediction, metric, seed) if kept else (),
    )


def _targets(task: Task, y: np.ndarray) -> tuple[Target, ...]:
    if not task.parts:
        return (_distribution(task, y),)
    return tuple(_distribution(part, y[~np.isnan(y[:, k]), k]) for k, part in enumerate(task.parts))


def _distribution(task: Task, y: np.ndarray) -> Target:
    if task.numeric:
        spread = Spread(float(y.min()), float(y.mean()), float(np.median(y)), float(y.max()))
        return Target(task.target, len(y), (), spread)
    rows = np.bincount(y.astype(np.int64), minlength=len(task.classes))
    return Target(task.target, len(y), tuple(zip(task.classes, rows.tolist(), strict=True)), None)


def _source(source: str) -> tuple[SourceFile | None, int]:
    """The file at `source`, or how many files the folder there holds."""
    if not source:
        return None, 0
    path = bundled_path(source.removeprefix(PREFIX)) if source.startswith(PREFIX) else Path(source)
    try:
        if path.is_dir():
            return None, sum(len(names) for _, _, names in os.walk(path))
        size = path.stat().st_size
        if size > HASHED:
            return SourceFile(path.name, size, ""), 1
        with path.open("rb") as file:
            return SourceFile(path.name, size, hashlib.file_digest(file, "sha256").hexdigest()), 1
    except OSError:  # moved away while the run went on: its papers say "not recorded"
        return None, 0


def _finite(value: Any) -> Any:
    """`value` with None where JSON lacks the number."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
