"""Kernels of wide networks against naive recursions, closed forms, other quadratures and wide networks."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from sklearn.kernel_ridge import KernelRidge
from tests.oracles import theory_kernels as oracle
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.theory import duals as module
from profunda.theory.activations import NONLINEARITIES, Nonlinearity
from profunda.theory.duals import dual_means, mean_squares
from profunda.theory.kernels import (
    dense_kernels,
    kernel_condition,
    kernel_regression,
    largest_stable_step,
    lazy_time,
)
from profunda.theory.pointwise import MODULES
from profunda.theory.propagation import moments, product_mean
from profunda.theory.scales import loss_factor
from profunda.theory.tangents import empirical_ntk

PAIRS = {"relu": oracle.relu_pair, "erf": oracle.erf_pair, "linear": oracle.linear_pair}
TORCH = {"relu": torch.relu, "erf": torch.erf, "tanh": torch.tanh}
SCALES = ("half_rss", "rss", "mse", "sklearn")
HARD = Nonlinearity(
    "hardtanh", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1).astype(float), (-1.0, 1.0)
)


def rows(n=8, d=10, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def apart(found, truth):
    """Relative Frobenius error."""
    return np.linalg.norm(found - truth) / np.linalg.norm(truth)


def pairs_of(n, seed=3):
    """Variances [n] and correlations [n, n] of random rows."""
    x = rows(n, 10, seed)
    q = (x**2).mean(1)
    c = np.clip(x @ x.T / 10 / np.sqrt(np.outer(q, q)), -1, 1)
    np.fill_diagonal(c, 1.0)
    return q, c


def named(name):
    """The same function under a name without closed forms."""
    phi = NONLINEARITIES[name]
    return Nonlinearity("by hand", phi.value, phi.slope, phi.kinks)


# Recursions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3, 10])
def test_relu_keeps_its_variance_and_adds_2_a_layer(depth):
    """§3g: for rows of mean square 1 and C_W = 2, K = 2 and Θ = 2(L + 1) to 1e-15."""
    x = rows()
    x *= math.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)
    found = dense_kernels(x, depth, "relu", 2.0)
    assert np.diag(found.nngp) == pytest.approx(2.0, rel=2e-15)
    assert np.diag(found.ntk) == pytest.approx(2.0 * (depth + 1), rel=2e-15)
    assert found.error == 0.0


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(PAIRS)),
    st.integers(0, 4),
    st.floats(0.05, 4.0),
    st.floats(0.0, 2.0),
    st.floats(0.1, 10.0),
    st.integers(0, 10_000),
)
def test_all_layers_equal_a_naive_recursion(name, depth, c_w, c_b, size, seed):
    x = size * rows(4, 3, seed)
    found = dense_kernels(x, depth, name, c_w, c_b)
    naive = oracle.kernels(x.tolist(), depth, PAIRS[name], c_w, c_b)
    assert len(found.layers) == depth + 1
    for layer, (nngp, ntk) in zip(found.layers, naive, strict=True):
        assert layer.nngp == pytest.approx(nngp, rel=1e-6, abs=1e-9)  # its arc cosine keeps 8 digits near 1
        assert layer.ntk == pytest.approx(ntk, rel=1e-6, abs=1e-9)
    assert found.nngp is found.layers[-1].nngp
    assert found.ntk is found.layers[-1].ntk


@pytest.mark.parametrize("name", ["tanh", "gelu", "selu", "softplus"])
def test_other_activations_equal_naive_double_integrals(name):
    phi = NONLINEARITIES[name]

    def pair(k11, k22, k12):
        c = min(1.0, k12 / math.sqrt(k11 * k22))
        return oracle.plane_mean(phi.value, k11, k22, c), oracle.plane_mean(phi.slope_at, k11, k22, c)

    x = rows(3, 4, 1) * np.array([[0.3], [1.0], [2.0]])
    found = dense_kernels(x, 2, name, 1.4, 0.1)
    nngp, ntk = oracle.kernels(x.tolist(), 2, pair, 1.4, 0.1)[-1]
    kinked = 1e-3 if phi.kinks else 1e-9  # of the plane's grid, not of ours
    assert found.nngp == pytest.approx(nngp, rel=kinked)
    assert found.ntk == pytest.approx(ntk, rel=kinked)
    assert found.error < 1e-9


def test_the_naive_recursion_can_fail():
    naive = oracle.kernels(rows(4).tolist(), 2, oracle.erf_pair, 1.4, 0.1)[-1]
    assert apart(dense_kernels(rows(4), 2, "tanh", 1.4, 0.1).ntk, naive[1]) > 0.01


@pytest.mark.parametrize("name", ["relu", "tanh", "elu"])
@pytest.mark.parametrize("widths", [None, (30, 20)])
def test_new_rows_see_the_same_kernel(name, widths):
    x = rows(7)
    whole = dense_kernels(x, 2, name, 1.5, 0.1, widths=widths)
    block = dense_kernels(x[:3], 2, name, 1.5, 0.1, x2=x[3:], widths=widths)
    assert block.nngp == pytest.approx(whole.nngp[:3, 3:], rel=1e-9, abs=1e-11)
    assert block.ntk == pytest.approx(whole.ntk[:3, 3:], rel=1e-9, abs=1e-9)
    # Equal rows on both sides are as one row.
    again = dense_kernels(x, 2, name, 1.5, 0.1, x2=x.copy(), widths=widths)
    assert np.diag(again.ntk) == pytest.approx(np.diag(whole.ntk), rel=1e-12)


def test_layers_may_differ():
    """One variance a layer is what one number for all means; and each counts where it stands."""
    x = rows()
    one = dense_kernels(x, 2, "relu", 1.7, 0.2)
    each = dense_kernels(x, 2, "relu", [1.7, 1.7, 1.7], [0.2, 0.2, 0.2])
    assert np.array_equal(one.ntk, each.ntk)
    lifted = dense_kernels(x, 2, "relu", 1.7, [0.2, 0.2, 1.2])
    assert lifted.nngp - one.nngp == pytest.approx(1.0)
    assert lifted.ntk - one.ntk == pytest.approx(1.0)
    doubled = dense_kernels(x, 2, "relu", [1.7, 1.7, 3.4])
    assert doubled.ntk == pytest.approx(2 * dense_kernels(x, 2, "relu", 1.7).ntk)


def test_a_row_of_zeros_without_biases_has_no_kernel():
    x = np.vstack([np.zeros(4), rows(2, 4)])
    for name in ("relu", "tanh", "selu"):
        found = dense_kernels(x, 2, name, 1.0)
        assert found.ntk[0] == pytest.approx(0.0, abs=1e-12)
        assert np.isfinite(found.ntk).all()


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "tanh"])
def test_a_row_of_zeros_has_the_kernel_of_wide_networks(name, biases):
    """Its pre-activations are 0 and not near it: what counts is the φ'(0) that torch takes."""
    x = np.vstack([np.zeros(4), rows(2, 4)])
    widths = (600, 500)
    limit = dense_kernels(x, 2, name, 1.6, widths=widths, biases=biases)
    drawn = np.mean([_standard_kernel(x, widths, name, biases, seed) for seed in range(6)], 0)
    scale = np.sqrt(np.outer(np.diag(limit.ntk), np.diag(limit.ntk)))
    assert drawn[0] == pytest.approx(limit.ntk[0], rel=0.1, abs=1e-12)
    assert np.abs(drawn - limit.ntk).max() < 0.1 * scale.max()
    assert dense_kernels(x[1:], 2, name, 1.6, x2=x, widths=widths, biases=biases).ntk == pytest.approx(
        limit.ntk[1:], rel=1e-9
    )
    if name == "relu":
        assert drawn[0] == pytest.approx(float(biases))  # nothing but the last bias moves it
        assert limit.ntk[0] == pytest.approx(float(biases))


