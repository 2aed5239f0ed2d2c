"""From the candidates of a search to weights, judged on validation rows alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda.errors import RunError
from profunda.metrics.score import Metric
from profunda.model.calibration import fit_temperature
from profunda.model.selection import best, blend, greedy, one_standard_error
from profunda.training.sources import Prepared
from profunda.tuning.fleet_search import Candidate
from profunda.tuning.verdict import validation_predictions

__all__ = ["Choice", "Rule", "choose"]

Rule = Literal["greedy", "best", "one-standard-error"]


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen candidates with their weights, which sum to 1, and the temperature of their mixture."""

    candidates: tuple[Candidate, ...]
    weights: tuple[float, ...]
    temperature: float


def choose(candidates: tuple[Candidate, ...], sources: Prepared, metric: Metric, rule: Rule) -> Choice:
    """Weigh the candidates by their predictions on rows that their networks were not trained on.

    Each row is predicted by the network whose fold held it out (the mean of them where folds are repeated).

    Raises:
        RunError: no candidate can be scored: all networks diverged, or the budget ended before one had
        finished.
    """
    if not candidates:
        raise RunError(
            "no network could be scored: all of them diverged, or the budget ended before the first had "
            "trained. Give more time or trials; if many diverged, look for extreme values in the inputs."
        )
    rows = np.unique(np.concatenate([fold.valid for fold in sources.folds]))
    y = sources.dataset.y[rows]
    predictions = np.stack([_held(candidate, sources, rows) for candidate in candidates])
    weights = _weigh(candidates, predictions, y, sources, metric, rule)
    temperature = 1.0
    if sources.dataset.task.kind != "regression":
        temperature = fit_temperature(blend(weights, predictions), y)
    chosen = np.flatnonzero(weights)
    return Choice(
        tuple(candidates[i] for i in chosen), tuple(float(weights[i]) for i in chosen), float(temperature)
    )


def _weigh(
    candidates: tuple[Candidate, ...],
    predictions: np.ndarray,
    y: np.ndarray,
    sources: Prepared,
    metric: Metric,
    rule: Rule,
) -> np.ndarray:
    if rule == "greedy":
        return greedy(predictions, y, metric)
    if rule == "best":
        return best(predictions, y, metric)
    task = sources.dataset.task
    sizes = [
        c.design.parameters(sources.preprocessing(c.design.encoding, 0).inputs, task.n_outputs)
        for c in candidates
    ]
    losses = [
        [
            metric.loss(sources.dataset.y[sources.folds[fold].valid], prediction)
            for fold, prediction in enumerate(_by_fold(c, sources))
        ]
        for c in candidates
    ]
    return one_standard_error(np.array(losses), np.array(sizes))


def _by_fold(candidate: Candidate, sources: Prepared) -> tuple[np.ndarray, ...]:
    """A candidate's predictions on the validation rows of each fold."""
    return validation_predictions(candidate.design, candidate.states, sources)


def _held(candidate: Candidate, sources: Prepared, rows: np.ndarray) -> np.ndarray:
    """Predictions for `rows`, [N, C] or [N], each by networks that were not trained on it."""
    total: np.ndarray | None = None
    count = np.zeros(len(rows))
    for fold, prediction in zip(sources.folds, _by_fold(candidate, sources), strict=True):
        places = np.searchsorted(rows, fold.valid)
        if total is None:
            total = np.zeros((len(rows), *prediction.shape[1:]))
        total[places] += prediction
        count[places] += 1
    assert total is not None
    return total / count.reshape(-1, *[1] * (total.ndim - 1))
