"""What a network's first weights are drawn by, layer for layer, and the walk of a signal through them.

The maps are those of `theory.propagation`, layer by layer with that layer's own C_W and C_b: widths and laws
need not be equal. What is added here and derived here: with a skip connection h' = h + φ(z) around a layer,
z = Wh + b, the new weights are independent of h, so E h'² = E h² + 2 E h·E φ + E φ² and E h' = E h + E φ,
while a squared gradient grows by 1 + χ_⊥; a layer or group norm before φ sets q to 1 and divides χ_⊥ by the
variance it took out; a batch norm takes out the mean over rows as well, which leaves q(1 − c), so that two
rows have nothing in common: for a ReLU χ_⊥ is then π/(π − 1), the growth that Yang et al. (2019, "A mean
field theory of batch normalization") found.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from profunda.theory.activations import Nonlinearity
from profunda.theory.critical import critical_initialisation, has_critical
from profunda.theory.gains import orthogonal_gain
from profunda.theory.propagation import Moments, moments

__all__ = ["Law", "Step", "design_law", "kept_moments", "product_gap", "rounded", "unit_variances", "walk"]

_SMALLEST, _LARGEST = 1e-290, 1e100
"""Beyond, a square is no number in float64 any more."""


@dataclass(frozen=True)
class Law:
    """One dense layer before training: C_W = `weight_variance`, C_b = `bias_variance`, and what follows.

    `keep` is the probability of keeping what leaves its activation. `norm` is "none", "batch", "layer",
    "group" or "instance", before the activation or after it. `skip`: what enters is added to what leaves.
    The read-out has no activation.
    """

    fan_in: int
    fan_out: int
    weight_variance: float
    bias_variance: float
    activation: Nonlinearity
    keep: float = 1.0
    norm: str = "none"
    norm_before: bool = True
    skip: bool = False


@dataclass(frozen=True)
class Step:
    """A hidden layer on the walk: q of its pre-activations, both susceptibilities *out of* it into the next
    layer, and 1 − c of two rows' pre-activations."""

    q: float
    chi_perp: float
    chi_par: float
    apart: float


def design_law(
    name: str, activation: Nonlinearity, fan_in: int, fan_out: int, keep: float, last: bool
) -> tuple[float, float]:
    """(C_W, C_b) of the law `name` of a Design for one layer; `keep` is that of what enters it.

    Orthogonal weights have orthonormal rows or columns, whichever are fewer: C_W = gain²·min(1, K/H). "lsuv"
    is orthogonal before its layers are scaled on rows (`unit_variances`).
    """
    if name == "critical" and (last or not has_critical(activation)):
        name = "lecun"
    if name == "critical":
        found = critical_initialisation(activation, keep)
        return found.weight_variance, found.bias_variance
    if name == "torch":
        return 1.0 / 3.0, 1.0 / (3.0 * fan_in)
    if name in ("orthogonal", "lsuv"):
        return orthogonal_gain(activation.name) ** 2 * min(1.0, fan_in / fan_out), 0.0
    return {"lecun": 1.0, "he": 2.0, "glorot": 2.0 * fan_in / (fan_in + fan_out)}[name], 0.0


def unit_variances(laws: tuple[Law, ...]) -> tuple[Law, ...]:
    """`laws` as "lsuv" leaves them on standardised rows: C_W E x² = 1 in every hidden layer.

    With skips what enters grows from layer to layer, and no one C_W serves all.
    """
    made: tuple[Law, ...] = ()
    for law in laws[:-1]:
        q = walk((*made, law, law), 1.0, 1.0)[-1].q
        made = (*made, replace(law, weight_variance=law.weight_variance / q) if 0.0 < q < math.inf else law)
    return (*made, laws[-1])