def _standard_kernel(x, widths, name, biases, seed):
    """Θ of a network with weights of variance 1.6/fan-in and biases of 0, which are trained."""
    drawn = torch.Generator().manual_seed(seed)
    sizes, parts = [x.shape[1], *widths, 1], []
    for enter, leave in pairwise(sizes):
        layer = nn.Linear(enter, leave, bias=biases, dtype=torch.float64)
        with torch.no_grad():
            weight = torch.randn(leave, enter, generator=drawn, dtype=torch.float64)
            layer.weight.copy_(weight * math.sqrt(1.6 / enter))
            if biases:
                layer.bias.zero_()
        parts += [layer, MODULES[name]()]
    return empirical_ntk(nn.Sequential(*parts[:-1]), torch.from_numpy(x)).values.numpy()


@pytest.mark.parametrize("name", ["relu", "selu", "elu", "tanh"])
def test_equal_rows_stay_equal_in_every_layer(name):
    """A mean that is off by 1e-12 must not part them: where a slope jumps, Θ would be off by 1e-6."""
    x = rows(40)[[27, 28, 30, 35, 0, 1]]
    whole = dense_kernels(x, 3, name, 1.5, 0.1)
    for again in (
        dense_kernels(x, 3, name, 1.5, 0.1, x2=x.copy()).ntk,
        dense_kernels(x, 3, name, 1.5, 0.1, x2=x[::-1]).ntk[:, ::-1],
        dense_kernels(np.vstack([x, x]), 3, name, 1.5, 0.1).ntk[:6, 6:],
        dense_kernels(x, 3, name, 1.5, 0.1, x2=np.vstack([x, -x])).ntk[:, :6],
    ):
        assert again == pytest.approx(whole.ntk, rel=1e-11, abs=1e-10)
    twice = dense_kernels(np.array([[0.0, 1.0], [-0.0, 1.0]]), 2, name, 1.5).ntk
    assert twice == pytest.approx(np.full((2, 2), twice[0, 0]), rel=1e-12)


