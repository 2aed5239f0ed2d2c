"""Inputs that give the target away, and rows that stand on both sides of a split."""

from dataclasses import replace

import numpy as np

from profunda._seeds import mix64
from profunda.data.inference import Inferred
from profunda.data.table import Kind
from profunda.data.targets import targets_of
from profunda.data.task import Task

__all__ = ["copies_target", "determines_target", "row_hashes"]

FEWEST_ROWS = 10  # below this, that a column agrees with the target is chance
SUSPECT_ROWS = 50  # the same for a column that is merely suspected
GLANCE = 1_000  # rows looked at first
ROWS_PER_VALUE = 5  # values with fewer rows on average determine anything


def copies_target(inferred: Inferred, y: np.ndarray, task: Task) -> bool:
    """Whether the column is a target renamed: classes mapped one to one, or a·y + b of a number."""
    codes = inferred.codes
    if task.parts and codes is not None:
        each = targets_of(task, y)
        return any(copies_target(replace(inferred, codes=codes[t.rows]), t.y, t.task) for t in each)
    if codes is None or codes.ndim > 1 or len(y) < FEWEST_ROWS or np.isnan(codes).any():
        return False
    if task.kind == "regression":
        return (
            inferred.column.kind is not Kind.CATEGORICAL
            and inferred.column.distinct > 2
            and _affine(codes, y)
        )
    count = len(task.classes)  # each has a row, as they were found from the rows
    return inferred.column.distinct == count and _pairs(codes, y) == count


def _affine(x: np.ndarray, y: np.ndarray) -> bool:
    if np.array_equal(x, y):
        return True
    x, y = x - x.mean(), y - y.mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return spread > 0 and bool(np.isfinite(spread)) and 1 - abs(float(x @ y)) / spread < 1e-12


def _pairs(codes: np.ndarray, y: np.ndarray) -> int:
    """How many different (value, class) pairs there are."""
    _, values = np.unique(codes, return_inverse=True)
    return len(np.unique(values * (int(y.max()) + 1) + y))


def determines_target(inferred: Inferred, y: np.ndarray, task: Task) -> bool:
    """Whether each value, seen several times, goes with one class: perhaps known after the fact."""
    codes = inferred.codes
    if task.parts and codes is not None:
        each = targets_of(task, y)
        return any(determines_target(replace(inferred, codes=codes[t.rows]), t.y, t.task) for t in each)
    if codes is None or codes.ndim > 1 or task.kind == "regression" or len(y) < SUSPECT_ROWS:
        return False
    distinct = inferred.column.distinct
    if distinct < len(task.classes) or distinct * ROWS_PER_VALUE > len(y):
        return False
    there = ~np.isnan(codes)
    if there.mean() <= 0.5:
        return False
    codes, y = codes[there], y[there]
    # most columns are cleared by a few rows already; strided, as rows may be sorted by class
    stride = -(-len(y) // GLANCE)
    few = codes[::stride]
    return _pairs(few, y[::stride]) == len(np.unique(few)) and _pairs(codes, y) == len(np.unique(codes))


def row_hashes(codes: np.ndarray) -> np.ndarray:
    """A 64-bit hash uint64 [N] of each row; unequal rows agree with a chance of 2⁻⁶⁴ a pair."""
    hashes = np.zeros(len(codes), np.uint64)
    for position in range(codes.shape[1]):
        # + 0.0 makes −0 into 0; all NaN become the same NaN
        column = codes[:, position].astype(np.float64)
        column = np.where(np.isnan(column), np.nan, column + 0.0)
        words = np.ascontiguousarray(column).view(np.uint64)
        hashes = mix64(hashes ^ mix64(words + np.uint64(position + 1)))
    return hashes
