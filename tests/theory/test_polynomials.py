"""The ten points and their polynomials: against exact fractions, printed numbers and dense search."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from tests.oracles import theory_generalisation as oracle

from profunda.errors import ArgumentError, DataError
from profunda.theory.linear import condition_number
from profunda.theory.polynomials import (
    PolynomialFit,
    coefficient_table,
    expected_rms,
    fit_polynomial,
    matching_strengths,
    powers,
    printed_coefficients,
    refit_rms,
    rounding_reach,
    ten_points,
)

X = [Fraction(n, 9) for n in range(10)]
T = [Fraction(round(t * 10**6), 10**6) for t in ten_points()[1]]
LABELS = (-math.inf, -18.0, 0.0)


def exact(degree, strength):
    return oracle.exact_polynomial(X, T, degree, Fraction(strength))


# Against fractions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strength", "tolerance"), [(0.0, 1e-4), (math.exp(-18.0), 1e-8), (1.0, 1e-13), (1.03744e-7, 1e-8)]
)
def test_the_coefficients_are_those_of_fractions(strength, tolerance):
    x, t = ten_points()
    found = fit_polynomial(x, t, 9, strength)
    assert np.abs(found.weights - exact(9, strength)).max() < tolerance
    assert found.degree == 9
    # Control: the fractions tell another λ apart.
    assert np.abs(found.weights - exact(9, strength * 1.001 + 1e-12)).max() > tolerance


def test_the_normal_equations_lose_the_digits_that_singular_values_keep():
    x, t = ten_points()
    matrix = powers(x, 9)
    errors = np.abs(np.linalg.solve(matrix.T @ matrix, matrix.T @ t) - exact(9, 0))
    assert errors.max() > 10
    single = np.linalg.lstsq(matrix.astype(np.float32), t.astype(np.float32), rcond=0)[0]
    assert np.abs(single - exact(9, 0)).max() > 1000


@pytest.mark.parametrize("degree", range(9))
def test_lower_degrees_are_exact_too(degree):
    x, t = ten_points()
    assert fit_polynomial(x, t, degree).weights == pytest.approx(exact(degree, 0), rel=1e-9, abs=1e-9)


def test_the_condition_numbers():
    matrix = powers(ten_points()[0], 9)
    assert math.sqrt(condition_number(matrix)) == pytest.approx(1.519e7, rel=1e-3)
    assert condition_number(matrix) == pytest.approx(2.30e14, rel=5e-3)
    assert condition_number(matrix, math.exp(-18)) == pytest.approx(1.34e9, rel=5e-3)
    assert condition_number(matrix, 1.0) == pytest.approx(21.4, rel=5e-3)


# The printed table ----------------------------------------------------------------------------------


def test_the_first_printed_column_is_right():
    """4 entries to the printed decimals; the others within what six decimals of the targets allow."""
    found = coefficient_table((0.0,))
    printed = printed_coefficients(-math.inf)
    assert found.agrees(printed).sum() == 4
    near = np.abs(found.weights[0] - printed) <= 0.005
    assert (near | (np.abs(found.weights[0] / printed - 1) <= 2.4e-7)).all()
    reach = rounding_reach(ten_points()[0], 9, 5e-7)
    assert reach == pytest.approx(
        [0, 0.001, 0.014, 0.119, 0.549, 1.481, 2.409, 2.328, 1.230, 0.273], abs=5e-4
    )
    apart = np.abs(found.weights[0] - printed)
    assert (apart <= reach + 0.005).all()
    assert apart[3:] == pytest.approx([0.0, 0.011, 0.047, 0.104, 0.120, 0.076, 0.022], abs=5e-3)


def test_rounded_inputs_spoil_the_coefficients():
    """x must be n/9 to full precision: with six decimals one is 5.7 away from the printed one."""
    x, t = ten_points()
    weights = fit_polynomial(x.round(6), t, 9).weights
    assert np.abs(weights - printed_coefficients(-math.inf)).max() == pytest.approx(5.7, abs=0.05)
    assert (np.abs(weights - printed_coefficients(-math.inf)) / rounding_reach(x, 9, 5e-7)).max() > 2


def test_the_other_columns_belong_to_other_strengths():
    """E16: all ten entries match at λ = 1.03744e-7 and 10, few at the labels e^−18 and 1."""
    table = coefficient_table((0.0, math.exp(-18.0), 1.0, 1.03744e-7, 10.0))
    printed = [printed_coefficients(label) for label in LABELS]
    assert table.agrees(printed[1])[3].all()
    assert table.agrees(printed[2])[4].all()
    assert table.agrees(printed[1])[1].sum() == 1
    assert table.agrees(printed[2])[2].sum() == 1


@pytest.mark.parametrize(
    ("label", "low", "high", "digits"), [(-18.0, 1.03741e-7, 1.03752e-7, 6e-13), (0.0, 9.221, 10.182, 6e-4)]
)
def test_the_interval_at_which_all_entries_match(label, low, high, digits):
    printed = printed_coefficients(label)
    found = matching_strengths(printed)
    assert found == pytest.approx((low, high), abs=digits)
    x, t = ten_points()
    inside = np.geomspace(found[0], found[1], 9)[1:-1]
    outside = [found[0] * (1 - 1e-7), found[1] * (1 + 1e-7), *np.geomspace(1e-9, found[0] * 0.9, 40)]
    assert all(np.abs(fit_polynomial(x, t, 9, s).weights - printed).max() <= 0.005 for s in inside)
    assert not any(np.abs(fit_polynomial(x, t, 9, s).weights - printed).max() <= 0.005 for s in outside)
    if label == -18.0:
        assert math.log(sum(found) / 2) == pytest.approx(-16.0813, abs=1e-4)


def test_no_convention_maps_both_labels():
    """E16: the ratios of λ found and λ labelled are 6.81 and 9.2–10.2."""
    first, second = (np.array(matching_strengths(printed_coefficients(label))) for label in (-18.0, 0.0))
    assert first / math.exp(-18.0) == pytest.approx([6.81, 6.81], abs=0.01)
    assert (second > 9.2).all()
    assert (second < 10.2).all()


def test_no_strength_matches_what_no_strength_gives():
    assert matching_strengths(printed_coefficients(0.0) + 1.0) is None
    assert matching_strengths(printed_coefficients(-math.inf)) is None  # λ = 0 has no logarithm
    with pytest.raises(ArgumentError, match="Every λ matches"):
        matching_strengths(printed_coefficients(0.0), 1e9)


# Errors ---------------------------------------------------------------------------------------------

TRAIN = (0.614304, 0.462227, 0.458704, 0.186989, 0.186822, 0.185038, 0.181683, 0.179736, 0.168183, 0.0)
TEST = (0.787, 0.598, 0.596, 0.375, 0.374, 0.368, 0.364, 0.368, 0.378, 1.294)


@pytest.mark.parametrize("degree", range(10))
def test_errors_by_degree(degree):
    """D3. The test errors that were measured are means over drawn points; ours is the integral."""
    x, t = ten_points()
    fit = fit_polynomial(x, t, degree)
    assert fit.train_rms == pytest.approx(TRAIN[degree], abs=1e-6)
    assert expected_rms(fit, 0.3) == pytest.approx(TEST[degree], rel=6e-3)
    if degree == 9:
        assert fit.train_rms < 4e-10


def test_the_expected_error_is_an_integral():
    fit = PolynomialFit(np.array([0.3, -1.0, 2.0]), 0.0, math.nan)
    direct = quad(lambda x: (0.3 - x + 2 * x * x - math.sin(2 * math.pi * x)) ** 2, 0, 1)[0]
    assert expected_rms(fit, 0.2) == pytest.approx(math.sqrt(direct + 0.04), rel=1e-12)


def test_penalties_tame_degree_9():
    """D6: norms and errors of the three columns."""
    table = coefficient_table((0.0, math.exp(-18.0), 1.0))
    assert table.norms == pytest.approx([1.734e6, 375.8, 0.787], rel=7e-4)
    assert table.train_rms[1:] == pytest.approx([0.17783, 0.46471], abs=5e-6)
    assert table.test_rms[1:] == pytest.approx([0.36641, 0.62382], rel=3e-3)


def test_more_rows_tame_it_too():
    """D4: median RMS to the sine 0.2415 with 15 rows and 0.0887 with 100."""
    few, many = refit_rms(15, 9, 0.3, 200, seed=0), refit_rms(100, 9, 0.3, 200, seed=0)
    assert np.median(few) == pytest.approx(0.2415, abs=0.015)
    assert np.median(many) == pytest.approx(0.0887, abs=0.004)
    x = np.linspace(0, 1, 15)
    matrix = powers(x, 9)
    at = np.linspace(0, 1, 4001)
    smoother = powers(at, 9) @ np.linalg.pinv(matrix)
    bias = np.mean((smoother @ np.sin(2 * np.pi * x) - np.sin(2 * np.pi * at)) ** 2)
    expected = bias + 0.09 * np.mean((smoother**2).sum(1))
    error = (few**2).std() / math.sqrt(200)
    assert abs((few**2).mean() - expected) < 4 * error


# Wrong use ------------------------------------------------------------------------------------------


def test_wrong_points_are_refused():
    x, t = ten_points()
    with pytest.raises(ArgumentError, match="A polynomial of degree -1 does not exist"):
        powers(x, -1)
    with pytest.raises(DataError, match=r"Points of shape \(0,\) must be a list"):
        powers(np.zeros(0), 2)
    with pytest.raises(DataError, match="finite numbers"):
        powers(np.array([np.nan]), 2)
    with pytest.raises(
        DataError, match=r"10 points need as many finite targets, not an array of shape \(9,\)"
    ):
        fit_polynomial(x, t[:9], 2)
    with pytest.raises(ArgumentError, match="A table of no strengths has no columns"):
        coefficient_table(())
    with pytest.raises(ArgumentError, match="columns for ln λ = −∞, −18 and 0, none for 1"):
        printed_coefficients(1.0)
