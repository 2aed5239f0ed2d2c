"""Linear least squares with penalties, solved exactly: what every other solver is measured against.

All objectives are f·RSS + l1·‖w‖₁ + l2·‖w‖₂² with RSS = ‖y − Xw‖², where `loss_scale` says what f is (see
`theory.scales`); there is no ½ before l2, and no intercept: centre X and y for one.

Sources: Hoerl and Kennard (1970) for ridge; Tibshirani (1996) for the lasso; Zou and Hastie (2005), eq. 3 and
theorem 2, for the elastic net; Friedman, Hastie and Tibshirani (2010), eq. 5, for coordinate descent; Bishop
(1995), "Training with noise is equivalent to Tikhonov regularization".
"""

from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.scales import LossScale, strength_for

__all__ = [
    "LinearFit",
    "condition_number",
    "elastic_net",
    "lambda_max",
    "lasso",
    "noise_as_ridge",
    "orthogonal_solution",
    "ridge",
    "soft_threshold",
]


@dataclass(frozen=True)
class LinearFit:
    """Weights [D], the duality gap left (an upper bound on the excess objective, on the ½RSS scale) and the
    sweeps over all coordinates that were needed."""

    weights: np.ndarray
    gap: float
    sweeps: int


def soft_threshold(z: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """S(z, t) = sign(z)·max(|z| − t, 0), the proximal map of t|·| (Donoho and Johnstone 1994).

    >>> soft_threshold(np.array([3.0, -0.5, -2.0]), 1.0).tolist()
    [2.0, -0.0, -1.0]
    """
    return np.sign(z) * np.maximum(np.abs(z) - threshold, 0.0)


def ridge(x: np.ndarray, y: np.ndarray, strength: float, loss_scale: LossScale) -> np.ndarray:
    """argmin f·RSS + λ‖w‖²: float64 [D] for y [N], [D, C] for y [N, C].

    On the RSS scale (XᵀX + λI)⁻¹Xᵀy, computed by singular values, never by these normal equations: their
    condition number is the square of X's. λ = 0 gives the solution of least norm.
    """
    _positive(strength)
    u, s, vt = np.linalg.svd(np.asarray(x, np.float64), full_matrices=False)
    amount = strength_for(strength, loss_scale, "rss", len(x))
    kept = s > s[0] * max(x.shape) * np.finfo(np.float64).eps if amount == 0.0 else s > 0.0
    factor = np.divide(s, s * s + amount, out=np.zeros_like(s), where=kept)
    coordinates = u.T @ np.asarray(y, np.float64)
    return vt.T @ (factor[:, None] * coordinates if coordinates.ndim == 2 else factor * coordinates)


def lasso(x: np.ndarray, y: np.ndarray, strength: float, loss_scale: LossScale) -> LinearFit:
    """argmin f·RSS + λ‖w‖₁, with exact zeros, by coordinate descent."""
    return elastic_net(x, y, strength, 0.0, loss_scale)


def elastic_net(
    x: np.ndarray,
    y: np.ndarray,
    l1: float,
    l2: float,
    loss_scale: LossScale,
    *,
    tolerance: float = 1e-12,
    sweeps: int = 100_000,
) -> LinearFit:
    """argmin f·RSS + l1‖w‖₁ + l2‖w‖² for x [N, D] and y [N], with exact zeros.

    w_j ← S(x_jᵀr_{−j}, l1)/(‖x_j‖² + 2 l2) on the ½RSS scale, coordinate after coordinate, until the duality
    gap is below `tolerance` of ½‖y‖² and a sweep changes no weight by more than rounding. Raises
    ArgumentError for negative strengths and where `sweeps` are not enough.
    """
    _positive(l1, l2)
    x, y = np.asfortranarray(x, np.float64), np.asarray(y, np.float64)
    if l1 == 0.0:
        return LinearFit(ridge(x, y, l2, loss_scale), 0.0, 0)
    first, second = (strength_for(amount, loss_scale, "half_rss", len(x)) for amount in (l1, l2))
    squares = np.einsum("nd,nd->d", x, x)
    # A weight at its threshold is nothing but the rounding of x_jᵀr, and never settles any closer.
    rounding = 4 * np.finfo(np.float64).eps * np.sqrt((y @ y) / squares[squares > 0].min(initial=np.inf))
    weights, residual = np.zeros(x.shape[1]), y.copy()
    for sweep in range(1, sweeps + 1):
        change = 0.0
        for j in np.flatnonzero(squares):
            old = weights[j]
            pull = x[:, j] @ residual + squares[j] * old
            weights[j] = np.sign(pull) * max(abs(pull) - first, 0.0) / (squares[j] + 2.0 * second)
            if weights[j] != old:
                residual -= x[:, j] * (weights[j] - old)
                change = max(change, abs(weights[j] - old))
        if change <= max(1e-14 * np.abs(weights).max(initial=0.0), rounding):
            gap = _gap(x, y, weights, residual, first, second)
            if gap <= tolerance * 0.5 * (y @ y):
                return LinearFit(weights, gap, sweep)
    raise ArgumentError(
        f"{sweeps} sweeps left a duality gap of {_gap(x, y, weights, residual, first, second):.3g}: the "
        "inputs are nearly dependent; add l2, or allow more sweeps."
    )


def _gap(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, residual: np.ndarray, l1: float, l2: float
) -> float:
    """Primal less dual of ½RSS + l1‖w‖₁ + l2‖w‖²; the ridge part counts as D more rows √(2 l2) I."""
    extra = -np.sqrt(2.0 * l2) * weights  # the residuals of those rows
    steepest = np.abs(x.T @ residual - 2.0 * l2 * weights).max(initial=0.0)
    shrink = min(1.0, l1 / steepest) if steepest else 1.0
    primal = 0.5 * (residual @ residual + extra @ extra) + l1 * np.abs(weights).sum()
    apart = y - shrink * residual
    dual = 0.5 * (y @ y) - 0.5 * (apart @ apart + shrink**2 * (extra @ extra))
    return max(0.0, float(primal - dual))


def orthogonal_solution(
    least_squares: np.ndarray,
    squares: np.ndarray,
    l1: float,
    l2: float,
    loss_scale: LossScale,
    n_rows: int,
) -> np.ndarray:
    """The elastic net's solution where the columns of X are orthogonal: S(Q w, l1)/(Q + 2 l2) on ½RSS.

    `least_squares` w [D] is the unpenalised solution, `squares` Q_j = ‖x_j‖². With l2 = 0 the threshold on
    w_j is l1/Q_j beside ½RSS, l1/(2 Q_j) beside RSS, N l1/(2 Q_j) beside the mean squared error, and N l1/Q_j
    beside scikit-learn's RSS/(2N).
    """
    first, second = (strength_for(amount, loss_scale, "half_rss", n_rows) for amount in (l1, l2))
    return soft_threshold(squares * least_squares, first) / (squares + 2.0 * second)


def lambda_max(x: np.ndarray, y: np.ndarray, loss_scale: LossScale) -> float:
    """The least l1 at which every weight is 0: max_j |x_jᵀy| on the ½RSS scale."""
    return strength_for(float(np.abs(x.T @ y).max()), "half_rss", loss_scale, len(x))


def condition_number(x: np.ndarray, strength: float = 0.0, loss_scale: LossScale = "rss") -> float:
    """Of XᵀX + λI, λ on the RSS scale: (σ₁² + λ)/(σ_D² + λ); infinite for dependent columns and λ = 0."""
    _positive(strength)
    s = np.zeros(x.shape[1])
    found = np.linalg.svd(np.asarray(x, np.float64), compute_uv=False)
    s[: len(found)] = found
    amount = strength_for(strength, loss_scale, "rss", len(x))
    lowest = s[-1] ** 2 + amount
    return float((s[0] ** 2 + amount) / lowest) if lowest else float("inf")


def noise_as_ridge(deviation: float, loss_scale: LossScale, n_rows: int) -> float:
    """The ridge strength that noise of standard deviation s on the inputs amounts to: N s² beside the RSS.

    E‖y − (X + E)w‖² = ‖y − Xw‖² + N s²‖w‖² (Bishop 1995, exact for linear least squares).
    """
    return strength_for(n_rows * deviation**2, "rss", loss_scale, n_rows)


def _positive(*strengths: float) -> None:
    for strength in strengths:
        if not 0.0 <= strength < float("inf"):
            raise ArgumentError(
                f"A strength of {strength} penalises nothing: it must be finite and at least 0."
            )
