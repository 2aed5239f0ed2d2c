"""Grouped tasks through the whole job: split, searched, judged task by task, kept, exported, resumed."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from profunda.cli.app import main
from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.errors import ArgumentError, SpaceError
from profunda.exporting.module import export
from profunda.job import each_task as each_task_module
from profunda.job.each_task import each_task, task_notices
from profunda.job.fitting import fit, resume
from profunda.job.rivals import Logistic, Ridge, TextLogistic
from profunda.job.settings import Settings
from profunda.journal.record import Journal
from profunda.metrics.score import metric_for
from profunda.model.saving import load
from profunda.model.score import TaskScore
from profunda.reporting.slices import slices
from profunda.reporting.tasks import task_blocks
from profunda.space.design import Design
from profunda.tuning.ablation import ablate
from profunda.tuning.ingredients import INGREDIENTS
from profunda.tuning.robustness import stress

HELD = {"depth": 1, "width": 16, "epochs": 12, "sharing": "heads", "head_l2": 0.1, "norm": "batch"}
POOLED = {name: value for name, value in HELD.items() if name != "head_l2"} | {"sharing": "pooled"}
USUAL = {"trials": 1, "folds": 2, "progress": False, "fix": HELD, "task_column": "school"}


def frame(rows: int = 320, classes: bool = False, seed: int = 0) -> pd.DataFrame:
    """Four schools; what x does to y is of opposite sign in the last, smallest one."""
    rng = np.random.default_rng(seed)
    school = rng.choice(4, rows, p=[0.3, 0.3, 0.2, 0.2])
    x = rng.normal(size=(rows, 3))
    y = np.where(school == 3, -2.0, 2.0) * x[:, 0] + school + 0.3 * rng.normal(size=rows)
    table = pd.DataFrame(x, columns=list("abc")).assign(school=np.array(list("nesw"))[school])
    return table.assign(y=np.where(y > 1, "yes", "no") if classes else y)


@pytest.mark.parametrize("classes", [False, True])
def test_a_run_is_judged_kept_exported_and_told_task_by_task(classes: bool, tmp_path: Path) -> None:
    table, run = frame(classes=classes), tmp_path / "run"
    outcome = fit(table, "y", out=run, **USUAL)
    assert {part.design.sharing for part in outcome.model.parts} == {"heads"}
    held = table.school.to_numpy()[outcome.splits.test]
    assert {one.name: one.rows for one in outcome.tasks} == {s: int((held == s).sum()) for s in "nesw"}
    for one in outcome.tasks:
        assert one.low < one.gain < one.high
        assert math.isfinite(one.pooled)
        assert one.trained == int((table.school == one.name).sum()) - one.rows
    back = load(run)
    strange = table.head(5).assign(school=["unheard of", None, *table.school[2:5]])
    assert np.array_equal(back.predict(strange), outcome.model.predict(strange))
    codes = outcome.dataset.schema.codes(strange)
    assert codes[:2, -1].tolist() == [-1.0, pytest.approx(np.nan, nan_ok=True)]
    both = outcome.model.predict_codes(codes)
    same = outcome.model.predict_codes(np.where(np.isnan(codes), -1.0, codes))
    assert np.array_equal(both, same)
    with torch.no_grad():
        found = export(outcome.model)(torch.as_tensor(codes)).numpy()
    assert np.allclose(found, both, atol=1e-5)
    report = json.loads((run / "report.json").read_text())
    sections = {one["title"]: one for one in report["sections"]}
    assert sections["Predictions"]["blocks"][0]["title"] == "Task by task"
    told = json.loads((run / "summary.json").read_text())["tasks"]
    assert [one["sharing"] for one in told] == [one.verdict for one in outcome.tasks]


def test_pooling_serves_the_task_that_is_otherwise_worse_than_heads_do() -> None:
    table = frame(800)
    data = read(table, "y", task_column="school")
    splits = split(data, test=0.4)
    metric = metric_for(data.task.kind, "rmse")
    pooled = fit(data, trials=1, folds=2, test=0.4, progress=False, fix=POOLED)
    verdicts = {one.name: one.verdict for one in pooled.tasks}
    assert verdicts["w"] == "worse"
    told = [notice.text for notice in pooled.notices if notice.code == "negative-transfer"]
    assert len(told) == 1
    assert " w (-" in told[0]
    heads = fit(data, trials=1, folds=2, test=0.4, progress=False, fix=HELD | {"epochs": 60, "head_l2": 0.0})
    assert heads.score.value < 0.7 * pooled.score.value
    # Own linear models are the truth here; the law of chance allows no verdict on them beside themselves.
    y, perfect = data.y[splits.test], data.y[splits.test].copy()
    best = each_task(data, splits, metric, perfect)
    assert {one.verdict for one in best} == {"better"}
    assert list(task_notices(best)) == []
    worst = each_task(data, splits, metric, np.full(len(y), 1e3))
    assert {one.verdict for one in worst} == {"worse"}
    late = each_task(data, splits, metric, perfect, deadline=-1.0)
    assert {one.verdict for one in late} == {"not compared"}


def test_a_linear_model_that_would_come_too_late_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 50 rows a second the pooled one would come after the eighth; small tasks are not asked."""
    data = read(frame(400), "y", task_column="school")
    splits = split(data, test=0.2)
    now, fits = [0.0], []

    def fitted(dataset: Dataset, x: np.ndarray, rows: np.ndarray, held: np.ndarray) -> np.ndarray:
        fits.append(len(rows))
        now[0] += len(rows) / 50
        return np.zeros(len(held))

    monkeypatch.setattr(each_task_module, "SAMPLE", 100)
    monkeypatch.setattr(each_task_module, "_linear", fitted)
    monkeypatch.setattr(each_task_module.time, "perf_counter", lambda: now[0])
    metric, said = metric_for(data.task.kind, "rmse"), np.zeros(len(splits.test))
    found = each_task(data, splits, metric, said, deadline=8.0)
    assert all(math.isnan(one.pooled) for one in found)
    assert fits[0] == math.ceil(len(splits.development) / (len(splits.development) // 100))
    assert max(fits[1:]) < 100
    now[0], fits = 0.0, []
    assert not any(math.isnan(one.pooled) for one in each_task(data, splits, metric, said, deadline=80.0))
    assert len(splits.development) in fits


def test_an_interval_is_that_of_students_t_over_rows_and_tasks() -> None:
    data = read(frame(), "y", task_column="school")
    splits = split(data, test=0.3)
    said = np.random.default_rng(0).normal(size=len(splits.test))
    found = each_task(data, splits, metric_for(data.task.kind, "rmse"), said)
    for one in found:
        inside = data.tasks[splits.test] == data.task_names.index(one.name)
        assert one.value == pytest.approx(math.sqrt(((data.y[splits.test] - said)[inside] ** 2).mean()))
        # Without the inputs' own model: gain = mse alone − mse of what was said.
        assert one.gain == pytest.approx(one.alone**2 - one.value**2)
        assert one.gain - one.low == pytest.approx(one.high - one.gain)


def test_what_the_verdicts_are() -> None:
    def score(gain: float, low: float, high: float) -> str:
        return TaskScore("a", 9, 9, 1.0, 1.0, 1.0, gain, low, high).verdict

    assert score(1.0, 0.5, 1.5) == "better"
    assert score(-1.0, -1.5, -0.5) == "worse"
    assert score(-1.0, -2.5, 0.5) == "no difference seen"
    assert score(math.nan, math.nan, math.nan) == "not compared"


@pytest.mark.parametrize("classes", [False, True])
def test_the_linear_rival_knows_the_task(classes: bool) -> None:
    data = read(frame(classes=classes), "y", task_column="school")
    rows = np.arange(200)
    rival = (Logistic if classes else Ridge)(data, rows, 0)
    rival.grow(200)
    assert rival.width == 3 + 4
    unseen = data.codes[:4].copy()
    unseen[:, -1] = np.nan
    assert not np.allclose(rival.predict(unseen), rival.predict(data.codes[:4]))


def test_texts_of_tasks_are_read_and_left_without_linear_rivals_of_their_own() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["good day to you all", "bad night for us here"])
    said = rng.integers(0, 2, 80)
    texts = [f"{words[k]} {rng.integers(100)} {rng.integers(100)}" for k in said]
    school = rng.integers(0, 2, 80)
    table = pd.DataFrame({"text": texts, "school": school, "y": np.where(said ^ school, "up", "down")})
    data = read(table, "y", task_column="school")
    rows = np.arange(60)
    with_tasks = TextLogistic(data, rows, 0)
    without = TextLogistic(read(table.drop(columns="school"), "y"), rows, 0)
    assert with_tasks.width == without.width + 2
    outcome = fit(
        data, trials=1, folds=2, progress=False, fix={"epochs": 2, "body": "bag", "sharing": "heads"}
    )
    assert outcome.tasks == ()
    assert {part.design.sharing for part in outcome.model.parts} == {"heads"}


def test_ablation_tells_what_sharing_is_worth() -> None:
    some = tuple(one for one in INGREDIENTS if one.of == "tasks")
    design = Design((8,), sharing="heads", lr=0.02, epochs=20, batch_size=32)
    found = ablate(
        design, read(frame(), "y", task_column="school"), ingredients=some, folds=3, repeats=1, seeds=1
    )
    worths = {one.name: one for one in found.worths}
    assert worths["sharing"].changes == (("sharing", "heads", "pooled"),)
    assert worths["heads"].changes == (("sharing", "heads", "input"),)
    assert worths["sharing"].worth.mean > 0
    plain, counts = frame().drop(columns="school"), {"folds": 2, "repeats": 1, "seeds": 1}
    without = ablate(Design((8,), epochs=2), plain, "y", ingredients=some, **counts)
    assert without.worths == ()


def test_the_command_line_names_the_column_and_a_run_resumes(tmp_path: Path) -> None:
    path, run = tmp_path / "table.csv", tmp_path / "run"
    frame(200).to_csv(path, index=False)
    words = ["fit", str(path), "--target", "y", "--task-column", "school", "--trials", "1", "--folds", "2"]
    main([*words, "--fix", "epochs=3", "--out", str(run)])
    with Journal.open(run) as journal:
        settings = Settings.from_header(journal.header)
    assert settings.origin.task_column == "school"
    assert "--task-column school" in settings.command
    first = load(run)
    for kept in ("model", "summary.json"):
        (run / kept).rename(tmp_path / kept)
    again = resume(run, progress=False)
    assert np.array_equal(again.model.predict(frame(200)), first.predict(frame(200)))


def test_what_contradicts_itself_is_refused() -> None:
    table = frame(60)
    with pytest.raises(ArgumentError, match="comes too late for a Dataset"):
        fit(read(table, "y"), task_column="school", trials=1, progress=False)
    with pytest.raises(SpaceError, match="no column says which task"):
        fit(table[["a", "b", "y"]], "y", trials=1, progress=False, space={"sharing": ["heads", "input"]})


def test_a_class_that_a_task_has_not_shown_is_not_impossible() -> None:
    table = frame(classes=True)
    table.loc[(table.school == "w") & (np.arange(len(table)) % 2 == 0), "y"] = "maybe"
    data = read(table, "y", task_column="school")
    splits = split(data, test=0.3)
    known = splits.development[data.y[splits.development] != data.task.classes.index("maybe")]
    unseen = replace(splits, development=known)
    uniform = np.full((len(splits.test), 3), 1 / 3)
    found = {one.name: one for one in each_task(data, unseen, metric_for("multiclass"), uniform)}
    assert -5 < -found["w"].alone < 0
    assert found["w"].verdict == "better"


@pytest.mark.parametrize("names", [list("nesw"), [7, 3, 5, 11]])
def test_what_is_asked_of_a_finished_run_reads_the_column_too(names: list[object], tmp_path: Path) -> None:
    table = frame()
    table["school"] = table.school.map(dict(zip("nesw", names, strict=True)))
    table.to_csv(tmp_path / "pupils.csv", index=False)
    run = tmp_path / "run"
    outcome = fit(tmp_path / "pupils.csv", "y", out=run, **USUAL)
    told = stress(outcome.model, table, "y", strengths=[0.3])
    codes = outcome.dataset.codes
    rmse = math.sqrt(((outcome.model.predict_codes(codes) - outcome.dataset.y) ** 2).mean())
    assert told.value == pytest.approx(rmse)
    assert main(["ablate", str(run), str(tmp_path / "pupils.csv"), "--folds", "2", "--seeds", "1"]) == 0
    said = outcome.model.predict_codes(codes)
    parts = slices(outcome.dataset, np.arange(len(codes)), said, metric_for("regression"))
    assert any("school" in part.columns for part in parts)


def test_one_task_beside_its_own_model_has_no_spread() -> None:
    one = TaskScore("a", 30, 9, 1.0, 1.0, 1.0, 0.1, 0.05, 0.2)
    lone = replace(one, name="b", alone=math.nan, gain=math.nan, low=math.nan, high=math.nan)
    *_, told = task_blocks((one, lone), metric_for("regression"))
    assert "Of 1 task(s) this model predicts 1 better and 0 worse" in told.text
    assert "mean task" not in told.text
    *_, two = task_blocks((one, one, lone), metric_for("regression"))
    assert "The mean task saves 0.100 (" in two.text
