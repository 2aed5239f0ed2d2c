"""Four hidden units that multiply: exact weights, how wrong they are, and how well they can do at all.

With σ smooth at c and σ''(c) ≠ 0, the network

    m(u, v) = [σ(c + λ(u+v)) + σ(c − λ(u+v)) − σ(c + λ(u−v)) − σ(c − λ(u−v))] / (4 λ² σ''(c))

tends to uv for λ → 0 (Lin, Tegmark and Rolnick 2017, "Why does deep and cheap learning work so well?"). Odd
orders cancel at any c, and what is left is

    m = uv [1 + λ² σ⁗(c)/(6 σ''(c)) (u² + v²) + λ⁴ σ⁽⁶⁾(c)/(360 σ''(c)) (3u⁴ + 10u²v² + 3v⁴) + …],

so on [−R, R]² the error is λ²|σ⁗/σ''|R⁴/3 to leading order, taken at the corners. Rounding works against a
small λ: four values near σ(c), each wrong by ε|σ(c)|, are multiplied by 1/(4λ²|σ''|), which makes
ε|σ(c)/σ''(c)|/λ². Both together are least at λ* = (3ε|σ(c)|/|σ⁗(c)|)^¼/R, and are
2√(ε|σ(c)σ⁗(c)|/3)/|σ''(c)|·R² there, with ε = 2⁻⁵³ in float64. Where σ(c) = 0, as for GELU and SiLU at c = 0,
rounding is ε|σ'(c)|R/(λ|σ''(c)|) only, and the best gate a thousand times better.

These are our derivations; the measured orders and floors are tested.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.derivatives import Smooth, SmoothActivation, bending_point, derivative, smooth
from profunda.theory.given_layers import given_layer

__all__ = ["ProductGate", "ReluLimit", "gate_within", "multiplication_gate", "relu_limit", "richardson_gate"]

_SIGNS = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
_READ = np.array([[1.0, 1.0, -1.0, -1.0]])
_MARGIN = 0.75
_FLAT = 1e-9
_PRECISIONS = (torch.float64, torch.float32)


@dataclass(frozen=True)
class ReluLimit:
    """The multiple `factor` of what four ReLU units give that is nearest to uv on [−1, 1]², and how near."""

    factor: float
    error: float


@dataclass(frozen=True)
class ProductGate:
    """A network 2 → 4 → 1 that multiplies, or 2 → 8 → 1 for order 4.

    `bias` is c, on every hidden unit, `scale` is λ. `order` 2 has an error of order λ², order 4 is
    Richardson's extrapolation (4 m_{λ/2} − m_λ)/3 of it. The other numbers are σ, σ', σ'', σ⁗ and σ⁽⁶⁾ at c.
    """

    activation: Smooth
    bias: float
    scale: float
    order: Literal[2, 4]
    value: float
    slope: float
    curvature: float
    fourth: float
    sixth: float

    @property
    def hidden_units(self) -> int:
        """4, or 8."""
        return 2 * self.order

    @property
    def input_weights(self) -> np.ndarray:
        """A₁ [4, 2]: λ times the signs of u + v, −(u + v), u − v and −(u − v); [8, 2] with λ/2 below for
        order 4."""
        blocks = [self.scale * _SIGNS, 0.5 * self.scale * _SIGNS]
        return np.concatenate(blocks[: self.order // 2])

    @property
    def output_weights(self) -> np.ndarray:
        """A₂ [1, 4] = (4 λ² σ''(c))⁻¹ (1, 1, −1, −1); [1, 8] for order 4, −⅓ and 4/3 of both gates'."""
        read = _READ / (4.0 * self.scale**2 * self.curvature)
        return read if self.order == 2 else np.concatenate([-read / 3.0, 16.0 * read / 3.0], 1)

    def truncation(self, radius: float = 1.0) -> float:
        """The error on [−R, R]² in exact arithmetic, to leading order: λ²|σ⁗/σ''|R⁴/3, for order 4
        λ⁴|σ⁽⁶⁾/σ''|R⁶/90. 0, as for x², says that the leading order is not there."""
        size, power, _, _ = self._terms(torch.float64)
        return radius**2 * size * (self.scale * radius) ** power

    def rounding(self, radius: float = 1.0, dtype: torch.dtype = torch.float64) -> float:
        """What rounding adds: ε|σ(c)/σ''(c)|/λ², or ε|σ'(c)/σ''(c)|R/λ where σ(c) = 0; 17/3 of it for order
        4. Never below 2εR², the rounding of the product itself."""
        _, _, flat, steep = self._terms(dtype)
        reach = self.scale * radius
        return radius**2 * max(flat / reach**2 + steep / reach, torch.finfo(dtype).eps)

    def predicted_error(self, radius: float = 1.0, dtype: torch.dtype = torch.float64) -> float:
        """Truncation and rounding together: an estimate to a factor of about 2, not a bound."""
        return self.truncation(radius) + self.rounding(radius, dtype)

    def floor(self, radius: float = 1.0, dtype: torch.dtype = torch.float64) -> float:
        """The predicted error at the best λ, whatever the λ of this gate: 2√(ε|σσ⁗|/3)/|σ''|·R² for order
        2."""
        return radius**2 * max(_balance(self._terms(dtype))[1], torch.finfo(dtype).eps)

    def best_scale(self, radius: float = 1.0, dtype: torch.dtype = torch.float64) -> float:
        """λ* at which the floor is reached: (3ε|σ(c)|/|σ⁗(c)|)^¼/R for order 2."""
        return _balance(self._terms(dtype))[0] / radius

    def at_scale(self, scale: float, radius: float = 1.0) -> "ProductGate":
        """The same gate at another λ. Raises ArgumentError for one that is not positive, or that takes
        λ(u ± v) over a kink of σ for u and v up to `radius`."""
        _positive("scale", scale)
        if scale > _widest(self, radius) and self.activation.kinks:
            raise ArgumentError(
                f"With scale {scale:g} and radius {radius:g} the units of {self.activation.name} at c = "
                f"{self.bias:g} reach over its kink at a distance of {self.activation.room(self.bias):g}: "
                f"the scale may be at most {_widest(self, radius):.3g}."
            )
        return replace(self, scale=float(scale))

    def module(self, dtype: torch.dtype = torch.float64) -> nn.Sequential:
        """Linear, σ, Linear with exactly these weights: [N, 2] to [N, 1]."""
        return _sequential(self, _precision(dtype))

    def error(self, radius: float = 1.0, points: int = 41, dtype: torch.dtype = torch.float64) -> float:
        """The measured max |m(u, v) − uv| over a grid of points × points on [−R, R]², corners included."""
        axis = torch.linspace(-_positive("radius", radius), radius, points, dtype=_precision(dtype))
        pairs = torch.cartesian_prod(axis, axis)
        with torch.no_grad():
            found = self.module(dtype)(pairs)[:, 0].double()
        return float((found - pairs.double().prod(1)).abs().max())

    def _terms(self, dtype: torch.dtype) -> tuple[float, int, float, float]:
        """a, p, b₀, b₁ of the error a sᵖ + b₀/s² + b₁/s for s = λ R and R = 1."""
        unit = torch.finfo(_precision(dtype)).eps / 2.0
        bend = abs(self.curvature)
        # Where σ(c) = 0 the values are exact to the last bit, but c + λ(u ± v) is rounded to that of c.
        flat = abs(self.value) or abs(self.bias * self.slope)
        steep = 0.0 if flat else abs(self.slope)
        if self.order == 2:
            return abs(self.fourth) / bend / 3.0, 2, unit * flat / bend, unit * steep / bend
        more = 17.0 / 3.0
        return abs(self.sixth) / bend / 90.0, 4, more * unit * flat / bend, more * unit * steep / bend


