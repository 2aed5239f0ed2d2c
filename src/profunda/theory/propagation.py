"""How a signal and its gradient travel through wide random layers: the mean-field maps.

Layers z^l = W^l x^{l−1} + b^l, x^l = φ(z^l) with independent centred weights of variance C_W/fan-in
(`weight_variance`) and biases of variance C_b (`bias_variance`). q is the variance E z² of a pre-activation.
`keep` is the probability of keeping an activation under inverted dropout: E x² grows by 1/keep, while two
inputs, which have masks of their own, keep E x x'.

Sources: Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli (2016), eqs. 3–6; Schoenholz, Gilmer, Ganguli and
Sohl-Dickstein (2017), eqs. 3–9, and section 5 for dropout; Cho and Saul (2009), eqs. 3–6, for the closed
forms of a ReLU; Williams (1997), eq. 11, for those of erf; Roberts, Yaida and Hanin (2022), "The principles
of deep learning theory", chapter 5, for the two susceptibilities.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.activations import Nonlinearity, nonlinearity
from profunda.theory.quadrature import REACH, integral, normal_mean
from profunda.theory.roots import bracketed_root

__all__ = [
    "Activation",
    "DepthScales",
    "chi_par",
    "chi_perp",
    "correlation_map",
    "correlation_profile",
    "depth_scales",
    "fixed_correlation",
    "fixed_variance",
    "gradient_profile",
    "moments",
    "variance_map",
    "variance_profile",
]

Activation = str | Nonlinearity | Callable[[np.ndarray], np.ndarray]
"""A name, a `Nonlinearity`, or any function on float64 arrays."""

_STRIDE = 1.25
_DEAD, _HUGE, _DENORMAL = 1e-8, 1e30, 1e-300


@dataclass(frozen=True)
class Moments:
    """Means over z = √q g with a standard normal g: `square` E φ², `slope` E φ'², `growth` d/dq E φ²."""

    square: float
    slope: float
    growth: float


def moments(activation: Activation, q: float) -> Moments:
    """The three means that every map below is made of; d/dq E φ² = E[(g² − 1)φ²]/(2q), or E φ'² at q = 0.

    Closed forms for linear, ReLU, leaky ReLU and erf. Raises ArgumentError for a q that is no variance.
    """
    phi = nonlinearity(activation)
    if not (0.0 <= q < math.inf):
        raise ArgumentError(f"q = {q} is no variance: it must be finite and at least 0.")
    if phi.sides is not None:
        half = 0.5 * (phi.sides[0] ** 2 + phi.sides[1] ** 2)
        return Moments(half * q, half, half)
    if phi.name == "erf":
        root = math.sqrt(1.0 + 4.0 * q)
        slope = 4.0 / (math.pi * root)
        return Moments(2.0 / math.pi * math.asin(2.0 * q / (1.0 + 2.0 * q)), slope, slope / (1.0 + 2.0 * q))
    if q < _DENORMAL:
        return _at_zero(phi)
    root = math.sqrt(q)

    def parts(g: np.ndarray) -> np.ndarray:
        square = phi.value(root * g) ** 2
        return np.stack([square, phi.slope_at(root * g) ** 2, (g * g - 1.0) * square / (2.0 * q)])

    square, slope, growth = normal_mean(parts, [kink / root for kink in phi.kinks])
    return Moments(float(square), float(slope), float(growth))


def _at_zero(phi: Nonlinearity) -> Moments:
    """The limit q → 0: φ is as good as its value and its two slopes at 0."""
    start = float(phi.value(np.zeros(1))[0])
    beside = 1e-6 if phi.slope is None else 1e-12
    sides = phi.slope_at(np.array([-beside, beside])) if phi.kinks else phi.slope_at(np.zeros(1))
    slope = float(np.mean(sides**2))
    # With φ(0) ≠ 0 curvature counts too: d/dq E φ² = φ'² + φ φ''.
    curvature = float(np.diff(phi.slope_at(np.array([-1e-4, 1e-4])))[0] / 2e-4) if start else 0.0
    return Moments(start * start, slope, slope + start * curvature)


def variance_map(
    activation: Activation, q: float, weight_variance: float, bias_variance: float = 0.0, keep: float = 1.0
) -> float:
    """q of the next layer: C_W E φ(√q g)²/keep + C_b.

    >>> variance_map("relu", 3.0, 2.0)
    3.0
    """
    _check(weight_variance, bias_variance, keep)
    return weight_variance / keep * moments(activation, q).square + bias_variance


def chi_perp(activation: Activation, q: float, weight_variance: float, keep: float = 1.0) -> float:
    """χ_⊥ = C_W E φ'(√q g)²/keep: by how much a layer multiplies a squared gradient or a small difference."""
    _check(weight_variance, 0.0, keep)
    return weight_variance / keep * moments(activation, q).slope


