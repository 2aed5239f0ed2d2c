"""Values of an objective as targets of a Gaussian process: order kept, tails drawn in.

Losses of networks have long tails: one that hardly learnt would flatten all differences between good ones.
Values far above the middle are cut off, then the power transformation of Yeo and Johnson (2000), its exponent
by maximum likelihood, makes what is left look normal (Cowen-Rivers et al. 2022 measured how much this helps).
"""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Warp"]

_CUT = 10.0  # distances from best to median, above the median, beyond which all values are alike
_EXPONENTS = (-2.0, 4.0)
_IMPOSSIBLE = 1e12


@dataclass(frozen=True)
class Warp:
    """A monotone map of losses onto targets of mean 0 and variance 1 over those that it was fitted to."""

    cut: float
    shift: float
    scale: float
    exponent: float
    centre: float
    spread: float

    @classmethod
    def fitted(cls, losses: np.ndarray) -> "Warp":
        """The map for finite losses float64 [N], N ≥ 1."""
        from scipy.optimize import minimize_scalar

        best, middle = float(losses.min()), float(np.median(losses))
        cut = middle + _CUT * (middle - best) if middle > best else math.inf
        kept = np.minimum(losses, cut)
        shift, scale = float(kept.mean()), _positive(float(kept.std()))
        z = (kept - shift) / scale
        exponent = 1.0
        if np.ptp(kept) > 0:
            found = minimize_scalar(_minus_likelihood, bounds=_EXPONENTS, args=(z,), method="bounded")
            exponent = float(found.x)
        t = _powered(z, exponent)
        return cls(cut, shift, scale, exponent, float(t.mean()), _positive(float(t.std())))

    def forward(self, losses: np.ndarray) -> np.ndarray:
        """Targets of losses, any shape."""
        z = (np.minimum(losses, self.cut) - self.shift) / self.scale
        return (_powered(z, self.exponent) - self.centre) / self.spread

    def backward(self, targets: np.ndarray) -> np.ndarray:
        """Losses of targets; the cut for those above it, and the end of the map's range for those beyond."""
        t = np.asarray(targets) * self.spread + self.centre
        return np.minimum(_unpowered(t, self.exponent) * self.scale + self.shift, self.cut)


def _positive(spread: float) -> float:
    return spread if spread > 0 else 1.0


def _powered(z: np.ndarray, exponent: float) -> np.ndarray:
    """Yeo and Johnson 2000, eq. 2.1."""
    up, down = np.log1p(np.maximum(z, 0.0)), np.log1p(np.maximum(-z, 0.0))
    return _grown(up, exponent) - _grown(down, 2.0 - exponent)


def _grown(logs: np.ndarray, exponent: float) -> np.ndarray:
    return logs if abs(exponent) < 1e-8 else np.expm1(exponent * logs) / exponent


def _unpowered(t: np.ndarray, exponent: float) -> np.ndarray:
    up, down = np.maximum(t, 0.0), np.maximum(-t, 0.0)
    return np.expm1(_shrunk(up, exponent)) - np.expm1(_shrunk(down, 2.0 - exponent))


def _shrunk(t: np.ndarray, exponent: float) -> np.ndarray:
    if abs(exponent) < 1e-8:
        return t
    return np.log1p(np.maximum(exponent * t, -1.0 + 1e-12)) / exponent


def _minus_likelihood(exponent: float, z: np.ndarray) -> float:
    """Yeo and Johnson 2000, eq. 3.1, for a normal with the mean and variance of the transformed."""
    variance = float(_powered(z, exponent).var())
    if not variance > 0:
        return _IMPOSSIBLE
    growth = float((np.sign(z) * np.log1p(np.abs(z))).sum())
    return 0.5 * len(z) * math.log(variance) - (exponent - 1.0) * growth
