"""A run as a whole: one search, or, with nested validation, one in each outer fold and one on all rows."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from profunda.data.dataset import Dataset
from profunda.data.splits import split
from profunda.errors import Notice
from profunda.job.course import Job
from profunda.job.nested import Estimate, estimate_of, outer_folds
from profunda.job.outcome import Outcome
from profunda.job.settings import Settings
from profunda.journal.record import JOURNAL_NAME, Journal

__all__ = ["Course"]


@dataclass(frozen=True, eq=False)
class Course:
    """A run that is to be made, or gone on with; `started` is when its clock began."""

    settings: Settings
    dataset: Dataset
    workers: int
    progress: bool
    started: float
    told: tuple[Notice, ...]

    def run(self, journal: Journal | None) -> Outcome:
        """The Outcome; what is on record in `journal` is not done again.

        Outer searches keep journals of their own, in folders `outer-1`, `outer-2`, … of the run.
        """
        own = self.settings
        if own.validation == "holdout":
            return self._job(self.dataset, own, journal, self.started, self.told).run()
        folds = outer_folds(self.dataset, own.seed)
        seconds = None
        if own.budget.seconds is not None:
            seconds = (own.budget.seconds - (time.perf_counter() - self.started)) / (len(folds) + 1)

        def within(part: Dataset, number: int) -> Outcome:
            inner = replace(own, validation="holdout", report=False, fingerprint=part.fingerprint)
            place = None if journal is None else journal.folder / f"outer-{number}"
            with nullcontext() if place is None else _journal(place, inner) as kept:
                return self._job(part, inner, kept, time.perf_counter(), (), seconds=seconds).run()

        estimate = estimate_of(self.dataset, folds, within)
        start = time.perf_counter()
        job = self._job(self.dataset, own, journal, start, self.told, estimate=estimate, seconds=seconds)
        return job.run()

    def _job(
        self,
        dataset: Dataset,
        settings: Settings,
        journal: Journal | None,
        started: float,
        told: tuple[Notice, ...],
        *,
        estimate: Estimate | None = None,
        seconds: float | None = None,
    ) -> Job:
        splits = split(dataset, test=settings.test, folds=settings.folds, seed=settings.seed)
        return Job(
            settings, dataset, splits, journal, self.workers, self.progress, started, told, estimate, seconds
        )


def _journal(place: Path, settings: Settings) -> Journal:
    if (place / JOURNAL_NAME).exists():
        return Journal.open(place)
    return Journal.create(place, settings.header())
