"""Several targets at once: one task of them all, and each of them by itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from profunda.data.labels import Labels, TaskChoice, decide
from profunda.data.raw import RawColumn, listed
from profunda.data.task import Task
from profunda.errors import DataError, Notice

__all__ = ["Target", "decide_all", "targets_of"]

# What `decide` says of the rows of one target alone: here rows stay where another target is present.
_OF_ONE = ("missing-target", "single-class-rows")


@dataclass(frozen=True, eq=False)
class Target:
    """One of several targets: its task, the rows that have a value (int64 [n]), and y [n] as of that task."""

    task: Task
    rows: np.ndarray
    y: np.ndarray


def decide_all(columns: Sequence[RawColumn], choice: TaskChoice | None) -> Labels:
    """The task of some targets, with y float64 [n, C]: 0 and 1 for two classes, numbers; NaN where missing.

    A single one is decided by `labels.decide`, and so is each of several. Rows without any target are left
    out. DataError for a target that could not be learned by itself, and where targets are of different kinds
    or have more than two classes.
    """
    if len(columns) == 1:
        return decide(columns[0], choice)
    each = [decide(column, choice) for column in columns]
    _check_alike([labels.task for labels in each])
    y = np.full((len(columns[0]), len(each)), np.nan)
    for number, labels in enumerate(each):
        y[labels.keep, number] = labels.y
    keep = np.asarray(~np.isnan(y).all(axis=1))
    told = [notice for labels in each for notice in labels.notices if notice.code not in _OF_ONE]
    task = Task.of_parts(tuple(labels.task for labels in each))
    return Labels(task, y[keep], keep, (*_told_missing(task, y, keep), *told))


def _check_alike(tasks: Sequence[Task]) -> None:
    if {task.kind for task in tasks} in ({"binary"}, {"regression"}):
        return
    kinds = [
        f"{task.target!r} has {'numbers' if task.numeric else f'{len(task.classes)} classes'}"
        for task in tasks
    ]
    numbers = any(task.numeric for task in tasks)
    more = any(len(task.classes) > 2 for task in tasks)
    ways = ["predict them in runs of their own"]
    ways += ["pass task='regression' if all of them are amounts"] if numbers or more else []
    ways += ["make a column of yes and no for each class"] if more else []
    raise DataError(
        "several targets are predicted together where each has two classes or each is a number, but "
        f"{listed(kinds, 8)}; {', or '.join(ways)}"
    )


def _told_missing(task: Task, y: np.ndarray, keep: np.ndarray) -> Iterator[Notice]:
    lost = int((~keep).sum())
    if lost:
        text = f"{lost:,} of {len(y):,} rows have no usable target at all and were left out."
        yield Notice("missing-target", text)
    gaps = np.isnan(y[keep]).sum(axis=0)
    if gaps.any():
        where = [f"{name} ({gap:,})" for name, gap in zip(task.names, gaps.tolist(), strict=True) if gap]
        text = (
            f"Of {int(keep.sum()):,} rows some lack a target: {listed(where)}. They are kept; what is "
            "missing counts in no loss and in no score."
        )
        yield Notice("missing-targets", text)


def targets_of(task: Task, y: np.ndarray) -> tuple[Target, ...]:
    """Each of several targets y float64 [N, C] by itself, on the rows that have it."""
    found = []
    for number, part in enumerate(task.parts):
        rows = np.flatnonzero(~np.isnan(y[:, number]))
        values = y[rows, number]
        found.append(Target(part, rows, values if part.numeric else values.astype(np.int64)))
    return tuple(found)
