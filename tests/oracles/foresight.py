"""The area under the ROC curve as it is told: of all pairs, how often the better one has the higher score."""

from collections.abc import Sequence

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Fold
from profunda.metrics.score import Metric


def area(scores: Sequence[float], learnt: Sequence[bool]) -> float:
    """Pairs of one that learnt and one that did not, ties counting one half."""
    points, pairs = 0.0, 0
    for score, won in zip(scores, learnt, strict=True):
        for other, lost in zip(scores, learnt, strict=True):
            if won and not lost:
                pairs += 1
                points += 1.0 if score > other else 0.5 if score == other else 0.0
    return points / pairs


def best_constant(dataset: Dataset, folds: Sequence[Fold], metric: Metric) -> float:
    """The best of many constants, of which none may see the validation rows: for numbers only."""
    values = []
    for fold in folds:
        rows = [float(dataset.y[row]) for row in fold.train]
        centres = (sum(rows) / len(rows), float(np.quantile(rows, 0.5)))
        target = dataset.y[fold.valid]
        losses = [metric.loss(target, np.array([centre] * len(target))) for centre in centres]
        values.append(min(losses))
    mean = sum(values) / len(values)
    return -mean if metric.greater_is_better else mean
