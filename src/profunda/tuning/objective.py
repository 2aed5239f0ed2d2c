"""Search the best parameters of any function: a user's own network and loop, an experiment, a simulation."""

import contextlib
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

from profunda.errors import ArgumentError
from profunda.fleet.history import Status
from profunda.space.space import Space
from profunda.tuning.objective_brackets import BRACKET, Brackets
from profunda.tuning.objective_checkpoints import Checkpoints
from profunda.tuning.objective_files import write_files
from profunda.tuning.objective_memory import Memory
from profunda.tuning.objective_order import BATCH, Agenda, Order, Step
from profunda.tuning.objective_start import begin_with
from profunda.tuning.objective_terms import Terms, stated_constraints, stated_metrics
from profunda.tuning.objective_trial import UNNAMED, Answer, Objective, judge, passing, trial_seed
from profunda.tuning.objective_workers import Crew, Task, crew_for
from profunda.tuning.progress import Display, Meter
from profunda.tuning.result import SearchResult, Trial
from profunda.tuning.rungs import Fidelity, check_fidelity, ladders
from profunda.tuning.samplers.sampler import LEARNING, Direction, Sampler, sampler_for
from profunda.tuning.terminators import NOISE, Stopping

__all__ = ["search"]


_SHOW_EVERY = 0.25  # seconds; the account it gives looks at every trial