def chi_par(activation: Activation, q: float, weight_variance: float, keep: float = 1.0) -> float:
    """χ_∥ = (C_W/keep) d/dq E φ(√q g)²: by how much a layer multiplies a small change of q."""
    _check(weight_variance, 0.0, keep)
    return weight_variance / keep * moments(activation, q).growth


def variance_profile(
    activation: Activation,
    depth: int,
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
    keep: float = 1.0,
) -> np.ndarray:
    """q_1 … q_L float64 [depth] from q_1 = `q`; infinite from the layer on at which the numbers overflow."""
    profile = np.full(depth, math.inf)
    for layer in range(depth):
        profile[layer] = q
        if q > 1e100:  # a square must stay a number
            break
        q = variance_map(activation, q, weight_variance, bias_variance, keep)
    return profile


def gradient_profile(
    activation: Activation,
    depth: int,
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
    keep: float = 1.0,
) -> np.ndarray:
    """E‖∂/∂z^l‖² over E‖∂/∂z^L‖² for l = 1 … L, float64 [depth]: the products of χ_⊥(q_k), l ≤ k < L.

    Schoenholz et al. (2017), eq. 9, for equal widths: the weights that a gradient meets on its way back are
    taken as independent of those that made the signal.
    """
    profile = variance_profile(activation, depth, q, weight_variance, bias_variance, keep)
    chis = [chi_perp(activation, each, weight_variance, keep) for each in profile[:-1]]
    return np.concatenate([np.cumprod(chis[::-1])[::-1], [1.0]])


# Two inputs -----------------------------------------------------------------------------------------


def correlation_map(
    activation: Activation,
    c: float,
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
    keep: float = 1.0,
) -> float:
    """The correlation of two inputs' pre-activations one layer on; both have variance `q`, correlation `c`.

    c' = (C_W E φ(u)φ(v) + C_b)/q'. With keep < 1 even equal inputs part: c' < 1 at c = 1. Raises
    ArgumentError for a c outside [−1, 1] and where the next variance is 0.
    """
    _check(weight_variance, bias_variance, keep)
    if not -1.0 <= c <= 1.0:
        raise ArgumentError(f"c = {c} is no correlation: it must lie from −1 to 1.")
    after = variance_map(activation, q, weight_variance, bias_variance, keep)
    if after <= 0.0:
        raise ArgumentError(
            f"The next layer's variance is {after}: no signal is left to correlate; give q, C_W or C_b a "
            "value above 0."
        )
    # Rounding must not carry a correlation past 1.
    return max(-1.0, min(1.0, (weight_variance * product_mean(activation, c, q) + bias_variance) / after))


def product_mean(activation: Activation, c: float, q: float) -> float:
    """E φ(u)φ(v) for normal u, v of variance q and correlation c."""
    phi = nonlinearity(activation)
    c = min(1.0, max(-1.0, c))
    if phi.sides is not None:
        low, high = phi.sides
        return q * ((low * low + high * high) * _arc(c) - 2.0 * low * high * _arc(-c))
    if phi.name == "erf":
        return 2.0 / math.pi * math.asin(2.0 * q * c / (1.0 + 2.0 * q))
    if c == 1.0 or q < _DENORMAL:
        return moments(phi, q).square
    return _by_angles(phi, c, q)


def _arc(c: float) -> float:
    """E relu(u) relu(v) at unit variance: (√(1 − c²) + c(π − arccos c))/2π."""
    return (math.sqrt(max(0.0, 1.0 - c * c)) + c * (math.pi - math.acos(c))) / (2.0 * math.pi)


def _by_angles(phi: Nonlinearity, c: float, q: float) -> float:
    """In polar coordinates, where kinks at 0, which all named activations have if any, are rays."""
    turn, root = math.acos(c), math.sqrt(q)
    quarters = [0.5 * math.pi, 1.5 * math.pi]
    edges = np.unique(np.mod([0.0, *quarters, *(quarter + turn for quarter in quarters)], 2.0 * math.pi))
    edges = np.concatenate([edges, [2.0 * math.pi]])

    def along(theta: np.ndarray) -> np.ndarray:
        first, second = root * np.cos(theta), root * np.cos(theta - turn)

        def out(r: np.ndarray) -> np.ndarray:
            weight = r * np.exp(-0.5 * r * r) / (2.0 * math.pi)
            return phi.value(np.multiply.outer(first, r)) * phi.value(np.multiply.outer(second, r)) * weight

        return integral(out, np.linspace(0.0, REACH, 4), 1e-11)

    return float(integral(along, edges, 1e-11))


