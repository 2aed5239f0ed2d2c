"""`profunda.search`: any objective, the same trials whatever the workers and the interruptions."""

import csv
import functools
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.oracles.journal import write_lines

from profunda.errors import ArgumentError, RunError, SpaceError
from profunda.fleet.history import Status
from profunda.journal.record import Journal, kind_of, read_journal
from profunda.space.domain import Choice, Float, Int, LogFloat
from profunda.space.space import Space, When
from profunda.tuning.objective import search
from profunda.tuning.objective_trial import trial_seed
from profunda.tuning.result import SearchResult

SPACE = Space(
    {
        "x": Float(-2, 2),
        "lr": LogFloat(1e-4, 1e-1),
        "kind": Choice("plain", "deep"),
        "layers": When("kind", "deep", Int(2, 5)),
        "shape": Choice((8,), (8, 4)),
    }
)


def bowl(params: dict, seed: int) -> dict:
    return {
        "loss": (params["x"] - 0.5) ** 2 + params.get("layers", 0) + len(params["shape"]),
        "noise": seed / 2**31,
    }


def account(result: SearchResult) -> str:
    """Everything of the trials but the seconds they took; text, so that NaN equals NaN and 1 is not 1.0."""
    return repr([(t.number, t.params, t.scores, t.value, t.status, t.message) for t in result.trials])


# --- what an objective may return ---


def ended(objective: object, **more: object) -> tuple:
    trial = search(objective, {"x": [1, 2]}, n_trials=1, **more).trials[0]
    return trial.status, trial.scores, trial.value, trial.message


@pytest.mark.parametrize(
    "number", [2, 2.0, True + 1, np.float32(2), np.int64(2), np.array(2.0)], ids=lambda n: type(n).__name__
)
def test_any_number_will_do(number: object) -> None:
    assert ended(lambda params: number) == (Status.COMPLETED, (("value", 2.0),), 2.0, "")


def test_a_number_bears_the_name_of_the_metric() -> None:
    result = search(lambda params: 3.0, {"x": [1]}, n_trials=1, metric="error", direction="maximize")
    assert result.metric == "error"
    assert result.greater_is_better
    assert result.trials[0].scores == (("error", 3.0),)


def test_a_mapping_of_one_names_its_metric() -> None:
    result = search(
        lambda params: {"auc": params["x"]}, {"x": [3, 1, 2]}, sampler="grid", direction="maximize"
    )
    assert result.metric == "auc"
    assert result.best is not None
    assert result.best.value == 3.0


def test_a_trial_keeps_every_metric() -> None:
    result = search(bowl, SPACE, n_trials=3, metric="loss")
    assert all([name for name, _ in t.scores] == ["loss", "noise"] for t in result.trials)
    assert all(dict(t.scores)["loss"] == t.value for t in result.trials)
    assert result.history is None
    assert (result.folds, result.networks, result.member_steps, result.rungs) == (0, 0, 0, ())


def test_several_metrics_need_a_word_which_one(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"returns 2 metrics: loss, noise\. Say which.*metric='loss'"):
        search(bowl, SPACE, n_trials=3, out=tmp_path / "run")
    # The word can be given afterwards: nothing was settled yet.
    assert len(search(bowl, SPACE, n_trials=3, out=tmp_path / "run", metric="loss").trials) == 3


def test_a_metric_that_is_not_returned_at_first_is_a_slip() -> None:
    with pytest.raises(
        ArgumentError, match=r"returned loss, noise, but not the metric 'los'\. Did you mean 'loss'\?"
    ):
        search(bowl, SPACE, n_trials=3, metric="los")
    with pytest.raises(ArgumentError, match="Name one of those it returns"):
        search(bowl, SPACE, n_trials=3, metric="f1")