def search(
    objective: Objective,
    space: Space | Mapping[str, Any],
    *,
    n_trials: int | None = None,
    seconds: float | None = None,
    sampler: str = "random",
    direction: Direction | Sequence[Direction] = "minimize",
    metric: str | Sequence[str] | None = None,
    constraints: Mapping[str, float] | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    regret: float | None = None,
    fidelity: Fidelity = "full",
    max_budget: int | None = None,
    warm_start: str | os.PathLike[str] | None = None,
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
        sampler: "random", "quasi-random", "grid", "batch", "tpe" or "gp". The last three learn, from batches
            of four.
        direction: "minimize" or "maximize"; for several metrics one for all, or a list.
        metric: Which of several metrics is optimised; also the name of a single number. A list of metrics
            asks for the best compromises: `SearchResult.front`.
        constraints: Metrics with the most that each may be, ``{"latency": 3.0}``. A trial that misses one is
            never the best nor in the front.
        patience: Stop after so many trials in a row without a gain in the best value.
        min_delta: The least gain that counts.
        regret: Stop once, by a bound of a Gaussian process, at most so much is left to be gained.
        fidelity: How the budget of training is spent: "halving", "hyperband", "one-epoch" or "full".
        max_budget: A whole training, in the objective's own unit (epochs, say). The objective is then called
            with ``budget=``, how far it is to train, and, if it has a parameter `checkpoint`, with a folder
            that holds what it left there at the trial's rung before.
        warm_start: The folder of an earlier search, whose ten best configurations are called first.
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
    metrics, directions = stated_metrics(metric, direction)
    stopping = Stopping(patience, min_delta, regret)
    _check_rungs(fidelity, max_budget, metrics, stopping)
    brain = sampler_for(sampler, space, seed, directions or direction)
    how = passing(objective, budgeted=max_budget is not None)
    crew = crew_for(objective, workers, how)
    first = directions[0] if directions else _single(direction)
    name = metrics[0] if metrics else _name(metric)
    batch, bounds = _batch(sampler, fidelity), stated_constraints(constraints)
    terms = Terms(space, sampler, first, name, seed, batch, metrics, directions, bounds, fidelity, max_budget)
    checkpoints = Checkpoints(None if out is None else Path(out)) if how.checkpoint else None
    tools = _Tools(brain, stopping, crew, checkpoints)
    result, why = _searched(terms, tools, _Limits(n_trials, seconds), warm_start, out)
    if why == "interrupted":
        resume = " The same call goes on from here." if out is not None else ""
        print(f"Search interrupted after {len(result.trials)} trials.{resume}", file=sys.stderr)
    return result


def _batch(sampler: str, fidelity: Fidelity) -> int | None:
    """Trials that are drawn before answers of any of them are waited for."""
    if fidelity != "full":
        return BRACKET
    return BATCH if sampler in LEARNING else None


@dataclass(frozen=True)
class _Limits:
    trials: int | None
    seconds: float | None


@dataclass(frozen=True)
class _Tools:
    """What a search works with: who draws, what ends it, who calls the objective, and its folders."""

    brain: Sampler
    stopping: Stopping
    crew: Crew
    checkpoints: Checkpoints | None


def _searched(
    terms: Terms,
    tools: _Tools,
    limits: _Limits,
    warm_start: str | os.PathLike[str] | None,
    out: str | os.PathLike[str] | None,
) -> tuple[SearchResult, str]:
    """The search on these terms from where it was to its end, and which end that is."""
    started = time.perf_counter()
    with contextlib.ExitStack() as stack:
        if tools.checkpoints is not None:
            stack.callback(tools.checkpoints.close)
        memory = stack.enter_context(contextlib.closing(Memory.at(out, terms)))
        stack.enter_context(contextlib.closing(tools.crew))
        if warm_start is not None:
            begin_with(warm_start, memory)
        clock = _Clock(started - memory.elapsed)
        agenda = _agenda(tools.brain, memory, tools.stopping)
        run = _Run(memory, agenda, tools.crew, clock, limits, tools.checkpoints)
        with Display(run.meter):
            why = run.to_the_end()
        result = _result(memory, agenda.sampler_seconds, clock.elapsed(), run.reason)
        if out is not None:
            write_files(Path(out), result, why, terms.seed)
    return result, why


def _agenda(brain: Sampler, memory: Memory, stopping: Stopping) -> Agenda:
    terms = memory.terms
    if terms.fidelity == "full" or terms.max_budget is None:
        return Order(brain, memory, stopping)
    return Brackets(brain, memory, ladders(terms.fidelity, terms.max_budget), terms.max_budget, stopping)


@dataclass(frozen=True)
class _Clock:
    """Seconds since the search began, earlier calls included."""

    zero: float

    def elapsed(self) -> float:
        return time.perf_counter() - self.zero


class _Run:
    """One call of `search` at work."""

    def __init__(
        self,
        memory: Memory,
        agenda: Agenda,
        crew: Crew,
        clock: _Clock,
        limits: _Limits,
        checkpoints: Checkpoints | None,
    ) -> None:
        self.memory = memory
        self.agenda = agenda
        self.crew = crew
        self.clock = clock
        self.limits = limits
        self.checkpoints = checkpoints
        self.meter = Meter()
        self.reason = ""  # why it ended, in words
        self._running: dict[int, Step] = {}
        self._next_show = 0.0

    def to_the_end(self) -> str:
        """Run trials until a limit, the end of the space or Ctrl-C; says which."""
        try:
            why = self._trials()
        except KeyboardInterrupt:
            why = "interrupted"
        stop = self.agenda.stop
        self.reason = stop.reason if stop is not None and stop.cause == why else _WHY.get(why, why)
        if self.memory.stopped != why:
            self.memory.add_stop(why, self.clock.elapsed())
        return why

    def _trials(self) -> str:
        self._show()
        while True:
            while self.crew.busy < self.crew.size and not self._late():
                step = self.agenda.next(self.limits.trials, self.clock.elapsed())
                if step is None:
                    break
                self._start(step)
            if not self.crew.busy:
                break
            for number, answer in self.crew.finished():
                self._end(number, answer)
            self.agenda.tell()
            self._show()
        if self.agenda.stop is not None:
            return self.agenda.stop.cause
        reached = self.limits.trials is not None and len(self.memory.ended) >= self.limits.trials
        return "exhausted" if self.agenda.exhausted else "trials" if reached else "seconds"

    def _start(self, step: Step) -> None:
        self._running[step.number] = step
        place = self.checkpoints.prepare(step) if self.checkpoints is not None else None
        seed = trial_seed(self.memory.terms.seed, step.number)
        self.crew.start(Task(step.number, step.params, seed, step.budget or self._whole, place))

    @property
    def _whole(self) -> int | None:
        return self.memory.terms.max_budget

    def _late(self) -> bool:
        return self.limits.seconds is not None and self.clock.elapsed() >= self.limits.seconds

    def _end(self, number: int, answer: Answer) -> None:
        memory, step = self.memory, self._running.pop(number)
        first = not any(ended.scores for ended in (*memory.ended.values(), *memory.steps.values()))
        ended, metric = judge(answer, memory.metric, first, memory.terms.needed)
        if metric is not None and metric != memory.metric:
            memory.add_metric(metric)
        self.agenda.note(step, ended, self.clock.elapsed())
        if self.checkpoints is not None:
            self.checkpoints.ended(step)

    def _show(self) -> None:
        if time.perf_counter() < self._next_show:
            return
        self._next_show = time.perf_counter() + _SHOW_EVERY
        result, elapsed = _result(self.memory, 0.0, 0.0, ""), self.clock.elapsed()
        done, total = len(result.trials), self.limits.trials
        self.meter.stage = f"{done:,} trials" if total is None else f"{done:,} of {total:,} trials"
        if total is not None and self.limits.seconds is None and 0 < done < total:
            self.meter.stage += f", about {elapsed / done * (total - done):,.0f} s left"
        if self.limits.seconds is not None:
            self.meter.deadline = self.clock.zero + self.limits.seconds
        if result.best is not None:
            self.meter.best = f"{result.metric} {result.best.value:.6g} (trial {result.best.number})"
        self.meter.endings = Counter({status.value: count for status, count in result.endings})


def _result(memory: Memory, sampler_seconds: float, elapsed: float, stopped: str) -> SearchResult:
    terms = memory.terms
    rungs = ()
    if terms.fidelity != "full" and terms.max_budget is not None:
        rungs = ladders(terms.fidelity, terms.max_budget)[0].goals(terms.max_budget)
    return SearchResult(
        trials=_trials(memory),
        history=None,
        space=terms.space,
        metric=memory.metric or UNNAMED,
        greater_is_better=terms.direction == "maximize",
        sampler=terms.sampler,
        rungs=rungs,
        folds=0,
        networks=0,
        member_steps=0,
        seconds=elapsed,
        sampler_seconds=sampler_seconds,
        fidelity=terms.fidelity,
        stopped=stopped,
        objectives=terms.aims,
    )


def _trials(memory: Memory) -> tuple[Trial, ...]:
    """All that ended, and those that the end of the search found amid their race."""
    known = dict(memory.ended)
    for (number, _), ended in sorted(memory.steps.items()):
        if number not in memory.ended and math.isfinite(ended.value):
            known[number] = replace(ended, status=Status.UNFINISHED)
    return tuple(
        Trial(
            number=number,
            params=memory.drawn[number],
            design=None,
            scores=ended.scores,
            value=ended.value,
            spread=math.nan,
            rung=ended.rung,
            epochs=ended.budget,
            status=ended.status,
            seconds=ended.seconds,
            message=ended.message,
            violation=memory.terms.violation(ended.scores) if ended.scores else 0.0,
        )
        for number, ended in sorted(known.items())
    )


_WHY = {
    "trials": "all trials were made",
    "seconds": "the time was used up",
    "exhausted": "the space was used up",
    "interrupted": "it was interrupted",
}


def _single(direction: Direction | Sequence[Direction]) -> Direction:
    """The direction of a single metric; `stated_metrics` has refused others."""
    return direction if isinstance(direction, str) else direction[0]


def _name(metric: str | Sequence[str] | None) -> str | None:
    return metric if isinstance(metric, str) else None


def _check_rungs(
    fidelity: Fidelity, max_budget: int | None, metrics: Sequence[str], stopping: Stopping
) -> None:
    check_fidelity(fidelity)
    if max_budget is not None and not (
        isinstance(max_budget, Integral) and not isinstance(max_budget, bool) and max_budget >= 1
    ):
        raise ArgumentError(f"max_budget = {max_budget!r} must be a whole number of at least 1.")
    if fidelity != "full" and max_budget is None:
        raise ArgumentError(
            f"fidelity = {fidelity!r} trains to rungs: say max_budget=…, the budget of a whole training, "
            "which the objective is then given as `budget`."
        )
    if metrics and (fidelity != "full" or stopping.any):
        raise ArgumentError(
            f"{len(metrics)} metrics have no single best, by which fidelity = {fidelity!r}, patience or "
            "regret could decide. Take fidelity='full' and a limit, or one metric with constraints on the "
            "others."
        )
    if stopping.regret == NOISE:
        raise ArgumentError(
            "regret='noise' needs the standard error of folds, which an objective does not tell. Give a "
            "number."
        )


def _check(
    n_trials: int | None, seconds: float | None, sampler: str, metric: object, seed: int, workers: int
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
    if metric is not None and (not isinstance(metric, str | Sequence) or not metric):
        raise ArgumentError(f"metric = {metric!r} must be the name of a metric that the objective returns.")
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise ArgumentError(f"seed = {seed!r} must be a whole number.")
