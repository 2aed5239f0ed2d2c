"""Fitting a polynomial to ten points, the textbook picture of overfitting, without losing its digits.

Source: Bishop (2006), "Pattern Recognition and Machine Learning", section 1.1: eq. 1.1 (the polynomial), 1.2
(squared error), 1.4 (with ½λ‖w‖²), the public ten points of its figures and its table 1.2. The penalised
objective ½RSS + ½λ‖w‖² has the minimiser of RSS + λ‖w‖², so λ is on the "rss" scale here.

The matrix of powers has condition number 1.5e7 for degree 9, its normal equations 2.3e14: in float64 they
keep one printed coefficient of ten, singular values keep them all to 1e-4 in 10⁶.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar, root_scalar

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import ridge

__all__ = [
    "CoefficientTable",
    "PolynomialFit",
    "coefficient_table",
    "expected_rms",
    "fit_polynomial",
    "matching_strengths",
    "powers",
    "printed_coefficients",
    "refit_rms",
    "rounding_reach",
    "ten_points",
]

TARGETS = (
    0.349486,
    0.830839,
    1.007332,
    0.971507,
    0.133066,
    0.166823,
    -0.848307,
    -0.445686,
    -0.563567,
    0.261502,
)
# Bishop 2006, table 1.2, by its column's label ln λ.
PRINTED = {
    -math.inf: (
        0.35,
        232.37,
        -5321.83,
        48568.31,
        -231639.30,
        640042.26,
        -1061800.52,
        1042400.18,
        -557682.99,
        125201.43,
    ),
    -18.0: (0.35, 4.74, -0.77, -31.97, -3.89, 55.28, 41.32, -45.95, -91.53, 72.68),
    0.0: (0.13, -0.05, -0.06, -0.05, -0.03, -0.02, -0.01, 0.00, 0.00, 0.01),
}
PRINTED_ROUNDING = 0.005
QUADRATURE = 64  # Gauss–Legendre nodes: exact to rounding for products of the sine and low degrees
LOG_RANGE = (-40.0, 10.0)  # of λ, where a printed column is looked for
COARSE = 2001  # values of ln λ tried before the search is refined


@dataclass(frozen=True)
class PolynomialFit:
    """Coefficients [M + 1] of a polynomial, lowest power first, its λ, and the RMS error of its points."""

    weights: np.ndarray
    strength: float
    train_rms: float

    @property
    def degree(self) -> int:
        """M."""
        return len(self.weights) - 1

    def at(self, x: np.ndarray) -> np.ndarray:
        """Values at `x`, any shape, by Horner's rule."""
        return np.polynomial.polynomial.polyval(np.asarray(x, np.float64), self.weights)


@dataclass(frozen=True)
class CoefficientTable:
    """One fit for each λ of a list: `weights` [K, M + 1], `train_rms` and `test_rms` [K] (noise included)."""

    strengths: tuple[float, ...]
    weights: np.ndarray
    train_rms: np.ndarray
    test_rms: np.ndarray

    @property
    def norms(self) -> np.ndarray:
        """‖w‖ [K]."""
        return np.linalg.norm(self.weights, axis=1)

    def agrees(self, printed: np.ndarray, tolerance: float = PRINTED_ROUNDING) -> np.ndarray:
        """Which entries [K, M + 1] lie within `tolerance` of `printed` [M + 1] or [K, M + 1]."""
        return np.abs(self.weights - np.asarray(printed, np.float64)) <= tolerance


def ten_points() -> tuple[np.ndarray, np.ndarray]:
    """x_n = (n − 1)/9 to full precision and the ten targets as published, six decimals: float64 [10] each."""
    return np.arange(10) / 9.0, np.array(TARGETS)


def printed_coefficients(log_strength: float) -> np.ndarray:
    """The ten coefficients printed in table 1.2 under the label ln λ = −∞, −18 or 0."""
    if log_strength not in PRINTED:
        raise ArgumentError(f"The table has columns for ln λ = −∞, −18 and 0, none for {log_strength}.")
    return np.array(PRINTED[log_strength])


def powers(x: np.ndarray, degree: int) -> np.ndarray:
    """1, x, …, x^M of points [N]: float64 [N, M + 1]."""
    if degree < 0:
        raise ArgumentError(f"A polynomial of degree {degree} does not exist: it must be at least 0.")
    x = np.asarray(x, np.float64)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise DataError(f"Points of shape {x.shape} must be a list, not empty, of finite numbers.")
    return x[:, None] ** np.arange(degree + 1)