# Means of pairs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(NONLINEARITIES))
def test_pairs_agree_with_the_single_input_maps(name):
    q = np.array([0.02, 0.3, 1.6, 5.0])
    found = dual_means(name, q, q, np.eye(4))
    assert np.diag(found.product) == pytest.approx([moments(name, each).square for each in q], rel=1e-11)
    assert np.diag(found.slopes) == pytest.approx([moments(name, each).slope for each in q], rel=1e-11)
    assert mean_squares(name, q) == pytest.approx(np.diag(found.product), rel=1e-11)
    turned = dual_means(name, q, q, np.full((4, 4), -0.7))
    for i, each in enumerate(q):
        assert turned.product[i, i] == pytest.approx(product_mean(name, -0.7, each), rel=1e-9, abs=1e-12)
    assert turned.product == pytest.approx(turned.product.T, rel=1e-12)
    assert found.error < 2e-10


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "erf", "linear"])
def test_series_and_quadrature_equal_closed_forms(name):
    q, c = pairs_of(6)
    closed, by_hand = dual_means(name, q, q, c), dual_means(named(name), q, q, c)
    assert by_hand.product == pytest.approx(closed.product, abs=1e-12)
    assert by_hand.slopes == pytest.approx(closed.slopes, abs=1e-12)
    assert closed.error == 0.0 < by_hand.error < 2e-10


