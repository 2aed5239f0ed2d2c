"""Which call of an objective with budgets comes next: brackets of trials that are compared at rungs.

All trials of a bracket are called with the first rung's budget; the best go on to the next. A rung is
compared when the last of its calls has ended, so that who goes on depends on neither workers nor
interruptions.
"""

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from profunda.fleet.history import Status
from profunda.tuning.objective_memory import Batch, Memory
from profunda.tuning.objective_order import Step, outcome_of, tried_in
from profunda.tuning.objective_trial import Ended
from profunda.tuning.rungs import Ladder, survivors
from profunda.tuning.samplers.sampler import Sampler
from profunda.tuning.terminators import Stop, Stopping, enough

__all__ = ["BRACKET", "Brackets"]

BRACKET = 27
"""Trials of the boldest bracket: with three rungs 27, 9 and 3. Calls are dear, so it is a fleet's third."""


@dataclass(eq=False)
class _Race:
    """A bracket at a rung, with the numbers of its trials that still race."""

    ladder: Ladder
    alive: list[int]
    rung: int = 0


class Brackets:
    """An agenda (see `Agenda`) with rungs; `cycle` are the ladders that brackets climb in turn."""

    def __init__(
        self, sampler: Sampler, memory: Memory, cycle: Sequence[Ladder], most: int, stopping: Stopping
    ) -> None:
        self._sampler, self._memory, self._cycle, self._most = sampler, memory, cycle, most
        self._stopping = stopping
        self._race: _Race | None = None
        self._entered = 0  # batches
        self._first = 0  # number of the first trial of the batch that races
        self._waiting: deque[Step] = deque()
        self.exhausted = False
        self.stop: Stop | None = None
        self.sampler_seconds = memory.sampler_seconds

    def next(self, limit: int | None, elapsed: float) -> Step | None:
        """As in `Agenda`; no new bracket begins beyond `limit`."""
        while not self._waiting:
            if self._race is None:
                if not self._enter(limit, elapsed):
                    return None
            elif not self._settle(elapsed):
                return None
        return self._waiting.popleft()

    def note(self, step: Step, ended: Ended, elapsed: float) -> None:
        """As in `Agenda`."""
        assert self._race is not None
        rung = self._race.ladder.skipped + step.rung
        reached = replace(ended, rung=rung, budget=step.budget or 0)
        self._memory.add_step(step.number, step.rung, reached, elapsed)

    def tell(self) -> None:
        """Nothing to do between rungs: a bracket is told when it is over."""

    def _enter(self, limit: int | None, elapsed: float) -> bool:
        """The next bracket, from the memory or newly drawn; False where there is none."""
        new = self._entered == len(self._memory.batches)
        if new and not self._draw(limit, elapsed):
            return False
        batch = self._memory.batches[self._entered]
        if not new and (drawn := batch.params[batch.given :]):
            with self._timed():
                self._sampler.repeat(drawn)
        ladder = self._cycle[self._entered % len(self._cycle)]
        self._race = _Race(ladder, list(range(self._first, self._first + len(batch.params))))
        self._call()
        return True

    def _draw(self, limit: int | None, elapsed: float) -> bool:
        drawn = len(self._memory.drawn)
        if self.exhausted or self.stop is not None or (limit is not None and drawn >= limit):
            return False
        if self._entered and self._stopping.any:
            tried = tried_in(self._memory, drawn, brackets=True)
            self.stop = enough(self._stopping, self._memory.terms.space, tried)
            if self.stop is not None:
                return False
        size = math.ceil(BRACKET * self._cycle[self._entered % len(self._cycle)].size - 1e-9)
        with self._timed():
            batch = self._sampler.propose(size if limit is None else min(size, limit - drawn))
        self.exhausted = not batch
        if batch:
            self._memory.add_batch(batch, elapsed, self.sampler_seconds)
        return bool(batch)

    def _call(self) -> None:
        """Queue what the rung has still to call."""
        assert self._race is not None
        race = self._race
        budget = race.ladder.goals(self._most)[race.rung]
        self._waiting.extend(
            Step(number, self._memory.drawn[number], race.rung, budget)
            for number in race.alive
            if (number, race.rung) not in self._memory.steps
        )

    def _settle(self, elapsed: float) -> bool:
        """Compare the trials of a rung, once all have ended; False while some have not."""
        race, steps = self._race, self._memory.steps
        assert race is not None
        if not all((number, race.rung) in steps for number in race.alive):
            return False
        last = race.rung == len(race.ladder.shares) - 1
        going = [] if last else self._going(race)
        for number in race.alive:
            if number not in going and number not in self._memory.ended:
                self._memory.add_trial(number, self._ending(race, number, last), elapsed)
        race.alive, race.rung = going, race.rung + 1
        if going:
            self._call()
        else:
            self._finish()
        return True

    def _going(self, race: _Race) -> list[int]:
        terms = self._memory.terms
        sign = -1.0 if terms.direction == "maximize" else 1.0
        losses = []
        for number in race.alive:
            ended = self._memory.steps[number, race.rung]
            fit = ended.status is Status.COMPLETED and terms.violation(ended.scores) <= 0
            losses.append(sign * ended.value if fit else math.nan)
        count = race.ladder.going(len(losses))
        return [race.alive[place] for place in survivors(losses, count)]

    def _ending(self, race: _Race, number: int, last: bool) -> Ended:
        """A trial's last call, with the seconds of all; one that could have gone on was outcompeted."""
        ended = self._memory.steps[number, race.rung]
        seconds = sum(self._memory.steps[number, rung].seconds for rung in range(race.rung + 1))
        dropped = ended.status is Status.COMPLETED and not last
        return replace(ended, status=Status.OUTCOMPETED if dropped else ended.status, seconds=seconds)

    def _finish(self) -> None:
        """Tell the sampler the bracket and leave it."""
        batch: Batch = self._memory.batches[self._entered]
        with self._timed():
            for number, params in enumerate(batch.params, start=self._first):
                self._sampler.tell(params, outcome_of(self._memory, self._memory.ended[number]))
        self._first += len(batch.params)
        self._entered += 1
        self._race = None

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.sampler_seconds += time.perf_counter() - started
