"""Bias and variance: from the predictions of many fits, with the error of having only so many; and exactly.

For targets y = h(x) + noise and fits f_D to independent training sets D, E(y − f_D)² at a point that no
training set holds is (h − E f)² + E(f − E f)² + σ² (Geman, Bienenstock and Doursat 1992; Bishop 2006, eqs.
3.42–3.47). With L sets the plain estimates are off by known amounts, E bias²_L = bias² + var/L and E var_L =
(1 − 1/L) var, which are put right here; they follow from the variance of a mean of L.

`basis_problem` is the set-up of Bishop's figures 3.5 and 3.6, where the exact answer is known as well.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import ridge
from profunda.theory.smoothers import SmootherRisk, ridge_smoother, smoother_risk

__all__ = ["BasisProblem", "Decomposition", "basis_problem", "decompose", "gaussian_basis"]

LOG_RANGE = (-12.0, 8.0)  # of λ, where the best is looked for


@dataclass(frozen=True)
class Decomposition:
    """Bias² and variance, each the mean over N points, from L fits.

    `plain_bias2` + `plain_variance` is exactly the mean squared distance `distance2` of the fits to truth;
    `bias2` and `variance` are free of the bias of a finite L (`bias2` may come out below 0 where there is
    none); the standard errors are the jackknife's over the L sets, which say nothing about the choice of
    points.
    """

    bias2: float
    bias2_error: float
    variance: float
    variance_error: float
    plain_bias2: float
    plain_variance: float
    noise: float
    sets: int

    @property
    def distance2(self) -> float:
        """Mean squared distance of the fits to the truth."""
        return self.plain_bias2 + self.plain_variance

    @property
    def total(self) -> float:
        """Expected squared error on a new target: bias² + variance + noise (a variance)."""
        return self.bias2 + self.variance + self.noise


def decompose(predictions: np.ndarray, truth: np.ndarray, noise: float = 0.0) -> Decomposition:
    """Decompose predictions [L, N, …] of fits to L independent training sets, against h = `truth` [N, …].

    `noise` is the standard deviation of the targets about h. Where only noisy targets of the N points are
    known, give these as `truth` and leave `noise` at 0: `bias2` then holds bias² + noise. Further axes count
    as points. Raises DataError for fewer than 3 sets, other shapes, and predictions that are not finite,
    naming the set.

    >>> found = decompose(np.array([[1.0, 2.0], [3.0, 2.0], [2.0, 2.0]]), np.array([2.0, 1.0]))
    >>> round(found.plain_bias2, 3), round(found.plain_variance, 3), round(found.bias2, 3)
    (0.5, 0.333, 0.333)
    """
    predictions, truth = np.asarray(predictions, np.float64), np.asarray(truth, np.float64)
    if predictions.ndim < 2 or len(predictions) < 3 or predictions.shape[1:] != truth.shape or not truth.size:
        raise DataError(
            f"Predictions of shape {predictions.shape} and a truth of shape {truth.shape} do not decompose: "
            "they must be [L, N] and [N], with at least 3 training sets L."
        )
    if not 0.0 <= noise < math.inf:
        raise ArgumentError(f"A noise of {noise} is no standard deviation: it must be finite and at least 0.")
    count = len(predictions)
    apart = (predictions - truth).reshape(count, -1)
    bad = np.flatnonzero(~np.isfinite(apart).all(axis=1))
    if len(bad):
        raise DataError(
            f"The predictions of training set {bad[0]} are not all finite ({len(bad)} of {count} sets): "
            "leave out fits that diverged, and say so, or the decomposition is about others."
        )
    mean = apart.mean(axis=0)
    around = apart - mean
    squares = (around**2).sum(axis=0)
    plain_bias2, variance = float(np.mean(mean**2)), float(np.mean(squares)) / (count - 1)
    # Without one set: its mean and sum of squares follow from those of all.
    left_variance = (np.mean(squares) - np.mean(around**2, axis=1) * count / (count - 1)) / (count - 2)
    left_mean = np.array([np.mean((mean - each / (count - 1)) ** 2) for each in around])
    left_bias2 = left_mean - left_variance / (count - 1)
    bias2_error, variance_error = (
        math.sqrt((count - 1) * float(np.var(left))) for left in (left_bias2, left_variance)
    )
    return Decomposition(
        plain_bias2 - variance / count,
        bias2_error,
        variance,
        variance_error,
        plain_bias2,
        variance * (count - 1) / count,
        noise**2,
        count,
    )


def gaussian_basis(x: np.ndarray, centres: np.ndarray, width: float) -> np.ndarray:
    """1 and exp(−(x − μ_j)²/2s²) for each centre (Bishop 2006, eq. 3.4): float64 [N, C + 1]."""
    if not 0.0 < width < math.inf:
        raise ArgumentError(f"A width of {width} makes no bump: it must be finite and above 0.")
    apart = np.asarray(x, np.float64)[:, None] - np.asarray(centres, np.float64)
    return np.concatenate([np.ones((len(apart), 1)), np.exp(-0.5 * (apart / width) ** 2)], axis=1)


@dataclass(frozen=True)
class BasisProblem:
    """Fitting h by ½RSS + ½λ‖w‖² on fixed inputs with features [N, D], told at the points of `at` [K, D]."""

    features: np.ndarray
    truth: np.ndarray
    at: np.ndarray
    truth_at: np.ndarray
    noise: float

    def exact(self, strength: float) -> SmootherRisk:
        """Bias² and variance at λ without simulation."""
        smoother = ridge_smoother(self.features, strength, "rss", self.at)
        return smoother_risk(smoother, self.truth, self.truth_at, self.noise)

    def best_strength(self) -> float:
        """The λ between e^−12 and e^8 with the least exact bias² + variance."""
        found = minimize_scalar(
            lambda log_strength: self.exact(math.exp(log_strength)).total, bounds=LOG_RANGE, method="bounded"
        )
        return math.exp(float(found.x))

    def predictions(self, strength: float, sets: int, seed: int) -> np.ndarray:
        """Fits to `sets` draws of noisy targets, told at the points: [sets, K]."""
        rng = np.random.default_rng(seed)
        targets = self.truth[:, None] + self.noise * rng.normal(size=(len(self.truth), sets))
        return (self.at @ ridge(self.features, targets, strength, "rss")).T

    def simulate(self, strength: float, sets: int, seed: int) -> Decomposition:
        """The decomposition at λ from `sets` draws of noisy targets."""
        return decompose(self.predictions(strength, sets, seed), self.truth_at, self.noise)


def basis_problem(
    n_rows: int = 25, centres: int = 24, width: float = 0.1, noise: float = 0.3, points: int = 1000
) -> BasisProblem:
    """sin 2πx on equispaced points of [0, 1], 24 Gaussians and a constant: Bishop 2006, section 3.2.

    Bishop does not print the width of the Gaussians; with s = 0.1 the best λ is e^0.45.
    """
    x, at, middles = (np.linspace(0.0, 1.0, n) for n in (n_rows, points, centres))
    return BasisProblem(
        gaussian_basis(x, middles, width),
        np.sin(2 * np.pi * x),
        gaussian_basis(at, middles, width),
        np.sin(2 * np.pi * at),
        noise,
    )
