"""Critical initialisation: the variances at which neither a signal nor its gradient dies or explodes."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.activations import Nonlinearity, nonlinearity
from profunda.theory.propagation import Activation, Moments, moments
from profunda.theory.roots import bracketed_root

__all__ = ["Critical", "critical_initialisation", "has_critical"]

Kind = Literal["scale-invariant", "zero", "half-stable"]

_TINY = 1e-6
_LOWEST, _HIGHEST, _PROBES = 1e-3, 1e3, 37


@dataclass(frozen=True)
class Critical:
    """Where χ_⊥ = χ_∥ = 1 (Roberts, Yaida and Hanin 2022, chapter 5).

    Weights have the variance `weight_variance`/fan-in (C_W), biases `bias_variance` (C_b); pre-activations
    have the variance `fixed_point` (K*) from layer to layer. `kind`: "scale-invariant", where every variance
    is kept, K* nan; "zero", where the variance falls to K* = 0 like a power of the depth; "half-stable",
    where it stays at K* > 0 when it comes from one side.
    """

    weight_variance: float
    bias_variance: float
    fixed_point: float
    kind: Kind


def critical_initialisation(activation: Activation, keep: float = 1.0) -> Critical:
    """C_W, C_b and K* of an activation, C_W times `keep` under inverted dropout.

    Scale-invariant activations: C_W = 2/(a₊² + a₋²). Those with φ(0) = 0 around which the variance does not
    grow: C_W = 2/(φ'(0₊)² + φ'(0₋)²), K* = 0. Others, as GELU, SiLU and Mish: the K at which χ_∥ = χ_⊥, which
    does not depend on C_W, then C_W = 1/E φ'² and C_b = K − C_W E φ². Dropout multiplies the second moment of
    what a layer hands on by 1/keep (Schoenholz et al. 2017, section 5), so C_W·keep keeps it; the
    correlation of two inputs is kept by no variance then. Raises ArgumentError where there is none, as for
    sigmoid and softplus, and for a keep outside (0, 1].

    >>> critical_initialisation("relu", keep=0.5).weight_variance
    1.0
    >>> round(critical_initialisation("gelu").weight_variance, 9)
    1.983058257
    """
    if not 0.0 < keep <= 1.0:
        raise ArgumentError(f"keep = {keep} is the probability of keeping: above 0 and at most 1.")
    phi = nonlinearity(activation)
    found = _critical(phi)
    if found is None:
        raise ArgumentError(
            f"No variance of weights and biases is critical for {phi.name}: at none from {_LOWEST:g} to "
            f"{_HIGHEST:g} do a signal and its gradient keep their sizes together; take another activation, "
            "or another law."
        )
    return Critical(found.weight_variance * keep, found.bias_variance, found.fixed_point, found.kind)


def has_critical(activation: Activation) -> bool:
    """Whether `critical_initialisation` has an answer.

    >>> [has_critical(name) for name in ("tanh", "sigmoid", "softplus")]
    [True, False, False]
    """
    return _critical(nonlinearity(activation)) is not None


@lru_cache(maxsize=256)
def _critical(phi: Nonlinearity) -> Critical | None:
    at_zero = moments(phi, 0.0)
    if phi.sides is not None:
        return Critical(1.0 / at_zero.slope, 0.0, math.nan, "scale-invariant")
    if at_zero.square == 0.0 and at_zero.slope > 0.0:
        weight_variance = 1.0 / at_zero.slope
        if weight_variance * moments(phi, _TINY).square <= _TINY * (1.0 + 1e-9):
            return Critical(weight_variance, 0.0, 0.0, "zero")
    for low, high in _brackets(phi):
        fixed_point = bracketed_root(lambda q: _excess(moments(phi, q)), low, high)
        at = moments(phi, fixed_point)
        weight_variance = 1.0 / at.slope
        bias_variance = fixed_point - weight_variance * at.square
        if bias_variance >= 0.0:
            return Critical(weight_variance, bias_variance, fixed_point, "half-stable")
    return None


def _excess(at: Moments) -> float:
    """χ_∥/χ_⊥ − 1: 0 at K*, whatever C_W is."""
    return at.growth / at.slope - 1.0


def _brackets(phi: Nonlinearity) -> list[tuple[float, float]]:
    grid = np.geomspace(_LOWEST, _HIGHEST, _PROBES).tolist()
    signs = [_excess(moments(phi, q)) > 0.0 for q in grid]
    return [(low, high) for low, high, a, b in zip(grid, grid[1:], signs, signs[1:], strict=False) if a != b]
