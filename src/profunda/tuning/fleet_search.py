"""Search over a fleet: brackets of trials, each a design trained on every fold, halved at rungs.

Every trial is a replicate of its own: an equal design drawn twice is trained twice, from different seeds. A
decision (what is drawn, who goes on, why it ends) is on record before it takes effect, so a run that was
killed goes on as if nothing had happened.
"""

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from profunda.data.inputs import Inputs
from profunda.fleet.history import History, MemberHistory, Status
from profunda.fleet.member import Member
from profunda.fleet.pack import Plan
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData
from profunda.fleet.speed import Speeds
from profunda.fleet.state import MemberState
from profunda.journal.record import Record
from profunda.metrics.score import Metric, metric_for
from profunda.space.design import Design
from profunda.space.space import Params, Space
from profunda.training.packs import run_packs
from profunda.training.sources import Prepared
from profunda.tuning.budget import Budget
from profunda.tuning.causes import cause_of
from profunda.tuning.deadline import cancelled_at
from profunda.tuning.drawing import Drawing, Known, Standing
from profunda.tuning.foresight import Foreseeing, Foresight, constant_value, score_forecasts
from profunda.tuning.ledger import Ledger
from profunda.tuning.limits import UNLIMITED, Gate, Limits
from profunda.tuning.lives import Yardstick, yardstick_of
from profunda.tuning.progress import Meter
from profunda.tuning.prospect import Prospect
from profunda.tuning.race import Entry, Rung, is_new, rungs_of, unended, whole
from profunda.tuning.result import SearchResult, Trial
from profunda.tuning.rungs import Fidelity, epochs_at, survivors
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import LEARNING, sampler_for
from profunda.tuning.terminators import NEVER, Stopping, Tried
from profunda.tuning.verdict import TROUBLES, Verdict, cause_of_dropping, judge

__all__ = [
    "BRACKET",
    "Candidate",
    "Contest",
    "Found",
    "search_fleet",
]

BRACKET = 81  # trials asked for at once: with η = 3, some 81 → 27 → 9
POOL = 60  # candidates kept in memory for the selection
LEAST_MEASURED = 0.1  # seconds of training that tell the pace; shorter ones tell of starting threads
NO_WEIGHTS = np.zeros(0, np.float32)
NO_CURVE = np.zeros(0)
UNTRAINED = MemberHistory(0, 0, NO_CURVE, NO_CURVE, 0, Status.UNFINISHED)


