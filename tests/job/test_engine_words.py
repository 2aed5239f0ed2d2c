"""Whoever runs it hears which engine trained and why, above all where the native one is missing."""

from dataclasses import replace
from pathlib import Path

import pytest
from tables import two_classes

from profunda.fleet.cost import NATIVE, TORCH
from profunda.fleet.speed import Speeds
from profunda.job import engines, fitting
from profunda.job.engines import engine_notices, engine_reason
from profunda.job.fitting import fit, resume
from profunda.job.settings import Settings
from profunda.journal.record import Journal

QUICK = {"trials": 6, "progress": False, "baselines": False, "fix": {"epochs": 9}}
PURE = Speeds(TORCH, None, "")


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "speeds_here", lambda engine: PURE)
    monkeypatch.setattr(engines, "unavailable_reason", lambda: "the wheel is pure")


def report_of(run: Path) -> str:
    return " ".join((run / "report.html").read_text("utf-8").split())


@pytest.mark.usefixtures("pure")
def test_a_missing_native_engine_is_told_with_its_cure(tmp_path: Path) -> None:
    outcome = fit(two_classes(), out=tmp_path / "run", **QUICK)
    assert outcome.notices[0].code == "no-native-engine"  # the first: a terminal shows but a few
    for part in ("takes longer: there is no native engine here, since the wheel is pure.", "C++20 compiler"):
        assert part in outcome.notices[0].text
    page = report_of(tmp_path / "run")
    assert "The torch engine, on PyTorch, trained all networks: there is no native engine here" in page
    assert "no-native-engine" in page
    again = resume(tmp_path / "run", two_classes(), progress=False)
    assert again.notices[0].code == "no-native-engine"


@pytest.mark.usefixtures("pure")
def test_torch_by_wish_is_no_notice(tmp_path: Path) -> None:
    outcome = fit(two_classes(), engine="torch", out=tmp_path / "run", **QUICK)
    assert "no-native-engine" not in {notice.code for notice in outcome.notices}
    assert "trained all networks: as it was asked for." in report_of(tmp_path / "run")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    fit(two_classes(), report=False, out=tmp_path / "run", **QUICK)
    with Journal.open(tmp_path / "run") as journal:
        return Settings.from_header(journal.header)


def test_every_choice_has_its_reason(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    both = replace(settings, engine="auto", speeds=Speeds(TORCH, NATIVE, "avx2"))
    assert "measured once, the quicker one" in engine_reason(both)
    assert engine_reason(replace(both, engine="native")) == "as it was asked for"
    assert engine_notices(both) == engine_notices(replace(both, engine="torch", speeds=PURE)) == ()
    monkeypatch.setattr(engines, "unavailable_reason", lambda: None)
    assert "a run keeps its engine" in engine_notices(replace(both, speeds=PURE))[0].text
