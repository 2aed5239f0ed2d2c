"""Successive halving, Hyperband and their baselines against their definitions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError
from profunda.tuning.budget import Budget
from profunda.tuning.race import rungs_of
from profunda.tuning.rungs import ETA, FIDELITIES, Ladder, check_fidelity, epochs_at, ladders, survivors

losses = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60)


@given(losses, st.integers(1, 60))
def test_survivors_are_the_best(values: list[float], count: int) -> None:
    kept = survivors(values, count)
    finite = [v for v in values if math.isfinite(v)]
    assert len(kept) == min(len(finite), count)
    assert list(kept) == sorted(kept)
    dropped = [v for i, v in enumerate(values) if i not in kept and math.isfinite(v)]
    assert not kept or not dropped or max(values[i] for i in kept) <= min(dropped)


def test_equal_losses_go_by_order() -> None:
    assert survivors([1.0] * 6, 2) == (0, 1)


def test_nobody_survives_without_a_finite_loss() -> None:
    assert survivors([math.nan, math.inf], 2) == ()


@pytest.mark.parametrize(("epochs", "rungs"), [(80, 3), (27, 3), (26, 2), (9, 2), (8, 1), (1, 1)])
def test_rungs_leave_three_epochs_before_the_first(epochs: int, rungs: int) -> None:
    (ladder,) = ladders("halving", epochs)
    assert len(ladder.shares) == rungs
    assert ladder.shares[-1] == 1.0
    assert ladder.goals(epochs)[0] >= min(3, epochs)
    assert ladder.going(10) == math.ceil(10 / ETA)


@given(st.integers(1, 500), st.sampled_from(FIDELITIES))
def test_epochs_at_rungs_rise_to_the_end(epochs: int, fidelity: str) -> None:
    for ladder in ladders(fidelity, epochs):  # type: ignore[arg-type]
        goals = ladder.goals(epochs)
        assert list(goals) == sorted(set(goals))
        assert goals[-1] == epochs


def counted(ladder: Ladder, n: int, epochs: int) -> int:
    alive, before, spent = n, 0, 0
    for share in ladder.shares:
        goal = epochs_at(share, epochs)
        spent += alive * (goal - before)
        before, alive = goal, ladder.going(alive)
    return spent


@pytest.mark.parametrize("fidelity", FIDELITIES)
def test_the_expected_share_counts_epochs(fidelity: str) -> None:
    for ladder in ladders(fidelity, 81):  # type: ignore[arg-type]
        assert ladder.most_epochs(81, 81) == counted(ladder, 81, 81)
        # A share stands for a whole design; the epoch before the baseline's first rung is none of its.
        extra = 81 - 3 if fidelity == "one-epoch" else 0
        assert 81 * 81 * ladder.expected_share(81) == pytest.approx(counted(ladder, 81, 81) - extra)


def test_hyperband_has_the_sizes_of_its_paper() -> None:
    """Li et al. 2018, table 1 has R = 81 and η = 3; with three rungs, s_max = 2: n = 9, 5 and 3 times R/9."""
    cycle = ladders("hyperband", 81)
    assert [math.ceil(9 * ladder.size - 1e-9) for ladder in cycle] == [9, 5, 3]
    assert [len(ladder.shares) for ladder in cycle] == [3, 2, 1]
    whole = ladders("halving", 81)[0].shares
    assert [ladder.shares for ladder in cycle] == [whole, whole[1:], whole[2:]]


def test_hyperbands_brackets_cost_about_the_same() -> None:
    costs = [ladder.most_epochs(math.ceil(81 * ladder.size), 81) for ladder in ladders("hyperband", 81)]
    assert max(costs) < 1.4 * min(costs)


def test_rungs_of_a_cautious_bracket_stand_as_high_as_the_bold_ones() -> None:
    heights = [[rung.height for rung in rungs_of(b, lad)] for b, lad in enumerate(ladders("hyperband", 81))]
    assert heights == [[0, 1, 2], [1, 2], [2]]


def test_one_epoch_then_the_best_three() -> None:
    (ladder,) = ladders("one-epoch", 80)
    assert ladder.goals(80) == (1, 80)
    assert [ladder.going(n) for n in (81, 4, 3, 2)] == [3, 3, 3, 2]
    first, last = rungs_of(0, ladder)
    assert not first.last
    assert last.last


def test_full_trains_all_to_the_end() -> None:
    (ladder,) = ladders("full", 80)
    assert ladder.goals(80) == (80,)
    assert ladder.expected_share(7) == 1.0


def test_an_unknown_fidelity_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"fidelity='asha' is unknown: it is halving, hyperband"):
        check_fidelity("asha")


def test_a_budget_says_itself_in_words() -> None:
    assert [b.text for b in (Budget(trials=1000), Budget(epochs=5), Budget(seconds=2.5))] == [
        "1,000 trials", "5 epochs", "2.5 seconds",
    ]  # fmt: skip


def test_no_budget_is_told() -> None:
    with pytest.raises(ArgumentError, match=r"exactly one budget .*given: none"):
        Budget()
