"""Mean-field maps against closed forms, other quadratures, published numbers and random networks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import theory as oracle

from profunda.errors import ArgumentError
from profunda.theory.activations import NONLINEARITIES, Nonlinearity, nonlinearity, normal_cdf
from profunda.theory.propagation import (
    chi_par,
    chi_perp,
    correlation_map,
    correlation_profile,
    depth_scales,
    fixed_correlation,
    fixed_variance,
    gradient_profile,
    moments,
    variance_map,
    variance_profile,
)
from profunda.theory.quadrature import integral, normal_mean
from profunda.theory.roots import bracketed_root


def relu(g):
    return np.maximum(g, 0.0)


# Quadrature -----------------------------------------------------------------------------------------


def test_kinks_and_steep_functions_do_not_cost_digits():
    assert normal_mean(relu) == pytest.approx(1 / math.sqrt(2 * math.pi), rel=1e-12)  # a kink nobody named
    assert normal_mean(relu, [0.0]) == pytest.approx(1 / math.sqrt(2 * math.pi), rel=1e-14)
    steep = normal_mean(lambda g: np.tanh(10 * g) ** 2)
    assert steep == pytest.approx(0.92054, abs=1e-5)
    assert steep == pytest.approx(oracle.simpson_mean(lambda g: np.tanh(10 * g) ** 2), abs=1e-12)
    # Control: the rule that is not safe, at 200 nodes.
    nodes, weights = np.polynomial.hermite_e.hermegauss(200)
    assert abs(weights @ relu(nodes) / math.sqrt(2 * math.pi) - normal_mean(relu)) > 5e-4
    assert abs(weights @ np.tanh(10 * nodes) ** 2 / math.sqrt(2 * math.pi) - steep) > 0.01


def test_roots_are_found_to_the_last_digits():
    assert bracketed_root(math.cos, 0.0, 3.0) == pytest.approx(math.pi / 2, rel=1e-14)
    assert bracketed_root(lambda x: x**9 - 1e-9, 0.0, 2.0) == pytest.approx(0.1, rel=1e-12)
    assert bracketed_root(lambda x: x - 1.0, 1.0, 2.0) == 1.0
    assert bracketed_root(lambda x: x - 2.0, 1.0, 2.0) == 2.0


def test_an_integral_keeps_leading_axes():
    both = integral(lambda t: np.stack([t, np.abs(t - 0.3)]), [0.0, 1.0])
    assert both == pytest.approx([0.5, (0.3**2 + 0.7**2) / 2], rel=1e-12)


def test_a_function_without_finite_values_is_refused():
    with pytest.raises(
        ArgumentError, match="values that are not finite where a standard normal variable goes"
    ):
        normal_mean(lambda g: np.where(g > 5, np.inf, g))


# Activations ----------------------------------------------------------------------------------------


@given(st.floats(-37.0, 37.0))
def test_normal_cdf_is_relatively_exact(x):
    assert normal_cdf(np.array([x]))[0] == pytest.approx(0.5 * math.erfc(-x / math.sqrt(2)), rel=1e-13)


def test_normal_cdf_far_out_stays_a_probability():
    assert normal_cdf(np.array([-1e9, 1e9])).tolist() == pytest.approx([0.0, 1.0], abs=1e-15)


@pytest.mark.parametrize("name", NONLINEARITIES)
def test_every_slope_is_the_difference_quotient(name):
    known = NONLINEARITIES[name]
    x = np.array([-6.0, -2.2, -0.7, -1e-4, 1e-4, 0.4, 1.9, 7.0])
    by_difference = Nonlinearity(name, known.value, None, known.kinks)
    assert by_difference.slope_at(x) == pytest.approx(known.slope_at(x), abs=1e-9)


@pytest.mark.parametrize("name", sorted(set(NONLINEARITIES) - {"linear", "erf"}))
def test_activations_are_those_of_torch(name):
    import torch

    from profunda.networks.dense import activation_module

    x = torch.linspace(-30, 30, 601, dtype=torch.float64, requires_grad=True)
    made = activation_module(name)(x)
    made.sum().backward()
    at = x.detach().numpy()
    # torch's softplus is linear beyond 20; 2e-9 is what that changes.
    assert np.allclose(NONLINEARITIES[name].value(at), made.detach().numpy(), rtol=1e-12, atol=3e-9)
    inside = np.abs(at) > 1e-9
    assert np.allclose(NONLINEARITIES[name].slope_at(at)[inside], x.grad.numpy()[inside], atol=3e-9)


def test_unknown_activations_are_refused():
    with pytest.raises(ArgumentError, match="No activation is called 'snake'; known are elu, erf, gelu"):
        nonlinearity("snake")


# Maps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NONLINEARITIES)
@pytest.mark.parametrize("q", [1e-3, 0.7, 25.0])
def test_moments_equal_a_naive_quadrature(name, q):
    phi, root = NONLINEARITIES[name], math.sqrt(q)
    found = moments(name, q)
    square = oracle.simpson_mean(lambda g: phi.value(root * g) ** 2)
    assert found.square == pytest.approx(square, rel=1e-9)
    growth = oracle.simpson_mean(lambda g: (g * g - 1) * phi.value(root * g) ** 2) / (2 * q)
    assert found.growth == pytest.approx(growth, rel=1e-8)
    jumps = name in ("relu", "leaky_relu", "selu")  # Simpson's rule meets the jump at 0
    slope = oracle.simpson_mean(lambda g: phi.slope_at(root * g) ** 2)
    assert found.slope == pytest.approx(slope, rel=1e-4 if jumps else 1e-9)


def test_the_naive_quadratures_know_wrong_from_right():
    assert oracle.simpson_mean(np.square) == pytest.approx(1.0, abs=1e-12)
    assert oracle.simpson_mean(lambda g: np.tanh(g) ** 2) != pytest.approx(
        moments("tanh", 1.1).square, rel=1e-3
    )
    assert oracle.pair_mean(lambda z: z, 0.3) == pytest.approx(0.3, abs=1e-10)
    assert oracle.pair_mean(np.tanh, 0.3) != pytest.approx(correlation_map("tanh", 0.3, 1.0, 1.0), rel=1e-2)


def test_chi_par_is_the_slope_of_the_variance_map():
    for name in ("tanh", "gelu", "selu", "softplus", "erf", "leaky_relu"):
        step = (variance_map(name, 0.8 + 1e-5, 1.7, 0.1) - variance_map(name, 0.8 - 1e-5, 1.7, 0.1)) / 2e-5
        assert chi_par(name, 0.8, 1.7) == pytest.approx(step, rel=1e-7), name


def test_small_variances_lead_to_the_limit_at_0():
    for name in NONLINEARITIES:
        near, at = moments(name, 1e-12), moments(name, 0.0)
        assert near.square == pytest.approx(at.square, abs=1e-11), name
        assert near.slope == pytest.approx(at.slope, abs=1e-5), name
        assert near.growth == pytest.approx(at.growth, abs=1e-4), name


def test_any_function_will_do():
    by_hand = Nonlinearity("hand-made", relu, None, (0.0,))
    assert moments(by_hand, 2.0).square == pytest.approx(1.0, rel=1e-12)
    assert moments(by_hand, 2.0).slope == pytest.approx(0.5, rel=1e-6)
    assert chi_perp(np.sin, 1.0, 1.0) == pytest.approx(0.5 * (1 + math.exp(-2)), rel=1e-10)  # E cos²
    assert variance_map(np.sin, 1.0, 1.0) == pytest.approx(0.5 * (1 - math.exp(-2)), rel=1e-12)
    assert moments(lambda x: 3.0 * x, 0.0).slope == pytest.approx(9.0)


def test_dropout_divides_by_keep():
    assert variance_map("relu", 3.0, 2.0, 0.0, keep=0.8) == 3.0 / 0.8
    assert chi_perp("relu", 3.0, 2.0, keep=0.8) == 1 / 0.8
    assert chi_par("tanh", 3.0, 2.0, keep=0.5) == pytest.approx(2 * chi_par("tanh", 3.0, 2.0))


PUBLISHED = [  # activation, C_W, q_50, χ_⊥(q_50), product of χ_⊥
    ("tanh", 1.0, 1.0431e-2, 0.9799, 1.463e-2),
    ("tanh", 1 / 3, 7.352e-25, 0.3333, 2.33e-24),
    ("tanh", 25 / 9, 1.1785, 1.2098, 6.36e3),
    ("relu", 1.0, 1.776e-15, 0.5, 1.78e-15),
    ("relu", 2.0, 2.0, 1.0, 1.0),
    ("relu", 1 / 3, 2.474e-39, 1 / 6, 7.4e-39),
    ("gelu", 1.0, 1.096e-29, 0.25, 1.38e-29),
    ("gelu", 2.0, 5.12e-12, 0.5, 7.3e-12),
    ("selu", 1.0, 1.0, 1.0716, 29.6),
    ("selu", 2.0, 2.92e3, 1.127, 4.0e4),
    ("sigmoid", 1.0, 0.26469, 0.0557, 2.9e-62),
]


@pytest.mark.parametrize(("name", "c_w", "q", "chi", "gradient"), PUBLISHED)
def test_depth_50_by_the_maps(name, c_w, q, chi, gradient):
    profile = variance_profile(name, 50, c_w, c_w)
    assert profile[-1] == pytest.approx(q, rel=2e-3)
    assert gradient_profile(name, 50, c_w, c_w)[0] == pytest.approx(gradient, rel=2e-2)
    assert chi_perp(name, profile[-1], c_w) == pytest.approx(chi, abs=1e-4 * max(1, chi) + 5e-4 * (chi > 1.1))


@pytest.mark.parametrize(("name", "c_w"), [(name, c_w) for name, c_w, *_ in PUBLISHED])
def test_depth_50_in_random_networks(name, c_w):
    """Within 4 standard errors of the finite-width law, Π(1 + κ/N) − 1 over R networks, and a bias of 1/N."""
    width, nets, depth = 128, 10, 50
    phi = NONLINEARITIES[name]
    signals, gradients = oracle.random_chain(phi.value, phi.slope_at, width, nets, depth, c_w, 0.0, seed=3)
    predicted = variance_profile(name, depth, c_w, c_w)
    slopes = gradient_profile(name, depth, c_w, c_w)
    kappa = 5.0
    # On logarithms, whose tails are light: E log = −½ Var log.
    spread = math.sqrt(kappa * depth / width)
    for measured, law in ((signals, predicted), (gradients / gradients[:, -1:], slopes)):
        for layer in (9, 24, 49) if law is predicted else (0, 24, 40):
            distance = np.log(measured[:, layer]).mean() - math.log(law[layer])
            far = layer / depth if law is predicted else 1 - layer / depth
            assert (
                abs(distance + 0.5 * spread**2 * far) < 4 * spread / math.sqrt(nets) + 0.5 * spread**2 * far
            )
    # Control: the prediction of another C_W is refused wherever C_W matters.
    wrong = variance_profile(name, depth, 1.4 * c_w, 1.4 * c_w)[49]
    if name not in ("sigmoid",):
        assert abs(np.log(signals[:, 49]).mean() - math.log(wrong)) > 0.25


def test_tanh_at_criticality_falls_like_1_over_twice_the_depth():
    profile = variance_profile("tanh", 1000, 1.0, 1.0)
    for depth, expected in ((10, 1.160), (50, 1.0431), (100, 1.0241), (1000, 1.0033)):
        assert 2 * depth * profile[depth - 1] == pytest.approx(expected, abs=2e-3), depth


@pytest.mark.parametrize(
    ("name", "c_w", "c_b", "q", "chi", "xi"),
    [
        ("tanh", 1.5, 0.05, 0.41804, 0.93864, 15.79),
        ("sigmoid", 1.0, 0.0, 0.264687, 0.055721, 0.346),
        ("softplus", 1.0, 0.0, 0.856305, 0.288722, None),
    ],
)
def test_depth_scales_are_the_published_ones(name, c_w, c_b, q, chi, xi):
    scales = depth_scales(name, c_w, c_b)
    assert scales.q == pytest.approx(q, rel=2e-5)
    assert scales.chi_perp == pytest.approx(chi, rel=2e-5)
    if xi is not None:
        assert scales.xi_c == pytest.approx(xi, rel=2e-3)
    assert scales.xi_q == pytest.approx(-1 / math.log(scales.chi_par))


def test_phases():
    ordered, chaotic = depth_scales("tanh", 0.5, 0.1), depth_scales("tanh", 3.0)
    assert ordered.chi_perp < 1 < chaotic.chi_perp
    assert fixed_correlation("tanh", ordered.q, 0.5, 0.1) == pytest.approx(1.0, abs=1e-8)
    assert fixed_correlation("tanh", chaotic.q, 3.0) < 0.9
    assert depth_scales("relu", 2.0).xi_c == math.inf
    assert depth_scales("relu", 0.0).xi_c == 0.0
    assert fixed_variance("relu", 2.5) == math.inf
    assert fixed_variance("relu", 1.0) == 0.0
    assert fixed_variance("selu", 1.0, start=3.0) == pytest.approx(1.0, abs=1e-9)
    assert depth_scales("selu", 1.0).chi_par == pytest.approx(0.78265, abs=2e-4)
    with pytest.raises(ArgumentError, match="the variance grows without bound"):
        depth_scales("relu", 2.5)


@pytest.mark.parametrize(
    ("name", "c_w", "c_b", "keep"),
    [("tanh", 2.0, 0.0, 1.0), ("gelu", 1.5, 0.1, 1.0), ("mish", 1.4, 0.3, 0.9), ("softplus", 1.0, 0.0, 1.0)],
)
@pytest.mark.parametrize("start", [0.02, 1.0, 40.0])
def test_fixed_points_are_where_the_iteration_ends(name, c_w, c_b, keep, start):
    q = c = None
    for _ in range(150):
        q = variance_map(name, start if q is None else q, c_w, c_b, keep)
    assert fixed_variance(name, c_w, c_b, keep, start) == pytest.approx(q, rel=1e-6)
    for _ in range(150):
        c = correlation_map(name, 0.3 if c is None else c, q, c_w, c_b, keep)
    assert fixed_correlation(name, q, c_w, c_b, keep) == pytest.approx(c, abs=1e-2)


def test_critical_fixed_points_are_found_and_not_waited_for():
    assert fixed_variance("tanh", 1.0) == fixed_variance("elu", 1.0) == fixed_variance("tanh", 0.9999) == 0.0
    assert fixed_variance("tanh", 1.0001) == pytest.approx(5.0002e-5, rel=1e-4)  # 2q = C_W − 1
    assert fixed_variance("gelu", 2.2, 0.1) == math.inf
    assert fixed_variance("relu", 2.0, start=0.7) == 0.7
    assert depth_scales("tanh", 1.0).xi_c == depth_scales("tanh", 1.0).xi_q == math.inf
    # GELU's K* = 3.56 holds from above; from below the signal settles at 3.035, where it is still deep.
    scales = depth_scales("gelu", 1.98305825744, 0.172922390756)
    assert scales.q == pytest.approx(3.035, abs=1e-3)
    assert scales.xi_c == pytest.approx(165.6, abs=0.5)


def test_torch_default_is_floored_by_its_biases():
    """E4: weights of variance 1/(3n) and biases alike leave nothing of the input but the biases' floor."""
    width = 256
    for name, floor in (("relu", 1 / (2.5 * width)), ("tanh", 1 / (2 * width))):
        fixed = fixed_variance(name, 1 / 3, 1 / (3 * width))
        assert fixed == pytest.approx(floor, rel=0.01)
        after = correlation_profile(name, 50, 0.0, 1 / 3, 1 / 3, 1 / (3 * width))
        assert after[-1] > 0.9995


