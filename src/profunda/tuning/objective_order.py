"""Which trial of a search comes next, so that the trials depend on neither workers nor interruptions.

A sampler that learns is asked for batches of a fixed size. A batch is drawn when every trial of the one
before has ended and was told, in the order of drawing, whatever the order of ending. Draws of the other
samplers are functions of their number; they are drawn ahead and told nothing that matters. Where something
may end the search early, no trial of a block of four starts before all earlier ones have ended, so that what
is judged is the same for any number of workers.
"""

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from profunda.fleet.history import Status
from profunda.space.space import Params
from profunda.tuning.objective_memory import Memory
from profunda.tuning.objective_trial import Ended
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import Sampler
from profunda.tuning.terminators import Stop, Stopping, Tried, enough

__all__ = ["BATCH", "Agenda", "Order", "Step", "outcome_of", "tried_in"]

BATCH = 4
"""Draws at a time of a sampler that learns: a constant, so that any number of workers sees the same trials.
Four keep four processes busy; a larger batch learns later from its own answers."""

_AHEAD = 64
"""Draws at a time of a sampler that does not learn: few enough to be no loss, many enough to be cheap."""


@dataclass(frozen=True)
class Step:
    """One call that is due: a trial, and the rung of its bracket with its budget, where there are rungs."""

    number: int
    params: Params
    rung: int = 0
    budget: int | None = None


class Agenda(Protocol):
    """What is called next, until there is nothing left to call."""

    sampler_seconds: float
    exhausted: bool
    stop: Stop | None

    def next(self, limit: int | None, elapsed: float) -> Step | None:
        """The next call for a trial below number `limit`; None if there is none for now.

        When nothing is running, None means the end: the limit is reached, the space is used up (`exhausted`),
        or enough was searched (`stop`).
        """
        ...

    def note(self, step: Step, ended: Ended, elapsed: float) -> None:
        """Remember how a call ended."""
        ...

    def tell(self) -> None:
        """Tell the sampler every batch that is complete, in the order of drawing."""
        ...


class Order:
    """Every trial is one call; `sampler_seconds` counts the sampler's time, earlier calls included."""

    def __init__(self, sampler: Sampler, memory: Memory, stopping: Stopping) -> None:
        self._sampler = sampler
        self._memory = memory
        self._stopping = stopping
        self._waiting: deque[tuple[int, Params]] = deque()
        self._drawn = 0
        self._told = 0  # batches
        self._first_untold = 0  # number of the first trial of the first untold batch
        self._cleared = 0  # trials before this number were judged, and the search went on
        self.exhausted = False
        self.stop: Stop | None = None
        self.sampler_seconds = memory.sampler_seconds
        for batch in memory.batches:
            if drawn := batch.params[batch.given :]:
                with self._timed():
                    sampler.repeat(drawn)
            self._enter(batch.params)
            self.tell()

    def next(self, limit: int | None, elapsed: float) -> Step | None:
        """As in `Agenda`."""
        if not self._waiting and (limit is None or self._drawn < limit):
            self._draw(limit, elapsed)
        if not self._waiting or (limit is not None and self._waiting[0][0] >= limit):
            return None
        if self._stopping.any and not self._may_start(self._waiting[0][0]):
            return None
        return Step(*self._waiting.popleft())

    def note(self, step: Step, ended: Ended, elapsed: float) -> None:
        """As in `Agenda`."""
        self._memory.add_trial(step.number, ended, elapsed)

    def tell(self) -> None:
        """As in `Agenda`."""
        while self._told < len(self._memory.batches):
            batch = self._memory.batches[self._told]
            numbers = range(self._first_untold, self._first_untold + len(batch.params))
            if numbers.stop > self._drawn or not all(number in self._memory.ended for number in numbers):
                return
            with self._timed():
                for number, params in zip(numbers, batch.params, strict=True):
                    self._sampler.tell(params, outcome_of(self._memory, self._memory.ended[number]))
            self._told += 1
            self._first_untold = numbers.stop

    def _may_start(self, number: int) -> bool:
        """Whether the trials before this one's block have all ended and leave something to search."""
        block = number // BATCH * BATCH
        if not all(earlier in self._memory.ended for earlier in range(self._cleared, block)):
            return False
        if block > self._cleared:
            self._cleared = block
            self.stop = enough(self._stopping, self._memory.terms.space, tried_in(self._memory, block))
        return self.stop is None

    def _draw(self, limit: int | None, elapsed: float) -> None:
        fixed = self._memory.terms.batch
        if self.exhausted or (fixed is not None and self._told < len(self._memory.batches)):
            return
        size = fixed if fixed is not None else min(_AHEAD, _AHEAD if limit is None else limit - self._drawn)
        with self._timed():
            batch = self._sampler.propose(size)
        self.exhausted = not batch
        if batch:
            self._memory.add_batch(batch, elapsed, self.sampler_seconds)
            self._enter(batch)

    def _enter(self, batch: Sequence[Params]) -> None:
        for params in batch:
            if self._drawn not in self._memory.ended:
                self._waiting.append((self._drawn, params))
            self._drawn += 1

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.sampler_seconds += time.perf_counter() - started


def outcome_of(memory: Memory, ended: Ended) -> Outcome:
    """What a sampler is told of a trial."""
    terms = memory.terms
    values = terms.values(ended.scores, ended.value) if math.isfinite(ended.value) else (math.nan,)
    values = values if len(values) == max(1, len(terms.metrics)) else (math.nan,) * len(terms.metrics)
    return Outcome(values, ended.status, terms.violation(ended.scores) if ended.scores else 0.0)


def tried_in(memory: Memory, before: int, brackets: bool = False) -> list[Tried]:
    """The trials below a number as a terminator sees them: losses of those that were trained to the end.

    `brackets`: those of a batch were judged together.
    """
    batches = [place for place, batch in enumerate(memory.batches) for _ in batch.params]
    sign = -1.0 if memory.terms.direction == "maximize" else 1.0
    found = []
    for number in range(before):
        ended = memory.ended[number]
        whole = ended.status is Status.COMPLETED and memory.terms.violation(ended.scores) <= 0
        loss = sign * ended.value if whole else math.nan
        bracket = batches[number] if brackets else None
        found.append(Tried(memory.drawn[number], loss, bracket=bracket))
    return found
