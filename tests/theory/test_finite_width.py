"""The laws of finite widths: against naive sums, against published numbers, and their errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import theory as quadrature
from tests.oracles import theory_widths as oracle

from profunda.errors import ArgumentError
from profunda.theory.activations import NONLINEARITIES, Nonlinearity
from profunda.theory.critical import critical_initialisation
from profunda.theory.finite_width import (
    FIRST_ORDER,
    dead_layer_probability,
    input_gradient_fluctuation,
    log_gradient_mean,
    log_gradient_variance,
    log_norm_mean,
    log_norm_variance,
    moments_can_be_sampled,
    ntk_diagonal_limit,
    ntk_diagonal_mean,
    ntk_diagonal_variance,
    ntk_diagonal_variance_uncoupled,
    vertex_profile,
)
from profunda.theory.widths import beta, relu_fluctuation

WIDTHS = st.lists(st.integers(1, 300), min_size=0, max_size=9)

TABLE = [  # L, H; Π(1 + 5/n) − 1; Var log F; Var K/(E K)² with layers taken as independent
    (4, 64, 0.3511, 0.3320, 0.2311),
    (8, 32, 2.1946, 1.4200, 1.3419),
    (16, 64, 2.3320, 1.3280, 1.4442),
    (32, 128, 2.4083, 1.2875, 1.5031),
    (8, 128, 0.3587, 0.3219, 0.2438),
    (32, 64, 10.10, 2.6559, 5.351),
    (64, 64, 122.3, 5.3118, 46.5),
]


def rounded(value, printed):
    """Whether `value` rounds to the number that was printed, to one unit of its last place."""
    places = len(repr(printed).partition(".")[2])
    return value == pytest.approx(printed, abs=0.75 * 10**-places)


# Norms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "width", "square", "log", "kernel"), TABLE)
def test_published_table(depth, width, square, log, kernel):
    widths = [width] * depth
    assert rounded(relu_fluctuation(widths), square)
    assert rounded(log_norm_variance(widths), log)
    assert rounded(ntk_diagonal_variance_uncoupled(widths), kernel)
    assert ntk_diagonal_variance(widths) > ntk_diagonal_variance_uncoupled(widths)


@pytest.mark.parametrize(
    ("width", "variance"),
    [(16, 0.41959), (32, 0.17750), (64, 0.082997), (128, 0.040234), (256, 0.019819), (1024, 0.0049005)],
)
def test_published_variances_of_a_layer(width, variance):
    assert rounded(log_norm_variance([width]), variance)


def test_published_means_of_a_layer():
    assert log_norm_mean([64]) == pytest.approx(-0.040109, abs=6e-7)
    assert log_norm_mean([256]) == pytest.approx(-0.0098287, abs=6e-8)


@pytest.mark.parametrize("width", [1, 2, 3, 16, 101, 700])
def test_logarithms_equal_naive_sums(width):
    mean, variance = oracle.log_moments(width)
    assert log_norm_mean([width]) == pytest.approx(mean, rel=1e-9, abs=1e-12)
    assert log_norm_variance([width]) == pytest.approx(variance, rel=1e-9)


def test_the_naive_sums_know_wrong_from_right():
    """Without the condition that a unit is alive, or with another width, they differ."""
    from scipy.special import digamma, polygamma

    assert oracle.digamma(7) == pytest.approx(digamma(3.5), rel=1e-14)
    assert oracle.trigamma(8) == pytest.approx(polygamma(1, 4.0), rel=1e-13)
    assert oracle.log_moments(17)[1] != pytest.approx(log_norm_variance([16]), rel=1e-2)
    assert oracle.kernel_variance([8, 8]) != pytest.approx(ntk_diagonal_variance_uncoupled([8, 8]), rel=1e-3)


@pytest.mark.parametrize("width", [512, 1024, 4096, 50_000])
def test_logarithms_by_their_expansions(width):
    """5/n + 18.5/n² and −2.5/n − 4.08/n², up to terms of the third order."""
    third = 300.0 / width**3
    assert log_norm_variance([width]) == pytest.approx(5 / width + 18.5 / width**2, abs=third)
    assert log_norm_mean([width]) == pytest.approx(-2.5 / width - 4.08 / width**2, abs=third)


@given(WIDTHS)
def test_layers_add_up_in_any_order(widths):
    assert log_norm_variance(widths) == pytest.approx(sum(log_norm_variance([n]) for n in widths))
    assert relu_fluctuation(widths[::-1]) == pytest.approx(relu_fluctuation(widths))
    assert log_norm_mean(widths) <= 0.0 <= log_norm_variance(widths)
    assert 0.0 <= dead_layer_probability(widths) <= 1.0


def test_widths_of_the_text():
    for widths, b, square in (
        ([128, 64, 32], 0.0547, 0.2953),
        ([512, 256, 128, 64], 0.0293, 0.1533),
        ([64, 32, 16], 0.1094, 0.6361),
    ):
        assert rounded(beta(widths), b)
        assert rounded(relu_fluctuation(widths), square)
    assert 5 * beta([128, 64, 32]) == pytest.approx(0.273, abs=5e-4)


def test_dead_layers():
    assert dead_layer_probability([]) == 0.0
    assert dead_layer_probability([10]) == pytest.approx(2.0**-10, rel=1e-12)
    assert dead_layer_probability([2, 3]) == pytest.approx(1 - 3 / 4 * 7 / 8)
    assert dead_layer_probability([2000] * 3) == 0.0  # 2^−2000 is no float64, and no risk


def test_input_gradients():
    assert input_gradient_fluctuation([], 4) == pytest.approx(0.5)
    assert input_gradient_fluctuation([10, 20], 8) == pytest.approx(1.5 * 1.25 * 1.25 - 1)
    # log((2/n_0)χ²/2) of an exponential variable: mean −γ, variance π²/6.
    assert log_gradient_mean([], 2) == pytest.approx(-np.euler_gamma)
    assert log_gradient_variance([], 2) == pytest.approx(math.pi**2 / 6)
    assert log_gradient_variance([64] * 3, 500) - log_norm_variance([64] * 3) == pytest.approx(
        2 / 500, rel=3e-3
    )


def test_when_second_moments_can_be_sampled():
    assert moments_can_be_sampled([16] * 8)
    assert not moments_can_be_sampled([16] * 9)


# The kernel's diagonal ------------------------------------------------------------------------------


def test_mean_of_the_kernel():
    assert ntk_diagonal_mean(0) == 2.0
    assert ntk_diagonal_mean(8, 0.25) == 4.5


@given(WIDTHS)
@settings(deadline=None)
def test_kernel_variance_equals_the_sum_over_pairs_of_matrices(widths):
    expected = oracle.kernel_variance(widths)
    assert ntk_diagonal_variance(widths) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert ntk_diagonal_variance(widths[::-1]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.integers(0, 9), st.integers(1, 300))
@settings(deadline=None)
def test_uncoupled_kernel_variance_equals_the_double_sum(depth, width):
    expected = oracle.uncoupled_kernel_variance(depth, width)
    assert ntk_diagonal_variance_uncoupled([width] * depth) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("depth", range(7))
def test_kernel_variance_of_chains_of_single_units(depth):
    """K = 2^{L+1} Π gates · Σ_l Π_{k≠l} w_k², and E w² = 1, E w⁴ = 3: every pair of terms by hand.

    Layers taken as independent do not pass from two layers on.
    """
    pairs = sum(
        3.0 ** (depth + 1 - (1 if low == high else 2))
        for low in range(depth + 1)
        for high in range(depth + 1)
    )
    second = 4.0 ** (depth + 1) * 0.5**depth * pairs
    mean = 2.0 ** (depth + 1) * 0.5**depth * (depth + 1)
    assert mean == ntk_diagonal_mean(depth)
    assert ntk_diagonal_variance([1] * depth) == pytest.approx(second / mean**2 - 1, rel=1e-12, abs=1e-12)
    same = ntk_diagonal_variance_uncoupled([1] * depth) == pytest.approx(second / mean**2 - 1)
    assert same == (depth < 2)


def test_kernel_variance_of_a_hidden_layer():
    """With one hidden layer nothing lies between: 3/n, where both formulas are one."""
    for width, published in ((32, 0.0938), (8, 0.3750)):
        assert ntk_diagonal_variance([width]) == pytest.approx(3 / width)
        assert rounded(ntk_diagonal_variance([width]), published)
    assert ntk_diagonal_variance([]) == 0.0


def test_kernel_variance_grows_with_the_depth_over_the_width():
    assert ntk_diagonal_variance([10**6] * 50) == pytest.approx(11 / 3 * 5e-5, rel=0.05)
    assert ntk_diagonal_variance([10**4] * 1000) == pytest.approx(ntk_diagonal_limit(0.1), rel=5e-3)
    assert ntk_diagonal_variance([4000] * 2000) == pytest.approx(ntk_diagonal_limit(0.5), rel=5e-3)


@pytest.mark.parametrize("b", [1e-5, 1e-3, 0.05, 0.3, 2.0])
def test_the_limit_equals_the_integral_over_pairs_of_depths(b):
    """∫∫ e^{5b(1 − |s − t|)}·[⅓e^{5b|s − t|} + ⅔e^{−b|s − t|}] − 1; distances have the density 2(1 − u)."""
    u, weights = np.polynomial.legendre.leggauss(40)
    u, weights = (u + 1) / 2, weights / 2
    integrand = np.exp(5 * b * (1 - u)) * (np.exp(5 * b * u) + 2 * np.exp(-b * u)) / 3 - 1
    expected = weights @ (2 * (1 - u) * integrand)
    assert ntk_diagonal_limit(b) == pytest.approx(expected, rel=1e-8)


def test_more_than_a_number_holds_is_infinite():
    assert ntk_diagonal_limit(1e3) == ntk_diagonal_variance([1] * 500) == math.inf
    assert relu_fluctuation([1] * 500) == math.inf


def test_limits_of_the_limit():
    assert ntk_diagonal_limit(0.0) == 0.0
    assert ntk_diagonal_limit(1e-4) / 1e-4 == pytest.approx(11 / 3, rel=1e-3)
    series, closed = ntk_diagonal_limit(1e-3 / 6 * (1 - 1e-9)), ntk_diagonal_limit(1e-3 / 6 * (1 + 1e-9))
    assert series == pytest.approx(closed, rel=1e-7)
    assert ntk_diagonal_limit(20.0) / math.exp(100.0) == pytest.approx(1 / 3, rel=0.04)
    # The layers taken as independent would give e^{5β}/(2β), which is of a smaller order.
    assert ntk_diagonal_limit(20.0) > 10 * math.exp(100.0) / 40


# The vertex -----------------------------------------------------------------------------------------


def scaled(name, depth, q, c_w, c_b=0.0):
    """V_l/q_l² for l = 1 … depth, which the width does not change."""
    found = vertex_profile(name, [128] * (depth - 1), q, c_w, c_b)
    return found.vertex / found.q**2


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tanh", [0.627, 1.806, 4.262, 6.797, 9.370]), ("selu", [1.503, 2.988, 3.754, 3.862, 3.877])],
)
def test_published_vertices(name, expected):
    assert scaled(name, 16, 1.0, 1.0)[[1, 3, 7, 11, 15]] == pytest.approx(expected, abs=6e-4)


def test_vertices_that_grow_with_the_depth():
    layers = np.arange(30)
    assert scaled("relu", 30, 2.0, 2.0) == pytest.approx(5.0 * layers, abs=1e-12)
    assert scaled("linear", 30, 1.0, 1.0) == pytest.approx(2.0 * layers, abs=1e-12)
    for name, slope in (("gelu", 4.90), ("silu", 4.92)):
        at = critical_initialisation(name)
        grown = scaled(name, 30, at.fixed_point, at.weight_variance, at.bias_variance)
        assert grown[1:] / layers[1:] == pytest.approx(slope, abs=5e-3)
    assert scaled("tanh", 400, 1.0, 1.0)[-1] / 400 == pytest.approx(2 / 3, rel=0.01)
    assert scaled("erf", 400, 1.0, math.pi / 4)[-1] / 400 == pytest.approx(2 / 3, rel=0.01)


def test_vertices_that_settle():
    assert scaled("selu", 60, 1.0, 1.0)[-1] == pytest.approx(3.88, abs=5e-3)
    assert scaled("tanh", 200, 1.0, 1.5, 0.05)[-1] == pytest.approx(1.04, abs=5e-3)


@pytest.mark.parametrize("name", sorted(NONLINEARITIES))
def test_the_recursion_equals_one_by_naive_quadrature(name):
    phi, q, c_w, c_b, widths = NONLINEARITIES[name], 0.9, 1.3, 0.1, [20, 50, 10]
    found = vertex_profile(name, widths, q, c_w, c_b)
    scaled_vertex = 0.0  # V_l/n_{l−1}
    for layer, width in enumerate(widths):
        square = quadrature.simpson_mean(lambda g: phi.value(math.sqrt(q) * g) ** 2)  # noqa: B023
        fourth = quadrature.simpson_mean(lambda g: phi.value(math.sqrt(q) * g) ** 4)  # noqa: B023
        growth = quadrature.simpson_mean(lambda g: (g * g - 1) * phi.value(math.sqrt(q) * g) ** 2)  # noqa: B023
        growth *= c_w / (2 * q)
        scaled_vertex = growth**2 * scaled_vertex + c_w**2 * (fourth - square**2) / width
        q = c_w * square + c_b
        assert found.q[layer + 1] == pytest.approx(q, rel=1e-9)
        assert found.excess[layer + 1] == pytest.approx(scaled_vertex / q**2, rel=1e-7)
        assert found.vertex[layer + 1] == pytest.approx(scaled_vertex * width, rel=1e-7)


def test_any_function_will_do():
    by_hand = Nonlinearity("hand-made", lambda x: np.maximum(x, 0.0), None, (0.0,))
    expected = vertex_profile("relu", [7, 9], 1.0, 2.0)
    assert vertex_profile(by_hand, [7, 9], 1.0, 2.0).excess == pytest.approx(expected.excess, rel=1e-6)
    assert vertex_profile(np.sin, [30], 1e-20, 1.0).excess[1] == pytest.approx(2 / 30)


def test_first_orders_are_marked_where_they_are_none():
    found = vertex_profile("relu", [100] * 9, 2.0, 2.0)
    assert FIRST_ORDER == 0.3
    assert found.valid.tolist() == [True] * 7 + [False] * 3  # 5(l − 1)/100 ≤ 0.3
    assert found.excess[-1] < relu_fluctuation([100] * 9)


def test_without_a_signal_there_is_no_vertex():
    dead = vertex_profile("tanh", [10, 10], 1.0, 0.0)
    assert dead.excess[0] == 0.0
    assert np.isnan(dead.excess[1:]).all()
    assert not dead.valid[1:].any()
    assert np.isnan(vertex_profile("relu", [10], 0.0, 2.0).excess).all()
    assert np.isnan(vertex_profile("relu", [10] * 4, 1e99, 1e3).excess[-1])
    # Biases bring the next one a signal that is the same in every network.
    biased = vertex_profile(lambda x: 0.0 * x, [10], 1.0, 1.0, 0.5)
    assert biased.excess.tolist() == [0.0, 0.0]


# Errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "law",
    [
        beta,
        relu_fluctuation,
        log_norm_variance,
        log_norm_mean,
        dead_layer_probability,
        ntk_diagonal_variance,
        ntk_diagonal_variance_uncoupled,
        moments_can_be_sampled,
        lambda widths: input_gradient_fluctuation(widths, 3),
        lambda widths: log_gradient_mean(widths, 3),
        lambda widths: log_gradient_variance(widths, 3),
        lambda widths: vertex_profile("relu", widths, 1.0, 2.0),
    ],
)
def test_a_width_below_1_is_refused(law):
    with pytest.raises(ArgumentError, match="Layer 2 of 3 has width 0: no layer is narrower than 1 unit"):
        law([4, 0, 4])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: input_gradient_fluctuation([4], 0), "has width 0"),
        (lambda: log_gradient_mean([4], 0), "has width 0"),
        (lambda: log_gradient_variance([4], 0), "has width 0"),
        (lambda: ntk_diagonal_mean(-1), "No network has -1 hidden layers"),
        (lambda: ntk_diagonal_mean(2, math.nan), "inputs of mean square nan"),
        (lambda: ntk_diagonal_limit(-0.1), "β = -0.1 is no sum of 1/width"),
        (lambda: vertex_profile("relu", [4], -1.0, 2.0), "q = -1.0 is no variance"),
        (lambda: vertex_profile("relu", [4], 1.0, math.inf), "C_W = inf is no variance"),
        (lambda: vertex_profile("snake", [4], 1.0, 1.0), "No activation is called 'snake'"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
