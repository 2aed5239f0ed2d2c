"""Who carries out the trials of a user's objective: this process, or several others.

The processes are our own rather than a `concurrent.futures` pool, since one that dies (killed for its memory,
a crash in compiled code) must end its own trial alone, where a pool breaks for all.
"""

import contextlib
import functools
import inspect
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from profunda.errors import ArgumentError
from profunda.space.space import Params
from profunda.tuning.objective_trial import Answer, Objective, Passing, evaluate

__all__ = ["Crew", "Processes", "Task", "ThisProcess", "crew_for"]


_MASKS = os.name == "posix"


@dataclass(frozen=True)
class Task:
    """One trial to carry out."""

    number: int
    params: Params
    seed: int
    budget: int | None = None
    checkpoint: Path | None = None


class Crew(Protocol):
    """Carries out tasks, `size` at a time."""

    @property
    def busy(self) -> int:
        """How many tasks were started and have not come back."""
        ...

    @property
    def size(self) -> int:
        """How many tasks it takes at a time."""
        ...

    def start(self, task: Task) -> None:
        """Take a task; only while fewer than `size` are out."""
        ...

    def finished(self) -> Sequence[tuple[int, Answer]]:
        """Wait for at least one task to come back: its number and the objective's answer."""
        ...

    def close(self) -> None:
        """End the workers; tasks still out are dropped."""
        ...


def crew_for(objective: Objective, workers: int, how: Passing) -> Crew:
    """This process for one worker, others for more.

    Raises:
        ArgumentError: other processes cannot import the objective.
    """
    return ThisProcess(objective, how) if workers == 1 else Processes(objective, how, workers)


class ThisProcess:
    """One task at a time, carried out when it is asked for."""

    size = 1

    def __init__(self, objective: Objective, how: Passing) -> None:
        self._objective = objective
        self._how = how
        self._task: Task | None = None

    @property
    def busy(self) -> int:
        return int(self._task is not None)

    def start(self, task: Task) -> None:
        self._task = task

    def finished(self) -> Sequence[tuple[int, Answer]]:
        task, self._task = self._task, None
        if task is None:
            return ()
        return ((task.number, _carried_out(self._objective, self._how, task)),)

    def close(self) -> None:
        """Nothing to end."""


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: bool = False
    task: int | None = None


class Processes:
    """Worker processes, started by spawn as they are needed; a dead one is replaced."""

    def __init__(self, objective: Objective, how: Passing, size: int) -> None:
        self.size = size
        self._name = _name(objective)
        self._parcel = (_parcel(objective, self._name), how)
        # spawn on every system: fork copies locks of threads (OpenMP, progress) in any state, and hangs.
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    @property
    def busy(self) -> int:
        return sum(worker.task is not None for worker in self._workers)

    def start(self, task: Task) -> None:
        worker = next((w for w in self._workers if w.task is None), None) or self._hire()
        worker.task = task.number
        with contextlib.suppress(OSError):  # it died; `finished` learns so from its pipe
            worker.pipe.send(task)

    def finished(self) -> Sequence[tuple[int, Answer]]:
        answers: list[tuple[int, Answer]] = []
        while not answers and self.busy:
            ready = wait([worker.pipe for worker in self._workers if worker.task is not None])
            for worker in [w for w in self._workers if w.pipe in ready]:
                answer = self._hear(worker)
                if answer is not None and worker.task is not None:
                    answers.append((worker.task, answer))
                    worker.task = None
        return answers

    def close(self) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if worker.task is not None:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(timeout=5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers.clear()

    def _hire(self) -> _Worker:
        with _ctrl_c_held():
            ours, theirs = self._context.Pipe()
            # Not daemonic: an objective may want child processes of its own, such as data loaders.
            process = self._context.Process(target=_work, args=(theirs, *self._parcel), name="profunda-trial")
            process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _hear(self, worker: _Worker) -> Answer | None:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker)
        if isinstance(message, Answer):
            return message
        if message:
            raise ArgumentError(
                f"a worker process cannot import the objective {self._name}: {message}. "
                "Put it at the top level of a module that other processes can import, or use workers=1."
            )
        worker.ready = True
        return None

    def _bury(self, worker: _Worker) -> Answer:
        worker.pipe.close()
        worker.process.join()
        self._workers.remove(worker)
        code = worker.process.exitcode or 0
        if not worker.ready:
            raise ArgumentError(
                f"a worker process ended with exit code {code} before it could import the objective "
                f"{self._name}. "
                'Usually the script lacks the line  if __name__ == "__main__":  before its call of search; '
                "what the process printed says more. Add the line, or use workers=1."
            )
        cause = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        hint = " (often: out of memory)" if code == -signal.SIGKILL else ""
        return Answer((), f"its worker process died of {cause}{hint}", 0.0)


@contextlib.contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Ctrl-C waits until what is done within is done whole, here and in a process that is started within.

    Here, since one that cuts a pipe or a start in two leaves an open socket or a process nobody knows. There,
    until `_work` tells it to take no notice: one that still imports modules would answer with a traceback.
    """
    handler = signal.getsignal(signal.SIGINT)
    # The mask is for the new process to inherit; here another thread may be handed the signal all the same,
    # so the handler waits too. Only the main thread may set one, and only it is ever interrupted.
    holds = threading.current_thread() is threading.main_thread() and callable(handler)
    pressed: list[int] = []
    if holds:
        signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if _MASKS else None
    try:
        yield
    finally:
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if holds:
            signal.signal(signal.SIGINT, handler)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def _work(pipe: Connection, objective_bytes: bytes, how: Passing) -> None:
    """The life of a worker process."""
    # Ctrl-C reaches every process of a terminal; only the searching one decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _MASKS:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with contextlib.suppress(EOFError, OSError):  # the search has ended, or was killed
        try:
            objective = pickle.loads(objective_bytes)
        except Exception as error:
            pipe.send(f"{type(error).__name__}: {error}")
            return
        pipe.send("")
        while True:
            task: Task = pipe.recv()
            pipe.send(_carried_out(objective, how, task))


def _carried_out(objective: Objective, how: Passing, task: Task) -> Answer:
    return evaluate(objective, how, task.params, task.seed, task.budget, task.checkpoint)


def _name(objective: Objective) -> str:
    thing = _innermost(objective)
    return f"{thing.__module__}.{thing.__qualname__}"


def _innermost(objective: Objective) -> type | Objective:
    """The function or class that a worker must import."""
    while isinstance(objective, functools.partial):
        objective = objective.func
    return objective if inspect.isroutine(objective) or inspect.isclass(objective) else type(objective)


def _parcel(objective: Objective, name: str) -> bytes:
    why = ""
    main = getattr(sys.modules["__main__"], "__file__", None)
    if "<lambda>" in name:
        why = "it is a lambda"
    elif "<locals>" in name:
        why = "it is defined inside a function"
    elif _innermost(objective).__module__ == "__main__" and (main is None or not Path(main).is_file()):
        why = "it is defined in an interactive session"
    if not why:
        try:
            return pickle.dumps(objective)
        except Exception as error:
            why = f"it cannot be sent ({type(error).__name__}: {error})"
    raise ArgumentError(
        f"workers > 1 are processes of their own, which must import the objective {name}: {why}. "
        "Define it with def at the top level of a module, or use workers=1."
    )