@pytest.mark.parametrize("c", [-0.95, -0.2, 0.5, 0.999])
def test_kinks_anywhere_are_edges(c):
    """Hard tanh: E φ'φ' is the mass of a square, a single integral of normal distribution functions."""
    first, second = 0.6, 2.3
    rest = math.sqrt(second * (1 - c * c))

    def mass(u):
        centre = c * math.sqrt(second / first) * u
        inner = stats.norm.cdf((1 - centre) / rest) - stats.norm.cdf((-1 - centre) / rest)
        return inner * stats.norm.pdf(u, scale=math.sqrt(first))

    expected = integrate.quad(mass, -1, 1, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
    found = dual_means(HARD, np.array([first]), np.array([second]), np.array([[c]]))
    assert found.slopes.item() == pytest.approx(expected, abs=1e-9)
    assert found.error < 1e-7
    assert mean_squares(HARD, np.array([second])).item() == pytest.approx(moments(HARD, second).square)


def test_products_of_kinked_functions_equal_the_adaptive_double_integral():
    found = dual_means(HARD, np.array([2.3]), np.array([2.3]), np.array([[0.5]])).product.item()
    assert found == pytest.approx(product_mean(HARD, 0.5, 2.3), abs=1e-8)


def test_a_kink_nobody_named_and_steep_functions_cost_digits_and_say_so():
    hidden = dual_means(lambda x: np.clip(x, -1, 1), np.ones(1), np.ones(1), np.array([[0.3]]))
    truth = dual_means(HARD, np.ones(1), np.ones(1), np.array([[0.3]]))
    off = abs(hidden.slopes.item() / truth.slopes.item() - 1)
    assert 1e-9 < off <= hidden.error < 0.05
    steep = dual_means("tanh", np.full(1, 100.0), np.full(1, 100.0), np.array([[0.3]]))
    off = abs(steep.product.item() - product_mean("tanh", 0.3, 100.0))
    assert off <= steep.error
    assert off < 1e-10


@pytest.mark.parametrize("spread", [True, False])
def test_many_pairs_are_interpolated_as_well_as_is_said(spread, monkeypatch):
    q, c = pairs_of(60)
    if not spread:
        q = np.full(60, 1.3)
    found = dual_means("selu", q, q, c)
    # No grid is cheaper than no pairs at all.
    monkeypatch.setattr(module, "_SIZES", ((10_000, 10_000),))
    direct = dual_means("selu", q, q, c)
    for means, truth, limit in (
        (found.product, direct.product, math.sqrt(np.multiply.outer(*[mean_squares("selu", q)] * 2).max())),
        (found.slopes, direct.slopes, np.diag(direct.slopes).max()),
    ):
        off = np.abs(means - truth).max()
        assert 0.0 < off <= 1e-9 * limit
        assert off <= 10 * found.error * limit
    assert found.error <= 1e-9


def test_a_coarse_grid_says_so(monkeypatch):
    q, c = pairs_of(40)
    monkeypatch.setattr(module, "_SIZES", ((3, 6),))
    assert dual_means("selu", q, q, c).error > 1e-6


# Wide networks --------------------------------------------------------------------------------------


def test_the_cheap_empirical_kernel_is_the_product_of_jacobians():
    chain, x = oracle.Chain(10, (16, 12), torch.tanh, 1.3, 0.2, 0), torch.tensor(rows())
    assert oracle.chain_ntk(chain, x) == pytest.approx(oracle.empirical_ntk(chain, x), rel=1e-10, abs=1e-12)


def diagonal_spread(depth, width):
    """√(Var Θ/EΘ²) of a bias-free ReLU's diagonal entry, §3f-4."""
    steps = [abs(a - b) for a in range(depth + 1) for b in range(depth + 1)]
    terms = [(1 + 5 / width) ** (depth - step) * (1 + 1 / width) ** step for step in steps]
    return math.sqrt(sum(terms) / (depth + 1) ** 2 - 1)


def test_the_spread_of_a_diagonal_entry_is_the_stated_one():
    found = [diagonal_spread(depth, 1024) for depth in (1, 2, 3, 5)]
    assert found == pytest.approx([0.054, 0.079, 0.100, 0.131], abs=1.1e-3)


TABLE = [
    ("relu", 2.0, 0.0, (0.055, 0.087, 0.079, 0.141)),
    ("relu", 2.0, 0.1, (0.064, 0.087, 0.124, 0.103)),
    ("erf", 1.0, 0.0, (0.041, 0.059, 0.073, 0.095)),
    ("erf", math.pi / 4, 0.0, (0.039, 0.046, 0.053, 0.077)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "c_w", "c_b", "expected"), TABLE)
def test_networks_of_width_1024_are_as_near_as_the_table_says(name, c_w, c_b, expected):
    """§3g: relative Frobenius errors of one network, and their average's, which has about half."""
    x = rows()
    for depth, stated in zip((1, 2, 3, 5), expected, strict=True):
        truth = dense_kernels(x, depth, name, c_w, c_b).ntk
        found = [
            oracle.chain_ntk(oracle.Chain(10, [1024] * depth, TORCH[name], c_w, c_b, seed), torch.tensor(x))
            for seed in range(4)
        ]
        each = [apart(one, truth) for one in found]
        assert max(each) < 4 * diagonal_spread(depth, 1024)
        assert stated / 1.7 < np.mean(each) < 1.7 * stated
        assert apart(np.mean(found, 0), truth) < 0.8 * np.mean(each)


def test_the_error_falls_like_the_root_of_the_width():
    """§3g: error·√H of a ReLU network with L = 2 is 2.81, 2.43, 2.81, 2.51, 2.55."""
    x, widths = rows(), (64, 128, 256, 512, 1024)
    truth, errors = dense_kernels(x, 2, "relu", 2.0).ntk, []
    for width in widths:
        chains = [oracle.Chain(10, (width, width), torch.relu, 2.0, 0.0, seed) for seed in range(16)]
        errors.append(np.mean([apart(oracle.chain_ntk(each, torch.tensor(x)), truth) for each in chains]))
    assert np.array(errors) * np.sqrt(widths) == pytest.approx(2.6, abs=0.6)
    assert np.polyfit(np.log(widths), np.log(errors), 1)[0] == pytest.approx(-0.5, abs=0.1)


def test_outputs_of_many_networks_have_the_nngp_covariance():
    """A28: 4,000 networks, H = 128, L = 3: 2.4 % from K, which is what 4,000 draws leave; not yet normal."""
    x, nets = rows(), 4000
    truth = dense_kernels(x, 3, "relu", 2.0).nngp
    floor = math.sqrt((np.trace(truth) ** 2 + (truth**2).sum()) / nets) / np.linalg.norm(truth)
    found = oracle.random_outputs(x, 128, 3, torch.relu, 2.0, nets, 1)
    assert apart(found.T @ found / nets, truth) == pytest.approx(0.024, abs=0.008)
    assert floor == pytest.approx(0.0224, abs=0.006)
    # 3·5(l − 1)/H at l = 4, §3f-5, and more so for narrower networks: 1/H.
    excess = ((found / np.sqrt(np.diag(truth))) ** 4).mean() - 3
    assert excess == pytest.approx(45 / 128, abs=0.25)
    narrow = oracle.random_outputs(x, 16, 3, torch.relu, 2.0, nets, 1)
    assert ((narrow / np.sqrt(np.diag(truth))) ** 4).mean() - 3 > 3 * excess


# Parametrisations -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "c_w", "c_b", "widths"), [("relu", 2.0, 0.1, (1024,)), ("tanh", 1.5, 0.0, (512, 700))]
)
def test_the_standard_kernel_is_that_of_wide_networks(name, c_w, c_b, widths):
    x = rows()
    truth = dense_kernels(x, len(widths), name, c_w, c_b, widths=widths)
    chains = [oracle.Chain(10, widths, TORCH[name], c_w, c_b, seed, scaled=False) for seed in range(6)]
    found = np.mean([oracle.chain_ntk(each, torch.tensor(x)) for each in chains], 0)
    assert apart(found, truth.ntk) < 0.07
    assert truth.parametrisation == "standard"
    # Control: neither the other parametrisation nor untrained biases come near.
    assert apart(found, dense_kernels(x, len(widths), name, c_w, c_b).ntk) > 0.5
    assert np.array_equal(truth.nngp, dense_kernels(x, len(widths), name, c_w, c_b).nngp)


