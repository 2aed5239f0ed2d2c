"""The course of a run, from a Dataset to an Outcome: baselines, search, selection, score, what is kept."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import numpy as np

from profunda._version import __version__
from profunda.data.dataset import Dataset
from profunda.data.layout import Encoding
from profunda.data.splits import Splits, leaks
from profunda.errors import Notice
from profunda.fleet.threads import one_thread
from profunda.job.baselines import baseline_from_plain, fit_baselines
from profunda.job.choosing import Choice, choose
from profunda.job.each_task import each_task, task_notices
from profunda.job.engines import engine_notices, engine_reason
from profunda.job.judging import Judgement, judge_model, judged_by
from profunda.job.keeping import check_place, keep_model
from profunda.job.nested import Estimate, pooled_splits
from profunda.job.outcome import Outcome, Timing
from profunda.job.refitting import Trainer, parts_of
from profunda.job.settings import Settings
from profunda.journal.durable import write_durably
from profunda.journal.record import Journal
from profunda.metrics.score import Metric
from profunda.model.model import Model
from profunda.model.parts import Part, Provenance
from profunda.model.score import Baseline
from profunda.reporting.document import Document
from profunda.reporting.record import RECORD_FILE, Record, record_of
from profunda.reporting.reports import model_document
from profunda.reporting.story import run_document
from profunda.reporting.summary import summary
from profunda.training.sources import Prepared, prepare
from profunda.tuning.ablation import Attribution, attribution_of, champion_of
from profunda.tuning.fleet_search import Contest, Found, search_fleet
from profunda.tuning.foresight import concern_words
from profunda.tuning.ledger import Ledger
from profunda.tuning.progress import Display, Meter
from profunda.tuning.result import SearchResult

__all__ = ["Job"]

BASELINE_SHARE = 0.15  # of a budget in seconds, for all baselines together
ABLATION_SHARE = 0.25  # of a budget in seconds, where the champion is to be taken apart
CLOSING_SECONDS = 0.6  # kept back from a budget in seconds for selection and score
REPORT_SECONDS = 1.6  # and for the report
OPTIMISM_SECONDS = 0.3  # of them for resampling the choice, which is told and decides nothing
CLOSING_SHARE = 0.05  # of long budgets: more candidates, more rows
LIBRARIES = ("torch", "numpy", "scikit-learn")  # whose versions a Model remembers
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)


class Job:
    """One run, from a Dataset to an Outcome.

    `estimate` is what a nested validation said of the score; `seconds` this search's part of a budget in
    seconds, where others share it.
    """

    def __init__(
        self,
        settings: Settings,
        dataset: Dataset,
        splits: Splits,
        journal: Journal | None,
        workers: int,
        progress: bool,
        started: float,
        told: tuple[Notice, ...] = (),
        estimate: Estimate | None = None,
        seconds: float | None = None,
    ) -> None:
        self.settings, self.dataset, self.splits, self.journal = settings, dataset, splits, journal
        self.metric: Metric = settings.metric_of(dataset)
        self.workers, self.told, self.estimate = workers, told, estimate
        self.trainer = Trainer(settings.engine, settings.speeds)
        self.meter, self.progress = Meter(), progress
        self.ledger = Ledger(journal)
        before = self.ledger.elapsed
        self.timings = [Timing("earlier calls", before)] if journal is not None and journal.records() else []
        self.timings.append(Timing("read", time.perf_counter() - started))  # and what was split
        self.end = None
        self.seconds = settings.budget.seconds if seconds is None else seconds
        if self.seconds is not None:
            self.end = started + self.seconds - before
            self.meter.deadline = self.end

    def run(self) -> Outcome:
        """Baselines, search, selection, score, and what is kept of them."""
        if self.journal is not None:
            check_place(self.journal.folder)
        with Display(self.meter, self.progress):
            baselines = self._baselines()
            with one_thread():
                sources, found = self._search()
                if found.interrupted and not found.candidates:
                    raise KeyboardInterrupt  # nothing to choose from yet; what was trained is on record
                choice = self._choose(sources, found)
                judged = self._judge(sources, choice)
                attribution = self._attribution(judged.model) if self.settings.ablate else None
            outcome = self._outcome(found, choice, judged, baselines)
            outcome = self._with_tasks(replace(outcome, attribution=attribution), judged)
            if self.journal is not None:
                self.meter.stage = "writing"
                outcome = self._write(self.journal.folder, outcome, judged.prediction)
            return outcome

    def _choose(self, sources: Prepared, found: Found) -> Choice:
        self.meter.stage = "choosing"
        with self._stage("select"):
            rule, seed = self.settings.select, self.settings.seed
            seconds = None if self.end is None else OPTIMISM_SECONDS
            return choose(found.candidates, sources, self.metric, rule, seed, seconds)

    def _judge(self, sources: Prepared, choice: Choice) -> Judgement:
        with self._stage("refit"):
            parts = parts_of(choice, sources, self.splits, self.settings.refit, self.trainer)
        with self._stage("score"):
            model, single = self._models(choice, parts, sources)
            if self.estimate is not None:
                return judged_by(self.estimate, model)
            return judge_model(model, single, self.dataset, self.splits, self.metric, self.settings.seed)

    def _with_tasks(self, outcome: Outcome, judged: Judgement) -> Outcome:
        """With what held-out rows say task by task, where there are tasks and rivals are wanted."""
        told = self.settings.baselines and self.dataset.tasks is not None
        if judged.prediction is None or self.estimate is not None or not told:
            return outcome
        deadline = None if self.end is None else self.end - self._closing / 2
        with self._stage("tasks"), one_thread():
            tasks = each_task(self.dataset, self.splits, self.metric, judged.prediction, deadline)
        notices = (*outcome.notices, *task_notices(tasks))
        return replace(outcome, tasks=tasks, notices=notices, timings=tuple(self.timings))

    def _attribution(self, model: Model) -> Attribution | None:
        """What the ingredients of the heaviest design are worth, on the rows of the search alone."""
        self.meter.stage = "taking the champion apart"
        with self._stage("ablate"):
            return attribution_of(
                champion_of(model),
                self.dataset,
                self.splits.development,
                self.metric,
                seconds=None if self.end is None else self.end - time.perf_counter() - self._closing,
                engine=self.settings.engine,
                speeds=self.settings.speeds,
                workers=self.workers,
                seed=self.settings.seed,
            )

    @property
    def _closing(self) -> float:
        """Seconds kept back from a budget in seconds for what comes at the end."""
        report = REPORT_SECONDS if self.journal is not None and self.settings.report else 0.0
        return max(CLOSING_SECONDS + report, CLOSING_SHARE * (self.seconds or 0.0))

    def _outcome(
        self, found: Found, choice: Choice, judged: Judgement, baselines: tuple[Baseline, ...]
    ) -> Outcome:
        return Outcome(
            run=None if self.journal is None else self.journal.folder,
            dataset=self.dataset,
            splits=self.splits,
            search=found.result,
            model=judged.model,
            score=judged.score,
            scores=judged.scores,
            single=judged.single,
            baselines=baselines,
            timings=tuple(self.timings),
            engine=found.engine,
            instruction_set=found.instruction_set,
            notices=tuple(dict.fromkeys(self._notices(found))),
            seed=self.settings.seed,
            interrupted=found.interrupted,
            optimism=choice.optimism,
            validation=self.settings.validation,
        )

    def _baselines(self) -> tuple[Baseline, ...]:
        if self.estimate is not None:
            return self.estimate.baselines
        if not self.settings.baselines or not len(self.splits.test):
            return ()
        records = () if self.journal is None else self.journal.records()
        kept = next((record.data["found"] for record in records if record.kind == "baselines"), None)
        if kept is not None:  # a later call has another allowance, and might leave out what was fitted
            return tuple(map(baseline_from_plain, kept))
        self.meter.stage = "fitting the baselines"
        allowance = None if self.end is None else BASELINE_SHARE * max(0.0, self.end - time.perf_counter())
        with self._stage("baselines"):
            found = fit_baselines(
                self.dataset, self.splits, self.metric, seconds=allowance, seed=self.settings.seed
            )
        if self.journal is not None:
            told = [asdict(one) for one in found]
            self.journal.append("baselines", found=told, elapsed=self.ledger.elapsed)
        return found

    def _search(self) -> tuple[Prepared, Found]:
        contest = Contest(
            self.settings.searched,
            self.settings.sampler,
            self.metric,
            self.settings.budget,
            self.settings.engine,
            self.settings.speeds,
            self.settings.seed,
            self.settings.forecast,
            fidelity=self.settings.fidelity,
            stopping=self.settings.stopping,
            limits=self.settings.limits,
            given=self.settings.given,
            known=self.settings.known,
        )
        deadline = self.end
        if deadline is not None and self.seconds is not None:
            deadline -= self._closing + (ABLATION_SHARE * self.seconds if self.settings.ablate else 0.0)
        started = time.perf_counter()
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
        seconds = time.perf_counter() - started
        self.timings.append(Timing("train", found.training_seconds))
        self.timings.append(Timing("search", seconds - found.training_seconds))
        return sources, found

    def _models(self, choice: Choice, parts: tuple[Part, ...], sources: Prepared) -> tuple[Model, Model]:
        """The Model, and a Model of one network alone: the heaviest design's on the first fold."""
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
        main = max(parts, key=lambda part: part.weight)
        alone = (replace(main, weight=1.0, networks=main.networks[:1]),)
        task, schema, clamp = self.dataset.task, self.dataset.schema, sources.clamp(self.splits.development)
        return (
            Model(task, schema, parts, provenance, choice.temperature, clamp),
            Model(task, schema, alone, provenance, 1.0, clamp),
        )

    def _write(self, run: Path, outcome: Outcome, prediction: np.ndarray | None) -> Outcome:
        """Keep the Model, the summary, the record and the report, each whole or not at all; tells what that
        took."""
        with self._stage("save"):
            keep_model(outcome.model, run)
            write_durably(run / RECORD_FILE, self._record(outcome, prediction).to_json().encode())
        outcome = replace(outcome, timings=tuple(self.timings))
        if self.settings.report:
            with self._stage("report"):
                document = self._document(outcome, prediction)
                document.json(run / "report.json")
                document.html(run / "report.html")
        outcome = replace(outcome, timings=tuple(self.timings))
        write_durably(run / "summary.json", (json.dumps(summary(outcome), indent=1) + "\n").encode())
        return outcome

    def _document(self, outcome: Outcome, prediction: np.ndarray | None) -> Document:
        if outcome.score is None:  # no row was held out: there is nothing to compare
            return model_document(outcome.model)
        splits = self._judging(outcome)
        return run_document(
            dataset=outcome.dataset,
            splits=splits,
            search=outcome.search,
            model=outcome.model,
            score=outcome.score,
            scores=outcome.scores,
            baselines=outcome.baselines,
            timings=outcome.timings,
            engine=outcome.engine,
            instruction_set=outcome.instruction_set,
            engine_reason=engine_reason(self.settings),
            notices=outcome.notices,
            seed=outcome.seed,
            command=self.settings.command,
            run=outcome.run or Path(),
            single=outcome.single,
            held_y=self.dataset.y[splits.test],
            held_prediction=prediction,
            optimism=outcome.optimism,
            attribution=outcome.attribution,
            tasks=outcome.tasks,
        )

    def _judging(self, outcome: Outcome) -> Splits:
        """The splits, their test rows being those that the score was told on."""
        return outcome.splits if self.estimate is None else pooled_splits(self.estimate, outcome.splits)

    def _record(self, outcome: Outcome, prediction: np.ndarray | None) -> Record:
        return record_of(
            dataset=outcome.dataset,
            splits=self._judging(outcome),
            metric=self.metric,
            prediction=prediction,
            scores=outcome.scores,
            notices=outcome.notices,
            command=self.settings.command,
            source=self.settings.origin.source,
            seed=outcome.seed,
        )

    def _notices(self, found: Found) -> Iterator[Notice]:
        yield from self.told
        yield from engine_notices(self.settings)
        yield from self.dataset.notices
        yield from leaks(self.dataset, self.splits)
        if found.interrupted:
            yield Notice(
                "interrupted",
                "The search was interrupted: this is the best model so far. Resume the run to go on.",
            )
        if found.result.refused:
            yield Notice(
                "beyond-limits",
                f"{found.result.refused:,} designs were drawn beyond the limits and never trained: the "
                "journal says which and why.",
            )
        if found.result.ruled_out:
            yield _ruled_out(found.result, kept=self.journal is not None)
        if self.journal is not None:
            yield from self.journal.notices

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings.append(Timing(name, time.perf_counter() - started))


def _ruled_out(search: SearchResult, kept: bool) -> Notice:
    """How many designs theory kept from being trained, and the commonest reason."""
    total, (concern, most) = search.ruled_out, search.ruled_out_by[0]
    drawn = f"{total:,} designs were drawn that" if total > 1 else "1 design was drawn that"
    often = "" if most == total else f" ({most:,} of them)"
    journal = "The journal says which and why. " if kept else ""
    return Notice(
        "ruled-out",
        f"{drawn} by theory cannot train, and left out: {concern_words(concern)}{often}. {journal}"
        "forecast=False (--no-forecast) trains everything.",
    )
