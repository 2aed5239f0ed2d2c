"""Ridge, lasso and elastic net against closed forms, scikit-learn, another solver and published numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from tests.oracles import theory as oracle

from profunda.errors import ArgumentError
from profunda.theory.linear import (
    condition_number,
    elastic_net,
    lambda_max,
    lasso,
    noise_as_ridge,
    orthogonal_solution,
    ridge,
    soft_threshold,
)
from profunda.theory.scales import loss_factor, strength_for
from profunda.theory.shrinkage import descent_path, equivalent_ridge

SCALES = ("half_rss", "rss", "mse", "sklearn")


def data(n=60, d=7, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ (np.eye(d) + 0.4 * rng.normal(size=(d, d)))
    return x, x @ np.where(rng.random(d) < 0.5, 0.0, rng.normal(size=d)) + 0.5 * rng.normal(size=n)


def orthogonal(n=40, d=5, seed=1):
    rng = np.random.default_rng(seed)
    x = np.linalg.qr(rng.normal(size=(n, d)))[0] * rng.uniform(1.0, 4.0, d)
    return x, x @ np.array([3.0, -2.0, 0.1, 0.0, 1.0]) + 0.3 * rng.normal(size=n)


def objective(x, y, w, l1, l2, scale):
    rss = float(((y - x @ w) ** 2).sum())
    return loss_factor(scale, len(x)) * rss + l1 * np.abs(w).sum() + l2 * (w @ w)


# Strengths and scales -------------------------------------------------------------------------------


@given(st.floats(1e-6, 1e6), st.sampled_from(SCALES), st.sampled_from(SCALES), st.integers(1, 10_000))
def test_strengths_go_there_and_back(strength, of, to, n_rows):
    there = strength_for(strength, of, to, n_rows)
    assert strength_for(there, to, of, n_rows) == pytest.approx(strength)


@pytest.mark.parametrize("to", SCALES)
def test_one_strength_has_one_minimiser_on_every_scale(to):
    x, y = data()
    l1, l2 = (strength_for(each, "rss", to, len(x)) for each in (4.0, 3.0))
    assert elastic_net(x, y, l1, l2, to).weights == pytest.approx(elastic_net(x, y, 4.0, 3.0, "rss").weights)
    assert ridge(x, y, l2, to) == pytest.approx(ridge(x, y, 3.0, "rss"))


def test_unknown_scales_and_no_rows_are_refused():
    with pytest.raises(
        ArgumentError, match="No loss scale is called 'mae'; known are half_rss, rss, mse, sklearn"
    ):
        strength_for(1.0, "mae", "rss", 5)
    with pytest.raises(ArgumentError, match="0 rows make no loss"):
        strength_for(1.0, "rss", "mse", 0)


# Ridge ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_ridge_is_where_the_gradient_is_0(scale):
    """E6: beside the mean squared error the normal equations hold Nλ, not λ."""
    x, y = data()
    w = ridge(x, y, 0.3, scale)
    gradient = -2 * loss_factor(scale, len(x)) * x.T @ (y - x @ w) + 2 * 0.3 * w
    assert np.abs(gradient).max() < 1e-11
    amount = {"half_rss": 2, "rss": 1, "mse": len(x), "sklearn": 2 * len(x)}[scale] * 0.3
    assert w == pytest.approx(np.linalg.solve(x.T @ x + amount * np.eye(x.shape[1]), x.T @ y), rel=1e-11)
    wrong = np.linalg.solve(x.T @ x + 0.3 * np.eye(x.shape[1]), x.T @ y)
    assert (np.abs(w - wrong).max() > 1e-4) == (scale != "rss")


def test_ridge_is_that_of_scikit_learn():
    x, y = data()
    model = Ridge(alpha=2.5, fit_intercept=False, solver="svd").fit(x, np.stack([y, -y], 1))
    assert ridge(x, np.stack([y, -y], 1), 2.5, "rss") == pytest.approx(model.coef_.T, rel=1e-11)


def test_no_penalty_gives_least_squares_and_the_least_norm():
    x, y = data()
    assert ridge(x, y, 0.0, "mse") == pytest.approx(np.linalg.lstsq(x, y)[0], rel=1e-10)
    doubled = np.concatenate([x, x], 1)
    assert ridge(doubled, y, 0.0, "rss") == pytest.approx(np.linalg.pinv(doubled) @ y, rel=1e-8)


def test_a_penalty_mends_the_condition_of_doubled_columns():
    x, _ = data(200, 4)
    doubled = np.concatenate([x, x[:, :1]], 1)
    assert condition_number(doubled) > 1e14
    assert condition_number(doubled, 1.0) < 2e4
    assert condition_number(np.eye(3)[:, :2] * [1.0, 2.0]) == pytest.approx(4.0)
    assert condition_number(np.ones((1, 2))) == math.inf
    assert condition_number(np.ones((2, 1)), 1.0, "mse") == pytest.approx(1.0)


# The ten points of Bishop (2006), figure 1.4, and the exact coefficients of degree 9 in rational arithmetic.
BISHOP = """0.349486 0.830839 1.007332 0.971507 0.133066 0.166823 -0.848307 -0.445686 -0.563567 0.261502"""
EXACT = {
    0.0: "0.349486 232.368426 -5321.828776 48568.314351 -231639.311159 640042.307163 -1061800.624407 "
    "1042400.300397 -557683.066065 125201.452086",
    math.exp(-18.0): "0.348951 5.768390 -14.965695 29.859978 -95.626747 35.175259 168.718196 -18.037537 "
    "-273.181278 162.196783",
    1.0: "0.459660 -0.344899 -0.365528 -0.244867 -0.122978 -0.023510 0.053815 0.113477 0.159801 0.196180",
}


@pytest.mark.parametrize("strength", EXACT)
def test_a_polynomial_of_degree_9_keeps_its_digits(strength):
    target = np.array(BISHOP.split(), float)
    x = (np.arange(10) / 9)[:, None] ** np.arange(10)
    exact = np.array(EXACT[strength].split(), float)
    assert np.abs(ridge(x, target, strength, "rss") - exact).max() < (1e-4 if strength == 0 else 1e-6)
    if strength == 0:  # control: the normal equations lose them all
        assert np.abs(np.linalg.solve(x.T @ x, x.T @ target) - exact).max() > 1.0


# Lasso and elastic net ------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_orthogonal_columns_have_a_closed_form(scale):
    """E5: the threshold on w_j is λ/Q_j, λ/2Q_j, Nλ/2Q_j or Nλ/Q_j: it depends on the scale of the loss."""
    x, y = orthogonal()
    squares, n = (x * x).sum(0), len(x)
    least = x.T @ y / squares
    l1 = 1.5 * strength_for(1.0, "half_rss", scale, n)
    thresholds = {
        "half_rss": 1 / squares,
        "rss": 0.5 / squares,
        "mse": n / 2 / squares,
        "sklearn": n / squares,
    }
    found = lasso(x, y, l1, scale).weights
    assert found == pytest.approx(soft_threshold(least, l1 * thresholds[scale]), abs=1e-13)
    assert found == pytest.approx(orthogonal_solution(least, squares, l1, 0.0, scale, n), abs=1e-13)
    assert (found == 0).any()
    net = elastic_net(x, y, l1, 0.7, scale).weights
    assert net == pytest.approx(orthogonal_solution(least, squares, l1, 0.7, scale, n), abs=1e-13)
    # Control: the text's formula, λ/Q_j, beside the text's objective, the mean squared error.
    if scale == "mse":
        assert np.abs(found - soft_threshold(least, l1 / squares)).max() > 0.1


def test_thresholding_least_squares_is_no_solution_for_other_columns():
    x, y = data(80, 6, seed=4)
    best = lasso(x, y, 20.0, "half_rss").weights
    naive = soft_threshold(np.linalg.lstsq(x, y)[0], 20.0 / (x * x).sum(0))
    assert objective(x, y, best, 20.0, 0, "half_rss") < objective(x, y, naive, 20.0, 0, "half_rss") - 0.01


@pytest.mark.parametrize(("l1", "l2"), [(3.0, 0.0), (3.0, 2.0), (30.0, 0.5)])
def test_coordinate_descent_equals_two_other_solvers(l1, l2):
    x, y = data(80, 9)
    found = elastic_net(x, y, l1, l2, "half_rss")
    other = oracle.proximal_descent(x, y, l1, l2, 4000)
    assert found.weights == pytest.approx(other, abs=1e-10)
    assert ((found.weights == 0) == (other == 0)).all()
    assert found.gap <= 1e-12 * 0.5 * (y @ y)
    total = (l1 + 2 * l2) / len(x)  # scikit-learn has ½ before its L2
    model = ElasticNet(total, l1_ratio=l1 / (l1 + 2 * l2), fit_intercept=False, tol=1e-14, max_iter=100_000)
    assert found.weights == pytest.approx(model.fit(x, y).coef_, abs=1e-10)
    assert np.abs(found.weights - oracle.proximal_descent(x, y, 1.1 * l1, l2, 4000)).max() > 1e-4  # control


def test_the_lasso_of_scikit_learn_is_on_its_own_scale():
    x, y = data()
    model = Lasso(alpha=0.1, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(x, y)
    assert lasso(x, y, 0.1, "sklearn").weights == pytest.approx(model.coef_, abs=1e-10)


@pytest.mark.parametrize("scale", SCALES)
def test_just_below_lambda_max_one_weight_comes_in(scale):
    x, y = data(200, 20)
    highest = lambda_max(x, y, scale)
    assert not lasso(x, y, 1.0001 * highest, scale).weights.any()
    assert np.count_nonzero(lasso(x, y, 0.9999 * highest, scale).weights) == 1
    if scale == "mse":
        assert highest == pytest.approx(2 / 200 * np.abs(x.T @ y).max())


def test_of_two_correlated_inputs_lasso_takes_one_and_ridge_both():
    """D14, and the grouping effect of the elastic net (Zou and Hastie 2005, theorem 1)."""
    rng = np.random.default_rng(2)
    shared = rng.normal(size=200)
    x = np.stack([shared + 0.03 * rng.normal(size=200), shared + 0.03 * rng.normal(size=200)], 1)
    y = 2 * shared + 0.6 * rng.normal(size=200)
    assert np.linalg.lstsq(x, y)[0].prod() < 0  # noise alone tells the two apart, and with opposite signs

    def apart(w):
        return abs(w[0] - w[1]) / abs(w[0] + w[1])

    assert apart(ridge(x, y, 40.0, "rss")) < 0.02
    assert apart(lasso(x, y, 20.0, "half_rss").weights) == 1.0
    assert apart(elastic_net(x, y, 20.0, 20.0, "half_rss").weights) < 0.02


def test_l1_shrinks_by_a_constant_and_l2_in_proportion():
    x, y = orthogonal()
    x = x / np.linalg.norm(x, axis=0)
    least = x.T @ y
    first, second = lasso(x, y, 0.2, "half_rss").weights, ridge(x, y, 0.25, "half_rss")
    kept = first != 0
    assert np.abs(least - first)[kept] == pytest.approx(np.full(kept.sum(), 0.2))
    assert second / least == pytest.approx(np.full(5, 1 / 1.5))


def test_noise_on_the_inputs_is_a_ridge_penalty():
    """D21b, by simulation, and exactly in expectation."""
    x, y = data(50, 4)
    assert noise_as_ridge(0.3, "rss", 50) == pytest.approx(50 * 0.09)
    assert noise_as_ridge(0.3, "mse", 50) == pytest.approx(0.09)
    rng = np.random.default_rng(0)
    copies = 4000
    noisy = np.tile(x, (copies, 1)) + 0.3 * rng.normal(size=(50 * copies, 4))
    w = np.linalg.lstsq(noisy, np.tile(y, copies))[0]
    assert w == pytest.approx(ridge(x, y, noise_as_ridge(0.3, "rss", 50), "rss"), abs=5e-3)
    assert np.abs(w - ridge(x, y, 0.0, "rss")).max() > 2e-2


def test_no_inputs_that_vary_give_no_weights():
    assert not lasso(np.zeros((5, 2)), np.ones(5), 1.0, "rss").weights.any()


@pytest.mark.parametrize("strength", [-1.0, math.nan, math.inf])
def test_strengths_that_penalise_nothing_are_refused(strength):
    x, y = data()
    for call in (ridge, lasso):
        with pytest.raises(ArgumentError, match="penalises nothing"):
            call(x, y, strength, "rss")


def test_too_few_sweeps_say_what_is_left():
    x, y = data()
    with pytest.raises(ArgumentError, match=r"2 sweeps left a duality gap of .*nearly dependent"):
        elastic_net(x, y, 1.0, 0.0, "rss", sweeps=2)


# Early stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 5, 100])
def test_the_path_of_gradient_descent_needs_no_steps(steps):
    x, y = data()
    rate = 0.9 / np.linalg.norm(x, 2) ** 2
    w = np.zeros(x.shape[1])
    for _ in range(steps):
        w += rate * x.T @ (y - x @ w)
    assert descent_path(x, y, rate, steps) == pytest.approx(w, abs=1e-12)
    assert descent_path(x, y, 1.6 * rate, 3000) == pytest.approx(np.linalg.lstsq(x, y)[0], abs=1e-6)


@pytest.mark.parametrize("steps", [1, 5, 20, 100])
def test_each_direction_has_its_own_equivalent_ridge(steps):
    x, y = data()
    _, s, vt = np.linalg.svd(x, full_matrices=False)
    rate = 0.9 / s[0] ** 2
    amounts = equivalent_ridge(s**2, rate, steps)
    along = vt @ np.linalg.lstsq(x, y)[0] * s**2 / (s**2 + amounts)
    assert vt @ descent_path(x, y, rate, steps) == pytest.approx(along, abs=1e-10)
    assert (amounts * rate * steps < 1.0).all()  # the rule 1/(ηt) overrates every direction


def test_early_stopping_and_ridge_differ_by_at_most_1_2985():
    travelled = np.geomspace(1e-6, 1e3, 100_001)
    stopped, penalised = -np.expm1(-travelled), travelled / (1 + travelled)
    ratio, gap = stopped / penalised, stopped - penalised
    assert ratio.max() == pytest.approx(1.2984, abs=1e-4)
    assert travelled[ratio.argmax()] == pytest.approx(1.7926, abs=1e-3)
    assert gap.max() == pytest.approx(0.2036, abs=1e-4)
    assert travelled[gap.argmax()] == pytest.approx(2.513, abs=2e-3)


def test_rates_that_diverge_are_refused():
    x, y = data()
    with pytest.raises(ArgumentError, match=r"At a rate of 1\.0 gradient descent diverges"):
        descent_path(x, y, 1.0, 5)
    with pytest.raises(ArgumentError, match="Only below 1/η = 1 do steps shrink like a ridge penalty"):
        equivalent_ridge(np.array([1.5]), 1.0, 5)


def test_corners_catch_the_lasso_and_not_ridge():
    """D16: on the ball ‖w‖₁ ≤ t the least RSS lies at a corner, on the disc ‖w‖₂ ≤ t it lies on no axis."""
    x, y = data(50, 2, seed=5)
    y = x @ [2.0, 0.4]
    angles = np.linspace(0, 2 * math.pi, 40_001)[:-1]
    rays = np.stack([np.cos(angles), np.sin(angles)])
    diamond = rays / np.abs(rays).sum(0)
    least = [ball[:, ((y[:, None] - x @ ball) ** 2).sum(0).argmin()] for ball in (diamond, rays)]
    assert least[0] == pytest.approx([1.0, 0.0], abs=1e-3)
    assert abs(least[1][1]) > 0.05
    strength = next(s for s in np.geomspace(1, 1e4, 400) if np.abs(lasso(x, y, s, "rss").weights).sum() < 1.0)
    assert lasso(x, y, strength, "rss").weights[1] == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_a_weight_exactly_at_its_threshold_is_no_reason_to_go_on(seed: int) -> None:
    """One column, λ = 1.2 beside the mean squared error: the threshold is its least-squares weight."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((50, 1))
    x /= np.sqrt(np.mean(x * x))
    noise = rng.standard_normal(50)
    noise -= x[:, 0] * (x[:, 0] @ noise) / (x[:, 0] @ x[:, 0])
    found = elastic_net(x, 0.6 * x[:, 0] + noise, 1.2, 0.0, "mse", sweeps=10)
    assert abs(found.weights[0]) < 1e-14
    assert found.gap < 1e-13
