"""What the next bracket of a search over fleets holds, or why there is none.

The first bracket begins with what is given: the best designs of an earlier run, and the portfolio. The rest
is the sampler's; of one that learns, every other design is left to chance. A design beyond the limits, or
ruled out by theory, is never trained: the sampler is told so and asked again, and the record says why.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from profunda._seeds import key, keys_of, uniforms
from profunda.errors import ArgumentError
from profunda.fleet.history import Status
from profunda.journal.record import Record
from profunda.space.design import Design
from profunda.space.space import Params, Space
from profunda.space.table import design_from
from profunda.tuning.budget import Budget
from profunda.tuning.ledger import Ledger
from profunda.tuning.limits import Gate, Refusal
from profunda.tuning.portfolio import portfolio
from profunda.tuning.prospect import FAIR_COUNT, Prospect
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import Sampler
from profunda.tuning.terminators import Stop, Stopping, Tried, enough

__all__ = ["Drawing", "Drawn", "Known", "Standing"]

FIRST_SHARE = 1 / 3  # of the time left that a bracket may claim while the forecast was never measured
LATER_SHARE = 0.7  # and afterwards: a bracket that is cut off early has tried its designs for little
LAST_SHARE = 0.9  # and where less would hold no trial
PORTFOLIO_SHARE = 1 / 2  # of the first bracket, at most
WARM_SHARE = 1 / 4  # the same where an earlier run's designs go first
CHANCE_SHARE = 1 / 2  # of a bracket whose sampler learns: its draws grow alike, ensembles want variety
_CONCERN, _VIOLATION = 3, 4  # places in what is on record of a design that theory has ruled out
MOST_ASKS = 50  # how often a sampler is asked for one bracket where what it draws is refused


@dataclass(frozen=True)
class Known:
    """A configuration that an earlier run has judged on the same data: the sampler learns from it."""

    params: Params
    value: float
    status: Status


@dataclass(frozen=True)
class Standing:
    """How a search stands before a bracket: its trials, and the epochs that all networks have trained."""

    tried: Sequence[Tried]
    epochs: int


@dataclass(frozen=True)
class Drawn:
    """The configurations of a bracket, none where the search is over, and `why` it is.

    `refused` counts designs beyond the limits, `ruled_out` are the concerns for which theory ruled one out
    each.
    """

    params: tuple[Params, ...]
    why: str = ""
    refused: int = 0
    ruled_out: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Drawing:
    """Draws brackets; every draw is on record before it is used, and what is on record is drawn again.

    `grid` and `learns` say so of the sampler; `given` is tried first; `deadline` as in `search_fleet`.
    """

    space: Space
    sampler: Sampler
    grid: bool
    learns: bool
    seed: int
    budget: Budget
    stopping: Stopping
    gate: Gate
    given: tuple[Params, ...]
    prospect: Prospect
    ledger: Ledger
    folds: int
    deadline: float | None

    def learn(self, known: Sequence[Known]) -> None:
        """Tell the sampler what an earlier run has found."""
        for one in known:
            params = self.space.validate(one.params)
            self.sampler.tell(params, Outcome((one.value,), one.status))

    def next(self, bracket: int, standing: Callable[[], Standing]) -> Drawn:
        """What a bracket holds.

        Raises:
            ArgumentError: whatever the sampler draws is refused.
        """
        record = self.ledger.recorded("bracket", "stop")
        if record is None:
            record = self._decide(bracket, standing())
        elif record.kind == "bracket":
            self._repeat(record)
        if record.kind == "stop":
            return Drawn((), str(record.data["reason"]))
        return Drawn(
            tuple(self.space.validate(params) for params in record.data["params"]),
            refused=len(record.data.get("refused", ())),
            ruled_out=tuple(str(told[_CONCERN]) for told in record.data.get("ruled_out", ())),
        )

    def _decide(self, bracket: int, standing: Standing) -> Record:
        drawn = len(standing.tried)
        stop = enough(self.stopping, self.space, standing.tried) if bracket else None
        count, spent = self._affordable(bracket, drawn, standing.epochs)
        timed = self.deadline is not None and not self.grid
        if timed and count < FAIR_COUNT and self._time_for_any(drawn):
            count = self.prospect.size(bracket)  # of more designs, more are cheap enough
        if stop is not None or not count:
            return self._end(stop or spent)
        own, usual = self._first(count) if bracket == 0 else ([], [])
        given = self._begun(own, usual)
        by_chance = self._by_chance(bracket, count) if self.learns and bracket else []
        chance = [one for one in by_chance if self._refusal(one) is None]
        room = count - len(given) - len(chance)
        asked = self._ask(room, drawn)
        allowed = [one for batch in asked for one in batch if self._refusal(one) is None]
        turns = zip_longest(allowed[:room], chance)
        params = [dict(one) for one in [*given, *(one for turn in turns for one in turn if one is not None)]]
        if not params:
            return self._end(Stop("exhausted", self._why_nothing))
        if timed:
            usual_time, whole_time = self._seconds_to_spend(bracket, drawn), LAST_SHARE * self._seconds_left
            fitting = partial(self.prospect.fitting, offered=params, bracket=bracket)
            params = fitting(usual_time) or fitting(whole_time)
            if not params:
                return self._end(spent)
        whole = len(asked) == 1 and params == [*own, *usual, *asked[0]]
        more = {} if whole else self._asked(asked, {"given": own, "portfolio": usual, "chance": by_chance})
        return self.ledger.decide("bracket", bracket=bracket, params=params, given=len(given), **more)

    def _end(self, stop: Stop) -> Record:
        return self.ledger.decide("stop", reason=stop.reason, cause=stop.cause)

    @property
    def _why_nothing(self) -> str:
        if self.grid:
            return "the grid was used up"
        if self.gate.foreseeing is None:
            return "the limits refuse what is drawn"
        return "what is drawn is beyond the limits, or ruled out by theory"

    def _asked(
        self, asked: Sequence[Sequence[Params]], others: Mapping[str, Sequence[Params]]
    ) -> dict[str, object]:
        """What the sampler was asked, and what of this and of the `others` is not trained and why.

        `refused` by the limits: [batch, number, words]; `ruled_out` by theory, with concern and violation at
        the end. The batch is a place in `asked`, or the name of one of the others, of which only what is
        refused is kept, under `left_out`; the number is the place there.
        """
        refused: list[list[object]] = []
        ruled_out: list[list[object]] = []
        left_out: dict[str, list[dict[str, object]]] = {}
        for place, batch in [*enumerate(asked), *others.items()]:
            for number, one in enumerate(batch):
                refusal = self._refusal(one, place == "given")
                if refusal is None:
                    continue
                if isinstance(place, str):
                    kept = left_out.setdefault(place, [])
                    number = len(kept)
                    kept.append(dict(one))
                if refusal.by == "limits":
                    refused.append([place, number, refusal.words])
                else:
                    words, concern = refusal.words, refusal.concern
                    ruled_out.append([place, number, words, concern, refusal.violation])
        told = [[dict(one) for one in batch] for batch in asked]
        more = {"ruled_out": ruled_out, "left_out": left_out}
        return {"asked": told, "refused": refused, **{name: found for name, found in more.items() if found}}

    def _repeat(self, record: Record) -> None:
        """Take note of draws on record, in the very calls in which they were made."""
        start = int(record.data.get("given", 0))
        by_theory = {tuple(told[:2]): float(told[_VIOLATION]) for told in record.data.get("ruled_out", ())}
        for place, batch in enumerate(record.data.get("asked") or [record.data["params"][start:]]):
            if batch:
                params = [self.space.validate(one) for one in batch]
                self.sampler.repeat(params)
                for number, one in enumerate(params):
                    missed = by_theory.get((place, number), self.gate.violation(design_from(one)))
                    self._tell_missed(one, missed)

    def _by_chance(self, bracket: int, count: int) -> list[Params]:
        """Draws of the space for a bracket, a function of the seed and its number alone."""
        wanted = int(CHANCE_SHARE * count)
        words = uniforms(keys_of([key("chance", self.seed, bracket)]), wanted * self.space.dimensions)
        return self.space.sample(words.reshape(wanted, self.space.dimensions))

    def _ask(self, count: int, drawn: int) -> list[list[Params]]:
        """Batches of the sampler until `count` designs may be trained, or nothing is left to draw."""
        batches: list[list[Params]] = []
        found = 0
        while found < count and len(batches) < MOST_ASKS:
            batch = self.sampler.propose(count - found)
            batches.append(batch)
            if not batch:
                break
            for one in batch:
                refusal = self._refusal(one)
                found += refusal is None
                self._tell_missed(one, 0.0 if refusal is None else refusal.violation)
        if count and not found and not drawn and any(batches):
            self._give_up([design_from(one) for batch in batches for one in batch])
        return batches or [[]]

    def _give_up(self, designs: Sequence[Design]) -> None:
        """Tell that everything is refused: by the limits alone, or by theory at least in part."""
        refusals = [refusal for design in designs if (refusal := self.gate.refusal(design)) is not None]
        by_theory = [refusal for refusal in refusals if refusal.by == "forecast"]
        if not by_theory:
            least = min(designs, key=lambda design: (self.gate.violation(design), design.id))
            raise ArgumentError(
                f"none of {len(designs):,} designs drawn keeps the limits; the nearest has "
                f"{self.gate.says(least)}. Raise the limits, or give a space of smaller networks."
            )
        mildest = min(by_theory, key=lambda refusal: (refusal.violation, refusal.words))
        beyond = len(refusals) - len(by_theory)
        also = f", and {beyond:,} are beyond the limits" if beyond else ""
        raise ArgumentError(
            f"theory rules out {len(by_theory):,} of {len(designs):,} designs drawn{also}: nothing is left "
            f"to train. The mildest case: {mildest.words} Give a space of other depths, rates or epochs; or "
            "train them all the same with forecast=False (--no-forecast)."
        )

    def _tell_missed(self, params: Params, missed: float) -> None:
        if missed > 0:
            self.sampler.tell(params, Outcome((float("nan"),), Status.UNFINISHED, missed))

    def _refusal(self, params: Params, given: bool = False) -> Refusal | None:
        return self.gate.refusal(design_from(params), given)

    def _first(self, count: int) -> tuple[list[Params], list[Params]]:
        """What the first bracket would begin with: what the user gave, and the portfolio's share of it."""
        if self.grid:
            return [], []  # a grid is exactly its combinations
        most = max(1, int((WARM_SHARE if self.given else PORTFOLIO_SHARE) * count))
        usual = [one for one in portfolio(self.space) if one not in self.given]
        if self.deadline is not None:
            usual = self.prospect.opening(usual, self._seconds_to_spend(0, 0))
        usual = usual[:most]
        return list(self.given[: max(0, count - len(usual))]), usual

    def _begun(self, own: Sequence[Params], usual: Sequence[Params]) -> list[Params]:
        """What of it may be trained."""
        kept = [one for one in own if self._refusal(one, given=True) is None]
        return kept + [one for one in usual if self._refusal(one) is None]

    def _affordable(self, bracket: int, drawn: int, spent: int) -> tuple[int, Stop]:
        """How many trials the next bracket may hold and, where none, why the search ends."""
        budget = self.budget
        if budget.trials is not None:
            count = min(budget.trials - drawn, self.prospect.size(bracket, budget.trials))
            stop = Stop("trials", f"{budget.text} were drawn")
        elif budget.epochs is not None:
            left = (budget.epochs - spent) * self.prospect.claim(bracket)
            count = self.prospect.in_epochs(left, self.folds, bracket)
            stop = Stop("epochs", f"{spent:,} of {budget.text} were trained")
        else:
            left = self._seconds_to_spend(bracket, drawn)
            first = (lambda count: self._begun(*self._first(count))) if bracket == 0 else lambda count: []
            count = self.prospect.in_time(left, bracket, first) if left > 0 or not drawn else 0
            stop = Stop("seconds", f"the budget of {budget.text} was used up")
        if drawn == 0:
            count = max(count, 1)  # a search without a single trial helps nobody
        return max(0, min(count, self.prospect.size(bracket))), stop

    def _seconds_to_spend(self, bracket: int, drawn: int) -> float:
        return self._seconds_left * min(LATER_SHARE if drawn else FIRST_SHARE, self.prospect.claim(bracket))

    def _time_for_any(self, drawn: int) -> bool:
        """A search without a single trial helps nobody; a later bracket needs time for one."""
        return not drawn or LAST_SHARE * self._seconds_left > self.prospect.least

    @property
    def _seconds_left(self) -> float:
        return (self.deadline or 0.0) - time.perf_counter()
