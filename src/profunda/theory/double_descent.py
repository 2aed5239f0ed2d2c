"""Double descent where it is exactly known: linear features, random ReLU features, two time scales.

The risk of a least-squares fit of least norm rises to a peak where parameters and rows are equally many, and
falls again beyond. Sources: Belkin, Hsu and Xu (2020), "Two models of double descent for weak features",
theorem 1, and Hastie, Montanari, Rosset and Tibshirani (2022), "Surprises in high-dimensional ridgeless
least squares interpolation", for isotropic features; Cho and Saul (2009), eq. 3 for order 1, for the second
moments of ReLU features; Heckel and Yilmaz (2021), "Early stopping in deep networks: double descent and how
to eliminate it", for the same over epochs, from features learnt at two speeds.
"""

import math
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError, DataError

__all__ = [
    "EpochCurve",
    "FeatureSweep",
    "TwoScales",
    "descent_risk",
    "isotropic_draws",
    "isotropic_risk",
    "noise_amplification",
    "random_feature_sweep",
]


def noise_amplification(n_rows: int, n_features: int) -> float:
    """min(N, p)/(|p − N| − 1): the variance of a fit of least norm in units of σ², infinite for |p − N| ≤ 1.

    E tr (XᵀX)⁺ for standard normal X [N, p], by the mean of an inverse Wishart matrix.

    >>> noise_amplification(100, 50), noise_amplification(100, 100)
    (1.0204081632653061, inf)
    """
    if n_rows < 1 or n_features < 1:
        raise ArgumentError(
            f"{n_rows} rows of {n_features} features fit nothing: at least 1 of each is needed."
        )
    apart = abs(n_features - n_rows) - 1
    return min(n_rows, n_features) / apart if apart > 0 else math.inf


def isotropic_risk(n_rows: int, n_features: int, noise: float, signal: float = 1.0) -> float:
    """E‖ŵ − w‖² of the least-squares fit of least norm to y = w·x + noise, x ~ N(0, I_p), exactly.

    σ²p/(N − p − 1) for p < N − 1; ‖w‖²(1 − N/p) + σ²N/(p − N − 1) for p > N + 1; infinite between, unless
    there is no noise. `signal` is ‖w‖, `noise` σ; the noise of the test target is not counted.
    """
    _not_negative(noise=noise, signal=signal)
    amplified = noise**2 * noise_amplification(n_rows, n_features) if noise else 0.0
    return signal**2 * max(0.0, 1.0 - n_rows / n_features) + amplified


def isotropic_draws(
    n_rows: int, n_features: int, noise: float, signal: float = 1.0, repeats: int = 200, seed: int = 0
) -> np.ndarray:
    """The same risk for `repeats` random X [N, p], each in expectation over its noise: [repeats].

    ‖w‖²(1 − ‖Vᵀu‖²) + σ² Σ 1/s² from the singular values; `isotropic_risk` is its mean.
    """
    _not_negative(noise=noise, signal=signal)
    if min(n_rows, n_features, repeats) < 1:
        raise ArgumentError(
            f"{repeats} draws of {n_rows} × {n_features} features: at least 1 of each is needed."
        )
    rng = np.random.default_rng(seed)
    risks = np.empty(repeats)
    for number in range(repeats):
        _, s, vt = np.linalg.svd(rng.normal(size=(n_rows, n_features)), full_matrices=False)
        missed = 1.0 - float(vt[:, 0] @ vt[:, 0])  # any direction of w will do, so the first axis
        risks[number] = signal**2 * max(0.0, missed) + noise**2 * float((1.0 / s**2).sum())
    return risks


@dataclass(frozen=True)
class FeatureSweep:
    """Risks, training errors and norms [K, R] of fits on `n_features` [K] random features, R repeats.

    `risk` is the mean squared error on new targets, their noise included.
    """

    n_features: tuple[int, ...]
    n_rows: int
    risk: np.ndarray
    train: np.ndarray
    norm: np.ndarray

    @property
    def median(self) -> np.ndarray:
        """Risk [K]: the mean is not used, since at the peak it does not settle."""
        return np.median(self.risk, axis=1)

    @property
    def peak(self) -> int:
        """The number of features with the largest median risk."""
        return self.n_features[int(np.argmax(self.median))]

    @property
    def classical_minimum(self) -> float:
        """The least median risk before the peak (the peak's own, where it comes first)."""
        return float(self.median[: max(1, int(np.argmax(self.median)))].min())

    @property
    def descends_twice(self) -> bool:
        """Whether there is a rise, and after it a risk below the least before it."""
        return bool(self.classical_minimum < self.median.max() and self.median[-1] < self.classical_minimum)


