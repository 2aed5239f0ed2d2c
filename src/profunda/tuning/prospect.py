"""What the next bracket may hold: a forecast from designs drawn for it alone."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from profunda._seeds import key, keys_of, uniforms
from profunda.space.design import Design
from profunda.space.space import Params, Space
from profunda.space.table import design_from
from profunda.tuning.rungs import ETA, epochs_at, expected_share, rung_shares

__all__ = ["FAIR_COUNT", "Prospect", "forecast_params", "longest_epochs"]

FORECAST = 64  # designs drawn to forecast what a trial costs
FAIR_COUNT = 9  # trials: with fewer, two rungs of halving have nothing to halve
LARGEST_SHARE = 1 / 4  # of a short bracket's time that one of its trials may claim


def forecast_params(space: Space, seed: int) -> list[Params]:
    """Draws that forecast what a trial costs; they are trained only where time is very short."""
    words = uniforms(keys_of([key("forecast", seed)]), FORECAST * space.dimensions)
    return space.sample(words.reshape(FORECAST, -1))


def longest_epochs(designs: Sequence[Design]) -> int:
    """The epochs of the longest design."""
    return max(design.epochs for design in designs)


class Prospect:
    """Designs drawn to forecast costs, the rungs they ask for, and how many trials fit by them.

    `seconds_of` gives the forecast seconds of one thread for all epochs of a design on all folds; `pace` is
    how many measured seconds go by for each of them. `bracket` is the most that a bracket may hold.
    """

    def __init__(
        self, space: Space, seed: int, bracket: int, workers: int, seconds_of: Callable[[Design], float]
    ) -> None:
        self.params = forecast_params(space, seed)
        self.designs = [design_from(params) for params in self.params]
        self.shares = rung_shares(min(design.epochs for design in self.designs))
        self.bracket, self.seconds_of = bracket, seconds_of
        self.pace = 1.0 / workers

    @property
    def rung_epochs(self) -> tuple[int, ...]:
        """Epochs of the rungs, for the longest design."""
        longest = longest_epochs(self.designs)
        return tuple(epochs_at(share, longest) for share in self.shares)

    @cached_property
    def _forecast(self) -> list[float]:
        # Not before somebody asks: it may have to prepare inputs.
        return [self.seconds_of(design) for design in self.designs]

    def in_epochs(self, left: int, folds: int) -> int:
        """The most trials whose rungs cannot take more than `left` epochs, whatever survives."""
        count = self.bracket
        while count and folds * _bracket_epochs(count, self.rung_epochs) > left:
            count -= 1
        return count

    def in_time(self, left: float) -> int:
        """How many trials, as costly as the forecast's on average, fit into `left` seconds."""
        each = float(np.mean(self._forecast)) * self.pace
        count = self.bracket
        while count and each * count * expected_share(count, self.shares) > left:
            count = int(count * 0.8)
        return count

    def fitting(self, left: float, tried: Sequence[Params]) -> list[Params]:
        """The forecast's designs not `tried`, as drawn, without those that would leave no time for others.

        At least one where none has been tried: the cheapest.
        """
        seconds = [each * self.pace for each in self._forecast]
        found, spent = [], 0.0
        for params, each in zip(self.params, seconds, strict=True):
            whole = (spent + each) * expected_share(len(found) + 1, self.shares)
            if each <= LARGEST_SHARE * left and whole <= left and params not in tried:
                found.append(params)
                spent += each
        if not found and not tried:
            found = [self.params[int(np.argmin(seconds))]]
        return found[: self.bracket]


def _bracket_epochs(trials: int, goals: Sequence[int]) -> int:
    """Epochs of one fold that a bracket of `trials` trains to rungs at epochs `goals`, at most."""
    total, alive, before = 0, trials, 0
    for goal in goals:
        total += alive * (goal - before)
        alive, before = math.ceil(alive / ETA), goal
    return total
