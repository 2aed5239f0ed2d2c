"""What passes through a network forwards and comes back: read from the tape of one pass, summed up at once.

Nothing is kept beyond what the pass itself keeps: each layer's output and each activation is boiled down to
a few sums when it is made.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.feeding import Feed, cuts
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.operations import Sort, function_sort
from profunda.diagnosis.tape import Tape
from profunda.vitals.signs import SATURATION

__all__ = ["Recorder", "Signs"]

_END, _POPULATED = 0.005, 0.1
"""Part of the range that counts as its end, as of tanh by `SATURATION`, and the share of numbers at each."""

_BOUNDED = frozenset({"hardtanh", "hardsigmoid", "relu6", "softsign", "erf", "atan"})
"""Activations with two flat ends that `SATURATION` does not list."""

_PAIRED = 64
"""Rows whose correlations are taken."""


@dataclass(frozen=True)
class Signs:
    """Signs of all activations, [A] each, in the order of Anatomy.activations; NaN where one did not run."""

    mean: np.ndarray
    std: np.ndarray
    dead: np.ndarray
    saturated: np.ndarray


@dataclass
class _Tally:
    """Sums over the numbers of one activation; `low` and `high` by unit, `flat` those at a flat end."""

    count: int
    total: float
    squares: float
    flat: int
    low: Tensor
    high: Tensor

    def join(self, other: "_Tally") -> None:
        """The same place once more: its rows count as further rows."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares
        self.flat += other.flat
        if self.low.shape == other.low.shape:
            self.low = torch.minimum(self.low, other.low)
            self.high = torch.maximum(self.high, other.high)

    @property
    def signs(self) -> tuple[float, float, float, float]:
        """Mean, spread, share of dead units, share saturated. Units with NaN are not dead but broken."""
        mean = self.total / self.count
        spread = math.sqrt(max(self.squares / self.count - mean * mean, 0.0)) if mean == mean else math.nan
        return mean, spread, float((self.low == self.high).double().mean()), self.flat / self.count


@dataclass
class _Flow:
    """Sums over what left one layer in one call, and over the gradient that came back to it."""

    owner: int
    what: str
    count: int = 0
    squares: float = 0.0
    apart: float = math.nan
    back: float = 0.0


