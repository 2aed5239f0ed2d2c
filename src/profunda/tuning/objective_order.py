"""Which trial of a search comes next, so that the trials depend on neither workers nor interruptions.

A sampler that learns is asked for batches of a fixed size. A batch is drawn when every trial of the one
before has ended and was told, in the order of drawing, whatever the order of ending. Draws of the other
samplers are functions of their number; they are drawn ahead and told nothing that matters.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from profunda.space.space import Params
from profunda.tuning.objective_memory import Memory
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import Sampler

__all__ = ["Order"]

_AHEAD = 64
"""Draws at a time of a sampler that does not learn: few enough to be no loss, many enough to be cheap."""


class Order:
    """Draws, replays and tells; `sampler_seconds` counts the sampler's time, earlier calls included."""

    def __init__(self, sampler: Sampler, memory: Memory) -> None:
        self._sampler = sampler
        self._memory = memory
        self._waiting: deque[tuple[int, Params]] = deque()
        self._drawn = 0
        self._told = 0  # batches
        self._first_untold = 0  # number of the first trial of the first untold batch
        self.exhausted = False
        self.sampler_seconds = memory.sampler_seconds
        for batch in memory.batches:
            with self._timed():
                sampler.repeat(batch)
            self._enter(batch)
            self.tell()

    def next(self, limit: int | None, elapsed: float) -> tuple[int, Params] | None:
        """The next trial below number `limit` that has not ended; None if there is none for now.

        When nothing is running, None means the end: the limit is reached, or (`exhausted`) the space is used
        up.
        """
        if not self._waiting and (limit is None or self._drawn < limit):
            self._draw(limit, elapsed)
        if not self._waiting or (limit is not None and self._waiting[0][0] >= limit):
            return None
        return self._waiting.popleft()

    def tell(self) -> None:
        """Tell the sampler every batch that is complete, in the order of drawing."""
        while self._told < len(self._memory.batches):
            batch = self._memory.batches[self._told]
            numbers = range(self._first_untold, self._first_untold + len(batch))
            if numbers.stop > self._drawn or not all(number in self._memory.ended for number in numbers):
                return
            with self._timed():
                for number, params in zip(numbers, batch, strict=True):
                    ended = self._memory.ended[number]
                    self._sampler.tell(params, Outcome((ended.value,), ended.status))
            self._told += 1
            self._first_untold = numbers.stop

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

    def _enter(self, batch: list[Params]) -> None:
        for params in batch:
            if self._drawn not in self._memory.ended:
                self._waiting.append((self._drawn, params))
            self._drawn += 1

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.sampler_seconds += time.perf_counter() - started
