"""What theory rules out of a search, and how its forecasts are judged."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.foresight import area, best_constant

from profunda.data.inputs import Inputs
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.fleet.cost import TORCH
from profunda.forecasting.learnability import LEAST, Concern, Trainability
from profunda.forecasting.trainable import trainability_of
from profunda.metrics.score import METRICS, metric_for
from profunda.space.design import Design
from profunda.tuning.foresight import (
    LEAST_OF_A_KIND,
    LEAST_SCORE,
    Foreseeing,
    concern_words,
    constant_value,
    score_forecasts,
)
from profunda.tuning.limits import UNLIMITED, Gate, Limits

SOUND = Design(widths=(32, 32))
HOPELESS = Design(widths=(32,) * 40, activation="sigmoid")
BEYOND = Design(widths=(32,) * 4, lr=1e9)


def foreseeing(inputs: Inputs | None = None) -> Foreseeing:
    return Foreseeing(lambda design: inputs or Inputs.plain(6), 1, 300, classes=False)


def gate(limits: Limits = UNLIMITED) -> Gate:
    return Gate(limits, lambda design: Inputs.plain(6), 1, TORCH, foreseeing())


# --- the gate ---


def test_hopeless_designs_are_refused_with_the_reason() -> None:
    assert gate().allows(SOUND)
    for design, concern in ((HOPELESS, "rows"), (BEYOND, "step")):
        found = gate().refusal(design)
        assert found is not None
        assert (found.by, found.concern) == ("forecast", concern)
        assert found.words == trainability_of(design, 6, 1, n_rows=300).worst.words
        assert found.violation > 0
    assert replace(gate(), foreseeing=None).allows(HOPELESS)
    assert gate().allows(HOPELESS, given=True)


def test_limits_are_asked_first_and_also_of_what_is_given() -> None:
    narrow = gate(Limits(parameters=100))
    for design in (HOPELESS, SOUND):
        found = narrow.refusal(design, given=True)
        assert found is not None
        assert (found.by, found.concern) == ("limits", "")
        assert found.violation == narrow.violation(design) > 0
        assert "parameters (at most 100)" in found.words


def test_what_is_told_to_samplers_counts_orders_of_magnitude_below_the_least() -> None:
    seen = foreseeing()
    seen._known[SOUND] = Trainability((Concern("x", 1.0 + 9.0, ""),))  # a score of 1/(1 + 10⁹)
    assert seen.missed(SOUND) == pytest.approx(9.0 + math.log10(LEAST_SCORE), abs=1e-6)
    assert seen.against(SOUND) is not None
    seen._known[SOUND] = Trainability((Concern("x", -2.0, ""),))
    assert (seen.missed(SOUND), seen.against(SOUND)) == (0.0, None)


def test_what_cannot_be_judged_is_not_refused() -> None:
    seen = foreseeing()
    seen._known[SOUND] = Trainability.unknown("no words")
    assert (seen.missed(SOUND), seen.against(SOUND)) == (0.0, None)


def test_the_gate_is_never_bolder_than_the_forecast() -> None:
    assert LEAST_SCORE <= LEAST
    found = trainability_of(HOPELESS, 6, 1, n_rows=300)
    assert found.score < LEAST_SCORE
    assert not found.trainable


def test_every_design_is_worked_out_once_by_what_enters_its_first_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def told(design: Design, entering: int, *args: object, **words: object) -> Trainability:
        asked.append(entering)
        return Trainability((Concern("x", 0.0, ""),))

    monkeypatch.setattr("profunda.tuning.foresight.trainability_of", told)
    coded = Inputs((0, 1, 2), numeric=(0, 1), codes=((2, 5),))
    seen = foreseeing(coded)
    waves = replace(SOUND, numeric_embedding="periodic")
    for design in (SOUND, waves, SOUND, waves):
        seen.of(design)
    assert asked == [2 + 8, 2 + 8 + 2 * 3]


def test_every_concern_has_words() -> None:
    names = {c.name for d in (SOUND, HOPELESS) for c in foreseeing().of(d).concerns}
    assert {"rows", "speed", "step", "signal"} <= names
    for name in names:
        assert concern_words(name) != name
    assert concern_words("other") == "other"


# --- judged afterwards ---


def forecast(beyond: float) -> Trainability:
    return Trainability((Concern("x", beyond, ""),))


def test_a_forecast_that_held_and_one_that_did_not() -> None:
    forecasts = [forecast(-2.0)] * 10 + [forecast(1.5)] * 4 + [forecast(4.0)] * 6
    values = [0.2] * 9 + [0.7] + [0.3] + [0.69] * 3 + [math.nan] * 6
    found = score_forecasts(forecasts, values, 0.7, greater_is_better=False)
    told = [(one.verdict, one.trained, one.learnt) for one in found.expectations]
    assert told == [("expected to train", 10, 9), ("doubtful", 4, 1), ("not expected to train", 6, 0)]
    assert (found.trained, found.learnt, found.why) == (20, 10, "")
    assert found.least == pytest.approx(0.7 - 0.05 * 0.5)
    assert found.auc > 0.9
    upside = score_forecasts(forecasts, [-value for value in values], -0.7, greater_is_better=True)
    assert (upside.expectations, upside.auc, upside.least) == (found.expectations, found.auc, -found.least)
    swapped = score_forecasts(forecasts[::-1], values, 0.7, greater_is_better=False)
    assert swapped.auc < 0.2


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from([-3.0, -1.0, 0.0, 0.9, 1.5, 2.0, 9.0]), st.booleans()), max_size=60)
)
def test_the_area_is_that_of_all_pairs(drawn: list[tuple[float, bool]]) -> None:
    drawn = [*drawn, *[(-3.0, True), (9.0, False)] * LEAST_OF_A_KIND]
    forecasts = [forecast(beyond) for beyond, _ in drawn]
    learnt = [won for _, won in drawn]
    found = score_forecasts(forecasts, [0.1 if won else 0.9 for won in learnt], 0.7, False)
    scores = [one.score for one in forecasts]
    assert found.auc == pytest.approx(area(scores, learnt), abs=1e-12)
    assert found.learnt == sum(learnt)
    # control: the twin tells when the outcomes are turned round
    assert area(scores, [not won for won in learnt]) == pytest.approx(1.0 - found.auc, abs=1e-12)
    assert area([0.5] * len(scores), learnt) == 0.5


def test_the_error_of_the_area_is_that_of_repeated_draws() -> None:
    """Exponential scores, for which the formula is exact: P(x > y) = 3/4 for means 3 and 1."""
    rng = np.random.default_rng(0)
    areas, errors = [], []
    for _ in range(400):
        ones, others = rng.exponential(3.0, 30), rng.exponential(1.0, 20)
        forecasts = [forecast(1.0 - math.log10(value)) for value in (*ones, *others)]
        found = score_forecasts(forecasts, [0.1] * 30 + [0.9] * 20, 0.7, False)
        if not found.why:
            areas.append(found.auc)
            errors.append(found.error)
    assert len(areas) > 390
    assert np.mean(areas) == pytest.approx(0.75, abs=0.02)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.1)


@pytest.mark.parametrize(
    ("beyond", "values", "why"),
    [
        ([-2.0] * 20, [0.1] * 12 + [0.9] * 8, "none of 20 designs were doubtful or worse"),
        ([-2.0] * 17 + [3.0] * 3, [0.1] * 12 + [0.9] * 8, "only 3 of 20 designs were doubtful or worse"),
        ([3.0] * 20, [0.1] * 12 + [0.9] * 8, "none of 20 designs were expected to train"),
        ([-2.0] * 10 + [3.0] * 10, [0.1] * 16 + [0.9] * 4, "only 4 of 20 designs failed to learn"),
        ([-2.0] * 10 + [3.0] * 10, [0.9] * 20, "none of 20 designs learnt, and fewer than 5 tell nothing"),
        ([], [], "none of 0 designs were doubtful or worse"),
    ],
)
def test_too_few_of_a_kind_make_no_claim(beyond: list[float], values: list[float], why: str) -> None:
    found = score_forecasts([forecast(one) for one in beyond], values, 0.7, False)
    assert found.why.startswith(why)
    assert math.isnan(found.auc)
    assert math.isnan(found.error)
    assert found.trained == len(beyond)


def test_a_constant_without_a_value_makes_no_claim_and_nothing_learns_by_luck() -> None:
    forecasts = [forecast(-2.0)] * 10 + [forecast(3.0)] * 10
    found = score_forecasts(forecasts, [0.1] * 20, math.nan, False)
    assert found.why == "the constant prediction has no value in this metric"
    assert found.learnt == 0
    lucky = score_forecasts(forecasts, [0.2] * 10 + [0.6999] * 10, 0.7, False)
    assert (lucky.learnt, lucky.auc) == (10, 1.0)


def test_forecasts_without_a_score_do_not_count() -> None:
    forecasts = [forecast(-2.0)] * 10 + [Trainability.unknown("no words")] * 3
    assert score_forecasts(forecasts, [0.1] * 13, 0.7, False).trained == 10


# --- the constant ---


@pytest.mark.parametrize("metric", [metric for metric in METRICS if "regression" in metric.kinds])
def test_a_constant_number_is_the_better_of_mean_and_median(metric) -> None:
    rng = np.random.default_rng(0)
    data = read((rng.normal(size=(90, 2)), np.exp(rng.normal(size=90))), task="regression")
    folds = split(data, test=0.2, folds=3).folds
    assert constant_value(data, folds, metric) == pytest.approx(best_constant(data, folds, metric), rel=1e-12)
    shifted = replace(data, y=data.y * 2.0)
    if metric.name != "r2":  # control
        assert constant_value(shifted, folds, metric) != pytest.approx(best_constant(data, folds, metric))


def test_a_constant_of_classes_is_their_entropy_nearly_and_an_area_of_one_half() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(4_000) < 0.25).astype(int)
    data = read((rng.normal(size=(4_000, 2)), y), task="classification")
    folds = split(data, test=0.2, folds=3).folds
    p = float(y.mean())
    entropy = -p * math.log(p) - (1 - p) * math.log(1 - p)
    assert constant_value(data, folds, metric_for("binary", "log_loss")) == pytest.approx(entropy, abs=2e-3)
    assert constant_value(data, folds, metric_for("binary", "auc")) == 0.5
    assert constant_value(data, folds, metric_for("binary", "accuracy")) == pytest.approx(1 - p, abs=2e-3)
