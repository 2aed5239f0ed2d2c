import dataclasses
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from tests.reporting.fakes import pieces, search

from profunda.errors import ArgumentError
from profunda.fleet.history import History, Status
from profunda.reporting.blocks import BigNumber
from profunda.reporting.fleet import ending_bars, forecast_table
from profunda.reporting.reports import report
from profunda.reporting.story import run_document
from profunda.reporting.summary import summary
from profunda.space.domain import Choice, Float
from profunda.space.space import Space
from profunda.tuning.foresight import Expectation, Foresight
from profunda.tuning.result import SearchResult, Trial

UNTOLD = {"optimism": None, "attribution": None, "tasks": ()}


def objective_search(n: int, value=lambda p: p["x"]) -> SearchResult:
    """A search over a user's own function: no designs, no curves."""
    space = Space({"x": Float(0.0, 1.0), "kind": Choice("a", "b")})
    draws = space.sample(np.random.default_rng(0).random((n, 2)))
    trials = tuple(
        Trial(k, p, None, (("loss", value(p)), ("time", 0.1)), value(p), math.nan, 0, 0,
              Status.COMPLETED if value(p) == value(p) else Status.FAILED, 0.1,
              "" if value(p) == value(p) else "boom")
        for k, p in enumerate(draws)
    )  # fmt: skip
    return SearchResult(trials, None, space, "loss", False, "random", (), 0, n, 0, 2.0, 0.1)


def test_a_run_tells_its_parts_in_order():
    document = run_document(**pieces("binary"))
    keys = [section.key for section in document.sections]
    assert keys == [
        "result", "checks", "leaderboard", "fleet", "landscape", "champion", "predictions", "data", "time",
        "reproduce",
    ]  # fmt: skip
    big = document.sections[0].blocks[0]
    assert isinstance(big, BigNumber)
    assert big.value == "0.318"
    assert big.interval == "95 % interval 0.304 to 0.332"
    assert [rival.value for rival in big.rivals] == ["0.551", "0.325"]
    assert "It names the right class for 86 of 100 rows." in big.sentence


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_a_run_without_predictions_rivals_or_curves_is_still_told(kind, tmp_path):
    given = pieces(kind, trials=12) | {
        "held_y": None, "held_prediction": None, "baselines": (), "single": None, "notices": (),
        "timings": (),
    }  # fmt: skip
    given["search"] = dataclasses.replace(given["search"], history=None, folds=1, seconds=0.0, member_steps=0)
    document = run_document(**given)
    assert "were not kept" in document.text()
    assert document.html(tmp_path / "r.html").stat().st_size > 10_000


def test_a_score_that_is_not_finite_is_told_not_drawn(tmp_path):
    given = pieces("binary", trials=12)
    nan = float("nan")
    given["score"] = dataclasses.replace(given["score"], value=nan, low=nan, high=nan)
    text = run_document(**given).html(tmp_path / "r.html").read_text("utf-8")
    assert "nan%" not in text
    assert "NaN" not in text.split("plotly-packed")[0]


def test_predictions_of_another_shape_are_refused():
    given = pieces("multiclass", trials=12)
    given["held_prediction"] = given["held_prediction"][:, :2]
    with pytest.raises(ArgumentError, match=r"shape \(600, 2\) where \(600, 3\) is needed"):
        run_document(**given)


def test_a_search_over_a_users_own_function(tmp_path):
    document = report(objective_search(200))
    assert [section.key for section in document.sections] == ["result", "fleet", "landscape", "space"]
    assert document.html(tmp_path / "s.html").exists()
    text = document.text()
    assert "a single measurement" in text
    assert "How trials ended" in text
    assert "All epochs were trained" not in document.to_json()


def test_each_cause_stands_with_what_goes_along_with_it_and_what_to_do():
    found = search("binary", 40)
    high = sorted(t.params["lr"] for t in found.trials)[-10]
    trials = tuple(
        dataclasses.replace(t, cause="rate-too-high" if t.params["lr"] >= high else "completed")
        for t in found.trials
    )
    told = ending_bars(dataclasses.replace(found, trials=trials))
    assert told is not None
    completed, high_rates = told.bars
    assert (completed.label, high_rates.label, high_rates.parts) == ("completed", "rate too high", (10.0,))
    assert "10 of 40 took too long steps: lr > " in high_rates.note
    assert high_rates.note.endswith("Lower the learning rate, or clip gradients.")
    assert "union bound" in told.why


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_a_search_of_few_trials(n, tmp_path):
    assert report(objective_search(n)).html(tmp_path / "s.html").exists()


def test_a_search_in_which_everything_failed_says_why(tmp_path):
    text = report(objective_search(30, lambda p: math.nan)).text()
    assert "None of 30 trials has a score. The first error was: boom" in text


def test_a_fleets_search_a_history_and_a_model(tmp_path):
    given = pieces("regression", trials=40)
    for subject, words in (
        (given["search"], "Best value so far"),
        (given["search"].history, "Members, best first"),
        (given["model"], "Its recipe"),
    ):
        document = report(subject)
        assert words in document.text()
        assert document.html(tmp_path / "x.html").exists()
        json.loads(document.json(tmp_path / "x.json").read_text("utf-8"))


def test_an_empty_history():
    assert report(History((), ())).sections == ()


def test_a_models_own_score_is_told():
    given = pieces("binary", trials=40)
    provenance = dataclasses.replace(given["model"].provenance, score=given["score"])
    text = report(dataclasses.replace(given["model"], provenance=provenance)).text()
    assert "0.318  log_loss (lower is better); 95 % interval" in text


