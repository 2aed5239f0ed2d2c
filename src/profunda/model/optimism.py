"""How much a validation score flatters, because the rows that tell it have also chosen.

Two estimates without training anything again. The bootstrap bias-corrected cross-validation of Tsamardinos,
Greasidou and Borboudakis (2018, "Bootstrapping the out-of-sample predictions for efficient and accurate
cross-validation", algorithm 5, BBC-CV): the whole rule of choice, an ensemble's weights included, is applied
to resampled rows of the pooled out-of-fold predictions and scored on the rows left out. And the correction of
Tibshirani and Tibshirani (2009, "A bias correction for the minimum error rate in cross-validation", equation
2) for the best single candidate. Neither knows of early stopping, which has seen the same rows: a test part,
or nested validation, does.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError
from profunda.metrics.score import Metric
from profunda.model.selection import blend

__all__ = ["Optimism", "bias_corrected", "optimism_of", "tibshirani_bias"]

MOST_DRAWS = 20
FEWEST_DRAWS = 5
WORK = 1e8  # numbers that all draws may look at, about a second: a long table is resampled less often
EVALUATIONS = 12  # how often a rule looks at a candidate: a greedy ensemble's usual number of steps
OVERHEAD = 2_000  # numbers that a call of a metric costs, whatever its rows
MIDDLE = 0.9  # of the draws lies between `low` and `high`


@dataclass(frozen=True)
class Optimism:
    """Validation scores in the metric's own direction: of the rows that chose, and corrected.

    `plain` is the chosen mixture's score on all validation rows; `corrected` the mean over resamples of rows
    that did not choose, with the middle 90 % of them from `low` to `high` (NaN where time sufficed for fewer
    than five). `best` and `best_corrected` are
    the same for the best single candidate, by Tibshirani's correction (NaN where a single fold validates).
    """

    metric: str
    greater_is_better: bool
    plain: float
    corrected: float
    low: float
    high: float
    best: float
    best_corrected: float
    candidates: int
    rows: int

    @property
    def gap(self) -> float:
        """By how much the plain score flatters: positive where the truth is likely worse."""
        return self.plain - self.corrected if self.greater_is_better else self.corrected - self.plain

    @property
    def text(self) -> str:
        """One line for people."""
        known = math.isfinite(self.low) and math.isfinite(self.high)
        return (
            f"{self.metric} on the {self.rows:,} rows that chose among {self.candidates} designs: "
            f"{self.plain:.4g}; corrected for the choice: {self.corrected:.4g}"
            + (f" ({self.low:.4g} … {self.high:.4g})" if known else "")
        )


def optimism_of(
    weigh: Callable[[np.ndarray], np.ndarray],
    predictions: np.ndarray,
    y: np.ndarray,
    fold_losses: np.ndarray,
    metric: Metric,
    seed: int,
    seconds: float | None = None,
) -> Optimism:
    """The optimism of a rule of choice.

    `weigh(rows)` gives the weights [K] that the rule finds on some rows of `predictions` [K, N, …] and `y`
    [N]; `fold_losses` [K, F] are the candidates' losses on each fold. After `seconds` no further resample is
    begun; None: there are as many as a number of operations allows, the same on every machine.
    """
    sign = -1.0 if metric.greater_is_better else 1.0
    everything = np.arange(len(y))
    plain = metric.loss(y, blend(weigh(everything), predictions))
    draws = bias_corrected(weigh, predictions, y, metric, seed, seconds)
    low, high = np.nan, np.nan
    if len(draws) >= FEWEST_DRAWS:
        low, high = np.quantile(draws, [(1 - MIDDLE) / 2, (1 + MIDDLE) / 2])
    corrected = float(draws.mean()) if len(draws) else float("nan")
    means = np.where(np.isfinite(fold_losses).all(axis=1), fold_losses.mean(axis=1), np.inf)
    best = float(means.min())
    mended = best + tibshirani_bias(fold_losses)
    ends = sorted((sign * float(low), sign * float(high)))
    return Optimism(
        metric.name,
        metric.greater_is_better,
        sign * plain,
        sign * corrected,
        ends[0],
        ends[1],
        sign * best,
        sign * mended,
        len(predictions),
        len(y),
    )


def bias_corrected(
    weigh: Callable[[np.ndarray], np.ndarray],
    predictions: np.ndarray,
    y: np.ndarray,
    metric: Metric,
    seed: int,
    seconds: float | None = None,
) -> np.ndarray:
    """Losses [B] of what the rule chooses on resampled rows, on the rows left out.

    A resample on which nothing can be chosen or scored (a metric that needs two classes) is left out.
    """
    generator = np.random.default_rng([seed, 2018])
    size = predictions[0].size + OVERHEAD
    count = int(np.clip(WORK / (EVALUATIONS * len(predictions) * size), FEWEST_DRAWS, MOST_DRAWS))
    losses, started = [], time.perf_counter()
    for number in range(count):
        if seconds is not None and number and time.perf_counter() - started > seconds:
            break
        rows = np.sort(generator.integers(0, len(y), len(y)))
        out = np.setdiff1d(np.arange(len(y)), rows)
        if not len(out):
            continue
        try:
            weights = weigh(rows)
        except ArgumentError:
            continue
        losses.append(metric.loss(y[out], blend(weights, predictions[:, out])))
    found = np.array(losses)
    return found[np.isfinite(found)]


def tibshirani_bias(fold_losses: np.ndarray) -> float:
    """mean over folds k of e_k(best of all) − e_k(best of fold k), from losses [K, F]; NaN for one fold.

    Tibshirani and Tibshirani 2009, equation 2. Never negative.
    """
    if fold_losses.shape[1] < 2:
        return float("nan")
    usable = fold_losses[np.isfinite(fold_losses).all(axis=1)]
    if not len(usable):
        return float("nan")
    chosen = usable[int(np.argmin(usable.mean(axis=1)))]
    return float(np.mean(chosen - usable.min(axis=0)))
