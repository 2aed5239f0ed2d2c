"""Runs experiments, in processes of one thread each, and keeps what each said, errors included."""

import math
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path

from profunda.errors import ArgumentError
from profunda.lab.contents import Entry, entries, entry
from profunda.lab.experiment import Outcome
from profunda.lab.images import read_images
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


def run(name: str, *, quick: bool = False, data: str | Path | None = None) -> Run:
    """Run the experiment called `name`, in this process.

    `data`, an ``.npz`` file with x_train, y_train, x_test and y_test, puts images of yours in the place of
    the small ones that come with Profunda, in experiments whose text speaks of others (MNIST).

    Raises ArgumentError for an unknown name and for data to an experiment that takes none, DataError for a
    file that cannot be used. An experiment that fails is told in the Run's `error`.
    """
    one = entry(name)
    measure = one.experiment.measure if data is None else _on(one, Path(data))
    begun = time.perf_counter()
    try:
        outcome = measure(quick)
    except Exception:  # one broken page must not take the book with it; the record says what broke
        text = traceback.format_exc(limit=-3)
        return Run(one.id, None, time.perf_counter() - begun, text)
    return Run(one.id, outcome, time.perf_counter() - begun, None)


def _on(one: Entry, file: Path) -> Callable[[bool], Outcome]:
    if one.experiment.measure_on is None:
        takers = ", ".join(other.id for other in entries() if other.experiment.measure_on is not None)
        raise ArgumentError(
            f"{one.id} measures what it makes or what comes with Profunda, and takes no data; {takers} do"
        )
    return partial(one.experiment.measure_on, read_images(file))


def run_all(
    chosen: Sequence[Entry],
    *,
    quick: bool = False,
    workers: int | None = None,
    done: Callable[[Run], None] | None = None,
) -> list[Run]:
    """Run `chosen`, `workers` at a time (default: the cores), each process on one thread.

    `done` hears of each as it ends. The order of the result is that of `chosen`. Where a process dies, those
    that were running are run again, each in a process of its own, and the one that dies there too is told in
    its Run's `error`. On Ctrl-C, and where `done` raises, what runs is ended at once; `done` has heard of the
    finished ones. Raises ArgumentError for no workers.
    """
    if workers is not None and workers < 1:
        raise ArgumentError(f"workers = {workers}: at least one process must run experiments")
    workers = workers or os.cpu_count() or 1
    found: dict[str, Run] = {}

    def hear(ended: Run) -> None:
        found[ended.id] = ended
        if done is not None:
            done(ended)

    waiting = deque(chosen)
    while waiting:
        for suspect in _together(waiting, min(workers, len(waiting)), quick, hear):
            hear(_alone(suspect, quick))
    return [found[one.id] for one in chosen]


def _together(
    waiting: deque[Entry], workers: int, quick: bool, hear: Callable[[Run], None]
) -> tuple[Entry, ...]:
    """Run what is `waiting` until none is left or a process dies; those that were running then."""
    running: dict[Future[Run], Entry] = {}
    with _processes(workers) as pool:
        while waiting or running:
            try:
                # No more than run: where one dies, nobody could tell which of a queue had begun.
                while waiting and len(running) < workers:
                    running[_submitted(pool, waiting[0], quick)] = waiting[0]
                    waiting.popleft()
            except BrokenProcessPool:  # a process died between two experiments
                if not running:
                    return ()
            ended = wait(running, return_when=FIRST_COMPLETED).done
            broken = any(isinstance(future.exception(), BrokenProcessPool) for future in ended)
            for future in wait(running).done if broken else ended:
                if not isinstance(future.exception(), BrokenProcessPool):
                    running.pop(future)
                    hear(future.result())
            if broken:
                return tuple(running.values())
    return ()


def _alone(one: Entry, quick: bool) -> Run:
    """Run `one` in a process of its own, whose death is told in the Run."""
    begun = time.perf_counter()
    with _processes(1) as pool:
        try:
            return _submitted(pool, one, quick).result()
        except BrokenProcessPool:
            told = (
                "The process that ran it died without a word, although it ran nothing else: it was killed "
                f"from outside, or memory ran out. `profunda lab {one.id}` runs it once more.\n"
            )
            return Run(one.id, None, time.perf_counter() - begun, told)


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the block, at once where it raises."""
    before = set(active_children())
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_calm)
    try:
        yield pool
    except BaseException:  # Ctrl-C above all: nobody waits for experiments whose book is given up
        for process in set(active_children()) - before:
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, one: Entry, quick: bool) -> "Future[Run]":
    """Begin `one`. A process that starts for it inherits that Ctrl-C is not for it: while it still imports
    modules it would answer with a traceback."""
    if not _MASKS:
        return pool.submit(run, one.id, quick=quick)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(run, one.id, quick=quick)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_MASKS = os.name != "nt"
"""Whether signals can be held back."""


def _calm() -> None:
    """One thread an experiment: two experiments at a time are what two cores are for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # only the process that asked decides what Ctrl-C means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["OMP_NUM_THREADS"] = (
        "1"  # for libraries that are still to be loaded; NumPy's is loaded already
    )
    import torch
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """End this process with the one that started it, which may be killed before it can say so."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