def test_a_metric_that_is_missing_later_ends_its_trial() -> None:
    result = search(
        lambda p: {"a": 1} if p["x"] == 1 else {"b": 2}, {"x": [1, 2]}, sampler="grid", metric="a"
    )
    assert result.trials[1].status is Status.FAILED
    assert result.trials[1].message == "the objective returned b, but not the metric 'a'"
    assert math.isnan(result.trials[1].value)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "returned None where a number is due; add a return statement"),
        ("0.5", "returned '0.5' where a number is due"),
        (np.zeros(2), "returned a ndarray where a number is due"),
        ([1.0], "returned a list where a number is due"),
        (1j, "returned 1j where a number is due"),
        ({}, "returned an empty mapping"),
        ({"a": None}, "returned None for 'a' where a number is due"),
        ({"a": [1]}, "returned a list for 'a' where a number is due"),
        ({3: 1.0}, "returned a metric named 3; names must be non-empty text"),
        ({"": 1.0}, "returned a metric named ''"),
    ],
)
def test_what_is_no_number_fails_the_trial(returned: object, message: str) -> None:
    status, scores, value, text = ended(lambda params: returned)
    assert status is Status.FAILED
    assert scores == ()
    assert math.isnan(value)
    assert message in text
    assert "line" not in text  # no place in our own code


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_have_diverged_and_are_never_best(value: float) -> None:
    result = search(
        lambda p: {"loss": value if p["x"] else 1.0, "f1": 0.5}, {"x": [0, 1]}, sampler="grid", metric="loss"
    )
    trial = result.trials[1]
    assert trial.status is Status.DIVERGED
    assert math.isnan(trial.value)
    assert repr(dict(trial.scores)["loss"]) == repr(value)
    assert trial.message == f"loss is {value}"
    assert result.best is result.trials[0]


def test_another_metric_may_be_undefined() -> None:
    assert ended(lambda p: {"loss": 1.0, "auc": math.nan}, metric="loss")[0] is Status.COMPLETED


# --- how an objective may end ---


def fails(params: dict) -> float:
    if params["x"] == 2:
        raise ZeroDivisionError("no\n  luck " + "z" * 1000)
    if params["x"] == 3:
        sys.exit("gone")
    return params["x"]


def test_an_exception_ends_its_trial_alone() -> None:
    result = search(fails, {"x": [1, 2, 3, 4]}, sampler="grid", direction="maximize")
    assert [t.status for t in result.trials] == [
        Status.COMPLETED,
        Status.FAILED,
        Status.FAILED,
        Status.COMPLETED,
    ]
    message = result.trials[1].message
    assert message.startswith("ZeroDivisionError: no luck zzz")
    assert message.endswith(f"… (test_objective.py, line {fails.__code__.co_firstlineno + 2}, in fails)")
    assert len(message) < 500
    assert result.trials[2].message.startswith("SystemExit: gone")
    assert result.best is result.trials[3]
    assert dict(result.endings) == {Status.COMPLETED: 2, Status.FAILED: 2}


def test_when_all_fail_there_is_no_best(tmp_path: Path) -> None:
    result = search(fails, {"x": [2]}, n_trials=2, out=tmp_path / "run")
    assert result.best is None
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["best"] is None


def test_an_objective_may_spoil_its_params() -> None:
    def greedy(params: dict) -> float:
        return params.pop("x")

    result = search(greedy, {"x": [5]}, n_trials=1)
    assert result.trials[0].params == {"x": 5}


# --- how an objective is called ---


class Machine:
    def __init__(self, shift: float) -> None:
        self.shift = shift

    def __call__(self, params: dict, seed: int) -> float:
        return params["x"] + self.shift + seed

    def method(self, params: dict) -> float:
        return params["x"] + self.shift


def by_keyword(params: dict, *, seed: int) -> float:
    return seed


def with_defaults(params: dict, verbose: bool = True, *args: int, **more: int) -> float:
    assert verbose is True
    return params["x"]


def seed_with_default(params: dict, seed: int = -1) -> float:
    return seed


def second(params: dict, number: int) -> float:
    return number


