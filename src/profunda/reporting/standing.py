"""How the trials of a search stand to each other: one order for every table and figure."""

import math
from collections.abc import Sequence

import numpy as np

from profunda.space.domain import Choice, Domain, Int, LogFloat
from profunda.tuning.result import SearchResult, Trial

__all__ = ["chosen", "frame", "improvements", "is_log", "order", "ranks", "scored", "varied"]


def scored(search: SearchResult) -> list[Trial]:
    """The trials with a finite value, as drawn."""
    return [trial for trial in search.trials if math.isfinite(trial.value)]


def order(search: SearchResult) -> list[Trial]:
    """The scored trials from best to worst: who went further stands first, as in `best`."""
    sign = -1.0 if search.greater_is_better else 1.0
    return sorted(scored(search), key=lambda t: (-t.rung, sign * t.value, t.number))


def ranks(search: SearchResult) -> np.ndarray:
    """For each trial of `scored`, its place in `order` as a share in (0, 1], best nearest 0: float64 [N]."""
    place = {trial.number: k for k, trial in enumerate(order(search))}
    trials = scored(search)
    return (np.array([place[t.number] for t in trials], dtype=np.float64) + 1) / max(1, len(trials))


def chosen(trials: Sequence[Trial], most: int) -> list[Trial]:
    """At most `most` of `trials`, given best first: the best, and an even sample of the others."""
    if len(trials) <= most:
        return list(trials)
    head = most // 2
    rest = trials[head:]
    keep = np.linspace(0, len(rest) - 1, most - head).round().astype(int)
    return [*trials[:head], *(rest[k] for k in keep)]


def varied(search: SearchResult) -> tuple[str, ...]:
    """The names of the space that took at least two values among the scored trials."""
    trials = scored(search)
    return tuple(
        name
        for name in search.space.free
        if len({str(t.params[name]) for t in trials if name in t.params}) > 1
    )


def is_log(domain: Domain) -> bool:
    """Whether a domain lives on a logarithmic axis."""
    if isinstance(domain, Choice):
        return False
    return isinstance(domain, LogFloat) or (isinstance(domain, Int) and domain.log)


def frame(values: Sequence[float], greater_is_better: bool) -> tuple[float, float]:
    """The range of values worth drawing: without the worst sixth, which would flatten the good ones."""
    array = np.asarray(values, dtype=np.float64)
    low, high = (np.quantile(array, q) for q in ((1 / 6, 1.0) if greater_is_better else (0.0, 5 / 6)))
    if high == low:
        low, high = float(array.min()), float(array.max())
    return float(low), float(high)


def improvements(search: SearchResult) -> tuple[list[int], list[float]]:
    """Where the best value so far changed: numbers of trials seen (from 1), and the value from then on.

    Only trials that went to the last rung count: a value after fewer epochs is not comparable.
    """
    top = max((trial.rung for trial in scored(search)), default=0)
    sign = -1.0 if search.greater_is_better else 1.0
    best = math.inf
    seen: list[int] = []
    values: list[float] = []
    for k, trial in enumerate(search.trials, start=1):
        if trial.rung == top and math.isfinite(trial.value) and sign * trial.value < best:
            best = sign * trial.value
            seen.append(k)
            values.append(trial.value)
    return seen, values
