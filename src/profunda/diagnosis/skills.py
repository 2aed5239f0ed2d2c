"""What simple predictors reach on rows that they were not fitted on: neighbours and ridge regression."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = [
    "DEEP",
    "FOLDS",
    "NEIGHBOURS",
    "Mistakes",
    "Predictor",
    "Skill",
    "disagreement",
    "mistakes",
    "predictors_of",
    "skill_of",
]

FOLDS, NEIGHBOURS = 5, 10

PENALTY = 0.01
"""Ridge penalty per row, in units of the mean square of a view's numbers."""

DEEP, LEAST = 0.2, 20
"""The part of the rows said to be of a class that is surest, and the least number of rows that it must be."""


@dataclass(frozen=True)
class Skill:
    """`share` of the squares of targets that predictions take away after the best common scaling, negative
    where they point the wrong way; `error` its standard error, never below what chance alone would give.

    Where there is no skill, share/error is z²/(2√(z² + 1)) of a standard normal z; so 2.5 errors are z = 5.
    """

    share: float
    error: float


def skill_of(predicted: np.ndarray, targets: np.ndarray) -> Skill:
    """Of out-of-fold predictions for centred targets, both [N, C]."""
    along = (predicted * targets).sum(1)
    total, size = float((targets**2).sum()), float((predicted**2).sum())
    if total <= 0.0 or size <= 0.0:
        return Skill(0.0, 2.0 / max(1, len(targets)))
    slope = float(along.sum()) / size
    share = abs(slope) * float(along.sum()) / total
    left = 2.0 * slope * along - slope**2 * (predicted**2).sum(1) - abs(share) * (targets**2).sum(1)
    chance = float((along**2).sum()) / (size * total)
    return Skill(share, float(np.sqrt((left**2).sum() / total**2 + 4.0 * chance**2)))


@dataclass(frozen=True)
class Predictor:
    """One view [N, p] of rows in folds [N]; rows of one fold are predicted from those of the others."""

    view: np.ndarray
    folds: np.ndarray

    def linear(self, targets: np.ndarray) -> np.ndarray:
        """Ridge regression: [N, C] for centred targets [N, C]."""
        made = np.zeros_like(targets)
        for fold, solve in enumerate(self._solvers):
            held = self.folds == fold
            made[held] = self.view[held] @ (solve @ (self.view[~held].T @ targets[~held]))
        return made

    def near(self, targets: np.ndarray) -> np.ndarray:
        """Mean over the nearest rows: [N, C]."""
        return targets[self.neighbours].mean(1)

    @cached_property
    def neighbours(self) -> np.ndarray:
        """[N, k]: the nearest rows of other folds, in no order."""
        rows = self.view.astype(np.float32)
        square = (rows**2).sum(1)
        k = min(NEIGHBOURS, max(1, len(rows) // 4))
        found = np.empty((len(rows), k), np.int64)
        for fold in range(FOLDS):
            held, others = np.flatnonzero(self.folds == fold), np.flatnonzero(self.folds != fold)
            far = square[others] - 2.0 * rows[held] @ rows[others].T
            nearest = np.argpartition(far, k - 1, axis=1)[:, :k] if len(others) > k else None
            found[held] = others[nearest] if nearest is not None else others[np.arange(k) % len(others)]
        return found

    @cached_property
    def _solvers(self) -> tuple[np.ndarray, ...]:
        every = self.view.T @ self.view
        eye = np.eye(len(every))
        solvers = []
        for fold in range(FOLDS):
            held = self.view[self.folds == fold]
            rest = len(self.view) - len(held)
            solvers.append(np.linalg.inv(every - held.T @ held + PENALTY * max(1, rest) * eye))
        return tuple(solvers)


def predictors_of(views: tuple[np.ndarray, ...], groups: np.ndarray) -> tuple[Predictor, ...]:
    """One for each view; rows of one of the `groups` [N] lie in one fold, whatever order they come in."""
    n = int(groups.max()) + 1 if len(groups) else 0
    folds = (np.random.default_rng(0).permutation(n) % FOLDS)[groups]
    if len(np.unique(folds)) < FOLDS:
        return ()
    return tuple(Predictor(view, folds) for view in views)


def disagreement(surely: np.ndarray, labels: np.ndarray) -> tuple[float, int]:
    """How often a row has another label than the class it surely seems to be of, in the middle class, the
    lower of two, and on how many rows that was seen; (NaN, 0) unless there are two classes to be seen.

    Wrong labels are as many inside of a class as at its border. Where classes overlap, the surest fifth of
    the rows said to be of one are far from the other; and a rare class that nothing tells is never said. So
    what is left there, and is common to classes, are labels that are wrong.

    Parameters
    ----------
    surely
        Out-of-fold shares [N, C]: no row's own label is in its own.
    labels
        Classes [N], below 0 for none.
    """
    said = surely.argmax(1)
    ordered = np.sort(surely, axis=1)
    ahead = ordered[:, -1] - ordered[:, -2] if surely.shape[1] > 1 else ordered[:, 0]
    rates = []
    for label in range(surely.shape[1]):
        rows = np.flatnonzero((said == label) & (labels >= 0))
        deep = max(LEAST, round(DEEP * len(rows)))
        if len(rows) >= deep:
            rows = rows[np.argsort(-ahead[rows], kind="stable")[:deep]]
            rates.append((float((labels[rows] != label).mean()), deep))
    if len(rates) < 2:
        return float("nan"), 0
    rate, seen = sorted(rates)[(len(rates) - 1) // 2]
    # A median of many is as sure as a mean of 2/π of them.
    return rate, max(seen, round(sum(rows for _, rows in rates) * 2.0 / np.pi) if len(rates) > 2 else 0)


@dataclass(frozen=True)
class Mistakes:
    """Shares of rows with another label than what is said of them: `every` one, and the `surer` half of those
    said to be of each class, which are so many `rows`; `beside`: of the latter's, the share that bear the
    label most often borne instead of what was said.
    """

    every: float
    surer: float
    rows: int
    beside: float


def mistakes(surely: np.ndarray, labels: np.ndarray) -> Mistakes:
    """Of out-of-fold shares [N, C] and classes [N], below 0 for none.

    Where classes overlap, what is said of the surer half is right far more often; wrong labels are as many
    there as elsewhere.
    """
    said, known = surely.argmax(1), labels >= 0
    ordered = np.sort(surely, axis=1)
    ahead = ordered[:, -1] - ordered[:, -2] if surely.shape[1] > 1 else ordered[:, 0]
    half = np.zeros(len(said), bool)
    most = 0
    for label in range(surely.shape[1]):
        rows = np.flatnonzero((said == label) & known)
        rows = rows[np.argsort(-ahead[rows], kind="stable")][: len(rows) // 2]
        half[rows] = True
        borne = np.bincount(labels[rows], minlength=surely.shape[1])
        borne[label] = 0
        most += int(borne.max())
    wrong, seen = (said != labels) & known, int(half.sum())
    if not seen or not known.any():
        return Mistakes(float("nan"), float("nan"), 0, float("nan"))
    there = int((wrong & half).sum())
    return Mistakes(float(wrong[known].mean()), there / seen, seen, most / max(1, there))