def test_there_is_no_report_on_anything_else():
    with pytest.raises(ArgumentError, match="no report on a int: give a SearchResult"):
        report(3)  # type: ignore[arg-type]


def test_the_summary_has_exactly_its_keys_and_is_json():
    given = pieces("binary", trials=40)
    told = summary(SimpleNamespace(**UNTOLD | given))
    assert list(told) == [
        "score", "interval", "metric", "baselines", "networks", "member_steps", "training_seconds",
        "networks_per_second", "seconds", "time_share", "sampler_share", "endings", "causes",
        "explanations", "engine", "instruction_set", "validation", "forecast", "attribution", "tasks",
        "members",
    ]  # fmt: skip
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again == told
    assert told["score"] == 0.318
    assert told["metric"] == "log_loss"
    assert told["baselines"]["forest"]["score"] is None
    assert told["baselines"]["forest"]["note"]
    assert told["seconds"]["total"] == pytest.approx(43.8)
    assert sum(told["endings"].values()) == 40
    assert sum(m["weight"] for m in told["members"]) == pytest.approx(1.0)
    assert set(told["members"][0]) == {"weight", "design"}


def test_the_run_tells_how_fast_it_trained_and_on_what():
    given = pieces("binary", trials=40)
    told, text = summary(SimpleNamespace(**UNTOLD | given)), run_document(**given).text()
    search = given["search"]
    assert told["networks_per_second"] == pytest.approx(search.networks / 33.0, abs=1e-3)
    assert (told["engine"], told["instruction_set"]) == ("native and torch", "avx512")
    assert told["time_share"]["train"] == pytest.approx(33.0 / 43.8, abs=1e-4)
    assert sum(told["time_share"].values()) == pytest.approx(1.0, abs=1e-3)
    for word in (
        "native (avx512) and torch",
        f"{search.networks / 33:.2f}",
        f"{search.member_steps:,}",
        "75 %",
    ):
        assert word in text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Two engines trained, each network on one of them" in text
    assert ": as it was asked for. The native one calculated with AVX-512 instructions" in text
    silent = given | {"engine": "torch", "instruction_set": "", "timings": ()}
    silent["search"] = dataclasses.replace(search, training_seconds=0.0)
    told, text = summary(SimpleNamespace(**UNTOLD | silent)), run_document(**silent).text()
    assert (told["networks_per_second"], told["instruction_set"], told["time_share"]) == (None, None, {})
    assert "Networks a second" not in text
    assert "The torch engine, on PyTorch, trained all networks: as it was asked for." in text
    assert "numbers at a time" not in text


def test_a_summary_without_a_finite_score_is_json_too():
    given = pieces("binary", trials=12)
    given["score"] = dataclasses.replace(given["score"], value=math.nan, low=-math.inf, high=math.nan)
    told = json.loads(json.dumps(summary(SimpleNamespace(**UNTOLD | given)), allow_nan=False))
    assert told["score"] is None
    assert told["interval"] == [None, None]


def test_a_summary_of_a_run_that_held_nothing_out():
    told = summary(SimpleNamespace(**UNTOLD | pieces("binary", trials=12) | {"score": None, "baselines": ()}))
    assert (told["score"], told["interval"], told["metric"], told["baselines"]) == (
        None,
        None,
        "log_loss",
        {},
    )


def judged_search(**changes) -> SearchResult:
    expectations = (Expectation("expected to train", 90, 81), Expectation("not expected to train", 12, 1))
    foresight = Foresight(0.7, 0.65, expectations, 0.86, 0.05)
    search = dataclasses.replace(
        pieces("binary", trials=12)["search"], foresight=foresight, ruled_out_by=(("rows", 7), ("speed", 2))
    )
    return dataclasses.replace(search, **changes)


def test_the_forecast_is_judged_in_a_table():
    search = judged_search()
    table = forecast_table(search)
    assert table is not None
    assert table.title == "The forecast before training, judged afterwards"
    assert table.rows == (
        ("expected to train", 90, 81, "90 %"),
        ("not expected to train", 12, 1, "8.3 %"),
        ("ruled out", 0, 0, "not trained"),
    )
    assert "better than 0.65: a constant reaches 0.7, and 5 % of the best design's gain" in table.what
    assert "9 drawn designs were ruled out and not trained: rows can no longer be told apart" in table.what
    assert "preferred the first in 86 % of all pairs (± 5 %; chance: 50 %)" in table.what
    document = run_document(**pieces("binary", trials=12) | {"search": search})
    assert table.title in document.text()


def test_the_forecast_without_a_claim_says_why_and_none_has_no_table():
    found = judged_search().foresight
    assert found is not None
    silent = dataclasses.replace(found, auc=math.nan, error=math.nan, why="only 2 of 102 designs learnt")
    table = forecast_table(judged_search(foresight=silent, ruled_out_by=()))
    assert table is not None
    assert table.what.endswith(
        "No claim how well the forecast tells designs apart: only 2 of 102 designs learnt."
    )
    assert len(table.rows) == 2
    assert forecast_table(judged_search(foresight=None)) is None
    assert forecast_table(objective_search(12)) is None


def test_the_summary_tells_the_forecast():
    given = pieces("binary", trials=12) | UNTOLD | {"search": judged_search()}
    assert summary(SimpleNamespace(**given))["forecast"] == {
        "ruled_out": 9,
        "ruled_out_by": {"rows": 7, "speed": 2},
        "constant": 0.7,
        "least": 0.65,
        "expectations": {
            "expected to train": {"trained": 90, "learnt": 81},
            "not expected to train": {"trained": 12, "learnt": 1},
        },
        "auc": 0.86,
        "error": 0.05,
        "why": None,
    }
