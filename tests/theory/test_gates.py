"""Multiplication gates: measured against the table of orders, errors and floors."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.theory_expressivity import EXACT, exact_derivative, exact_gate_error
from torch import nn

from profunda.errors import ArgumentError
from profunda.theory.activations import NONLINEARITIES, Nonlinearity
from profunda.theory.derivatives import bending_point, derivative, smooth
from profunda.theory.gates import gate_within, multiplication_gate, relu_limit, richardson_gate

TANH, SIGMOID = math.atanh(1 / math.sqrt(3)), math.log(2 + math.sqrt(3))

TABLE = [  # σ, c, σ'', σ⁗, errors at λ = 1, 0.1 and 0.01, order, largest best errors in float64 and float32
    ("softplus", 0.0, 0.25, -0.125, 0.132, 1.662e-3, 1.667e-5, 1.999, 1.5e-8, 3e-4),
    ("gelu", 0.0, 0.79788, -1.59577, 0.402, 6.627e-3, 6.666e-5, 1.997, 3e-11, 2e-5),
    ("silu", 0.0, 0.5, -0.5, 0.238, 3.320e-3, 3.333e-5, 1.998, 4e-11, 2.5e-5),
    ("tanh", TANH, -0.76980, 3.07920, 0.663, 1.326e-2, 1.333e-4, 1.998, 2.2e-8, 6e-4),
    ("sigmoid", SIGMOID, -0.09623, 0.09623, 0.281, 3.329e-3, 3.333e-5, 1.999, 3.5e-8, 1e-3),
    ("tanh", 0.5, -0.72686, 3.952, 0.710, 1.790e-2, 1.812e-4, 1.995, 2.2e-8, 6e-4),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} at {row[1]:.3g}")
def test_the_table_of_the_text(row):
    name, c, second, fourth, coarse, middle, fine, order, best, best32 = row
    gate = multiplication_gate(name, bias=c)
    gates = [gate.at_scale(scale) for scale in (1.0, 0.1, 0.01)]
    errors = [gate.error() for gate in gates]
    assert gates[0].curvature == pytest.approx(second, abs=5e-6)
    assert gates[0].fourth == pytest.approx(fourth, abs=3e-4)
    assert errors == pytest.approx([coarse, middle, fine], rel=5e-3)
    assert errors[2] == pytest.approx(gates[2].truncation(), rel=0.01)
    assert math.log10(errors[1] / errors[2]) == pytest.approx(order, abs=1e-3)
    assert math.log10(errors[1] / errors[2]) == pytest.approx(2.0, abs=0.02)
    scales = [10 ** (-k / 4) for k in range(4, 25)]
    assert min(gate.at_scale(scale).error() for scale in scales) < best
    lowest = min(gate.at_scale(scale).error(dtype=torch.float32) for scale in scales)
    assert 0.1 * best32 < lowest < best32


def test_the_gate_of_a_square_is_exact_at_any_scale():
    gate = multiplication_gate(torch.square)
    assert gate.fourth == gate.truncation() == 0.0
    assert gate.error() <= 4.5e-16
    assert multiplication_gate(torch.square, 0.3).error() <= 1e-15
    assert gate.error(dtype=torch.float32) <= 3e-7


@pytest.mark.parametrize(("name", "floor"), [("softplus", 1.4e-8), ("tanh", 2.1e-8), ("sigmoid", 3.5e-8)])
def test_floor_and_best_scale_by_their_formulas(name, floor):
    gate = multiplication_gate(name)
    eps = 2.0**-53
    assert gate.scale == pytest.approx((3 * eps * abs(gate.value) / abs(gate.fourth)) ** 0.25, rel=1e-12)
    law = 2 * math.sqrt(eps * abs(gate.value * gate.fourth) / 3) / abs(gate.curvature)
    assert gate.floor() == pytest.approx(law, rel=1e-12)
    assert gate.floor() == pytest.approx(floor, rel=0.03)
    assert gate.predicted_error() == pytest.approx(gate.floor(), rel=1e-9)
    assert 0.2 < gate.error() / gate.floor() < 1.5
    assert gate.error() <= 1e-7


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_where_the_activation_is_0_gates_are_a_thousand_times_better(name):
    gate = multiplication_gate(name)
    assert (gate.bias, gate.value) == (0.0, 0.0)
    assert gate.error() <= 1e-10
    assert 0.2 < gate.error() / gate.floor() < 2.0


def test_weights_are_those_of_the_text_exactly():
    gate = multiplication_gate("tanh", scale=0.25)
    first, act, last = gate.module()
    assert isinstance(act, nn.Tanh)
    signs = [[1, 1], [-1, -1], [1, -1], [-1, 1]]
    assert first.weight.tolist() == (0.25 * np.array(signs)).tolist() == gate.input_weights.tolist()
    assert first.bias.tolist() == [gate.bias] * 4
    mu = 1 / (4 * 0.25**2 * gate.curvature)
    assert last.weight.tolist() == [[mu, mu, -mu, -mu]] == gate.output_weights.tolist()
    assert last.bias is None
    assert gate.hidden_units == 4
    assert gate == multiplication_gate("tanh", scale=0.25) != multiplication_gate("tanh", scale=0.5)
    assert gate.module(torch.float32)[0].weight.dtype == torch.float32


def test_the_bias_is_where_the_activation_bends_most():
    assert multiplication_gate("tanh").bias == pytest.approx(TANH, abs=1e-13)
    assert multiplication_gate("sigmoid").bias == pytest.approx(SIGMOID, abs=1e-13)
    assert [multiplication_gate(name).bias for name in ("softplus", "gelu", "silu", torch.exp)] == [0.0] * 4
    assert bending_point("erf") == pytest.approx(1 / math.sqrt(2), abs=1e-13)
    assert multiplication_gate("elu").bias == -1.0  # a step away from its kink
    assert bending_point(torch.sin) == pytest.approx(math.pi / 2, abs=1e-12)


@pytest.mark.parametrize("name", ["tanh", "gelu", "elu"])
@pytest.mark.parametrize("radius", [0.1, 3.0, 20.0])
def test_errors_scale_with_the_fourth_power_of_the_radius_and_the_floor_with_its_square(name, radius):
    one = multiplication_gate(name, 0.01)
    if one.activation.room(one.bias) > 0.02 * radius:
        rounded = 1e-4 * one.scale * radius  # where λR is small enough for the leading order
        assert one.truncation(radius) == pytest.approx(radius**4 * one.truncation(), rel=1e-12)
        assert one.error(radius) == pytest.approx(one.truncation(radius), rel=0.15 + rounded)
    best = multiplication_gate(name, radius=radius)
    assert best.floor(radius) == pytest.approx(radius**2 * best.floor(), rel=1e-9)
    assert best.scale == pytest.approx(multiplication_gate(name).scale / radius, rel=1e-9)
    assert 0.2 < best.error(radius) / best.floor(radius) < 2.0


@pytest.mark.parametrize("name", sorted(EXACT))
def test_derivatives_are_exact(name):
    for at in (-1.3, 0.0, 0.4):
        for order in (0, 1, 2, 3, 4, 6, 8):
            assert derivative(name, order, at) == pytest.approx(
                exact_derivative(name, order, at), rel=1e-9, abs=1e-11
            )
    wide = derivative(name, 2, np.linspace(-2, 2, 6).reshape(2, 3))
    assert wide.shape == (2, 3)
    assert wide[0, 0] == pytest.approx(exact_derivative(name, 2, -2.0), rel=1e-9)


def test_functions_on_arrays_are_differentiated_by_interpolation():
    plain = Nonlinearity("plain tanh", np.tanh)
    for order, tolerance in ((0, 1e-14), (2, 1e-11), (4, 1e-8), (6, 1e-5)):
        assert derivative(plain, order, 0.3) == pytest.approx(
            float(derivative("tanh", order, 0.3)), abs=tolerance
        )
    gate, known = multiplication_gate(plain, 0.01), multiplication_gate("tanh", 0.01)
    assert gate.bias == pytest.approx(known.bias, abs=1e-9)
    assert gate.error() == pytest.approx(known.error(), rel=1e-6)
    assert smooth(NONLINEARITIES["gelu"]).on_arrays is False
    with pytest.raises(ArgumentError, match=r"The derivative of order 7 of plain tanh .* from 0 to 6"):
        derivative(plain, 7, 0.0)


def test_a_wrong_derivative_would_be_seen():
    assert abs(exact_derivative("tanh", 4, 0.4) - float(derivative("tanh", 4, 0.41))) > 1e-3


@pytest.mark.parametrize("name", ["softplus", "tanh", "gelu"])
def test_the_error_is_of_second_order_and_even_odd_orders_cancel_at_any_bias(name):
    """E8: uv[1 + λ²σ⁗(u² + v²)/(6σ'')], and no bound by (u + v)³: at v = −u it is of the order u⁴, not 0."""
    for c in (0.3, -0.7):
        gate = multiplication_gate(name, 1e-3, c)
        for u, v in ((0.9, 0.2), (0.6, -0.6), (-1.0, 1.0)):
            exact = exact_gate_error(name, 1e-3, c, u, v)
            law = u * v * 1e-6 * gate.fourth / (6 * gate.curvature) * (u * u + v * v)
            assert exact == pytest.approx(law, rel=1e-4)
            assert abs(exact) > 0.0
    small, large = (exact_gate_error(name, 0.01, 0.3, u, -u) for u in (0.5, 1.0))
    assert math.log2(large / small) == pytest.approx(4.0, abs=1e-3)


def test_the_middle_line_of_the_text_lacks_a_half():
    """E7: (σ''/2)[(u+v)² + (u+v)² − 2(u−v)²] is 4σ''uv, so that without the ½ the gate would give 2uv."""
    u, v = 0.3, 0.7
    bracket = 2 * (u + v) ** 2 - 2 * (u - v) ** 2
    assert bracket / 4 == pytest.approx(2 * u * v)
    gate = multiplication_gate(torch.square)
    found = float(gate.module()(torch.tensor([[u, v]], dtype=torch.float64)).detach())
    assert found == pytest.approx(bracket / 8, rel=1e-15)


@pytest.mark.parametrize("name", ["softplus", "sigmoid"])
def test_richardson_is_of_fourth_order(name):
    errors = [richardson_gate(name, scale).error() for scale in (0.2, 0.1, 0.05)]
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(4.0, abs=0.05)
    assert errors[2] == pytest.approx(richardson_gate(name, 0.05).truncation(), rel=0.01)
    best = richardson_gate(name)
    assert best.hidden_units == 8
    assert best.error() < 1.2e-10
    assert 0.3 < best.error() / best.floor() < 2.0
    assert best.predicted_error() == pytest.approx(best.floor(), rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["gelu", "silu", "tanh", "softplus", "sigmoid", "selu"]),
    digits=st.floats(0.3, 6.0),
    radius=st.floats(0.05, 5.0),
    seed=st.integers(0, 99),
)
def test_a_gate_within_an_error_keeps_it_between_the_points_too(name, digits, radius, seed):
    error = radius**2 * 10**-digits
    gate = gate_within(name, error, radius)
    pairs = np.random.default_rng(seed).uniform(-radius, radius, (20_000, 2))
    with torch.no_grad():
        found = gate.module()(torch.from_numpy(pairs))[:, 0].numpy()
    assert np.abs(found - pairs.prod(1)).max() < error


def test_near_its_floor_a_gate_is_found_or_said_to_be_out_of_reach():
    assert gate_within("tanh", 4e-8).error() < 4e-8
    assert gate_within("gelu", 1e-10).error() < 1e-10
    assert gate_within("silu", 5e-5, dtype=torch.float32).error(dtype=torch.float32) < 5e-5
    with pytest.raises(
        ArgumentError,
        match=r"below 1e-09 on \[−1, 1\]² is not reachable by four tanh units in float64: the floor is",
    ):
        gate_within("tanh", 1e-9)
    with pytest.raises(ArgumentError, match=r"is not reachable by four softplus units in float32"):
        gate_within("softplus", 1e-5, dtype=torch.float32)
    with pytest.raises(ArgumentError, match=r"and (.*) can be promised") as caught:
        gate_within("softplus", 1e-12)
    promised = float(str(caught.value).split("formula), and ")[1].split(" can")[0])
    assert gate_within("softplus", 1.1 * promised).error() < 1.1 * promised


def four_units(sigma, u, v, c=0.0):
    return sigma(c + u + v) + sigma(c - u - v) - sigma(c + u - v) - sigma(c - u + v)


def test_relu_units_miss_the_product_by_0_172_at_best():
    """E9."""
    axis = torch.linspace(-1, 1, 201, dtype=torch.float64)
    u, v = torch.meshgrid(axis, axis, indexing="ij")
    given_ = four_units(torch.relu, u, v)
    assert torch.allclose(given_, (u + v).abs() - (u - v).abs())
    limit = relu_limit()
    assert limit.factor == pytest.approx(0.414, abs=3e-4)
    assert limit.error == pytest.approx(0.172, abs=5e-4)
    misses = {k: float((k * given_ - u * v).abs().max()) for k in np.linspace(0.3, 0.5, 201)}
    assert min(misses.values()) == pytest.approx(limit.error, abs=2e-3)
    assert min(misses, key=misses.__getitem__) == pytest.approx(limit.factor, abs=2e-3)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "linear", torch.relu, nn.LeakyReLU(0.2)])
def test_piecewise_linear_activations_are_refused(name):
    with pytest.raises(ArgumentError, match=r"cannot multiply: σ'' = 0 wherever it has one.*by 0\.172"):
        multiplication_gate(name)
    with pytest.raises(ArgumentError, match="cannot multiply: σ'' = 0"):
        gate_within(name, 0.1)


@pytest.mark.parametrize("name", ["tanh", "erf", torch.sin])
def test_odd_activations_without_a_bias_are_refused(name):
    u = torch.tensor(0.4, dtype=torch.float64)
    sigma = smooth(name).function
    assert float(four_units(sigma, u, 2 * u)) == pytest.approx(0.0, abs=1e-16)
    with pytest.raises(
        ArgumentError, match=r"cannot multiply at c = 0: σ''\(c\) = .* leave the bias out for c = "
    ):
        multiplication_gate(name, bias=0.0)


def test_what_cannot_be_built_is_told():
    with pytest.raises(ArgumentError, match="No activation is called 'swoosh'; known are"):
        multiplication_gate("swoosh")
    with pytest.raises(ArgumentError, match=r"sin does not take a float64 tensor .* Nonlinearity"):
        multiplication_gate(np.sin)
    with pytest.raises(ArgumentError, match=r"scale = -1\.0 must be a positive, finite number"):
        multiplication_gate("tanh", scale=-1.0)
    with pytest.raises(ArgumentError, match=r"radius = 0\.0 must be a positive"):
        multiplication_gate("tanh", radius=0.0)
    with pytest.raises(ArgumentError, match=r"error = 0\.0 must be a positive"):
        gate_within("tanh", 0.0)
    with pytest.raises(ArgumentError, match=r"bias = nan is not a finite number"):
        multiplication_gate("tanh", bias=math.nan)
    with pytest.raises(ArgumentError, match=r"dtype torch\.float16 is not offered"):
        multiplication_gate("tanh", dtype=torch.float16)
    with pytest.raises(ArgumentError, match=r"elu has a kink at c = 0, where σ'' jumps"):
        multiplication_gate("elu", bias=0.0)
    with pytest.raises(
        ArgumentError, match=r"reach over its kink at a distance of 1: the scale may be at most 0\.5"
    ):
        multiplication_gate("elu", scale=0.6)
    with pytest.raises(ArgumentError, match=r"The derivative of order 2 of relu is 0 everywhere"):
        bending_point("relu")
    with pytest.raises(ArgumentError, match=r"order -1 of tanh"):
        derivative("tanh", -1, 0.0)
