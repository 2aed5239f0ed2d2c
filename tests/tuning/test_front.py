"""The front of best compromises, against its definition."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from profunda.tuning.front import Aim, pareto_front

points = st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=40)


@given(points)
def test_nobody_in_the_front_is_dominated_and_everybody_else_is(rows: list[tuple[int, ...]]) -> None:
    losses = np.array(rows, float)
    front = pareto_front(losses)
    for i, row in enumerate(losses):
        better = [(other <= row).all() and (other < row).any() for other in losses]
        equal_before = any((losses[j] == row).all() for j in range(i))
        assert (i in front) == (not any(better) and not equal_before)
    assert [tuple(losses[i]) for i in front] == sorted(tuple(losses[i]) for i in front)


def test_what_is_not_finite_is_in_no_front() -> None:
    assert pareto_front(np.array([[np.nan, 0.0], [np.inf, 1.0], [2.0, 2.0]])) == (2,)
    assert pareto_front(np.zeros((0, 2))) == ()


def test_an_aim_turns_what_is_to_be_maximised() -> None:
    assert Aim("accuracy", True).loss(0.9) == -0.9
    assert Aim("loss", False).loss(0.9) == 0.9