def random_feature_sweep(
    n_features: tuple[int, ...],
    strength: float = 0.0,
    *,
    n_rows: int = 100,
    inputs: int = 20,
    noise: float = 0.5,
    repeats: int = 20,
    seed: int = 0,
) -> FeatureSweep:
    """Ridge of `strength` λ (RSS scale; 0: least norm) on p random ReLU features, for each p of a list.

    x ~ N(0, I_D), y = w·x + σ noise with ‖w‖ = 1, features relu(v_j·x)/√p with v_j ~ N(0, I/D). Each repeat
    has one set of rows, and more features are added to those there are. The risk is exact for each fit, by
    the features' second moments, not estimated on test rows.
    """
    _not_negative(noise=noise, strength=strength)
    if not n_features or min(*n_features, n_rows, inputs, repeats) < 1:
        raise ArgumentError(
            f"features {n_features}, {n_rows} rows, {inputs} inputs, {repeats} repeats: at least 1 of each "
            "is needed."
        )
    told = np.empty((3, len(n_features), repeats))
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        truth = rng.normal(size=inputs)
        truth /= np.linalg.norm(truth)
        x = rng.normal(size=(n_rows, inputs))
        y = x @ truth + noise * rng.normal(size=n_rows)
        directions = rng.normal(size=(max(n_features), inputs)) / math.sqrt(inputs)
        for k, p in enumerate(n_features):
            scaled = directions[:p] / math.sqrt(p)
            weights, train = _penalised(np.maximum(x @ scaled.T, 0.0), y, strength)
            excess = weights @ _relu_moments(scaled) @ weights - weights @ (scaled @ truth) + 1.0
            told[:, k, repeat] = excess + noise**2, train, np.linalg.norm(weights)
    return FeatureSweep(tuple(n_features), n_rows, *told)


