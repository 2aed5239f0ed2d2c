"""Double descent: exact laws against draws, draws against fits to data, epochs against steps taken."""

import math

import numpy as np
import pytest
from tests.oracles import theory_generalisation as oracle

from profunda.errors import ArgumentError, DataError
from profunda.theory.double_descent import (
    EpochCurve,
    FeatureSweep,
    TwoScales,
    descent_risk,
    isotropic_draws,
    isotropic_risk,
    noise_amplification,
    random_feature_sweep,
)
from profunda.theory.shrinkage import descent_path

# Isotropic features ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "law", "measured"),
    [
        (50, 0.2551, 0.2506),
        (80, 1.0526, 1.0525),
        (90, 2.500, 2.329),
        (110, 2.869, 3.03),
        (120, 1.483, 1.473),
        (200, 0.7525, 0.7459),
        (1000, 0.9278, 0.9268),
    ],
)
def test_the_law_of_isotropic_features(p, law, measured):
    assert isotropic_risk(100, p, 0.5) == pytest.approx(law, abs=6e-4)
    assert measured == pytest.approx(law, rel=0.07)
    if p <= 200:
        each = isotropic_draws(100, p, 0.5, repeats=100, seed=1)
        assert abs(each.mean() - isotropic_risk(100, p, 0.5)) < 4 * each.std() / 10


@pytest.mark.parametrize("p", [12, 45])
def test_draws_are_what_fits_to_data_give(p):
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(600):
        x = rng.normal(size=(25, p))
        w = np.full(p, 2.0 / math.sqrt(p))
        errors.append(((np.linalg.lstsq(x, x @ w + 0.5 * rng.normal(size=25))[0] - w) ** 2).sum())
    each = isotropic_draws(25, p, 0.5, 2.0, repeats=600)
    error = math.hypot(np.std(errors), each.std()) / math.sqrt(600)
    assert abs(np.mean(errors) - each.mean()) < 4 * error
    assert abs(np.mean(errors) - isotropic_risk(25, p, 0.5, 1.0)) > 4 * error or p < 25  # control: ‖w‖ counts


def test_the_peak_is_infinite_and_noise_makes_it():
    assert all(isotropic_risk(100, p, 0.5) == math.inf for p in (99, 100, 101))
    assert isotropic_risk(100, 100, 0.0) == 0.0
    assert isotropic_risk(100, 150, 0.0) == pytest.approx(1 / 3)
    assert [noise_amplification(100, p) for p in (50, 98, 102, 200)] == pytest.approx(
        [50 / 49, 98, 100, 100 / 99]
    )
    falling = [isotropic_risk(100, p, 0.5) for p in range(102, 180)]
    assert falling == sorted(falling, reverse=True)


# Random features ------------------------------------------------------------------------------------


def test_random_features_peak_where_they_are_as_many_as_rows():
    """Median test errors that were measured: 0.712 before the peak, 127.5 at it, 0.623 with 300."""
    sweep = random_feature_sweep((5, 20, 40, 70, 90, 100, 120, 170, 300, 600), repeats=20)
    assert sweep.peak == 100
    assert sweep.median.max() > 10 * sweep.classical_minimum
    assert sweep.descends_twice
    features = np.array(sweep.n_features)
    assert (np.median(sweep.train, axis=1)[features > 100] < 1e-27).all()
    assert np.median(sweep.train, axis=1)[features == 100] < 1e-25
    assert (sweep.train[features < 100] > 1e-3).all()
    assert np.median(sweep.norm, axis=1).argmax() == 5
    measured = {5: 1.149, 20: 0.891, 40: 0.712, 70: 1.183, 120: 1.86, 170: 0.925, 300: 0.623}
    for p, value in measured.items():
        row = sweep.risk[sweep.n_features.index(p)]
        error = 1.2533 * math.sqrt(2) * row.std() / math.sqrt(20)  # of the difference of two medians
        assert abs(np.median(row) - value) < 4 * error


