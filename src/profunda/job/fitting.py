"""The main job: read → split → search → select → score → report."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from profunda._version import __version__
from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.data.splits import Splits, leaks, split
from profunda.errors import ArgumentError, Notice, RunError
from profunda.job.baselines import fit_baselines, score_on
from profunda.job.choosing import Choice, Rule, choose, target_range
from profunda.job.outcome import Outcome, Timing
from profunda.job.refitting import Refit, parts_of
from profunda.job.settings import Settings, source_text
from profunda.journal.durable import write_durably
from profunda.journal.record import Journal, kind_of
from profunda.metrics.score import Metric, all_scores, metric_for
from profunda.model.model import Model
from profunda.model.parts import Part, Provenance
from profunda.model.score import Baseline, Score
from profunda.reporting.document import Document
from profunda.reporting.reports import model_document
from profunda.reporting.story import run_document
from profunda.reporting.summary import summary
from profunda.space.space import Space
from profunda.space.table import table_space
from profunda.training.sources import Prepared, prepare
from profunda.tuning.budget import Budget
from profunda.tuning.fleet_search import Contest, Found, search_fleet
from profunda.tuning.ledger import Ledger
from profunda.tuning.progress import Display, Meter

__all__ = ["fit", "resume", "rewrite_report"]

SECONDS = 60.0  # the budget when none is given
BASELINE_SHARE = 0.15  # of a budget in seconds, for all baselines together
CLOSING_SECONDS = 2.0  # kept back from a budget in seconds for selection, score and report
CLOSING_SHARE = 0.05  # the same, for long budgets: more candidates, more rows
SKEWED = 2.0  # skewness of a target beyond which the space leans towards the Huber loss
LIBRARIES = ("torch", "numpy", "scikit-learn")  # whose versions a Model remembers
ENCODINGS = ("robust", "quantile", "piecewise")


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
    sampler: str = "random",
    select: Rule = "greedy",
    refit: Refit = "folds",
    folds: int | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    baselines: bool = True,
    report: bool = True,
    progress: bool = True,
    test: float = 0.2,
) -> Outcome:
    """Find the best regularised network for a table, and say honestly how good it is.

    `data` and `target` are what `profunda.read` takes, or `data` is a Dataset. The budget is one of `seconds`
    (60 unless another is given; it covers baselines, refit and report), `trials` (drawn designs) and `epochs`
    (of single networks); trials and epochs make the run reproducible. `metric` is what is optimised, `space`
    what is searched (by default one made for the table), `fix` narrows some of its domains. `folds` and
    `test` are as in `split`; with `test=0` there is no score. `select` is how the Model is made of the
    candidates ("greedy", "best", "one-standard-error"), `refit` its last training ("folds", "retrain",
    "continue").
    `workers` are threads; the result does not depend on them. With `out`, a folder that must not exist,
    the run can be resumed after any interruption, and the Model, `report.html` and `summary.json` are kept
    there.

    Raises:
        ArgumentError, SpaceError: the call contradicts itself. DataError: the data cannot be used.
        RunError: the folder exists, or no network could be trained.
    """
    started = time.perf_counter()
    budget = _budget(seconds, trials, epochs)
    if out is not None and Path(out).exists() and (not Path(out).is_dir() or any(Path(out).iterdir())):
        raise RunError(
            f"{out} exists already; nothing was overwritten. Choose another folder, or resume that run."
        )
    dataset = data if isinstance(data, Dataset) else read(data, target)
    settings = Settings(
        source="" if isinstance(data, Dataset) else source_text(data),
        target=target if isinstance(target, str) else "",
        fingerprint=dataset.fingerprint,
        metric=metric_for(dataset.task.kind, metric).name,
        space=_space(dataset, space, fix, test, seed).to_json(),
        narrowed=tuple(f"{name}={value}" for name, value in (fix or {}).items()),
        sampler=sampler,
        budget=budget,
        engine=engine,
        select=select,
        refit=refit,
        folds=folds,
        test=test,
        seed=seed,
        baselines=baselines,
        report=report,
    )
    splits = split(dataset, test=test, folds=folds, seed=seed)
    if out is None:
        return _Job(settings, dataset, splits, None, workers, progress, started).run()
    with Journal.create(out, settings.header()) as journal:
        return _Job(settings, dataset, splits, journal, workers, progress, started).run()


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
        RunError: there is no such run, it is damaged, another process writes it, or the data have changed.
    """
    started = time.perf_counter()
    if kind_of(run) != "fit":
        raise RunError(
            f"{run} is a search of your own objective: call profunda.search with the same out to go on."
        )
    with Journal.open(run) as journal:
        settings = Settings.from_header(journal.header)
        if data is None and not settings.source:
            raise RunError(
                f"{run} began with data in memory: call profunda.resume(run, data, target) with the same."
            )
        if data is None:
            data, target = settings.source, settings.target or None
        dataset = data if isinstance(data, Dataset) else read(data, target)
        settings.check(dataset)
        splits = split(dataset, test=settings.test, folds=settings.folds, seed=settings.seed)
        return _Job(settings, dataset, splits, journal, workers, progress, started).run()


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