def fit_polynomial(x: np.ndarray, t: np.ndarray, degree: int, strength: float = 0.0) -> PolynomialFit:
    """argmin RSS + λ‖w‖² over polynomials of that degree (Bishop 2006, eq. 1.4), by singular values.

    λ = 0 gives least squares, of least norm where there are fewer points than coefficients.

    >>> fit_polynomial(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 5.0]), 2).weights.round(9).tolist()
    [1.0, 0.0, 1.0]
    """
    matrix = powers(x, degree)
    t = np.asarray(t, np.float64)
    if t.shape != (len(matrix),) or not np.isfinite(t).all():
        raise DataError(f"{len(matrix)} points need as many finite targets, not an array of shape {t.shape}.")
    weights = ridge(matrix, t, strength, "rss")
    return PolynomialFit(weights, strength, float(np.sqrt(np.mean((matrix @ weights - t) ** 2))))


def expected_rms(fit: PolynomialFit, noise: float) -> float:
    """√(∫₀¹ (f(x) − sin 2πx)² dx + σ²): the RMS error on new points, x uniform on [0, 1], by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE)
    x = 0.5 * (nodes + 1.0)
    return math.sqrt(0.5 * float(weights @ (fit.at(x) - np.sin(2 * np.pi * x)) ** 2) + noise**2)


def coefficient_table(strengths: tuple[float, ...], degree: int = 9, noise: float = 0.3) -> CoefficientTable:
    """The fits to the ten points for each λ (not its logarithm), as Bishop's table 1.2 lists them.

    `noise` is that of the test targets: Bishop's points have 0.3.
    """
    if not strengths:
        raise ArgumentError("A table of no strengths has no columns: give at least one λ.")
    x, t = ten_points()
    fits = [fit_polynomial(x, t, degree, strength) for strength in strengths]
    return CoefficientTable(
        tuple(strengths),
        np.array([fit.weights for fit in fits]),
        np.array([fit.train_rms for fit in fits]),
        np.array([expected_rms(fit, noise) for fit in fits]),
    )


def rounding_reach(x: np.ndarray, degree: int, half_width: float) -> np.ndarray:
    """By how much rounding of the targets by at most `half_width` can move each least-squares coefficient.

    half_width · Σ_n |Φ⁺_jn|: float64 [M + 1].
    """
    return half_width * np.abs(np.linalg.pinv(powers(x, degree))).sum(axis=1)


def matching_strengths(
    printed: np.ndarray, tolerance: float = PRINTED_ROUNDING
) -> tuple[float, float] | None:
    """The interval of λ at which every coefficient lies within `tolerance` of `printed` [M + 1], or None.

    The largest deviation over the coefficients is minimised in ln λ, on a grid and then between its
    neighbours, and its two crossings of the tolerance are found by bisection. So the labels of table 1.2 can
    be judged: its "ln λ = −18" is the solution at λ in (1.03741e-7, 1.03752e-7), its "ln λ = 0" at λ in
    (9.221, 10.182).
    """
    x, t = ten_points()
    u, s, vt = np.linalg.svd(powers(x, len(printed) - 1), full_matrices=False)
    along = u.T @ t

    def excess(log_strength: float) -> float:
        found = vt.T @ (s / (s * s + math.exp(log_strength)) * along)
        return float(np.abs(found - printed).max()) - tolerance

    grid = np.linspace(*LOG_RANGE, COARSE)
    values = [excess(each) for each in grid]
    best = min(max(int(np.argmin(values)), 1), COARSE - 2)
    found = minimize_scalar(
        excess, bounds=(grid[best - 1], grid[best + 1]), method="bounded", options={"xatol": 1e-12}
    )
    lowest = float(found.x)
    if excess(lowest) > 0.0:
        return None
    step = 1e-9
    ends = []
    for side in (-1.0, 1.0):
        reach = step
        while excess(lowest + side * reach) <= 0.0:
            if reach > LOG_RANGE[1] - LOG_RANGE[0]:
                raise ArgumentError("Every λ matches: the tolerance is too large to say anything.")
            reach *= 2.0
        found = root_scalar(excess, bracket=(lowest, lowest + side * reach), xtol=1e-13)
        ends.append(math.exp(found.root))
    return ends[0], ends[1]


def refit_rms(n_rows: int, degree: int, noise: float, draws: int, seed: int) -> np.ndarray:
    """RMS distance to sin 2πx on [0, 1] of least-squares fits to `draws` sets of noisy targets: [draws].

    The inputs are `n_rows` equispaced points from 0 to 1, as in Bishop's figure 1.6.
    """
    x = np.linspace(0.0, 1.0, n_rows)
    rng = np.random.default_rng(seed)
    targets = np.sin(2 * np.pi * x)[:, None] + noise * rng.normal(size=(n_rows, draws))
    weights = ridge(powers(x, degree), targets, 0.0, "rss")
    nodes, mass = np.polynomial.legendre.leggauss(QUADRATURE)
    at = 0.5 * (nodes + 1.0)
    apart = powers(at, degree) @ weights - np.sin(2 * np.pi * at)[:, None]
    return np.sqrt(0.5 * mass @ apart**2)
