"""The settings of a run: what they refuse, and the command that does the run again."""

from dataclasses import replace

import pytest

from profunda.errors import ArgumentError
from profunda.job.settings import Settings
from profunda.space.space import Space
from profunda.tuning.budget import Budget

SETTINGS = Settings(
    source="my table.csv",
    target="y",
    fingerprint="0",
    metric="rmse",
    space=Space({"depth": [1, 2]}).to_json(),
    narrowed=("depth=1",),
    sampler="random",
    budget=Budget(trials=1_234_567),
    engine="auto",
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
    assert replace(SETTINGS, source="").command == ""


def test_a_header_gives_the_settings_back() -> None:
    assert Settings.from_header(SETTINGS.header()) == SETTINGS


@pytest.mark.parametrize("seed", [-1, 0.5, True, "0"])
def test_a_seed_is_a_whole_number(seed: object) -> None:
    with pytest.raises(ArgumentError, match=r"seed=.* must be a whole number, 0 or greater"):
        replace(SETTINGS, seed=seed)