SEED_0 = trial_seed(0, 0)


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        (by_keyword, SEED_0),
        (with_defaults, 7.0),
        (seed_with_default, SEED_0),
        (second, SEED_0),
        (Machine(1.0), 8.0 + SEED_0),
        (Machine(1.0).method, 8.0),
        (functools.partial(second, number=5), 5.0),
        (lambda params: params["x"], 7.0),
        (len, 1.0),
        (max, None),
    ],
)
def test_the_signature_decides_whether_the_seed_is_passed(objective: object, value: float | None) -> None:
    trial = search(objective, {"x": [7]}, n_trials=1).trials[0]
    if value is None:  # a function of C without a signature is called with params: here it gives a text
        assert trial.message == "TypeError: the objective returned 'x' where a number is due"
    else:
        assert trial.value == value


def three(params: dict, seed: int, data: list) -> float:
    return 0.0


@pytest.mark.parametrize(
    "objective", [three, lambda: 0.0, lambda *, params: 0.0, lambda p, *, seed, data: 0.0]
)
def test_other_signatures_are_refused(objective: object) -> None:
    with pytest.raises(
        ArgumentError, match=r"but it is called as objective\(params\) or.*functools\.partial"
    ):
        search(objective, {"x": [1]}, n_trials=1)


def test_a_result_is_no_objective() -> None:
    with pytest.raises(ArgumentError, match="the objective is a float, not a function"):
        search(0.5, {"x": [1]}, n_trials=1)


def test_seeds_of_trials_are_derived_from_names() -> None:
    seeds = [t.value for t in search(second, {"x": Float(0, 1)}, n_trials=50, seed=3).trials]
    assert seeds == [trial_seed(3, i) for i in range(50)]
    assert len(set(seeds)) == 50
    assert all(0 <= s < 2**31 for s in seeds)
    assert trial_seed(3, 1) != trial_seed(1, 3)
    assert max(seeds) > 2**30  # all 31 bits are used
    assert trial_seed(0, 0) == 1658079637  # the same for ever, in every process


# --- the same trials, always ---

