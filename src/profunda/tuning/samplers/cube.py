"""A space as an array: rows in the unit cube, moved to the places of legal values, and as a kernel sees them.

A row u float64 [D] has a column for each free parameter of the space. Columns of inactive parameters stand in
the middle, one and the same place for all: among rows that lack a parameter it then makes no distance.
"""

import math
from collections.abc import Sequence

import numpy as np

from profunda.space.domain import Choice, Domain, Fixed, Int
from profunda.space.space import Params, Space

__all__ = ["Cube"]

_MIDDLE = 0.5
_CLOSE = 1e-9  # places of two values of a domain lie further apart


class Cube:
    """`space` for numerics on many rows at once; F features of a row, `owner` int [F] their parameters."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._column = {name: column for column, name in enumerate(space.free)}
        self._domains = [space.domains[name] for name in space.free]
        counts = [len(d.values) if isinstance(d, Choice) and not d.ordered else 1 for d in self._domains]
        self.owner = np.repeat(np.arange(len(counts)), counts)

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self._domains)

    def snapped(self, u: np.ndarray) -> np.ndarray:
        """Rows u [N, D] in [0, 1] at the places of the values that they give."""
        columns = [_snapped(domain, u[:, k]) for k, domain in enumerate(self._domains)]
        placed = np.stack(columns, axis=1) if columns else u.copy()
        on: dict[str, np.ndarray] = {}
        for name in self.space.order:
            on[name] = self._active(name, placed, on)
            if name in self._column:
                placed[~on[name], self._column[name]] = _MIDDLE
        return placed

    def _active(self, name: str, placed: np.ndarray, on: dict[str, np.ndarray]) -> np.ndarray:
        when = self.space.conditions.get(name)
        if when is None:
            return np.ones(len(placed), dtype=bool)
        parent = self.space.domains[when.parent]
        legal = [value for value in when.values if parent.contains(value)]
        if when.parent not in self._column:
            return on[when.parent] & bool(legal)
        places = np.array([parent.place(value) for value in legal])
        told = placed[:, self._column[when.parent]]
        return on[when.parent] & (np.abs(told[:, None] - places) < _CLOSE).any(axis=1)

    def rows(self, params: Sequence[Params]) -> np.ndarray:
        """Snapped rows [N, D] of configurations."""
        return np.nan_to_num(self.space.encode(params), nan=_MIDDLE)

    def params(self, placed: np.ndarray) -> list[Params]:
        """The configurations of rows."""
        return self.space.sample(np.clip(placed, 0.0, np.nextafter(1.0, 0.0)))

    def features(self, placed: np.ndarray) -> np.ndarray:
        """Snapped rows [N, D] as points [N, F]: a column each, unordered choices as corners of a simplex.

        Two different values of an unordered choice lie 1 apart, like the ends of an interval.
        """
        parts = []
        for k, domain in enumerate(self._domains):
            if isinstance(domain, Choice) and not domain.ordered:
                middles = np.array([domain.place(value) for value in domain.values])
                hit = np.abs(placed[:, k, None] - middles) < _CLOSE
                parts.append(hit / math.sqrt(2.0))
            else:
                parts.append(placed[:, k, None])
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(placed), 0))


def _snapped(domain: Domain, u: np.ndarray) -> np.ndarray:
    """`u` [N] moved to the middle of those numbers that give the same value."""
    u = np.clip(u, 0.0, np.nextafter(1.0, 0.0))
    match domain:
        case Int(log=True):
            low, high = math.log(domain.low - 0.5), math.log(domain.high + 0.5)
            whole = np.clip(np.rint(np.exp(low + u * (high - low))), domain.low, domain.high)
            return (np.log(whole) - low) / (high - low)
        case Int():
            count = domain.high - domain.low + 1
            return (np.floor(u * count) + 0.5) / count
        case Choice():
            middles = np.array([domain.place(value) for value in domain.values])
            weights = np.ones(len(middles)) if domain.weights is None else np.asarray(domain.weights, float)
            edges = np.cumsum(weights / weights.sum())
            return middles[np.searchsorted(edges, u, side="right").clip(max=len(middles) - 1)]
        case Fixed():
            return np.full(len(u), _MIDDLE)
    return u
