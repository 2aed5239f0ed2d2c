"""When a search has searched enough, against losses whose answer is plain."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError
from profunda.space.domain import Float
from profunda.space.space import Space, When
from profunda.tuning.regret import fit_posterior, regret_bound
from profunda.tuning.terminators import Stopping, Tried, enough, trials_since_gain

LINE = Space({"x": Float(0, 1)})


def line(losses: list[float], error: float = math.nan) -> list[Tried]:
    return [Tried({"x": i / len(losses)}, loss, error) for i, loss in enumerate(losses)]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_without_a_delta_the_last_gain_is_the_first_minimum(losses: list[float]) -> None:
    assert trials_since_gain(losses, 0.0) == len(losses) - 1 - losses.index(min(losses))


def test_small_gains_add_up_and_nan_is_none() -> None:
    assert trials_since_gain([1.0, 0.96, 0.91, 0.89, math.nan], 0.1) == 1
    assert trials_since_gain([math.nan] * 9, 0.0) == 0


def test_patience_counts_trials_without_a_gain() -> None:
    stopping = Stopping(patience=3, min_delta=0.1)
    assert enough(stopping, LINE, line([2.0, 1.0, 1.0, 0.95])) is None
    stop = enough(stopping, LINE, line([2.0, 1.0, 1.0, 0.95, 0.99]))
    assert stop is not None
    assert stop.cause == "improvement"
    assert stop.reason == "the last 3 trials did not better the best by more than 0.1"


def test_a_bracket_is_judged_as_one() -> None:
    """Its best trial was drawn early, which says nothing: patience counts from the bracket's end."""
    first = [Tried({"x": 0.0}, loss, bracket=0) for loss in (1.0, 2.0, math.nan, 3.0)]
    second = [Tried({"x": 0.0}, loss, bracket=1) for loss in (1.5, 2.0)]
    assert enough(Stopping(patience=2), LINE, first) is None
    stop = enough(Stopping(patience=2), LINE, [*first, *second])
    assert stop is not None
    assert stop.reason == "the last 2 trials did not better the best"
    better = [Tried({"x": 0.0}, loss, bracket=1) for loss in (0.5, 2.0)]
    assert enough(Stopping(patience=2), LINE, [*first, *better]) is None


def test_nothing_is_watched_unless_asked_for() -> None:
    assert not Stopping().any
    assert enough(Stopping(), LINE, line([1.0] * 99)) is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"patience": 0}, r"patience=0 must be a whole number of trials"),
        ({"patience": 2.5}, r"patience=2.5 must be a whole number"),
        ({"min_delta": -1.0, "patience": 3}, r"min_delta=-1.0 must be a number, 0 or greater"),
        ({"min_delta": 0.1}, r"min_delta=0.1 says how much a gain must be, but not how many trials"),
        ({"regret": 0.0}, r"regret=0.0 must be a positive number or 'noise'"),
        ({"regret": "much"}, r"regret='much' must be a positive number or 'noise'"),
        ({"regret": math.nan}, r"regret=nan must be a positive number"),
    ],
)
def test_bad_words_are_told(words: dict, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        Stopping(**words)


def bowl(n: int) -> tuple[list[dict], list[float]]:
    xs = np.linspace(0, 1, n)
    return [{"x": float(x)} for x in xs], [float((x - 0.37) ** 2) for x in xs]


def test_the_bound_falls_as_a_bowl_is_explored_and_holds() -> None:
    bounds = [regret_bound(LINE, *bowl(n)) for n in (4, 8, 16, 40)]
    assert bounds == sorted(bounds, reverse=True)
    for n, bound in zip((4, 8, 16, 40), bounds, strict=True):
        assert min(bowl(n)[1]) <= bound  # the true regret: the bowl's floor is 0
    assert bounds[-1] < 0.01


def test_an_unexplored_half_keeps_the_bound_up() -> None:
    """Negative control: as many answers, all from one half."""
    params, losses = bowl(80)
    assert regret_bound(LINE, params[40:], losses[40:]) > 10 * regret_bound(LINE, *bowl(40))


def test_conditional_spaces_and_many_answers_are_taken() -> None:
    space = Space({"kind": ["a", "b"], "x": Float(0, 1), "y": When("kind", "b", Float(0, 1))})
    u = np.random.default_rng(0).random((400, space.dimensions))
    params = space.sample(u)
    losses = [one["x"] ** 2 + one.get("y", 0.5) for one in params]
    assert 0 <= regret_bound(space, params, losses) < 1


def test_equal_losses_bound_nothing() -> None:
    assert regret_bound(LINE, bowl(5)[0], [1.0] * 5) == math.inf


def test_the_posterior_passes_through_its_points_and_widens_between() -> None:
    x = np.array([[0.0], [0.5], [1.0]])
    y = np.array([0.0, 1.0, 0.0])
    posterior = fit_posterior(x, y)
    mean, deviation = posterior.at(x)
    assert mean == pytest.approx(y, abs=0.1)
    assert posterior.at(np.array([[0.25]]))[1] > deviation.max()


def test_little_regret_ends_a_search_and_noise_measures_it() -> None:
    params, losses = bowl(40)
    tried = [Tried(p, loss, 0.02) for p, loss in zip(params, losses, strict=True)]
    stop = enough(Stopping(regret="noise"), LINE, tried)
    assert stop is not None
    assert stop.cause == "regret"
    assert "0.02 was asked" in stop.reason
    assert enough(Stopping(regret=1e-9), LINE, tried) is None
    assert enough(Stopping(regret="noise"), LINE, [Tried(t.params, t.loss) for t in tried]) is None
    assert enough(Stopping(regret=9.0), LINE, tried[:5]) is None, "too few answers"
