"""Naive twins of the data room: one value, one row, one pair at a time."""

import math
from collections.abc import Sequence
from statistics import NormalDist

__all__ = ["piecewise", "quantile", "quantile_input", "robust", "shared_rows"]


def quantile(values: Sequence[float], level: float) -> float:
    """The level-quantile with linear interpolation, by sorting."""
    ordered = sorted(values)
    at = level * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def robust(x: float, rows: Sequence[float]) -> float:
    """Robust scaling and smooth clipping of x, fitted on `rows` (no missing values)."""
    width = quantile(rows, 0.75) - quantile(rows, 0.25)
    if width > 0:
        scale = 1 / width
    elif max(rows) > min(rows):
        scale = 2 / (max(rows) - min(rows))
    else:
        scale = 0.0
    z = (x - quantile(rows, 0.5)) * scale
    return z / math.sqrt(1 + (z / 3) ** 2)


def quantile_input(x: float, rows: Sequence[float], knots: int = 100) -> float:
    """Normal score of x by linear interpolation between the knots' scores."""
    places = [quantile(rows, k / (knots - 1)) for k in range(knots)]
    scores = []
    for place in places:
        levels = [k / (knots - 1) for k in range(knots) if places[k] == place]
        level = sum(levels) / len(levels)
        scores.append(NormalDist().inv_cdf(min(max(level, 0.5 / knots), 1 - 0.5 / knots)))
    if x <= places[0]:
        return scores[0]
    for k in range(knots - 1):
        if places[k] <= x < places[k + 1]:
            part = (x - places[k]) / (places[k + 1] - places[k])
            return scores[k] + part * (scores[k + 1] - scores[k])
    return scores[-1]


def piecewise(x: float, rows: Sequence[float], bins: int) -> list[float]:
    """Equation 1 of Gorishniy et al. 2022, held within −1 in the first and 2 in the last bin."""
    edges = [quantile(rows, t / bins) for t in range(bins + 1)]
    out = []
    for t in range(1, bins + 1):
        e = (x - edges[t - 1]) / (edges[t] - edges[t - 1])
        if x < edges[t - 1] and t > 1:
            e = 0.0
        elif x >= edges[t] and t < bins:
            e = 1.0
        out.append(min(max(e, -1.0), 2.0))
    return out


def shared_rows(left: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> int:
    """How many rows of `left` also occur in `right`; missing values are equal to each other."""

    def same(a: Sequence[float], b: Sequence[float]) -> bool:
        return all(x == y or (x != x and y != y) for x, y in zip(a, b, strict=True))

    return sum(any(same(row, other) for other in right) for row in left)