class Recorder(Tape):
    """One pass of `own` on `feed`: make it, call `run`, read what it found.

    `anatomy` is of the module whose copy `own` is, `prefix` leads its names there. With `backwards`,
    gradients that come back to layers' outputs are seen as long as the recorder lives.
    """

    measures = False

    def __init__(
        self, own: nn.Module, feed: Feed, anatomy: Anatomy, prefix: str = "", backwards: bool = False
    ) -> None:
        feed = feed.copied()
        self._feed, self._subject, self._backwards, self._anatomy = feed, own, backwards, anatomy
        self._order = {layer.name: at for at, layer in enumerate(anatomy.layers)}
        self._reach: list[int] = []  # the last layer upstream of each node
        self._tallies: dict[int, _Tally] = {}
        self._flows: dict[int, _Flow] = {}
        super().__init__(own, (feed.inputs, dict(feed.named)), prefix)

    def run(self) -> Any:
        """The module's outputs. Raises what it raises."""
        try:
            with self:
                return self._subject(*self._feed.inputs, **dict(self._feed.named))
        finally:
            self.detach_hooks()

    # While it runs ------------------------------------------------------------------------------------

    def _add(
        self,
        name: str,
        sort: Sort,
        sources: list[int],
        shown: list[Tensor],
        made: list[Tensor],
        owner: str | None = None,
        parametric: bool = False,
        p: float = 0.0,
        awake: bool = False,
    ) -> None:
        super()._add(name, sort, sources, shown, made, owner, parametric, p, awake)
        at = len(self.nodes) - 1
        ahead = [self._reach[up] for up in sources]
        ahead += [self._order.get(each, -1) for up in sources if (each := self.nodes[up].owner) is not None]
        self._reach.append(max(ahead, default=-1))
        if not made or not made[0].is_floating_point() or made[0].numel() == 0:
            return
        self._closed += 1  # what is computed here is no part of the pass
        try:
            if owner is not None and owner in self._order:
                self._flows[at] = self._flow(made[0], self._order[owner], sort.what)
            elif sort.kind == "activation" and made[0].ndim:
                self._tallies[at] = self._tally(made[0].detach(), sort.what, self._reach[at])
        finally:
            self._closed -= 1

    def _forget(self, begun: int) -> None:
        super()._forget(begun)
        del self._reach[begun:]
        for kept in (self._tallies, self._flows):
            for at in [at for at in kept if at >= begun]:
                del kept[at]

    def _tally(self, a: Tensor, what: str, after: int) -> _Tally:
        """Units lie on the last axis, behind a convolution on the second; all else are rows."""
        if after >= 0 and self._anatomy.layers[after].kind == "convolution" and a.ndim > 2:
            a = a.movedim(1, -1)
        rows = a.reshape(-1, a.shape[-1])
        flat = 0
        if what in SATURATION:
            low, high = SATURATION[what]
            flat = int(((rows < low) | (rows > high)).sum())
        elif what in _BOUNDED or function_sort(what).kind != "activation":
            flat = _at_ends(rows)
        return _Tally(
            rows.numel(),
            float(rows.sum(dtype=torch.float64)),
            _squares(rows),
            flat,
            rows.amin(0),
            rows.amax(0),
        )

    def _flow(self, left: Tensor, owner: int, what: str) -> _Flow:
        found = _Flow(owner, what, left.numel())
        found.squares = _squares(left.detach())
        found.apart = self._apart(left.detach())
        if self._backwards and left.requires_grad:

            def back(gradient: Tensor) -> None:
                found.back += _squares(gradient)

            left.register_hook(back)
        return found

    def _apart(self, left: Tensor) -> float:
        """Mean 1 − cosine over pairs of rows; rows that are zero have no direction and do not count.

        One number a row has a sign but no direction: there it is the variance over the mean square, which is
        what 1 − cosine comes to for rows of equal length.
        """
        n, axis = self._feed.rows, self._feed.axis
        if not self._feed.apart or not cuts(left, n, axis):
            return math.nan
        if axis == 1 and left.ndim > 1 and left.shape[1] == n:
            left = left.movedim(1, 0)
        rows = left.reshape(n, -1)[:_PAIRED].double()
        if rows.shape[1] == 1 and n > 1:
            square = float(rows.square().mean())
            return float(rows.var()) / square if square > 0.0 else math.nan
        norms = rows.norm(dim=1)
        rows = rows[norms > 0] / norms[norms > 0].unsqueeze(1)
        n = len(rows)
        if n < 2:
            return math.nan
        # Σ over pairs of u·v is ‖Σu‖² − n; the mean of what is left to 1, without small differences.
        middle = rows.mean(0)
        return max(0.0, float((rows - middle).square().sum()) / (n - 1))

    # Afterwards ---------------------------------------------------------------------------------------

    @property
    def signs(self) -> Signs:
        """Of all activations of the anatomy."""
        joined: dict[tuple[str, str, int], _Tally] = {}
        for at, tally in self._tallies.items():
            node = self.nodes[at]
            key = (node.name, node.sort.what, self._reach[at])
            if node.sort.what == "gate":
                tally.flat = 0  # a sigmoid that proved to be one
            if key in joined:
                joined[key].join(tally)
            else:
                joined[key] = tally
        rows = [
            joined[key].signs if (key := (each.name, each.what, each.after)) in joined else (math.nan,) * 4
            for each in self._anatomy.activations
        ]
        table = np.array(rows, np.float64).reshape(-1, 4)
        return Signs(table[:, 0], table[:, 1], table[:, 2], table[:, 3])

    def _of(self, layer: int) -> list[_Flow]:
        """Its calls; one that shares its weights with another operation is seen at the first kind only."""
        flows = [flow for flow in self._flows.values() if flow.owner == layer]
        return [flow for flow in flows if flow.what == flows[0].what]

    @property
    def signal(self) -> np.ndarray:
        """Root mean square of what left each layer [L]."""
        return self._by_layer(lambda flows: _root(sum(f.squares for f in flows), sum(f.count for f in flows)))

    @property
    def apart(self) -> np.ndarray:
        """Mean 1 − cosine of what left each layer for two rows [L], over all calls of the layer."""
        return self._by_layer(lambda flows: float(np.mean([f.apart for f in flows])) if flows else math.nan)

    @property
    def backward(self) -> np.ndarray:
        """Root mean square of the gradients that came back to what left each layer [L]; 0 where none did."""
        return self._by_layer(lambda flows: _root(sum(f.back for f in flows), sum(f.count for f in flows)))

    def _by_layer(self, value: Callable[[list[_Flow]], float]) -> np.ndarray:
        return np.array([value(self._of(layer)) for layer in range(len(self._order))], np.float64)


def _at_ends(rows: Tensor) -> int:
    """How many numbers lie at the least or the most of all, where a good part lies at either: a function that
    nobody knows by name is flat there. Those without two flat ends give few numbers their most.
    """
    low, high = rows.amin(), rows.amax()
    edge = _END * (high - low)
    below, above = int((rows <= low + edge).sum()), int((rows >= high - edge).sum())
    return below + above if min(below, above) >= _POPULATED * rows.numel() and bool(high > low) else 0


def _root(squares: float, count: int) -> float:
    return math.sqrt(squares / count) if count and squares == squares else math.nan


def _squares(tensor: Tensor) -> float:
    norm = float(torch.linalg.vector_norm(tensor, dtype=torch.float64))
    return norm * norm  # and not norm ** 2, which raises where it overflows
