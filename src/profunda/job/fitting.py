"""The main job: read → split → search → select → score → report."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from profunda.data.dataset import Dataset
from profunda.data.labels import TaskChoice
from profunda.data.layout import lay_out
from profunda.data.splits import Splits, split
from profunda.diagnosis.label_breaking import LabelBreaking
from profunda.errors import ArgumentError, RunError, SpaceError
from profunda.fleet.plan import check_engine
from profunda.fleet.speed import speeds_here
from profunda.fleet.threads import usable_cores
from profunda.job.augmentations import keeping_labels, refusals
from profunda.job.choosing import Rule
from profunda.job.earlier import Earlier, earlier_run
from profunda.job.judging import check_measurable
from profunda.job.nested import check_nestable
from profunda.job.origin import Origin
from profunda.job.outcome import Outcome
from profunda.job.refitting import Refit
from profunda.job.settings import Settings, Validation
from profunda.job.spaces import default_space
from profunda.job.whole import Course
from profunda.journal.record import Journal, check_empty, kind_of
from profunda.metrics.score import metric_for
from profunda.reporting.document import Document
from profunda.space.design import DOMAINS, Design
from profunda.space.sharing import sharing
from profunda.space.space import Space
from profunda.space.table import design_from
from profunda.tuning.budget import Budget
from profunda.tuning.limits import Limits
from profunda.tuning.prospect import forecast_params, longest_epochs
from profunda.tuning.rungs import Fidelity
from profunda.tuning.terminators import Stopping

__all__ = ["fit", "resume", "rewrite_report"]

SECONDS = 60.0  # the budget when none is given
TEST_SHARE = 0.2  # of the rows, held out for the score


def fit(
    data: object,
    target: object = None,
    *,
    seconds: float | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    metric: str | None = None,
    space: Space | Mapping[str, object] | None = None,
    fix: Mapping[str, object] | None = None,
    engine: str = "auto",
    workers: int | None = None,
    sampler: str = "batch",
    fidelity: Fidelity = "halving",
    patience: int | None = None,
    min_delta: float = 0.0,
    regret: float | Literal["noise"] | None = None,
    max_parameters: int | None = None,
    max_latency: float | None = None,
    forecast: bool = True,
    warm_start: str | os.PathLike[str] | None = None,
    select: Rule = "greedy",
    refit: Refit = "folds",
    folds: int | None = None,
    validation: Validation = "holdout",
    ablate: bool = False,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    baselines: bool = True,
    report: bool = True,
    progress: bool = True,
    test: float = TEST_SHARE,
    task: TaskChoice | None = None,
    task_column: str | None = None,
) -> Outcome:
    """Find the best regularised network for a table, and say honestly how good it is.

    Args:
        data: What `profunda.read` takes (a path, ``"bundled:NAME"``, a frame, an array, a pair) or a Dataset.
        target: The target's name, or its values [N]; not needed where the data bring their own. Several
            targets are a list of names, "a,b,c", or values [N, C]: each of two classes, or each a number.
        seconds: Budget on the clock; covers baselines, refit and report. 60 where no budget is given.
        trials: Budget in drawn designs instead; the same seed then gives the same result, see there.
        epochs: Budget in epochs of single networks instead; reproducible as well.
        metric: What is optimised; the log-loss for classes and labels, the root mean squared error for a
            number, the average relative one for several.
        space: What is searched: a `Space` or a mapping; by default one made for the table.
        fix: Names of the space, each with the value (or its text) that it is held at: ``{"depth": 1}``.
        engine: "auto" trains each shape of network on the engine that is quicker there on this machine;
            "native" or "torch" name one.
        workers: Threads that train at the same time; the result does not depend on them.
        sampler: "batch" learns from each bracket where the next one should look; "tpe" and "gp" are Optuna's;
            "random", "quasi-random" and "grid" do not learn.
        fidelity: How epochs are spent: "halving" drops two thirds of a bracket at each rung; "hyperband" adds
            more cautious brackets, for designs that learn slowly; "one-epoch" trains the best three after an
            epoch; "full" trains all to the end.
        patience: Stop before the budget is spent, after so many trials without a gain in the best value.
        min_delta: The least gain that counts.
        regret: Stop once, by a bound of a Gaussian process, at most so much is left to be gained; "noise":
            less than the standard error of the best design over folds.
        max_parameters: No network with more parameters is trained.
        max_latency: Nor one that needs more milliseconds to predict 1,000 rows on one thread, as forecast.
        forecast: Leave out designs that by theory cannot train; the report counts them, and tells how the
            forecast of the others turned out. Neither a grid nor the designs of `warm_start` are asked.
        warm_start: A run's folder whose ten best designs are trained first. Where data and metric are the
            same, a sampler that learns knows its results too.
        select: How the candidates make the Model: "greedy", "best" or "one-standard-error".
        refit: Their last training: "folds" (none), "retrain" or "continue".
        folds: Folds of the cross-validation; by default 5, 3 or 1 by the number of rows.
        validation: "holdout" tells the score on held-out rows; "nested" by five outer folds, each a whole
            search that never saw it: every row judges, at six times the trials or a sixth of the time each.
        ablate: Whether a fleet around the best design tells in the report what each of its ingredients is
            worth; up to a quarter of a budget in seconds, minutes with another.
        out: A folder that does not exist. The run can then be resumed after any interruption, and the
            Model, `report.html` and `summary.json` are kept there.
        seed: Of every random choice. With a budget in trials or epochs the same seed gives the same Model on
            one machine; on another the `engine` must be named, and its instruction set and torch build be the
            same.
        baselines: Whether a constant, a linear model and boosted trees are scored beside the Model.
        report: Whether the report is written into `out`.
        progress: Whether progress is shown on standard error.
        test: Share of the rows held out for the score; 0 for none, and then there is no score.
        task: "classification" or "regression", where the target's values leave it open.
        task_column: The column that says which of several tasks a row belongs to, such as its school. What
            they share is searched too; splits keep every task in its share, and the report says what sharing
            did to each.

    Returns:
        The `Outcome`: `model`, `score`, `baselines`, `search` and the notices.

    Raises:
        ArgumentError: the call contradicts itself, or asks for an engine that cannot train here.
        SpaceError: the space, or what is fixed in it, contradicts itself, or reads what the inputs are not.
        DataError: the data cannot be used.
        RunError: the folder exists, or no network could be trained.
    """
    started = time.perf_counter()
    budget = _budget(seconds, trials, epochs)
    if out is not None:
        check_empty(Path(out))  # before the work, not after it
    check_engine(engine)
    threads = _workers(workers)
    origin = Origin.of(data, target, task, budget.seconds, task_column)
    dataset = origin.read(data, target)
    if validation == "nested":
        check_nestable(dataset, test, TEST_SHARE)
        test = 0.0
    splits = split(dataset, test=test, folds=folds, seed=seed)
    keeping = keeping_labels(dataset, splits)
    searched = _space(dataset, splits, space, fix, keeping)
    scored = metric_for(dataset.task.kind, metric)
    earlier = Earlier()
    if warm_start is not None:
        earlier = earlier_run(warm_start, searched, dataset, scored, (seed, test))
    settings = Settings(
        origin=origin,
        fingerprint=dataset.fingerprint,
        metric=scored.name,
        space=searched.to_json(),
        own_space=space is not None,
        narrowed=tuple(f"{name}={value}" for name, value in (fix or {}).items()),
        sampler=sampler,
        fidelity=fidelity,
        stopping=Stopping(patience, min_delta, regret),
        limits=Limits(max_parameters, max_latency),
        forecast=forecast,
        warm_start="" if warm_start is None else os.path.abspath(warm_start),
        given=earlier.given,
        known=earlier.known,
        budget=budget,
        engine=engine,
        speeds=speeds_here(engine),
        select=select,
        refit=refit,
        folds=folds,
        test=test,
        validation=validation,
        ablate=ablate,
        seed=seed,
        baselines=baselines,
        report=report,
    )
    check_measurable(settings.metric_of(dataset), dataset, splits)
    designs = [design_from(params) for params in forecast_params(searched, seed)]
    _check_reading(designs, dataset)
    _check_epochs(settings, designs, len(splits.folds))
    told = (*earlier.notices, *refusals(keeping, searched))
    course = Course(settings, dataset, threads, progress, started, told)
    if out is None:
        return course.run(None)
    with Journal.create(out, settings.header()) as journal:
        return course.run(journal)


def resume(
    run: str | os.PathLike[str],
    data: object = None,
    target: object = None,
    *,
    workers: int | None = None,
    progress: bool = True,
) -> Outcome:
    """Go on with a run where it stood, to the result that it would have had without the interruption.

    `data` (and `target`) are needed only where the run began with data in memory.

    Raises:
        RunError: there is no such run, it is damaged, another process writes it, the data have changed, or
            it began with the native engine, which is not here.
    """
    started, threads = time.perf_counter(), _workers(workers)
    if kind_of(run) != "fit":
        raise RunError(
            f"{run} is a search of your own objective: call profunda.search with the same out to go on."
        )
    with Journal.open(run) as journal:
        settings = Settings.from_header(journal.header)
        told = settings.check_machine()
        if data is None and not settings.origin.source:
            raise RunError(
                f"{run} began with data in memory: call profunda.resume(run, data, target) with the same."
            )
        dataset = settings.origin.read(data, target)
        settings.check(dataset)
        splits = split(dataset, test=settings.test, folds=settings.folds, seed=settings.seed)
        told = (*told, *refusals(keeping_labels(dataset, splits), settings.searched))
        return Course(settings, dataset, threads, progress, started, told).run(journal)


def rewrite_report(run: str | os.PathLike[str]) -> Path:
    """Write a finished run's `report.html` anew from its `report.json`; returns its path.

    Raises:
        RunError: the run has no report yet.
    """
    kind_of(run)
    told = Path(run) / "report.json"
    if not told.exists():
        raise RunError(f"{run} has no report yet: it was not finished. Go on with it:  profunda resume {run}")
    return Document.from_json(told.read_text(encoding="utf-8")).html(Path(run) / "report.html")


def _budget(seconds: float | None, trials: int | None, epochs: int | None) -> Budget:
    if seconds is None and trials is None and epochs is None:
        seconds = SECONDS
    return Budget(trials=trials, epochs=epochs, seconds=seconds)


def _check_reading(designs: Sequence[Design], dataset: Dataset) -> None:
    """Refuse, before there is a run, a space whose designs cannot read the inputs."""
    inputs = {
        name: lay_out(dataset.schema, name, "onehot").entering for name in {d.encoding for d in designs}
    }
    for design in designs:
        design.body_on(inputs[design.encoding])
        design.heads_on(inputs[design.encoding])


def _check_epochs(settings: Settings, designs: Sequence[Design], folds: int) -> None:
    """Refuse a budget of epochs that does not pay for one trial."""
    if settings.budget.epochs is None:
        return
    longest = longest_epochs(designs)
    if settings.budget.epochs < longest * folds:
        raise ArgumentError(
            f"the budget epochs={settings.budget.epochs} does not pay for one design: {longest} epochs on "
            f"{folds} fold(s) are {longest * folds}. Give more, or hold fewer epochs: fix={{'epochs': …}}."
        )


def _space(
    dataset: Dataset,
    splits: Splits,
    space: Space | Mapping[str, object] | None,
    fix: Mapping[str, object] | None,
    keeping: LabelBreaking | None,
) -> Space:
    """The space that is searched: the user's, or the table's default, narrowed as the user says."""
    found = default_space(dataset, splits, keeping) if space is None else Space.from_user(space)
    for name, value in (fix or {}).items():
        if name in sharing() and name not in found.names and not dataset.task_names:
            raise SpaceError(
                f"{name} is about what tasks share, but no column says which task a row belongs to. Name it "
                f"(task_column, --task-column), or leave {name} out."
            )
        # The default space has a few strengths of many things; the user may want any other.
        found = found.fix(name, value, within=DOMAINS.get(name) if space is None else None)
    return found


def _workers(workers: int | None) -> int:
    if workers is None:
        return usable_cores()
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ArgumentError(f"workers={workers!r} must be a whole number of at least 1.")
    return workers
