"""Which rows train, which choose, and which judge."""

from dataclasses import dataclass

import numpy as np

from profunda.data.dataset import Dataset
from profunda.errors import Notice

__all__ = ["Fold", "Splits", "leaks", "split"]


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that train and rows that validate: sorted int64 arrays without a common row."""

    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True, eq=False)
class Splits:
    """`development` rows, on which every choice is made, `test` rows, which no choice sees, and folds of the former."""

    development: np.ndarray
    test: np.ndarray
    folds: tuple[Fold, ...]
    how: str


def split(
    dataset: Dataset, *, test: float = 0.2, folds: int | None = None, repeats: int = 1, seed: int = 0
) -> Splits: ...


def leaks(dataset: Dataset, splits: Splits) -> tuple[Notice, ...]: ...
