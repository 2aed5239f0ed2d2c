"""What a trial promises: expected improvement, in logarithms, so that small promises can be compared too."""

import math

import numpy as np

__all__ = ["log_expected_improvement", "log_feasible"]

_LOG_ROOT = 0.5 * math.log(2 * math.pi)


def log_expected_improvement(mean: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    """log E max(0, best − f), f ~ N(mean, sd²), for arrays of one shape.

    Log h of Ament et al. (2023), eq. 9: h(z) = φ(z) + zΦ(z); below z = −1 by the scaled complementary error
    function, since the two terms cancel.
    """
    from scipy.special import erfcx, ndtr

    z = (best - mean) / sd
    plain = np.log(np.exp(-0.5 * np.square(np.maximum(z, -1.0)) - _LOG_ROOT) + np.maximum(z, -1.0) * ndtr(z))
    w = np.maximum(-z, 1.0)
    # For large w the difference is below rounding: 1 − √(π/2)·w·erfcx(w/√2) → 1/w².
    near = np.maximum(1.0 - math.sqrt(math.pi / 2) * w * erfcx(w / math.sqrt(2)), 1e-16)
    tail = -0.5 * w * w - _LOG_ROOT + np.where(w > 1e5, -2.0 * np.log(w), np.log(near))
    return np.where(z > -1.0, plain, tail) + np.log(sd)


def log_feasible(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """log P(c ≤ 0), c ~ N(mean, sd²): the weight of a constraint (Gardner et al. 2014, eq. 5)."""
    from scipy.special import log_ndtr

    return log_ndtr(-mean / sd)