# Two inputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "erf", "tanh", "gelu", "selu", "softplus"])
@pytest.mark.parametrize("c", [-0.9, 0.0, 0.35, 0.97])
def test_correlation_map_equals_a_naive_double_integral(name, c):
    phi, root = NONLINEARITIES[name], math.sqrt(1.6)
    top = 1.3 * oracle.pair_mean(lambda z: phi.value(root * z), c) + 0.2
    expected = top / variance_map(name, 1.6, 1.3, 0.2)
    assert correlation_map(name, c, 1.6, 1.3, 0.2) == pytest.approx(expected, abs=2e-5)


def test_quadrature_in_angles_equals_the_closed_form():
    by_hand = Nonlinearity("hand-made", NONLINEARITIES["relu"].value, NONLINEARITIES["relu"].slope, (0.0,))
    shifted = Nonlinearity("shifted", lambda x: relu(x - 0.4), None, (0.4,))
    for c in (-1.0, -0.5, 0.2, 0.999, 1.0):
        assert correlation_map(by_hand, c, 3.0, 2.0) == pytest.approx(
            correlation_map("relu", c, 3.0, 2.0), abs=1e-9
        )
    expected = oracle.pair_mean(shifted.value, 0.5) / moments(shifted, 1.0).square
    assert correlation_map(shifted, 0.5, 1.0, 1.0) == pytest.approx(expected, abs=1e-4)