def _penalised(features: np.ndarray, y: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Weights [p] and the training error of ridge, from one decomposition."""
    u, s, vt = np.linalg.svd(features, full_matrices=False)
    kept = s > s[0] * max(features.shape) * np.finfo(np.float64).eps
    factor = np.divide(s, s * s + strength, out=np.zeros_like(s), where=kept)
    weights = vt.T @ (factor * (u.T @ y))
    return weights, float(np.mean((features @ weights - y) ** 2))


def _relu_moments(directions: np.ndarray) -> np.ndarray:
    """E relu(v_i·x) relu(v_j·x) for x ~ N(0, I): [p, p] (Cho and Saul 2009, order 1, halved)."""
    sizes = np.linalg.norm(directions, axis=1)
    unit = directions / sizes[:, None]
    cosine = np.clip(unit @ unit.T, -1.0, 1.0)
    angle = np.arccos(cosine)
    return np.outer(sizes, sizes) * (np.sqrt(1.0 - cosine**2) + (np.pi - angle) * cosine) / (2.0 * np.pi)


# Over epochs ------------------------------------------------------------------------------------------


def descent_risk(
    x: np.ndarray, truth: np.ndarray, variances: np.ndarray, noise: float, rate: float, steps: np.ndarray
) -> np.ndarray:
    """The risk [T] of gradient descent from 0 on ½RSS after each number of `steps` [T], without taking any.

    For y = X w + noise, `truth` w [D], test inputs of independent components of `variances` [D], the noise of
    the test target included, in expectation over the training noise: with w_t = V(1 − (1 − ηs²)^t)s⁻¹Uᵀy the
    distance to w has mean (V φ_t Vᵀ − I)w and covariance σ²V(φ_t/s)²Vᵀ. Raises ArgumentError for a rate at
    which the descent diverges and for steps that are no counts.
    """
    _not_negative(noise=noise)
    x, truth, variances = (np.asarray(each, np.float64) for each in (x, truth, variances))
    if x.ndim != 2 or truth.shape != x.shape[1:] or variances.shape != truth.shape:
        raise DataError(
            f"Inputs {x.shape}, truth {truth.shape} and variances {variances.shape} must be [N, D], [D], [D]."
        )
    steps = np.asarray(steps, np.float64)
    if steps.ndim != 1 or not len(steps) or (steps < 0.0).any() or (steps % 1.0).any():
        raise ArgumentError("steps must be a list of whole numbers, none below 0: so often a step is taken.")
    if not np.isfinite(x).all() or not x.any():
        raise DataError("The inputs must be finite and not all 0, or no step of descent is told.")
    _, s, vt = np.linalg.svd(x, full_matrices=False)
    if not 0.0 < rate * s[0] ** 2 < 2.0:
        raise ArgumentError(
            f"At a rate of {rate} gradient descent diverges: it must be above 0 and below 2/σ₁² = "
            f"{2.0 / s[0] ** 2:.4g}."
        )
    kept = s > s[0] * max(x.shape) * np.finfo(np.float64).eps
    s, vt = s[kept], vt[kept]
    reached = 1.0 - (1.0 - rate * s**2) ** steps[:, None]
    bias = (reached * (vt @ truth)) @ vt - truth
    spread = noise**2 * (reached / s) ** 2 @ vt**2
    return (bias**2 + spread) @ variances + noise**2


@dataclass(frozen=True)
class EpochCurve:
    """Mean risk [T] after each number of `steps` [T], and its standard error over random inputs."""

    steps: np.ndarray
    risk: np.ndarray
    standard_error: np.ndarray

    @property
    def dip(self) -> int:
        """Index of the first local minimum (the last step, where the risk only falls)."""
        rising = np.flatnonzero(np.diff(self.risk) > 0.0)
        return int(rising[0]) if len(rising) else len(self.risk) - 1

    @property
    def peak(self) -> int:
        """Index of the largest risk from the dip on."""
        return self.dip + int(np.argmax(self.risk[self.dip :]))

    @property
    def descends_twice(self) -> bool:
        """Whether the risk rises after the dip and ends below it."""
        return bool(self.peak > self.dip and self.risk[-1] < self.risk[self.dip])


@dataclass(frozen=True)
class TwoScales:
    """Linear regression on two blocks of independent normal inputs, of which one is seen at a small scale.

    `sizes` features each, of standard deviation `scales`, with signals ‖w_k‖ = `signals`, N = `n_rows`, noise
    σ. Gradient descent learns the large block first, noise and all, and the small one long after: the risk
    falls, rises and falls again.
    """

    n_rows: int = 200
    sizes: tuple[int, int] = (160, 10)
    scales: tuple[float, float] = (1.0, 0.05)
    signals: tuple[float, float] = (4.0, 40.0)
    noise: float = 0.5

    def __post_init__(self) -> None:
        if self.n_rows < 1 or min(self.sizes) < 1 or not all(0.0 < scale < math.inf for scale in self.scales):
            raise ArgumentError(
                f"{self.n_rows} rows, sizes {self.sizes}, scales {self.scales}: rows and sizes must be "
                "at least 1 and scales above 0, all finite."
            )
        first, second = self.signals
        _not_negative(noise=self.noise, first_signal=first, second_signal=second)

    def inputs(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """X [N, D], w [D] in a random direction of each block, and the inputs' variances [D]."""
        deviations = np.repeat(self.scales, self.sizes)
        blocks = [rng.normal(size=size) for size in self.sizes]
        truth = [
            signal * each / np.linalg.norm(each) for signal, each in zip(self.signals, blocks, strict=True)
        ]
        x = rng.normal(size=(self.n_rows, len(deviations))) * deviations
        return x, np.concatenate(truth), deviations**2

    def curve(
        self, steps: np.ndarray, rate_share: float = 0.1, repeats: int = 20, seed: int = 0
    ) -> EpochCurve:
        """Mean risk over `repeats` random inputs, at a rate of `rate_share`/λ_max(XᵀX)."""
        if repeats < 2:
            raise ArgumentError(f"{repeats} repeats have no standard error: at least 2 are needed.")
        steps = np.asarray(steps)
        risks = np.empty((repeats, len(steps)))
        for repeat in range(repeats):
            x, truth, variances = self.inputs(np.random.default_rng([seed, repeat]))
            rate = rate_share / float(np.linalg.norm(x, 2)) ** 2
            risks[repeat] = descent_risk(x, truth, variances, self.noise, rate, steps)
        return EpochCurve(steps, risks.mean(axis=0), risks.std(axis=0, ddof=1) / math.sqrt(repeats))


def _not_negative(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 <= value < math.inf:
            raise ArgumentError(f"{name} = {value} must be finite and at least 0.")