def correlation_profile(
    activation: Activation,
    depth: int,
    c: float,
    q: float,
    weight_variance: float,
    bias_variance: float = 0.0,
    keep: float = 1.0,
) -> np.ndarray:
    """c_1 … c_L float64 [depth] from c_1 = `c` and q_1 = `q`; nan once no signal is left."""
    profile = np.full(depth, math.nan)
    for layer in range(depth):
        profile[layer] = c
        after = variance_map(activation, q, weight_variance, bias_variance, keep)
        if not 0.0 < after < math.inf:
            break
        c = correlation_map(activation, c, q, weight_variance, bias_variance, keep)
        q = after
    return profile


# Fixed points ---------------------------------------------------------------------------------------


def fixed_variance(
    activation: Activation,
    weight_variance: float,
    bias_variance: float = 0.0,
    keep: float = 1.0,
    start: float = 1.0,
) -> float:
    """q*, to which q settles from `start` > 0: 0 where the signal dies, infinite where it explodes.

    The map rises with q, so q moves one way only, to the first fixed point on it. That one is looked for, not
    waited for: at criticality q nears it only like 1/l. A half-stable one, where the map only touches q' = q,
    is passed, as the noise of finite widths passes it, unless q starts there.
    """
    _check(weight_variance, bias_variance, keep)

    def drift(q: float) -> float:
        return variance_map(activation, q, weight_variance, bias_variance, keep) / q - 1.0

    here, first = start, drift(start)
    if abs(first) <= 1e-12:
        return start
    floor = start * _DEAD if _dies(activation, weight_variance, bias_variance, keep) else _DENORMAL
    while floor < here < _HUGE:
        factor = _STRIDE if 1e-4 < here / start < 1e4 else _STRIDE**6
        before, here = here, here * factor if first > 0.0 else here / factor
        if drift(here) * first <= 0.0:
            return bracketed_root(drift, before, here)
    return math.inf if first > 0.0 else 0.0


def _dies(activation: Activation, weight_variance: float, bias_variance: float, keep: float) -> bool:
    """Whether small variances shrink, or keep their size to first order, down to 0."""
    at = moments(activation, 0.0)
    return at.square == bias_variance == 0.0 and weight_variance / keep * at.slope <= 1.0 + 1e-9


def fixed_correlation(
    activation: Activation, q: float, weight_variance: float, bias_variance: float = 0.0, keep: float = 1.0
) -> float:
    """c*, to which the correlation of two inputs settles from c ≥ 0 at the variance `q`; 1 in the ordered
    phase.

    The map is a power series in c with coefficients ≥ 0 (Daniely, Frostig and Singer 2016, section 4), so
    convex on [0, 1]: but for 1 it has one fixed point there at most.
    """

    def drift(c: float) -> float:
        return correlation_map(activation, c, q, weight_variance, bias_variance, keep) - c

    low, high = drift(0.0), 1.0 if keep < 1.0 else 1.0 - 1e-7
    if drift(high) >= -1e-12:
        return 1.0
    return bracketed_root(drift, 0.0, high) if low > 1e-12 else 0.0


@dataclass(frozen=True)
class DepthScales:
    """What settles, and how fast: at q*, both susceptibilities and the depths over which a trace of the
    inputs is lost, ξ_q = −1/ln χ_∥ for sizes and ξ_c = −1/|ln χ_⊥| for angles; infinite at criticality."""

    q: float
    chi_par: float
    chi_perp: float
    xi_q: float
    xi_c: float


def depth_scales(
    activation: Activation, weight_variance: float, bias_variance: float = 0.0, keep: float = 1.0
) -> DepthScales:
    """The depth scales of Schoenholz et al. (2017), eqs. 7 and 8.

    In the chaotic phase, χ_⊥ > 1, `xi_c` is the depth over which a small difference grows by e. Raises
    ArgumentError where the variance explodes.
    """
    q = fixed_variance(activation, weight_variance, bias_variance, keep)
    if q == math.inf:
        raise ArgumentError(
            f"With C_W = {weight_variance} and C_b = {bias_variance} the variance grows without bound: there "
            "is no fixed point to measure a depth at; take a smaller C_W."
        )
    at = moments(activation, q)
    par, perp = (weight_variance / keep * factor for factor in (at.growth, at.slope))
    return DepthScales(q, par, perp, _scale(par), _scale(perp))


def _scale(chi: float) -> float:
    if chi <= 0.0:
        return 0.0
    return math.inf if abs(chi - 1.0) < 1e-9 else 1.0 / abs(math.log(chi))


def _check(weight_variance: float, bias_variance: float, keep: float) -> None:
    for name, number in (("C_W", weight_variance), ("C_b", bias_variance)):
        if not 0.0 <= number < math.inf:
            raise ArgumentError(f"{name} = {number} is no variance: it must be finite and at least 0.")
    if not 0.0 < keep <= 1.0:
        raise ArgumentError(f"keep = {keep} is the probability of keeping: above 0 and at most 1.")
