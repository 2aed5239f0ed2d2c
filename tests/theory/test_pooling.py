"""Two tasks learnt together: the laws against simulated fits, and against each other where they meet."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import theory_generalisation as oracle

from profunda.errors import ArgumentError
from profunda.theory.pooling import TwoTasks

TASKS = TwoTasks(30, 300, 10, 1.0)


def test_pooling_hurts_beyond_a_distance_of_0_7739():
    """C6: alone 0.515, pooled 0.496 at 0.75 and 0.561 at 0.80 were measured."""
    assert TASKS.threshold == pytest.approx(0.7739, abs=5e-5)
    assert TASKS.pooled(0.75) == pytest.approx(0.496, abs=5e-4)
    assert TASKS.pooled(0.80) == pytest.approx(0.561, abs=1e-3)
    assert TASKS.alone == pytest.approx(10 / 19)
    assert TASKS.pooled(TASKS.threshold) == pytest.approx(TASKS.alone)
    assert TASKS.pooled_exactly(TASKS.exact_threshold) == pytest.approx(TASKS.alone)
    assert TASKS.exact_threshold == pytest.approx(0.7726, abs=5e-5)


@pytest.mark.parametrize("tasks", [TASKS, TwoTasks(13, 14, 6, 1.0)])
def test_the_exact_factor_is_that_of_random_inputs(tasks):
    """And the leading order is not: 4 standard errors for the one, more for the other where D/N is large."""
    rng = np.random.default_rng(1)
    d, draws = tasks.n_features, 4000
    x, z = (rng.normal(size=(draws, n, d)) for n in (tasks.own_rows, tasks.other_rows))
    first, second = x.swapaxes(1, 2) @ x, z.swapaxes(1, 2) @ z
    each = (np.linalg.solve(first + second, second) ** 2).sum((1, 2)) / d
    error = each.std() / math.sqrt(draws)
    assert abs(each.mean() - tasks.bias_factor) < 4 * error
    assert abs(each.mean() - (tasks.other_rows / tasks.rows) ** 2) > 8 * error


def test_without_features_to_confuse_the_factor_is_the_square_of_a_share():
    """For D = 1, A_2/A is a beta variable with E = n_2/N: its second moment is n_2(n_2 + 2)/N(N + 2)."""
    tasks = TwoTasks(5, 9, 1, 1.0)
    assert tasks.bias_factor == pytest.approx(9 * 11 / (14 * 16), rel=1e-12)


@pytest.mark.parametrize(("strength", "distance"), [(0.0, 0.8), (17.8, 0.75), (1e10, 0.8)])
def test_the_risks_are_those_of_fits_to_data(strength, distance):
    errors = oracle.pooled_errors(30, 300, 10, 1.0, distance, strength, 400, seed=0)
    told = TASKS.soft(distance, strength)
    error = math.hypot(errors.std() / math.sqrt(len(errors)), told.standard_error)
    assert abs(errors.mean() - told.value) < 4 * error
    other = oracle.pooled_errors(30, 300, 10, 1.0, 2.0, 1e10, 400, seed=0)
    assert other.mean() - told.value > 20 * error  # control: other tasks are not told by the same number


def test_soft_sharing_lies_between_its_two_ends():
    alone, pooled = TASKS.soft(0.75, 0.0), TASKS.soft(0.75, math.inf)
    assert abs(alone.value - TASKS.alone) < 4 * alone.standard_error
    assert abs(pooled.value - TASKS.pooled_exactly(0.75)) < 4 * pooled.standard_error
    assert TASKS.soft(0.75, 1e-9).value == pytest.approx(alone.value, rel=1e-9)
    assert TASKS.soft(0.75, 1e12).value == pytest.approx(pooled.value, rel=1e-8)


def test_the_best_strength_is_best():
    """λ* = σ²D/distance², for every draw alike."""
    for distance in (0.3, 1.0, 2.5):
        best = TASKS.best_strength(distance)
        least = TASKS.soft(distance, best).value
        assert all(TASKS.soft(distance, best * f).value > least for f in (0.3, 0.9, 1.1, 3.0))
    assert TASKS.best_strength(0.0) == math.inf


def test_soft_sharing_is_never_worse_than_alone():
    """C7: 0.0307 … 0.388 for distances 0 … 1.5 were measured where learning alone gave 0.515."""
    told = [TASKS.soft(d, TASKS.best_strength(d)) for d in (0.0, 0.5, 1.0, 1.5, 20.0)]
    alone = TASKS.soft(0.0, 0.0).value
    values = [each.value for each in told]
    assert values == sorted(values)
    assert values[-1] < alone
    assert values[0] == pytest.approx(0.0307, abs=1e-3)
    assert values[3] / TASKS.alone == pytest.approx(0.388 / 0.515, abs=0.01)
    assert values[3] == pytest.approx(0.388, abs=0.01)


@given(st.integers(1, 20), st.integers(2, 50), st.integers(1, 500), st.floats(0.01, 10))
def test_pooling_equal_tasks_always_helps(d, spare, other, noise):
    tasks = TwoTasks(d + spare, other, d, noise)
    assert tasks.pooled(0.0) < tasks.alone
    assert tasks.pooled_exactly(0.0) == tasks.pooled(0.0)
    assert 0 < tasks.bias_factor < 1
    assert tasks.threshold > 0


def test_few_rows_of_the_other_task_are_enough():
    """A_2 without an inverse: fewer rows of the second task than features."""
    tasks = TwoTasks(30, 3, 10, 1.0)
    assert tasks.soft(0.1, 5.0).value < tasks.soft(0.1, 0.0).value


def test_wrong_tasks_are_refused():
    with pytest.raises(ArgumentError, match="needs at least 2 rows more than features"):
        TwoTasks(11, 300, 10, 1.0)
    with pytest.raises(ArgumentError, match=r"A noise of -1\.0 is no standard deviation"):
        TwoTasks(30, 300, 10, -1.0)
    with pytest.raises(ArgumentError, match=r"A strength of -1\.0 shares nothing"):
        TASKS.soft(1.0, -1.0)
    with pytest.raises(ArgumentError, match=r"distance = nan must be finite"):
        TASKS.pooled(math.nan)
    with pytest.raises(ArgumentError, match="1 draws have no standard error"):
        TASKS.soft(1.0, 1.0, draws=1)
