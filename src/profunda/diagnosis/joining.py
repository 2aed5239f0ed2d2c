"""Batches put together to one, and its rows mixed, so that the first of them stand for all."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from profunda.diagnosis.batches import Batch, mapped
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.feeding import Feed, feed_of

__all__ = ["joined", "mixed"]


def joined(batches: Sequence[Batch]) -> Feed | None:
    """All rows of the batches that look like the first; None without batches.

    Batches of sequences of another length, or that cannot be cut into rows, are left out.
    """
    feeds = [feed_of(each.inputs, each.targets, each.named) for each in batches]
    if not feeds:
        return None
    first = feeds[0]
    alike = [each for each in feeds if _shape(each) == _shape(first)]
    if len(alike) < 2 or not first.apart or not first.matched:
        return first
    whole = _cat(alike, first)
    return feed_of(whole[0], whole[1], whole[2])


def mixed(feed: Feed, most: int) -> Feed:
    """At most so many rows, drawn without order and always the same ones."""
    if not feed.apart or not feed.matched:
        return feed
    order = torch.randperm(feed.rows, generator=torch.Generator().manual_seed(0))
    return feed.take(order[:most])


def _parts(feed: Feed) -> tuple[Any, ...]:
    return feed.inputs, dict(feed.named), feed.targets


def _row_axis(tensor: Tensor, feed: Feed) -> int | None:
    if tensor.ndim == 0 or not feed.rows:
        return None
    if feed.axis == 1 and tensor.ndim > 1 and tensor.shape[1] == feed.rows:
        return 1
    blocks = feed.axis == 0 and tensor.shape[0] % feed.rows == 0
    return 0 if blocks or tensor.shape[0] == feed.rows else None


def _shape(feed: Feed) -> tuple[tuple[int, ...], ...]:
    """Sizes of all tensors but for the number of rows."""
    found = []
    for tensor in tensors_in(_parts(feed)):
        axis = _row_axis(tensor, feed)
        sizes = list(tensor.shape)
        if axis is not None:
            sizes[axis] = sizes[axis] // feed.rows
        found.append((feed.axis, -1 if axis is None else axis, *sizes))
    return tuple(found)


def _cat(feeds: Sequence[Feed], first: Feed) -> tuple[Any, Any, Any]:
    rows = [tensors_in(_parts(each)) for each in feeds]
    columns = iter(zip(*rows, strict=True))

    def put(tensor: Tensor) -> Tensor:
        axis = _row_axis(tensor, first)
        column = next(columns)
        return tensor if axis is None else torch.cat(column, axis)

    inputs, named, targets = (mapped(part, put) for part in _parts(first))
    return inputs, targets, tuple(named.items())  # type: ignore[attr-defined]
