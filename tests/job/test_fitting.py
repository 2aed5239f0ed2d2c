"""The main job: reproducible, honest, and clear about what it cannot do."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from comparing import decisions_of, same_curves, same_model
from tables import numbers, two_classes

from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.errors import ArgumentError, DataError, RunError, SpaceError
from profunda.fleet.history import Status
from profunda.job.fitting import fit, resume, rewrite_report
from profunda.metrics.score import metric_for
from profunda.model.saving import load

QUICK = {"progress": False, "report": False, "baselines": False, "fix": {"epochs": 9}}


def test_the_result_does_not_depend_on_the_workers(tmp_path: Path) -> None:
    one = fit(two_classes(), trials=12, workers=1, out=tmp_path / "one", **QUICK)
    two = fit(two_classes(), trials=12, workers=2, out=tmp_path / "two", **QUICK)
    assert same_model(tmp_path / "one", tmp_path / "two")
    assert decisions_of(tmp_path / "one") == decisions_of(tmp_path / "two")
    assert same_curves(one.search.history, two.search.history)


def test_another_seed_gives_another_result(tmp_path: Path) -> None:
    """Negative control of the test above."""
    fit(two_classes(), trials=6, out=tmp_path / "one", **QUICK)
    fit(two_classes(), trials=6, seed=1, out=tmp_path / "two", **QUICK)
    assert not same_model(tmp_path / "one", tmp_path / "two")


def test_a_run_in_memory_equals_a_run_on_disk(tmp_path: Path) -> None:
    data = two_classes()
    disk = fit(data, trials=8, out=tmp_path / "run", **QUICK)
    memory = fit(data, trials=8, **QUICK)
    assert memory.run is None
    codes = data.codes[:50]
    assert np.array_equal(disk.model.predict_codes(codes), memory.model.predict_codes(codes))


def test_an_equal_design_drawn_twice_is_trained_twice() -> None:
    data = two_classes()
    held = {"depth": 1, "width": 16, "activation": "relu", "initialisation": "he", "dropping": False}
    space = {**held, "lr": 0.01, "epochs": 4, "batch_size": 32}
    found = fit(data, trials=2, space={name: [value] for name, value in space.items()}, progress=False).search
    first, second = found.trials
    assert first.design == second.design
    assert first.value != second.value


def test_baselines_and_score_speak_of_the_same_rows(tmp_path: Path) -> None:
    outcome = fit(two_classes(400), trials=16, progress=False, out=tmp_path / "run")
    assert outcome.score is not None
    assert [b.name for b in outcome.baselines] == ["majority", "linear", "trees"]
    assert {b.score.rows for b in outcome.baselines if b.score} == {outcome.score.rows} == {80}
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert list(summary) == [
        "score", "interval", "metric", "baselines", "networks", "member_steps", "training_seconds",
        "networks_per_second", "seconds", "time_share", "sampler_share", "endings", "causes",
        "explanations", "engine", "instruction_set", "validation", "forecast", "attribution", "tasks",
        "members",
    ]  # fmt: skip
    assert summary["networks"] == 16 * 5
    stages = ["read", "baselines", "train", "search", "select", "refit", "score", "save", "report"]
    assert list(summary["time_share"]) == [t.stage for t in outcome.timings] == stages
    assert list(summary["seconds"]) == [*stages, "total"]
    assert sum(summary["time_share"].values()) == pytest.approx(1, abs=1e-3)
    assert summary["seconds"]["train"] == summary["training_seconds"] > 0
    speed = summary["networks"] / summary["training_seconds"]
    assert summary["networks_per_second"] == pytest.approx(speed, rel=0.05)
    assert sum(member["weight"] for member in summary["members"]) == pytest.approx(1)
    told = load(tmp_path / "run" / "model")
    rows = outcome.splits.test
    value = metric_for("binary").value(
        outcome.dataset.y[rows], told.predict_codes(outcome.dataset.codes[rows])
    )
    assert value == outcome.score.value


def test_numbers_beat_the_linear_model() -> None:
    outcome = fit(numbers(500), trials=20, progress=False, fix={"depth": 2})
    scores = {b.name: b.score.value for b in outcome.baselines if b.score}
    assert outcome.score is not None
    assert outcome.score.value < scores["linear"] < scores["mean"]


def test_test_rows_play_no_part(tmp_path: Path) -> None:
    """Other targets on the held-out rows change the score and nothing else."""
    from dataclasses import replace

    data = two_classes()
    first = fit(data, trials=5, out=tmp_path / "one", **QUICK)
    y = data.y.copy()
    y[first.splits.test] = 1 - y[first.splits.test]
    flipped = replace(data, y=y)
    second = fit(replace(flipped, test_rows=first.splits.test), trials=5, **QUICK)
    again = fit(replace(data, test_rows=first.splits.test), trials=5, **QUICK)
    assert np.array_equal(second.splits.test, first.splits.test)
    assert second.score != again.score
    codes = data.codes
    assert np.array_equal(second.model.predict_codes(codes), again.model.predict_codes(codes))


@pytest.mark.parametrize("select", ["greedy", "best", "one-standard-error"])
def test_every_rule_of_selection_gives_a_model(select: str) -> None:
    outcome = fit(two_classes(), trials=6, select=select, **QUICK)  # type: ignore[arg-type]
    assert sum(part.weight for part in outcome.model.parts) == pytest.approx(1)
    assert select == "greedy" or len(outcome.model.parts) == 1


@pytest.mark.parametrize("refit", ["folds", "retrain", "continue"])
def test_every_refit_predicts(refit: str) -> None:
    data = two_classes()
    outcome = fit(data, trials=4, refit=refit, select="best", **QUICK)  # type: ignore[arg-type]
    networks = outcome.model.parts[0].networks
    assert len(networks) == (1 if refit == "retrain" else 5)
    assert np.isfinite(outcome.model.predict_codes(data.codes)).all()


@pytest.mark.parametrize(("epochs", "folds"), [(600, None), (104, 1), (31, 1), (200, 5)])
def test_an_epoch_budget_is_kept(epochs: int, folds: int | None) -> None:
    words = {**QUICK, "fix": {"epochs": 20, "patience": 0}}
    outcome = fit(two_classes(), epochs=epochs, folds=folds, **words)
    trained = sum(curve.epochs for curve in outcome.search.history.curves)
    assert epochs / 4 <= trained <= epochs


def test_a_budget_below_one_design_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ArgumentError, match=r"epochs=40 does not pay for one design: 9 epochs on 5 fold\(s\) are 45"
    ):
        fit(two_classes(), epochs=40, out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_every_trial_says_why_it_ended() -> None:
    outcome = fit(two_classes(), trials=10, **QUICK)
    statuses = {trial.status for trial in outcome.search.trials}
    assert Status.RUNNING not in statuses
    assert Status.OUTCOMPETED in statuses
    assert all(status.advice for status in statuses)


def test_a_time_budget_is_kept() -> None:
    outcome = fit(two_classes(), seconds=6, progress=False, report=False)
    assert sum(timing.seconds for timing in outcome.timings) < 6 + 3


@pytest.mark.parametrize("sampler", ["quasi-random", "tpe"])
def test_other_samplers_resume_too(sampler: str, tmp_path: Path) -> None:
    outcome = fit(two_classes(), trials=8, sampler=sampler, out=tmp_path / "run", **QUICK)
    again = resume(tmp_path / "run", two_classes(), progress=False)
    assert again.search.trials[-1].params == outcome.search.trials[-1].params


def test_a_grid_ends_when_it_is_used_up() -> None:
    space = {"depth": [1], "width": [16], "lr": [0.01, 0.001], "epochs": [4], "batch_size": [32]}
    outcome = fit(two_classes(), trials=50, sampler="grid", space=space, progress=False, report=False)
    assert len(outcome.search.trials) == 2


def test_without_held_out_rows_there_is_no_score() -> None:
    outcome = fit(two_classes(), trials=3, test=0.0, **QUICK)
    assert outcome.score is None
    assert outcome.baselines == ()


def test_a_finished_run_rewrites_its_report(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(two_classes(), trials=4, out=run, progress=False, fix={"epochs": 6})
    (run / "report.html").unlink()
    assert rewrite_report(run).read_text(encoding="utf-8").startswith("<!")


def test_an_unfinished_run_has_no_report(tmp_path: Path) -> None:
    fit(two_classes(), trials=2, out=tmp_path / "run", **QUICK)
    with pytest.raises(RunError, match=r"has no report yet: .*profunda resume"):
        rewrite_report(tmp_path / "run")


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="nothing was overwritten"):
        fit(two_classes(), trials=2, out=tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("data", [two_classes(), numbers(200)], ids=["classes", "numbers"])
def test_rivals_once_fitted_are_kept_by_a_resume(data: Dataset, tmp_path: Path) -> None:
    words = QUICK | {"baselines": True}
    before = fit(data, seconds=6.0, out=tmp_path / "run", **words)
    assert len(before.baselines) == 3
    after = resume(tmp_path / "run", data, progress=False)
    assert after.baselines == before.baselines


def test_a_run_is_not_resumed_with_other_data(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    rows = [f"{i % 7},{(i * 31) % 11},{'yes' if i % 3 else 'no'}" for i in range(60)]
    file.write_text("a,b,target\n" + "\n".join(rows) + "\n")
    fit(file, "target", trials=2, out=tmp_path / "run", **QUICK)
    file.write_text("a,b,target\n" + "\n".join(rows[:-1]) + "\n")
    with pytest.raises(RunError, match=r"began with other data: .* fingerprint"):
        resume(tmp_path / "run", progress=False)


def test_data_in_memory_are_asked_for_again(tmp_path: Path) -> None:
    fit(two_classes(), trials=2, out=tmp_path / "run", **QUICK)
    with pytest.raises(
        RunError, match=re.escape("began with data in memory: call profunda.resume(run, data, target)")
    ):
        resume(tmp_path / "run")


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        ({"trials": 0}, ArgumentError, "budget trials=0 must be a positive number"),
        ({"trials": 2, "seconds": 3}, ArgumentError, "exactly one budget"),
        ({"trials": 2.5}, ArgumentError, "must be a whole number"),
        ({"seconds": float("nan")}, ArgumentError, "must be a positive number"),
        ({"trials": 2, "engine": "abacus"}, ArgumentError, "is unknown; choose one of auto, native, torch"),
        ({"trials": 2, "select": "worst"}, ArgumentError, "select='worst' is unknown"),
        ({"trials": 2, "refit": "never"}, ArgumentError, "refit='never' is unknown"),
        ({"trials": 2, "seed": -1}, ArgumentError, "seed=-1 must be a whole number"),
        ({"trials": 2, "metric": "rmse"}, ArgumentError, "'rmse' is not a metric of a binary task"),
        ({"trials": 2, "sampler": "tarot"}, ArgumentError, "no sampler 'tarot'"),
        ({"trials": 2, "fix": {"depht": 1}}, SpaceError, "depth"),
        ({"trials": 2, "test": float("nan")}, ArgumentError, "test"),
        ({"trials": 2, "workers": 0}, ArgumentError, "workers=0 must be a whole number"),
    ],
)
def test_wrong_words_are_told(words: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=re.escape(text)):
        fit(two_classes(), progress=False, **words)


def test_a_header_of_another_version_is_told(tmp_path: Path) -> None:
    from profunda.journal.record import Journal

    Journal.create(tmp_path / "run", {"kind": "fit"}).close()
    with pytest.raises(RunError, match="header cannot be understood"):
        resume(tmp_path / "run")


def test_a_search_of_an_objective_is_not_resumed_here(tmp_path: Path) -> None:
    from profunda.journal.record import Journal

    Journal.create(tmp_path / "run", {"kind": "objective"}).close()
    with pytest.raises(RunError, match="with the same out to go on"):
        resume(tmp_path / "run")


def test_all_networks_diverging_is_told() -> None:
    space = {
        "depth": [1],
        "width": [16],
        "lr": [1e12],
        "optimiser": ["sgd"],
        "epochs": [3],
        "batch_size": [32],
    }
    with pytest.raises(RunError, match="no network could be scored: all of them diverged"):
        fit(numbers(), trials=2, space=space, forecast=False, progress=False)


def test_a_rare_class_survives(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(120, 3))
    y = np.array(["a", "b"], object)[(x[:, 0] > 0).astype(int)]
    y[7] = "once"
    outcome = fit(read((x, y)), trials=3, **QUICK)
    assert outcome.model.task.classes == ("a", "b", "once")
    assert any(notice.code for notice in outcome.notices if "once" in notice.text)


def test_a_refused_call_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="workers=0"):
        fit(two_classes(), trials=2, workers=0, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_task_can_be_told() -> None:
    generator = np.random.default_rng(0)
    data = (generator.normal(size=(80, 3)), np.arange(80) % 5)
    assert fit(data, trials=2, task="regression", **QUICK).model.task.kind == "regression"
    assert fit(data, trials=2, task="classification", **QUICK).model.task.kind == "multiclass"


def test_almost_no_time_still_gives_a_model() -> None:
    outcome = fit(two_classes(), seconds=0.01, progress=False, report=False, baselines=False)
    assert outcome.score is not None
    assert any(curve.epochs == 1 for curve in outcome.search.history.curves)


def test_a_run_cut_off_at_once_replays_to_the_same_model(tmp_path: Path) -> None:
    first = fit(
        two_classes(), seconds=0.4, out=tmp_path / "run", progress=False, report=False, baselines=False
    )
    again = resume(tmp_path / "run", two_classes(), progress=False)
    codes = first.dataset.codes
    assert np.array_equal(first.model.predict_codes(codes), again.model.predict_codes(codes))
    assert same_curves(first.search.history, again.search.history)


def test_continuing_needs_no_memory_of_this_process(tmp_path: Path) -> None:
    """What a run keeps on disk is enough for every refit."""
    data, words = two_classes(), {**QUICK, "fix": {"epochs": 20, "patience": 5}, "select": "best"}
    disk = fit(data, trials=4, refit="continue", out=tmp_path / "run", **words)
    memory = fit(data, trials=4, refit="continue", **words)
    assert np.array_equal(disk.model.predict_codes(data.codes), memory.model.predict_codes(data.codes))


def test_a_refit_that_diverges_leaves_the_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    from profunda.job import refitting

    train = refitting.Trainer.train

    def diverge(*words: object) -> object:
        from dataclasses import replace

        state = train(*words)  # type: ignore[arg-type]
        return replace(state, params=state.params * np.nan)

    monkeypatch.setattr(refitting.Trainer, "train", diverge)
    outcome = fit(two_classes(), trials=3, refit="retrain", select="best", **QUICK)
    assert len(outcome.model.parts[0].networks) == 5
    assert outcome.score is not None
    assert np.isfinite(outcome.score.value)


def test_a_metric_without_a_value_on_a_fold_is_told_before_training() -> None:
    from dataclasses import replace

    data = two_classes()
    groups = data.y * 100 + np.arange(data.n_rows) % 3  # every group is of one class
    with pytest.raises(DataError, match=r"auc has no value on the validation rows of fold \d"):
        fit(replace(data, groups=groups), trials=2, metric="auc", folds=5, test=0.0, **QUICK)


def test_what_tasks_share_is_refused_without_a_column_before_there_is_a_run(tmp_path: Path) -> None:
    run, told = tmp_path / "run", {"progress": False, "out": tmp_path / "run"}
    with pytest.raises(SpaceError, match=r"'heads' gives each task a head of its own, but no column says"):
        fit(two_classes(), trials=2, space={"sharing": ["input", "heads"], "epochs": 2}, **told)
    for name, value in (("sharing", "pooled"), ("head_l2", 0.1)):
        wanted = rf"{name} is about what tasks share, but no column .* \(task_column, --task-column\)"
        with pytest.raises(SpaceError, match=wanted):
            fit(two_classes(), trials=2, fix={name: value}, **told)
    with pytest.raises(SpaceError, match="no parameter 'shared'"):
        fit(two_classes(), trials=2, fix={"shared": "pooled"}, **told)
    assert not run.exists()


def test_a_card_beside_the_model_survives_a_resume(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(two_classes(), trials=2, out=run, **QUICK)
    (run / "model" / "README.md").write_text("my card")
    resume(run, two_classes(), progress=False)
    assert (run / "model" / "README.md").read_text() == "my card"
    assert {path.name for path in run.iterdir() if path.name.startswith("model")} == {"model"}


def test_a_link_in_the_models_place_is_refused(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    fit(two_classes(), trials=2, out=run, **QUICK)
    (run / "model").rename(other)
    (run / "model").symlink_to(other)
    with pytest.raises(RunError, match="is a link or a file where the run keeps its model"):
        resume(run, two_classes(), progress=False)
    assert (other / "model.json").exists()


def test_a_model_is_there_whenever_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from profunda.model.model import Model

    run = tmp_path / "run"
    fit(two_classes(), trials=2, out=run, **QUICK)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        resume(run, two_classes(), progress=False)
    assert load(run / "model").task.kind == "binary"


def test_lost_weights_are_told(tmp_path: Path) -> None:
    run = tmp_path / "run"
    fit(two_classes(), trials=3, out=run, **QUICK)
    next((run / "arrays").glob("ended-*")).unlink()
    with pytest.raises(RunError, match="is missing, though the journal speaks of it"):
        resume(run, two_classes(), progress=False)


def test_what_a_kill_at_the_very_start_leaves_is_no_obstacle(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "journal.lock").write_text("1\n")
    assert fit(two_classes(), trials=2, out=run, **QUICK).score is not None