@pytest.mark.parametrize("biases", [True, False])
def test_torch_linear_layers_have_the_standard_kernel_with_a_third(biases):
    """E4: torch.nn.Linear draws uniformly, C_W = 1/3 and C_b = 1/(3 fan-in), not C_W = 1."""
    x, width, found = rows(5), 256, []
    for seed in range(6):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Linear(10, width, biases),
            nn.ReLU(),
            nn.Linear(width, width, biases),
            nn.ReLU(),
            nn.Linear(width, 1, biases),
        ).double()
        found.append(oracle.empirical_ntk(net, torch.tensor(x)))
    c_b = [1 / (3 * fan_in) if biases else 0.0 for fan_in in (10, width, width)]
    truth = dense_kernels(x, 2, "relu", 1 / 3, c_b, widths=(width, width), biases=biases).ntk
    assert apart(np.mean(found, 0), truth) < 0.1
    wrong = dense_kernels(x, 2, "relu", 1.0, c_b, widths=(width, width), biases=biases).ntk
    assert apart(np.mean(found, 0), wrong) > 0.3


def test_one_layer_s_share_is_its_fan_in_over_its_variance():
    """Without biases the standard Θ^l adds H/C_W times what the NTK one adds."""
    x, c_w = rows(), 1.7
    ntk = dense_kernels(x, 2, "tanh", c_w)
    standard = dense_kernels(x, 2, "tanh", c_w, widths=(30, 50), biases=False)
    fan_ins = (10, 30, 50)
    # Own shares: Θ^l − C_W E φ'φ' Θ^{l−1}; for NTK that is K^l.
    slopes = [(b.ntk - b.nngp) / a.ntk for a, b in pairwise(ntk.layers)]
    expected = ntk.layers[0].nngp * fan_ins[0] / c_w
    for layer, slope in enumerate(slopes, 1):
        expected = ntk.layers[layer].nngp * fan_ins[layer] / c_w + slope * expected
    assert standard.ntk == pytest.approx(expected, rel=1e-9)


