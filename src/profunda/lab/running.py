"""Runs experiments, in processes of one thread each, and keeps what each said, errors included."""

import math
import os
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from profunda.errors import ArgumentError
from profunda.lab.contents import Entry, entry
from profunda.lab.experiment import Outcome
from profunda.lab.words import Language

__all__ = ["Run", "run", "run_all"]


@dataclass(frozen=True)
class Run:
    """One experiment's outcome, or its `error` (the last lines of a traceback), and the seconds it took."""

    id: str
    outcome: Outcome | None
    seconds: float
    error: str | None

    def record(self, language: Language) -> dict[str, object]:
        """The record of book.json."""
        one = entry(self.id)
        outcome = self.outcome
        return {
            "id": self.id,
            "chapter": one.chapter.key,
            "claim": one.experiment.claim.to(language),
            "source": one.experiment.source.to(language),
            "prediction": one.experiment.prediction.to(language),
            "measured": None if outcome is None else outcome.measured.to(language),
            "interval": None if outcome is None else [_finite(end) for end in outcome.interval],
            "verdict": None if outcome is None else outcome.verdict,
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def run(name: str, *, quick: bool = False) -> Run:
    """Run the experiment called `name`, in this process.

    Raises ArgumentError for an unknown name. An experiment that fails is told in the Run's `error`.
    """
    one = entry(name)
    begun = time.perf_counter()
    try:
        outcome = one.experiment.measure(quick)
    except Exception:  # one broken page must not take the book with it; the record says what broke
        text = traceback.format_exc(limit=-3)
        return Run(one.id, None, time.perf_counter() - begun, text)
    return Run(one.id, outcome, time.perf_counter() - begun, None)


def run_all(
    chosen: Sequence[Entry],
    *,
    quick: bool = False,
    workers: int | None = None,
    done: Callable[[Run], None] | None = None,
) -> list[Run]:
    """Run `chosen`, `workers` at a time (default: the cores), each process on one thread.

    `done` hears of each as it ends. The order of the result is that of `chosen`. On Ctrl-C those not begun
    are dropped and KeyboardInterrupt is raised; `done` has heard of the finished ones. Raises ArgumentError
    for no workers.
    """
    if workers is not None and workers < 1:
        raise ArgumentError(f"workers = {workers}: at least one process must run experiments")
    workers = workers or os.cpu_count() or 1
    found: dict[str, Run] = {}
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_calm)
    try:
        waiting = [pool.submit(run, one.id, quick=quick) for one in chosen]
        for future in as_completed(waiting):
            ended = future.result()
            found[ended.id] = ended
            if done is not None:
                done(ended)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [found[one.id] for one in chosen]


def _calm() -> None:
    """One thread an experiment: two experiments at a time are what two cores are for."""
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["OMP_NUM_THREADS"] = (
        "1"  # for libraries that are still to be loaded; NumPy's is loaded already
    )
    import torch
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    torch.set_num_threads(1)
