"""Which rows of a data set a loop really trains on, by the first ones that passed."""

import math
from collections.abc import Sequence

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.record import Coverage
from profunda.diagnosis.tables import table_of

__all__ = ["coverage_of", "keys_of"]

FEWEST = 4
"""Batches, each unlike the one before, from which on it is asked how many rows are new."""

LITTLE = 0.5
"""Share of the rows that even draws with replacement would have met; draws that give every class its turn,
however rare it is, meet 0.6 of them at least."""


def keys_of(batches: Sequence[Batch]) -> list[bytes]:
    """A fingerprint of each row's inputs."""
    return table_of([((one.inputs, dict(one.named)), one.targets) for one in batches]).keys


def coverage_of(kept: Sequence[Batch], given: Sequence[bytes], held: Sequence[bytes]) -> Coverage:
    """Of the first batches that were trained on; `given`: all rows of the data, () where not all are known;
    `held`: validation rows.
    """
    known, apart = set(given), set(held) - set(given)
    seen: set[bytes] = set()
    strange: set[bytes] = set()
    before: set[bytes] = set()
    passed, reached, since, met = 0, math.nan, -1, -1
    for at, one in enumerate(kept, 1):
        keys = keys_of([one])
        again, before = before == set(keys), set(keys)
        if before & apart:
            strange |= before & apart
            met = at if met < 0 else met
        if again or not before or not before <= known:
            continue
        seen |= before
        passed += len(keys)
        reached = len(seen) / (len(known) * -math.expm1(-passed / len(known)))
        low = reached < LITTLE and at >= FEWEST
        since = (at if since < 0 else since) if low else -1
    foreign = len(strange) / len(apart) if apart else 0.0
    return Coverage(reached, since, len(seen), len(known), foreign, met)
