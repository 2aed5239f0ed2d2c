"""A run in a few machine-readable numbers: the content of `summary.json`."""

import math
from typing import Protocol

from profunda.model.model import Model
from profunda.model.optimism import Optimism
from profunda.model.score import Baseline, Score, TaskScore
from profunda.reporting.evidence import Stage
from profunda.tuning.ablation import Attribution
from profunda.tuning.foresight import Foresight
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

    @property
    def instruction_set(self) -> str: ...

    @property
    def optimism(self) -> Optimism | None: ...

    @property
    def attribution(self) -> Attribution | None: ...

    @property
    def tasks(self) -> tuple[TaskScore, ...]: ...


def summary(outcome: Finished) -> dict[str, object]:
    """JSON-able numbers of a run; what is not finite, or was not measured, is None.

    `baselines` maps a name to title, score, interval, seconds and note; `seconds` a stage to its wall-clock
    seconds (a stage told twice is summed), with their `total`, and `time_share` to its share of them.
    `networks`, `member_steps` (optimiser steps over all of them) and `training_seconds` are those of the
    search over all calls of the run, `networks_per_second` the first by the last. `endings` maps a cause to
    its number of trials, and `causes` one of the diagnosis's list, with a sentence each in `explanations`;
    `members` lists the model's designs with their weights. `validation` tells the score
    on the rows that chose, and what is left of it once that is corrected for; `forecast` how many designs
    theory ruled out, and how the others' forecasts turned out; `attribution` what each ingredient is worth
    (with `ablate`); `tasks` what the rows of each task say, and of sharing.
    """
    seconds: dict[str, float] = {}
    for timing in outcome.timings:
        seconds[timing.stage] = round(seconds.get(timing.stage, 0.0) + timing.seconds, 3)
    total = sum(seconds.values())
    search = outcome.search
    return {
        "score": None if outcome.score is None else _finite(outcome.score.value),
        "interval": _interval(outcome.score),
        "metric": search.metric,
        "baselines": {baseline.name: _baseline(baseline) for baseline in outcome.baselines},
        "networks": search.networks,
        "member_steps": search.member_steps,
        "training_seconds": round(search.training_seconds, 3),
        "networks_per_second": _finite(round(search.networks_per_second, 3)),
        "seconds": seconds | {"total": round(total, 3)},
        "time_share": {stage: round(s / total, 4) if total else None for stage, s in seconds.items()},
        "sampler_share": round(search.sampler_share, 6),
        "endings": {str(status): n for status, n in search.endings},
        "causes": dict(search.causes),
        "explanations": [one.text for one in search.explanations],
        "engine": outcome.engine,
        "instruction_set": outcome.instruction_set or None,
        "validation": None if outcome.optimism is None else _validation(outcome.optimism),
        "forecast": None if search.foresight is None else _forecast(search, search.foresight),
        "attribution": None if outcome.attribution is None else _attribution(outcome.attribution),
        "tasks": [_task(one) for one in outcome.tasks],
        "members": [{"weight": part.weight, "design": part.design.to_json()} for part in outcome.model.parts],
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(score: Score | None) -> list[float | None] | None:
    return None if score is None else [_finite(score.low), _finite(score.high)]


def _validation(optimism: Optimism) -> dict[str, object]:
    return {
        "score": _finite(optimism.plain),
        "corrected": _finite(optimism.corrected),
        "interval": [_finite(optimism.low), _finite(optimism.high)],
        "candidates": optimism.candidates,
        "rows": optimism.rows,
    }


def _forecast(search: SearchResult, foresight: Foresight) -> dict[str, object]:
    return {
        "ruled_out": search.ruled_out,
        "ruled_out_by": dict(search.ruled_out_by),
        "constant": _finite(foresight.constant),
        "least": _finite(foresight.least),
        "expectations": {
            one.verdict: {"trained": one.trained, "learnt": one.learnt} for one in foresight.expectations
        },
        "auc": _finite(foresight.auc),
        "error": _finite(foresight.error),
        "why": foresight.why or None,
    }


def _attribution(attribution: Attribution) -> dict[str, object]:
    return {
        "score": _finite(attribution.value),
        "networks": attribution.networks,
        "ingredients": [
            {
                "name": worth.name,
                "worth": _finite(worth.worth.mean),
                "interval": [_finite(worth.worth.low), _finite(worth.worth.high)],
                "verdict": worth.verdict,
            }
            for worth in attribution.worths
        ],
    }


def _task(one: TaskScore) -> dict[str, object]:
    return {
        "name": one.name,
        "rows": one.rows,
        "score": _finite(one.value),
        "gain": _finite(one.gain),
        "interval": [_finite(one.low), _finite(one.high)],
        "sharing": one.verdict,
    }


def _baseline(baseline: Baseline) -> dict[str, object]:
    return {
        "title": baseline.title,
        "score": None if baseline.score is None else _finite(baseline.score.value),
        "interval": _interval(baseline.score),
        "seconds": round(baseline.seconds, 3),
        "note": baseline.note,
    }
