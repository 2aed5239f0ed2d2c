"""Small real tables as arrays of numbers: bundled ones, and those of scikit-learn."""

from dataclasses import dataclass

import numpy as np

import profunda
from profunda.lab.words import Words

__all__ = ["Table", "real_tables"]


@dataclass(frozen=True)
class Table:
    """Inputs `x` [N, D], standardised; targets `y` [N, C]: a number, or a column of 0 and 1 a class."""

    name: Words
    x: np.ndarray
    y: np.ndarray


def real_tables(rows: int) -> tuple[Table, ...]:
    """Five tables whose columns are numbers, `rows` of each at most, drawn by a fixed seed."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    concrete, digits = (profunda.read(f"bundled:{name}") for name in ("concrete", "digits"))
    adult = profunda.read("bundled:adult")
    numbers = np.isfinite(adult.codes).all(axis=0)
    return tuple(
        _table(name, x, y, rows)
        for name, x, y in (
            (Words("adult", "adult"), adult.codes[:, numbers], adult.y),
            (Words("breast cancer", "câncer de mama"), *load_breast_cancer(return_X_y=True)),
            (Words("concrete", "concreto"), concrete.codes, concrete.y),
            (Words("diabetes", "diabetes"), *load_diabetes(return_X_y=True)),
            (Words("digits", "dígitos"), digits.codes, digits.y),
        )
    )


def _table(name: Words, x: np.ndarray, y: np.ndarray, rows: int) -> Table:
    chosen = np.random.default_rng(0).permutation(len(x))[:rows]
    x, y = x[chosen], y[chosen]
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0.0, spread, np.inf)
    if y.dtype.kind in "iu":
        return Table(name, x, (y[:, None] == np.unique(y)).astype(np.float64))
    return Table(name, x, y[:, None].astype(np.float64))
