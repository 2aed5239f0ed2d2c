"""What outputs of sequences react to: the order of places, and places that are still to come."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped
from profunda.diagnosis.copying import copy_of, draws_from, tensors_in
from profunda.diagnosis.feeding import Feed, cuts, outputs_in

__all__ = ["ahead", "order"]

LEAST = 4
"""Places that make a sequence."""

SHIFTED = 0.9
"""Share of targets that are the next place's input, from which on they are asked for as such."""

FURTHEST = 24
"""Places ahead, at most, and columns at each place, among which what is asked for is looked for."""


@torch.no_grad()
def order(own: nn.Module, feed: Feed) -> float:
    """Root mean square change of outputs, over their spread over rows, when the places of every row are put
    in another order, the same for all; outputs of places are put back. NaN where inputs are no sequences.
    """
    given = _sequence(feed)
    if given is None:
        return math.nan
    places = given.shape[1]
    moved = torch.randperm(places, generator=torch.Generator().manual_seed(0))
    base = _outputs(own, feed)
    if base is None:
        return math.nan
    made = _outputs(own, _with(feed, given, given[:, moved.to(given.device)]))
    if made is None or made.shape != base.shape:
        return math.nan
    axis = _axis(base, feed.rows, places)
    if axis is not None:
        base = base.index_select(axis, moved.to(base.device))
    return _relative(made, base)


@torch.no_grad()
def ahead(own: nn.Module, feed: Feed) -> float:
    """Root mean square change of the outputs of the first half of places, over their spread, when the inputs
    behind them are another row's, where targets are a later place's inputs; NaN where they are not.
    """
    asked = _foretold(feed)
    if asked is None:
        return math.nan
    given, half = asked.given, asked.places // 2
    base = _outputs(copy_of(own), feed)  # a state that a network keeps goes on from pass to pass
    axis = None if base is None else _axis(base, feed.rows, asked.places)
    if base is None or axis is None:
        return math.nan
    behind = range(half, asked.places)
    other = given.clone()
    index = torch.tensor(behind, device=given.device)
    other.index_copy_(asked.axis, index, given.roll(1, 0).index_select(asked.axis, index))
    made = _outputs(copy_of(own), _with(feed, given, other))
    if made is None or made.shape != base.shape:
        return math.nan
    return _relative(made.narrow(axis, 0, half), base.narrow(axis, 0, half))


def _sequence(feed: Feed) -> Tensor | None:
    """The only input, where rows are sequences of tokens or of vectors."""
    given = tensors_in((feed.inputs, dict(feed.named)))
    if len(given) != 1 or feed.axis or not feed.apart or feed.rows < 2 or given[0].shape[0] != feed.rows:
        return None
    one = given[0]
    tokens = one.ndim == 2 and not one.is_floating_point() and one.dtype != torch.bool
    return one if (tokens or one.ndim == 3) and one.shape[1] >= LEAST else None


@dataclass(frozen=True)
class _Foretold:
    """The input `given` of which targets are later places, and the axis on which these are."""

    given: Tensor
    axis: int

    @property
    def places(self) -> int:
        return self.given.shape[self.axis]


def _foretold(feed: Feed) -> _Foretold | None:
    """The input that is asked for some places ahead, whole or a column of it, wherever its places stand."""
    asked = next((one for one in tensors_in(feed.targets) if one.ndim), None)
    if asked is None or feed.axis or not feed.apart or feed.rows < 2 or not cuts(asked, feed.rows, 0):
        return None
    for one in tensors_in((feed.inputs, dict(feed.named))):
        if one.ndim < 2 or one.shape[0] != feed.rows:
            continue
        for axis in range(1, one.ndim):
            wanted = _by_place(asked, one.shape[axis], feed.rows)
            if one.shape[axis] >= LEAST and wanted is not None and _is_ahead(one.movedim(axis, 1), wanted):
                return _Foretold(one, axis)
    return None


def _by_place(asked: Tensor, places: int, rows: int) -> Tensor | None:
    """Targets [rows, places, numbers]; None where they have none for each of so many places."""
    if len(asked) != rows:
        return asked.reshape(rows, places, -1) if asked.numel() % (rows * places) == 0 else None
    axis = next((at for at in range(1, asked.ndim) if asked.shape[at] == places), None)
    return None if axis is None else asked.movedim(axis, 1).flatten(2) if asked.ndim > 2 else asked[..., None]


def _is_ahead(given: Tensor, wanted: Tensor) -> bool:
    """Whether what is `wanted` [B, T, E] at a place is `given` [B, T, ...] some places further on, and not
    there already.
    """
    given = given.flatten(2) if given.ndim > 2 else given[..., None]
    places, width = given.shape[1:]
    if wanted.shape[2] not in (1, width) or (wanted.shape[2] == 1 and width > FURTHEST):
        return False
    columns = [given] if wanted.shape[2] == width else [given[..., k, None] for k in range(width)]
    moves = range(1, 1 + min(FURTHEST, places // 4))
    return any(
        _share(wanted, one) < SHIFTED <= max(_share(wanted[:, :-by], one[:, by:]) for by in moves)
        for one in columns
    )


def _share(one: Tensor, other: Tensor) -> float:
    return float((one == other).double().mean())


def _with(feed: Feed, given: Tensor, instead: Tensor) -> Feed:
    def change(tensor: Tensor) -> Tensor:
        return instead if tensor is given else tensor

    inputs: Any = mapped(feed.inputs, change)
    named = tuple((name, mapped(each, change)) for name, each in feed.named)
    return Feed(inputs, named, feed.targets, feed.rows, feed.axis, feed.apart, feed.matched)


def _outputs(own: nn.Module, feed: Feed) -> Tensor | None:
    draws_from(0)  # what is drawn in a pass shall not differ
    found = outputs_in(feed.through(own))
    if found is None or not cuts(found, feed.rows, 0):
        return None
    found = found.detach().double()
    return found if len(found) == feed.rows else found.reshape(feed.rows, -1, *found.shape[1:])


def _axis(outputs: Tensor, rows: int, places: int) -> int | None:
    """On which outputs have as many numbers as there are places."""
    if len(outputs) != rows:
        return None
    return next((at for at in range(1, outputs.ndim) if outputs.shape[at] == places), None)


def _relative(made: Tensor, base: Tensor) -> float:
    spread = float(base.var(0, correction=0).mean()) ** 0.5
    change = float((made - base).square().mean()) ** 0.5
    return change / spread if spread > 0.0 else math.nan
