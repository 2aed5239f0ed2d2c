"""Counts against numbers written out, polynomial fits and intrinsic dimensions against naive twins."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from tests.oracles.theory_expressivity import polynomial_share, two_neighbours
from torch import nn

from profunda.errors import ArgumentError, DataError
from profunda.theory import counting as module
from profunda.theory.counting import (
    compression_ratio,
    count_inputs,
    decimal_digits,
    intrinsic_dimension,
    monomials,
    polynomial_order_fit,
)


def test_a_megapixel_has_256_to_the_million_images():
    assert decimal_digits(256, 10**6) == 2_408_240
    found = count_inputs(nn.Linear(10, 10), levels=256, pixels=10**6)
    assert (found.digits, found.parameters) == (2_408_240, 110)
    assert found.ratio == pytest.approx(10**6 * math.log10(256) / math.log10(110), rel=1e-14)
    assert compression_ratio(110, 256, 10**6) == found.ratio


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2000), st.integers(0, 400))
def test_digits_are_those_of_the_number(base, exponent):
    assert decimal_digits(base, exponent) == len(str(base**exponent))


def test_digits_next_to_powers_of_ten():
    for k in (1, 5, 40):
        assert decimal_digits(10**k - 1, 1) == k
        assert decimal_digits(10**k, 7) == 7 * k + 1
        assert decimal_digits(10**k + 1, 1) == k + 1
    assert decimal_digits(10**60 - 1, 1) == 60


@given(st.integers(0, 5), st.integers(0, 5))
def test_monomials_are_those_that_can_be_written_down(inputs, degree):
    powers = np.array(np.meshgrid(*[range(degree + 1)] * inputs)).reshape(inputs, -1) if inputs else None
    assert monomials(inputs, degree) == (int((powers.sum(0) <= degree).sum()) if inputs else 1)


def test_counts_of_nothing_are_told():
    with pytest.raises(ArgumentError, match=r"0\^3 is not offered: the base must be at least 1"):
        decimal_digits(0, 3)
    with pytest.raises(ArgumentError, match="levels = 1, pixels = 4: an input has at least 1 pixel"):
        count_inputs(10, 1, 4)
    with pytest.raises(ArgumentError, match="0 parameters have no ratio of logarithms"):
        count_inputs(nn.ReLU(), 2, 4)
    with pytest.raises(ArgumentError, match="inputs = -1, degree = 2: neither can be negative"):
        monomials(-1, 2)


# Of low order ---------------------------------------------------------------------------------------


def table(rows=150, columns=3, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_product_of_k_columns_needs_degree_k(order):
    x = table()
    shares = polynomial_order_fit(x, x[:, :order].prod(1), (0, 1, 2, 3))
    assert [share.degree for share in shares] == [0, 1, 2, 3]
    assert [share.terms for share in shares] == [1, 4, 10, 20]
    for share in shares:
        assert (share.share > 0.99) == (share.degree >= order)
        assert share.degree >= order or share.share < 0.5


def test_noise_bounds_what_is_explained():
    x = table(400)
    noisy = x[:, 0] * x[:, 1] + np.random.default_rng(1).normal(size=400)
    first, second, third = polynomial_order_fit(x, noisy, (1, 2, 3))
    assert first.share < 0.05
    assert second.share == pytest.approx(0.5, abs=0.1)
    assert third.share == pytest.approx(second.share, abs=0.03)
    assert polynomial_order_fit(x, np.random.default_rng(2).normal(size=400), (2,))[0].share < 0.05


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_the_kernel_fits_what_monomials_do(degree, monkeypatch):
    """At one strength for both."""
    x = table(60)
    y = np.exp(0.3 * x[:, 0]) * x[:, 1] + 0.2 * x[:, 2] ** 3

    def at_one_strength(gram, cross, order, target):
        weights = np.linalg.solve((1.0 + gram) ** order + 0.05 * np.eye(len(gram)), target)
        return (1.0 + cross) ** order @ weights, 0.0

    monkeypatch.setattr(module, "_kernel_ridge", at_one_strength)
    fits = polynomial_order_fit(x, y, (degree,), seed=3)
    assert fits[0].share == pytest.approx(polynomial_share(x, y, degree, 0.05, 5, 3), abs=1e-9)
    assert abs(fits[0].share - polynomial_share(x, y, degree, 0.5, 5, 3)) > 1e-5


def test_leave_one_out_errors_are_those_of_leaving_one_out():
    """The strength chosen is the one that fits best when each row is left out by hand."""
    x = table(30, 2, 5)
    gram = x @ x.T / 2
    y = (np.sin(x[:, :1]) + 0.3 * table(30, 1, 6))[:, :1]
    kernel, by_hand = 1.0 + gram, {}
    for strength in module._STRENGTHS * np.linalg.eigvalsh(kernel).clip(0).mean():
        rest = 0.0
        for i in range(30):
            kept = np.delete(np.arange(30), i)
            weights = np.linalg.solve(kernel[np.ix_(kept, kept)] + strength * np.eye(29), y[kept])
            rest += float(((y[i] - kernel[i, kept] @ weights) ** 2).sum())
        by_hand[strength] = rest
    _, least = module._kernel_ridge(gram, gram, 1, y)
    assert least == pytest.approx(min(by_hand.values()), rel=1e-6)


def test_digits_are_of_low_order_and_few_dimensions():
    """Real data: 64 columns of handwritten digits, classes as columns of 0 and 1."""
    x, labels = load_digits(return_X_y=True)
    shares = polynomial_order_fit(x[:400], np.eye(10)[labels[:400]], (1, 2), folds=3)
    assert 0.5 < shares[0].share < 0.75
    assert 0.8 < shares[1].share < 0.95
    found = intrinsic_dimension(x)
    assert 8.0 < found.two_nn < 10.0
    assert found.ambient == 64
    assert 10.0 < found.participation < 16.0


def test_a_constant_column_and_a_multiple_target_will_do():
    x = np.concatenate([table(), np.full((150, 1), 7.0)], 1)
    both = np.stack([x[:, 0], x[:, 1]], 1)
    assert polynomial_order_fit(x, both, (1,))[0].share > 0.99


def test_the_same_seed_gives_the_same_folds():
    x = table()
    y = np.sin(2 * x[:, 0]) + x[:, 1]
    one, same, other = (polynomial_order_fit(x, y, (2,), seed=seed) for seed in (0, 0, 1))
    assert one == same != other


def test_tables_that_cannot_be_fitted_are_told():
    x, y = table(), table()[:, 0]
    with pytest.raises(DataError, match=r"x has 150 rows and y the shape \(149, 1\)"):
        polynomial_order_fit(x, y[:-1])
    with pytest.raises(DataError, match="y is constant: there is no variance to explain"):
        polynomial_order_fit(x, np.ones(150))
    with pytest.raises(DataError, match="y holds values that are not finite"):
        polynomial_order_fit(x, y * np.nan)
    with pytest.raises(DataError, match="x holds values that are not finite"):
        polynomial_order_fit(x * np.inf, y)
    with pytest.raises(DataError, match=r"x has the shape \(150,\): it must be \[N, D\]"):
        polynomial_order_fit(y, y)
    with pytest.raises(DataError, match="20 rows are too few for 5 folds: at least 25"):
        polynomial_order_fit(x[:20], y[:20])
    with pytest.raises(ArgumentError, match="folds = 1: at least 2 are needed"):
        polynomial_order_fit(x, y, folds=1)
    with pytest.raises(ArgumentError, match=r"degrees = \(-1,\): give one or more"):
        polynomial_order_fit(x, y, (-1,))


# On data of few dimensions --------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 2, 3, 5])
def test_sheets_have_their_dimension_wherever_they_lie(dimension):
    rng = np.random.default_rng(dimension)
    flat = rng.normal(size=(1000, dimension))
    curved = np.concatenate([flat, np.tanh(flat @ rng.normal(size=(dimension, 12)))], 1)
    for x in (flat, curved):
        found = intrinsic_dimension(x)
        assert abs(found.two_nn - dimension) < 3 * found.standard_error + 0.05 * dimension
    assert intrinsic_dimension(flat).participation == pytest.approx(dimension, rel=0.05)
    assert intrinsic_dimension(curved).participation < 13


def test_its_standard_error_is_the_spread_over_samples():
    found = [intrinsic_dimension(np.random.default_rng(seed).normal(size=(300, 2))) for seed in range(80)]
    spread = np.std([each.two_nn for each in found])
    assert np.mean([each.standard_error for each in found]) == pytest.approx(spread, rel=0.3)
    assert np.mean([each.two_nn for each in found]) == pytest.approx(2.0, abs=0.1)


def test_it_is_the_fit_of_the_paper():
    x = table(60, 3)
    ratios = np.array(two_neighbours(x))[:54]
    heights = -np.log(1 - np.arange(1, 55) / 60)
    slope = np.linalg.lstsq(ratios[:, None], heights, rcond=None)[0][0]
    assert intrinsic_dimension(x).two_nn == pytest.approx(slope, rel=1e-12)
    assert intrinsic_dimension(table(60, 3, 1)).two_nn != pytest.approx(slope, rel=1e-3)


def test_participation_is_that_of_the_covariance():
    x = table(200, 4) * [1.0, 2.0, 3.0, 4.0]
    values = np.linalg.eigvalsh(np.cov(x.T))
    assert intrinsic_dimension(x).participation == pytest.approx(values.sum() ** 2 / (values**2).sum())


def test_duplicates_are_left_out_and_counted():
    x = table(100)
    twice = intrinsic_dimension(np.concatenate([x, x[:30]]))
    assert (twice.duplicates, twice.rows) == (30, 100)
    assert twice.two_nn == intrinsic_dimension(x).two_nn


def test_data_without_a_dimension_are_told():
    with pytest.raises(DataError, match="1 different rows say nothing about a dimension"):
        intrinsic_dimension(np.ones((50, 2)))
    lattice = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), -1).reshape(-1, 2)
    with pytest.raises(DataError, match="equally far nearly everywhere, as on a lattice"):
        intrinsic_dimension(lattice)
    with pytest.raises(DataError, match="differ by less than float64 can tell"):
        intrinsic_dimension(table(30) * 1e-200)


def test_a_degree_that_is_asked_for_twice_counts_once():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    y = x[:, 0] + rng.normal(size=60)
    once = polynomial_order_fit(x, y, (1, 2))
    assert polynomial_order_fit(x, y, np.array([1, 2, 1])) == (*once, once[0])
