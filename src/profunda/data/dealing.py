"""Rows dealt out so that several shares are kept at once: of every label, of missing ones, of tasks.

Rows are shuffled, then sorted by their labels, the rarest label first; of every run of k neighbours each of k
folds gets one, at random. So folds differ by at most one row in all and in the rarest label, by at most two
in the next one, and rows of a rare set of labels stand beside similar ones, where stratifying by whole sets
would leave them alone. (Along a sorted list this is sampling with one unit a stratum: Cochran 1977, Sampling
Techniques, §5A.8 and §8; the aim is that of Sechidis, Tsoumakas and Vlahavas 2011, "On the stratification of
multi-label data".)
"""

import numpy as np

from profunda.data.dataset import Dataset

__all__ = ["dealt", "drawn", "strata"]


def strata(dataset: Dataset) -> np.ndarray | None:
    """What shares are kept of, int64 [N, K]: tasks, and labels or whether a number is there; None for one
    target of one task, whose classes are dealt out by themselves."""
    found = [] if dataset.tasks is None else [dataset.tasks[:, None]]
    if dataset.task.single and found:
        found.append(dataset.y[:, None])
    told = _targets_told(dataset)
    found += [] if told is None else [told]
    return np.concatenate(found, axis=1) if found else None


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
    ends = np.arange(wanted + 1) * len(order) // wanted
    return order[generator.integers(ends[:-1], ends[1:])]


def _ordered(states: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Row numbers [N], shuffled, then sorted by the columns of `states`, that with the rarest state first."""
    shuffled = generator.permutation(len(states))
    rarest = [np.unique(column, return_counts=True)[1].min() for column in states.T]
    keys = states[shuffled][:, np.argsort(rarest, kind="stable")]
    return shuffled[np.lexsort(keys.T[::-1])]
