"""The score: the Model, and its best single network, on the rows that no choice has seen."""

import math
from dataclasses import dataclass, replace

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.errors import DataError
from profunda.job.baselines import score_on
from profunda.job.nested import Estimate
from profunda.metrics.score import Metric, all_scores
from profunda.model.model import Model
from profunda.model.score import Score

__all__ = ["Judgement", "check_measurable", "judge_model", "judged_by"]


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


def judged_by(estimate: Estimate, model: Model) -> Judgement:
    """The judgement of a nested validation on `model`, which was made from all rows."""
    return Judgement(
        model=replace(model, provenance=replace(model.provenance, score=estimate.score)),
        score=estimate.score,
        scores=estimate.scores,
        single=estimate.single,
        prediction=estimate.prediction,
    )


def check_measurable(metric: Metric, dataset: Dataset, splits: Splits) -> None:
    """Refuse a metric that has no value on some rows, before a network is trained for it.

    Raises:
        DataError: on a fold's validation rows or the held-out rows it is not defined, as the area under the
            ROC curve of a single class.
    """
    places = [(f"the validation rows of fold {i}", fold.valid) for i, fold in enumerate(splits.folds)]
    for where, rows in [*places, ("the held-out rows", splits.test)]:
        if len(rows) and not math.isfinite(metric.value(dataset.y[rows], _guess(dataset, len(rows)))):
            raise DataError(
                f"{metric.name} has no value on {where} ({len(rows):,} rows): "
                "their targets are all alike. Choose another metric, fewer folds or other groups."
            )


def _guess(dataset: Dataset, rows: int) -> np.ndarray:
    """A prediction that favours nothing: equal probabilities, or the mean."""
    if dataset.task.numeric:
        return np.broadcast_to(np.nanmean(dataset.y, axis=0), (rows, *dataset.y.shape[1:]))
    if dataset.task.parts:
        return np.full((rows, dataset.task.n_outputs), 0.5)
    return np.full((rows, dataset.task.n_outputs), 1 / dataset.task.n_outputs)