SAMPLERS = ["random", "quasi-random", "tpe", "gp"]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_trials_and_another_others(sampler: str) -> None:
    first, again, other = (
        account(search(bowl, SPACE, n_trials=10, sampler=sampler, metric="loss", seed=seed))
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_stopping_and_going_on_changes_nothing(sampler: str, tmp_path: Path) -> None:
    whole = account(search(bowl, SPACE, n_trials=17, sampler=sampler, metric="loss"))
    for count in (1, 6, 6, 10, 17):
        part = search(bowl, SPACE, n_trials=count, sampler=sampler, metric="loss", out=tmp_path / "run")
        assert len(part.trials) == count
    assert account(part) == whole
    # Negative control: a trial that was answered otherwise shows, and so does a later one drawn from it.
    assert account(part) != account(search(bowl, SPACE, n_trials=17, sampler=sampler, metric="noise"))


def test_a_finished_search_is_read_and_not_run(tmp_path: Path) -> None:
    first = search(bowl, SPACE, n_trials=5, metric="loss", out=tmp_path / "run")
    before = (tmp_path / "run" / "journal.jsonl").read_bytes()

    def never(params: dict, seed: int) -> float:
        raise AssertionError("called")

    again = search(never, SPACE, n_trials=5, metric="loss", out=tmp_path / "run")
    assert account(again) == account(first)
    assert len(search(never, SPACE, n_trials=2, metric="loss", out=tmp_path / "run").trials) == 5
    assert (tmp_path / "run" / "journal.jsonl").read_bytes() == before


def test_learning_samplers_are_told_failures_and_go_on() -> None:
    def picky(params: dict) -> float:
        if params["x"] > 0:
            raise ValueError("no")
        return math.nan if params["x"] > -1 else params["x"]

    for sampler in ("tpe", "gp"):
        result = search(picky, {"x": Float(-2, 2)}, n_trials=24, sampler=sampler)
        assert {t.status for t in result.trials} == {Status.COMPLETED, Status.FAILED, Status.DIVERGED}
        assert result.best is not None
        assert result.best.value < -1.8


def test_tpe_beats_random_over_common_seeds() -> None:
    def smooth(params: dict) -> float:
        return (params["x"] - 0.3) ** 2 + (params["y"] + 0.7) ** 2

    space = {"x": Float(-2, 2), "y": Float(-2, 2)}

    def bests(sampler: str) -> list[float]:
        results = [search(smooth, space, n_trials=40, sampler=sampler, seed=seed) for seed in range(8)]
        return [r.best.value for r in results if r.best]

    wins = np.array(bests("tpe")) < np.array(bests("random"))
    assert wins.sum() >= 6


# --- limits ---


def test_a_grid_ends_by_itself(tmp_path: Path) -> None:
    space = {"a": [1, 2, 3], "b": ["x", "y"]}
    result = search(lambda p: p["a"], space, sampler="grid", out=tmp_path / "run")
    assert [tuple(t.params.values()) for t in result.trials] == [
        (a, b) for a in (1, 2, 3) for b in ("x", "y")
    ]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["stopped"] == "exhausted"
    assert len(search(lambda p: p["a"], space, sampler="grid", n_trials=4).trials) == 4
    assert len(search(lambda p: p["a"], space, sampler="grid", n_trials=40).trials) == 6


def test_a_grid_larger_than_a_draw() -> None:
    space = {"a": list(range(20)), "b": list(range(10))}
    result = search(lambda p: p["a"] * 10 + p["b"], space, sampler="grid")
    assert [t.value for t in result.trials] == list(range(200))


def test_a_grid_needs_lists() -> None:
    with pytest.raises(SpaceError, match="a grid cannot enumerate x"):
        search(lambda p: 0, {"x": Float(0, 1)}, sampler="grid")


def test_no_trial_starts_after_the_time_is_up(tmp_path: Path) -> None:
    def slow(params: dict) -> float:
        time.sleep(0.05)
        return params["x"]

    started = time.perf_counter()
    first = search(slow, {"x": Float(0, 1)}, seconds=0.2, out=tmp_path / "run")
    assert time.perf_counter() - started < 2
    assert 1 <= len(first.trials) <= 4
    assert read_journal(tmp_path / "run").records[-1].data["why"] == "seconds"
    # The time of earlier calls counts, as their trials do.
    assert len(search(slow, {"x": Float(0, 1)}, seconds=0.2, out=tmp_path / "run").trials) == len(
        first.trials
    )
    more = search(slow, {"x": Float(0, 1)}, seconds=1.2, out=tmp_path / "run")
    assert len(more.trials) > len(first.trials)
    assert account(more).startswith(account(first)[:-1])


def test_the_first_limit_counts(tmp_path: Path) -> None:
    assert len(search(lambda p: 0, {"x": [1]}, n_trials=3, seconds=60, out=tmp_path / "run").trials) == 3
    assert read_journal(tmp_path / "run").records[-1].data["why"] == "trials"


def test_the_share_of_the_sampler_is_told() -> None:
    cheap = search(lambda p: p["x"], {"x": Float(0, 1)}, n_trials=12, sampler="tpe")
    dear = search(lambda p: time.sleep(0.02) or p["x"], {"x": Float(0, 1)}, n_trials=12)
    assert 0 < dear.sampler_share < cheap.sampler_share < 1
    assert dear.sampler_share < 0.3
    assert dear.seconds >= 0.24


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({}, "a random search never ends by itself. Say n_trials"),
        ({"n_trials": 0}, "n_trials = 0 must be a whole number of at least 1"),
        ({"n_trials": 2.5}, "n_trials = 2.5 must be"),
        ({"n_trials": True}, "n_trials = True must be"),
        ({"n_trials": 1, "workers": 0}, "workers = 0 must be"),
        ({"n_trials": 1, "workers": None}, "workers = None must be"),
        ({"seconds": 0}, "seconds = 0 must be a positive number"),
        ({"seconds": math.nan}, "seconds = nan must be a positive number"),
        ({"seconds": math.inf}, "seconds = inf must be a positive number"),
        ({"seconds": "1h"}, "seconds = '1h' must be a positive number"),
        ({"n_trials": 1, "metric": 3}, "metric = 3 must be the name"),
        ({"n_trials": 1, "seed": 0.5}, "seed = 0.5 must be a whole number"),
        ({"n_trials": 1, "sampler": "rndom"}, "there is no sampler 'rndom'"),
        ({"n_trials": 1, "direction": "up"}, "direction = 'up' is unknown"),
    ],
)
def test_unfit_arguments_leave_nothing_behind(words: dict, text: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=text):
        search(bowl, SPACE, out=tmp_path / "run", **words)
    assert not (tmp_path / "run").exists()