def _balance(terms: tuple[float, int, float, float]) -> tuple[float, float]:
    """The s at which a sᵖ + b₀/s² + b₁/s is least, one of the b's being 0, and that least."""
    size, power, flat, steep = terms
    fall, amount = (2, flat) if flat else (1, steep)
    if size == 0.0 or amount == 0.0:  # only one side to it: any s will do
        return 1.0, size + amount
    best = (fall * amount / (power * size)) ** (1.0 / (power + fall))
    return best, size * best**power + amount / best**fall


def multiplication_gate(
    activation: SmoothActivation,
    scale: float | None = None,
    bias: float | None = None,
    *,
    radius: float = 1.0,
    dtype: torch.dtype = torch.float64,
) -> ProductGate:
    """Four hidden units that multiply two numbers, by Lin, Tegmark and Rolnick (2017).

    Parameters
    ----------
    activation
        A name, a function or module of torch, or a `Nonlinearity`.
    scale
        λ; without it the best one, λ* of this module's text, for [−radius, radius]² and `dtype`.
    bias
        c; without it where |σ''| is largest, or 0 where σ(0) = 0 and σ''(0) is at least half as large, since
        rounding is least there.

    Raises ArgumentError where σ''(c) = 0: for ReLU, leaky ReLU and linear at any c, where four units give a
    multiple of |u + v| − |u − v|, which no λ turns into uv (see `relu_limit`); and for odd functions such as
    tanh at c = 0, where they give 0. Raises it for a scale or radius that is not positive, and where λ(u ± v)
    would reach over a kink.

    >>> gate = multiplication_gate("softplus", scale=0.01)
    >>> f"{gate.truncation():.3e} {gate.error():.3e}"
    '1.667e-05 1.667e-05'
    """
    return _gate(activation, scale, bias, 2, radius, dtype)


