"""Training rows for trainings of one's own: the user's batches as they come, or their rows dealt out anew."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import Batch, mapped
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.feeding import Feed, feed_of
from profunda.diagnosis.joining import joined
from profunda.diagnosis.loaders import Batches, batches_of
from profunda.diagnosis.recipes import Recipe, finite_rows
from profunda.errors import ArgumentError

__all__ = ["Supply", "finite_batch", "moved_by", "pair_of", "parted", "whole_of"]

BYTES = 256 * 2**20
"""Rows are kept whole up to so much; larger data are only gone through as they come."""

HELD = 0.2
"""Share of the rows that judge where no validation rows are given."""


@dataclass(frozen=True)
class Supply:
    """`data` as the user gave them, for `module`; `batch_size` that of a pair. `whole` are all rows, None
    where they are too many to be kept or cannot be joined.
    """

    data: Any
    module: nn.Module
    batch_size: int
    whole: Feed | None

    def epochs(self, recipe: Recipe, seed: int) -> Callable[[int], Iterator[Batch]]:
        """The batches of epoch 0, 1, … as `recipe` wants them; ArgumentError where that needs all rows at
        hand and they are not.
        """
        batches = self._batches(recipe, seed)
        if not recipe.finite:
            return batches.epoch
        return lambda turn: (good for each in batches.epoch(turn) if (good := finite_batch(each)) is not None)

    def dealt(self, recipe: Recipe) -> bool:
        """Whether `recipe` wants rows in other batches than the user's, so that all must be at hand."""
        return bool(recipe.shift or recipe.shuffled or recipe.parts.batch_size != self.batch_size)

    def _batches(self, recipe: Recipe, seed: int) -> Batches:
        size = recipe.parts.batch_size
        if not self.dealt(recipe):
            return batches_of(self.data, self.module, size, seed)
        if self.whole is None or not isinstance(self.whole.targets, Tensor):
            raise ArgumentError(
                "Rows can only be dealt out in another way where they fit into memory together and all "
                "batches look alike."
            )
        return batches_of(pair_of(moved_by(self.whole, recipe.shift)), self.module, size, seed)


def whole_of(batches: Batches) -> Feed | None:
    """All rows, in the data's own order where that is known; None where they are too many, or do not go
    together.
    """
    kept: list[Batch] = []
    size = 0
    known = batches.sample()
    ordered = sum(each.rows for each in known) == batches.rows
    for each in known if ordered else batches.epoch(0):
        kept.append(each)
        size += sum(one.numel() * one.element_size() for one in tensors_in((each.inputs, dict(each.named))))
        if size > BYTES:
            return None
    found = joined(kept)
    rows = sum(each.rows for each in kept)
    return found if found is not None and found.apart and found.matched and found.rows == rows else None


def parted(whole: Feed, seed: int) -> tuple[Any, Any]:
    """Pairs (X, y) to train on and to judge by, from all rows."""
    order = torch.randperm(whole.rows, generator=torch.Generator().manual_seed(seed))
    held = max(1, round(HELD * whole.rows))
    return pair_of(whole.take(order[held:].sort().values)), pair_of(whole.take(order[:held]))


def pair_of(feed: Feed) -> tuple[Any, Any]:
    """(X, y) as a user gives them."""
    inputs: Any = dict(feed.named) or (feed.inputs[0] if len(feed.inputs) == 1 else feed.inputs)
    return inputs, feed.targets


def moved_by(feed: Feed, shift: int) -> Feed:
    """Each label moved on by `shift` rows."""
    if not shift:
        return feed
    targets = mapped(feed.targets, lambda one: one.roll(shift, 0))
    return Feed(feed.inputs, feed.named, targets, feed.rows, feed.axis, feed.apart, feed.matched)


def finite_batch(batch: Batch) -> Batch | None:
    """The rows of finite numbers, None where fewer than two are left of several."""
    feed = feed_of(batch.inputs, batch.targets, batch.named)
    good = finite_rows(feed)
    if good is None or bool(good.all()):
        return batch
    if int(good.sum()) < 2:
        return None
    left = feed.take(good.nonzero()[:, 0])
    return Batch(left.inputs, left.named, left.targets, left.rows)
