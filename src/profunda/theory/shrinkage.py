"""Early stopping of gradient descent, and the ridge penalty it resembles.

On ½RSS from w = 0 both shrink the least-squares solution along the singular directions of X, whose squared
singular values are e_i: t steps of rate η by 1 − (1 − ηe_i)^t, ridge by e_i/(e_i + α). Source: Goodfellow,
Bengio and Courville (2016), eqs. 7.39–7.45.
"""

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["descent_path", "equivalent_ridge"]


def descent_path(x: np.ndarray, y: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """The weights [D] after `steps` full-batch steps of `rate` on ½RSS from 0, without taking any.

    w_t = V (1 − (1 − ηs²)^t) s⁻¹ Uᵀy. Raises ArgumentError for a rate at which the descent diverges.
    """
    u, s, vt = np.linalg.svd(np.asarray(x, np.float64), full_matrices=False)
    if not 0.0 < rate * s[0] ** 2 < 2.0:
        raise ArgumentError(
            f"At a rate of {rate} gradient descent diverges: it must be above 0 and below 2/σ₁² = "
            f"{2.0 / s[0] ** 2:.4g}."
        )
    reached = (
        -np.expm1(steps * np.log1p(-rate * s * s))
        if rate * s[0] ** 2 < 1.0
        else 1 - (1 - rate * s * s) ** steps
    )
    kept = s > s[0] * max(x.shape) * np.finfo(np.float64).eps
    return vt.T @ (np.divide(reached, s, out=np.zeros_like(s), where=kept) * (u.T @ y))


def equivalent_ridge(squares: np.ndarray, rate: float, steps: int) -> np.ndarray:
    """α_i of the ridge penalty ½α_i w_i² beside ½RSS that shrinks direction i as `steps` steps of `rate` do.

    α_i = e_i (1 − ηe_i)^t/(1 − (1 − ηe_i)^t), exact, for e_i = `squares` below 1/η. The rule α = 1/(ηt) is
    its limit for small ηe_i t only: the two shrinkages 1 − e^{−x} and x/(1 + x), x = ηe_i t, differ by at
    most 0.2036 and by a factor of at most 1.2984.

    >>> equivalent_ridge(np.array([1e-9]), 0.5, 100).round(6).tolist()
    [0.02]
    """
    if not (np.asarray(squares) * rate < 1.0).all():
        raise ArgumentError(
            f"Only below 1/η = {1 / rate:.4g} do steps shrink like a ridge penalty, but the largest squared "
            f"singular value is {np.max(squares):.4g}; take a smaller rate."
        )
    left = steps * np.log1p(-rate * np.asarray(squares, np.float64))
    return squares * np.exp(left) / -np.expm1(left)
