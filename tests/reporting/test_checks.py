import dataclasses
import math

import numpy as np
import pytest
from tests.reporting.fakes import pieces

from profunda.data.reading import read
from profunda.data.splits import leaks, split
from profunda.errors import Notice
from profunda.fleet.history import Status
from profunda.model.score import Baseline, Score
from profunda.reporting.blocks import Text
from profunda.reporting.checks import run_checks
from profunda.reporting.comparison import advantage, advised, compare, verdict
from profunda.reporting.evidence import Evidence
from profunda.reporting.headline import headline
from profunda.tuning.foresight import Expectation, Foresight


def evidence(kind: str = "binary", **changes) -> Evidence:
    given = pieces(kind, trials=120) | changes
    return Evidence(
        **{field.name: given[field.name] for field in dataclasses.fields(Evidence) if field.name in given}
    )


def state(found: Evidence, code: str) -> str:
    return next(check.state for check in run_checks(found).checks if check.code == code)


def score(value: float, width: float = 0.01, rows: int = 600, greater: bool = False) -> Score:
    return Score("log_loss", value, value - width, value + width, 0.95, rows, greater)


def rivals(trivial: float, strong: float | None) -> tuple[Baseline, ...]:
    other = None if strong is None else score(strong)
    return Baseline("majority", "class shares", score(trivial), 0.1), Baseline("trees", "trees", other, 0.1)


BASE = evidence()


def changed(**changes) -> Evidence:
    return dataclasses.replace(BASE, **changes)


def trials(edit):
    return dataclasses.replace(BASE.search, trials=tuple(edit(t) for t in BASE.search.trials))


@pytest.mark.parametrize(("trivial", "expected"), [(0.5, "ok"), (0.33, "warn"), (0.31, "bad"), (0.2, "bad")])
def test_the_trivial_rival(trivial, expected):
    assert state(changed(score=score(0.32), baselines=rivals(trivial, 0.4)), "beats-trivial") == expected


@pytest.mark.parametrize(
    ("strong", "expected"),
    [(0.4, "ok"), (0.325, "ok"), (0.31, "warn"), (0.2, "bad"), (None, "not applicable")],
)
def test_the_strong_rival(strong, expected):
    assert state(changed(score=score(0.32), baselines=rivals(0.6, strong)), "beats-strong") == expected


WORD_COUNTS = "TF-IDF and logistic regression"


@pytest.mark.parametrize(
    ("strong", "expected", "advice"),
    [
        (0.4, "ok", ""),
        (0.325, "ok", ""),
        (0.32, "warn", "the model scores the same, and it is the simpler method."),
        (0.31, "warn", "the model is not ahead of it, and it is the simpler method."),
        (0.2, "bad", "the model is worse, by more than chance explains."),
    ],
)
def test_a_rival_that_is_not_beaten_is_recommended(strong, expected, advice):
    other = Baseline("words", WORD_COUNTS, score(strong), 1.0)
    found = changed(score=score(0.32), baselines=(rivals(0.6, None)[0], other))
    check = next(one for one in run_checks(found).checks if one.code == "beats-strong")
    told = f"Recommended here is not this model but “{WORD_COUNTS}”: {advice}"
    assert check.state == expected
    assert (told in check.what) == bool(advice)
    assert [block.text for block in headline(found) if isinstance(block, Text)] == ([told] if advice else [])


def test_a_rival_without_a_number_is_not_recommended():
    assert advised(score(float("nan")), Baseline("words", WORD_COUNTS, score(0.3), 1.0)) == ""
    assert advised(score(0.3), Baseline("words", WORD_COUNTS, None, 1.0)) == ""


@pytest.mark.parametrize(("rows", "expected"), [(600, "ok"), (100, "warn"), (12, "bad")])
def test_the_number_of_held_out_rows(rows, expected):
    assert state(changed(score=score(0.3, rows=rows)), "held-out-rows") == expected


def test_validation_that_promised_too_much():
    champion = BASE.champion.value
    assert state(changed(score=score(champion + 0.1)), "validation-agrees") == "warn"
    assert state(changed(score=score(champion)), "validation-agrees") == "ok"
    assert state(changed(score=score(float("nan"))), "validation-agrees") == "not applicable"


