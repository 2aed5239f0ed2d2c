"""The settings of a run: what they refuse, and the command that does the run again."""

import json
from dataclasses import replace

import pytest

from profunda.errors import ArgumentError, RunError
from profunda.fleet.cost import NATIVE, TORCH
from profunda.fleet.speed import Speeds
from profunda.job import settings as module
from profunda.job.origin import LEAST_READ, READING_RATE, Origin
from profunda.job.settings import Settings
from profunda.space.space import Space
from profunda.tuning.budget import Budget

SETTINGS = Settings(
    origin=Origin("my table.csv", "y", None, 10**9),
    fingerprint="0",
    metric="rmse",
    space=Space({"depth": [1, 2]}).to_json(),
    own_space=False,
    narrowed=("depth=1",),
    sampler="random",
    budget=Budget(trials=1_234_567),
    engine="auto",
    speeds=Speeds(TORCH, NATIVE, "avx512"),
    select="greedy",
    refit="folds",
    folds=None,
    test=0.25,
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
