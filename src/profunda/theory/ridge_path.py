"""The strength of a ridge penalty by cross-validation, told together with the scale of loss it belongs to.

Sources: Stone (1974) for cross-validation; Hastie, Tibshirani and Friedman (2009), section 7.10, for the one
standard error rule.
"""

from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import ridge
from profunda.theory.scales import LossScale

__all__ = ["RidgePath", "cross_validated_ridge"]


@dataclass(frozen=True)
class RidgePath:
    """Cross-validated errors [K] of the strengths [K], and the weights [D] of the best on all rows.

    `errors` are mean squared errors on rows left out, `standard_errors` those of the mean over folds.
    """

    strengths: np.ndarray
    loss_scale: LossScale
    errors: np.ndarray
    standard_errors: np.ndarray
    weights: np.ndarray

    @property
    def best(self) -> float:
        """The strength with the least error (of equals the largest)."""
        return float(self.strengths[np.flatnonzero(self.errors == self.errors.min())[-1]])

    @property
    def simplest(self) -> float:
        """The largest strength whose error is within one standard error of the least."""
        least = int(np.argmin(self.errors))
        return float(self.strengths[self.errors <= self.errors[least] + self.standard_errors[least]].max())

    @property
    def at_edge(self) -> bool:
        """Whether the best strength is the first or last tried, so that a better one may lie outside."""
        return self.best in (self.strengths[0], self.strengths[-1])


def cross_validated_ridge(
    features: np.ndarray,
    y: np.ndarray,
    strengths: np.ndarray,
    loss_scale: LossScale,
    folds: int = 5,
    seed: int = 0,
) -> RidgePath:
    """Ridge of each strength, on `folds` random parts of the rows in turn left out.

    The strengths mean the same loss scale in every fold and on all rows: beside "mse" the penalty grows with
    the rows, beside "rss" it does not. Raises ArgumentError for strengths that do not increase and for folds
    that are fewer than 2 or more than the rows.
    """
    features, y = np.asarray(features, np.float64), np.asarray(y, np.float64)
    strengths = np.asarray(strengths, np.float64)
    if features.ndim != 2 or y.shape != (len(features),):
        raise DataError(f"Features {features.shape} and targets {y.shape} must be [N, D] and [N].")
    if not (np.isfinite(features).all() and np.isfinite(y).all()):
        raise DataError("Features and targets must be finite: a NaN or infinity has no squared error.")
    if strengths.ndim != 1 or not len(strengths) or (np.diff(strengths) <= 0.0).any():
        raise ArgumentError(f"The strengths must be a list that increases, not {strengths.tolist()}.")
    if not 2 <= folds <= len(features):
        raise ArgumentError(f"{folds} folds of {len(features)} rows: take from 2 to as many as rows.")
    order = np.random.default_rng(seed).permutation(len(features))
    parts = np.array_split(order, folds)
    squared = np.empty((len(strengths), len(features)))
    for part in parts:
        rest = np.setdiff1d(order, part)
        for k, strength in enumerate(strengths):
            weights = ridge(features[rest], y[rest], float(strength), loss_scale)
            squared[k, part] = (features[part] @ weights - y[part]) ** 2
    by_fold = np.array([squared[:, part].mean(axis=1) for part in parts])
    errors = squared.mean(axis=1)
    best = float(strengths[np.flatnonzero(errors == errors.min())[-1]])
    return RidgePath(
        strengths,
        loss_scale,
        errors,
        by_fold.std(axis=0, ddof=1) / np.sqrt(folds),
        ridge(features, y, best, loss_scale),
    )
