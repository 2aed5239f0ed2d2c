"""Linear smoothers: their exact risk and optimism against simulations, loops and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import ridge
from profunda.theory.polynomials import powers
from profunda.theory.smoothers import (
    degrees_of_freedom,
    leave_one_out_error,
    optimism,
    ridge_smoother,
    smoother_risk,
    training_risk,
)

X = np.linspace(0, 1, 25)
TRUTH = np.sin(2 * np.pi * X)
AT = np.linspace(0.013, 0.97, 60)


@pytest.mark.parametrize("scale", ["half_rss", "rss", "mse", "sklearn"])
@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_a_smoother_is_what_the_fit_does(strength, scale):
    y = np.random.default_rng(0).normal(size=25)
    weights = ridge(powers(X, 5), y, strength, scale)
    found = ridge_smoother(powers(X, 5), strength, scale, powers(AT, 5)) @ y
    assert found == pytest.approx(powers(AT, 5) @ weights, abs=1e-9)
    assert ridge_smoother(powers(X, 5), strength, scale) @ y == pytest.approx(
        powers(X, 5) @ weights, abs=1e-9
    )


def test_least_squares_is_worth_its_columns():
    for degree in range(8):
        assert degrees_of_freedom(ridge_smoother(powers(X, degree), 0.0, "rss")) == pytest.approx(degree + 1)
    doubled = np.concatenate([powers(X, 3), powers(X, 3)], 1)
    assert degrees_of_freedom(ridge_smoother(doubled, 0.0, "rss")) == pytest.approx(4)


@given(st.floats(1e-9, 1e9), st.integers(0, 9))
def test_ridge_is_worth_less_the_stronger(strength, degree):
    features = powers(X, degree)
    s2 = np.linalg.svd(features, compute_uv=False) ** 2
    found = degrees_of_freedom(ridge_smoother(features, strength, "rss"))
    assert found == pytest.approx((s2 / (s2 + strength)).sum(), rel=1e-9)
    assert 0 < found < degree + 1


@pytest.mark.parametrize("degree", [0, 3, 7])
def test_on_its_own_points_a_polynomial_has_the_variance_of_its_coefficients(degree):
    """σ²(M + 1)/N, exactly."""
    risk = smoother_risk(ridge_smoother(powers(X, degree), 0.0, "rss"), TRUTH, TRUTH, 0.3)
    assert risk.variance == pytest.approx(0.09 * (degree + 1) / 25, rel=1e-9)
    assert risk.noise == pytest.approx(0.09)


def test_the_risk_is_that_of_many_fits():
    smoother = ridge_smoother(powers(X, 6), 1e-3, "rss", powers(AT, 6))
    exact = smoother_risk(smoother, TRUTH, np.sin(2 * np.pi * AT), 0.3)
    rng = np.random.default_rng(0)
    y = TRUTH[:, None] + 0.3 * rng.normal(size=(25, 4000))
    fits = powers(AT, 6) @ ridge(powers(X, 6), y, 1e-3, "rss")
    each = np.mean((fits - np.sin(2 * np.pi * AT)[:, None]) ** 2, 0)
    assert abs(each.mean() - exact.bias2 - exact.variance) < 4 * each.std() / math.sqrt(4000)
    assert exact.total == exact.bias2 + exact.variance + exact.noise


def test_the_training_error_flatters_by_the_optimism():
    """E13: 2σ²tr(S)/N = 0.0432 for six coefficients on 25 rows with σ = 0.3; 0.04307 was measured."""
    smoother = ridge_smoother(powers(X, 5), 0.0, "rss")
    assert optimism(smoother, 0.3) == pytest.approx(0.0432)
    rng = np.random.default_rng(1)
    y, new = (TRUTH[:, None] + 0.3 * rng.normal(size=(25, 4000)) for _ in range(2))
    own, other = (np.mean((smoother @ y - told) ** 2, 0) for told in (y, new))
    gap = other - own
    assert abs(gap.mean() - 0.0432) < 4 * gap.std() / math.sqrt(4000)
    assert abs(own.mean() - training_risk(smoother, TRUTH, 0.3)) < 4 * own.std() / math.sqrt(4000)
    # The control is what the usual decomposition would say of the training points.
    wrong = smoother_risk(smoother, TRUTH, TRUTH, 0.3).total
    assert abs(own.mean() - wrong) > 40 * own.std() / math.sqrt(4000)


@pytest.mark.parametrize("strength", [0.0, 0.01])
def test_leaving_one_out_needs_no_second_fit(strength):
    y = TRUTH + 0.3 * np.random.default_rng(3).normal(size=25)
    features = powers(X, 4)
    errors = []
    for n in range(25):
        rest = np.arange(25) != n
        errors.append((features[n] @ ridge(features[rest], y[rest], strength, "rss") - y[n]) ** 2)
    smoother = ridge_smoother(features, strength, "rss")
    assert leave_one_out_error(smoother, y) == pytest.approx(np.mean(errors), rel=1e-9)
    assert np.mean((smoother @ y - y) ** 2) < 0.9 * np.mean(errors)  # control


def test_wrong_smoothers_are_refused():
    features = powers(X, 3)
    away = ridge_smoother(features, 0.1, "rss", powers(AT, 3))
    with pytest.raises(
        DataError, match=r"A smoother of shape \(60, 25\) tells other rows than it learnt from"
    ):
        degrees_of_freedom(away)
    with pytest.raises(DataError, match="`at` has 3 columns, but the features 4"):
        ridge_smoother(features, 0.1, "rss", powers(AT, 2))
    with pytest.raises(DataError, match=r"goes with truths \[25\] and \[60\], not \(25,\) and \(25,\)"):
        smoother_risk(away, TRUTH, TRUTH, 0.3)
    with pytest.raises(DataError, match=r"`features` of shape .* must be a table"):
        ridge_smoother(np.full((3, 1), np.inf), 0.1, "rss")
    with pytest.raises(ArgumentError, match=r"A strength of -1\.0 penalises nothing"):
        ridge_smoother(features, -1.0, "rss")
    with pytest.raises(ArgumentError, match=r"A noise of -0\.3 is no standard deviation"):
        optimism(ridge_smoother(features, 0.1, "rss"), -0.3)
    with pytest.raises(DataError, match="Row 0 is fitted by itself alone"):
        leave_one_out_error(np.eye(3), np.ones(3))
    with pytest.raises(DataError, match=r"A smoother of 3 rows needs as many targets, not shape \(2,\)"):
        leave_one_out_error(np.eye(3), np.ones(2))
