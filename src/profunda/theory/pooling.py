"""Two linear tasks with rows of their own: when learning them together helps the first, and when it hurts.

Task k has n_k rows x ~ N(0, I_D) and y = w_k·x + noise of standard deviation σ; what is told is the risk
E‖ŵ − w_1‖² of the first task, the squared error on a new row beyond its noise. Learning alone is least
squares on its own rows, hard sharing (pooling) is least squares on all, soft sharing minimises
RSS_1(u) + RSS_2(v) + λ‖u − v‖², which is the first at λ = 0 and the second for λ → ∞ (Evgeniou and Pontil
2004, "Regularized multi-task learning", for two tasks).

The laws follow from the moments of Wishart matrices and are derived in the docstrings: E A⁻¹ = I/(n − D − 1).
"""

import math
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["SharingRisk", "TwoTasks"]


@dataclass(frozen=True)
class SharingRisk:
    """The risk of the first task, a mean over random inputs, and its standard error."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class TwoTasks:
    """Rows of the two tasks, inputs and noise. Raises ArgumentError for fewer than D + 2 rows of the first.

    >>> tasks = TwoTasks(30, 300, 10, 1.0)
    >>> round(tasks.threshold, 4), round(tasks.alone, 4), round(tasks.pooled(0.8), 3)
    (0.7739, 0.5263, 0.56)
    """

    own_rows: int
    other_rows: int
    n_features: int
    noise: float

    def __post_init__(self) -> None:
        if self.n_features < 1 or self.own_rows < self.n_features + 2 or self.other_rows < 1:
            raise ArgumentError(
                f"{self.own_rows} and {self.other_rows} rows of {self.n_features} features: the first task "
                "needs at least 2 rows more than features for a finite risk, the second at least 1 row."
            )
        if not 0.0 <= self.noise < math.inf:
            raise ArgumentError(f"A noise of {self.noise} is no standard deviation: it must be at least 0.")

    @property
    def rows(self) -> int:
        """Of both tasks."""
        return self.own_rows + self.other_rows

    @property
    def alone(self) -> float:
        """The risk of least squares on the first task's rows: σ²D/(n_1 − D − 1)."""
        return self.noise**2 * self.n_features / (self.own_rows - self.n_features - 1)

    def pooled(self, distance: float) -> float:
        """The risk of least squares on all rows for ‖w_1 − w_2‖ = `distance`, to leading order in D/N.

        (n_2/N)²·distance² + σ²D/(N − D − 1): the second matrix X_2ᵀX_2 is taken for its share n_2/N of both.
        `pooled_exactly` does without.
        """
        _size("distance", distance)
        share = self.other_rows / self.rows
        return (share * distance) ** 2 + self._pooled_variance

    def pooled_exactly(self, distance: float) -> float:
        """The same without approximation: `bias_factor`·distance² + σ²D/(N − D − 1)."""
        _size("distance", distance)
        return self.bias_factor * distance**2 + self._pooled_variance

    @property
    def threshold(self) -> float:
        """The distance beyond which pooling hurts, by `pooled`: the root of pooled(distance) = alone."""
        return math.sqrt(self.alone - self._pooled_variance) * self.rows / self.other_rows

    @property
    def exact_threshold(self) -> float:
        """The distance beyond which pooling hurts, by `pooled_exactly`."""
        return math.sqrt((self.alone - self._pooled_variance) / self.bias_factor)

    @property
    def _pooled_variance(self) -> float:
        return self.noise**2 * self.n_features / (self.rows - self.n_features - 1)

    @property
    def bias_factor(self) -> float:
        """E‖A⁻¹A_2 u‖² for a unit vector u, A_k = X_kᵀX_k and A = A_1 + A_2, exact for Gaussian inputs.

        B = A^{−½}A_2A^{−½} is a matrix beta variable, independent of A and rotation invariant, so that
        E B_ij B_kl = b δ_ij δ_kl + a(δ_ik δ_jl + δ_il δ_jk). E tr A_2² and E(tr A_2)² give a = m(N − m)/M and
        b = m(mN + m − 2)/M with m = n_2 and M = N(N − 1)(N + 2), whatever D, and E tr A tr A⁻¹ =
        (ND − 2)D/(N − D − 1) then the factor a + b + a(ND − 2)/(N − D − 1).
        """
        n, m, d = self.rows, self.other_rows, self.n_features
        a, b = m * (n - m), m * (m * n + m - 2)
        return (a + b + a * (n * d - 2) / (n - d - 1)) / (n * (n - 1) * (n + 2))

    def soft(self, distance: float, strength: float, draws: int = 400, seed: int = 0) -> SharingRisk:
        """Risk of soft sharing at strength λ and its standard error over `draws` random inputs.

        Given the inputs it is exact: ŵ_1 − w_1 = G⁻¹(X_1ᵀε_1 + K(X_2ᵀε_2 + A_2 δ)), G = A_1 + K A_2,
        K = λ(A_2 + λI)⁻¹, with δ in a uniformly random direction.
        """
        _size("distance", distance)
        if not strength >= 0.0:
            raise ArgumentError(f"A strength of {strength} shares nothing: it must be at least 0.")
        each = self._soft(*self._inputs(draws, seed), distance, strength)
        return SharingRisk(float(each.mean()), float(each.std(ddof=1) / math.sqrt(draws)))

    def best_strength(self, distance: float) -> float:
        """λ* = σ²D/distance²: of all strengths the best for every input, infinite for equal tasks.

        Beside a flat prior of w_1 the noise σ² and w_2 − w_1 ~ N(0, distance²/D · I) make soft sharing the
        posterior mean at this λ, and the risk of a linear estimator depends on those second moments alone.
        """
        _size("distance", distance)
        return self.noise**2 * self.n_features / distance**2 if distance else math.inf

    def _inputs(self, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """XᵀX of both tasks, [draws, D, D] each."""
        if draws < 2:
            raise ArgumentError(f"{draws} draws have no standard error: at least 2 are needed.")
        rng = np.random.default_rng(seed)
        x, z = (rng.normal(size=(draws, n, self.n_features)) for n in (self.own_rows, self.other_rows))
        return x.swapaxes(1, 2) @ x, z.swapaxes(1, 2) @ z

    def _soft(self, first: np.ndarray, second: np.ndarray, distance: float, strength: float) -> np.ndarray:
        """Risk [draws] given both XᵀX."""
        shared = noise = np.zeros_like(second)  # K A_2 and K A_2 Kᵀ
        if strength == math.inf:
            shared = noise = second
        elif strength:
            eye = np.eye(self.n_features)
            pull = strength * np.linalg.solve(second + strength * eye, eye[None])
            shared = pull @ second
            noise = shared @ pull
        whole = first + shared
        bias = np.linalg.solve(whole, shared)
        spread = np.linalg.solve(whole, np.linalg.solve(whole, first + noise).swapaxes(1, 2))
        variance = self.noise**2 * np.trace(spread, axis1=1, axis2=2)
        return variance + distance**2 / self.n_features * (bias**2).sum((1, 2))


def _size(name: str, value: float) -> None:
    if not 0.0 <= value < math.inf:
        raise ArgumentError(f"{name} = {value} must be finite and at least 0.")
