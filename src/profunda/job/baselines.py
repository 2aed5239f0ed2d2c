"""Honest rivals: a constant, a linear model and boosted trees, scored on the Model's own held-out rows.

They are fitted on the development rows and never influence the Model. Under a budget in seconds they get an
allowance in all, the cheaper first; what does not fit is fitted on a sample of rows, with quicker settings,
stopped early, or left out, and its note says so.
"""

import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.job.allowance import TooDear, fit_within, shuffled_rows
from profunda.job.each_target import each_target
from profunda.job.rivals import Rival, constant_prediction, rivals_of
from profunda.metrics.score import Metric, interval
from profunda.model.score import Baseline, Score

__all__ = ["baseline_from_plain", "fit_baselines", "score_on"]

MOST_CELLS = 50_000_000  # numbers that a rival is fitted on: the trees' copies take some 100 bytes for each
FIRST_SHARE = 1 / 3  # of the allowance, at most, for the linear model: the trees gain more from time


def score_on(metric: Metric, y: np.ndarray, prediction: np.ndarray, seed: int, level: float = 0.95) -> Score:
    """The metric on held-out rows with its bootstrap interval."""
    value = metric.value(y, prediction)
    low, high = interval(metric, y, prediction, level=level, seed=seed)
    return Score(metric.name, value, low, high, level, len(y), metric.greater_is_better)


def fit_baselines(
    dataset: Dataset, splits: Splits, metric: Metric, *, seconds: float | None, seed: int
) -> tuple[Baseline, ...]:
    """Fit and score every rival on `splits.development` and `splits.test`.

    `seconds` is the allowance for all of them together (None: no limit); the constant is always fitted. An
    estimator that fails is reported as left out with its message: a rival's trouble must not cost the user
    the Model.
    """
    started = time.perf_counter()
    y, count = dataset.y[splits.test], len(splits.test)
    prediction = constant_prediction(dataset, splits.development, count)
    score = score_on(metric, y, prediction, seed)
    scoring = time.perf_counter() - started  # what scoring another rival will take as well
    results = [replace(_constant(dataset, score, scoring), targets=_by_target(metric, y, prediction))]
    kinds = rivals_of(dataset)
    kinds = tuple(map(each_target, kinds)) if dataset.task.parts else kinds
    for kind in kinds:
        share = None
        if seconds is not None:
            left = seconds - (time.perf_counter() - started)
            share = (left if kind is kinds[-1] else FIRST_SHARE * left) - scoring
        results.append(_score_rival(kind, dataset, splits, metric, share, seed))
    return tuple(results)


def baseline_from_plain(found: Mapping[str, Any]) -> Baseline:
    """The Baseline of what `dataclasses.asdict` made of it, or JSON of that."""
    values: dict[str, Any] = {**found, "targets": tuple(found["targets"])}
    values["score"] = None if found["score"] is None else Score(**found["score"])
    return Baseline(**values)


def _constant(dataset: Dataset, score: Score, seconds: float) -> Baseline:
    if dataset.task.numeric:
        return Baseline("mean", "the mean, always", score, seconds)
    return Baseline("majority", "class frequencies, always", score, seconds)


def _score_rival(
    kind: type[Rival], dataset: Dataset, splits: Splits, metric: Metric, seconds: float | None, seed: int
) -> Baseline:
    started, score, targets = time.perf_counter(), None, ()
    try:
        # Threads waiting for a busy core made small steps 5 to 20 times dearer; drafts tell nothing then.
        with warnings.catch_warnings(), threadpool_limits(None if seconds is None else 1):
            warnings.simplefilter("ignore")  # convergence warnings of a rival are not the user's concern
            rival, note = _fitted(kind, dataset, splits, seconds, seed)
            prediction = rival.predict(dataset.codes[splits.test])
        score = score_on(metric, dataset.y[splits.test], prediction, seed)
        targets = _by_target(metric, dataset.y[splits.test], prediction)
    except TooDear as outcome:
        note = str(outcome)
    except Exception as error:  # any failure of a third-party estimator: said in the report
        note = f"left out: {type(error).__name__}: {error}"
    return Baseline(kind.name, kind.title, score, time.perf_counter() - started, note, targets)


def _by_target(metric: Metric, y: np.ndarray, prediction: np.ndarray) -> tuple[float, ...]:
    """The score of each of several targets; nothing where there is one."""
    return metric.each(y, prediction) if metric.several else ()


def _fitted(
    kind: type[Rival], dataset: Dataset, splits: Splits, seconds: float | None, seed: int
) -> tuple[Rival, str]:
    if seconds is not None and seconds <= 0:
        raise TooDear("left out: the baselines' share of the time budget was used up")
    order = shuffled_rows(dataset, splits.development, seed)
    kept = order[: max(1, MOST_CELLS // dataset.n_features)]
    cut = ""
    if len(kept) < len(order):
        cut = f"fitted on {len(kept):,} of {len(order):,} rows to stay within memory"
    note = ""
    if seconds is None:
        rival = kind(dataset, np.sort(kept), seed)
        rival.grow(kind.limit)
    else:
        rival, note = fit_within(kind, dataset, kept, splits.test, seconds, seed)
    return rival, "; ".join(one for one in (rival.unread, cut, note) if one)