def test_the_stable_step_of_the_standard_parametrisation_falls_like_the_width():
    """T18: a step that keeps its size while the width grows cannot stay stable; in NTK it can."""
    x, steps = rows(), []
    for width in (1_000, 10_000):
        kernel = dense_kernels(x, 2, "relu", 2.0, widths=(width, width)).ntk
        steps.append(largest_stable_step(kernel, "half_rss"))
    assert steps[0] / steps[1] == pytest.approx(10, rel=0.02)


# Training -------------------------------------------------------------------------------------------


def test_condition_of_known_spectra():
    turn = np.linalg.qr(rows(5, 5))[0]
    found = kernel_condition(turn @ np.diag([0.5, 1.0, 2.0, 3.0, 8.0]) @ turn.T)
    assert (found.smallest, found.largest, found.number) == pytest.approx((0.5, 8.0, 16.0))
    x = rows(4)
    twice = dense_kernels(np.vstack([x, x[:1]]), 2, "relu", 2.0).ntk
    assert kernel_condition(twice).number == math.inf  # equal rows
    assert math.isfinite(kernel_condition(twice[:4, :4]).number)


@pytest.mark.parametrize("scale", SCALES)
def test_steps_below_the_largest_are_stable_and_above_are_not(scale):
    kernel = dense_kernels(rows(), 2, "relu", 2.0).ntk
    limit = largest_stable_step(kernel, scale)
    for share, shrinks in ((0.99, True), (1.01, False)):
        left = np.ones(8)
        for _ in range(2000):
            left = left - 2 * loss_factor(scale, 8) * share * limit * kernel @ left
        assert (np.linalg.norm(left) < math.sqrt(8)) == shrinks
    assert limit == pytest.approx(
        {"half_rss": 2, "rss": 1, "mse": 8, "sklearn": 16}[scale] / kernel_condition(kernel).largest
    )
    assert largest_stable_step(kernel, "mse", n_rows=4) == pytest.approx(4 / kernel_condition(kernel).largest)
    assert largest_stable_step(np.zeros((2, 2)), scale) == math.inf


@pytest.mark.parametrize("scale", SCALES)
def test_lazy_time_is_exact_for_the_slowest_direction_and_a_bound_else(scale):
    kernel = dense_kernels(rows(), 2, "relu", 2.0).ntk
    values, vectors = np.linalg.eigh(kernel)
    factor, ratio = loss_factor(scale, 8), 1e-3
    rate = 0.25 * largest_stable_step(kernel, scale)
    steps = lazy_time(kernel, rate, ratio, scale)

    def loss_after(residual):
        left = vectors @ (np.exp(-2 * factor * rate * steps * values) * (vectors.T @ residual))
        return (left @ left) / (residual @ residual)

    assert loss_after(vectors[:, 0]) == pytest.approx(ratio)
    mixed = np.array([1.0, -1, 1, 1, -1, 1, -1, 1])
    assert loss_after(mixed) < ratio
    left = mixed.copy()
    for _ in range(math.ceil(steps)):
        left = left - 2 * factor * rate * kernel @ left
    assert (left @ left) / 8 < ratio
    # The residual's own ratio is reached when the loss is at its square: ln(1/ratio)/(ηλ_min) on ½RSS.
    if scale == "half_rss":
        assert lazy_time(kernel, rate, ratio**2, scale) == pytest.approx(
            math.log(1 / ratio) / (rate * values[0])
        )
    assert lazy_time(np.ones((2, 2)), rate, ratio, scale) == math.inf


def test_kernel_regression_is_kernel_ridge_and_a_gaussian_process():
    x, new, y = rows(12, 4), rows(5, 4, 1), rows(12, 2, 2)
    kernel, across = (
        dense_kernels(x, 2, "erf", 1.5, 0.1).nngp,
        dense_kernels(new, 2, "erf", 1.5, 0.1, x2=x).nngp,
    )
    reference = KernelRidge(alpha=0.3, kernel="precomputed").fit(kernel, y).predict(across)
    assert kernel_regression(kernel, across, y, 0.3) == pytest.approx(reference, rel=1e-9)
    assert kernel_regression(kernel, kernel, y) == pytest.approx(y)
    assert kernel_regression(kernel, across, y[:, 0], 0.3) == pytest.approx(reference[:, 0], rel=1e-9)
    # A process of covariance K, conditioned by brute force: the best linear guess of joint draws.
    joint = dense_kernels(np.vstack([x, new]), 2, "erf", 1.5, 0.1).nngp + 0.3 * np.diag(
        [1.0] * 12 + [0.0] * 5
    )
    precision = np.linalg.inv(joint)
    guess = -np.linalg.solve(precision[12:, 12:], precision[12:, :12] @ y)
    assert kernel_regression(kernel, across, y, 0.3) == pytest.approx(guess, rel=1e-7)


