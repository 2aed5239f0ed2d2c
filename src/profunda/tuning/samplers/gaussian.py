"""A Gaussian process on points of the unit cube: its hyperparameters, its posterior.

Kernel: Matérn 5/2 with a length for every parameter (Rasmussen and Williams 2006, eq. 4.17 and 5.1) plus
noise. Hyperparameters: maximum of marginal likelihood (eq. 5.8, gradient 5.9) times a prior whose typical
length grows with √D (Hvarfner, Hellsten and Nardi 2024), so that a space of many parameters does not begin
as one in which nothing tells about anything else.
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Kernel", "Posterior", "fitted_kernel"]

_SQRT5 = math.sqrt(5.0)
_JITTER = 1e-8
_LENGTH_SPREAD = 1.2
_NOISE = (math.log(1e-3), 3.0)  # centre and spread of the prior of log noise variance
_SIGNAL = (0.0, 1.0)
_BOUNDS = {"length": (math.log(0.04), math.log(50.0)), "signal": (-3.0, 4.0), "noise": (math.log(1e-6), 0.0)}
_STEPS = 40


@dataclass(frozen=True, eq=False)
class Kernel:
    """`lengths` [D] of parameters, `owner` [F] each feature's parameter, variances of signal and noise."""

    lengths: np.ndarray
    owner: np.ndarray
    signal: float
    noise: float

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """Points [N, F] in units of lengths."""
        return x / self.lengths[self.owner]

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Covariances [N, N'] of scaled points, noise apart."""
        r = _distance(a, b)
        r *= _SQRT5
        poly = r * r
        poly *= 1.0 / 3.0
        poly += r
        poly += 1.0
        np.negative(r, out=r)
        np.exp(r, out=r)
        poly *= r
        poly *= self.signal
        return poly


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :]
    squares -= 2.0 * (a @ b.T)
    np.maximum(squares, 0.0, out=squares)
    return np.sqrt(squares, out=squares)


def fitted_kernel(x: np.ndarray, y: np.ndarray, owner: np.ndarray) -> Kernel:
    """The kernel that explains targets y [N] of mean 0 and variance 1 at x [N, F] best."""
    from scipy.optimize import minimize

    count = int(owner.max()) + 1
    centre = math.log(0.5) + 0.5 * math.log(count)
    prior = np.array([*[centre] * count, _SIGNAL[0], _NOISE[0]])
    spread = np.array([*[_LENGTH_SPREAD] * count, _SIGNAL[1], _NOISE[1]])
    bounds = [*[_BOUNDS["length"]] * count, _BOUNDS["signal"], _BOUNDS["noise"]]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _evidence(theta, x, y, owner)
        away = (theta - prior) / spread
        return value + 0.5 * float(away @ away), slope + away / spread

    start = np.clip(prior, [low for low, _ in bounds], [high for _, high in bounds])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    theta = found.x
    return Kernel(np.exp(theta[:-2]), owner, math.exp(theta[-2]), math.exp(theta[-1]))


def _evidence(theta: np.ndarray, x: np.ndarray, y: np.ndarray, owner: np.ndarray) -> tuple[float, np.ndarray]:
    """Minus log marginal likelihood (up to a constant) and its gradient in logs of lengths, signal, noise."""
    from scipy.linalg import get_lapack_funcs

    lengths, signal, noise = np.exp(theta[:-2]), math.exp(theta[-2]), math.exp(theta[-1])
    z = x / lengths[owner]
    r = _distance(z, z)
    r *= _SQRT5
    decay = np.exp(-r)
    slope = (1.0 + r) * decay
    kernel = signal * (slope + r * r / 3.0 * decay)
    covariance = kernel.copy()
    covariance.flat[:: len(x) + 1] += noise + _JITTER * signal
    potrf, potri = get_lapack_funcs(("potrf", "potri"), (covariance,))
    factor, info = potrf(covariance, lower=1)
    if info:
        return 1e10, np.zeros_like(theta)
    inverse, _ = potri(factor, lower=1)
    inverse += inverse.T  # the other half is zero
    inverse.flat[:: len(x) + 1] *= 0.5
    weights = inverse @ y
    value = 0.5 * float(y @ weights) + float(np.log(np.diag(factor)).sum())
    inner = inverse - np.outer(weights, weights)
    pull = inner * slope
    pull *= signal * 5.0 / 3.0
    by_feature = pull.sum(axis=1) @ (z * z) - (z * (pull @ z)).sum(axis=0)
    lengths_slope = np.bincount(owner, by_feature, minlength=len(lengths))
    signal_slope = 0.5 * float((inner * kernel).sum())
    noise_slope = 0.5 * noise * float(np.trace(inner))
    return value, np.concatenate([lengths_slope, [signal_slope, noise_slope]])


class Posterior:
    """What data tell of other points: x [N, F] with targets y [N, Q], Q columns."""

    def __init__(self, kernel: Kernel, x: np.ndarray, y: np.ndarray) -> None:
        from scipy.linalg import cholesky, solve_triangular

        self.kernel, self._z = kernel, kernel.scaled(x)
        covariance = kernel(self._z, self._z)
        covariance.flat[:: len(x) + 1] += kernel.noise + 1e-6 * kernel.signal
        self._factor = cholesky(covariance, lower=True, check_finite=False)
        half = solve_triangular(self._factor, y, lower=True, check_finite=False)
        self._weights = solve_triangular(self._factor, half, lower=True, trans=1, check_finite=False)

    def means(self, x: np.ndarray) -> np.ndarray:
        """[N', Q]."""
        return self.kernel(self.kernel.scaled(x), self._z) @ self._weights

    def whitened(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means [N', Q], and v [N, N'] with which Cov(i, j) = k(i, j) − vᵢ·vⱼ."""
        from scipy.linalg import solve_triangular

        cross = self.kernel(self._z, self.kernel.scaled(x))
        v = np.asarray(solve_triangular(self._factor, cross, lower=True, check_finite=False))
        return cross.T @ self._weights, v

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means [N', Q] and standard deviations [N'] of the function, noise apart."""
        means, v = self.whitened(x)
        return means, np.sqrt(np.maximum(self.kernel.signal - np.einsum("ij,ij->j", v, v), 1e-12))

    def average(self, x: np.ndarray) -> tuple[float, float]:
        """Mean and standard deviation of the mean of the function over points x [N', F]; one column of y."""
        means, v = self.whitened(x)
        z = self.kernel.scaled(x)
        variance = float(self.kernel(z, z).mean()) - float(np.square(v.mean(axis=1)).sum())
        return float(means[:, 0].mean()), math.sqrt(max(variance, 1e-12))

    def left_out(self, y: np.ndarray) -> np.ndarray:
        """Errors [N] of predictions of y [N], each by all others (Rasmussen and Williams 2006, eq. 5.12)."""
        from scipy.linalg import cho_solve

        inverse = cho_solve((self._factor, True), np.eye(len(y)), check_finite=False)
        return inverse @ y / np.diag(inverse)
