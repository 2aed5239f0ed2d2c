"""Search the best parameters of any function: a user's own network and loop, an experiment, a simulation."""

import contextlib
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from profunda.errors import ArgumentError
from profunda.space.space import Space
from profunda.tuning.objective_files import write_files
from profunda.tuning.objective_memory import Memory, Terms
from profunda.tuning.objective_order import Order
from profunda.tuning.objective_trial import UNNAMED, Answer, Objective, judge, trial_seed
from profunda.tuning.objective_workers import Crew, Task, crew_for
from profunda.tuning.progress import Display, Meter
from profunda.tuning.result import SearchResult, Trial
from profunda.tuning.samplers.sampler import Direction, sampler_for

__all__ = ["search"]

_LEARNING = ("tpe", "gp")

_SHOW_EVERY = 0.25  # seconds; the account it gives looks at every trial

_BATCH = 4
"""Draws at a time of a sampler that learns: a constant, so that any number of workers sees the same trials.
Four keep four processes busy; a larger batch learns later from its own answers."""


def search(
    objective: Objective,
    space: Space | Mapping[str, Any],
    *,
    n_trials: int | None = None,
    seconds: float | None = None,
    sampler: str = "random",
    direction: Direction = "minimize",
    metric: str | None = None,
    out: str | os.PathLike[str] | None = None,
    seed: int = 0,
    workers: int = 1,
) -> SearchResult:
    """Call `objective` on configurations drawn from `space` and keep account of what became of each.

    Args:
        objective: Called as ``objective(params)`` or, if it has a parameter `seed` or a second one without
            default, as ``objective(params, seed)``. Returns a number or a mapping of metrics. An exception
            ends its trial alone: status failed, with the message. NaN and infinity make it diverged.
        space: A `Space`, or a mapping of names to domains, lists of choices or single values.
        n_trials: How many trials there shall be in all, those of earlier calls with the same `out` included.
        seconds: No trial starts after this much wall-clock time in all, earlier calls included; trials that
            run are waited for. A grid needs neither limit.
        sampler: "random", "quasi-random", "grid", "tpe" or "gp". The last two learn, from batches of four.
        direction: "minimize" or "maximize".
        metric: Which of several metrics is optimised; also the name of a single number.
        out: A folder for journal.jsonl, trials.csv and summary.json. If it holds this search already, the
            search goes on where it was, after a crash too; nothing else is ever overwritten.
        seed: Decides the draws and, with a trial's number, the seed in [0, 2³¹) that the trial is given.
        workers: More than one are processes (spawn), which must be able to import the objective. The trials
            do not depend on their number, if the objective depends on its arguments alone.

    Ctrl-C ends the search with the trials that have ended; with `out`, the same call resumes it.

    Raises:
        ArgumentError: an argument cannot be used, or the first answer leaves open which metric to optimise.
        SpaceError: the space contradicts itself, or a grid is asked of an interval.
        RunError: `out` holds something else or a search on other terms, or another process writes it.
    """
    _check(n_trials, seconds, sampler, metric, seed, workers)
    space = Space.from_user(space)
    brain = sampler_for(sampler, space, seed, direction)
    crew = crew_for(objective, workers)
    terms = Terms(space, sampler, direction, metric, seed, _BATCH if sampler in _LEARNING else None)
    started = time.perf_counter()
    with contextlib.closing(Memory.at(out, terms)) as memory, contextlib.closing(crew):
        clock = _Clock(started - memory.elapsed)
        run = _Run(memory, Order(brain, memory), crew, clock, _Limits(n_trials, seconds))
        with Display(run.meter):
            why = run.to_the_end()
        result = _result(memory, run.order.sampler_seconds, clock.elapsed())
        if out is not None:
            write_files(Path(out), result, why, seed)
    if why == "interrupted":
        resume = " The same call goes on from here." if out is not None else ""
        print(f"Search interrupted after {len(result.trials)} trials.{resume}", file=sys.stderr)
    return result


@dataclass(frozen=True)
class _Limits:
    trials: int | None
    seconds: float | None


@dataclass(frozen=True)
class _Clock:
    """Seconds since the search began, earlier calls included."""

    zero: float

    def elapsed(self) -> float:
        return time.perf_counter() - self.zero


