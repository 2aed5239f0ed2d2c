"""The score: the Model, and its best single network, on the rows that no choice has seen."""

from dataclasses import dataclass, replace

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.job.baselines import score_on
from profunda.metrics.score import Metric, all_scores
from profunda.model.model import Model
from profunda.model.score import Score

__all__ = ["Judgement", "judge_model"]


@dataclass(frozen=True, eq=False)
class Judgement:
    """A Model that knows its score, and what the held-out rows say; nothing where there are none.

    `scores` is every metric (name, value), `single` the score of one network alone, `prediction` the Model's
    on the held-out rows.
    """

    model: Model
    score: Score | None = None
    scores: tuple[tuple[str, float], ...] = ()
    single: Score | None = None
    prediction: np.ndarray | None = None


def judge_model(
    model: Model, single: Model, dataset: Dataset, splits: Splits, metric: Metric, seed: int
) -> Judgement:
    """Score `model` and `single` on `splits.test`."""
    rows = splits.test
    if not len(rows):
        return Judgement(model)
    codes, y = dataset.codes[rows], dataset.y[rows]
    prediction = model.predict_codes(codes)
    score = score_on(metric, y, prediction, seed)
    return Judgement(
        model=replace(model, provenance=replace(model.provenance, score=score)),
        score=score,
        scores=all_scores(dataset.task.kind, y, prediction),
        single=score_on(metric, y, single.predict_codes(codes), seed),
        prediction=prediction,
    )
