import math

import numpy as np
import pytest
from tests.oracles.reporting import ranks_by_loop, shares_by_grid

from profunda.fleet.history import Status
from profunda.reporting.importance import LEAST_TRIALS, _inputs, _shares, importances
from profunda.reporting.standing import chosen, frame, improvements, order, ranks
from profunda.space.domain import Choice, Float, LogFloat
from profunda.space.space import Space, When
from profunda.tuning.result import SearchResult, Trial


def found(space: Space, objective, n: int = 300, *, maximise: bool = False, seed: int = 0) -> SearchResult:
    draws = space.sample(np.random.default_rng(seed).random((n, space.dimensions)))
    trials = tuple(
        Trial(k, p, None, (), objective(p), math.nan, 0, 0, Status.COMPLETED, 0.01)
        for k, p in enumerate(draws)
    )
    return SearchResult(trials, None, space, "loss", maximise, "random", (), 0, n, 0, 1.0, 0.1)


def test_shares_agree_with_sums_over_a_grid():
    def function(u):
        return np.sin(6 * u[:, 0]) + 2 * u[:, 1] * u[:, 0] + 0.3 * u[:, 2] ** 2 + 0 * u[:, 3]

    space = Space({name: Float(0.0, 1.0) for name in "abcd"})
    alone, total = _shares(space, function)
    expected_alone, expected_total = shares_by_grid(function, 4, points=16)
    # Three standard errors of 512 draws (see DRAWS), measured over seeds.
    assert np.abs(total - expected_total).max() < 0.08
    assert np.abs(alone - expected_alone).max() < 0.12
    assert np.abs(total - shares_by_grid(lambda u: u[:, 3], 4, points=16)[1]).max() > 0.3


def test_the_parameter_that_matters_comes_first_and_idle_ones_have_no_share():
    space = Space({"lr": LogFloat(1e-4, 1e-1), "idle": Float(0.0, 1.0), "kind": Choice("a", "b", "c")})

    def objective(p):
        return abs(math.log10(p["lr"]) + 2) + 0.3 * (p["kind"] == "b")

    result = importances(found(space, objective))
    assert [one.name for one in result.parameters][:2] == ["lr", "kind"]
    assert result.parameters[0].total > 0.7
    assert next(one for one in result.parameters if one.name == "idle").total < 0.05
    assert result.explained > 0.9


def test_pure_noise_explains_nothing():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)})
    rng = np.random.default_rng(1)
    assert importances(found(space, lambda p: rng.random())).explained < 0.1


def test_an_inactive_parameter_counts_only_where_it_exists():
    space = Space({"on": Choice(False, True), "rate": When("on", True, Float(0.0, 1.0))})
    result = importances(found(space, lambda p: 0.0 if not p["on"] else 1 + p["rate"]))
    shares = {one.name: one for one in result.parameters}
    assert shares["on"].total > shares["rate"].total > 0.02
    idle = importances(found(space, lambda p: float(p["on"])))
    assert {one.name: one.total for one in idle.parameters}["rate"] < 0.08


def test_the_same_search_has_the_same_importances():
    space = Space({"a": Float(0.0, 1.0), "b": Float(0.0, 1.0)})
    one, two = (importances(found(space, lambda p: p["a"])) for _ in range(2))
    assert one == two


def test_too_few_trials_say_nothing():
    space = Space({"a": Float(0.0, 1.0)})
    assert importances(found(space, lambda p: p["a"], LEAST_TRIALS - 1)) is None
    assert importances(found(space, lambda p: math.nan, 100)) is None
    assert importances(found(space, lambda p: p["a"], LEAST_TRIALS)) is not None


@pytest.mark.parametrize("maximise", [False, True])
def test_order_and_ranks_follow_the_direction_and_the_rung(maximise):
    space = Space({"a": Float(0.0, 1.0)})
    result = found(space, lambda p: p["a"] if p["a"] < 0.9 else math.nan, 60, maximise=maximise)
    values = [t.value for t in order(result)]
    assert values == sorted(values, reverse=maximise)
    assert order(result)[0] == result.best
    finite = [t.value for t in result.trials if t.value == t.value]
    expected = ranks_by_loop([-v for v in finite] if maximise else finite)
    assert np.allclose(ranks(result) * len(finite), expected)


def test_choosing_keeps_the_best_and_a_frame_cuts_the_worst():
    space = Space({"a": Float(0.0, 1.0)})
    trials = order(found(space, lambda p: p["a"], 100))
    kept = chosen(trials, 20)
    assert kept[:10] == trials[:10]
    assert len(kept) == 20
    assert kept[-1] == trials[-1]
    assert chosen(trials, 200) == trials
    low, high = frame([*range(60)], False)
    assert low == 0
    assert 48 < high < 50
    assert frame([1.0, 1.0], True) == (1.0, 1.0)


def test_improvements_count_only_trials_of_the_last_rung():
    space = Space({"a": Float(0.0, 1.0)})
    base = found(space, lambda p: p["a"], 3).trials
    told = [(0.5, 1), (0.1, 0), (0.4, 1)]
    trials = tuple(
        Trial(t.number, t.params, None, (), v, math.nan, r, 1, Status.COMPLETED, 0.0)
        for t, (v, r) in zip(base, told, strict=True)
    )
    result = SearchResult(trials, None, space, "loss", False, "random", (), 0, 3, 0, 1.0, 0.1)
    assert improvements(result) == ([1, 3], [0.5, 0.4])


def test_inputs_are_the_places_that_the_space_tells() -> None:
    rate = When("flag", "a", LogFloat(1e-3, 1.0))
    space = Space({"flag": Choice(True, 1, "a"), "size": Choice(1, 2, 4), "rate": rate})
    params = space.sample(np.random.default_rng(0).random((200, space.dimensions)))
    expected = np.nan_to_num(space.encode(params), nan=-1.0)
    np.testing.assert_array_equal(_inputs(space, params), expected)
    assert (expected == -1).any()
