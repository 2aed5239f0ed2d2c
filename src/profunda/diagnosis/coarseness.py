"""Rows that were rounded until many are equal, and how far targets of equal rows lie apart."""

import math

import numpy as np

from profunda.diagnosis.tables import Table

__all__ = ["is_coarse", "within"]

ALL = 0.9
"""Share of rows that occur twice, from which rows have lost what told them apart."""

LEVELS = (4, 24)
"""Levels of a rounded column: fewer are categories, or yes and no, and more tell rows apart."""

EVEN = 1e-3
"""Of a step: levels of a rounded column are whole multiples of one."""

UNEVEN = 3.0
"""Variance of the number of times that rows occur over that of chance: a plan measures each setting as often
as any other, and what happens to coincide does so more often in the midst."""


def within(table: Table) -> float:
    """Of the real targets of rows that occur twice, the share of their variance between equal rows, without
    bias; NaN for labels, or where no row occurs twice.
    """
    targets = table.targets
    if (
        targets is None
        or targets.dtype.kind != "f"
        or not table.n
        or targets.reshape(len(targets), -1).shape[1] > 24
    ):
        return math.nan
    flat = targets.reshape(len(targets), -1).astype(np.float64)
    twice = (np.bincount(table.groups)[table.groups] > 1) & np.isfinite(flat).all(1)
    flat, (names, groups) = flat[twice], np.unique(table.groups[twice], return_inverse=True)
    total = float(((flat - flat.mean(0)) ** 2).sum()) / max(1, len(flat) - 1) if len(flat) else 0.0
    if len(flat) <= len(names) or not total > 0.0:
        return math.nan
    groups, counts = groups.reshape(-1), np.bincount(groups.reshape(-1))
    means = np.stack([np.bincount(groups, column) for column in flat.T], 1) / counts[:, None]
    return float(((flat - means[groups]) ** 2).sum()) / (len(flat) - len(names)) / total


def is_coarse(table: Table) -> bool:
    """Whether nearly all rows occur twice, each column has a few even levels, and rows of the midst occur
    more often than others.
    """
    if table.kind != "numbers" or not table.n or not table.numbers.shape[1]:
        return False
    counts = np.bincount(table.groups)
    counts = counts[counts > 0]
    if float(counts[counts > 1].sum()) < ALL * table.n:
        return False
    if len(counts) < 2 or counts.var() < UNEVEN * counts.mean():
        return False
    rows = np.nan_to_num(table.numbers[np.unique(table.groups, return_index=True)[1]].astype(np.float64))
    columns = [np.unique(column) for column in rows.T]
    return all(_even(levels) for levels in columns if len(levels) > 1)


def _even(levels: np.ndarray) -> bool:
    if not LEVELS[0] <= len(levels) <= LEVELS[1]:
        return False
    steps = np.diff(levels) / np.diff(levels).min()
    return bool((np.abs(steps - steps.round()) < EVEN * len(levels)).all())