def test_leaks():
    clean = dataclasses.replace(BASE.dataset, notices=())
    assert state(changed(dataset=clean, notices=()), "no-leak") == "ok"
    other = (Notice("duplicate-names", "two columns share a name"),)
    assert state(changed(dataset=clean, notices=other), "no-leak") == "ok"


def test_leaks_that_the_data_room_tells_are_seen():
    generator = np.random.default_rng(0)
    x = np.repeat(generator.normal(size=(40, 3)), 2, axis=0)
    data = read((x, np.arange(80) // 2 % 2), task="classification")
    told = leaks(data, split(data))
    assert told
    clean = dataclasses.replace(BASE.dataset, notices=())
    for notice in told:
        assert state(changed(dataset=clean, notices=(notice,)), "no-leak") == "warn"


def test_rare_classes():
    y = BASE.dataset.y.copy()
    y[BASE.splits.test[3:]] = 0
    assert state(BASE, "rare-classes") == "ok"
    assert state(changed(dataset=dataclasses.replace(BASE.dataset, y=y)), "rare-classes") == "warn"
    assert state(evidence("regression"), "rare-classes") == "not applicable"


def test_honest_probabilities():
    rng = np.random.default_rng(0)
    p = rng.random(2000)
    y = (rng.random(2000) < p).astype(np.int64)
    honest = np.stack([1 - p, p], axis=1)
    sharp = np.stack([p < 0.5, p >= 0.5], axis=1).astype(float)
    assert state(changed(held_y=y, held_prediction=honest), "honest-probabilities") == "ok"
    assert state(changed(held_y=y, held_prediction=sharp), "honest-probabilities") == "bad"
    assert state(changed(held_y=None, held_prediction=None), "honest-probabilities") == "not applicable"


def test_a_fleet_that_dies():
    dying = trials(lambda t: dataclasses.replace(t, status=Status.DIVERGED) if t.number % 2 else t)
    dead = trials(lambda t: dataclasses.replace(t, status=Status.DEAD))
    well = trials(lambda t: dataclasses.replace(t, status=Status.COMPLETED))
    assert [state(changed(search=s), "healthy-fleet") for s in (dying, dead, well)] == ["warn", "bad", "ok"]
    mend = next(c.mend for c in run_checks(changed(search=dying)).checks if c.code == "healthy-fleet")
    assert mend == Status.DIVERGED.advice


def forecast_check(foresight: Foresight | None):
    search = dataclasses.replace(BASE.search, foresight=foresight)
    return next(c for c in run_checks(changed(search=search)).checks if c.code == "forecast-held")


FORESIGHT = Foresight(
    0.7, 0.65, (Expectation("expected to train", 90, 81), Expectation("doubtful", 12, 2)), 0.86, 0.05
)


def test_the_forecast_is_held_against_what_happened():
    held = forecast_check(FORESIGHT)
    assert held.state == "ok"
    assert held.what.startswith("The forecast before training, judged afterwards. Designs that learnt: ")
    assert "81 of 90 that were expected to train; 2 of 12 that were doubtful." in held.what
    assert "Area under the ROC curve 0.86 ± 0.05 (0.5 is chance)." in held.what
    failed = forecast_check(dataclasses.replace(FORESIGHT, auc=0.58, error=0.05))
    assert (failed.state, failed.mend) == ("warn", "profunda.fit(…, forecast=False)")


def test_a_forecast_without_a_claim_is_no_pass():
    few = forecast_check(dataclasses.replace(FORESIGHT, auc=math.nan, error=math.nan, why="only 2 of 102 x"))
    assert few.state == "not applicable"
    assert few.what.endswith("No claim how well it tells them apart: only 2 of 102 x.")
    assert forecast_check(None).what == "No trained design had a forecast."
    assert forecast_check(dataclasses.replace(FORESIGHT, expectations=())).state == "not applicable"


def test_a_search_that_still_improves():
    last = BASE.search.trials[-1].number
    late = trials(lambda t: dataclasses.replace(t, value=0.01, rung=2) if t.number == last else t)
    early = trials(lambda t: dataclasses.replace(t, value=0.01, rung=2) if t.number == 3 else t)
    few = dataclasses.replace(BASE.search, trials=BASE.search.trials[:10])
    found = [state(changed(search=s), "search-settled") for s in (late, early, few)]
    assert found == ["warn", "ok", "not applicable"]


def test_training_that_was_cut_off():
    def with_best(epoch: int, schedule: str) -> Evidence:
        design = dataclasses.replace(BASE.main_part.design, schedule=schedule)
        part = dataclasses.replace(BASE.main_part, design=design)
        search = trials(lambda t: dataclasses.replace(t, design=design) if t == BASE.champion else t)
        curves = tuple(dataclasses.replace(c, best_epoch=epoch) for c in search.history.curves)
        search = dataclasses.replace(search, history=dataclasses.replace(search.history, curves=curves))
        return changed(search=search, model=dataclasses.replace(BASE.model, parts=(part,)))

    epochs = BASE.main_part.design.epochs
    assert state(with_best(epochs, "constant"), "enough-epochs") == "warn"
    assert state(with_best(epochs // 2, "constant"), "enough-epochs") == "ok"
    assert state(with_best(epochs, "cosine"), "enough-epochs") == "ok"
    mend = next(c.mend for c in run_checks(with_best(epochs, "constant")).checks if c.code == "enough-epochs")
    assert mend.endswith(f"--fix epochs={2 * epochs}")
    without = changed(search=dataclasses.replace(BASE.search, history=None))
    assert state(without, "enough-epochs") == "not applicable"


def test_networks_that_crowd_at_an_edge():
    def at(lr: float):
        return lambda t: dataclasses.replace(t, params={**t.params, "lr": lr})

    assert state(changed(search=trials(at(5.0e-4))), "inside-the-space") == "warn"
    assert state(changed(search=trials(at(5e-3))), "inside-the-space") == "ok"
    few = dataclasses.replace(BASE.search, trials=BASE.search.trials[:30])
    assert state(changed(search=few), "inside-the-space") == "not applicable"


def test_a_slow_sampler():
    slow = dataclasses.replace(BASE.search, sampler_seconds=0.5 * BASE.search.seconds)
    assert state(changed(search=slow), "cheap-sampler") == "warn"
    assert state(BASE, "cheap-sampler") == "ok"


def test_the_worst_come_first_and_codes_are_unique():
    checks = run_checks(changed(baselines=rivals(0.1, 0.1))).checks
    gravity = ["bad", "warn", "ok", "not applicable"]
    places = [gravity.index(check.state) for check in checks]
    assert places == sorted(places)
    assert len({check.code for check in checks}) == len(checks) == 13


@pytest.mark.parametrize(
    ("ours", "theirs", "greater", "expected"),
    [
        (0.3, 0.5, False, "better"), (0.5, 0.3, False, "worse"), (0.3, 0.5, True, "worse"),
        (0.5, 0.3, True, "better"),
        (0.300, 0.305, False, "ahead"), (0.305, 0.300, False, "behind"), (0.3, 0.3, False, "level"),
    ],
)  # fmt: skip
def test_comparisons(ours, theirs, greater, expected):
    a, b = score(ours, greater=greater), score(theirs, greater=greater)
    assert compare(a, b) == expected
    assert (advantage(a, b) > 0) == (expected in ("better", "ahead"))
    assert verdict(a, b)


def test_overlapping_intervals_may_still_be_more_than_chance():
    # Halves of 0.08 and 0.05 overlap at a difference of 0.12, but √(0.08² + 0.05²) = 0.094 is less than that.
    ours = Score("log_loss", 0.49, 0.43, 0.57, 0.95, 200, False)
    theirs = Score("log_loss", 0.61, 0.56, 0.66, 0.95, 200, False)
    assert ours.high > theirs.low
    assert compare(ours, theirs) == "better"
    assert compare(dataclasses.replace(ours, high=0.61), theirs) == "ahead"


def test_a_score_that_is_not_finite_compares_with_nothing():
    assert compare(score(float("nan")), score(0.3)) == "unknown"
    assert verdict(score(0.3), score(float("nan"))) == "They cannot be compared: a score is not finite."
    assert state(changed(score=score(float("nan"))), "beats-trivial") == "not applicable"
    assert state(changed(score=score(float("nan"))), "beats-strong") == "not applicable"
