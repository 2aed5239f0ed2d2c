"""The Vapnik–Chervonenkis bound against published numbers, exact counts and a second route to each."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import theory_generalisation as oracle

from profunda.errors import ArgumentError
from profunda.theory.bounds import dense_vc_dimension, growth_bound, sauer_sum, vc_bound, vc_sample_size


@pytest.mark.parametrize(
    ("n_rows", "value"), [(100, 1.274), (1000, 0.4663), (10**4, 0.1651), (10**5, 0.0573), (10**6, 0.0196)]
)
def test_the_bound_of_dimension_3(n_rows, value):
    found = vc_bound(n_rows, 3, 0.05)
    assert found.value == pytest.approx(value, abs=5e-4 if n_rows == 100 else 5e-5)
    assert found.vacuous == (n_rows == 100)
    direct = math.sqrt(8 / n_rows * math.log(4 * ((2 * n_rows) ** 3 + 1) / 0.05))
    assert found.value == pytest.approx(direct, rel=1e-13)


@pytest.mark.parametrize("dimension", [3, 10, 1000])
def test_a_hundred_rows_never_bound_anything_of_dimension_3(dimension):
    """E22."""
    assert vc_bound(100, dimension).vacuous


def test_a_network_is_always_beyond_the_bound():
    """E22: with 10⁴ parameters the bound is empty at a million rows, and no overflow says otherwise."""
    assert vc_bound(10**6, 1e4).vacuous
    assert vc_bound(60_000, dense_vc_dimension((784, 30, 1))).value > 10
    assert math.isfinite(vc_bound(10**9, 1e9).value)


def test_the_sample_size_is_the_least_that_will_do():
    """The root of Abu-Mostafa's equation 2.13 lies between 29 299 and 29 300 rows."""
    assert vc_sample_size(3, 0.1, 0.1) == 29_300
    assert vc_bound(29_299, 3, 0.1).value > 0.1 >= vc_bound(29_300, 3, 0.1).value
    n = 1000.0
    for _ in range(100):  # the book's own iteration
        n = 8 / 0.1**2 * math.log(4 * ((2 * n) ** 3 + 1) / 0.1)
    assert n == pytest.approx(29_299.433, abs=1e-3)


@given(st.floats(0, 1e6), st.floats(0.01, 0.99), st.floats(1e-6, 0.5))
def test_no_fewer_rows_will_do(dimension, epsilon, delta):
    n = vc_sample_size(dimension, epsilon, delta)
    assert vc_bound(n, dimension, delta).value <= epsilon
    assert vc_bound(n - 1, dimension, delta).value > epsilon


@given(st.integers(1, 10**9), st.floats(0, 1e9), st.floats(1e-9, 0.9))
def test_the_bound_grows_with_the_dimension_and_with_certainty(n_rows, dimension, delta):
    value = vc_bound(n_rows, dimension, delta).value
    assert vc_bound(n_rows, dimension + 1 + dimension * 1e-6, delta).value > value
    assert vc_bound(n_rows, dimension, delta / 2).value >= value


def test_sauer_never_exceeds_the_power():
    """E22: checked for all N < 60 and d < 8."""
    assert all(sauer_sum(n, d) <= growth_bound(n, d) for n in range(1, 60) for d in range(8))
    assert sauer_sum(10, 10) == 2**10
    assert sauer_sum(5, 9) == 2**5  # more points cannot be chosen than there are


@pytest.mark.parametrize("n", range(1, 12))
def test_sauer_is_reached_by_half_lines_and_intervals(n):
    """Classes of dimension 1 and 2 that label as many ways as any of their dimension can."""
    assert oracle.half_line_labellings(n) == sauer_sum(n, 1)
    assert oracle.interval_labellings(n) == sauer_sum(n, 2)
    assert (oracle.interval_labellings(n) == sauer_sum(n, 1)) == (n == 1)  # control


# Networks -------------------------------------------------------------------------------------------


def test_half_spaces_have_one_dimension_more_than_inputs():
    assert dense_vc_dimension((7, 1)) == 8


@pytest.mark.parametrize("widths", [(2, 3, 1), (20, 64, 32, 16, 1), (784, 30, 1)])
def test_the_dimension_of_a_network_is_where_labellings_run_out(widths):
    d = dense_vc_dimension(widths)

    def surplus(m):
        total, log2 = 0, 0.0
        for i in range(1, len(widths)):
            total += (widths[i - 1] + 1) * widths[i]
            log2 += total * math.log2(2 * math.e * m * widths[i] * i / total) + 1
        return log2 - m

    assert surplus(d - 1) > 0 > surplus(d + 1)
    weights = sum((a + 1) * b for a, b in pairwise(widths))
    layers = len(widths) - 1
    assert weights < d < 4 * weights * layers * math.log2(weights)  # theorem 6: O(W L log W)


def test_a_network_shatters_what_its_dimension_must_allow():
    """H hidden ReLUs on a line fit any labels of H + 1 points, so the bound must be at least H + 1."""
    points, units = np.arange(6.0), 5
    hidden = np.concatenate([np.ones((6, 1)), np.maximum(points[:, None] - np.arange(units), 0)], 1)
    labels = np.sign(np.random.default_rng(0).normal(size=(6, 20)))
    assert (np.sign(hidden @ np.linalg.solve(hidden, labels)) == labels).all()
    assert dense_vc_dimension((1, units, 1)) >= 6


@pytest.mark.parametrize("widths", [(3,), (3, 0, 1), (3, 4, 2), ()])
def test_what_tells_no_two_classes_apart_is_refused(widths):
    with pytest.raises(ArgumentError, match="are no network that tells two classes apart"):
        dense_vc_dimension(widths)


def test_wrong_counts_and_shares_are_refused():
    with pytest.raises(ArgumentError, match="0 rows bound nothing"):
        vc_bound(0, 3)
    with pytest.raises(ArgumentError, match="A VC dimension of -1 is no count"):
        growth_bound(5, -1)
    with pytest.raises(ArgumentError, match="A VC dimension of nan is no count"):
        vc_bound(5, math.nan)
    with pytest.raises(ArgumentError, match="delta = 0 must lie strictly between 0 and 1"):
        vc_bound(5, 3, 0)
    with pytest.raises(ArgumentError, match=r"epsilon = 1\.0 must lie strictly"):
        vc_sample_size(3, 1.0)
    with pytest.raises(ArgumentError, match="No number of rows that a float can hold"):
        vc_sample_size(1e300, 1e-3)
