"""The rows of several tasks, and the losses of their linear predictors: one column of weights a task."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from profunda.errors import ArgumentError, DataError

__all__ = ["LogisticLoss", "SquaredLoss", "TaskLoss", "TaskRows", "loss_of", "predict_tasks"]

TaskLoss = Literal["squared", "logistic"]
"""Σ ½(y − z)² over all rows of all tasks, or Σ log(1 + e^z) − yz for labels y of 0 and 1."""


@dataclass(frozen=True, eq=False)
class TaskRows:
    """N rows of T tasks: inputs `x` [N, D], targets `y` [N], and which task each row belongs to, `task` [N].

    There is no intercept: centre, or give a column of ones, which penalties then act on as on any other.
    Raises DataError for other shapes, values that are not finite, and a task of no rows.
    """

    x: np.ndarray
    y: np.ndarray
    task: np.ndarray

    def __post_init__(self) -> None:
        x, y, task = np.asarray(self.x, np.float64), np.asarray(self.y, np.float64), np.asarray(self.task)
        if x.ndim != 2 or not x.size or y.shape != (len(x),) or task.shape != (len(x),):
            raise DataError(
                f"x {x.shape}, y {y.shape} and task {task.shape} must be [N, D], [N] and [N] with at least "
                "one row and one column: is x transposed, or y a matrix of one column a task?"
            )
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise DataError("x and y must be finite: leave rows without a target out, and impute inputs.")
        if task.dtype.kind not in "iu" or task.min() < 0:
            raise DataError(f"task must number the tasks 0, 1, …, not {task.dtype} from {task.min()} on.")
        counts = np.bincount(task)
        if not counts.all():
            raise DataError(
                f"Task {int(np.argmin(counts))} of {len(counts)} has no rows: leave it out and number the "
                "tasks without gaps."
            )
        for name, value in (("x", x), ("y", y), ("task", task.astype(np.int64))):
            object.__setattr__(self, name, value)

    @cached_property
    def n_tasks(self) -> int:
        """T."""
        return int(self.task.max()) + 1

    @property
    def n_features(self) -> int:
        """D."""
        return self.x.shape[1]

    @cached_property
    def counts(self) -> np.ndarray:
        """Rows of each task, int64 [T]."""
        return np.bincount(self.task)

    def take(self, rows: np.ndarray) -> "TaskRows":
        """The rows of that index or mask; every task must keep one."""
        return TaskRows(self.x[rows], self.y[rows], self.task[rows])

    def only(self, *tasks: int) -> "TaskRows":
        """The rows of these tasks, which are numbered 0, 1, … in this order."""
        places = np.full(self.n_tasks, -1)
        places[list(tasks)] = np.arange(len(tasks))
        rows = np.flatnonzero(places[self.task] >= 0)
        return TaskRows(self.x[rows], self.y[rows], places[self.task[rows]])


def predict_tasks(weights: np.ndarray, x: np.ndarray, task: np.ndarray) -> np.ndarray:
    """z [N] = x_n·w_t with t the task of row n, for `weights` [D, T]."""
    return np.einsum("nd,nd->n", x, weights.T[task])


class SquaredLoss:
    """½‖y − z‖² of all rows, through XᵀX of each task: a step costs T·D² and not N·D."""

    def __init__(self, rows: TaskRows) -> None:
        self._rows = rows
        tables = [rows.x[rows.task == t] for t in range(rows.n_tasks)]
        self._gram = np.stack([x.T @ x for x in tables])
        self._pull = np.stack([x.T @ rows.y[rows.task == t] for t, x in enumerate(tables)]).T
        self._energy = 0.5 * float(rows.y @ rows.y)

    @cached_property
    def curvature(self) -> float:
        """The largest eigenvalue of the Hessian."""
        return float(np.linalg.eigvalsh(self._gram)[:, -1].max())

    def value_and_gradient(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """At weights [D, T]."""
        turned = (self._gram @ weights.T[:, :, None])[:, :, 0].T
        value = self._energy + float((weights * (0.5 * turned - self._pull)).sum())
        return value, turned - self._pull

    def pull(self, weights: np.ndarray) -> np.ndarray:
        """−∂loss/∂z [N]: the residuals."""
        return self._rows.y - predict_tasks(weights, self._rows.x, self._rows.task)

    def dual(self, pull: np.ndarray, shrink: float) -> float:
        """Minus the conjugate at −shrink·pull: a lower bound of the objective where that is feasible."""
        point = shrink * pull
        return float(self._rows.y @ point - 0.5 * point @ point)

    def error(self, weights: np.ndarray) -> np.ndarray:
        """Squared error of each row [N]."""
        return self.pull(weights) ** 2


class LogisticLoss:
    """Σ log(1 + e^z) − yz of all rows. Raises DataError for labels other than 0 and 1."""

    def __init__(self, rows: TaskRows) -> None:
        if not np.isin(rows.y, (0.0, 1.0)).all():
            wrong = rows.y[~np.isin(rows.y, (0.0, 1.0))][0]
            raise DataError(f"The logistic loss has labels 0 and 1, but a target is {wrong:g}.")
        order = np.argsort(rows.task, kind="stable")
        self._x, self._y, self._task = rows.x[order], rows.y[order], rows.task[order]
        self._starts = np.concatenate([[0], np.cumsum(rows.counts)[:-1]])
        self._back = np.argsort(order, kind="stable")

    @cached_property
    def curvature(self) -> float:
        """A quarter of the largest eigenvalue of all XᵀX: σ' ≤ ¼."""
        parts = np.split(self._x, self._starts[1:])
        return 0.25 * max(float(np.linalg.norm(x, 2)) ** 2 for x in parts)

    def value_and_gradient(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """At weights [D, T]."""
        z = predict_tasks(weights, self._x, self._task)
        value = float((np.logaddexp(0.0, z) - self._y * z).sum())
        pull = self._y - _sigmoid(z)
        return value, -np.add.reduceat(self._x * pull[:, None], self._starts, axis=0).T

    def pull(self, weights: np.ndarray) -> np.ndarray:
        """−∂loss/∂z [N] = y − σ(z)."""
        return (self._y - _sigmoid(predict_tasks(weights, self._x, self._task)))[self._back]

    def dual(self, pull: np.ndarray, shrink: float) -> float:
        """The entropy of shrink·|pull|."""
        share = shrink * np.abs(pull)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = share * np.log(share) + (1.0 - share) * np.log1p(-share)
        return -float(np.nan_to_num(each).sum())

    def error(self, weights: np.ndarray) -> np.ndarray:
        """−log-likelihood of each row [N]."""
        z = predict_tasks(weights, self._x, self._task)
        return (np.logaddexp(0.0, z) - self._y * z)[self._back]


def loss_of(rows: TaskRows, name: TaskLoss) -> SquaredLoss | LogisticLoss:
    """The loss of that name on these rows. Raises ArgumentError for an unknown name."""
    if name not in get_args(TaskLoss):
        raise ArgumentError(
            f"No loss of tasks is called {name!r}; known are {', '.join(get_args(TaskLoss))}."
        )
    return SquaredLoss(rows) if name == "squared" else LogisticLoss(rows)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -z))
