"""Scores of predicted numbers, each under many row weights at once.

y and p are float64 [N] on the target's own scale, w float64 [R, N] row weights; every function returns
float64 [R] (see `profunda.metrics.classes` for why). Definitions follow scikit-learn's.
"""

import numpy as np

__all__ = ["mae", "median_ae", "r2", "rmse"]


def rmse(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Root of the mean squared error, in the target's unit."""
    return np.sqrt(w @ (y - p) ** 2 / w.sum(axis=1))


def mae(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Mean absolute error, in the target's unit."""
    return w @ np.abs(y - p) / w.sum(axis=1)


def r2(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Share of the target's variance explained: 1 − Σ(y−p)²/Σ(y−ȳ)².

    Where the target does not vary: 1 for perfect predictions, else 0; NaN for a single row.
    """
    total = w.sum(axis=1)
    # Centred first: the variance of large numbers would drown in rounding otherwise.
    centred = y - y.mean()
    mean = w @ centred / total
    rest = w @ (y - p) ** 2
    spread = (w * (centred - mean[:, None]) ** 2).sum(axis=1)
    lowest, highest = np.where(w > 0, y, np.inf).min(axis=1), np.where(w > 0, y, -np.inf).max(axis=1)
    varies = highest > lowest
    score = 1 - np.divide(rest, spread, out=np.zeros_like(rest), where=varies)
    score = np.where(varies, score, np.where(rest == 0, 1.0, 0.0))
    return np.where(total < 2, np.nan, score)


def median_ae(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Median absolute error, in the target's unit; the mean of both middle ones for an even count."""
    error = np.abs(y - p)
    order = np.argsort(error, kind="stable")
    error, reach = error[order], np.cumsum(w[:, order], axis=1)
    half = reach[:, -1:] / 2
    lower = (reach >= half).argmax(axis=1)
    # The upper middle differs from the lower one only where the weights up to it are exactly one half.
    upper = (reach > half).argmax(axis=1)
    return (error[lower] + error[upper]) / 2
