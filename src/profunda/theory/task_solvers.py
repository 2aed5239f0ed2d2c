"""Linear tasks fitted together: accelerated proximal gradient with restarts, and certificates of the end.

min_W Σ_t loss_t(X_t w_t) + Ω(W). Sources: Beck and Teboulle (2009) for FISTA; O'Donoghue and Candès (2015),
section 3.2, for restarts; Parikh and Boyd (2014), section 4.2, for the fixed point that a residual measures.
"""

from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.task_penalties import QuadraticPenalty, TaskParts, TaskPenalty, TaskSum
from profunda.theory.task_rows import LogisticLoss, SquaredLoss, TaskLoss, TaskRows, loss_of, predict_tasks

__all__ = ["TaskFit", "fit_tasks", "vanishing_factor"]

AnyPenalty = TaskPenalty | TaskParts | TaskSum
_LOOK = 10  # iterations between two looks at the residual


@dataclass(frozen=True, eq=False)
class TaskFit:
    """Weights of T linear tasks, and how near they are to the minimum.

    `weights` [D, T] are the sum of `parts` [K, D, T] (K = 1 but for TaskParts). `residual` is ‖W − prox(W −
    step·gradient)‖/step by ‖gradient at 0‖: 0 at the minimum and nowhere else. `gap` is an upper bound of
    objective − minimum from a dual point, None where the penalty is no norm. `converged` says that the
    residual fell below the tolerance within the iterations allowed.
    """

    weights: np.ndarray
    parts: np.ndarray
    objective: float
    residual: float
    gap: float | None
    iterations: int
    converged: bool

    def predict(self, x: np.ndarray, task: np.ndarray) -> np.ndarray:
        """z [N] for x [N, D] and the task of each row [N]."""
        return predict_tasks(self.weights, np.asarray(x, np.float64), np.asarray(task))

    def __str__(self) -> str:
        state = "converged" if self.converged else "NOT converged: allow more iterations, or scale the inputs"
        gap = "" if self.gap is None else f", duality gap {self.gap:.2g}"
        return (
            f"{self.weights.shape[1]} tasks of {self.weights.shape[0]} weights; objective "
            f"{self.objective:.6g}; {state} after {self.iterations} iterations, residual "
            f"{self.residual:.2g}{gap}"
        )


