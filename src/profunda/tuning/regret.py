"""A bound on what a search may still gain, by a Gaussian process over the unit cube of its space.

Makarova et al. 2022, "Automatic termination for hyperparameter optimization", equation 6: with high
probability the simple regret of the best evaluated point is at most

    min over evaluated x of (μ(x) + √β σ(x))  −  min over the space of (μ(x) − √β σ(x)),

with β = 2 log(d t² π² / (6 δ)) / 5 after t answers in d dimensions, δ = 0.1 (Srinivas et al. 2010, theorem 1
and, for the factor, their §6). The surrogate is plain: Matérn 5/2 with one length for all dimensions, length
and noise by the highest marginal likelihood on a grid. A single length overstates what idle dimensions may
hide, so the bound errs to the side of searching on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profunda.space.space import Params, Space
from profunda.tuning.samplers.random import stream

__all__ = ["FEWEST_POINTS", "Posterior", "fit_posterior", "regret_bound"]

FEWEST_POINTS = 10  # fewer answers say nothing of a surface
MOST_POINTS = 300  # a cubic cost: 0.1 s at 300
CANDIDATES = 2_000
NEIGHBOURS = 200  # of the best five points, where a better one is most likely
REACH = 0.05  # how far such a neighbour lies, in each dimension
DELTA = 0.1
SRINIVAS = 5.0
LENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6)  # times √d
NOISES = (1e-4, 1e-3, 1e-2, 1e-1)  # of the answers' variance


@dataclass(frozen=True, eq=False)
class Posterior:
    """A Gaussian process conditioned on points [N, d] and answers of mean `centre` and deviation `scale`."""

    points: np.ndarray
    factor: np.ndarray
    weights: np.ndarray
    length: float
    centre: float
    scale: float

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the noiseless surface at points [n, d], each [n]."""
        cross = _matern(points, self.points, self.length)
        solved = np.linalg.solve(self.factor, cross.T)
        variance = np.maximum(0.0, 1.0 - (solved**2).sum(axis=0))
        return self.centre + self.scale * (cross @ self.weights), self.scale * np.sqrt(variance)


def regret_bound(space: Space, params: Sequence[Params], losses: Sequence[float]) -> float:
    """The bound, in units of the losses; infinite where the losses do not differ."""
    x = _cube(space, params)
    y = np.asarray(losses, float)
    if not np.ptp(y) > 0 or not space.dimensions:
        return math.inf
    x, y = _subset(x, y)
    posterior = fit_posterior(x, y)
    beta = 2 * math.log(max(1, x.shape[1]) * len(losses) ** 2 * math.pi**2 / (6 * DELTA)) / SRINIVAS
    width = math.sqrt(beta)
    mean, deviation = posterior.at(x)
    upper, lower = float((mean + width * deviation).min()), float((mean - width * deviation).min())
    mean, deviation = posterior.at(_cube(space, _candidates(space, x, y)))
    return upper - min(lower, float((mean - width * deviation).min()))


def fit_posterior(x: np.ndarray, y: np.ndarray) -> Posterior:
    """The process of the highest marginal likelihood on the grid of lengths and noises."""
    centre, scale = float(y.mean()), float(y.std())
    z = (y - centre) / scale
    best: Posterior | None = None
    highest = -math.inf
    for length in (factor * math.sqrt(x.shape[1]) for factor in LENGTHS):
        kernel = _matern(x, x, length)
        for noise in NOISES:
            factor = np.linalg.cholesky(kernel + noise * np.eye(len(x)))
            half = np.linalg.solve(factor, z)
            likelihood = -0.5 * half @ half - np.log(np.diag(factor)).sum()
            if likelihood > highest:
                weights = np.linalg.solve(factor.T, half)
                best, highest = Posterior(x, factor, weights, length, centre, scale), likelihood
    assert best is not None
    return best


def _matern(a: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    r = np.sqrt(5 * np.maximum(squares, 0.0)) / length
    return (1 + r + r**2 / 3) * np.exp(-r)


def _cube(space: Space, params: Sequence[Params]) -> np.ndarray:
    """Places in the unit cube [N, d]; what is inactive lies in the middle."""
    return np.nan_to_num(space.encode(params), nan=0.5)


def _subset(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best third of MOST_POINTS and as many others as there is room for, evenly by rank."""
    if len(y) <= MOST_POINTS:
        return x, y
    order = np.argsort(y, kind="stable")
    best, rest = order[: MOST_POINTS // 3], order[MOST_POINTS // 3 :]
    others = rest[np.linspace(0, len(rest) - 1, MOST_POINTS - len(best)).astype(int)]
    chosen = np.sort(np.concatenate([best, others]))
    return x[chosen], y[chosen]


def _candidates(space: Space, x: np.ndarray, y: np.ndarray) -> list[Params]:
    """Configurations all over the space, and some near the best: the same for the same answers."""
    everywhere = stream(0, f"regret/{len(y)}", 0, CANDIDATES, x.shape[1])
    steps = stream(0, f"regret/near/{len(y)}", 0, NEIGHBOURS, x.shape[1])
    centres = x[np.argsort(y, kind="stable")[:5]]
    near = centres[np.arange(NEIGHBOURS) % len(centres)] + REACH * (2 * steps - 1)
    return space.sample(np.vstack([everywhere, np.clip(near, 0.0, np.nextafter(1.0, 0.0))]))
