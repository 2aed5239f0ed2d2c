"""What a bracket holds under a budget in seconds, of thousands, so that a test's own time is nothing."""

import time
from functools import partial

import pytest

from profunda.space.space import Space
from profunda.space.table import design_from, table_space
from profunda.tuning.budget import Budget
from profunda.tuning.drawing import Drawing, Standing
from profunda.tuning.ledger import Ledger
from profunda.tuning.limits import UNLIMITED, Gate
from profunda.tuning.prospect import FAIR_COUNT, Prospect
from profunda.tuning.samplers.sampler import sampler_for
from profunda.tuning.terminators import NEVER, Tried

SECONDS = 9_000.0


@pytest.fixture
def space() -> Space:
    return table_space("binary", 1000, 10, 2)


def drawing(space: Space, seconds_a_unit: float, ledger: Ledger, left: float = SECONDS) -> Drawing:
    """One whose trials cost so many seconds for each hidden unit."""

    def cost(design) -> float:
        return seconds_a_unit * (1 + sum(design.widths))

    return Drawing(
        space,
        sampler_for("random", space, 0),
        False,
        False,
        0,
        Budget(seconds=SECONDS),
        NEVER,
        Gate(UNLIMITED, lambda design: None, 2, None),  # type: ignore[arg-type]
        (),
        Prospect(space, 0, 27, 1, cost),
        ledger,
        1,
        time.perf_counter() + left,
    )


def standing(params) -> Standing:
    return Standing([Tried(one, 0.5) for one in params], 0)


def test_dear_trials_leave_room_for_cheap_ones_bracket_after_bracket(space):
    made = drawing(space, 20.0, Ledger(None))
    assert made.prospect.in_time(SECONDS / 3) < FAIR_COUNT
    tried: list = []
    for bracket in range(3):
        found = made.next(bracket, partial(standing, list(tried)))
        drawn = found.params
        assert drawn
        assert found.why == ""
        costs = [20.0 * (1 + sum(design_from(one).widths)) for one in drawn]
        assert len(costs) == 1 or max(costs) <= SECONDS / 4
        assert not [one for one in drawn if one in tried]
        tried += drawn
    assert len(tried) >= FAIR_COUNT


def test_a_search_ends_where_not_even_the_cheapest_fits(space):
    made = drawing(space, 20.0, Ledger(None), left=10.0)
    first = made.next(0, lambda: standing([])).params
    assert len(first) == 1  # whatever it takes
    last = made.next(1, lambda: standing(first))
    assert last.params == ()
    assert "was used up" in last.why


def test_cheap_trials_fill_a_fair_bracket(space):
    drawn = drawing(space, 1e-3, Ledger(None)).next(0, lambda: standing([]))
    assert len(drawn.params) == 27
