"""Curves of the surrogate: they follow the function, know what they do not know, share out its variance."""

import math

import numpy as np
import pytest

from profunda.fleet.history import Status
from profunda.space.domain import Float, Int, LogFloat
from profunda.space.space import Space, When
from profunda.tuning.importance import surrogate_curves
from profunda.tuning.result import SearchResult, Trial
from profunda.tuning.samplers.sampler import sampler_for
from profunda.tuning.samplers.surrogate import LEAST_TRIALS, fitted_surrogate

SPACE = Space(
    {
        "strong": Float(0, 1),
        "weak": LogFloat(1e-3, 1.0),
        "idle": Int(1, 100),
        "kind": ["a", "b"],
        "only_b": When("kind", "b", Float(0, 1)),
    }
)


def value_of(params) -> float:
    loss = (params["strong"] - 0.2) ** 2 + 0.05 * math.log10(params["weak"])
    return loss + (0.3 * params["only_b"] if params["kind"] == "b" else 0.15)


def searched(params, values, *, greater=False) -> SearchResult:
    trials = tuple(
        Trial(k, p, None, (), v, math.nan, 0, 1, Status.COMPLETED, 0.0)
        for k, (p, v) in enumerate(zip(params, values, strict=True))
    )
    return SearchResult(trials, None, SPACE, "loss", greater, "random", (1,), 1, 0, 0, 1.0, 0.0)


@pytest.fixture(scope="module")
def drawn():
    return sampler_for("random", SPACE, 0).propose(120)


@pytest.fixture(scope="module")
def found(drawn):
    return surrogate_curves(searched(drawn, [value_of(p) for p in drawn]))


def curve(found, name):
    return next(one for one in found.curves if one.name == name)


def test_the_curve_is_the_partial_dependence(found):
    strong = curve(found, "strong")
    # E of the other terms: 0.05 · E log10 weak = −0.075, and half of 0.15 for each kind.
    exact = (np.array(strong.points) - 0.2) ** 2 - 0.075 + 0.15
    # The surrogate averages on its own scale, so a constant may be off; the shape may not.
    assert np.array(strong.mean) - np.mean(strong.mean) == pytest.approx(exact - exact.mean(), abs=0.03)
    assert np.mean(strong.mean) == pytest.approx(exact.mean(), abs=0.05)
    assert all(
        low < mean < high for low, mean, high in zip(strong.low, strong.mean, strong.high, strict=True)
    )


def test_shares_rank_the_parameters_and_hold_the_exact_ones(found):
    names = [one.name for one in found.curves]
    assert names[0] == "strong"
    assert names[-1] in {"idle", "kind"}
    assert curve(found, "idle").share < 0.02
    # Var (s − 0.2)² = 0.0422; 0.05² · 9/12 = 0.0019 of log10 weak; 0.3²/12 of only_b in the half that has it.
    assert curve(found, "strong").share > 0.7
    assert sum(one.share for one in found.curves) < 1.05


def test_a_conditional_parameter_has_its_own_curve(found):
    only = curve(found, "only_b")
    assert only.active == pytest.approx(0.5, abs=0.05)
    assert only.mean[-1] - only.mean[0] == pytest.approx(0.3, abs=0.08)


def test_maximising_shows_values_and_not_losses(drawn):
    up = surrogate_curves(searched(drawn, [-value_of(p) for p in drawn], greater=True))
    strong = curve(up, "strong")
    assert strong.points[int(np.argmax(strong.mean))] == pytest.approx(0.2, abs=0.1)
    assert max(strong.mean) > max(strong.mean[-3:])
    assert all(low < high for low, high in zip(strong.low, strong.high, strict=True))


def test_noise_is_not_explained(drawn):
    noise = np.random.default_rng(0).normal(size=len(drawn)).tolist()
    assert surrogate_curves(searched(drawn, noise)).explained < 0.3


def test_a_function_is(found):
    assert found.explained > 0.9
    assert found.trials == 120


def test_what_was_not_tried_is_uncertain(drawn):
    """Trials of one half of the range: the other half's interval is wider."""
    half = [p for p in drawn if p["strong"] < 0.5]
    strong = curve(surrogate_curves(searched(half, [value_of(p) for p in half])), "strong")
    widths = np.subtract(strong.high, strong.low)
    assert widths[-3:].mean() > 3 * widths[:6].mean()


def test_too_little_is_nothing(drawn):
    few = drawn[: LEAST_TRIALS - 1]
    assert surrogate_curves(searched(few, [value_of(p) for p in few])) is None
    assert surrogate_curves(searched(drawn, [math.nan] * len(drawn))) is None
    assert surrogate_curves(searched(drawn, [1.0] * len(drawn))) is None


def test_no_more_curves_than_asked_for(drawn):
    assert len(surrogate_curves(searched(drawn, [value_of(p) for p in drawn]), most=2).curves) == 2


def test_the_surrogate_predicts_what_it_has_not_seen(drawn):
    values = [value_of(p) for p in drawn]
    surrogate = fitted_surrogate(SPACE, drawn[:90], values[:90], False)
    mean, sd = surrogate.predict(drawn[90:])
    assert surrogate.value_at(mean) == pytest.approx(values[90:], abs=0.05)
    low, high = surrogate.value_at(mean - 3 * sd), surrogate.value_at(mean + 3 * sd)
    assert np.mean((low < values[90:]) & (values[90:] < high)) > 0.8
