"""Effective model complexity: found by bisection, and where it is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError
from profunda.theory.complexity import effective_complexity


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 600))
def test_the_bisection_finds_the_edge(edge, most, fewest):
    fewest = min(fewest, most)
    found = effective_complexity(lambda n: float(n > edge), 0.5, most, fewest)
    every = [n for n in range(fewest, most + 1) if n <= edge]
    assert found.rows == (max(every) if every else 0)
    assert found.capped == (most <= edge)
    assert found.monotone
    assert len(found.seen) <= 2 * math.log2(most + 1) + 2


@pytest.mark.parametrize("features", [20, 40])
def test_it_is_the_number_of_features_for_a_fit_of_least_norm(features):
    """D31: exactly p for random ReLU features and random targets."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(10, features))

    def error(n):
        made = np.maximum(rng.normal(size=(n, 10)) @ directions, 0)
        y = rng.normal(size=n)
        return np.mean((made @ np.linalg.lstsq(made, y)[0] - y) ** 2)

    found = effective_complexity(error, 1e-12, 500)
    assert found.rows == features
    assert not found.capped
    assert effective_complexity(error, 0.1, 500).rows >= features  # a laxer ε is never less complex


def test_errors_that_fall_with_rows_are_told():
    found = effective_complexity(lambda n: 0.0 if n in (1, 2, 7) else 10.0 / n, 0.5, 100)
    assert not found.monotone
    assert found.seen == tuple(sorted(found.seen))


def test_what_is_no_number_is_not_learnt():
    found = effective_complexity(lambda n: 0.0 if n <= 6 else math.nan, 0.1, 64)
    assert found.rows == 6
    assert dict(found.seen)[8] == math.inf


def test_wrong_limits_are_refused():
    with pytest.raises(ArgumentError, match="Nothing lies between 5 and 4 rows"):
        effective_complexity(lambda n: 0.0, 0.1, 4, 5)
    with pytest.raises(ArgumentError, match=r"An ε of -0\.1 is no error"):
        effective_complexity(lambda n: 0.0, -0.1, 4)
