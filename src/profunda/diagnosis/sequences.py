"""What outputs of sequences react to: the order of places, and places that are still to come."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.feeding import Feed, cuts, outputs_in

__all__ = ["ahead", "order"]

LEAST = 4
"""Places that make a sequence."""

SHIFTED = 0.9
"""Share of targets that are the next place's input, from which on they are asked for as such."""


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
    behind them are another row's, where targets are the inputs one place further on; NaN where they are not.
    """
    given = _foretold(feed)
    if given is None:
        return math.nan
    places = given.shape[1]
    half = places // 2
    base = _outputs(own, feed)
    axis = None if base is None else _axis(base, feed.rows, places)
    if base is None or axis is None:
        return math.nan
    other = given.clone()
    other[:, half:] = given.roll(1, 0)[:, half:]
    made = _outputs(own, _with(feed, given, other))
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


def _foretold(feed: Feed) -> Tensor | None:
    """The input of which targets are the next places."""
    asked = next((one for one in tensors_in(feed.targets) if one.ndim), None)
    if asked is None or feed.axis or not feed.apart or feed.rows < 2 or not cuts(asked, feed.rows, 0):
        return None
    for one in tensors_in((feed.inputs, dict(feed.named))):
        if one.ndim < 2 or one.shape[0] != feed.rows or one.shape[1] < LEAST or one.numel() != asked.numel():
            continue
        wanted = asked.reshape(one.shape)
        now, next_one = _share(wanted, one), _share(wanted[:, :-1], one[:, 1:])
        if next_one >= SHIFTED > now:
            return one
    return None


def _share(one: Tensor, other: Tensor) -> float:
    return float((one == other).double().mean())


def _with(feed: Feed, given: Tensor, instead: Tensor) -> Feed:
    def change(tensor: Tensor) -> Tensor:
        return instead if tensor is given else tensor

    inputs: Any = mapped(feed.inputs, change)
    named = tuple((name, mapped(each, change)) for name, each in feed.named)
    return Feed(inputs, named, feed.targets, feed.rows, feed.axis, feed.apart, feed.matched)


def _outputs(own: nn.Module, feed: Feed) -> Tensor | None:
    torch.manual_seed(0)  # what is drawn in a pass shall not differ
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
