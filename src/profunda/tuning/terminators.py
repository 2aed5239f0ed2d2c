"""When a search has searched enough: its best no longer improves, or little is left to be gained.

`enough` is a pure function of the trials that have ended, in the order in which they were drawn, so that a
resumed search stops where the uninterrupted one does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from profunda.errors import ArgumentError
from profunda.space.space import Params, Space
from profunda.tuning.regret import FEWEST_POINTS, regret_bound

__all__ = ["NEVER", "NOISE", "Stop", "Stopping", "Tried", "enough", "trials_since_gain"]

NOISE = "noise"


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True)
class Stopping:
    """When to stop before the budget is spent; without `patience` and `regret` never.

    `patience`: after so many trials in a row none of which bettered the best value by more than `min_delta`.
    `regret`: once the best is, with high probability, within so much of what the space still holds; "noise"
    takes the standard error of the best trial over folds, below which no difference could be told.

    Raises:
        ArgumentError: a number is out of range, or `min_delta` is given without `patience`.
    """

    patience: int | None = None
    min_delta: float = 0.0
    regret: float | Literal["noise"] | None = None

    def __post_init__(self) -> None:
        if self.patience is not None and not (_whole(self.patience) and self.patience >= 1):
            raise ArgumentError(f"patience={self.patience!r} must be a whole number of trials, at least 1.")
        if not (_number(self.min_delta) and 0 <= self.min_delta < math.inf):
            raise ArgumentError(f"min_delta={self.min_delta!r} must be a number, 0 or greater.")
        if self.min_delta and self.patience is None:
            raise ArgumentError(
                f"min_delta={self.min_delta:g} says how much a gain must be, but not how many trials may "
                "pass without one. Say patience=… too."
            )
        if self.regret is None or self.regret == NOISE:
            return
        if not (_number(self.regret) and 0 < self.regret < math.inf):
            raise ArgumentError(f"regret={self.regret!r} must be a positive number or {NOISE!r}.")

    @property
    def any(self) -> bool:
        """Whether there is anything to watch."""
        return self.patience is not None or self.regret is not None


NEVER = Stopping()


@dataclass(frozen=True)
class Tried:
    """A trial to judge by: its configuration, its loss (lower is better) and the loss's standard error.

    The loss is NaN where the trial ended without one, or before the last rung: it then tells no best.
    `bracket` numbers those that were drawn and judged together; None: it was judged by itself.
    """

    params: Params
    loss: float
    error: float = math.nan
    bracket: int | None = None


@dataclass(frozen=True)
class Stop:
    """Why a search ends: a word for machines, and a clause for people."""

    cause: str
    reason: str


def enough(stopping: Stopping, space: Space, trials: Sequence[Tried]) -> Stop | None:
    """Why the search may stop now; None to go on."""
    if stopping.patience is not None:
        idle = trials_since_gain(_when_judged(trials), stopping.min_delta)
        if idle >= stopping.patience:
            gain = f" by more than {stopping.min_delta:g}" if stopping.min_delta else ""
            return Stop("improvement", f"the last {idle:,} trials did not better the best{gain}")
    if stopping.regret is not None:
        return _little_left(stopping.regret, space, trials)
    return None


def trials_since_gain(losses: Sequence[float], min_delta: float) -> int:
    """Trials since the last that bettered the best loss by more than `min_delta`; 0 before the first loss.

    The best is that of the last gain, so that many small gains add up to one.

    >>> trials_since_gain([3.0, 2.0, 1.95, 1.92, float("nan")], 0.1)
    3
    """
    best, last = math.inf, None
    for place, loss in enumerate(losses):
        if loss < best - min_delta or (math.isinf(best) and math.isfinite(loss)):
            best, last = loss, place
    return 0 if last is None else len(losses) - 1 - last


def _when_judged(trials: Sequence[Tried]) -> list[float]:
    """The losses in order, the best of a bracket at its last trial: within one there is no before."""
    losses = [trial.loss for trial in trials]
    for last, trial in enumerate(trials):
        following = trials[last + 1].bracket if last + 1 < len(trials) else None
        if trial.bracket is not None and trial.bracket != following:
            own = [place for place, other in enumerate(trials) if other.bracket == trial.bracket]
            best = min((losses[place] for place in own if math.isfinite(losses[place])), default=math.nan)
            for place in own:
                losses[place] = math.nan
            losses[last] = best
    return losses


def _little_left(regret: float | str, space: Space, trials: Sequence[Tried]) -> Stop | None:
    judged = [trial for trial in trials if math.isfinite(trial.loss)]
    if len(judged) < FEWEST_POINTS:
        return None
    best = min(judged, key=lambda trial: trial.loss)
    limit = best.error if isinstance(regret, str) else regret
    if not limit > 0:  # a single fold tells no error
        return None
    bound = regret_bound(space, [trial.params for trial in judged], [trial.loss for trial in judged])
    if bound > limit:
        return None
    return Stop("regret", f"at most {bound:.3g} is left to be gained, by a bound, and {limit:.3g} was asked")
