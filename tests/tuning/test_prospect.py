"""What a bracket may hold: fair counts where time allows, designs that fit where it does not."""

import pytest

from profunda.space.space import Space
from profunda.space.table import design_from, table_space
from profunda.tuning.prospect import FORECAST, Prospect, forecast_params


@pytest.fixture
def space() -> Space:
    return table_space("binary", 1000, 10, 2)


def cost(design) -> float:
    """Seconds: a hundredth for every unit, and one for the outputs."""
    return (1 + sum(design.widths)) / 100.0


def prospect(space: Space, workers: int = 1, bracket: int = 81) -> Prospect:

    return Prospect(space, 0, bracket, workers, cost)


def test_more_time_holds_more_trials_up_to_a_bracket(space):
    made = prospect(space)
    counts = [made.in_time(left) for left in (0.0, 5.0, 50.0, 500.0, 1e9)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 81


def test_two_workers_hold_about_twice_as_many(space):
    one, two = prospect(space, 1).in_time(20.0), prospect(space, 2).in_time(20.0)
    assert 1.5 * one <= two


def test_a_longer_time_than_forecast_holds_fewer(space):
    made = prospect(space)
    before = made.in_time(30.0)
    made.drift = 3.0
    assert made.in_time(30.0) < before


def test_costly_designs_tried_first_leave_room_for_fewer(space):
    made = prospect(space)
    costly = max(made.params, key=lambda params: cost(design_from(params)))
    plain = made.in_time(30.0)
    assert made.in_time(30.0, first=lambda count: [costly] * (count // 2)) < plain
    assert made.in_time(30.0, first=lambda count: []) == plain


def test_epochs_hold_what_the_rungs_take_at_most(space):
    made = prospect(space)
    goals = made.rung_epochs
    assert made.in_epochs(goals[-1] - 1, 1) == 0
    assert made.in_epochs(goals[-1], 1) == 1
    assert made.in_epochs(goals[-1], 2) == 0
    assert made.in_epochs(10**9, 3) == 81


def test_fitting_designs_leave_time_for_others_and_are_not_only_the_cheapest(space):
    made = prospect(space)
    costs = {id(params): cost(design) for params, design in zip(made.params, made.designs, strict=True)}
    left = 4.0 * sorted(costs.values())[FORECAST // 2]
    found = made.fitting(left, made.params)
    assert len(found) >= 4
    assert max(costs[id(params)] for params in found) <= left / 4
    cheapest = sorted(made.params, key=lambda params: costs[id(params)])[: len(found)]
    assert {id(params) for params in found} != {id(params) for params in cheapest}


def test_the_very_first_may_claim_half_of_the_time(space):
    made = prospect(space)
    by_cost = sorted(made.params, key=lambda params: cost(design_from(params)))
    dear, cheap = by_cost[-1], by_cost[0]
    left = 2.5 * cost(design_from(dear))
    assert made.fitting(left, [dear, cheap])[0] == dear
    assert dear not in made.fitting(left, [cheap, dear])  # in second place a quarter
    assert dear not in made.fitting(left, [dear, cheap], 1)  # nor later
    assert dear not in made.fitting(0.7 * left, [dear, cheap])


def test_of_what_is_tried_first_the_too_dear_takes_nobodys_place(space):
    made = prospect(space)
    by_cost = sorted(made.params, key=lambda params: cost(design_from(params)))
    cheap, middle, dear = by_cost[0], by_cost[40], by_cost[-1]
    seconds = [cost(design_from(params)) for params in (cheap, middle, dear)]
    left = 2.1 * seconds[1]
    assert seconds[0] < left / 4 < seconds[1] < left / 2 < seconds[2]
    assert made.opening([dear, middle, cheap], left) == [
        middle,
        cheap,
    ]  # half of the time, for one
    assert made.opening([cheap, middle, dear], left) == [cheap]  # a quarter for the others
    assert made.opening([dear, middle], 0.0) == [dear, middle]  # where none fits, there is nothing to prefer
    made.drift = 2.0
    assert made.opening([dear, middle, cheap], left) == [cheap]
    many = prospect(space, 64)  # a network keeps one of them busy, and takes as long beside idle ones
    assert many.opening([dear, middle, cheap], 0.9 * seconds[1]) == [cheap]


def test_no_worker_is_idle_beside_a_dear_trial(space):
    dear = sorted(prospect(space).params, key=lambda params: cost(design_from(params)))[-5:]
    left = 1.1 * cost(design_from(dear[-1]))
    assert len(prospect(space).fitting(left, dear, 1)) == 1
    assert len(prospect(space, 2).fitting(left, dear, 1)) == 2
    assert prospect(space, 2).fitting(0.5 * cost(design_from(dear[0])), dear, 1) == []
    cheap = [dear[0], dear[0], dear[-1]]  # the first takes its time, and another as cheap none of its own
    assert prospect(space, 2).fitting(0.0, cheap) == cheap[:2]
    folded = Prospect(space, 0, 81, 2, cost, folds=2)  # the folds of one keep both busy
    assert len(folded.fitting(left / 2, dear, 1)) == 1


def test_under_a_clock_as_many_go_on_as_keep_all_workers_busy(space):
    for workers, folds, least in ((4, 1, 4), (4, 3, 2), (1, 5, 1)):
        timed = Prospect(space, 0, 81, workers, cost, folds=folds, timed=True).ladder(0)
        free = Prospect(space, 0, 81, workers, cost, folds=folds).ladder(0)
        assert [timed.going(n) for n in (1, 2, 9, 81)] == [1, min(2, least), max(3, least), 27]
        assert [free.going(n) for n in (1, 2, 9, 81)] == [1, 1, 3, 27]


def test_a_network_alone_takes_its_own_time_whatever_the_workers(space):
    made = prospect(space, 4)
    alone = cost(made.designs[0])
    assert made.fitting(0.9 * alone, made.params[:1], 1) == []
    assert made.fitting(1.1 * alone, made.params[:1], 1) == made.params[:1]


def test_what_fits_keeps_its_order(space):
    made = prospect(space)
    places = [made.params.index(params) for params in made.fitting(10.0, made.params)]
    assert places == sorted(places)


def test_a_first_bracket_without_time_still_tries_the_cheapest_and_a_later_one_nothing(space):
    made = prospect(space)
    (only,) = made.fitting(0.0, made.params)
    costs = [cost(design) for design in made.designs]
    assert only == made.params[costs.index(min(costs))]
    assert made.least == pytest.approx(min(costs))
    assert made.fitting(0.0, made.params, 1) == []
    assert made.fitting(1e9, []) == []


def test_a_later_bracket_of_dear_designs_takes_the_cheapest_if_it_fits(space):
    made = prospect(space)
    dear = sorted(made.params, key=lambda params: cost(design_from(params)))[-3:]
    least = min(cost(design_from(params)) for params in dear)
    assert made.fitting(1.1 * least, dear, 1) == [min(dear, key=lambda params: cost(design_from(params)))]
    assert made.fitting(0.9 * least, dear, 1) == []


def test_the_forecast_is_the_seeds(space):
    assert forecast_params(space, 1) == forecast_params(space, 1)
    assert forecast_params(space, 1) != forecast_params(space, 2)


def test_costs_are_not_asked_for_before_time_matters(space):
    def refuse(design):
        raise AssertionError(f"{design} was forecast")

    made = Prospect(space, 0, 81, 1, refuse)
    assert made.in_epochs(10**6, 1) > 0
    with pytest.raises(AssertionError, match="was forecast"):
        made.in_time(1.0)
