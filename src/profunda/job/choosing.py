"""From the candidates of a search to weights, judged on validation rows alone."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from profunda.errors import RunError
from profunda.metrics.score import Metric
from profunda.model.calibration import fit_label_temperature, fit_temperature
from profunda.model.optimism import Optimism, optimism_of
from profunda.model.selection import best, blend, greedy, one_standard_error
from profunda.training.sources import Prepared
from profunda.tuning.fleet_search import Candidate
from profunda.tuning.verdict import validation_predictions

__all__ = ["Choice", "Rule", "choose"]

Rule = Literal["greedy", "best", "one-standard-error"]


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen candidates with their weights, which sum to 1, and the temperature of their mixture.

    `optimism` tells by how much their score on the rows that chose them flatters; None for a single
    candidate, as there was no choice.
    """

    candidates: tuple[Candidate, ...]
    weights: tuple[float, ...]
    temperature: float
    optimism: Optimism | None


def choose(
    candidates: tuple[Candidate, ...],
    sources: Prepared,
    metric: Metric,
    rule: Rule,
    seed: int,
    seconds: float | None,
) -> Choice:
    """Weigh the candidates by their predictions on rows that their networks were not trained on.

    Each row is predicted by the network whose fold held it out (the mean of them where folds are repeated).
    `seed` decides the resamples that tell the optimism, for which there are about `seconds` (None: no limit).

    Raises:
        RunError: no candidate can be scored: all networks diverged, or the budget ended before one had
            finished.
    """
    if not candidates:
        raise RunError(
            "no network could be scored: all of them diverged, or the budget ended before the first had "
            "trained. Give more time or trials; if many diverged, look for extreme values in the inputs."
        )
    pool = _Pool.of(candidates, sources, metric, rule)
    weights = pool.weigh(np.arange(len(pool.y)))
    temperature = 1.0
    task = sources.dataset.task
    if not task.numeric:
        fitted = fit_temperature if task.single else fit_label_temperature
        temperature = fitted(blend(weights, pool.predictions), pool.y)
    chosen = np.flatnonzero(weights)
    optimism = None
    if len(candidates) > 1:
        optimism = optimism_of(
            pool.weigh, pool.predictions, pool.y, pool.fold_losses(), metric, seed, seconds
        )
    return Choice(
        tuple(candidates[i] for i in chosen),
        tuple(float(weights[i]) for i in chosen),
        float(temperature),
        optimism,
    )


@dataclass(frozen=True, eq=False)
class _Pool:
    """Predictions [K, N, …] of all candidates for the validation rows, with targets and folds [N]."""

    predictions: np.ndarray
    y: np.ndarray
    folds: np.ndarray
    sizes: np.ndarray
    metric: Metric
    rule: Rule

    @classmethod
    def of(cls, candidates: tuple[Candidate, ...], sources: Prepared, metric: Metric, rule: Rule) -> "_Pool":
        rows = np.unique(np.concatenate([fold.valid for fold in sources.folds]))
        folds = np.zeros(len(rows), np.int64)
        for number, fold in enumerate(sources.folds):
            folds[np.searchsorted(rows, fold.valid)] = number
        predictions = np.stack([_held(candidate, sources, rows) for candidate in candidates])
        sizes = np.array([candidate.trial.parameters for candidate in candidates])
        return cls(predictions, sources.dataset.y[rows], folds, sizes, metric, rule)

    def weigh(self, rows: np.ndarray) -> np.ndarray:
        """The weights [K] that the rule finds on some of the rows."""
        if self.rule == "one-standard-error":
            return one_standard_error(self.fold_losses(rows), self.sizes)
        rule = greedy if self.rule == "greedy" else best
        return rule(self.predictions[:, rows], self.y[rows], self.metric)

    def fold_losses(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The candidates' losses on each fold that has some of the rows, [K, F]."""
        rows = np.arange(len(self.y)) if rows is None else rows
        parts = [rows[self.folds[rows] == fold] for fold in np.unique(self.folds[rows])]
        return np.array(
            [[self.metric.loss(self.y[part], each[part]) for part in parts] for each in self.predictions]
        )


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