class _Job:
    """One run, from a Dataset to an Outcome."""

    def __init__(
        self,
        settings: Settings,
        dataset: Dataset,
        splits: Splits,
        journal: Journal | None,
        workers: int | None,
        progress: bool,
        started: float,
    ) -> None:
        self.settings, self.dataset, self.splits, self.journal = settings, dataset, splits, journal
        self.metric: Metric = settings.metric_of(dataset)
        self.workers = _workers(workers)
        self.meter, self.progress = Meter(), progress
        self.ledger = Ledger(journal)
        self.timings = [Timing("read", time.perf_counter() - started)]  # and what was split
        self.end = None
        if settings.budget.seconds is not None:
            self.end = started + settings.budget.seconds - self.ledger.elapsed
            self.meter.deadline = self.end

    def run(self) -> Outcome:
        """Baselines, search, selection, score, and what is kept of them."""
        with Display(self.meter, self.progress):
            baselines = self._baselines()
            sources, found = self._search()
            if found.interrupted and not found.candidates:
                raise KeyboardInterrupt  # nothing to choose from yet; what was trained is on record
            self.meter.stage = "choosing"
            with self._stage("select"):
                choice = choose(found.candidates, sources, self.metric, self.settings.select)
                parts = parts_of(choice, sources, self.splits, self.settings.refit, self.settings.engine)
                model, score, scores, prediction = self._model(choice, parts, sources)
            outcome = Outcome(
                run=None if self.journal is None else self.journal.folder,
                dataset=self.dataset,
                splits=self.splits,
                search=found.result,
                model=model,
                score=score,
                scores=scores,
                baselines=baselines,
                timings=tuple(self.timings),
                engine=self.settings.engine if self.settings.engine != "auto" else "torch",
                notices=tuple(dict.fromkeys(self._notices(found))),
                seed=self.settings.seed,
                interrupted=found.interrupted,
            )
            if self.journal is not None:
                self.meter.stage = "writing"
                self._write(self.journal.folder, outcome, prediction)
            return outcome

    def _baselines(self) -> tuple[Baseline, ...]:
        if not self.settings.baselines or not len(self.splits.test):
            return ()
        self.meter.stage = "fitting the baselines"
        allowance = (
            None if self.settings.budget.seconds is None else BASELINE_SHARE * self.settings.budget.seconds
        )
        with self._stage("baselines"):
            return fit_baselines(
                self.dataset, self.splits, self.metric, seconds=allowance, seed=self.settings.seed
            )

    def _search(self) -> tuple[Prepared, Found]:
        contest = Contest(
            self.settings.searched,
            self.settings.sampler,
            self.metric,
            self.settings.budget,
            self.settings.engine,
            self.settings.seed,
        )
        deadline = self.end
        if deadline is not None and self.settings.budget.seconds is not None:
            deadline -= max(CLOSING_SECONDS, CLOSING_SHARE * self.settings.budget.seconds)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # one thread a pack: sums then have one order, and packs run side by side
        try:
            with self._stage("search"):
                sources, data = prepare(self.dataset, self.splits.folds, ENCODINGS)
                found = search_fleet(
                    contest,
                    sources,
                    data,
                    ledger=self.ledger,
                    workers=self.workers,
                    deadline=deadline,
                    meter=self.meter,
                )
        finally:
            torch.set_num_threads(threads)
        return sources, found

    def _model(
        self, choice: Choice, parts: tuple[Part, ...], sources: Prepared
    ) -> tuple[Model, Score | None, tuple[tuple[str, float], ...], np.ndarray | None]:
        """The Model, and its score on the rows that no choice has seen."""
        provenance = Provenance(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=(("profunda", __version__), *((name, version(name)) for name in LIBRARIES)),
            seed=self.settings.seed,
            metric=self.metric.name,
            fingerprint=self.dataset.fingerprint,
            source=self.dataset.source,
            rows=len(self.splits.development),
            select=self.settings.select,
            refit=self.settings.refit,
        )
        task, clamp = self.dataset.task, target_range(sources)
        model = Model(task, self.dataset.schema, parts, provenance, choice.temperature, clamp)
        rows = self.splits.test
        if not len(rows):
            return model, None, (), None
        prediction = model.predict_codes(self.dataset.codes[rows])
        y = self.dataset.y[rows]
        score = score_on(self.metric, y, prediction, self.settings.seed)
        model = replace(model, provenance=replace(provenance, score=score))
        return model, score, all_scores(task.kind, y, prediction), prediction

    def _write(self, run: Path, outcome: Outcome, prediction: np.ndarray | None) -> None:
        """Keep the Model, the summary and the report; each appears whole or not at all."""
        model = run / "model"
        # A model that an interrupted session of this very run left behind gives way to the final one.
        shutil.rmtree(model, ignore_errors=True)
        outcome.model.save(model)
        if self.settings.report:
            with self._stage("report"):
                document = self._document(outcome, prediction)
                document.json(run / "report.json")
                document.html(run / "report.html")
        told = summary(replace(outcome, timings=tuple(self.timings)))
        write_durably(run / "summary.json", (json.dumps(told, indent=1) + "\n").encode())

    def _document(self, outcome: Outcome, prediction: np.ndarray | None) -> Document:
        if outcome.score is None:  # no row was held out: there is nothing to compare
            return model_document(outcome.model)
        return run_document(
            dataset=outcome.dataset,
            splits=outcome.splits,
            search=outcome.search,
            model=outcome.model,
            score=outcome.score,
            scores=outcome.scores,
            baselines=outcome.baselines,
            timings=outcome.timings,
            engine=outcome.engine,
            notices=outcome.notices,
            seed=outcome.seed,
            command=self.settings.command,
            run=outcome.run or Path(),
            held_y=self.dataset.y[self.splits.test],
            held_prediction=prediction,
        )

    def _notices(self, found: Found) -> Iterator[Notice]:
        yield from self.dataset.notices
        yield from leaks(self.dataset, self.splits)
        if found.interrupted:
            yield Notice(
                "interrupted",
                "The search was interrupted: this is the best model so far. Resume the run to go on.",
            )
        if self.journal is not None:
            yield from self.journal.notices

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings.append(Timing(name, time.perf_counter() - started))


