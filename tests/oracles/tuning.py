"""Slow and obvious versions of what the batch proposer computes."""

import math

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

from profunda.space.space import Space

__all__ = ["covariance", "expected_improvement", "greedy", "placed", "posterior"]


def placed(space: Space, u: np.ndarray) -> np.ndarray:
    """Rows of the configurations at u, by way of their values; 1/2 where one is inactive."""
    rows = np.full(u.shape, 0.5)
    for row, params in enumerate(space.sample(u)):
        for column, name in enumerate(space.free):
            if name in params:
                rows[row, column] = space.domains[name].place(params[name])
    return rows


def covariance(a: np.ndarray, b: np.ndarray, lengths: np.ndarray, signal: float) -> np.ndarray:
    """Matérn 5/2, one pair at a time."""
    table = np.empty((len(a), len(b)))
    for i, one in enumerate(a):
        for j, other in enumerate(b):
            r = math.sqrt(
                5 * sum(((p - q) / length) ** 2 for p, q, length in zip(one, other, lengths, strict=True))
            )
            table[i, j] = signal * (1 + r + r * r / 3) * math.exp(-r)
    return table


def posterior(
    x: np.ndarray, y: np.ndarray, at: np.ndarray, lengths: np.ndarray, signal: float, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance at points, by solving the normal equations."""
    inside = covariance(x, x, lengths, signal) + noise * np.eye(len(x))
    cross = covariance(x, at, lengths, signal)
    solved = np.linalg.solve(inside, cross)
    return solved.T @ y, covariance(at, at, lengths, signal) - cross.T @ solved


def expected_improvement(mean: float, sd: float, best: float) -> float:
    """By quadrature over the improvement."""
    value, _ = quad(
        lambda gain: gain * norm.pdf(best - gain, mean, sd), 0, np.inf, epsabs=0, epsrel=1e-10, limit=200
    )
    return value


def greedy(
    x: np.ndarray,
    y: np.ndarray,
    pool: np.ndarray,
    picks: int,
    lengths: np.ndarray,
    signal: float,
    noise: float,
) -> list[int]:
    """Positions in `pool` by expected improvement, all conditioned anew on each believed pick."""
    best = posterior(x, y, x, lengths, signal, noise)[0].min()
    chosen: list[int] = []
    for _ in range(picks):
        mean, cov = posterior(x, y, pool, lengths, signal, noise)
        sd = np.sqrt(np.diag(cov))
        z = (best - mean) / sd
        gain = sd * (norm.pdf(z) + z * norm.cdf(z))
        gain[chosen] = -1
        pick = int(np.argmax(gain))
        chosen.append(pick)
        best = min(best, mean[pick])
        x, y = np.vstack([x, pool[pick]]), np.append(y, mean[pick])
    return chosen


def partitions(items):
    """Every partition of a list, as lists of lists."""
    if not items:
        yield []
        return
    first, *rest = items
    for smaller in partitions(rest):
        yield [[first], *smaller]
        for place, group in enumerate(smaller):
            yield [*smaller[:place], [first, *group], *smaller[place + 1 :]]


def best_partition(gains, barred):
    """The largest worth of all partitions, and one that has it: means of pairs, added up member by member."""

    def worth(group):
        total = 0.0
        for t in group:
            others = [s for s in group if s != t]
            if any(barred[t, s] or barred[s, t] for s in others):
                return -np.inf
            mean = sum(gains[t, s] for s in others) / len(others) if others else 0.0
            if mean < 0:
                return -np.inf
            total += mean
        return total

    return max((sum(map(worth, one)), one) for one in partitions(list(range(len(gains)))))
