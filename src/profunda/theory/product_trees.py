"""The product of n numbers: a deep network of a few units a number, and a flat one of 2ⁿ units.

The tree multiplies pairs, then pairs of products, by `theory.gates`: ⌈log₂ n⌉ hidden layers, four units for
each of the n − 1 products; a number without a partner is carried by two units. The flat network is

    Σ_s (Π s_i) σ(c + λ s·x) / (2ⁿ σ⁽ⁿ⁾(c) λⁿ),   s over all of {−1, 1}ⁿ,

whose lower orders cancel: one hidden layer, which needs that many units (Lin, Tegmark and Rolnick 2017, "Why
does deep and cheap learning work so well?"; Rolnick and Tegmark 2018, "The power of deeper networks for
expressing natural functions"). On [−1, 1]ⁿ both are wrong by the order λ²: to leading order (n − 1) times the
error of a gate, and nλ²|σ⁽ⁿ⁺²⁾/σ⁽ⁿ⁾|/6. They differ in rounding: the flat one divides by λⁿ.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.derivatives import Smooth, SmoothActivation, bending_point, derivative, smooth
from profunda.theory.gates import ProductGate, multiplication_gate
from profunda.theory.given_layers import given_layer

__all__ = ["ProductError", "ProductNetwork", "best_product", "flat_product", "product_errors", "product_tree"]

_MOST_FLAT, _MOST_FLAT_ON_ARRAYS = 12, 4
_MOST_CORNERS = 11
_CARRY_SHIFT = 1.0


@dataclass(frozen=True)
class Affine:
    """x ↦ Wx + b, W [out, in] and b [out], float64."""

    weight: np.ndarray
    bias: np.ndarray

    def after(self, other: "Affine") -> "Affine":
        """This one on what `other` gives, as one."""
        return Affine(self.weight @ other.weight, self.weight @ other.bias + self.bias)

    def linear(self, dtype: torch.dtype) -> nn.Linear:
        """The same as a layer."""
        return given_layer(self.weight, self.bias, dtype)


@dataclass(frozen=True)
class ProductNetwork:
    """A dense network for x₁x₂…x_n: its layers with σ between them, its scale λ, and the error on [−1, 1]ⁿ
    that theory gives for exact arithmetic."""

    kind: Literal["tree", "flat"]
    inputs: int
    activation: Smooth
    scale: float
    layers: tuple[Affine, ...]
    truncation: float

    @property
    def hidden_layers(self) -> int:
        """⌈log₂ n⌉ for the tree, 1 for the flat network."""
        return len(self.layers) - 1

    @property
    def neurons(self) -> int:
        """Hidden units: 4(n − 1) for the tree when n is a power of two, two more for every number that waits
        a layer otherwise; 2ⁿ for the flat network."""
        return sum(len(layer.bias) for layer in self.layers[:-1])

    @property
    def parameters(self) -> int:
        """Weights and biases of the dense layers, zeros counted."""
        return sum(layer.weight.size + layer.bias.size for layer in self.layers)

    def module(self, dtype: torch.dtype = torch.float64) -> nn.Sequential:
        """Linear, σ, …, Linear: [N, n] to [N, 1]."""
        parts: list[nn.Module] = []
        for layer in self.layers:
            parts += [layer.linear(dtype), self.activation.module()]
        return nn.Sequential(*parts[:-1])

    def error(self, points: int = 2000, seed: int = 0, dtype: torch.dtype = torch.float64) -> float:
        """The measured max |network(x) − Πx_i| over `points` uniform points of [−1, 1]ⁿ and its corners, of
        which 2,048 are drawn where there are more."""
        x = torch.from_numpy(_points(self.inputs, points, seed)).to(dtype)
        with torch.no_grad():
            found = self.module(dtype)(x)[:, 0].double()
        return float((found - x.double().prod(1)).abs().max())


@dataclass(frozen=True)
class ProductError:
    """A row of the table: how large a network for n numbers is, and how wrong at this λ."""

    kind: Literal["tree", "flat"]
    inputs: int
    neurons: int
    hidden_layers: int
    scale: float
    error: float


def product_tree(
    inputs: int, activation: SmoothActivation, scale: float | None = None, bias: float | None = None
) -> ProductNetwork:
    """The product of n numbers by a binary tree of gates; λ without a scale is that of one gate.

    Raises ArgumentError for fewer than two numbers, and as `multiplication_gate` does.

    >>> net = product_tree(16, "softplus", scale=0.01)
    >>> net.neurons, net.hidden_layers
    (60, 4)
    """
    return _tree_of(inputs, activation, bias)(scale)


def flat_product(
    inputs: int, activation: SmoothActivation, scale: float | None = None, bias: float | None = None
) -> ProductNetwork:
    """The product of n numbers by 2ⁿ hidden units in one layer.

    Without a bias c is where |σ⁽ⁿ⁾| is largest. Without a scale λ balances the truncation against a rounding
    of ε|σ(c)|/(|σ⁽ⁿ⁾(c)|λⁿ2^{n/2}), that of 2ⁿ independent errors. Raises ArgumentError for fewer than 2
    numbers or more than 12, for a function whose n-th derivative is 0 at c, and for a scale that is not
    positive.

    >>> flat_product(10, "sigmoid").neurons
    1024
    """
    return _flat_of(inputs, activation, bias)(scale)


def product_errors(
    kind: Literal["tree", "flat"],
    inputs: Sequence[int],
    activation: SmoothActivation,
    scales: Sequence[float],
    bias: float | None = None,
    *,
    points: int = 2000,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> tuple[ProductError, ...]:
    """The measured error for every n and every λ, n first."""
    rows = []
    for n in inputs:
        build = (_tree_of if kind == "tree" else _flat_of)(n, activation, bias)
        for scale in scales:
            net = build(scale)
            wrong = net.error(points, seed, dtype)
            rows.append(ProductError(kind, n, net.neurons, net.hidden_layers, scale, wrong))
    return tuple(rows)


def best_product(
    kind: Literal["tree", "flat"],
    inputs: int,
    activation: SmoothActivation,
    *,
    points: int = 2000,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> ProductError:
    """The row of least measured error among λ = 10^{-k/4} from 1 to 10^{-6.5}."""
    scales = [10.0 ** (-k / 4.0) for k in range(27)]
    rows = product_errors(kind, (inputs,), activation, scales, points=points, seed=seed, dtype=dtype)
    return min(rows, key=lambda row: row.error if math.isfinite(row.error) else math.inf)


def _at_least_two(inputs: int) -> None:
    if inputs < 2:
        raise ArgumentError(f"{inputs} numbers make no product: at least 2 are needed.")


def _tree_of(
    inputs: int, activation: SmoothActivation, bias: float | None
) -> Callable[[float | None], ProductNetwork]:
    """Trees of one n and σ by their λ, None for the best."""
    _at_least_two(inputs)
    best = multiplication_gate(activation, None, bias)
    carry = _carry(best)

    def build(scale: float | None) -> ProductNetwork:
        gate = best if scale is None else best.at_scale(scale)
        layers: list[Affine] = []
        read, count = Affine(np.eye(inputs), np.zeros(inputs)), inputs
        while count > 1:
            enter, leave = _level(gate, carry, count)
            layers.append(enter.after(read))
            read, count = leave, (count + 1) // 2
        truncation = (inputs - 1) * gate.truncation()
        return ProductNetwork("tree", inputs, gate.activation, gate.scale, (*layers, read), truncation)

    return build


def _flat_of(
    inputs: int, activation: SmoothActivation, bias: float | None
) -> Callable[[float | None], ProductNetwork]:
    """Flat networks of one n and σ by their λ, None for the best."""
    _at_least_two(inputs)
    phi = smooth(activation)
    most = _MOST_FLAT_ON_ARRAYS if phi.on_arrays else _MOST_FLAT
    if inputs > most:
        raise ArgumentError(
            f"{inputs} numbers would take 2^{inputs} = {2**inputs} units in one layer, and the derivative of "
            f"order {inputs} of {phi.name}: at most {most} numbers are offered; product_tree takes four "
            "units a number."
        )
    at = bending_point(phi, inputs) if bias is None else float(bias)
    bend = float(derivative(phi, inputs, at))
    if abs(bend) < 1e-12:
        raise ArgumentError(
            f"{phi.name} cannot multiply {inputs} numbers at c = {at:g}, where its derivative of order "
            f"{inputs} is {bend:.2g}: leave the bias out."
        )
    ratio = abs(float(derivative(phi, inputs + 2, at)) / bend)
    best = _flat_scale(inputs, ratio, abs(float(derivative(phi, 0, at)) / bend))
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=inputs)))

    def build(scale: float | None) -> ProductNetwork:
        scale = best if scale is None else float(scale)
        if not 0.0 < scale < math.inf:
            raise ArgumentError(f"scale = {scale} must be a positive, finite number.")
        enter = Affine(scale * signs, np.full(len(signs), at))
        leave = Affine(signs.prod(1)[None] / (2.0**inputs * bend * scale**inputs), np.zeros(1))
        return ProductNetwork("flat", inputs, phi, scale, (enter, leave), inputs * scale**2 * ratio / 6.0)

    return build


def _carry(gate: ProductGate) -> tuple[Affine, Affine]:
    """Two units that hand on a number: [σ(a + μx) − σ(a − μx)]/(2μσ'(a)) = x + O(μ²), with μ where the next
    order is as small as rounding. For softplus, GELU and SiLU at 0 it is x exactly, for any μ."""
    phi, at = gate.activation, gate.bias
    if abs(gate.slope) < 1e-3:
        at += _CARRY_SHIFT
    value, slope, third, fifth = (abs(float(derivative(phi, k, at))) for k in (0, 1, 3, 5))
    rounding = 2.0**-53 * (value + abs(at) * slope + 1e-3)
    steps = [1.0]
    if third > 1e-9 * slope:
        steps.append((3.0 * rounding / third) ** (1.0 / 3.0))
    if fifth > 1e-9 * slope:
        steps.append((30.0 * rounding / fifth) ** (1.0 / 5.0))
    step = min(*steps, phi.room(at)) if len(steps) > 1 else min(1.0, phi.room(at))
    enter = Affine(np.array([[step], [-step]]), np.full(2, at))
    read = np.array([[1.0, -1.0]]) / (2.0 * step * float(derivative(phi, 1, at)))
    return enter, Affine(read, np.zeros(1))


def _level(gate: ProductGate, carry: tuple[Affine, Affine], count: int) -> tuple[Affine, Affine]:
    """Into the units of one hidden layer, and out of them: pairs to their products, an odd last one to
    itself."""
    pairs, left = divmod(count, 2)
    units = gate.hidden_units
    enter_weight = np.zeros((pairs * units + 2 * left, count))
    enter_bias = np.full(len(enter_weight), gate.bias)
    leave_weight = np.zeros((pairs + left, len(enter_weight)))
    for pair in range(pairs):
        rows = slice(pair * units, (pair + 1) * units)
        enter_weight[rows, 2 * pair : 2 * pair + 2] = gate.input_weights
        leave_weight[pair, rows] = gate.output_weights
    if left:
        enter_weight[-2:, -1:], enter_bias[-2:] = carry[0].weight, carry[0].bias
        leave_weight[-1:, -2:] = carry[1].weight
    return Affine(enter_weight, enter_bias), Affine(leave_weight, np.zeros(pairs + left))


def _flat_scale(inputs: int, ratio: float, relative: float) -> float:
    """λ at which nλ²r/6 + ε|σ/σ⁽ⁿ⁾|/(λⁿ2^{n/2}) is least; 1 where one of the two is 0."""
    rounding = 2.0**-53 * relative / 2.0 ** (inputs / 2.0)
    if ratio == 0.0 or rounding == 0.0:
        return 1.0 if ratio == 0.0 else 10.0 ** (-16.0 / (inputs + 1.0))
    return (3.0 * rounding / ratio) ** (1.0 / (inputs + 2.0))


def _points(inputs: int, points: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if inputs <= _MOST_CORNERS:
        corners = np.array(list(itertools.product((-1.0, 1.0), repeat=inputs)))
    else:
        corners = rng.choice([-1.0, 1.0], size=(2**_MOST_CORNERS, inputs))
    return np.concatenate([rng.uniform(-1.0, 1.0, (points, inputs)), corners])