# --- folders ---


def test_what_is_left_behind(tmp_path: Path) -> None:
    run = tmp_path / "deep" / "run"
    result = search(bowl, SPACE, n_trials=9, metric="loss", out=run, seed=4)
    assert kind_of(run) == "objective"
    with (run / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "number", "status", "value", "scores_loss", "scores_noise", "params_x", "params_lr", "params_kind",
        "params_layers", "params_shape", "seconds", "message",
    ]  # fmt: skip
    for row, trial in zip(rows, result.trials, strict=True):
        assert float(row["value"]) == trial.value
        assert float(row["params_x"]) == trial.params["x"]
        assert row["params_layers"] == str(trial.params.get("layers", ""))
    summary = json.loads((run / "summary.json").read_text())
    assert result.best is not None
    assert summary["best"]["number"] == result.best.number
    assert summary["best"]["scores"] == dict(result.best.scores)
    assert (summary["trials"], summary["seed"], summary["stopped"]) == (9, 4, "trials")
    assert summary["endings"] == {"completed": 9}


def test_messages_with_commas_and_breaks_survive_the_table(tmp_path: Path) -> None:
    def odd(params: dict) -> float:
        raise ValueError('a "b", c\nd')

    search(odd, {"x": [1]}, n_trials=1, out=tmp_path / "run")
    with (tmp_path / "run" / "trials.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["message"].startswith('ValueError: a "b", c d (')
    assert (row["status"], row["value"]) == ("failed", "")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"seed": 1}, "seed: 0 in the run, 1 in this call"),
        ({"sampler": "quasi-random"}, "sampler: 'random' in the run, 'quasi-random' in this call"),
        ({"direction": "maximize"}, "direction: 'minimize' in the run, 'maximize' in this call"),
        ({"metric": "noise"}, "metric: 'loss' in the run, 'noise' in this call"),
        ({"space": {**dict(SPACE.entries), "x": Float(0, 1), "y": [1]}}, "space: differs in x, y"),
        ({"space": dict(reversed(SPACE.entries))}, "space: its names come in another order"),
        ({"seed": 1, "sampler": "tpe"}, "sampler: .*; seed: .*; batch: None in the run, 4 in this call"),
    ],
)
def test_a_search_is_resumed_on_its_own_terms_only(change: dict, text: str, tmp_path: Path) -> None:
    terms = {"space": SPACE, "n_trials": 3, "metric": "loss", "out": tmp_path / "run"}
    search(bowl, **terms)
    before = {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.suffix != ".lock"}
    with pytest.raises(RunError, match=text):
        search(bowl, **{**terms, **change})
    assert {p.name: p.read_bytes() for p in (tmp_path / "run").iterdir() if p.suffix != ".lock"} == before
    assert len(search(bowl, **{**terms, "n_trials": 4}).trials) == 4  # and the lock was given back


def test_a_metric_settled_by_the_first_answer_is_checked_too(tmp_path: Path) -> None:
    def one(params: dict) -> dict:
        return {"auc": params["x"]}

    search(one, {"x": [1, 2]}, n_trials=2, out=tmp_path / "run")
    with pytest.raises(RunError, match="metric: 'auc' in the run, 'f1' in this call"):
        search(one, {"x": [1, 2]}, n_trials=2, out=tmp_path / "run", metric="f1")
    assert search(one, {"x": [1, 2]}, n_trials=3, out=tmp_path / "run", metric="auc").metric == "auc"
    assert search(one, {"x": [1, 2]}, n_trials=4, out=tmp_path / "run").metric == "auc"