@dataclass(frozen=True)
class Contest:
    """What is fixed in the journal when a run starts, and never depends on workers or the clock.

    `speeds` are those by which `engine` "auto" chooses: the ones of the machine on which the run began.
    `forecast`: what theory rules out is not trained. `given` are configurations that are tried first, `known`
    what an earlier run has found on the same data.
    """

    space: Space
    sampler: str
    metric: Metric
    budget: Budget
    engine: str
    speeds: Speeds
    seed: int
    forecast: bool
    bracket: int = BRACKET
    fidelity: Fidelity = "halving"
    stopping: Stopping = NEVER
    limits: Limits = UNLIMITED
    given: tuple[Params, ...] = ()
    known: tuple[Known, ...] = ()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A trial that went far, with the state of each of its folds."""

    trial: Trial
    design: Design
    states: tuple[MemberState, ...]


@dataclass(frozen=True, eq=False)
class Found:
    """A search's result, and the candidates from which a Model can be selected, best first.

    `engine` says which trained ("native", "torch", "native and torch"), `instruction_set` the native one's.
    `training_seconds` are this call's. `interrupted`: the user ended it early, the run can be resumed.
    """

    result: SearchResult
    candidates: tuple[Candidate, ...]
    engine: str
    instruction_set: str
    training_seconds: float
    interrupted: bool


def search_fleet(
    contest: Contest,
    sources: Prepared,
    data: FleetData,
    *,
    ledger: Ledger,
    workers: int,
    deadline: float | None,
    meter: Meter,
) -> Found:
    """Run the contest to the end of its budget, or until it is interrupted from the keyboard.

    `deadline` is a `time.perf_counter()` value that goes with a budget in seconds: at it, training ends and
    what has finished counts.
    """
    return _Search(contest, sources, data, ledger, workers, deadline, meter).run()


class _Search:
    def __init__(
        self,
        contest: Contest,
        sources: Prepared,
        data: FleetData,
        ledger: Ledger,
        workers: int,
        deadline: float | None,
        meter: Meter,
    ) -> None:
        self.contest, self.sources, self.data = contest, sources, data
        self.ledger, self.workers, self.deadline, self.meter = ledger, workers, deadline, meter
        direction = "maximize" if contest.metric.greater_is_better else "minimize"
        self.sampler = sampler_for(contest.sampler, contest.space, contest.seed, direction)
        self.folds = len(sources.folds)
        self.entries: list[Entry] = []
        self.brackets: list[int] = []  # of each entry
        self.curves: dict[tuple[int, int], MemberHistory] = {}
        self.pool: list[Entry] = []
        self.sampler_seconds = 0.0
        self.training_before = 0.0  # wall-clock seconds in which earlier calls of the run trained
        self.training_seconds = 0.0  # and this one
        self.refused = 0  # designs beyond the limits
        self.ruled_out: Counter[str] = Counter()  # by theory, for each of its concerns
        self.reason = ""  # why the search has ended
        task = sources.dataset.task
        rows = len(sources.folds[0].train)
        self.foreseeing = Foreseeing(self._inputs, task.n_outputs, rows, not task.numeric)
        asked = contest.forecast and contest.sampler != "grid"  # a grid is exactly its combinations
        self.gate = Gate(
            contest.limits,
            self._inputs,
            task.n_outputs,
            contest.speeds.torch,
            self.foreseeing if asked else None,
        )
        self.prospect = Prospect(
            contest.space,
            contest.seed,
            contest.bracket,
            workers,
            lambda design: self.folds * self._plan([Member(design, 0)]).seconds,
            contest.fidelity,
            self.gate.allows,
            self.folds,
            deadline is not None,
        )
        self.drawing = Drawing(
            contest.space,
            self.sampler,
            contest.sampler == "grid",
            contest.sampler in LEARNING,
            contest.seed,
            contest.budget,
            contest.stopping,
            self.gate,
            contest.given,
            self.prospect,
            ledger,
            self.folds,
            deadline,
        )
        self.drawing.learn(contest.known)

    def _inputs(self, design: Design) -> Inputs:
        """The encoded inputs of a design."""
        return self.sources.preprocessing(design.encoding, 0).inputs

    def run(self) -> Found:
        """Bracket after bracket until the budget is spent."""
        interrupted, bracket = False, 0
        try:
            while self._race(bracket):
                bracket += 1
        except KeyboardInterrupt:
            interrupted = True
        return self._found(interrupted)

    def _race(self, bracket: int) -> bool:
        """One bracket from its draw to its last rung; False when the search is over."""
        entries = alive = self._draw(bracket)
        if not entries:
            return False
        rungs = rungs_of(bracket, self.prospect.ladder(bracket))
        for rung in rungs:
            self.meter.stage = f"searching, bracket {bracket + 1}, rung {rung.number + 1} of {len(rungs)}"
            alive = self._run_rung(rung, alive)
            if not alive:
                break
        started = time.perf_counter()
        for entry in entries:
            verdict = entry.verdict
            ended = (
                Outcome((math.nan,), Status.FAILED)
                if verdict is None
                else Outcome((verdict.value,), verdict.status)
            )
            self.sampler.tell(entry.params, ended)
        self.sampler_seconds += time.perf_counter() - started
        return True

    def _draw(self, bracket: int) -> list[Entry]:
        """The trials of the next bracket; none when the search is over."""
        started = time.perf_counter()
        drawn = self.drawing.next(bracket, self._standing)
        self.sampler_seconds += time.perf_counter() - started
        self.reason = drawn.why
        self.refused += drawn.refused
        self.ruled_out.update(drawn.ruled_out)
        first = len(self.entries)
        entries = [
            Entry.of(first + i, params, self.contest.seed, self.folds)
            for i, params in enumerate(drawn.params)
        ]
        self.entries += entries
        self.brackets += [bracket] * len(entries)
        self.meter.trials += len(entries)
        return entries

    def _standing(self) -> Standing:
        """What the next draw depends on; a loss counts only at the end of training."""
        top = self.prospect.top
        tried = []
        for entry in self.entries:
            verdict, bracket = entry.verdict, self.brackets[entry.number]
            full = verdict is not None and verdict.rung == top and verdict.status not in TROUBLES
            loss = self._sign * verdict.value if full and verdict is not None else math.nan
            error = verdict.spread if verdict is not None else math.nan
            tried.append(Tried(entry.params, loss, error, bracket))
        return Standing(tried, sum(curve.epochs for curve in self.curves.values()))

    @property
    def _sign(self) -> float:
        return -1.0 if self.contest.metric.greater_is_better else 1.0

    def _run_rung(self, rung: Rung, alive: list[Entry]) -> list[Entry]:
        """Train `alive` to a rung and commit it; returns who goes on."""
        runners = [(e, fold) for e in alive for fold in range(self.folds) if unended(e.states[fold])]
        finished = self._take_finished(rung)
        record = self.ledger.recorded("rung", "cut")
        if record is None:
            whole = self._train(rung, runners, finished)
            record = self._decide(rung, alive, whole)
        else:
            self.training_before = float(record.data["training_seconds"])
        verdicts = {int(number): Verdict.from_json(v) for number, v in record.data["verdicts"].items()}
        for entry in alive:
            entry.verdict = verdicts.get(entry.number, entry.verdict)
        going = set(record.data["going"])
        self._retire(
            rung, [entry for entry in alive if entry.number not in going], not going, record.data["kept"]
        )
        self._show(alive)
        return [entry for entry in alive if entry.number in going]

    def _plan(self, members: Sequence[Member], epochs: Sequence[int] | None = None) -> Plan:
        """`epochs` as in `plan`: those still to train."""
        contest = self.contest
        return plan(members, self.data, engine=contest.engine, speeds=contest.speeds, epochs=epochs)

    def _take_finished(self, rung: Rung) -> frozenset[int]:
        """Take over the packs of this rung that an earlier call finished; their numbers.

        One whose states are gone, though nothing was decided yet, is trained again.
        """
        taken = set()
        for number, data in self.ledger.packs(rung.bracket, rung.number).items():
            states = self.ledger.pack_states(rung.bracket, rung.number, number)
            if states is not None:
                taken.add(number)
                seconds = float(data["seconds"])
                self._take([(int(trial), int(fold)) for trial, fold in data["owners"]], states, seconds)
                self.training_before += seconds / self.workers  # the rung is undecided, so it has not told
        return frozenset(taken)

    def _take(self, owners: Sequence[tuple[int, int]], states: Sequence[MemberState], seconds: float) -> None:
        """Hand the states of a finished pack to its trials."""
        for (trial, fold), state in zip(owners, states, strict=True):
            self.meter.networks += self.entries[trial].states[fold] is None
            self.entries[trial].states[fold] = state
            self.entries[trial].seconds += seconds / len(states)

    def _train(self, rung: Rung, runners: list[tuple[Entry, int]], finished: frozenset[int]) -> bool:
        """Bring `runners` to a rung; False if the deadline came before all packs had finished."""
        packs = self._plan(
            [entry.members[fold] for entry, fold in runners],
            [rung.epochs(entry.design) for entry, _ in runners],
        )
        todo = [pack.seconds for number, pack in enumerate(packs.packs) if number not in finished]
        if not todo:
            return all(entry.reached(rung.share) for entry, _ in runners)
        started = time.perf_counter()
        with cancelled_at(self.deadline) as cancel:
            trained = self._run_packs(rung, runners, packs, finished, cancel)
        seconds = time.perf_counter() - started
        self.training_seconds += seconds
        if trained == len(todo) and seconds > LEAST_MEASURED:
            self.prospect.drift = seconds / max(*todo, sum(todo) / self.workers)
        if trained < len(todo) and self._nothing_judged() and not any(map(whole, self.entries)):
            self._train_one_epoch(rung, len(packs.packs))
        return all(entry.reached(rung.share) for entry, _ in runners)

    def _nothing_judged(self) -> bool:
        return all(entry.verdict is None for entry in self.entries)

    def _train_one_epoch(self, rung: Rung, first_pack: int) -> None:
        """Give the cheapest trial an epoch beyond the deadline, so that there is something to show."""
        entry = min(self.entries, key=lambda e: (self._plan(e.members).seconds, e.number))
        packs = self._plan(entry.members)
        ones = [1] * self.folds
        for number, result, seconds in run_packs(packs, self.data, until=ones, states=[None] * self.folds):
            owners = [(entry.number, fold) for fold in packs.packs[number].members]
            place = first_pack + number
            self.ledger.finish_pack(rung.bracket, rung.number, place, owners, result.states, seconds)
            self._take(owners, result.states, seconds)

    def _run_packs(
        self,
        rung: Rung,
        runners: list[tuple[Entry, int]],
        packs: Plan,
        finished: frozenset[int],
        cancel: threading.Event,
    ) -> int:
        """Train the packs that are left and record each as it finishes; how many finished.

        While nothing was ever judged, packs that are cut off after whole epochs count as far as they came.
        """
        hurried = self.deadline is not None and self._nothing_judged()
        goals = [epochs_at(rung.share, entry.design.epochs) for entry, _ in runners]
        trained = 0
        for number, result, seconds in run_packs(
            packs,
            self.data,
            until=goals,
            states=[entry.states[fold] for entry, fold in runners],
            skip=finished,
            workers=self.workers,
            shortest_first=hurried,
            progress=self.meter.add_steps,
            cancel=cancel,
        ):
            members = packs.packs[number].members
            ends = zip(members, result.states, strict=True)
            short = any(unended(state) and state.epoch < goals[i] for i, state in ends)
            if short and not (hurried and all(state.best_epoch for state in result.states)):
                continue  # cancelled on its way: it is trained again from its last rung, or never needed
            owners = [(runners[i][0].number, runners[i][1]) for i in members]
            self.ledger.finish_pack(rung.bracket, rung.number, number, owners, result.states, seconds)
            self._take(owners, result.states, seconds)
            trained += not short
        return trained

    def _decide(self, rung: Rung, alive: list[Entry], whole: bool) -> Record:
        """Judge the trials at a rung and write down what became of them and which go on."""
        judged = [entry for entry in alive if entry.reached(rung.share) or (not whole and is_new(entry))]
        verdicts = {entry.number: self._judge(entry, rung.height) for entry in judged}
        going: tuple[int, ...] = ()
        if whole and not rung.last:
            losses = [
                math.nan if v.status in TROUBLES else self._sign * v.value
                for v in (verdicts[e.number] for e in judged)
            ]
            count = rung.ladder.going(len(losses))
            going = tuple(judged[i].number for i in survivors(losses, count))
        for entry in alive:
            verdict = verdicts.get(entry.number, entry.verdict)
            if entry.number not in going and verdict is not None and verdict.status is Status.RUNNING:
                states = [state for state in entry.states if state is not None]
                ending = cause_of_dropping(states) if whole else Status.UNFINISHED
                verdicts[entry.number] = replace(verdict, status=ending)
        dropped = [entry for entry in alive if entry.number not in going]
        kept = self._keep(rung, dropped, final=not going)
        return self.ledger.decide(
            "rung" if whole else "cut",
            bracket=rung.bracket,
            rung=rung.number,
            going=list(going),
            kept=kept,
            training_seconds=self.training_before + self.training_seconds,
            verdicts={str(number): verdict.to_json() for number, verdict in verdicts.items()},
        )

    def _judge(self, entry: Entry, rung: int) -> Verdict:
        states = [state for state in entry.states if state is not None]
        return judge(entry.design, states, self.sources, self.contest.metric, rung)

    def _keep(self, rung: Rung, dropped: list[Entry], final: bool) -> bool:
        """Store what a resume needs of trials that end here: their curves, at a bracket's end everything.

        Whether there was anything to store.
        """
        ended = [
            (entry, fold, s) for entry in dropped for fold, s in enumerate(entry.states) if s is not None
        ]
        bare = {"params": NO_WEIGHTS, "best_params": NO_WEIGHTS, "moments": ()}
        states = [state if final else replace(state, **bare) for _, _, state in ended]
        owners = [[entry.number, fold] for entry, fold, _ in ended]
        self.ledger.keep(rung.bracket, rung.number, states, owners)
        return bool(states)

    def _retire(self, rung: Rung, dropped: list[Entry], final: bool, kept: bool) -> None:
        """Note the curves of ended trials; they become candidates only at a bracket's end."""
        byname = {
            (number, fold): state for number, fold, state in self.ledger.kept(rung.bracket, rung.number, kept)
        }
        for entry in dropped:
            for fold in range(self.folds):
                state = byname.get((entry.number, fold), entry.states[fold])
                entry.states[fold] = state if final else None
                if state is not None:
                    self.curves[entry.number, fold] = state.history
        if final:
            self.pool = self._best(self.pool + [entry for entry in dropped if whole(entry)])[:POOL]
            pooled = {entry.number for entry in self.pool}
            for entry in self.entries:
                if entry.number not in pooled:
                    entry.states = [None] * self.folds
            self.ledger.forget_packs(rung.bracket)

    def _best(self, entries: list[Entry]) -> list[Entry]:
        """Entries with a finite value, those that went furthest first, then by value, then by number."""
        judged = [(e, e.verdict) for e in entries if e.verdict is not None and math.isfinite(e.verdict.value)]
        judged.sort(key=lambda pair: (-pair[1].rung, self._sign * pair[1].value, pair[0].number))
        return [entry for entry, _ in judged]

    def _show(self, alive: list[Entry]) -> None:
        """Tell the meter how the search stands."""
        self.meter.endings.clear()
        for entry in self.entries:
            if entry.verdict is not None and entry.verdict.status in TROUBLES:
                self.meter.endings[entry.verdict.status.value] += 1
        best = next(iter(self._best([*self.pool, *alive])), None)
        if best is not None and best.verdict is not None:
            spread = "" if math.isnan(best.verdict.spread) else f" ± {best.verdict.spread:.2g}"
            self.meter.best = f"{self.contest.metric.title} {best.verdict.value:.4g}{spread}"

    def _found(self, interrupted: bool) -> Found:
        pool = list(self.pool)
        if interrupted:  # whoever was in the race counts as far as he came
            racing = [entry for entry in self.entries if whole(entry) and entry not in pool]
            for entry in racing:
                entry.verdict = entry.verdict or self._judge(entry, 0)
                for fold, state in enumerate(entry.states):
                    if state is not None:
                        self.curves[entry.number, fold] = state.history
            pool = self._best(pool + racing)
        yardstick = self._yardstick()
        trials = {entry.number: self._trial(entry, yardstick) for entry in self.entries}
        candidates = tuple(
            Candidate(trials[e.number], e.design, tuple(s for s in e.states if s is not None)) for e in pool
        )
        places = [(entry, fold) for entry in self.entries for fold in range(self.folds)]
        history = History(
            tuple(entry.members[fold] for entry, fold in places),
            tuple(self.curves.get((entry.number, fold), UNTRAINED) for entry, fold in places),
        )
        result = SearchResult(
            trials=tuple(trials.values()),
            history=history,
            space=self.contest.space,
            metric=self.contest.metric.name,
            greater_is_better=self.contest.metric.greater_is_better,
            sampler=self.contest.sampler,
            rungs=self.prospect.rung_epochs,
            folds=self.folds,
            networks=sum(curve.epochs > 0 for curve in history.curves),
            member_steps=history.steps,
            seconds=self.ledger.elapsed,
            sampler_seconds=self.sampler_seconds,
            training_seconds=self.training_before + self.training_seconds,
            fidelity=self.contest.fidelity,
            stopped=self.reason,
            refused=self.refused,
            ruled_out_by=tuple(self.ruled_out.most_common()),
            foresight=self._foresight(),
        )
        # The engine of a member never depends on the fleet, so a plan of all tells who trained.
        made = self._plan(
            [m for m, curve in zip(history.members, history.curves, strict=True) if curve.epochs]
        )
        return Found(
            result, candidates, made.engine, made.instruction_set, self.training_seconds, interrupted
        )

    def _foresight(self) -> Foresight:
        """The forecast of every design that was judged, held against its score."""
        judged = [
            (entry.design, entry.verdict.value)
            for entry in self.entries
            if entry.verdict is not None and entry.verdict.status is not Status.FAILED
        ]
        return score_forecasts(
            [self.foreseeing.of(design) for design, _ in judged],
            [value for _, value in judged],
            constant_value(self.sources.dataset, self.sources.folds, self.contest.metric),
            self.contest.metric.greater_is_better,
        )

    def _yardstick(self) -> Yardstick:
        """In the unit of validation losses: the log-loss, or squared errors of the standardised target."""
        data = self.sources.dataset
        constant = 1.0
        if not data.task.numeric:
            constant = constant_value(data, self.sources.folds, metric_for(data.task.kind, "log_loss"))
        constant *= len(data.task.parts) or 1  # losses of several targets are added up
        return yardstick_of(constant, [self._curves_of(entry) for entry in self.entries])

    def _curves_of(self, entry: Entry) -> list[MemberHistory]:
        found = [self.curves.get((entry.number, fold), UNTRAINED) for fold in range(self.folds)]
        return [curve for curve in found if curve.epochs]

    def _trial(self, entry: Entry, yardstick: Yardstick) -> Trial:
        verdict = entry.verdict or Verdict((), math.nan, math.nan, Status.UNFINISHED, 0, 0)
        return Trial(
            number=entry.number,
            params=entry.params,
            design=entry.design,
            scores=verdict.scores,
            value=verdict.value,
            spread=verdict.spread,
            rung=verdict.rung,
            epochs=verdict.epochs,
            status=verdict.status,
            seconds=entry.seconds,
            parameters=self.gate.parameters(entry.design),
            cause=cause_of(
                verdict.status,
                entry.design,
                self._curves_of(entry),
                yardstick,
                self.foreseeing.of(entry.design),
            ),
        )
