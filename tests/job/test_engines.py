"""The engine of a run: chosen at its start, the same at every resume and refit, told at its end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from comparing import decisions_of, packs_of, same_model
from tables import two_classes

from profunda.errors import ArgumentError, RunError
from profunda.fleet.cost import NATIVE, TORCH
from profunda.fleet.native_engine import available, instruction_set
from profunda.fleet.speed import Speeds
from profunda.job import fitting, settings
from profunda.job.fitting import fit, resume
from profunda.tuning.fleet_search import _Search

QUICK = {"trials": 12, "progress": False, "baselines": False, "report": False, "fix": {"epochs": 18}}
HERE = instruction_set() if available() else ""
SLOW = replace(NATIVE, step=1.0, layer=1.0)
compiled = pytest.mark.skipif(not available(), reason="the native engine was not compiled")


def set_speeds(monkeypatch: pytest.MonkeyPatch, speeds: Speeds) -> None:
    monkeypatch.setattr(fitting, "speeds_here", lambda engine: speeds)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, rungs: int) -> None:
    """Ctrl-C once so many rungs have been trained."""
    whole, left = _Search._train, [rungs]

    def train(self: _Search, *words: object) -> bool:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return whole(self, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(_Search, "_train", train)


@compiled
@pytest.mark.parametrize("engine", ["native", "torch"])
def test_a_run_tells_its_engine(engine: str, tmp_path: Path) -> None:
    outcome = fit(two_classes(), engine=engine, out=tmp_path / "run", **QUICK)
    told = json.loads((tmp_path / "run" / "summary.json").read_text())
    words = HERE if engine == "native" else ""
    assert (outcome.engine, outcome.instruction_set) == (engine, words)
    assert (told["engine"], told["instruction_set"]) == (engine, words or None)
    assert outcome.search.networks == 60
    assert outcome.search.training_seconds > 0


@compiled
@pytest.mark.parametrize("began", ["native", "torch"])
def test_a_resumed_run_keeps_the_engine_that_it_began_with(
    began: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though by now this machine's speeds would choose the other one."""
    speeds = {"native": Speeds(TORCH, NATIVE, HERE), "torch": Speeds(TORCH, SLOW, HERE)}
    set_speeds(monkeypatch, speeds.pop(began))
    fit(two_classes(), out=tmp_path / "whole", **QUICK)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        cut = fit(two_classes(), out=tmp_path / "cut", **QUICK)
        assert cut.interrupted
    set_speeds(monkeypatch, *speeds.values())
    outcome = resume(tmp_path / "cut", two_classes(), progress=False)
    assert outcome.engine == began
    assert outcome.timings[0].stage == "earlier calls"
    assert decisions_of(tmp_path / "cut") == decisions_of(tmp_path / "whole")
    assert packs_of(tmp_path / "cut") == packs_of(tmp_path / "whole")
    assert same_model(tmp_path / "cut", tmp_path / "whole")
    # Negative control: from the start, those speeds choose the other engine, and its bits are others.
    other = fit(two_classes(), out=tmp_path / "other", **QUICK)
    assert other.engine != began
    assert not same_model(tmp_path / "other", tmp_path / "whole")


@pytest.mark.skipif(HERE in ("", "generic"), reason="the native engine has no second instruction set here")
def test_a_resumed_run_keeps_the_instructions_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though this machine has better ones: bits differ between them."""
    set_speeds(monkeypatch, Speeds(TORCH, NATIVE, "generic"))
    whole = fit(two_classes(), out=tmp_path / "whole", **QUICK)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        fit(two_classes(), out=tmp_path / "cut", **QUICK)
    set_speeds(monkeypatch, Speeds(TORCH, NATIVE, HERE))
    outcome = resume(tmp_path / "cut", two_classes(), progress=False)
    assert (whole.instruction_set, outcome.instruction_set) == ("generic", "generic")
    assert "other-instructions" not in {notice.code for notice in outcome.notices}
    assert packs_of(tmp_path / "cut") == packs_of(tmp_path / "whole")
    assert same_model(tmp_path / "cut", tmp_path / "whole")
    # Negative control: from the start, this machine's best ones make other bits.
    other = fit(two_classes(), out=tmp_path / "other", **QUICK)
    assert other.instruction_set == HERE
    assert not same_model(tmp_path / "other", tmp_path / "whole")


@compiled
@pytest.mark.parametrize("refit", ["retrain", "continue"])
def test_a_refit_is_the_same_whoever_asks_again(refit: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        fit(two_classes(), engine="native", refit=refit, select="best", out=tmp_path / name, **QUICK)
    assert same_model(tmp_path / "one", tmp_path / "two")


@compiled
def test_other_instructions_are_told_in_the_outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(two_classes(), engine="native", out=tmp_path / "run", **QUICK)
    monkeypatch.setattr(settings, "instruction_set", lambda wanted: "sse9")
    outcome = resume(tmp_path / "run", two_classes(), progress=False)
    (notice,) = [notice for notice in outcome.notices if notice.code == "other-instructions"]
    assert (
        f"began with {HERE} instructions, which this processor has not, and goes on with sse9" in notice.text
    )


@compiled
def test_a_run_of_the_native_engine_is_not_resumed_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(two_classes(), engine="native", out=tmp_path / "run", **QUICK)
    monkeypatch.setattr(settings, "available", lambda: False)
    monkeypatch.setattr(settings, "unavailable_reason", lambda: "the wheel is pure")
    with pytest.raises(RunError, match=rf"began with the native engine \({HERE}\).* the wheel is pure\."):
        resume(tmp_path / "run", two_classes(), progress=False)


def test_a_run_that_began_without_the_native_engine_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_speeds(monkeypatch, Speeds(TORCH, None, ""))
    outcome = fit(two_classes(), out=tmp_path / "run", **QUICK)
    assert (outcome.engine, outcome.instruction_set) == ("torch", "")
    assert resume(tmp_path / "run", two_classes(), progress=False).engine == "torch"


def test_an_engine_that_is_not_here_is_refused_before_the_data_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from profunda.fleet import plan

    monkeypatch.setattr(plan, "available", lambda: False)
    monkeypatch.setattr(plan, "unavailable_reason", lambda: "the wheel is pure")
    with pytest.raises(ArgumentError, match="native engine is not available: the wheel is pure"):
        fit(tmp_path / "nowhere.csv", "y", engine="native", out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()
