"""Activation functions as values: φ, its slope, and where the slope jumps."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["NONLINEARITIES", "Nonlinearity", "nonlinearity", "normal_cdf"]

_STEP = 1e-3


@dataclass(frozen=True)
class Nonlinearity:
    """A point-wise φ on float64 arrays.

    Parameters
    ----------
    name
        How it is called in texts.
    value, slope
        φ and φ', of any shape. Without `slope` a central difference of sixth order takes its place.
    kinks
        Where φ or φ' jumps.
    sides
        (a₋, a₊) where φ(x) = a₊x for x > 0 and a₋x for x < 0, which has closed forms; else None.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray] | None = None
    kinks: tuple[float, ...] = ()
    sides: tuple[float, float] | None = None

    def slope_at(self, x: np.ndarray) -> np.ndarray:
        """φ'(x)."""
        if self.slope is not None:
            return self.slope(x)
        h = np.full_like(x, _STEP)  # a difference must not reach over a kink
        for kink in self.kinks:
            h = np.minimum(h, np.maximum(np.abs(x - kink) / 4.0, 1e-9))
        first, second, third = (self.value(x + k * h) - self.value(x - k * h) for k in (1, 2, 3))
        return (45.0 * first - 9.0 * second + third) / (60.0 * h)


def nonlinearity(activation: "str | Nonlinearity | Callable[[np.ndarray], np.ndarray]") -> Nonlinearity:
    """A name of `NONLINEARITIES`, or a function on float64 arrays, as a `Nonlinearity`.

    A function whose slope jumps is better wrapped by hand, with its `kinks`. Raises ArgumentError for an
    unknown name.
    """
    if isinstance(activation, Nonlinearity):
        return activation
    if isinstance(activation, str):
        if activation not in NONLINEARITIES:
            raise ArgumentError(
                f"No activation is called {activation!r}; known are {', '.join(sorted(NONLINEARITIES))}, or "
                "hand over a function on arrays."
            )
        return NONLINEARITIES[activation]
    return Nonlinearity(getattr(activation, "__name__", "function"), activation)


# Φ without SciPy ------------------------------------------------------------------------------------

_GRID, _FAR, _ORDER = 32, 40.0, 12


@lru_cache(maxsize=1)
def _cdf_table() -> np.ndarray:
    """Taylor coefficients of Φ at the multiples of 1/32 in [−40, 40]: [12, 2561]."""
    at = np.arange(-_FAR * _GRID, _FAR * _GRID + 1) / _GRID
    table = np.empty((_ORDER, len(at)))
    table[0] = [0.5 * math.erfc(-x / math.sqrt(2.0)) for x in at.tolist()]
    # Φ^(k+1) = (−1)^k He_k φ, and He_k by its recurrence.
    before, here = np.zeros_like(at), np.exp(-0.5 * at * at) / math.sqrt(2.0 * math.pi)
    factorial = 1.0
    for k in range(1, _ORDER):
        factorial *= k
        table[k] = here / factorial
        before, here = here, -at * here - (k - 1) * before
    return table


def normal_cdf(x: np.ndarray) -> np.ndarray:
    """Φ(x) = P(g ≤ x), to a relative 1e-14 down to Φ = 1e-300, on arrays and without SciPy.

    >>> normal_cdf(np.array([0.0, -38.0])) / [0.5, 2.885428360068e-316]
    array([1., 1.])
    """
    held = np.clip(x, -_FAR, _FAR)
    nearest = np.rint(held * _GRID)
    delta = held - nearest / _GRID
    table = _cdf_table()
    where = (nearest + _FAR * _GRID).astype(np.intp)
    total = table[-1][where]
    for row in table[-2::-1]:
        total = total * delta + row[where]
    return total


def _density(x: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _mish_slope(x: np.ndarray) -> np.ndarray:
    squashed = np.tanh(_softplus(x))
    return squashed + x * _sigmoid(x) * (1.0 - squashed * squashed)


def _silu_slope(x: np.ndarray) -> np.ndarray:
    gate = _sigmoid(x)
    return gate * (1.0 + x * (1.0 - gate))


def _sech2(x: np.ndarray) -> np.ndarray:
    small = np.exp(-2.0 * np.abs(x))
    return 4.0 * small / (1.0 + small) ** 2


def _two_sided(name: str, negative: float, positive: float) -> Nonlinearity:
    def value(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, positive, negative) * x

    def slope(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, positive, negative)

    return Nonlinearity(name, value, slope, () if negative == positive else (0.0,), (negative, positive))


def _elu(name: str, scale: float, alpha: float) -> Nonlinearity:
    def value(x: np.ndarray) -> np.ndarray:
        return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))

    def slope(x: np.ndarray) -> np.ndarray:
        return scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))

    return Nonlinearity(name, value, slope, (0.0,))


NONLINEARITIES: dict[str, Nonlinearity] = {
    made.name: made
    for made in (
        _two_sided("linear", 1.0, 1.0),
        _two_sided("relu", 0.0, 1.0),
        _two_sided("leaky_relu", 0.01, 1.0),
        Nonlinearity("tanh", np.tanh, _sech2),
        Nonlinearity("sigmoid", _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x)),
        _elu("elu", 1.0, 1.0),
        _elu("selu", 1.0507009873554805, 1.6732632423543772),
        Nonlinearity("gelu", lambda x: x * normal_cdf(x), lambda x: normal_cdf(x) + x * _density(x)),
        Nonlinearity("silu", lambda x: x * _sigmoid(x), _silu_slope),
        Nonlinearity("softplus", _softplus, _sigmoid),
        Nonlinearity("mish", lambda x: x * np.tanh(_softplus(x)), _mish_slope),
        Nonlinearity(
            "erf",
            lambda x: 2.0 * normal_cdf(x * math.sqrt(2.0)) - 1.0,
            lambda x: 2.0 / math.sqrt(math.pi) * np.exp(-x * x),
        ),
    )
}
"""The activations of a `Design`, by its names, and "linear" and "erf", whose maps have closed forms."""