def richardson_gate(
    activation: SmoothActivation,
    scale: float | None = None,
    bias: float | None = None,
    *,
    radius: float = 1.0,
    dtype: torch.dtype = torch.float64,
) -> ProductGate:
    """Eight hidden units, (4 m_{λ/2} − m_λ)/3, whose error is of order λ⁴; arguments as for
    `multiplication_gate`.

    >>> richardson_gate("softplus").error() < multiplication_gate("softplus").error() / 50
    True
    """
    return _gate(activation, scale, bias, 4, radius, dtype)


def gate_within(
    activation: SmoothActivation,
    error: float,
    radius: float = 1.0,
    dtype: torch.dtype = torch.float64,
    bias: float | None = None,
) -> ProductGate:
    """A gate of four units with |m(u, v) − uv| < error on [−radius, radius]², measured, in `dtype`.

    The λ is the largest whose truncation leaves half of `error` for rounding, or smaller where that does not
    do; the gate must keep to ¾ of `error` on a grid of 101 × 101 points, for the sake of the points between.
    Raises ArgumentError, with the error that can be reached, where none does.

    >>> gate_within("gelu", 1e-9, radius=2.0).error(2.0) < 1e-9
    True
    """
    _positive("error", error)
    best = multiplication_gate(activation, None, bias, radius=radius, dtype=dtype)
    widest = _widest(best, radius)
    if best.fourth:
        widest = min(widest, math.sqrt(1.5 * error * abs(best.curvature / best.fourth)) / radius**2)
    lowest = math.inf
    scale = max(widest, best.scale)
    while scale >= 0.5 * best.scale:
        gate = best.at_scale(scale, radius)
        found = gate.error(radius, 101, dtype)
        if found < _MARGIN * error:
            return gate
        lowest, scale = min(lowest, found), 0.7 * scale
    name = best.activation.name
    raise ArgumentError(
        f"An error below {error:.3g} on [−{radius:g}, {radius:g}]² is not reachable by four {name} units in "
        f"{str(dtype).removeprefix('torch.')}: the floor is about {best.floor(radius, dtype):.2g} (formula), "
        f"and {lowest / _MARGIN:.2g} can be promised. Take gelu or silu, whose floor is far lower, a smaller "
        "radius, float64, or richardson_gate."
    )


def relu_limit() -> ReluLimit:
    """How near a multiple of |u + v| − |u − v| = 2 sign(uv) min(|u|, |v|) comes to uv on [−1, 1]².

    With w the smaller of |u| and |v| and 2k the factor, the error |uv| − 2kw is largest at |u| = |v| = 1,
    where it is 1 − 2k, and −(2kw − w²) at w = k, where it is k²: equal at k = √2 − 1, so error 3 − 2√2.

    >>> found = relu_limit()
    >>> f"{found.factor:.3f} {found.error:.3f}"
    '0.414 0.172'
    """
    return ReluLimit(math.sqrt(2.0) - 1.0, 3.0 - 2.0 * math.sqrt(2.0))


