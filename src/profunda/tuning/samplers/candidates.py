"""Places worth scoring: spread over the unit cube, and steps of all sizes from good ones."""

import math

import numpy as np

__all__ = ["steps_from"]

_JUMP = 0.5  # parameters of a step, on average, that are drawn afresh: choices have no small steps


def steps_from(
    parents: np.ndarray, count: int, scales: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """`count` steps from each of `parents` [N, D]: rows [N · count, D] of the unit cube.

    Each step has a size drawn log-uniformly from `scales` and moves from one to all parameters: who changes
    everything at once hardly ever improves in many dimensions (Regis and Shoemaker 2013).
    """
    base = np.repeat(parents, count, axis=0)
    n, d = base.shape
    size = np.exp(rng.uniform(math.log(scales[0]), math.log(scales[1]), (n, 1)))
    moved = rng.random((n, d)) < rng.integers(1, d + 1, (n, 1)) / d
    moved[np.arange(n), rng.integers(0, d, n)] = True
    stepped = np.abs(base + np.where(moved, rng.normal(size=(n, d)) * size, 0.0))
    stepped = 1.0 - np.abs(1.0 - stepped)  # walls reflect: clipping would crowd the corners
    fresh = moved & (rng.random((n, d)) < _JUMP / d)
    return np.clip(np.where(fresh, rng.random((n, d)), stepped), 0.0, 1.0)