@lru_cache(maxsize=4_096)
def walk(laws: tuple[Law, ...], square: float, apart: float, training: bool = False) -> tuple[Step, ...]:
    """The hidden layers of `laws` for rows with E x² = `square` and 1 − correlation = `apart`; the last law
    is the read-out.

    `training` counts dropout, which evaluation does not. What is followed is E h² and, so that small
    differences keep their digits, E h² − E h h'. Stops where numbers end: a dead or overflowing layer and all
    after it have q = 0 or ∞.

    >>> from profunda.theory.activations import NONLINEARITIES
    >>> laws = (Law(64, 64, 2.0, 0.0, NONLINEARITIES["relu"], norm="batch"),) * 9
    >>> round(walk(laws, 1.0, 1.0)[-1].chi_perp, 4)  # π/(π − 1)
    1.4669
    """
    steps: list[Step] = []
    mean, gap, skips = 0.0, square * apart, any(law.skip for law in laws)
    for place, law in enumerate(laws[:-1]):
        total = law.weight_variance * square + law.bias_variance
        if not _SMALLEST < total < _LARGEST:
            end = Step(0.0 if total <= _SMALLEST else math.inf, math.nan, math.nan, math.nan)
            return (*steps, *[end] * (len(laws) - 1 - place))
        apart = min(2.0, law.weight_variance * gap / total)
        q, seen, left = _normed(law, total, apart)
        at = kept_moments(law.activation, q)
        own, own_gap = at.square, product_gap(law.activation, q, seen)
        middle = _mean(law.activation, q) if skips else 0.0
        if training:  # masks of their own tell two rows apart as well
            own, own_gap = own / law.keep, own_gap + own * (1.0 / law.keep - 1.0)
        shrink = q / left
        if law.norm != "none" and not law.norm_before:
            out = own_gap if law.norm == "batch" else own
            own, own_gap, shrink, middle = 1.0, own_gap / out, shrink / out, 0.0
        after = laws[place + 1].weight_variance / (law.keep if training else 1.0)
        added = laws[place + 1].weight_variance if law.skip else 0.0
        steps.append(
            Step(total, after * at.slope * shrink + added, after * at.growth * shrink + added, apart)
        )
        if law.skip:
            square, gap, mean = square + 2.0 * mean * middle + own, gap + own_gap, mean + middle
        else:
            square, gap, mean = own, own_gap, middle
    return tuple(steps)


def _normed(law: Law, total: float, apart: float) -> tuple[float, float, float]:
    """q and 1 − c of what enters the activation, and the variance that a norm before it has taken out."""
    if law.norm == "none" or not law.norm_before:
        return rounded(total), apart, rounded(total)
    if law.norm == "batch":  # the mean over rows is taken out first, and with it what they have in common
        return 1.0, 1.0, max(total * apart, _SMALLEST)
    return 1.0, apart, total


def product_gap(activation: Nonlinearity, q: float, apart: float) -> float:
    """E φ(u)² − E φ(u)φ(v) for normal u, v of variance q and correlation 1 − `apart`, to about 1e-3 of it.

    In Hermite coefficients a_k of φ(√q g), E φ(u)φ(v) = Σ a_k² c^k (Daniely, Frostig and Singer 2016, section
    4): one integral serves every correlation. What lies beyond the last coefficient is R of E φ² = Σ a_k² and
    T of q E φ'² = Σ k a_k², and taken as one term R c^{T/R}; that makes the limit c → 1 exact.
    """
    squares, rest, power = _spectrum(activation, q)
    c = 1.0 - apart
    log = math.log1p(-apart) if c > 0.0 else -math.inf
    if c > 0.0:
        terms = -np.expm1(np.arange(_ORDER) * log)
    else:
        terms = 1.0 - c ** np.arange(_ORDER)
    return float(squares @ terms) + rest * -math.expm1(power * log if rest else 0.0)


_ORDER = 64
_PANELS = np.linspace(-12.0, 12.0, 49)  # a kink at 0, which all named activations have if any, is an edge


@lru_cache(maxsize=1)
def _hermite() -> tuple[np.ndarray, np.ndarray]:
    """Points g [n], and orthonormal Hermite polynomials on them times the normal density [_ORDER, n]."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    half = 0.5 * np.diff(_PANELS)[:, None]
    g = (0.5 * (_PANELS[1:] + _PANELS[:-1])[:, None] + half * nodes).ravel()
    density = (half * weights).ravel() * np.exp(-0.5 * g * g) / math.sqrt(2.0 * math.pi)
    table = np.empty((_ORDER, len(g)))
    table[0], table[1] = 1.0, g
    for k in range(1, _ORDER - 1):
        table[k + 1] = (g * table[k] - math.sqrt(k) * table[k - 1]) / math.sqrt(k + 1.0)
    return g, table * density


@lru_cache(maxsize=65_536)
def _spectrum(activation: Nonlinearity, q: float) -> tuple[np.ndarray, float, float]:
    """a_k² [_ORDER], and R and T/R of what lies beyond."""
    g, table = _hermite()
    squares = (table @ activation.value(math.sqrt(q) * g)) ** 2
    at = kept_moments(activation, q)
    rest = max(0.0, at.square - float(squares.sum()))
    slope = q * at.slope - float(squares @ np.arange(_ORDER))
    if rest <= 1e-13 * at.square or slope <= 0.0:
        return squares, 0.0, 0.0
    return squares, rest, slope / rest


def rounded(q: float) -> float:
    """q to twelve digits: designs that share an activation share its integrals."""
    return float(f"{q:.11e}")


@lru_cache(maxsize=65_536)
def kept_moments(activation: Nonlinearity, q: float) -> Moments:
    """`theory.propagation.moments`, kept from call to call; q as `rounded` gives it."""
    return moments(activation, q)


@lru_cache(maxsize=65_536)
def _mean(activation: Nonlinearity, q: float) -> float:
    """E φ(√q g)."""
    g, table = _hermite()
    return float(table[0] @ activation.value(math.sqrt(q) * g))