@pytest.mark.slow
def test_two_thousand_features_are_better_still():
    sweep = random_feature_sweep((40, 100, 1000, 2000))
    assert sweep.descends_twice
    assert sweep.median[2:] == pytest.approx([0.500, 0.465], abs=0.05)
    assert sweep.median[3] < sweep.median[2]


def test_ridge_removes_the_peak():
    """Measured for λ = 0.1: 0.831, 0.561, 0.453, 0.387, 0.345 with 20 to 1000 features."""
    sweep = random_feature_sweep((20, 50, 100, 200, 500), 0.1)
    assert (np.diff(sweep.median) < 0).all()
    assert not sweep.descends_twice
    assert sweep.median[:4] == pytest.approx([0.831, 0.561, 0.453, 0.387], abs=0.03)


@pytest.mark.parametrize(("features", "strength"), [(30, 0.1), (150, 1e-3)])
def test_the_risk_told_is_that_on_test_rows(features, strength):
    sweep = random_feature_sweep((features,), strength, n_rows=60, inputs=8, noise=0.3, repeats=60)
    drawn = [oracle.relu_feature_risk(features, 60, 8, 0.3, strength, 3000, [9, k]) for k in range(60)]
    error = math.hypot(sweep.risk.std(), np.std(drawn)) / math.sqrt(60)
    assert abs(sweep.risk.mean() - np.mean(drawn)) < 4 * error
    other = [oracle.relu_feature_risk(features, 60, 8, 0.6, strength, 3000, [9, k]) for k in range(60)]
    assert abs(sweep.risk.mean() - np.mean(other)) > 8 * error  # control


def test_features_are_added_to_those_there_are():
    alone, among = random_feature_sweep((30,), repeats=3), random_feature_sweep((30, 60), repeats=3)
    assert alone.risk[0] == pytest.approx(among.risk[0], rel=1e-12)


def test_a_sweep_without_a_peak_inside_is_no_double_descent():
    sweep = random_feature_sweep((120, 300), repeats=3)
    assert sweep.peak == 120
    assert not sweep.descends_twice


def test_a_peak_that_ends_above_the_first_minimum_is_no_second_descent():
    risk = np.array([[3.0], [1.0], [9.0], [2.0]])
    sweep = FeatureSweep((1, 2, 3, 4), 3, risk, risk, risk)
    assert (sweep.peak, sweep.classical_minimum, sweep.descends_twice) == (3, 1.0, False)
    risk = np.array([[3.0], [1.0], [9.0], [0.9]])
    assert FeatureSweep((1, 2, 3, 4), 3, risk, risk, risk).descends_twice


# Epochs ---------------------------------------------------------------------------------------------


def problem(n=40, d=9, seed=0):
    rng = np.random.default_rng(seed)
    deviations = np.geomspace(1.0, 0.1, d)
    return rng.normal(size=(n, d)) * deviations, rng.normal(size=d) / deviations, deviations**2


@pytest.mark.parametrize("rows", [40, 6])
def test_the_risk_along_the_path_is_that_of_steps_taken(rows):
    """The map from targets to weights is linear, so its iterates on I give mean and covariance exactly."""
    x, truth, variances = problem(rows)
    rate = 0.3 / np.linalg.norm(x, 2) ** 2
    steps = [0, 1, 7, 60]
    found = descent_risk(x, truth, variances, 0.5, rate, np.array(steps))
    for t, value in zip(steps, found, strict=True):
        to_weights = oracle.descend(x, np.eye(rows), rate, t)
        bias = to_weights @ x @ truth - truth
        spread = 0.25 * (to_weights**2).sum(1)
        assert value == pytest.approx((bias**2 + spread) @ variances + 0.25, rel=1e-11)
    wrong = oracle.descend(x, np.eye(rows), rate, 8) @ x @ truth - truth
    assert abs(found[2] - (wrong**2) @ variances) > 1e-3  # control


def test_the_closed_form_of_the_weights_equals_iterated_descent():
    """To 4e-14 of the largest weight, on the two-scale problem itself."""
    x, truth, _ = TwoScales().inputs(np.random.default_rng(0))
    y = x @ truth + 0.5 * np.random.default_rng(1).normal(size=200)
    rate = 0.1 / np.linalg.norm(x, 2) ** 2
    closed, stepped = descent_path(x, y, rate, 2000), oracle.descend(x, y, rate, 2000)
    assert np.abs(closed - stepped).max() < 4e-13 * np.abs(stepped).max()


