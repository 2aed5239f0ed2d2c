"""Scores of several numbers, each under many row weights at once.

y float64 [N, C] are numbers, NaN where missing; p float64 [N, C] predictions on the targets' own scales; w
float64 [R, N] row weights; every function returns float64 [R] (see `profunda.metrics.classes` for why). What
is missing counts nowhere, and a target without a scored row is left out of a mean over targets.
"""

import numpy as np

from profunda.metrics import numbers

__all__ = ["mae", "mean_known", "mean_of_targets", "r2", "ratio", "rmse", "rrmse"]


def ratio(above: np.ndarray, below: np.ndarray, otherwise: float) -> np.ndarray:
    """above / below, `otherwise` where below is 0."""
    return np.divide(above, below, out=np.full(below.shape, otherwise), where=below > 0)


def mean_of_targets(losses: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the targets of the mean over rows of `losses` [N, C], where y [N, C] is there: [R]."""
    there = ~np.isnan(y)
    return mean_known(ratio(w @ np.where(there, losses, 0.0), w @ there.astype(np.float64), np.nan))


def mean_known(each: np.ndarray) -> np.ndarray:
    """Mean over targets of [R, C], NaN left out; NaN where all are."""
    known = ~np.isnan(each)
    return ratio(np.where(known, each, 0.0).sum(axis=1), known.sum(axis=1).astype(np.float64), np.nan)


def rrmse(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Average relative root mean squared error: the mean over the targets of √(Σ(y − p)²/Σ(y − ȳ)²).

    The usual score of several numbers, as it asks for no common unit: 1 for the mean of each, 0 for perfect
    predictions (aRRMSE of Borchani et al. 2015, "A survey on multi-output regression", §4; here ȳ is the mean
    of the scored rows). A target that does not vary among the scored rows is left out; NaN if none does.
    """
    shares = np.stack([_unexplained(*column, w) for column in zip(y.T, p.T, strict=True)], axis=1)
    return mean_known(np.sqrt(shares))


def _unexplained(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """1 − R² of one target, NaN where it does not vary: [R]."""
    there = ~np.isnan(y)
    y, p, w = y[there], p[there], w[:, there]
    if len(y) == 0:
        return np.full(len(w), np.nan)
    varies = np.where(w > 0, y, -np.inf).max(axis=1) > np.where(w > 0, y, np.inf).min(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):  # of weights that are all 0
        return np.where(varies, 1 - numbers.r2(y, p, w), np.nan)


def r2(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the targets of 1 − Σ(y − p)²/Σ(y − ȳ)²; targets that do not vary are left out."""
    shares = np.stack([_unexplained(*column, w) for column in zip(y.T, p.T, strict=True)], axis=1)
    return 1 - mean_known(shares)


def rmse(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the targets of the root mean squared error: of use where they share a unit."""
    there = ~np.isnan(y)
    squares = w @ np.where(there, (y - p) ** 2, 0.0)
    return mean_known(np.sqrt(ratio(squares, w @ there.astype(np.float64), np.nan)))


def mae(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean over the targets of the mean absolute error: of use where they share a unit."""
    return mean_of_targets(np.abs(y - p), y, w)