@dataclass(frozen=True, eq=False)
class _Problem:
    """f(ΣV_k) + Σ_k Ω_k(V_k): what is smooth, and what has a proximal map."""

    loss: SquaredLoss | LogisticLoss
    rough: tuple[TaskPenalty, ...]
    quadratic: QuadraticPenalty | None

    @staticmethod
    def of(loss: SquaredLoss | LogisticLoss, penalty: AnyPenalty) -> "_Problem":
        rough = penalty.penalty if isinstance(penalty, TaskSum) else penalty
        parts = rough.penalties if isinstance(rough, TaskParts) else (rough,)
        return _Problem(loss, parts, penalty.quadratic if isinstance(penalty, TaskSum) else None)

    @property
    def step(self) -> float:
        curvature = self.loss.curvature + (self.quadratic.curvature if self.quadratic else 0.0)
        return 1.0 / max(len(self.rough) * curvature, np.finfo(np.float64).tiny)

    def smooth(self, parts: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient [D, T], which is that of every part."""
        weights = parts.sum(axis=0)
        value, gradient = self.loss.value_and_gradient(weights)
        if self.quadratic is not None:
            value += self.quadratic.value(weights)
            gradient = gradient + self.quadratic.gradient(weights)
        return value, gradient

    def rest(self, parts: np.ndarray) -> float:
        return sum(one.value(part) for one, part in zip(self.rough, parts, strict=True))

    def advanced(self, parts: np.ndarray, gradient: np.ndarray, step: float) -> np.ndarray:
        moved = parts - step * gradient
        return np.stack([one.proximal(part, step) for one, part in zip(self.rough, moved, strict=True)])

    def gap(self, parts: np.ndarray, objective: float, rows: TaskRows) -> float | None:
        """Objective less the dual's value at the nearest feasible multiple of −∂loss/∂z."""
        duals = [getattr(one, "dual", None) for one in self.rough]
        if self.quadratic is not None or None in duals:
            return None
        weights = parts.sum(axis=0)
        steepest = max(dual(-self.loss.value_and_gradient(weights)[1]) for dual in duals if dual)
        pull = self.loss.pull(weights)
        bound = self.loss.dual(pull, 1.0 / max(1.0, steepest))
        return max(0.0, objective - bound)


def fit_tasks(
    rows: TaskRows,
    penalty: AnyPenalty,
    *,
    loss: TaskLoss = "squared",
    start: np.ndarray | None = None,
    tolerance: float = 1e-7,
    iterations: int = 20_000,
) -> TaskFit:
    """argmin_W Σ loss + Ω(W), from `start` [K, D, T] (None: 0).

    The step is 1/curvature; momentum starts anew wherever a step would raise the objective or turns against
    the last one, so that the objective falls monotonically. What does not converge says so in the result.
    Raises ArgumentError for a loss, a tolerance or a start that cannot be, DataError for labels other than 0
    and 1 of the logistic loss.

    >>> from profunda.theory.task_penalties import MeanRegularised
    >>> rows = TaskRows(np.ones((4, 1)), np.array([1.0, 1.0, 3.0, 3.0]), np.array([0, 0, 1, 1]))
    >>> [fit_tasks(rows, MeanRegularised(s)).weights.round(3).tolist() for s in (0.0, 1.0, 1e9)]
    [[[1.0, 3.0]], [[1.5, 2.5]], [[2.0, 2.0]]]
    """
    if not tolerance > 0.0 or iterations < 1:
        raise ArgumentError(f"tolerance={tolerance} must be above 0, iterations={iterations} at least 1.")
    problem = _Problem.of(loss_of(rows, loss), penalty)
    shape = (len(problem.rough), rows.n_features, rows.n_tasks)
    parts = np.zeros(shape) if start is None else np.array(start, np.float64)
    if parts.shape != shape or not np.isfinite(parts).all():
        raise ArgumentError(f"start {parts.shape} must be finite and [K, D, T] = {shape}: `parts` of a fit.")
    scale = float(np.linalg.norm(problem.smooth(np.zeros(shape))[1])) or 1.0
    parts, objective, residual, taken = _descend(problem, parts, tolerance * scale, iterations)
    return TaskFit(
        parts.sum(axis=0),
        parts,
        objective,
        residual / scale,
        problem.gap(parts, objective, rows),
        taken,
        residual <= tolerance * scale,
    )


def _descend(
    problem: _Problem, parts: np.ndarray, enough: float, iterations: int
) -> tuple[np.ndarray, float, float, int]:
    """TaskParts, objective, residual, and the iterations that were taken."""
    step = problem.step
    best, (value, gradient) = parts, problem.smooth(parts)
    objective = value + problem.rest(parts)
    ahead, momentum, taken = parts, 1.0, 0
    residual = _residual(problem, parts, gradient, step)
    while taken < iterations and residual > enough:
        taken += 1
        parts = problem.advanced(ahead, gradient, step)
        value = problem.smooth(parts)[0] + problem.rest(parts)
        against = momentum > 1.0 and ((ahead - parts) * (parts - best)).sum() > 0.0
        if momentum > 1.0 and value > objective:
            ahead, momentum = best, 1.0
        else:
            following = 1.0 if against else 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = parts if against else parts + (momentum - 1.0) / following * (parts - best)
            best, objective, momentum = parts, value, following
        gradient = problem.smooth(ahead)[1]
        if taken % _LOOK == 0 or taken == iterations:
            residual = _residual(problem, best, problem.smooth(best)[1], step)
    return best, objective, residual, taken


def _residual(problem: _Problem, parts: np.ndarray, gradient: np.ndarray, step: float) -> float:
    return float(np.linalg.norm(parts - problem.advanced(parts, gradient, step))) / step


def vanishing_factor(rows: TaskRows, penalty: AnyPenalty, *, loss: TaskLoss = "squared") -> float:
    """The least factor at which factor·Ω makes every weight 0, for norms and TaskParts of norms.

    The largest dual norm of the gradient at 0: paths begin there. Raises ArgumentError where the penalty is
    no norm, for then the weights never vanish.
    """
    problem = _Problem.of(loss_of(rows, loss), penalty)
    duals = [getattr(one, "dual", None) for one in problem.rough]
    if None in duals:
        raise ArgumentError(
            f"Under {type(penalty).__name__} weights shrink and never vanish: only norms have such a factor."
        )
    gradient = problem.smooth(np.zeros((len(duals), rows.n_features, rows.n_tasks)))[1]
    return max(dual(-gradient) for dual in duals if dual)