def _gate(
    activation: SmoothActivation,
    scale: float | None,
    bias: float | None,
    order: Literal[2, 4],
    radius: float,
    dtype: torch.dtype,
) -> ProductGate:
    phi = smooth(activation)
    _positive("radius", radius)
    most = _strongest_bend(phi)
    at = _default_bias(phi) if bias is None else float(bias)
    _refuse_unbent(phi, at, most)
    numbers = [float(derivative(phi, k, at)) for k in (0, 1, 2, 4, 6)]
    if abs(numbers[3]) < _FLAT * abs(numbers[2]):  # rounding of the differentiation
        numbers[3] = 0.0
    gate = ProductGate(phi, at, 1.0, order, *numbers)
    if scale is None:
        scale = min(gate.best_scale(radius, dtype), _widest(gate, radius))
    return gate.at_scale(scale, radius)


def _default_bias(phi: Smooth) -> float:
    at = bending_point(phi)
    if phi.room(0.0) < 1.0 or derivative(phi, 0, 0.0) != 0.0:
        return at
    here, most = derivative(phi, 2, np.array([0.0, at]))
    return 0.0 if abs(here) >= 0.5 * abs(most) else at


def _widest(gate: ProductGate, radius: float) -> float:
    """The largest λ for which no |λ(u ± v)| passes a kink; 1/R where there is none."""
    room = gate.activation.room(gate.bias)
    return 1.0 / radius if room == math.inf else room / (2.0 * radius)


def _strongest_bend(phi: Smooth) -> float:
    """About the largest |σ''|; refuses activations that bend nowhere."""
    probes = np.linspace(-3.0, 3.0, 60)  # no round numbers, where kinks are
    most = float(np.abs(derivative(phi, 2, probes)).max())
    if most > 1e-7:
        return most
    limit = relu_limit()
    raise ArgumentError(
        f"{phi.name} cannot multiply: σ'' = 0 wherever it has one. Four units of a piecewise linear function "
        "with a kink at 0 give a multiple of |u + v| − |u − v|, whose best multiple misses uv by "
        f"{limit.error:.3f} on [−1, 1]² at any scale, and a linear function gives 0. Take a smooth "
        "activation, such as gelu, silu or tanh."
    )


def _refuse_unbent(phi: Smooth, at: float, most: float) -> None:
    """Points at which σ has a kink or no second derivative to work with."""
    if not math.isfinite(at):
        raise ArgumentError(f"bias = {at} is not a finite number.")
    if phi.room(at) == 0.0:
        raise ArgumentError(
            f"{phi.name} has a kink at c = {at:g}, where σ'' jumps: leave the bias out, or take another."
        )
    bend = abs(float(derivative(phi, 2, at)))
    if bend <= _FLAT * most:
        where = bending_point(phi)
        raise ArgumentError(
            f"{phi.name} cannot multiply at c = {at:g}: σ''(c) = {bend:.2g}. At such a point, as for an odd "
            f"function without a bias, the four units cancel to 0; leave the bias out for c = {where:.4g}."
        )


def _sequential(gate: ProductGate, dtype: torch.dtype) -> nn.Sequential:
    biases = np.full(gate.hidden_units, gate.bias)
    first = given_layer(gate.input_weights, biases, dtype)
    last = given_layer(gate.output_weights, None, dtype)
    return nn.Sequential(first, gate.activation.module(), last)


def _precision(dtype: torch.dtype) -> torch.dtype:
    if dtype not in _PRECISIONS:
        raise ArgumentError(
            f"dtype {dtype} is not offered: gates are known in torch.float64 and torch.float32; coarser ones "
            "leave no digits of a product."
        )
    return dtype


def _positive(name: str, number: float) -> float:
    if not (number > 0.0 and math.isfinite(number)):
        raise ArgumentError(f"{name} = {number} must be a positive, finite number.")
    return number
