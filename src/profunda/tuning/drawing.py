"""What the next bracket of a search over fleets holds, or why there is none.

The first bracket begins with what is given: the best designs of an earlier run, and the portfolio. The rest
is the sampler's; of one that learns, every other design is left to chance. A design beyond the limits is
never trained: the sampler is told so and asked again.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from profunda._seeds import key, keys_of, uniforms
from profunda.errors import ArgumentError
from profunda.fleet.history import Status
from profunda.journal.record import Record
from profunda.space.space import Params, Space
from profunda.space.table import design_from
from profunda.tuning.budget import Budget
from profunda.tuning.ledger import Ledger
from profunda.tuning.limits import Gate
from profunda.tuning.portfolio import portfolio
from profunda.tuning.prospect import FAIR_COUNT, Prospect
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.sampler import Sampler
from profunda.tuning.terminators import Stop, Stopping, Tried, enough

__all__ = ["Drawing", "Known", "Standing"]

FIRST_SHARE = 1 / 3  # of the time left that a bracket may claim while the forecast was never measured
LATER_SHARE = 0.7  # and afterwards: a bracket that is cut off early has tried its designs for little
PORTFOLIO_SHARE = 1 / 2  # of the first bracket, at most
WARM_SHARE = 1 / 4  # the same where an earlier run's designs go first
CHANCE_SHARE = 1 / 2  # of a bracket whose sampler learns: its draws grow alike, ensembles want variety
MOST_ASKS = 50  # how often a sampler is asked for one bracket where the limits refuse what it draws


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

    def next(self, bracket: int, standing: Callable[[], Standing]) -> tuple[list[Params], str, int]:
        """The configurations of a bracket, none where the search is over; why it is; designs refused.

        Raises:
            ArgumentError: the limits refuse whatever the sampler draws.
        """
        record = self.ledger.recorded("bracket", "stop")
        if record is None:
            record = self._decide(bracket, standing())
        elif record.kind == "bracket":
            self._repeat(record)
        if record.kind == "stop":
            return [], str(record.data["reason"]), 0
        refused = len(record.data.get("refused", ()))
        return [self.space.validate(params) for params in record.data["params"]], "", refused

    def _decide(self, bracket: int, standing: Standing) -> Record:
        drawn = len(standing.tried)
        stop = enough(self.stopping, self.space, standing.tried) if bracket else None
        count, spent = self._affordable(bracket, drawn, standing.epochs)
        timed = self.deadline is not None and not self.grid
        if timed and count < FAIR_COUNT and self._time_for_any(bracket, drawn):
            count = self.prospect.size(bracket)  # of more designs, more are cheap enough
        if stop is not None or not count:
            return self._end(stop or spent)
        given = self._given(count) if bracket == 0 else []
        chance = self._by_chance(bracket, count) if self.learns and bracket else []
        room = count - len(given) - len(chance)
        asked = self._ask(room, drawn)
        allowed = [one for batch in asked for one in batch if self._allows(one)]
        turns = zip_longest(allowed[:room], chance)
        params = [dict(one) for one in [*given, *(one for turn in turns for one in turn if one is not None)]]
        if not params:
            why = "the grid was used up" if self.grid else "the limits refuse what is drawn"
            return self._end(Stop("exhausted", why))
        if timed:
            params = self.prospect.fitting(self._seconds_to_spend(bracket, drawn), params, bracket)
            if not params:
                return self._end(spent)
        more = {} if len(asked) == 1 and params == [*given, *asked[0]] else self._asked(asked)
        return self.ledger.decide("bracket", bracket=bracket, params=params, given=len(given), **more)

    def _end(self, stop: Stop) -> Record:
        return self.ledger.decide("stop", reason=stop.reason, cause=stop.cause)

    def _asked(self, asked: Sequence[Sequence[Params]]) -> dict[str, object]:
        """What the sampler was asked and why some of it is not trained, for the record."""
        refused = [
            [place, number, self.gate.says(design_from(one))]
            for place, batch in enumerate(asked)
            for number, one in enumerate(batch)
            if not self._allows(one)
        ]
        return {"asked": [[dict(one) for one in batch] for batch in asked], "refused": refused}

    def _repeat(self, record: Record) -> None:
        """Take note of draws on record, in the very calls in which they were made."""
        start = int(record.data.get("given", 0))
        for batch in record.data.get("asked") or [record.data["params"][start:]]:
            if batch:
                params = [self.space.validate(one) for one in batch]
                self.sampler.repeat(params)
                self._tell_refused(params)

    def _by_chance(self, bracket: int, count: int) -> list[Params]:
        """Draws of the space for a bracket, a function of the seed and its number alone."""
        wanted = int(CHANCE_SHARE * count)
        words = uniforms(keys_of([key("chance", self.seed, bracket)]), wanted * self.space.dimensions)
        draws = self.space.sample(words.reshape(wanted, self.space.dimensions))
        return [one for one in draws if self._allows(one)]

    def _ask(self, count: int, drawn: int) -> list[list[Params]]:
        """Batches of the sampler until `count` designs keep the limits, or nothing is left to draw."""
        batches: list[list[Params]] = []
        found = 0
        while found < count and len(batches) < MOST_ASKS:
            batch = self.sampler.propose(count - found)
            batches.append(batch)
            if not batch:
                break
            self._tell_refused(batch)
            found += sum(map(self._allows, batch))
        if count and not found and not drawn and any(batches):
            designs = [design_from(one) for batch in batches for one in batch]
            least = min(designs, key=lambda design: (self.gate.violation(design), design.id))
            raise ArgumentError(
                f"none of {len(designs):,} designs drawn keeps the limits; the nearest has "
                f"{self.gate.says(least)}. Raise the limits, or give a space of smaller networks."
            )
        return batches or [[]]

    def _tell_refused(self, batch: Sequence[Params]) -> None:
        for one in batch:
            if not self._allows(one):
                missed = self.gate.violation(design_from(one))
                self.sampler.tell(one, Outcome((float("nan"),), Status.UNFINISHED, missed))

    def _allows(self, params: Params) -> bool:
        return not self.gate.limits.any or self.gate.violation(design_from(params)) <= 0

    def _given(self, count: int) -> list[Params]:
        """What the first bracket begins with; the portfolio never takes more than its share."""
        if self.grid:
            return []  # a grid is exactly its combinations
        most = max(1, int((WARM_SHARE if self.given else PORTFOLIO_SHARE) * count))
        first = [one for one in portfolio(self.space) if one not in self.given][:most]
        room = max(0, count - len(first))
        return [one for one in [*self.given[:room], *first] if self._allows(one)]

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
            first = self._given if bracket == 0 else lambda count: []
            count = self.prospect.in_time(left, bracket, first) if left > 0 or not drawn else 0
            stop = Stop("seconds", f"the budget of {budget.text} was used up")
        if drawn == 0:
            count = max(count, 1)  # a search without a single trial helps nobody
        return max(0, min(count, self.prospect.size(bracket))), stop

    def _seconds_to_spend(self, bracket: int, drawn: int) -> float:
        left = (self.deadline or 0.0) - time.perf_counter()
        return left * min(LATER_SHARE if drawn else FIRST_SHARE, self.prospect.claim(bracket))

    def _time_for_any(self, bracket: int, drawn: int) -> bool:
        """A search without a single trial helps nobody; a later bracket needs time for one."""
        return not drawn or self._seconds_to_spend(bracket, drawn) > self.prospect.least