def test_runs_of_another_kind_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    Journal.create(tmp_path / "fit", {"kind": "fit"}).close()
    with pytest.raises(RunError, match=r"holds a run of another kind \('fit'\)"):
        search(bowl, SPACE, n_trials=1, out=tmp_path / "fit")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(RunError, match=r"is not empty \(it holds thesis\.txt\)"):
        search(bowl, SPACE, n_trials=1, out=tmp_path / "mine")
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


BATCH = ("batch", {"first": 0, "params": [{"x": 1}], "elapsed": 0.1, "sampler_seconds": 0.0})
TRIAL = {"number": 0, "status": "completed", "value": 1.0, "scores": [["value", 1.0]], "message": "",
         "seconds": 0.1, "elapsed": 0.2}  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([("rung", {})], "line 2 of the journal, a 'rung', does not belong.*unknown kind"),
        ([("batch", {**BATCH[1], "first": 5})], "ValueError: first is 5"),
        ([("batch", {**BATCH[1], "params": [{"x": 9}]})], "x = 9 is not"),
        ([("batch", {**BATCH[1], "params": 3})], "TypeError"),
        ([("batch", {"first": 0})], "KeyError: 'params'"),
        ([BATCH, ("trial", {**TRIAL, "number": 1})], "line 3 of the journal, a 'trial'.*number is 1"),
        ([BATCH, ("trial", {**TRIAL, "number": "0"})], "number is '0'"),
        ([BATCH, ("trial", TRIAL), ("trial", TRIAL)], "line 4.*number is 0"),
        ([BATCH, ("trial", {**TRIAL, "status": "happy"})], "'happy' is not a valid Status"),
        ([BATCH, ("trial", {**TRIAL, "scores": [1]})], "TypeError"),
        ([BATCH, ("trial", {**TRIAL, "value": [1]})], "TypeError"),
        ([BATCH, ("trial", {**TRIAL, "elapsed": "long"})], "ValueError"),
    ],
)
def test_a_journal_that_tells_nonsense_is_refused(entries: list, text: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    search(lambda p: 1.0, {"x": [1, 2]}, n_trials=1, out=run)
    header = ("header", dict(read_journal(run).header))
    write_lines(run / "journal.jsonl", [header, BATCH, ("metric", {"name": "value"}), ("trial", TRIAL)])
    assert len(search(lambda p: 1.0, {"x": [1, 2]}, n_trials=1, out=run).trials) == 1  # the control
    write_lines(run / "journal.jsonl", [header, *entries])
    with pytest.raises(RunError, match=text):
        search(lambda p: 1.0, {"x": [1, 2]}, n_trials=1, out=run)


def test_an_unreadable_space_in_the_header_differs(tmp_path: Path) -> None:
    search(lambda p: 1.0, {"x": [1, 2]}, n_trials=1, out=tmp_path)
    header = dict(read_journal(tmp_path).header)
    write_lines(tmp_path / "journal.jsonl", [("header", {**header, "space": {}, "space_id": "0"})])
    with pytest.raises(RunError, match="space: the run's cannot be read"):
        search(lambda p: 1.0, {"x": [1, 2]}, n_trials=1, out=tmp_path)


# --- Ctrl-C ---


def test_ctrl_c_keeps_what_has_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(params: dict, seed: int) -> dict:
        if seed == trial_seed(0, 6):
            raise KeyboardInterrupt
        return bowl(params, seed)

    run = tmp_path / "run"
    part = search(interrupted, SPACE, n_trials=12, metric="loss", sampler="tpe", out=run)
    assert [t.number for t in part.trials] == list(range(6))
    assert "Search interrupted after 6 trials. The same call goes on from here." in capsys.readouterr().err
    assert json.loads((run / "summary.json").read_text())["stopped"] == "interrupted"
    whole = search(bowl, SPACE, n_trials=12, metric="loss", sampler="tpe", out=run)
    assert account(whole) == account(search(bowl, SPACE, n_trials=12, metric="loss", sampler="tpe"))


# --- several processes ---


def crash(params: dict) -> float:
    if params["x"] == 1:
        os._exit(7)
    if params["x"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return params["x"]


def test_the_trials_do_not_depend_on_the_number_of_workers() -> None:
    for sampler in ("random", "tpe"):
        one, two = (
            search(bowl, SPACE, n_trials=11, sampler=sampler, metric="loss", workers=workers)
            for workers in (1, 2)
        )
        assert account(one) == account(two)


def test_a_process_that_dies_ends_its_trial_alone(tmp_path: Path) -> None:
    result = search(crash, {"x": [0, 1, 2, 3, 4]}, sampler="grid", workers=2, out=tmp_path / "run")
    assert [t.status.value for t in result.trials] == [
        "completed",
        "failed",
        "completed",
        "failed",
        "completed",
    ]
    assert result.trials[1].message == "its worker process died of exit code 7"
    assert result.trials[3].message == "its worker process died of signal SIGKILL (often: out of memory)"


def locked(params: dict, lock: object) -> float:
    return 0.0


class Reluctant:
    """Can be sent, but not received."""

    def __call__(self, params: dict) -> float:
        return 0.0

    def __reduce__(self) -> tuple:
        return (int, ("not a number",))


def test_what_other_processes_cannot_import_is_refused(tmp_path: Path) -> None:
    lock = threading.Lock()
    local = functools.partial(lambda params, lock: 0.0, lock=lock)

    def inner(params: dict) -> float:
        return 0.0

    out = tmp_path / "run"
    for objective, why in [
        (lambda params: 0.0, "it is a lambda"),
        (local, "it is a lambda"),
        (inner, "it is defined inside a function"),
        (functools.partial(locked, lock=lock), "it cannot be sent"),
    ]:
        with pytest.raises(ArgumentError, match=f"must import the objective .*{why}.*use workers=1"):
            search(objective, {"x": [1]}, n_trials=2, workers=2, out=out)
    assert not out.exists()
    with pytest.raises(
        ArgumentError, match=r"a worker process cannot import the objective .*Reluctant: ValueError"
    ):
        search(Reluctant(), {"x": [1]}, n_trials=2, workers=2)


SCRIPT = """
import profunda
def objective(params): return params["x"]
{guard}profunda.search(objective, {{"x": [1, 2]}}, n_trials=2, workers=2)
{guard}print("done")
"""


def run_script(command: list[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(Path("src").resolve())}
    return subprocess.run(
        [sys.executable, "-W", "error", *command], input=text, text=True, capture_output=True, env=env
    )


def test_scripts_need_their_guard_and_sessions_a_module(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(guard='if __name__ == "__main__": '))
    assert run_script([str(script)]).stdout == "done\n"
    script.write_text(SCRIPT.format(guard=""))
    bare = run_script([str(script)])
    assert bare.returncode == 1
    assert 'lacks the line  if __name__ == "__main__":  before' in bare.stderr
    session = run_script(["-c", SCRIPT.format(guard="")])
    assert "it is defined in an interactive session" in session.stderr


# --- progress ---


def test_nothing_is_printed_in_a_short_search(capfd: pytest.CaptureFixture[str]) -> None:
    search(bowl, SPACE, n_trials=5, metric="loss")
    assert capfd.readouterr() == ("", "")


def test_a_line_appears_every_so_often(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("profunda.tuning.progress.PLAIN_LINE", 0.1)
    monkeypatch.setattr("profunda.tuning.objective._SHOW_EVERY", 0.0)
    search(lambda p: time.sleep(0.04) or p["x"], {"x": [1, 2]}, n_trials=12, seconds=30)
    search(lambda p: time.sleep(0.04) or p["x"], {"x": [1, 2]}, n_trials=12)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.search(r"of 12 trials · about \d+ s left · best value 1 \(trial", err)
    assert "completed" in err
    assert "of 12 trials, about 0 s left" in err
