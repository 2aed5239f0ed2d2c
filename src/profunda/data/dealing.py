"""Rows dealt out so that several shares are kept at once: of tasks, of every label, of missing ones.

Rows are shuffled, then sorted by their tasks, then by their labels, the rarest label first; of every run of k
neighbours each of k folds gets one, at random. So folds differ by at most one row in all and in what comes
first, by at most two in the next one, and rows of a rare set of labels stand beside similar ones, where
stratifying by whole sets would leave them alone. (Along a sorted list this is sampling with one unit a
stratum: Cochran 1977, Sampling Techniques, §5A.8 and §8; the aim is that of Sechidis, Tsoumakas and Vlahavas
2011, "On the stratification of multi-label data".)

A task is a run that may begin and end inside those of k, so that of its n rows a fold gets n/k to within less
than two, and not all where n ≥ 3. Tasks stand before labels however rare these are, as a task that a fold
does not train on is not learned there, while a class is by the rows of other tasks.
"""

import numpy as np

from profunda.data.dataset import Dataset

__all__ = ["common", "dealt", "drawn", "strata"]


def strata(dataset: Dataset, rows: np.ndarray) -> np.ndarray | None:
    """What shares are kept of among `rows` [n], int64 [n, K], by falling weight: tasks, then labels or
    whether a number is there; None for one target of one task, whose classes are dealt out by themselves."""
    told = dataset.y[:, None] if dataset.task.single else _targets_told(dataset)
    if dataset.tasks is None:
        return None if told is None or dataset.task.single else _rarest_first(told[rows])
    tasks = dataset.tasks[rows, None]
    return tasks if told is None else np.concatenate([tasks, _rarest_first(told[rows])], axis=1)


def _rarest_first(states: np.ndarray) -> np.ndarray:
    """The columns of `states` int64 [n, K], that with the rarest state first."""
    rarest = [np.unique(column, return_counts=True)[1].min(initial=0) for column in states.T]
    return states[:, np.argsort(rarest, kind="stable")]


def common(dataset: Dataset, rows: np.ndarray, least: int) -> np.ndarray:
    """Which of `rows` [n] have a class that at least `least` of them have, bool [n]; all without classes."""
    if not dataset.task.single:
        return np.ones(len(rows), bool)
    y = dataset.y[rows]
    return np.bincount(y)[y] >= least


def _targets_told(dataset: Dataset) -> np.ndarray | None:
    """What several targets say of a row."""
    y = dataset.y
    if not dataset.task.parts:
        return None
    missing = np.isnan(y)
    if dataset.task.numeric:
        return (~missing[:, missing.any(axis=0)]).astype(np.int64) if missing.any() else None
    return np.where(missing, -1, np.nan_to_num(y)).astype(np.int64)


def dealt(states: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    """The fold of each row of `states` int64 [N, K], int64 [N]."""
    order = _ordered(states, generator)
    blocks = -(-len(order) // folds)
    of_row = np.empty(len(order), np.int64)
    of_row[order] = generator.permuted(np.tile(np.arange(folds), (blocks, 1)), axis=1).ravel()[: len(order)]
    return of_row


def drawn(states: np.ndarray, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """Places of `wanted` of the rows of `states` int64 [N, K], one of each of `wanted` runs of neighbours."""
    order = _ordered(states, generator)
    ends = np.arange(wanted + 1) * len(order) // max(wanted, 1)
    return order[generator.integers(ends[:-1], ends[1:])]


def _ordered(states: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Row numbers [n], shuffled, then sorted by the columns of `states`, the first one above all."""
    shuffled = generator.permutation(len(states))
    return shuffled[np.lexsort(states[shuffled].T[::-1])]
