"""Rows to look at after a loop of the user's own: from the data set where the loop hands it on unchanged."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.carrying import is_shuffled
from profunda.diagnosis.coverage import coverage_of, keys_of
from profunda.diagnosis.loaders import batches_of
from profunda.diagnosis.record import Coverage
from profunda.diagnosis.tables import Table, table_of
from profunda.errors import DataError

__all__ = ["Gathered", "gathered"]

BATCH = 256
"""Rows at a time where the data are a pair; nothing is trained on these."""

ALIKE, NEAR = 2.0, 0.5
"""Inputs count as of one kind where their spreads differ by less than this factor, and their means by less
than this part of the spread: what is augmented does, what was scaled on its way to the network does not."""


SHUFFLED = 8
"""Batches by which it is told whether rows come in an order that goes on."""

OWN = 0.9
"""Share of rows that came with a target of their own: smoothing and mixing change the targets' shape."""


@dataclass(frozen=True)
class Gathered:
    """Batches of training rows and of validation rows, and how many rows there are in all (0: unknown)."""

    sample: Sequence[Batch]
    validation: Sequence[Batch]
    rows: int
    notes: tuple[str, ...] = ()
    coverage: Coverage | None = None
    shuffled: bool = False


def gathered(kept: Sequence[Batch], data: Any, validation: Any, module: nn.Module) -> Gathered:
    """`data` in their own order where the rows that were `kept` from the loop are among them, else those.

    A loop may scale, crop or augment what a loader gives: only what the network really got is judged.
    Validation rows are taken where they are like those; their mean may differ where the loop hands `data` on
    as they are, as it does between parts of a series. Generators are left to the loop.
    """
    sample, rows, notes = _read(data, module, "data")
    held, _, more = _read(validation, module, "validation")
    if not kept:
        return Gathered(sample, held, rows, (*notes, *more))
    every = keys_of(sample)
    coverage = coverage_of(kept, every if _sized(sample) == rows else (), keys_of(held))
    shuffled = is_shuffled([keys_of([one]) for one in kept[:SHUFFLED]], every)
    kept = _first_pass(kept)
    mine = _table(kept)
    if sample and not _unchanged(_table(sample), mine):
        notes = (
            *notes,
            "The loop changes rows of `data`, or their targets, on their way: those that the network got are "
            "judged.",
        )
        sample = ()
    if held and not _like(_table(held), mine, math.inf if sample else NEAR):
        more = (*more, "Validation rows are not like those that the network got, and are left out.")
        held = ()
    return Gathered(sample or kept, held, rows, (*notes, *more), coverage, shuffled)


def _sized(batches: Sequence[Batch]) -> int:
    return sum(one.rows for one in batches)


def _unchanged(given: Table, mine: Table) -> bool:
    """Whether some rows that passed are among those given, and most of these with a target of theirs."""
    known: dict[bytes, set[bytes]] = {}
    for key, target in zip(given.keys, _targets(given), strict=True):
        known.setdefault(key, set()).add(target)
    pairs = zip(mine.keys, _targets(mine), strict=True)
    same = [target in known[key] for key, target in pairs if key in known]
    if given.targets is None or mine.targets is None or given.targets.shape[1:] != mine.targets.shape[1:]:
        return bool(same)
    return bool(same) and sum(same) >= OWN * len(same)


def _targets(table: Table) -> list[bytes]:
    """A row's targets as they are compared: what a loop casts them to makes no difference."""
    if table.targets is None:
        return [b""] * table.n
    return [np.ascontiguousarray(each, np.float32).tobytes() for each in table.targets]


def _first_pass(kept: Sequence[Batch]) -> Sequence[Batch]:
    """Up to the first batch of which every row was there before: the loop goes over its rows once more."""
    seen: set[bytes] = set()
    for at, one in enumerate(kept):
        keys = set(_table([one]).keys)
        if keys and keys <= seen:
            return kept[:at]
        seen |= keys
    return kept


def _read(data: Any, module: nn.Module, word: str) -> tuple[Sequence[Batch], int, tuple[str, ...]]:
    if data is None or isinstance(data, Iterator):
        return (), 0, ()
    try:
        found = batches_of(data, module, BATCH, None, word)
        return found.sample(), found.rows, ()
    except DataError as error:
        return (), 0, (str(error),)


def _table(batches: Sequence[Batch]) -> Table:
    return table_of([((each.inputs, dict(each.named)), each.targets) for each in batches])


def _like(one: Table, other: Table, near: float) -> bool:
    if one.kind != other.kind or [part.shape[1:] for part in one.parts] != [p.shape[1:] for p in other.parts]:
        return False
    if one.kind == "tokens" or not one.numbers.size or not other.numbers.size:
        return True
    with np.errstate(invalid="ignore"):
        spreads = [float(np.nanstd(table.numbers)) for table in (one, other)]
        means = [float(np.nanmean(table.numbers)) for table in (one, other)]
    if not np.isfinite([*spreads, *means]).all() or min(spreads) <= 0.0:
        return True
    return max(spreads) < ALIKE * min(spreads) and abs(means[0] - means[1]) < near * max(spreads)
