"""Successive halving against its definition."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError
from profunda.tuning.budget import Budget
from profunda.tuning.rungs import ETA, epochs_at, expected_share, rung_shares, survivors

losses = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60)


@given(losses)
def test_survivors_are_the_best_third(values: list[float]) -> None:
    kept = survivors(values)
    finite = [v for v in values if math.isfinite(v)]
    assert len(kept) == min(len(finite), math.ceil(len(values) / ETA))
    assert list(kept) == sorted(kept)
    dropped = [v for i, v in enumerate(values) if i not in kept and math.isfinite(v)]
    assert not kept or not dropped or max(values[i] for i in kept) <= min(dropped)


def test_equal_losses_go_by_order() -> None:
    assert survivors([1.0] * 6) == (0, 1)


def test_nobody_survives_without_a_finite_loss() -> None:
    assert survivors([math.nan, math.inf]) == ()


@pytest.mark.parametrize(("epochs", "rungs"), [(80, 3), (27, 3), (26, 2), (9, 2), (8, 1), (1, 1)])
def test_rungs_leave_three_epochs_before_the_first(epochs: int, rungs: int) -> None:
    shares = rung_shares(epochs)
    assert len(shares) == rungs
    assert shares[-1] == 1.0
    assert epochs_at(shares[0], epochs) >= min(3, epochs)


@given(st.integers(1, 500))
def test_epochs_at_rungs_rise_to_the_end(epochs: int) -> None:
    goals = [epochs_at(share, epochs) for share in rung_shares(epochs)]
    assert goals == sorted(set(goals))
    assert goals[-1] == epochs


def test_the_expected_share_counts_epochs() -> None:
    n, epochs, shares = 81, 81, rung_shares(81)
    alive, before, spent = n, 0, 0
    for share in shares:
        goal = epochs_at(share, epochs)
        spent += alive * (goal - before)
        before, alive = goal, math.ceil(alive / ETA)
    assert expected_share(n, shares) == pytest.approx(spent / (n * epochs))


def test_a_budget_says_itself_in_words() -> None:
    assert [b.text for b in (Budget(trials=1000), Budget(epochs=5), Budget(seconds=2.5))] == [
        "1,000 trials", "5 epochs", "2.5 seconds",
    ]  # fmt: skip


def test_no_budget_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"exactly one budget .*given: none"):
        Budget()
