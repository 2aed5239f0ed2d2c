"""Whether validation rows name their classes as training rows do."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from profunda.diagnosis.skills import FOLDS, Predictor
from profunda.diagnosis.tables import Table
from profunda.diagnosis.views import views_of

__all__ = ["UNNAMED", "Naming", "naming_of"]

ROWS, FEWEST = 1024, 10
"""Rows of either kind that are looked at, and validation rows of a class below which nothing is said."""

Naming = tuple[float, float, int]
"""Share of validation rows that predictors fitted on training rows tell right, classes counted alike; that if
classes are named otherwise, as suits best; and how many rows that was seen on."""

UNNAMED: Naming = (float("nan"), float("nan"), 0)


def naming_of(table: Table, labels: np.ndarray, validation: Table, held: np.ndarray, classes: int) -> Naming:
    """Of labels [N] and [M] below `classes`, by the better of neighbours and a linear model in any view: the
    one that is right most often under the names that suit it best. What other names gain among the training
    rows themselves, as where a row's neighbours are of the other class, is taken off.
    """
    n, m = min(ROWS, table.n), min(ROWS, validation.n)
    counts = np.bincount(held[:m][held[:m] >= 0], minlength=classes)[:classes]
    alike = len(table.parts) == len(validation.parts) and all(
        one.shape[1:] == two.shape[1:] for one, two in zip(table.parts, validation.parts, strict=False)
    )
    if not alike or not 2 <= classes <= m // FEWEST or counts.min() < FEWEST:
        return UNNAMED
    parts = tuple(
        np.concatenate([two[:m], one[:n]]) for one, two in zip(table.parts, validation.parts, strict=True)
    )
    views = views_of(Table(table.kind, parts, None, table.batch))
    wanted = np.concatenate([np.zeros((m, classes)), np.eye(classes)[labels[:n]]])
    wanted[m:] /= np.maximum(wanted[m:].sum(0), 1.0)  # classes count alike
    wanted[m:] -= wanted[m:].mean(0)
    folds = np.concatenate([np.zeros(m, int), 1 + np.arange(n) % (FOLDS - 1)])
    best = UNNAMED
    for one in (Predictor(view, folds) for view in views):
        for way in (one.linear, one.near):
            said = way(wanted).argmax(1)
            told, suited, rows = _named(said[:m], held[:m], counts)
            own, other, _ = _named(said[m:], labels[:n], np.bincount(labels[:n], minlength=classes))
            found = (told, max(told, suited - (other - own)), rows)
            best = max(best, found, key=_suited)
    return best


def _suited(found: Naming) -> float:
    return -1.0 if found[2] == 0 else found[1]


def _named(said: np.ndarray, held: np.ndarray, counts: np.ndarray) -> Naming:
    """Rows of each class [C] by what is said of them, and the names that suit that best."""
    good = (held >= 0) & (held < len(counts))
    shares = np.zeros((len(counts), len(counts)))
    np.add.at(shares, (held[good], said[good]), 1.0)
    shares /= np.maximum(counts, 1)[:, None]
    rows, names = linear_sum_assignment(-shares)
    return (
        float(np.trace(shares)) / len(counts),
        float(shares[rows, names].mean()),
        int(counts.min()) * len(counts),
    )
