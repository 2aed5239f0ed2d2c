"""What the next bracket may hold: a forecast from designs drawn for it alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from profunda._seeds import key, keys_of, uniforms
from profunda.space.design import Design
from profunda.space.space import Params, Space
from profunda.space.table import design_from
from profunda.tuning.rungs import Fidelity, Ladder, ladders

__all__ = ["FAIR_COUNT", "Prospect", "forecast_params", "longest_epochs"]

FORECAST = 64  # designs drawn to forecast what a trial costs
FAIR_COUNT = 9  # trials: with fewer, two rungs of halving have nothing to halve
LARGEST_SHARE = 1 / 4  # of a bracket's time that one of its trials may claim
OPENING_SHARE = 1 / 2  # and the very first one, which is what is known to do well


def forecast_params(space: Space, seed: int) -> list[Params]:
    """Draws that forecast what a trial costs; they are never trained."""
    words = uniforms(keys_of([key("forecast", seed)]), FORECAST * space.dimensions)
    return space.sample(words.reshape(FORECAST, -1))


def longest_epochs(designs: Sequence[Design]) -> int:
    """The epochs of the longest design."""
    return max(design.epochs for design in designs)


class Prospect:
    """Designs drawn to forecast costs, the ladders they ask for, and how many trials fit by them.

    `seconds_of` gives the forecast seconds of one thread for all epochs of a design on all `folds`; `drift`
    is how many measured seconds go by for a forecast one. `bracket` is the most that a bracket may hold;
    `allows` says of a design whether it may be trained at all. Where `timed`, by a budget in seconds, as many
    trials go on from a rung as keep all workers busy: for the others the result must not depend on workers.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        bracket: int,
        workers: int,
        seconds_of: Callable[[Design], float],
        fidelity: Fidelity = "halving",
        allows: Callable[[Design], bool] = lambda design: True,
        folds: int = 1,
        timed: bool = False,
    ) -> None:
        self.params = forecast_params(space, seed)
        self.designs = [design_from(params) for params in self.params]
        cycle = ladders(fidelity, min(design.epochs for design in self.designs))
        least = math.ceil(workers / folds) if timed else 1
        self.cycle = tuple(replace(ladder, least=least) for ladder in cycle)
        self.bracket, self.seconds_of, self.allows = bracket, seconds_of, allows
        self.workers, self.folds, self.drift = workers, folds, 1.0
        self._known: dict[str, float] = {}  # seconds forecast, by the id of the design

    @property
    def rung_epochs(self) -> tuple[int, ...]:
        """Epochs of the rungs of the boldest bracket, for the longest design."""
        return self.cycle[0].goals(longest_epochs(self.designs))

    @property
    def top(self) -> int:
        """The height of the rung at the end of training."""
        return len(self.cycle[0].shares) - 1

    def ladder(self, bracket: int) -> Ladder:
        """The ladder of a bracket, by its number."""
        return self.cycle[bracket % len(self.cycle)]

    def claim(self, bracket: int) -> float:
        """The share of what is left that a bracket may spend, so that all of its cycle get as much."""
        return 1 / (len(self.cycle) - bracket % len(self.cycle))

    def size(self, bracket: int, trials: int | None = None) -> int:
        """The most trials that a bracket may hold; few `trials` are shared out over the first cycle."""
        ladder, whole = self.ladder(bracket), sum(each.size for each in self.cycle)
        scale = 1.0 if trials is None else min(1.0, trials / (self.bracket * whole))
        return max(1, math.ceil(self.bracket * scale * ladder.size - 1e-9))

    @cached_property
    def _possible(self) -> list[Params]:
        pairs = zip(self.params, self.designs, strict=True)
        return [params for params, design in pairs if self.allows(design)]

    @cached_property
    def _forecast(self) -> list[float]:
        # Not before somebody asks: it may have to prepare inputs.
        return [self._seconds(params) for params in self._possible]

    def _seconds(self, params: Params) -> float:
        design = design_from(params)
        if design.id not in self._known:
            self._known[design.id] = self.seconds_of(design)
        return self._known[design.id]

    def in_epochs(self, left: float, folds: int, bracket: int = 0) -> int:
        """The most trials whose rungs cannot take more than `left` epochs, whatever survives."""
        ladder, longest = self.ladder(bracket), longest_epochs(self.designs)
        count = self.size(bracket)
        while count and folds * ladder.most_epochs(count, longest) > left:
            count -= 1
        return count

    def in_time(
        self, left: float, bracket: int = 0, first: Callable[[int], Sequence[Params]] = lambda count: ()
    ) -> int:
        """How many trials fit into `left` seconds: those that are tried `first` in a bracket of so many, and
        others as costly as the forecast's on average."""
        each = float(np.mean(self._forecast)) if self._forecast else 0.0
        ladder, count = self.ladder(bracket), self.size(bracket)
        while count:
            begun = [self._seconds(params) for params in first(count)]
            if self._time([*begun, *[each] * (count - len(begun))], ladder) <= left:
                break
            count = int(count * 0.8)
        return count

    @property
    def least(self) -> float:
        """Seconds that a bracket of the cheapest design of the forecast alone takes."""
        return self._time([min(self._forecast, default=0.0)], self.ladder(0))

    def _time(self, seconds: Sequence[float], ladder: Ladder) -> float:
        """What trials of so many forecast seconds take on all workers: a network keeps one of them busy."""
        longest = max(seconds, default=0.0) / self.folds
        share = ladder.expected_share(len(seconds)) if seconds else 0.0
        return self.drift * max(longest, sum(seconds) * share / self.workers)

    def opening(self, usual: Sequence[Params], left: float) -> list[Params]:
        """Which of the `usual` designs a first bracket of `left` seconds can bear; all, where none.

        What is too dear would only take the place of what is tried after it.
        """
        borne: list[Params] = []
        for one in usual:
            if self._bears(self._seconds(one), left, opens=not borne):
                borne.append(one)
        return borne or list(usual)

    def _bears(self, seconds: float, left: float, opens: bool) -> bool:
        """Whether a trial ends in a bracket of `left` seconds and leaves the workers time for others."""
        share, needed = OPENING_SHARE if opens else LARGEST_SHARE, self.drift * seconds
        return needed / self.folds <= left and needed / self.workers <= share * left

    def fitting(self, left: float, offered: Sequence[Params], bracket: int = 0) -> list[Params]:
        """Those `offered`, in their order, that fit into `left` seconds together and leave time for others.

        Where all of them are dear, the cheapest: in the first bracket whatever it takes, later if it fits.
        And no worker is left idle for a trial's dearness alone.
        """
        ladder, seconds = self.ladder(bracket), [self._seconds(params) for params in offered]
        found: list[int] = []

        def time(*more: int) -> float:
            return self._time([seconds[n] for n in (*found, *more)], ladder)

        for number, each in enumerate(seconds):
            if self._bears(each, left, opens=not (bracket or number)) and time(number) <= left:
                found.append(number)
        for number in np.argsort(seconds, kind="stable").tolist():
            idle = len(found) * self.folds < self.workers or not found
            first = not (found or bracket)
            if idle and number not in found and (first or time(number) <= max(left, time())):
                found.append(number)
        return [offered[number] for number in sorted(found)]
