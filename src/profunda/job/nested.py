"""An honest score without a held-out part: every outer fold judges a whole search that never saw it.

Within an outer fold everything is done anew on its training rows: the search with its own folds, early
stopping, the choice, the temperature, the refit (Stone 1974; Varma and Simon 2006, "Bias in error estimation
when using cross-validation for model selection"). The pooled score speaks of this way of making a model, on
so many rows; the Model itself is then made from all rows.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Fold, Splits, split
from profunda.errors import ArgumentError
from profunda.job.outcome import Outcome
from profunda.metrics.score import all_scores
from profunda.model.score import Baseline, Score

__all__ = [
    "OUTER_FOLDS",
    "Estimate",
    "check_nestable",
    "combined",
    "estimate_of",
    "outer_folds",
    "part_of",
    "pooled_splits",
]

OUTER_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Estimate:
    """What the outer folds say: scores, and the pooled predictions for `rows`, which are sorted.

    `score`, `single` and the baselines' are means over outer folds, each weighted by its rows.
    """

    score: Score
    scores: tuple[tuple[str, float], ...]
    single: Score | None
    baselines: tuple[Baseline, ...]
    rows: np.ndarray
    prediction: np.ndarray
    how: str


def check_nestable(dataset: Dataset, test: float, default: float) -> None:
    """Refuse a nested validation where a test part judges.

    Raises:
        ArgumentError: the source brings a test part, or a share was asked for.
    """
    if dataset.test_rows is not None:
        raise ArgumentError(
            f"validation='nested' has every row judge, but {dataset.source} brings a test part of "
            f"{len(dataset.test_rows):,} rows. Leave validation out: these rows tell the score."
        )
    if test not in (default, 0.0):
        raise ArgumentError(
            f"validation='nested' holds no test part out, so test={test:g} contradicts it. Leave one of them "
            "out."
        )


def outer_folds(dataset: Dataset, seed: int) -> tuple[Fold, ...]:
    """The outer folds: groups kept together, times in order, classes in their shares."""
    return split(dataset, test=0.0, folds=OUTER_FOLDS, seed=seed).folds


def part_of(dataset: Dataset, outer: Fold, number: int) -> Dataset:
    """The rows of an outer fold as a data set of their own, those that judge as its test part."""
    rows = np.sort(np.concatenate([outer.train, outer.valid]))
    return replace(
        dataset,
        codes=dataset.codes[rows],
        y=dataset.y[rows],
        test_rows=np.searchsorted(rows, outer.valid),
        groups=None if dataset.groups is None else dataset.groups[rows],
        times=None if dataset.times is None else dataset.times[rows],
        notices=(),
        # Of no file that could be read again: a run on it cannot be taken for one of the whole data.
        fingerprint=hashlib.blake2b(
            f"{dataset.fingerprint}/outer/{number}".encode(), digest_size=16
        ).hexdigest(),
    )


def estimate_of(
    dataset: Dataset, folds: Sequence[Fold], search: Callable[[Dataset, int], Outcome]
) -> Estimate:
    """Search within every outer fold and pool what its rows say.

    `search(part, number)` runs one; a KeyboardInterrupt in it ends all.
    """
    outcomes = [search(part_of(dataset, fold, k), k) for k, fold in enumerate(folds, start=1)]
    for outcome in outcomes:
        if outcome.interrupted:
            raise KeyboardInterrupt
    predicted = [
        outcome.model.predict_codes(dataset.codes[fold.valid])
        for outcome, fold in zip(outcomes, folds, strict=True)
    ]
    rows = np.concatenate([fold.valid for fold in folds])
    order = np.argsort(rows, kind="stable")
    shares = np.array([len(fold.valid) for fold in folds], float)
    told = [
        dict(all_scores(dataset.task.kind, dataset.y[f.valid], p))
        for f, p in zip(folds, predicted, strict=True)
    ]
    return Estimate(
        combined([outcome.score for outcome in outcomes if outcome.score is not None]),
        tuple((name, float(np.average([one[name] for one in told], weights=shares))) for name in told[0]),
        combined([outcome.single for outcome in outcomes if outcome.single is not None]),
        _baselines([outcome.baselines for outcome in outcomes]),
        rows[order],
        np.concatenate(predicted)[order],
        f"nested: {len(folds)} outer folds of {int(shares.min()):,} to {int(shares.max()):,} rows judge, "
        "each a whole search that never saw it",
    )


def combined(scores: Sequence[Score]) -> Score:
    """The mean of scores on different rows, weighted by their number.

    Its interval adds the variances of the folds' intervals, as of independent rows. That the folds' models
    share training rows is not in it (there is no unbiased estimate: Bengio and Grandvalet 2004).
    """
    first, rows = scores[0], np.array([score.rows for score in scores], float)
    weights = rows / rows.sum()
    value = float(np.dot(weights, [score.value for score in scores]))
    errors = np.array([(score.high - score.low) / 2 for score in scores])
    half = math.sqrt(float(np.dot(weights**2, errors**2)))
    return replace(first, value=value, low=value - half, high=value + half, rows=int(rows.sum()))


def pooled_splits(estimate: Estimate, splits: Splits) -> Splits:
    """For the report: the final search's folds, and all judged rows as those that tell the score."""
    return replace(splits, test=estimate.rows, how=f"{estimate.how}; {splits.how}")


def _baselines(folds: Sequence[Sequence[Baseline]]) -> tuple[Baseline, ...]:
    """Each baseline over all outer folds; without a score where it has none in one of them."""
    found = []
    for same in zip(*folds, strict=True):
        scores = [one.score for one in same if one.score is not None]
        notes = list(dict.fromkeys(one.note for one in same if one.note))
        score = combined(scores) if len(scores) == len(same) else None
        seconds = sum(one.seconds for one in same)
        each = tuple(np.mean([one.targets for one in same], axis=0).tolist()) if score is not None else ()
        found.append(Baseline(same[0].name, same[0].title, score, seconds, "; ".join(notes), each))
    return tuple(found)