class _Run:
    """One call of `search` at work."""

    def __init__(self, memory: Memory, order: Order, crew: Crew, clock: _Clock, limits: _Limits) -> None:
        self.memory = memory
        self.order = order
        self.crew = crew
        self.clock = clock
        self.limits = limits
        self.meter = Meter()
        self._next_show = 0.0

    def to_the_end(self) -> str:
        """Run trials until a limit, the end of the space or Ctrl-C; says which."""
        try:
            why = self._trials()
        except KeyboardInterrupt:
            why = "interrupted"
        if self.memory.stopped != why:
            self.memory.add_stop(why, self.clock.elapsed())
        return why

    def _trials(self) -> str:
        self._show()
        while True:
            while self.crew.busy < self.crew.size and not self._late():
                drawn = self.order.next(self.limits.trials, self.clock.elapsed())
                if drawn is None:
                    break
                self.crew.start(Task(*drawn, trial_seed(self.memory.terms.seed, drawn[0])))
            if not self.crew.busy:
                break
            for number, answer in self.crew.finished():
                self._end(number, answer)
            self.order.tell()
            self._show()
        reached = self.limits.trials is not None and len(self.memory.ended) >= self.limits.trials
        return "exhausted" if self.order.exhausted else "trials" if reached else "seconds"

    def _late(self) -> bool:
        return self.limits.seconds is not None and self.clock.elapsed() >= self.limits.seconds

    def _end(self, number: int, answer: Answer) -> None:
        first = not any(ended.scores for ended in self.memory.ended.values())
        ended, metric = judge(answer, self.memory.metric, first)
        if metric is not None and metric != self.memory.metric:
            self.memory.add_metric(metric)
        self.memory.add_trial(number, ended, self.clock.elapsed())

    def _show(self) -> None:
        if time.perf_counter() < self._next_show:
            return
        self._next_show = time.perf_counter() + _SHOW_EVERY
        result, elapsed = _result(self.memory, 0.0, 0.0), self.clock.elapsed()
        done, total = len(result.trials), self.limits.trials
        self.meter.stage = f"{done:,} trials" if total is None else f"{done:,} of {total:,} trials"
        if total is not None and self.limits.seconds is None and 0 < done < total:
            self.meter.stage += f", about {elapsed / done * (total - done):,.0f} s left"
        if self.limits.seconds is not None:
            self.meter.deadline = self.clock.zero + self.limits.seconds
        if result.best is not None:
            self.meter.best = f"{result.metric} {result.best.value:.6g} (trial {result.best.number})"
        self.meter.endings = Counter({status.value: count for status, count in result.endings})


def _result(memory: Memory, sampler_seconds: float, elapsed: float) -> SearchResult:
    trials = tuple(
        Trial(
            number=number,
            params=memory.drawn[number],
            design=None,
            scores=ended.scores,
            value=ended.value,
            spread=math.nan,
            rung=0,
            epochs=0,
            status=ended.status,
            seconds=ended.seconds,
            message=ended.message,
        )
        for number, ended in sorted(memory.ended.items())
    )
    return SearchResult(
        trials=trials,
        history=None,
        space=memory.terms.space,
        metric=memory.metric or UNNAMED,
        greater_is_better=memory.terms.direction == "maximize",
        sampler=memory.terms.sampler,
        rungs=(),
        folds=0,
        networks=0,
        member_steps=0,
        seconds=elapsed,
        sampler_seconds=sampler_seconds,
    )


def _check(
    n_trials: int | None, seconds: float | None, sampler: str, metric: str | None, seed: int, workers: int
) -> None:
    for name, value in (("n_trials", 1 if n_trials is None else n_trials), ("workers", workers)):
        if not (isinstance(value, Integral) and not isinstance(value, bool) and value >= 1):
            raise ArgumentError(f"{name} = {value!r} must be a whole number of at least 1.")
    if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < math.inf):
        raise ArgumentError(f"seconds = {seconds!r} must be a positive number.")
    if n_trials is None and seconds is None and sampler != "grid":
        raise ArgumentError(
            f"a {sampler} search never ends by itself. Say n_trials=… or seconds=…; only a grid needs "
            "neither."
        )
    if metric is not None and (not isinstance(metric, str) or not metric):
        raise ArgumentError(f"metric = {metric!r} must be the name of a metric that the objective returns.")
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise ArgumentError(f"seed = {seed!r} must be a whole number.")
