"""What a search found: its trials, in the order they were drawn, and what it cost."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from profunda.fleet.history import History, Status
from profunda.space.design import Design
from profunda.space.space import Space
from profunda.tuning.explaining import Explanation, explain
from profunda.tuning.foresight import Foresight
from profunda.tuning.front import Aim, pareto_front

__all__ = ["SearchResult", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One drawn configuration and what became of it.

    `scores` are every metric of the task, averaged over folds at each fold's best epoch, or all that the
    user's objective returned. `value` is the one that is optimised, NaN where the trial has none; `spread`
    its standard error over folds (NaN for a single fold). `rung` counts the comparisons survived (those that
    a cautious bracket spares its trials included), `epochs` the epochs trained. `parameters` is a network's
    size (0 for a user's objective). `violation` tells by how much constraints are missed, 0 if by nothing.
    `cause` is a name in `causes.CAUSES`, mostly a code of a diagnosis: what `status` says, and why ("" for a
    user's objective).
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
    parameters: int = 0
    violation: float = 0.0
    cause: str = ""

    @property
    def feasible(self) -> bool:
        """Whether every constraint is met."""
        return self.violation <= 0


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Every trial of a search and its cost.

    `history` holds the curves of all members in the order trials × folds (None for a user's objective);
    `member_steps` counts optimiser steps over all members, `seconds` is the time of everything,
    `sampler_seconds` that spent in proposing, `training_seconds` that in which the fleet's engines trained
    (0 for a user's objective); all over every call of a run that was resumed. `fidelity` names how epochs
    were spent, `stopped` says why the search ended, `refused` counts designs that were drawn and, being
    beyond the limits, never trained; `ruled_out_by` those that theory ruled out, by the name of its concern
    (see `concern_words`), most frequent first. `foresight` holds the forecasts of what was trained against
    what became of it (None for a user's objective). `objectives` are the metrics of a search with several.
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
    fidelity: str = "full"
    stopped: str = ""
    refused: int = 0
    ruled_out_by: tuple[tuple[str, int], ...] = ()
    foresight: Foresight | None = None
    objectives: tuple[Aim, ...] = ()

    @property
    def ruled_out(self) -> int:
        """Designs that were drawn and, being ruled out by theory, never trained."""
        return sum(count for _, count in self.ruled_out_by)

    @property
    def networks_per_second(self) -> float:
        """Networks by seconds of training; NaN where nothing was trained."""
        return self.networks / self.training_seconds if self.training_seconds > 0 else math.nan

    @property
    def best(self) -> Trial | None:
        """The trial with the best value among those that went furthest; None if none has a finite value.

        Only trials that meet all constraints count; with several objectives the first decides.
        """
        sign = -1.0 if self.greater_is_better else 1.0
        finite = [trial for trial in self.trials if trial.value == trial.value and trial.feasible]
        return min(finite, key=lambda t: (-t.rung, sign * t.value, t.number), default=None)

    @property
    def front(self) -> tuple[Trial, ...]:
        """The trials that no other betters in one objective without losing in another, by the first one.

        Of those that went furthest and meet all constraints. The objectives of a search over fleets are the
        metric and the number of parameters.
        """
        finite = [trial for trial in self.trials if math.isfinite(trial.value) and trial.feasible]
        top = max((trial.rung for trial in finite), default=0)
        furthest = [trial for trial in finite if trial.rung == top]
        losses = [self._losses(trial) for trial in furthest]
        return tuple(furthest[i] for i in pareto_front(np.array(losses))) if losses else ()

    def _losses(self, trial: Trial) -> list[float]:
        if not self.objectives:
            sign = -1.0 if self.greater_is_better else 1.0
            return [sign * trial.value, float(trial.parameters)]
        scores = dict(trial.scores)
        return [aim.loss(scores.get(aim.metric, math.nan)) for aim in self.objectives]

    @property
    def sampler_share(self) -> float:
        """The sampler's share of the search's time, between 0 and 1."""
        return self.sampler_seconds / self.seconds if self.seconds > 0 else 0.0

    @property
    def endings(self) -> tuple[tuple[Status, int], ...]:
        """How many trials ended by which cause, most frequent first."""
        return tuple(Counter(trial.status for trial in self.trials).most_common())

    @property
    def causes(self) -> tuple[tuple[str, int], ...]:
        """The same by `Trial.cause`, or by the status of trials that have none."""
        return tuple(Counter(trial.cause or trial.status.value for trial in self.trials).most_common())

    @cached_property
    def explanations(self) -> tuple[Explanation, ...]:
        """For each trouble, how many trials it ended and the setting that brings it about, as far as these
        trials tell: ``[one.text for one in result.explanations]``.
        """
        return explain(
            [trial.cause for trial in self.trials],
            [trial.status for trial in self.trials],
            [trial.params for trial in self.trials],
        )
