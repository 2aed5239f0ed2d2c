"""Groups of tasks: against every partition weighed one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.tuning import best_partition

from profunda.errors import ArgumentError
from profunda.tuning.grouping import MOST_EXACT, group_tasks, group_worth


def drawn(n, seed, bars=0.2):
    rng = np.random.default_rng(seed)
    barred = rng.random((n, n)) < bars
    return rng.normal(size=(n, n)), barred | barred.T


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000), st.sampled_from([0.0, 0.3]))
def test_no_partition_is_worth_more(n, seed, bars):
    gains, barred = drawn(n, seed, bars)
    found = group_tasks(gains, barred)
    assert sorted(t for group in found for t in group) == list(range(n))
    most, _ = best_partition(gains, barred)
    np.fill_diagonal(barred, False)
    np.fill_diagonal(gains, 0.0)
    assert sum(group_worth(gains, barred, group) for group in found) == pytest.approx(most, abs=1e-12)
    for group in found:
        assert not barred[np.ix_(group, group)].any()


def test_blocks_of_friends_are_found_whatever_their_number():
    for n in (6, MOST_EXACT, 24):
        kind = np.arange(n) % 3
        gains = np.where(kind[:, None] == kind, 0.1, -0.2)
        assert group_tasks(gains, gains < -1) == tuple(tuple(range(k, n, 3)) for k in range(3))


def test_who_would_lose_stays_alone():
    gains = np.array([[0.0, 0.5], [-0.1, 0.0]])
    assert group_tasks(gains, np.zeros((2, 2), bool)) == ((0,), (1,))
    assert group_tasks(np.abs(gains), np.zeros((2, 2), bool)) == ((0, 1),)


def test_wrong_gains_are_refused():
    with pytest.raises(ArgumentError, match=r"gains \(2, 3\) and barred \(2, 3\) must both be \[T, T\]"):
        group_tasks(np.zeros((2, 3)), np.zeros((2, 3), bool))
    with pytest.raises(ArgumentError, match="A gain is not finite"):
        group_tasks(np.full((2, 2), np.nan), np.zeros((2, 2), bool))