def _budget(seconds: float | None, trials: int | None, epochs: int | None) -> Budget:
    if seconds is None and trials is None and epochs is None:
        seconds = SECONDS
    return Budget(trials=trials, epochs=epochs, seconds=seconds)


def _workers(workers: int | None) -> int:
    if workers is None:
        return torch.get_num_threads()
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ArgumentError(f"workers={workers!r} must be a whole number of at least 1.")
    return workers


def _space(
    dataset: Dataset,
    space: Space | Mapping[str, object] | None,
    fix: Mapping[str, object] | None,
    test: float,
    seed: int,
) -> Space:
    """The space that is searched: the user's, or one made for the table's size, narrowed as the user says."""
    if space is None:
        rows = int(dataset.n_rows * (1 - test) * 0.8)
        task = dataset.task
        some = np.arange(min(dataset.n_rows, 1000))
        fitted = fit_preprocessing(dataset.codes, dataset.y, some, dataset.schema, "robust", task)
        skewed = task.kind == "regression" and abs(_skewness(dataset.y)) > SKEWED
        found = table_space(task.kind, rows, fitted.D, task.n_outputs, skewed=skewed)
    else:
        found = Space.from_user(space)
    for name, value in (fix or {}).items():
        found = found.fix(name, value)
    return found


def _skewness(y: np.ndarray) -> float:
    """The third standardised moment."""
    spread = y.std()
    return float((((y - y.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0
