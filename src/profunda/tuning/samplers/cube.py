"""A space as an array: rows in the unit cube, moved to the places of legal values, and as a kernel sees them.

A row u float64 [D] has a column for each free parameter of the space. Columns of inactive parameters stand in
the middle, one and the same place for all: among rows that lack a parameter it then makes no distance.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from profunda.space.domain import Choice, Domain, Int
from profunda.space.space import Params, Space

__all__ = ["Cube"]

_MIDDLE = 0.5
_CLOSE = 1e-9  # places of two values of a domain lie further apart


class Cube:
    """`space` for numerics on many rows at once; F features of a row, `owner` int [F] their parameters."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._column = {name: column for column, name in enumerate(space.free)}
        self._axes = [_Axis(space.domains[name]) for name in space.free]
        self._switches = {name: self._switch(name) for name in space.conditions}
        self.owner = np.repeat(np.arange(len(self._axes)), [axis.features for axis in self._axes])

    @property
    def dimensions(self) -> int:
        """D."""
        return len(self._axes)

    def _switch(self, name: str) -> np.ndarray:
        """Places of those values of its parent that switch `name` on."""
        when = self.space.conditions[name]
        parent = self.space.domains[when.parent]
        return np.array([parent.place(value) for value in when.values if parent.contains(value)])

    def snapped(self, u: np.ndarray) -> np.ndarray:
        """Rows u [N, D] in [0, 1] at the places of the values that they give."""
        placed = u.copy()
        for column, axis in enumerate(self._axes):
            placed[:, column] = axis.snapped(u[:, column])
        on: dict[str, np.ndarray] = {}
        for name in self.space.order:
            on[name] = self._active(name, placed, on)
            if name in self._column and name in self._switches:
                placed[~on[name], self._column[name]] = _MIDDLE
        return placed

    def _active(self, name: str, placed: np.ndarray, on: dict[str, np.ndarray]) -> np.ndarray:
        if name not in self._switches:
            return np.ones(len(placed), dtype=bool)
        parent, places = self.space.conditions[name].parent, self._switches[name]
        if parent not in self._column:  # held at one value
            return on[parent] & bool(len(places))
        told = placed[:, self._column[parent]]
        return on[parent] & (np.abs(told[:, None] - places) < _CLOSE).any(axis=1)

    def rows(self, params: Sequence[Params]) -> np.ndarray:
        """Snapped rows [N, D] of configurations."""
        placed = np.full((len(params), self.dimensions), _MIDDLE)
        for row, one in enumerate(params):
            for column, name in enumerate(self.space.free):
                if name in one:
                    placed[row, column] = self._axes[column].place(one[name])
        return placed

    def params(self, placed: np.ndarray) -> list[Params]:
        """The configurations of rows."""
        return self.space.sample(np.clip(placed, 0.0, np.nextafter(1.0, 0.0)))

    def features(self, placed: np.ndarray) -> np.ndarray:
        """Snapped rows [N, D] as points [N, F]: a column each, unordered choices as corners of a simplex.

        Two different values of an unordered choice lie 1 apart, like the ends of an interval.
        """
        parts = [axis.seen(placed[:, column]) for column, axis in enumerate(self._axes)]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(placed), 0))


class _Axis:
    """One free parameter: where its values lie, and how a kernel sees them."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._middles = self._edges = np.zeros(0)
        self._known: dict[str, float] = {}
        if isinstance(domain, Choice):
            weights = (
                np.ones(len(domain.values)) if domain.weights is None else np.array(domain.weights, float)
            )
            self._middles = np.array([domain.place(value) for value in domain.values])
            self._edges = np.cumsum(weights / weights.sum())
        self._apart = isinstance(domain, Choice) and not domain.ordered
        self.features = len(self._middles) if self._apart else 1

    def place(self, value: Any) -> float:
        """As the domain's; asked for by the thousand, and looking a choice up takes microseconds."""
        if self._domain.size is None:
            return self._domain.place(value)
        told = repr(value)  # True and 1 are equal, but may lie apart
        if told not in self._known:
            self._known[told] = self._domain.place(value)
        return self._known[told]

    def snapped(self, u: np.ndarray) -> np.ndarray:
        """`u` [N] moved to the middle of those numbers that give the same value."""
        domain, u = self._domain, np.clip(u, 0.0, np.nextafter(1.0, 0.0))
        if isinstance(domain, Choice):
            index = np.searchsorted(self._edges, u, side="right").clip(max=len(self._middles) - 1)
            return self._middles[index]
        if not isinstance(domain, Int):
            return u
        if not domain.log:
            count = domain.high - domain.low + 1
            return (np.floor(u * count) + 0.5) / count
        low, high = math.log(domain.low - 0.5), math.log(domain.high + 0.5)
        whole = np.clip(np.rint(np.exp(low + u * (high - low))), domain.low, domain.high)
        return (np.log(whole) - low) / (high - low)

    def seen(self, placed: np.ndarray) -> np.ndarray:
        """Snapped places [N] as features [N, `features`]."""
        if not self._apart:
            return placed[:, None]
        return (np.abs(placed[:, None] - self._middles) < _CLOSE) / math.sqrt(2.0)
