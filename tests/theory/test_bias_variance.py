"""Bias and variance from many fits, against loops, exact smoothers and published numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import theory_generalisation as oracle

from profunda.errors import ArgumentError, DataError
from profunda.theory.bias_variance import basis_problem, decompose, gaussian_basis

PROBLEM = basis_problem()
# ln λ: exact bias² and variance.
EXACT = {
    -3.0: (0.00016, 0.02881),
    -1.0: (0.00058, 0.02256),
    0.2: (0.00226, 0.01784),
    1.0: (0.00711, 0.01417),
    2.2: (0.04036, 0.00823),
}


# From predictions -----------------------------------------------------------------------------------


@given(st.integers(3, 8), st.integers(1, 6), st.floats(-1e3, 1e3), st.integers(0, 1000))
def test_the_parts_are_those_of_loops(sets, points, away, seed):
    rng = np.random.default_rng(seed)
    predictions, truth = rng.normal(size=(sets, points)) + away, rng.normal(size=points)
    found = decompose(predictions, truth, 0.5)
    bias2, variance = oracle.decomposition(predictions, truth)
    assert found.plain_bias2 == pytest.approx(bias2, rel=1e-9)
    assert found.plain_variance == pytest.approx(variance, rel=1e-9)
    assert found.distance2 == pytest.approx(np.mean((predictions - truth) ** 2), rel=1e-9)
    assert found.variance == pytest.approx(np.var(predictions, axis=0, ddof=1).mean(), rel=1e-9)
    assert found.bias2 == pytest.approx(bias2 - found.variance / sets, rel=1e-9, abs=1e-9 * bias2)
    assert found.noise == 0.25
    errors = oracle.jackknife(predictions, truth)
    scale = math.sqrt(bias2 * variance) + variance
    assert (found.bias2_error, found.variance_error) == pytest.approx(errors, rel=1e-6, abs=1e-7 * scale)


def test_more_axes_are_more_points():
    rng = np.random.default_rng(0)
    predictions, truth = rng.normal(size=(5, 4, 3)), rng.normal(size=(4, 3))
    assert decompose(predictions, truth) == decompose(predictions.reshape(5, 12), truth.reshape(12))


def test_few_sets_overrate_bias_and_underrate_variance_by_known_amounts():
    """E bias²_L = bias² + var/L and E var_L = (1 − 1/L)var: over 200 repeats of 4 sets."""
    strength = math.exp(-3.0)
    exact = PROBLEM.exact(strength)
    many = PROBLEM.predictions(strength, 800, 0).reshape(200, 4, -1)
    each = [decompose(sets, PROBLEM.truth_at, 0.3) for sets in many]
    columns = {
        name: np.array([getattr(one, name) for one in each])
        for name in ("plain_bias2", "plain_variance", "bias2", "variance")
    }
    expected = {
        "plain_bias2": exact.bias2 + exact.variance / 4,
        "plain_variance": 0.75 * exact.variance,
        "bias2": exact.bias2,
        "variance": exact.variance,
    }
    for name, values in columns.items():
        error = values.std() / math.sqrt(200)
        assert abs(values.mean() - expected[name]) < 4 * error
    gap = columns["plain_bias2"].mean() - exact.bias2
    assert gap > 20 * columns["plain_bias2"].std() / math.sqrt(200)  # control: uncorrected is far off


def test_the_standard_errors_are_right():
    """Of 200 decompositions, the spread is what each says of itself."""
    many = PROBLEM.predictions(1.0, 200 * 25, 1).reshape(200, 25, -1)
    each = [decompose(sets, PROBLEM.truth_at) for sets in many]
    for name in ("bias2", "variance"):
        spread = np.std([getattr(one, name) for one in each])
        told = math.sqrt(np.mean([getattr(one, f"{name}_error") ** 2 for one in each]))
        assert told == pytest.approx(spread, rel=0.25)


# Bishop's set-up ------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_strength", EXACT)
def test_the_exact_parts(log_strength):
    exact = PROBLEM.exact(math.exp(log_strength))
    assert (exact.bias2, exact.variance) == pytest.approx(EXACT[log_strength], abs=5.1e-6)
    found = PROBLEM.simulate(math.exp(log_strength), 100, seed=0)
    assert abs(found.bias2 - exact.bias2) < 4 * found.bias2_error
    assert abs(found.variance - exact.variance) < 4 * found.variance_error


@pytest.mark.parametrize(
    ("log_strength", "bias2", "variance"),
    [
        (-3.0, 0.00044, 0.02809),
        (-1.0, 0.00101, 0.02198),
        (0.2, 0.00295, 0.01724),
        (1.0, 0.00812, 0.01368),
        (2.2, 0.04218, 0.00801),
    ],
)
def test_what_100_sets_of_another_seed_gave(log_strength, bias2, variance):
    found = PROBLEM.simulate(math.exp(log_strength), 100, seed=7)
    assert abs(found.plain_bias2 - bias2) < 4 * math.sqrt(2) * found.bias2_error
    assert abs(found.plain_variance - variance) < 4 * math.sqrt(2) * found.variance_error


def test_the_best_strength_is_e_to_0_45():
    best = PROBLEM.best_strength()
    assert math.log(best) == pytest.approx(0.45, abs=5e-3)
    exact = PROBLEM.exact(best)
    assert exact.bias2 + exact.variance == pytest.approx(0.019923, abs=1e-6)
    assert all(PROBLEM.exact(best * f).total > exact.total for f in (0.9, 1.1, 0.01, 100.0))


def test_fresh_noise_adds_its_variance():
    """MSE − (bias² + var + σ²) over fresh targets: within 2e-3 for 100 sets of 1000 points."""
    predictions = PROBLEM.predictions(math.exp(0.2), 100, seed=0)
    found = decompose(predictions, PROBLEM.truth_at, 0.3)
    fresh = PROBLEM.truth_at + 0.3 * np.random.default_rng(5).normal(size=predictions.shape)
    told = found.plain_bias2 + found.plain_variance + found.noise
    assert abs(np.mean((fresh - predictions) ** 2) - told) < 2e-3
    assert abs(np.mean((predictions - PROBLEM.truth_at) ** 2) - found.distance2) < 1e-16


def test_the_basis_is_bumps_and_a_constant():
    found = gaussian_basis(np.array([0.0, 0.1]), np.array([0.0, 0.5]), 0.1)
    assert found == pytest.approx(
        np.array([[1, 1, math.exp(-12.5)], [1, math.exp(-0.5), math.exp(-8.0)]]), rel=1e-12
    )


def test_wrong_predictions_are_refused():
    with pytest.raises(DataError, match=r"Predictions of shape \(2, 5\) and a truth of shape \(5,\)"):
        decompose(np.ones((2, 5)), np.ones(5))
    with pytest.raises(DataError, match="do not decompose"):
        decompose(np.ones((4, 5)), np.ones(4))
    diverged = np.ones((4, 5))
    diverged[2, 1] = np.nan
    with pytest.raises(DataError, match=r"training set 2 are not all finite \(1 of 4 sets\)"):
        decompose(diverged, np.ones(5))
    with pytest.raises(ArgumentError, match="A noise of nan is no standard deviation"):
        decompose(np.ones((4, 5)), np.ones(5), math.nan)
    with pytest.raises(ArgumentError, match=r"A width of 0\.0 makes no bump"):
        gaussian_basis(np.ones(2), np.ones(1), 0.0)
