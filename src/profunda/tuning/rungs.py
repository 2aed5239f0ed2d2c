"""Multi-fidelity: where a search compares its trials, how many go on, and how brackets follow each other.

Four ways to spend epochs. ``"halving"``: synchronous successive halving (Jamieson and Talwalkar 2016,
algorithm 1), every trial of a bracket trains to the first rung, the best 1/η train on to the next.
``"hyperband"`` (Li et al. 2018, algorithm 1): brackets take turns, and each begins one rung later with fewer
trials, for those that learn slowly. ``"one-epoch"``: one epoch each, then the best three to the end (the
baseline of Egele et al. 2023, "Is one epoch all you need for multi-fidelity hyperparameter optimization?").
``"full"``: every trial to its end. A survivor is resumed from its exact state, never trained again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["ETA", "FIDELITIES", "Fidelity", "Ladder", "check_fidelity", "epochs_at", "ladders", "survivors"]

Fidelity = Literal["halving", "hyperband", "one-epoch", "full"]
FIDELITIES: tuple[Fidelity, ...] = get_args(Fidelity)

ETA = 3  # Li et al. 2018 recommend 3 or 4; e is optimal in their analysis
MOST_RUNGS = 3
FIRST_RUNG_EPOCHS = 3  # fewer epochs say little about where a network ends
ONE_EPOCH_TOP = 3  # Egele et al. 2023 train the best three to the end
FIRST_EPOCH = 1e-9  # a share of any design's epochs that is reached by its first one


@dataclass(frozen=True)
class Ladder:
    """The rungs of one bracket.

    `shares` of a design's epochs at which it compares, the last being 1; `size` is how many trials the
    bracket holds for each one of the first bracket of a search; `top` go on from a rung, or, for 0, the best
    1/η, and `least` of them if there are so many. `skipped` counts the rungs that a cautious bracket does
    without.
    """

    shares: tuple[float, ...]
    size: float = 1.0
    top: int = 0
    skipped: int = 0
    least: int = 1

    def going(self, count: int) -> int:
        """How many of `count` trials go on from a rung, at most."""
        return min(count, self.top or max(self.least, math.ceil(count / ETA)))

    def expected_share(self, count: int) -> float:
        """Mean share of its epochs that one of `count` trials trains."""
        total, alive, before = 0.0, count, 0.0
        for share in self.shares:
            total += alive * (share - before)
            before, alive = share, self.going(alive)
        return total / count

    def most_epochs(self, count: int, epochs: int) -> int:
        """Epochs of one fold that `count` trials of `epochs` epochs take together, at most."""
        total, alive, before = 0, count, 0
        for goal in self.goals(epochs):
            total += alive * (goal - before)
            alive, before = self.going(alive), goal
        return total

    def goals(self, epochs: int) -> tuple[int, ...]:
        """The rungs of a design of `epochs` epochs."""
        return tuple(epochs_at(share, epochs) for share in self.shares)


def ladders(fidelity: Fidelity, epochs: int) -> tuple[Ladder, ...]:
    """The ladders that the brackets of a search climb in turn, the boldest first.

    `epochs` is the smallest number of epochs among the space's designs; a rung before `FIRST_RUNG_EPOCHS`
    epochs is left out.
    """
    if fidelity == "full" or epochs == 1:
        return (Ladder((1.0,)),)
    if fidelity == "one-epoch":
        return (Ladder((FIRST_EPOCH, 1.0), top=ONE_EPOCH_TOP),)
    shares = [1.0]
    while len(shares) < MOST_RUNGS and shares[0] / ETA * epochs >= FIRST_RUNG_EPOCHS:
        shares.insert(0, shares[0] / ETA)
    if fidelity == "halving":
        return (Ladder(tuple(shares)),)
    rungs = len(shares)
    # Li et al. 2018, algorithm 1: ⌈(s_max + 1)/(s + 1) · η^s⌉ trials, where s = s_max − k rungs are left.
    return tuple(Ladder(tuple(shares[k:]), rungs / (rungs - k) / ETA**k, skipped=k) for k in range(rungs))


def check_fidelity(fidelity: object) -> None:
    """Refuse a word that names no way to spend epochs.

    Raises:
        ArgumentError: it is unknown.
    """
    if fidelity not in FIDELITIES:
        raise ArgumentError(f"fidelity={fidelity!r} is unknown: it is {', '.join(FIDELITIES)}.")


def epochs_at(share: float, epochs: int) -> int:
    """The epoch at which a design of `epochs` epochs reaches a rung."""
    return min(epochs, max(1, math.ceil(share * epochs - 1e-9)))


def survivors(losses: Sequence[float], count: int) -> tuple[int, ...]:
    """Positions of the best `count` of the losses, in their order; a non-finite loss never survives."""
    values = np.asarray(losses, dtype=float)
    finite = np.flatnonzero(np.isfinite(values))
    best = finite[np.argsort(values[finite], kind="stable")[:count]]
    return tuple(int(i) for i in np.sort(best))
