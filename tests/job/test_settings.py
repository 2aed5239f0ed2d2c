"""The settings of a run: what they refuse, and the command that does the run again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from profunda.errors import ArgumentError, RunError
from profunda.fleet.cost import NATIVE, TORCH
from profunda.fleet.history import Status
from profunda.fleet.speed import Speeds
from profunda.job import settings as module
from profunda.job.origin import LEAST_READ, READING_RATE, Origin
from profunda.job.settings import Settings
from profunda.space.space import Space
from profunda.tuning.budget import Budget
from profunda.tuning.drawing import Known
from profunda.tuning.limits import UNLIMITED, Limits
from profunda.tuning.terminators import NEVER, Stopping

SETTINGS = Settings(
    origin=Origin("my table.csv", "y", None, 10**9),
    fingerprint="0",
    metric="rmse",
    space=Space({"depth": [1, 2]}).to_json(),
    own_space=False,
    narrowed=("depth=1",),
    sampler="random",
    fidelity="halving",
    stopping=NEVER,
    limits=UNLIMITED,
    forecast=True,
    warm_start="",
    given=(),
    known=(),
    budget=Budget(trials=1_234_567),
    engine="auto",
    speeds=Speeds(TORCH, NATIVE, "avx512"),
    select="greedy",
    refit="folds",
    folds=None,
    test=0.25,
    validation="holdout",
    ablate=False,
    seed=3,
    baselines=True,
    report=True,
)


def test_the_command_says_all_that_was_asked_for() -> None:
    assert SETTINGS.command == (
        "profunda fit 'my table.csv' --target y --trials 1234567 --fix depth=1 --test-size 0.25 "
        "--metric rmse --sampler random --seed 3"
    )
    timed = replace(SETTINGS, budget=Budget(seconds=7.5), folds=3)
    assert "--time 7.5 --fix depth=1 --folds 3" in timed.command
    told = replace(SETTINGS, origin=replace(SETTINGS.origin, task="regression"))
    assert "--target y --task regression" in told.command
    assert "--engine torch --metric rmse" in replace(SETTINGS, engine="torch").command


@pytest.mark.parametrize(
    "change",
    [{"origin": Origin("", "", None, None)}, {"own_space": True}, {"select": "best"}, {"refit": "retrain"}],
)
def test_what_no_command_can_say_has_none(change: dict[str, object]) -> None:
    assert replace(SETTINGS, **change).command == ""


def test_a_header_gives_the_settings_back() -> None:
    pure = replace(SETTINGS, speeds=Speeds(TORCH, None, ""))
    for settings in (SETTINGS, pure):
        assert Settings.from_header(json.loads(json.dumps(settings.header()))) == settings


MORE = replace(
    SETTINGS,
    fidelity="hyperband",
    stopping=Stopping(40, 0.01, "noise"),
    limits=Limits(9000, 1.5),
    warm_start="/runs/old one",
    given=({"depth": 1},),
    known=(Known({"depth": 2}, 0.25, Status.OUTCOMPETED),),
)


def test_all_that_a_search_was_asked_for_comes_back_and_is_said() -> None:
    assert Settings.from_header(json.loads(json.dumps(MORE.header()))) == MORE
    assert (
        "--fidelity hyperband --patience 40 --min-delta 0.01 --regret noise --max-parameters 9000 "
        "--max-latency 1.5 --warm-start '/runs/old one' --metric"
    ) in MORE.command
    assert "--validation nested" in replace(SETTINGS, validation="nested").command


def test_a_header_from_before_these_words_means_what_was_done_then() -> None:
    later = ("fidelity", "stopping", "limits", "warm_start", "given", "known", "validation")
    header = {name: value for name, value in SETTINGS.header().items() if name not in later}
    assert Settings.from_header(json.loads(json.dumps(header))) == SETTINGS


def test_a_run_from_before_the_forecast_goes_on_without_it() -> None:
    header = {name: value for name, value in SETTINGS.header().items() if name != "forecast"}
    assert not Settings.from_header(json.loads(json.dumps(header))).forecast


def test_the_command_says_where_theory_has_no_say() -> None:
    assert "forecast" not in SETTINGS.command
    assert "--no-forecast --metric" in replace(SETTINGS, forecast=False).command


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"fidelity": "some"}, r"fidelity='some' is unknown: it is halving"),
        ({"validation": "twice"}, r"validation='twice' is unknown: it is holdout, nested"),
        ({"given": ({"depth": 1},), "sampler": "grid"}, r"a grid tries exactly its combinations"),
        ({"warm_start": "old", "validation": "nested"}, r"warm_start and validation='nested' contradict"),
    ],
)
def test_words_of_a_search_that_contradict_are_told(change: dict, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        replace(SETTINGS, **change)


def test_a_header_without_speeds_is_of_another_version() -> None:
    header = SETTINGS.header()
    torch = {**header["speeds"]["torch"], "step": 10**400}
    beyond = {**header, "speeds": {**header["speeds"], "torch": torch}}
    for damaged in (
        beyond,
        {**header, "budget": {"seconds": 10**400}},
        {**header, "speeds": {}},
        {k: v for k, v in header.items() if k != "speeds"},
    ):
        with pytest.raises(RunError, match=r"header cannot be understood .* start a new run"):
            Settings.from_header(damaged)


def on_a_machine_with(monkeypatch: pytest.MonkeyPatch, instruction_set: str) -> None:
    monkeypatch.setattr(module, "available", lambda: bool(instruction_set))
    monkeypatch.setattr(module, "unavailable_reason", lambda: "no module")
    monkeypatch.setattr(module, "instruction_set", lambda wanted: instruction_set)


def test_a_run_goes_on_silently_on_its_own_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_machine_with(monkeypatch, "avx512")
    assert SETTINGS.check_machine() == ()


def test_other_instructions_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_machine_with(monkeypatch, "avx2")
    (notice,) = SETTINGS.check_machine()
    assert notice.code == "other-instructions"
    assert (
        "began with avx512 instructions, which this processor has not, and goes on with avx2" in notice.text
    )


def test_without_the_native_engine_a_run_that_had_it_cannot_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_machine_with(monkeypatch, "")
    with pytest.raises(
        RunError, match=r"began with the native engine \(avx512\), which cannot .* no module\."
    ):
        SETTINGS.check_machine()
    # It never trained there.
    assert replace(SETTINGS, engine="torch").check_machine() == ()
    assert replace(SETTINGS, speeds=Speeds(TORCH, None, "")).check_machine() == ()


@pytest.mark.parametrize("seed", [-1, 0.5, True, "0"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(ArgumentError, match=r"seed=.* must be a whole number, 0 or greater"):
        replace(SETTINGS, seed=seed)


def test_little_time_reads_less_of_a_table_but_all_of_an_archive() -> None:
    assert Origin.of("t.csv", "y", None, 1.0).memory_limit == LEAST_READ
    assert Origin.of("t.csv", "y", None, 40.0).memory_limit == 40 * READING_RATE
    everything = Origin.of("t.csv", "y", None, None).memory_limit
    assert Origin.of("t.npz", None, None, 1.0).memory_limit == pytest.approx(everything, rel=0.3)
    assert Origin.of(([[1.0]], [1]), None, None, 1.0) == Origin("", "", None, None)


def test_texts_beside_a_path_are_names_of_columns_or_values() -> None:
    assert Origin.of("t.csv", ["rain", "snow"], None, None).target == ("rain", "snow")
    assert Origin.of("t.csv", ["up", "down"] * 30, None, None) == Origin("", "", None, None)


def test_a_path_from_home_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    rows = "".join(f"{k},{k % 7}\n" for k in range(20))
    (tmp_path / "cars.csv").write_text(f"x,y\n{rows}")
    origin = Origin.of("~/cars.csv", "y", None, None)
    assert origin.source == str(tmp_path / "cars.csv")
    assert origin.read().fingerprint == origin.read("~/cars.csv", "y").fingerprint
