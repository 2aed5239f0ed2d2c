"""What outputs react to: to each input column, and to other rows of the batch."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped
from profunda.diagnosis.copying import draws_from, tensors_in
from profunda.diagnosis.feeding import Feed, cuts, outputs_by_row

__all__ = ["mixing", "sensitivity"]

BLOCKS, _SHUFFLED, _PASSES = 32, 32, 4
"""Columns are shuffled one by one up to 32, in as many blocks of neighbours beyond, on at most 32 rows: in so
many blocks that it costs no more than four passes of all rows."""

_OWN = 10.0
"""Times by which other rows must change outputs more than a second pass of the same rows does."""

_MIXED = 32
"""Rows of each kind in the batches that are compared."""


@torch.no_grad()
def sensitivity(own: nn.Module, feed: Feed) -> np.ndarray:
    """Root mean square change of the output numbers for one standard deviation of each input column [D].

    A column takes the values of other rows: their difference has the variance 2σ², so the change is divided
    by √2. A block of k columns that vary is shuffled as one, and each of them gets its change over √k. For
    tokens it is the change when a place takes another row's token, over √2. Columns run through all input
    tensors in turn. NaN for a column that does not vary, and everywhere where rows cannot be cut.
    """
    blocks_at_most = min(BLOCKS, max(1, _PASSES * feed.rows // min(feed.rows, _SHUFFLED)))
    feed = feed.first(_SHUFFLED)
    given = [one for one in tensors_in((feed.inputs, dict(feed.named))) if cuts(one, feed.rows, feed.axis)]
    widths = [one.numel() // feed.rows for one in given]
    found = np.full(sum(widths), math.nan)
    draws_from(0)  # before each pass: what is drawn in it shall not differ
    base = outputs_by_row(feed.through(own), feed) if feed.apart and feed.rows > 1 else None
    if base is None or not found.size:
        return found
    others = _elsewhere(feed.rows)
    varies = np.concatenate([_varies(one, feed) for one in given])
    blocks = (
        np.array_split(np.flatnonzero(varies), min(blocks_at_most, int(varies.sum()))) if varies.any() else []
    )
    for columns in blocks:
        draws_from(0)
        made = outputs_by_row(_shuffled(feed, columns, widths, others).through(own), feed)
        if made is not None:
            change = float((made - base).square().mean()) ** 0.5
            found[columns] = change / math.sqrt(2.0 * len(columns))
    return found


def _elsewhere(rows: int) -> Tensor:
    """A permutation in which no row stays where it was."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(0))
    found = torch.empty_like(order)
    found[order] = order.roll(1)
    return found


def _flat(tensor: Tensor, feed: Feed) -> Tensor:
    """[N, columns], a view where that is possible."""
    if feed.axis == 1 and tensor.ndim > 1 and tensor.shape[1] == feed.rows:
        tensor = tensor.movedim(1, 0)
    return tensor.reshape(feed.rows, -1)


def _varies(tensor: Tensor, feed: Feed) -> np.ndarray:
    flat = _flat(tensor, feed)
    return (flat != flat[:1]).any(0).cpu().numpy()


def _shuffled(feed: Feed, columns: np.ndarray, widths: list[int], others: Tensor) -> Feed:
    """`feed` with the columns of these numbers taken from other rows."""
    ends = np.cumsum(widths)
    at = -1

    def change(tensor: Tensor) -> Tensor:
        nonlocal at
        if not cuts(tensor, feed.rows, feed.axis):
            return tensor
        at += 1
        mine = columns[(columns >= ends[at] - widths[at]) & (columns < ends[at])] - (ends[at] - widths[at])
        if not len(mine):
            return tensor
        flat, own = _flat(tensor, feed).clone(), torch.as_tensor(mine, device=tensor.device)
        flat[:, own] = flat[others.to(tensor.device)][:, own]
        if feed.axis == 1 and tensor.ndim > 1 and tensor.shape[1] == feed.rows:
            return flat.reshape(feed.rows, tensor.shape[0], *tensor.shape[2:]).movedim(0, 1)
        return flat.reshape(tensor.shape)

    inputs: Any = mapped(feed.inputs, change)
    named = tuple((name, mapped(each, change)) for name, each in feed.named)
    return Feed(inputs, named, feed.targets, feed.rows, feed.axis, feed.apart, feed.matched)


@torch.no_grad()
def mixing(
    own: nn.Module, feed: Feed, mode: Callable[[], AbstractContextManager[None]], most: int = _MIXED
) -> float:
    """Largest change of a row's outputs when the other half of its batch is exchanged, relative to the
    standard deviation of outputs over rows; in the mode that `mode` opens.

    The rows that are kept lie between those that are exchanged, so that what looks back only is seen too.
    Random numbers are the same in both passes. `most` rows are kept, and as many exchanged. NaN for fewer
    than 6 rows, where rows cannot be cut, and where the same batch does not give the same again, as with a
    generator of the module's own or observers of quantisation, and for outputs that compare each row of a
    batch with each; infinite where outputs change by other rows
    alone.
    """
    half = min(_MIXED, feed.rows // 3, max(2, most))
    if half < 2 or not feed.apart:
        return math.nan
    kept, there, instead = torch.arange(3 * half).split(half)
    made = []
    for others in (there, instead, there):
        batch = feed.take(torch.stack([others, kept], dim=1).flatten())
        draws_from(0)
        with mode():
            left = outputs_by_row(batch.through(own), batch)
        if left is None or _are_pairs(own, feed, left, mode):
            return math.nan
        made.append(left)
    spread = float(torch.cat(made[:2]).std(0, correction=0).square().mean()) ** 0.5
    change = float((made[0][1::2] - made[1][1::2]).abs().max())
    if change == 0.0:
        return 0.0
    if _OWN * float((made[0] - made[2]).abs().max()) > change:
        return math.nan
    return change / spread if spread > 0.0 else math.inf


def _are_pairs(
    own: nn.Module, feed: Feed, left: Tensor, mode: Callable[[], AbstractContextManager[None]]
) -> bool:
    """Whether outputs `left` are one number for each pair of rows: as many columns as there are rows, fewer
    for fewer rows.
    """
    if left.ndim != 2 or left.shape[0] != left.shape[1]:
        return False
    fewer = feed.take(torch.arange(len(left) - 1))
    with mode():
        again = outputs_by_row(fewer.through(own), fewer)
    return again is not None and again.shape == (len(left) - 1, len(left) - 1)
