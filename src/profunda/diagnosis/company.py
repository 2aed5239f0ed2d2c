"""How many rows share what a norm takes of a batch: by exchanging one row, and seeing which others change."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import draws_from
from profunda.diagnosis.feeding import Feed, outputs_by_row

__all__ = ["company"]

FEWEST = 8
"""Rows from which on a group of a few can be told from the whole batch."""

MOVED = 1e-6
"""Of the largest output: rounding moves what is left alone by less, in float32 and with sums in one order."""


@torch.no_grad()
def company(own: nn.Module, feed: Feed, mode: Callable[[], AbstractContextManager[None]]) -> int:
    """Rows of a group, itself among them, within which each row moves all and none outside, in the mode that
    `mode` opens; 1 where rows are alone, 0 where they are all together or in no such groups, as where rows
    are mixed in pairs that are drawn.
    """
    most = min(feed.rows - 1, 4 * FEWEST)
    if most < FEWEST or not feed.apart:
        return 0
    plain = _passed(own, feed, mode, list(range(most)))
    if plain is None:
        return 0
    sizes = []
    for first in (0, most // 2 // FEWEST * FEWEST):
        group = _moved(own, feed, mode, plain, first)
        if len(group) > FEWEST or any(_moved(own, feed, mode, plain, one) != group for one in group):
            return 0
        sizes.append(len(group))
    return max(sizes)


def _moved(
    own: nn.Module, feed: Feed, mode: Callable[[], AbstractContextManager[None]], plain: Tensor, row: int
) -> list[int]:
    """Rows whose outputs change when another row takes the place of this one."""
    rows = list(range(len(plain)))
    rows[row] = len(plain)
    other = _passed(own, feed, mode, rows)
    if other is None:
        return rows
    change = (other - plain).abs().amax(1)
    return torch.nonzero(change > MOVED * plain.abs().max()).flatten().tolist()


def _passed(
    own: nn.Module, feed: Feed, mode: Callable[[], AbstractContextManager[None]], rows: list[int]
) -> Tensor | None:
    batch = feed.take(torch.tensor(rows))
    draws_from(0)
    with mode():
        return outputs_by_row(batch.through(own), batch)