def test_two_scales_descend_twice():
    """20.25 → 9.54 at t = 96 → 17.4 at about 4425 → 1.74, measured over 20 seeds."""
    steps = np.unique(np.concatenate([[0], np.geomspace(1, 1e8, 400).astype(np.int64)]))
    curve = TwoScales().curve(steps)
    assert curve.risk[0] == pytest.approx(20.25, rel=1e-12)
    assert curve.descends_twice
    assert 80 <= steps[curve.dip] <= 120
    assert 3500 <= steps[curve.peak] <= 5700
    told = [(curve.dip, 9.54), (curve.peak, 17.4), (-1, 1.74)]
    for index, value in told:
        assert abs(curve.risk[index] - value) < 4 * math.sqrt(2) * curve.standard_error[index]
    assert curve.risk[curve.peak] > 1.5 * curve.risk[curve.dip]


def test_one_scale_descends_once_and_stopping_early_is_then_best():
    steps = np.unique(np.geomspace(1, 1e6, 200).astype(np.int64))
    curve = TwoScales(scales=(1.0, 1.0), signals=(4.0, 2.0)).curve(steps, repeats=5)
    assert not curve.descends_twice


def test_a_curve_that_only_falls_has_its_dip_at_the_end():
    curve = EpochCurve(np.arange(4), np.array([4.0, 3.0, 2.0, 1.0]), np.zeros(4))
    assert (curve.dip, curve.peak, curve.descends_twice) == (3, 3, False)


# Wrong use ------------------------------------------------------------------------------------------


def test_wrong_sizes_are_refused():
    with pytest.raises(ArgumentError, match="0 rows of 5 features fit nothing"):
        isotropic_risk(0, 5, 0.5)
    with pytest.raises(ArgumentError, match=r"noise = -0\.5 must be finite"):
        isotropic_risk(10, 5, -0.5)
    with pytest.raises(ArgumentError, match="0 draws of 10 × 5 features"):
        isotropic_draws(10, 5, 0.5, repeats=0)
    with pytest.raises(ArgumentError, match=r"features \(0,\), 100 rows"):
        random_feature_sweep((0,))
    with pytest.raises(ArgumentError, match=r"features \(\), 100 rows"):
        random_feature_sweep(())
    with pytest.raises(ArgumentError, match=r"strength = -1\.0 must be finite"):
        random_feature_sweep((5,), -1.0)
    x, truth, variances = problem()
    with pytest.raises(ArgumentError, match=r"At a rate of 10\.0 gradient descent diverges"):
        descent_risk(x, truth, variances, 0.5, 10.0, np.array([1]))
    with pytest.raises(DataError, match=r"Inputs \(40, 9\), truth \(8,\)"):
        descent_risk(x, truth[1:], variances, 0.5, 0.01, np.array([1]))
    with pytest.raises(DataError, match="must be finite and not all 0"):
        descent_risk(0 * x, truth, variances, 0.5, 0.01, np.array([1]))
    with pytest.raises(ArgumentError, match="scales above 0"):
        TwoScales(scales=(1.0, 0.0))
    with pytest.raises(ArgumentError, match="1 repeats have no standard error"):
        TwoScales().curve(np.array([1]), repeats=1)


@pytest.mark.parametrize("steps", [[0.5], [-1], []])
def test_steps_that_are_no_counts_are_refused(steps):
    with pytest.raises(ArgumentError, match="steps must be a list of whole numbers"):
        descent_risk(np.eye(2), np.ones(2), np.ones(2), 0.1, 1.5, np.array(steps))


def test_scales_and_signals_must_be_finite():
    with pytest.raises(ArgumentError, match="scales above 0, all finite"):
        TwoScales(scales=(math.inf, 1.0))
    with pytest.raises(ArgumentError, match="second_signal = inf must be finite"):
        TwoScales(signals=(1.0, math.inf))
