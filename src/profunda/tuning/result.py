"""What a search found: its trials, in the order they were drawn, and what it cost."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from profunda.fleet.history import History, Status
from profunda.space.design import Design
from profunda.space.space import Space

__all__ = ["SearchResult", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One drawn configuration and what became of it.

    `scores` are every metric of the task, averaged over folds at each fold's best epoch, or all that the
    user's objective returned. `value` is the one that is optimised, NaN where the trial has none; `spread`
    its standard error over folds (NaN for a single fold). `rung` counts the comparisons survived, `epochs`
    the epochs trained.
    """

    number: int
    params: Mapping[str, object]
    design: Design | None
    scores: tuple[tuple[str, float], ...]
    value: float
    spread: float
    rung: int
    epochs: int
    status: Status
    seconds: float
    message: str = ""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Every trial of a search and its cost.

    `history` holds the curves of all members in the order trials × folds (None for a user's objective);
    `member_steps` counts optimiser steps over all members, `seconds` is the time of everything,
    `sampler_seconds` that spent in proposing, `training_seconds` that in which the fleet's engines trained
    (0 for a user's objective); all over every call of a run that was resumed.
    """

    trials: tuple[Trial, ...]
    history: History | None
    space: Space
    metric: str
    greater_is_better: bool
    sampler: str
    rungs: tuple[int, ...]
    folds: int
    networks: int
    member_steps: int
    seconds: float
    sampler_seconds: float
    training_seconds: float = 0.0

    @property
    def networks_per_second(self) -> float:
        """Networks by seconds of training; NaN where nothing was trained."""
        return self.networks / self.training_seconds if self.training_seconds > 0 else math.nan

    @property
    def best(self) -> Trial | None:
        """The trial with the best value among those that went furthest; None if none has a finite value."""
        sign = -1.0 if self.greater_is_better else 1.0
        finite = [trial for trial in self.trials if trial.value == trial.value]
        return min(finite, key=lambda t: (-t.rung, sign * t.value, t.number), default=None)

    @property
    def sampler_share(self) -> float:
        """The sampler's share of the search's time, between 0 and 1."""
        return self.sampler_seconds / self.seconds if self.seconds > 0 else 0.0

    @property
    def endings(self) -> tuple[tuple[Status, int], ...]:
        """How many trials ended by which cause, most frequent first."""
        return tuple(Counter(trial.status for trial in self.trials).most_common())
