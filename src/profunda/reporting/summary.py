"""A run in a few machine-readable numbers: the content of `summary.json`."""

import math
from typing import Protocol

from profunda.model.model import Model
from profunda.model.score import Baseline, Score
from profunda.reporting.evidence import Stage
from profunda.tuning.result import SearchResult

__all__ = ["Finished", "summary"]


class Finished(Protocol):
    """What a finished run must tell (`profunda.job.outcome.Outcome` does)."""

    @property
    def score(self) -> Score | None: ...

    @property
    def baselines(self) -> tuple[Baseline, ...]: ...

    @property
    def search(self) -> SearchResult: ...

    @property
    def model(self) -> Model: ...

    @property
    def timings(self) -> tuple[Stage, ...]: ...

    @property
    def engine(self) -> str: ...


def summary(outcome: Finished) -> dict[str, object]:
    """JSON-able numbers of a run; what is not finite, or was not measured, is None.

    `baselines` maps a name to title, score, interval, seconds and note; `seconds` a stage to its wall-clock
    seconds (a stage told twice is summed), with their `total`; `endings` a cause to its number of trials;
    `members` lists the model's designs with their weights.
    """
    seconds: dict[str, float] = {}
    for timing in outcome.timings:
        seconds[timing.stage] = round(seconds.get(timing.stage, 0.0) + timing.seconds, 3)
    return {
        "score": None if outcome.score is None else _finite(outcome.score.value),
        "interval": _interval(outcome.score),
        "metric": outcome.search.metric,
        "baselines": {baseline.name: _baseline(baseline) for baseline in outcome.baselines},
        "networks": outcome.search.networks,
        "member_steps": outcome.search.member_steps,
        "seconds": seconds | {"total": round(sum(t.seconds for t in outcome.timings), 3)},
        "sampler_share": round(outcome.search.sampler_share, 6),
        "endings": {str(status): n for status, n in outcome.search.endings},
        "engine": outcome.engine,
        "members": [{"weight": part.weight, "design": part.design.to_json()} for part in outcome.model.parts],
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(score: Score | None) -> list[float | None] | None:
    return None if score is None else [_finite(score.low), _finite(score.high)]


def _baseline(baseline: Baseline) -> dict[str, object]:
    return {
        "title": baseline.title,
        "score": None if baseline.score is None else _finite(baseline.score.value),
        "interval": _interval(baseline.score),
        "seconds": round(baseline.seconds, 3),
        "note": baseline.note,
    }
