"""A recipe as the program that its user would write, trained in full with a probe on it, and diagnosed.

What one mistake hid is found so; the training is the one that the repair returns, so that it costs no more.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.diagnosing import Followed, followed
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.recipes import Recipe, finite_rows
from profunda.diagnosis.runs import entering
from profunda.diagnosis.supplies import Supply, moved_by, pair_of

__all__ = ["retrained"]


def retrained(
    recipe: Recipe, supply: Supply, held: Feed, seed: int, tick: Callable[[int, int], object]
) -> Followed | None:
    """`recipe` trained in full and diagnosed, with `held` to validate on, whose labels stand as the
    recipe has them. The network takes scaled inputs where the recipe scales them. Raises what `diagnose`
    raises.

    None where `diagnose` has no place for what the recipe does: rates that change, gradients that are
    clipped, rows that would have to be dealt out anew and are not at hand.
    """
    parts = recipe.parts
    if parts.pace or math.isfinite(parts.clip) or (_anew(recipe, supply) and not _whole(supply)):
        return None
    return followed(
        parts.module,
        _data(recipe, supply),
        parts.loss_fn,
        parts.optimizer(parts.module),
        _given(held, parts),
        parts.batch_size,
        parts.epochs,
        seed,
        tick,
        trying=False,  # what is suspected is raced
    )


def _whole(supply: Supply) -> bool:
    return supply.whole is not None and isinstance(supply.whole.targets, Tensor)


def _changed(recipe: Recipe) -> bool:
    """Whether rows enter otherwise than the user gives them."""
    return recipe.finite or bool(recipe.parts.inputs) or recipe.parts.targets is not None


def _anew(recipe: Recipe, supply: Supply) -> bool:
    """Whether a pair is to be made of all rows."""
    return supply.dealt(recipe) or (isinstance(supply.data, tuple) and _changed(recipe))


def _data(recipe: Recipe, supply: Supply) -> Any:
    if supply.whole is not None and _anew(recipe, supply):
        feed = moved_by(supply.whole, recipe.shift)
        good = finite_rows(feed) if recipe.finite else None
        return _given(feed if good is None else feed.take(good.nonzero()[:, 0]), recipe.parts)
    return Entering(recipe, supply) if _changed(recipe) else supply.data


def _given(feed: Feed, parts: Parts) -> tuple[Any, Any]:
    """Rows as a pair, scaled."""
    inputs, named, targets = entering(parts, Batch(feed.inputs, feed.named, feed.targets, feed.rows))
    return pair_of(
        Feed(inputs, tuple(named.items()), targets, feed.rows, feed.axis, feed.apart, feed.matched)
    )


@dataclass(frozen=True)
class Entering:
    """The user's batches as they come, without what is not finite, and scaled."""

    recipe: Recipe
    supply: Supply

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for batch in self.supply.epochs(self.recipe, 0)(0):
            inputs, named, targets = entering(self.recipe.parts, batch)
            yield (named or inputs), targets
