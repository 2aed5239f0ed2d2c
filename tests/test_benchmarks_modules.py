"""The benchmark of fleets of modules: both ways do the same work, and a small run is taken up again."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def fleets(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("module_fleets")


@pytest.mark.slow
def test_every_case_runs_and_both_ways_count_the_same_steps(fleets: ModuleType) -> None:
    for name in fleets.MODULES:
        for way in ("loop", "vmap"):
            with (
                pytest.warns(UserWarning, match="performance drop")
                if way == "vmap"
                and name
                in (
                    "attention",
                    "LSTM",
                )
                else nullcontext()
            ):
                assert fleets.modules_epochs(name, 2, way, 2)(1) == 2 * fleets.STEPS
    for name in fleets.DESIGNS:
        assert fleets.design_epochs(name, 2, "loop")(1) == 2 * fleets.STEPS


def test_a_small_run_is_written_and_taken_up_again(
    fleets: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleets, "QUICK", fleets.Settings(rounds=2, members=(2,), seconds=0.001))
    monkeypatch.setattr(fleets, "MODULES", {"dense": fleets.MODULES["dense"]})
    monkeypatch.setattr(fleets, "DESIGNS", {"Design, parametric": fleets.DESIGNS["Design, parametric"]})
    words = ["--quick", "--json", str(tmp_path / "a.json"), "--cells", str(tmp_path / "cells.jsonl")]
    assert fleets.main(words) == 0
    first = json.loads((tmp_path / "a.json").read_text())
    assert set(first["ratios"]) == {
        "dense, 2 members, 1 thread",
        "dense, 2 members, 2 threads",
        "Design, parametric, 2 members, 1 thread",
    }
    assert all(ratio > 0 for ratio in first["ratios"].values())
    monkeypatch.setattr(fleets.Paced, "_run", None)  # whatever stands in the file is not measured again
    assert fleets.main(words) == 0
    again = json.loads((tmp_path / "a.json").read_text())
    assert again["ratios"] == first["ratios"]
    assert again["results"]["cells_reused"] == 3 * 2 * 2