def test_equal_rows_share_what_regression_finds():
    x, y = rows(4, 3), np.array([1.0, 3.0, -1.0, 0.5])
    twice = np.vstack([x[:1], x[:1], x[2:]])
    kernel = dense_kernels(twice, 1, "relu", 2.0).ntk
    assert kernel_regression(kernel, kernel, y) == pytest.approx([2.0, 2.0, -1.0, 0.5])


# Wrong use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: dense_kernels(np.ones(3), 1, "relu", 2.0), DataError, r"shape \(3,\) are no rows"),
        (lambda: dense_kernels(np.ones((0, 3)), 1, "relu", 2.0), DataError, r"shape \(0, 3\) are no rows"),
        (
            lambda: dense_kernels(np.array([[1.0], [np.nan]]), 1, "relu", 2.0),
            DataError,
            "Row 1 holds a value",
        ),
        (
            lambda: dense_kernels(np.ones((2, 3)), 1, "relu", 2.0, x2=np.ones((2, 4))),
            ArgumentError,
            "Rows of 3 and of 4 features",
        ),
        (lambda: dense_kernels(np.ones((2, 3)), -1, "relu", 2.0), ArgumentError, "depth = -1 hidden layers"),
        (lambda: dense_kernels(np.ones((2, 3)), 1, "relu", -2.0), ArgumentError, "C_W = -2.0 is no variance"),
        (
            lambda: dense_kernels(np.ones((2, 3)), 1, "relu", 2.0, [0.1] * 3),
            ArgumentError,
            "C_b was given for 3 layers, but 1 hidden layers and the read-out are 2",
        ),
        (
            lambda: dense_kernels(np.ones((2, 3)), 2, "relu", 2.0, widths=(8,)),
            ArgumentError,
            r"widths = \[8\] are not 2 hidden widths",
        ),
        (
            lambda: dense_kernels(np.ones((2, 3)), 1100, "linear", 2.0),
            ArgumentError,
            "overflow at layer 101[0-9] of 1101",
        ),
        (lambda: dense_kernels(np.ones((2, 3)), 1, "swash", 2.0), ArgumentError, "No activation is called"),
        (
            lambda: dual_means(
                lambda x: np.where(x > 100.0, np.inf, x), np.full(1, 100.0), np.ones(1), np.ones((1, 1))
            ),
            ArgumentError,
            "not finite where a pre-activation goes",
        ),
        (lambda: kernel_condition(np.ones((2, 3))), ArgumentError, "not square"),
        (lambda: kernel_condition(np.array([[np.inf]])), ArgumentError, "holds values that are not finite"),
        (
            lambda: kernel_condition(np.array([[1.0, 2.0], [0.0, 1.0]])),
            ArgumentError,
            "differ by 2 from their",
        ),
        (lambda: largest_stable_step(np.eye(2), "mae"), ArgumentError, "No loss scale is called 'mae'"),
        (lambda: lazy_time(np.eye(2), 0.0, 0.5, "rss"), ArgumentError, "rate = 0.0 and ratio = 0.5"),
        (lambda: lazy_time(np.eye(2), 1.0, 2.0, "rss"), ArgumentError, "rate = 1.0 and ratio = 2.0"),
        (lambda: kernel_regression(np.eye(2), np.eye(2), np.ones(2), -1.0), ArgumentError, "ridge = -1.0"),
        (lambda: kernel_regression(np.eye(2), np.eye(3), np.ones(2)), ArgumentError, "do not fit"),
    ],
)
def test_wrong_use_is_told(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.array])
def test_variances_may_be_numbers_of_numpy(kind):
    x = np.eye(3)
    assert np.array_equal(dense_kernels(x, 2, "relu", kind(2)).ntk, dense_kernels(x, 2, "relu", 2.0).ntk)


def test_targets_that_are_not_finite_are_told():
    with pytest.raises(ArgumentError, match="kernel_new and y must be finite"):
        kernel_regression(np.eye(2), np.eye(2), np.array([1.0, np.nan]))
