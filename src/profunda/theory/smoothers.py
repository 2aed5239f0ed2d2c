"""Linear smoothers ŷ = S y: their degrees of freedom, their optimism, and their exact bias and variance.

Least squares on any basis, ridge and kernel regression are of this kind. For y = h + ε with independent noise
of variance σ², everything of second order is known without a single simulation. Sources: Hastie, Tibshirani
and Friedman (2009), "The Elements of Statistical Learning", eq. 7.9 (decomposition), section 7.4 (optimism)
and eq. 7.32 (degrees of freedom tr S); Efron (1986) for the optimism.
"""

import math
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError, DataError
from profunda.theory.scales import LossScale, strength_for

__all__ = [
    "SmootherRisk",
    "degrees_of_freedom",
    "leave_one_out_error",
    "optimism",
    "ridge_smoother",
    "smoother_risk",
    "training_risk",
]


@dataclass(frozen=True)
class SmootherRisk:
    """Mean squared error on new noise, by its parts: `total` = bias² + variance + noise (a variance)."""

    bias2: float
    variance: float
    noise: float

    @property
    def total(self) -> float:
        """Of all three."""
        return self.bias2 + self.variance + self.noise


def ridge_smoother(
    features: np.ndarray, strength: float, loss_scale: LossScale, at: np.ndarray | None = None
) -> np.ndarray:
    """S [K, N] of ridge regression on `features` [N, D], told at the rows `at` [K, D] (None: the same rows).

    Φ_at (ΦᵀΦ + λI)⁻¹Φᵀ on the RSS scale, by singular values; λ = 0 gives least squares of least norm. Raises
    ArgumentError for a negative strength, DataError for other shapes and values that are not finite.
    """
    features = _table("features", features)
    at = features if at is None else _table("at", at)
    if at.shape[1] != features.shape[1]:
        raise DataError(f"`at` has {at.shape[1]} columns, but the features {features.shape[1]}.")
    if not 0.0 <= strength < math.inf:
        raise ArgumentError(f"A strength of {strength} penalises nothing: it must be finite and at least 0.")
    u, s, vt = np.linalg.svd(features, full_matrices=False)
    amount = strength_for(strength, loss_scale, "rss", len(features))
    kept = s > s[0] * max(features.shape) * np.finfo(np.float64).eps if amount == 0.0 else s > 0.0
    factor = np.divide(s, s * s + amount, out=np.zeros_like(s), where=kept)
    return (at @ vt.T * factor) @ u.T


def degrees_of_freedom(smoother: np.ndarray) -> float:
    """tr S of a smoother [N, N] at its own training rows: the parameters it is worth.

    D for least squares on D independent columns, Σ s²/(s² + λ) for ridge (Hastie et al. 2009, eq. 3.50).

    >>> round(degrees_of_freedom(ridge_smoother(np.vander(np.linspace(0, 1, 9), 4), 0.0, "rss")), 9)
    4.0
    """
    return float(np.trace(_square(smoother)))


def optimism(smoother: np.ndarray, noise: float) -> float:
    """2σ²tr(S)/N: by how much the error on the training targets falls short of that on new ones, there.

    In expectation over the noise of standard deviation `noise`, at the same inputs (Efron 1986; Hastie et al.
    2009, section 7.4).
    """
    return 2.0 * _variance(noise) * degrees_of_freedom(smoother) / len(smoother)


def smoother_risk(
    smoother: np.ndarray, truth: np.ndarray, truth_at: np.ndarray, noise: float
) -> SmootherRisk:
    """The exact bias² mean (S h − h_at)² and variance σ² mean ‖S_k‖² at the K points that S [K, N] tells.

    `truth` h [N] at the training inputs, `truth_at` [K], `noise` the standard deviation σ of the targets, in
    training and where they are told. Hastie et al. 2009, eq. 7.9.
    """
    smoother = _table("smoother", smoother)
    truth, truth_at = np.asarray(truth, np.float64), np.asarray(truth_at, np.float64)
    if truth.shape != smoother.shape[1:] or truth_at.shape != smoother.shape[:1]:
        raise DataError(
            f"A smoother of shape {smoother.shape} goes with truths [{smoother.shape[1]}] and "
            f"[{smoother.shape[0]}], not {truth.shape} and {truth_at.shape}."
        )
    bias = smoother @ truth - truth_at
    rows = float(np.einsum("kn,kn->", smoother, smoother)) / len(smoother)
    return SmootherRisk(float(bias @ bias) / len(bias), _variance(noise) * rows, _variance(noise))


def training_risk(smoother: np.ndarray, truth: np.ndarray, noise: float) -> float:
    """E of the mean squared error on the training targets themselves: `smoother_risk` less `optimism`.

    That the cross term with the noise does not vanish here is what the usual decomposition leaves out.
    """
    return smoother_risk(_square(smoother), truth, truth, noise).total - optimism(smoother, noise)


def leave_one_out_error(smoother: np.ndarray, y: np.ndarray) -> float:
    """Mean of ((y_n − ŷ_n)/(1 − S_nn))²: cross-validation with one row a fold, from a single fit.

    Exact for least squares and for ridge at a fixed λ on the RSS scale (Hastie et al. 2009, section 7.10).
    Raises DataError where a row is fitted by itself alone (S_nn = 1).
    """
    smoother, y = _square(smoother), np.asarray(y, np.float64)
    if y.shape != smoother.shape[:1]:
        raise DataError(f"A smoother of {len(smoother)} rows needs as many targets, not shape {y.shape}.")
    own = 1.0 - np.diagonal(smoother)
    if (own < 1e-12).any():
        raise DataError(
            f"Row {int(np.argmin(own))} is fitted by itself alone, so that without it nothing tells of it: "
            "use fewer features or a penalty."
        )
    return float(np.mean(((y - smoother @ y) / own) ** 2))


def _variance(noise: float) -> float:
    if not 0.0 <= noise < math.inf:
        raise ArgumentError(f"A noise of {noise} is no standard deviation: it must be finite and at least 0.")
    return noise**2


def _square(smoother: np.ndarray) -> np.ndarray:
    smoother = _table("smoother", smoother)
    if smoother.shape[0] != smoother.shape[1]:
        raise DataError(
            f"A smoother of shape {smoother.shape} tells other rows than it learnt from: tr S and what "
            "follows need it at the training rows, [N, N]."
        )
    return smoother


def _table(name: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise DataError(f"`{name}` of shape {values.shape} must be a table, not empty, with finite numbers.")
    return values
