"""Integrals that stay right at kinks and for steep functions: panels halved until two rules agree.

Gauss–Hermite rules are not safe here: at 200 nodes they miss E relu(g) by 8e-4 and E tanh²(10 g) by 2 %.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["integral", "normal_mean"]

REACH = 12.0
"""Beyond ±12 a standard normal variable has a probability of 4e-33."""

_NODES = 20
_HALVINGS = 50


@lru_cache(maxsize=4)
def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(nodes)


def integral(
    f: Callable[[np.ndarray], np.ndarray], edges: Sequence[float] | np.ndarray, tolerance: float = 1e-13
) -> np.ndarray:
    """∫ f from the first to the last of `edges`, which are places where f may have a kink.

    f maps points [n] to values [..., n]; the result has the leading shape. A panel is halved until
    Gauss–Legendre on it and on its halves differ by no more than `tolerance` of the whole: a kink that no
    edge marks costs time, not digits. Raises ArgumentError where f is not finite.
    """
    left, right = np.asarray(edges[:-1], np.float64), np.asarray(edges[1:], np.float64)
    coarse = _panels(f, left, right)
    done = np.zeros(coarse.shape[:-1])
    for _ in range(_HALVINGS):
        middle = 0.5 * (left + right)
        fine = _panels(f, np.concatenate([left, middle]), np.concatenate([middle, right]))
        first, second = fine[..., : len(left)], fine[..., len(left) :]
        better = first + second
        scale = np.abs(done) + np.abs(better).sum(-1)
        open_ = np.abs(better - coarse) > tolerance * scale[..., None] + 1e-300
        open_ = open_.reshape(-1, len(left)).any(0)
        done = done + better[..., ~open_].sum(-1)
        if not open_.any():
            return done
        left, right, middle = left[open_], right[open_], middle[open_]
        coarse = np.concatenate([first[..., open_], second[..., open_]], -1)
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    return done + coarse.sum(-1)


def _panels(f: Callable[[np.ndarray], np.ndarray], left: np.ndarray, right: np.ndarray) -> np.ndarray:
    nodes, weights = _rule(_NODES)
    half = 0.5 * (right - left)
    points = 0.5 * (left + right)[:, None] + half[:, None] * nodes
    values = np.asarray(f(points.ravel()))
    if not np.isfinite(values).all():
        raise ArgumentError(
            "The function gives values that are not finite where a standard normal variable goes (±12 "
            "standard deviations); use a smaller variance, or a function that grows more slowly."
        )
    return values.reshape(*values.shape[:-1], *points.shape) @ weights * half


def normal_mean(
    f: Callable[[np.ndarray], np.ndarray], kinks: Sequence[float] = (), tolerance: float = 1e-13
) -> np.ndarray:
    """E f(g) for a standard normal g; `kinks` are the g at which f or its slope jumps.

    f maps points [n] to values [..., n]; the result has the leading shape.

    >>> round(float(normal_mean(lambda g: np.maximum(g, 0.0), [0.0])) * (2 * np.pi) ** 0.5, 12)
    1.0
    """
    inner = [kink for kink in kinks if -REACH < kink < REACH]
    edges = np.unique([*np.arange(-REACH, REACH + 1.0, 3.0), *inner])
    return integral(lambda g: f(g) * np.exp(-0.5 * g * g) / np.sqrt(2.0 * np.pi), edges, tolerance)
