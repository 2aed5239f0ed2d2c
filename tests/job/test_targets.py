"""Several targets through the whole job: searched, judged beside rivals of their own, kept and resumed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from profunda.cli.app import main
from profunda.data.reading import read
from profunda.errors import ArgumentError
from profunda.fleet import native_engine
from profunda.job.fitting import fit, resume
from profunda.job.settings import Settings
from profunda.journal.record import Journal
from profunda.model.saving import load

NAMES = ("rain", "snow")
USUAL = {"trials": 1, "folds": 2, "progress": False, "fix": {"depth": 1, "width": 16, "epochs": 8}}


def frame(kind: str, rows: int = 150, gaps: float = 0.1) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 4))
    y = np.tanh(x @ rng.normal(size=(4, 2))) * (1.0, 50.0) + 0.2 * rng.normal(size=(rows, 2))
    y = (y > 0).astype(float) if kind == "multilabel" else y
    y[rng.random(y.shape) < gaps] = np.nan
    return pd.DataFrame(x, columns=list("abcd")).assign(**dict(zip(NAMES, y.T, strict=True)))


@pytest.mark.parametrize("kind", ["multilabel", "multioutput"])
def test_a_run_is_judged_kept_and_told_target_by_target(kind: str, tmp_path: Path) -> None:
    table, run = frame(kind), tmp_path / "run"
    outcome = fit(table, NAMES, out=run, **USUAL)
    assert outcome.model.task.kind == kind
    assert outcome.score is not None
    assert outcome.score.metric == ("log_loss" if kind == "multilabel" else "rrmse")
    for baseline in outcome.baselines:
        assert baseline.score is not None
        assert np.mean(baseline.targets) == pytest.approx(baseline.score.value)
    constant, linear, _ = outcome.baselines
    assert linear.score.value < constant.score.value  # each target's own model has learned something
    assert (load(run).predict(table) == outcome.model.predict(table)).all()
    sections = {one["title"]: one for one in json.loads((run / "report.json").read_text())["sections"]}
    titles = [block.get("title") for block in sections["Predictions"]["blocks"]]
    assert titles[0] == "Target by target"
    assert titles[-1] == ("Label by label" if kind == "multilabel" else "Predicted and true")


@pytest.mark.parametrize("folds", [1, 5])
def test_a_label_that_few_rows_have_is_left_out_of_scores(folds: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = (x + rng.normal(size=(60, 2)) > 0).astype(float)
    y[4:, 1] = np.nan
    y[:4, 1] = [0, 1, 0, 1]
    outcome = fit(x, y, **USUAL | {"folds": folds})
    assert outcome.score is not None
    assert np.isfinite(outcome.score.value)


def test_a_label_that_was_measured_early_only_is_left_out_of_scores(tmp_path: Path) -> None:
    table = frame("multilabel", gaps=0.0).rename(columns={"a": "day"}).assign(day=np.arange(150.0))
    table.loc[75:, "snow"] = np.nan
    outcome = fit(read(table, list(NAMES), time="day"), out=tmp_path / "run", **USUAL)
    scores = dict(outcome.scores)
    assert np.isfinite([scores["log_loss"], scores["macro_f1"], scores["auc"]]).all()


def test_a_finished_run_is_resumed_to_the_same_model(tmp_path: Path) -> None:
    path, run = tmp_path / "table.csv", tmp_path / "run"
    frame("multioutput").to_csv(path, index=False)
    outcome = fit(path, list(NAMES), out=run, **USUAL, report=False, baselines=False)
    with Journal.open(run) as journal:
        settings = Settings.from_header(journal.header)
    assert settings.origin.target == NAMES
    assert "--target rain --target snow" in settings.command
    for kept in ("model", "summary.json"):
        (run / kept).rename(tmp_path / kept)
    again = resume(run, progress=False)
    table = frame("multioutput")
    assert again.model.predict(table).tobytes() == outcome.model.predict(table).tobytes()


def test_the_command_line_takes_several_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame("multilabel", gaps=0.0).to_csv("t.csv", index=False)
    words = ["fit", "t.csv", "--trials", "1", "--folds", "2", "--fix", "depth=0", "--fix", "epochs=3"]
    assert main([*words, "--target", "rain,snow", "--out", "run"]) == 0
    assert main(["predict", "run", "t.csv", "-o", "p.csv", "--proba"]) == 0
    assert Path("p.csv").read_text().splitlines()[0] == "rain,snow"


@pytest.mark.parametrize("refit", ["retrain", "continue"])
@pytest.mark.parametrize("select", ["one-standard-error", "best"])
def test_every_rule_and_refit_serves(refit: str, select: str) -> None:
    words = USUAL | {"trials": 2, "refit": refit, "select": select, "baselines": False}
    assert np.isfinite(fit(frame("multilabel"), NAMES, **words).score.value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["multilabel", "multioutput"])
def test_nested_validation_and_ablation_serve(kind: str, tmp_path: Path) -> None:
    table = frame(kind, 60)
    nested = fit(table, NAMES, **USUAL, validation="nested", out=tmp_path / "nested")
    assert nested.score.rows == len(table.dropna(how="all", subset=list(NAMES)))
    assert len(nested.baselines[1].targets) == 2
    assert fit(table, NAMES, **USUAL, ablate=True, baselines=False).attribution is not None


@pytest.mark.skipif(not native_engine.available(), reason="the native engine is not installed")
def test_the_native_engine_says_that_it_does_not_know_them() -> None:
    with pytest.raises(ArgumentError, match="does not know several labels"):
        fit(frame("multilabel"), NAMES, **USUAL, engine="native", baselines=False)
