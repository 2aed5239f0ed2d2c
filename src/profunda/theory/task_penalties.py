"""Penalties that tie the weights W [D, T] of T linear tasks together, each with its proximal map.

They are the family of the MALSAR package (Zhou, Chen and Ye 2011, "MALSAR: multi-task learning via structural
regularization"); as strengths beside a sum over rows (`task_rows.TaskLoss`):

    penalty                       Ω(W)                                says that
    SeparateRidge(λ)              λ‖W‖²                               nothing is shared
    SparseWeights(λ)              λ Σ|w_dt|                           each task uses few features
    JointFeatures(λ)              λ Σ_d‖w_d·‖₂                        all tasks use the same few features
    TraceNorm(λ)                  λ‖W‖_*                              tasks lie in a space of few dimensions
    MeanRegularised(λ, ρ)         λ Σ_t‖w_t − w̄‖² + ρ‖W‖²             tasks lie around their mean
    TaskGraph(λ, A)               λ Σ_{s<t} a_st‖w_s − w_t‖²          neighbours are alike
    ClusteredTasks(λ, k, ρ)       λ(‖W‖² − max_F‖WF‖²) + ρ‖W‖²        there are k kinds of tasks (relaxed)
    OutlierTasks(λ)               λ Σ_t‖w_·t‖₂                        most tasks are 0; for TaskParts
    PooledTasks()                 0 where all w_t are equal, else ∞   all tasks are one; for TaskParts
    TaskParts((Ω₁, Ω₂))           min Ω₁(W₁) + Ω₂(W₂), W₁ + W₂ = W    each part has a structure of its own
    TaskSum(Ω, quadratic)         Ω(W) + quadratic(W)                 both hold

Robust multi-task learning is TaskParts((TraceNorm(a), OutlierTasks(b))) (Chen, Zhou and Ye 2011),
incoherent low-rank and sparse TaskParts((TraceNorm(a), SparseWeights(b))) (Chen, Liu and Ye 2010,
penalised), robust feature learning TaskParts((JointFeatures(a), OutlierTasks(b))) (Gong, Ye and Zhang 2012),
disease progression a TaskGraph over `chain_links` (Zhou et al. 2011). With PooledTasks() as a part the others
act on what sets the tasks apart from one free common task.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from profunda.errors import ArgumentError
from profunda.theory.linear import soft_threshold
from profunda.theory.proximal import box_shares, shrink_columns, shrink_rows, shrink_singular_values

__all__ = [
    "ClusteredTasks",
    "JointFeatures",
    "MeanRegularised",
    "OutlierTasks",
    "PooledTasks",
    "QuadraticPenalty",
    "SeparateRidge",
    "SparseWeights",
    "TaskGraph",
    "TaskNorm",
    "TaskParts",
    "TaskPenalty",
    "TaskSum",
    "TraceNorm",
    "chain_links",
]


class TaskPenalty(Protocol):
    """Ω of weights [D, T]."""

    def value(self, weights: np.ndarray) -> float:
        """Ω(W)."""
        ...

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        """argmin_V ½‖V − W‖² + step·Ω(V)."""
        ...

    def times(self, factor: float) -> "TaskPenalty":
        """factor·Ω."""
        ...


class TaskNorm(TaskPenalty, Protocol):
    """A penalty that is a norm."""

    def dual(self, pull: np.ndarray) -> float:
        """max ⟨pull, W⟩ over Ω(W) ≤ 1: W = 0 is the fit where that of −gradient(0) is at most 1."""
        ...


class QuadraticPenalty(TaskPenalty, Protocol):
    """A penalty with a linear gradient."""

    @property
    def curvature(self) -> float:
        """The largest eigenvalue of its Hessian, or more."""
        ...

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """∂Ω/∂W [D, T]."""
        ...


@dataclass(frozen=True)
class _Strength:
    """One strength λ; raises ArgumentError where it is negative or not finite."""

    strength: float

    def __post_init__(self) -> None:
        _strength("strength", self.strength)

    def times(self, factor: float) -> Self:
        """factor·Ω."""
        return replace(self, strength=factor * self.strength)


class SparseWeights(_Strength):
    """λ Σ|w_dt|: the lasso of each task (Tibshirani 1996)."""

    def value(self, weights: np.ndarray) -> float:
        return self.strength * float(np.abs(weights).sum())

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        return soft_threshold(weights, step * self.strength)

    def dual(self, pull: np.ndarray) -> float:
        return _over(float(np.abs(pull).max()), self.strength)


class JointFeatures(_Strength):
    """λ Σ_d‖w_d·‖₂, the ℓ2,1 norm: a feature is used by all tasks or by none (Argyriou, Evgeniou and Pontil
    2008; Obozinski, Taskar and Jordan 2010)."""

    def value(self, weights: np.ndarray) -> float:
        return self.strength * float(np.linalg.norm(weights, axis=1).sum())

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        return shrink_rows(weights, step * self.strength)

    def dual(self, pull: np.ndarray) -> float:
        return _over(float(np.linalg.norm(pull, axis=1).max()), self.strength)


class OutlierTasks(_Strength):
    """λ Σ_t‖w_·t‖₂: a task has weights or none; as a part, the tasks that the other part does not explain
    (Chen, Zhou and Ye 2011)."""

    def value(self, weights: np.ndarray) -> float:
        return self.strength * float(np.linalg.norm(weights, axis=0).sum())

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        return shrink_columns(weights, step * self.strength)

    def dual(self, pull: np.ndarray) -> float:
        return _over(float(np.linalg.norm(pull, axis=0).max()), self.strength)


class TraceNorm(_Strength):
    """λ‖W‖_*, the sum of the singular values: tasks share few directions (Ji and Ye 2009)."""

    def value(self, weights: np.ndarray) -> float:
        return self.strength * float(np.linalg.svd(weights, compute_uv=False).sum())

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        return shrink_singular_values(weights, step * self.strength)

    def dual(self, pull: np.ndarray) -> float:
        return _over(float(np.linalg.norm(pull, 2)), self.strength)


class SeparateRidge(_Strength):
    """λ‖W‖²: every task alone."""

    @property
    def curvature(self) -> float:
        return 2.0 * self.strength

    def value(self, weights: np.ndarray) -> float:
        return self.strength * float((weights**2).sum())

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        return 2.0 * self.strength * weights

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        return weights / (1.0 + 2.0 * step * self.strength)


@dataclass(frozen=True)
class MeanRegularised:
    """λ Σ_t‖w_t − w̄‖² + ρ‖W‖² (Evgeniou and Pontil 2004): λ → ∞ pools all tasks, λ = 0 is ridge for each."""

    strength: float
    ridge: float = 0.0

    def __post_init__(self) -> None:
        _strength("strength", self.strength)
        _strength("ridge", self.ridge)

    @property
    def curvature(self) -> float:
        return 2.0 * (self.strength + self.ridge)

    def value(self, weights: np.ndarray) -> float:
        apart = weights - weights.mean(axis=1, keepdims=True)
        return self.strength * float((apart**2).sum()) + self.ridge * float((weights**2).sum())

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        mean = weights.mean(axis=1, keepdims=True)
        return 2.0 * (self.strength * (weights - mean) + self.ridge * weights)

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        mean = weights.mean(axis=1, keepdims=True)
        apart = (weights - mean) / (1.0 + 2.0 * step * (self.strength + self.ridge))
        return mean / (1.0 + 2.0 * step * self.ridge) + apart

    def times(self, factor: float) -> "MeanRegularised":
        return MeanRegularised(factor * self.strength, factor * self.ridge)


@dataclass(frozen=True)
class PooledTasks:
    """All tasks have the same weights: their mean regularisation at strength ∞."""

    def value(self, weights: np.ndarray) -> float:
        mean = weights.mean(axis=1, keepdims=True)
        return 0.0 if np.allclose(weights, mean, rtol=1e-9, atol=1e-12) else float("inf")

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        return np.broadcast_to(weights.mean(axis=1, keepdims=True), weights.shape)

    def times(self, factor: float) -> "PooledTasks":
        return self


@dataclass(frozen=True, eq=False)
class TaskGraph:
    """λ Σ_{s<t} a_st‖w_s − w_t‖² = λ tr(W L Wᵀ) for `links` A [T, T], symmetric and not negative.

    L = diag(A 1) − A is the graph's Laplacian (Evgeniou, Micchelli and Pontil 2005, section 3.1). Raises
    ArgumentError for other links.
    """

    strength: float
    links: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        _strength("strength", self.strength)
        links = np.asarray(self.links, np.float64)
        fit = links.ndim == 2 and links.shape[0] == links.shape[1] and np.isfinite(links).all()
        if not fit or (links < 0.0).any() or not np.array_equal(links, links.T):
            raise ArgumentError(
                f"links of shape {links.shape} must be [T, T], finite, symmetric and at least 0: a_st says "
                "how strongly tasks s and t are tied."
            )
        object.__setattr__(self, "links", links)

    @cached_property
    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        links = self.links - np.diag(np.diagonal(self.links))
        return np.linalg.eigh(np.diag(links.sum(axis=1)) - links)

    @property
    def curvature(self) -> float:
        return 2.0 * self.strength * float(self._spectrum[0][-1])

    def value(self, weights: np.ndarray) -> float:
        values, vectors = self._spectrum
        return self.strength * float(
            (np.maximum(values, 0.0) * (self._fitting(weights) @ vectors) ** 2).sum()
        )

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        values, vectors = self._spectrum
        return 2.0 * self.strength * (self._fitting(weights) @ vectors * values) @ vectors.T

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        values, vectors = self._spectrum
        shrink = 1.0 + 2.0 * step * self.strength * np.maximum(values, 0.0)
        return (self._fitting(weights) @ vectors / shrink) @ vectors.T

    def times(self, factor: float) -> "TaskGraph":
        return TaskGraph(factor * self.strength, self.links)

    def _fitting(self, weights: np.ndarray) -> np.ndarray:
        if weights.shape[1] != len(self.links):
            raise ArgumentError(f"links tie {len(self.links)} tasks, but the rows are of {weights.shape[1]}.")
        return weights


def chain_links(n_tasks: int) -> np.ndarray:
    """A [T, T] of tasks that follow one another, such as months of a disease (Zhou et al. 2011)."""
    return np.eye(n_tasks, k=1) + np.eye(n_tasks, k=-1)


@dataclass(frozen=True)
class ClusteredTasks:
    """λ(‖W‖² − ‖WF‖²) + ρ‖W‖² for the best assignment F [T, k], relaxed to a convex one (Zhou, Chen and Ye
    2011, eq. 10).

    λη(1+η) min_M tr W(ηI + M)⁻¹Wᵀ with η = ρ/λ, 0 ⪯ M ⪯ I, tr M = k. The best M shares W's singular
    vectors, so that Ω = λη(1+η) min_m Σσ_i²/(η + m_i), 0 ≤ m_i ≤ 1, Σm_i = k: the square of the cluster norm
    (Jacob, Bach and Vert 2009), with a proximal map of its own (McDonald, Pontil and Stamos 2016). The k
    largest directions pay ρσ² and the others (λ + ρ)σ² where the two sets are far apart.
    """

    strength: float
    clusters: int
    ridge: float

    def __post_init__(self) -> None:
        _strength("strength", self.strength)
        if self.clusters < 1:
            raise ArgumentError(f"{self.clusters} clusters hold no task: at least 1 is needed.")
        if not (0.0 < self.ridge < float("inf") and self.strength > 0.0):
            raise ArgumentError(
                f"strength={self.strength} and ridge={self.ridge} must both be above 0: the relaxation is by "
                "their ratio."
            )

    @property
    def _floor(self) -> float:
        return self.ridge / self.strength

    @property
    def _scale(self) -> float:
        return self.ridge * (1.0 + self._floor)

    def value(self, weights: np.ndarray) -> float:
        sizes = np.linalg.svd(weights, compute_uv=False)
        shares = box_shares(sizes, self.clusters, self._floor)
        return self._scale * float((sizes**2 / (self._floor + shares)).sum())

    def proximal(self, weights: np.ndarray, step: float) -> np.ndarray:
        u, sizes, vt = np.linalg.svd(weights, full_matrices=False)
        pull = 2.0 * step * self._scale
        shares = box_shares(sizes, self.clusters, self._floor, pull)
        return (u * (sizes * (self._floor + shares) / (self._floor + shares + pull))) @ vt

    def times(self, factor: float) -> "ClusteredTasks":
        return ClusteredTasks(factor * self.strength, self.clusters, factor * self.ridge)


@dataclass(frozen=True)
class TaskParts:
    """W is a sum of parts, each with a penalty of its own: the infimal convolution of the penalties."""

    penalties: tuple[TaskPenalty, ...]

    def __post_init__(self) -> None:
        if len(self.penalties) < 2 or any(isinstance(one, TaskParts | TaskSum) for one in self.penalties):
            raise ArgumentError("TaskParts need two penalties or more, none of them TaskParts or a TaskSum.")

    def times(self, factor: float) -> "TaskParts":
        """factor·Ω."""
        return TaskParts(tuple(one.times(factor) for one in self.penalties))


@dataclass(frozen=True)
class TaskSum:
    """A penalty (or TaskParts) and a quadratic one on the same weights W."""

    penalty: TaskPenalty | TaskParts
    quadratic: QuadraticPenalty

    def __post_init__(self) -> None:
        if not isinstance(self.quadratic, SeparateRidge | MeanRegularised | TaskGraph):
            raise ArgumentError(
                f"{type(self.quadratic).__name__} is not quadratic: the second penalty of a TaskSum is a "
                "SeparateRidge, MeanRegularised or TaskGraph, for only one proximal map is taken a step."
            )

    def times(self, factor: float) -> "TaskSum":
        """factor·Ω."""
        return TaskSum(self.penalty.times(factor), self.quadratic.times(factor))  # pyrefly: ignore


def _strength(name: str, value: float) -> None:
    if not 0.0 <= value < float("inf"):
        raise ArgumentError(f"{name}={value} penalises nothing: it must be finite and at least 0.")


def _over(size: float, strength: float) -> float:
    return size / strength if strength else float("inf") if size else 0.0
