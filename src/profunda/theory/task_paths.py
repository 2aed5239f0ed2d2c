"""Strengths of a penalty on tasks: the path of fits from strong to weak, and the choice by cross-validation.

Each fit starts where the stronger one ended. Sources: Friedman, Hastie and Tibshirani (2010), section 2.5,
for warm starts; Hastie, Tibshirani and Friedman (2009), section 7.10, for cross-validation.
"""

from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.task_rows import TaskLoss, TaskRows, loss_of
from profunda.theory.task_solvers import AnyPenalty, TaskFit, fit_tasks

__all__ = ["TaskPath", "cross_validated_tasks", "folds_within_tasks", "task_path"]


@dataclass(frozen=True, eq=False)
class TaskPath:
    """Errors of factor·Ω on rows left out, for K factors, and the fit of the best on all rows.

    `errors` [K] are means over all rows (squared errors, or −log-likelihoods), `standard_errors` [K] those of
    the mean over folds. `unconverged` counts the fits, of all folds and factors, that ran out of iterations.
    """

    factors: np.ndarray
    errors: np.ndarray
    standard_errors: np.ndarray
    fit: TaskFit
    unconverged: int

    @property
    def best(self) -> float:
        """The factor with the least error (of equals the largest)."""
        return float(self.factors[np.flatnonzero(self.errors == self.errors.min())[-1]])

    @property
    def at_edge(self) -> bool:
        """Whether the best is the first or last factor tried, so that a better one may lie outside."""
        return self.best in (self.factors[0], self.factors[-1])


def task_path(
    rows: TaskRows,
    penalty: AnyPenalty,
    factors: np.ndarray,
    *,
    loss: TaskLoss = "squared",
    tolerance: float = 1e-6,
    iterations: int = 5_000,
) -> tuple[TaskFit, ...]:
    """The fits of factor·Ω for each of the factors [K], which must increase; in their order.

    Raises ArgumentError for other factors, and as `fit_tasks` does.
    """
    fits: list[TaskFit] = []
    start = None
    for factor in reversed(_increasing(factors).tolist()):
        scaled = penalty.times(factor)
        fits.append(
            fit_tasks(rows, scaled, loss=loss, start=start, tolerance=tolerance, iterations=iterations)
        )
        start = fits[-1].parts
    return tuple(reversed(fits))


def cross_validated_tasks(
    rows: TaskRows,
    penalty: AnyPenalty,
    factors: np.ndarray,
    *,
    loss: TaskLoss = "squared",
    folds: int = 5,
    seed: int = 0,
    tolerance: float = 1e-4,
    iterations: int = 2_000,
) -> TaskPath:
    """factor·Ω for each of the factors [K], on `folds` parts of every task's rows in turn left out.

    Losses are sums over rows, so that a factor means the same on a fold and on all rows. The last fit, on all
    rows, is a hundred times as exact. Raises ArgumentError for factors that do not increase and fewer than 2
    folds, and as `fit_tasks` does.
    """
    factors = _increasing(factors)
    fold = folds_within_tasks(rows, folds, seed)
    told = loss_of(rows, loss)
    errors = np.zeros((len(factors), len(rows.y)))
    unconverged = 0
    for number in range(folds):
        left = fold == number
        fits = task_path(
            rows.take(~left), penalty, factors, loss=loss, tolerance=tolerance, iterations=iterations
        )
        unconverged += sum(not one.converged for one in fits)
        for k, one in enumerate(fits):
            errors[k, left] = told.error(one.weights)[left]
    judged = fold >= 0
    means = errors[:, judged].mean(axis=1)
    by_fold = np.stack([errors[:, fold == number].mean(axis=1) for number in range(folds)])
    best = float(factors[np.flatnonzero(means == means.min())[-1]])
    return TaskPath(
        factors,
        means,
        by_fold.std(axis=0, ddof=1) / np.sqrt(folds),
        fit_tasks(
            rows, penalty.times(best), loss=loss, tolerance=tolerance / 100, iterations=10 * iterations
        ),
        unconverged,
    )


def folds_within_tasks(rows: TaskRows, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, int64 [N]: every task's rows in random order dealt out in turn.

    A task of a single row has no fold (−1): it always trains. Raises ArgumentError for fewer than 2 folds,
    and where no task has two rows or a fold would be empty.
    """
    generator = np.random.default_rng(seed)
    fold = np.full(len(rows.y), -1)
    dealt = 0
    for task in range(rows.n_tasks):
        own = generator.permutation(np.flatnonzero(rows.task == task))
        if len(own) > 1:
            fold[own] = (dealt + np.arange(len(own))) % max(folds, 1)
            dealt += len(own)
    if folds < 2 or dealt < folds:
        raise ArgumentError(
            f"{folds} folds of {dealt} rows in tasks of two rows and more: take at least 2 folds, and no "
            "more than rows."
        )
    return fold


def _increasing(factors: np.ndarray) -> np.ndarray:
    factors = np.asarray(factors, np.float64)
    if factors.ndim != 1 or not len(factors) or (np.diff(factors) <= 0.0).any() or factors[0] < 0.0:
        raise ArgumentError(f"The factors must be a list that increases from 0 or above, not {factors}.")
    return factors
