"""Successive halving: where a search compares its trials, and which go on.

Synchronous successive halving (Jamieson and Talwalkar 2016, algorithm 1; brackets as in Hyperband, Li et al.
2018, without the most cautious ones): every trial of a bracket trains to the first rung, the best 1/η train
on to the next. A survivor is resumed from its exact state, never trained again from the start.
"""

import math
from collections.abc import Sequence

import numpy as np

__all__ = ["ETA", "epochs_at", "expected_share", "rung_shares", "survivors"]

ETA = 3  # Li et al. 2018 recommend 3 or 4; e is optimal in their analysis
FIRST_RUNG_EPOCHS = 3  # fewer epochs say little about where a network ends


def rung_shares(epochs: int) -> tuple[float, ...]:
    """The shares of a design's epochs at which a bracket compares, the last being 1.

    `epochs` is the smallest number of epochs among the space's designs; a rung before
    `FIRST_RUNG_EPOCHS` epochs is left out.
    """
    shares = [1.0]
    while len(shares) < 3 and shares[0] / ETA * epochs >= FIRST_RUNG_EPOCHS:
        shares.insert(0, shares[0] / ETA)
    return tuple(shares)


def epochs_at(share: float, epochs: int) -> int:
    """The epoch at which a design of `epochs` epochs reaches a rung."""
    return min(epochs, max(1, math.ceil(share * epochs - 1e-9)))


def survivors(losses: Sequence[float]) -> tuple[int, ...]:
    """Positions of the best ⌈n/η⌉ of n losses, in their order; a non-finite loss never survives."""
    values = np.asarray(losses, dtype=float)
    finite = np.flatnonzero(np.isfinite(values))
    count = math.ceil(len(values) / ETA)
    best = finite[np.argsort(values[finite], kind="stable")[:count]]
    return tuple(int(i) for i in np.sort(best))


def expected_share(n: int, shares: Sequence[float]) -> float:
    """Mean share of its epochs that one of `n` trials trains when each rung keeps the best 1/η."""
    total, alive, before = 0.0, n, 0.0
    for share in shares:
        total += alive * (share - before)
        before, alive = share, math.ceil(alive / ETA)
    return total / n