def test_relu_correlations_close_like_the_square_of_the_depth():
    profile = correlation_profile("relu", 1001, 0.0, 1.0, 2.0)
    for depth, expected in ((10, 12.85), (100, 35.77), (1000, 43.13)):
        assert (1 - profile[depth]) * depth**2 == pytest.approx(expected, rel=5e-3)
    assert (1 - profile[1000]) * 1000**2 == pytest.approx(9 * math.pi**2 / 2, rel=0.03)


def test_dropout_parts_equal_inputs():
    """Schoenholz et al. (2017), section 5: with masks of their own, c = 1 is no fixed point."""
    assert correlation_map("tanh", 1.0, 0.5, 1.5, 0.05) == pytest.approx(1.0)
    assert correlation_map("tanh", 1.0, 0.5, 1.5, 0.05, keep=0.9) < 0.95


def test_lost_signals_have_no_correlation():
    assert np.isnan(correlation_profile("tanh", 3, 0.5, 1.0, 0.0)[1:]).all()
    with pytest.raises(ArgumentError, match="The next layer's variance is 0"):
        correlation_map("tanh", 0.5, 1.0, 0.0)


def test_an_exploding_variance_is_infinite():
    profile = variance_profile("relu", 5, 1e99, 1e3)
    assert profile[0] == 1e99
    assert profile[-1] == math.inf


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: variance_map("relu", -1.0, 1.0), "q = -1.0 is no variance"),
        (lambda: variance_map("relu", 1.0, math.nan), "C_W = nan is no variance"),
        (lambda: variance_map("relu", 1.0, 1.0, -0.1), "C_b = -0.1 is no variance"),
        (lambda: chi_perp("relu", 1.0, 1.0, keep=0.0), "keep = 0.0 is the probability of keeping"),
        (lambda: correlation_map("relu", 1.5, 1.0, 1.0), "c = 1.5 is no correlation"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
