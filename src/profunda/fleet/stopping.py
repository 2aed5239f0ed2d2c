"""The stopping rule: algorithm 7.1 of Goodfellow, Bengio and Courville (2016), once an epoch.

The one implementation; engines call `advance`, and `early_stop` reads a whole curve with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["Watch", "early_stop"]


@dataclass(frozen=True)
class Watch:
    """What the rule remembers: the best epoch (0: none yet), its loss, and the epochs since then."""

    best_epoch: int = 0
    best_loss: float = float("inf")
    stall: int = 0

    def advance(self, epoch: int, loss: float) -> "Watch":
        """The memory after `epoch` (from 1) showed `loss`; NaN and equal losses are no improvement."""
        if loss < self.best_loss:
            return Watch(epoch, loss, 0)
        return replace(self, stall=self.stall + 1)

    def stops(self, patience: int) -> bool:
        """Whether `patience` epochs in a row brought no better loss; never for patience 0."""
        return 0 < patience <= self.stall


def early_stop(losses: Iterable[float], patience: int) -> tuple[Watch, int]:
    """Read a validation curve: (memory at the end, number of epochs trained).

    >>> watch, trained = early_stop([5, 4, 3, 3.5, 3.2, 2.9, 3, 3.1, 3.2, 1], 3)
    >>> watch.best_epoch, watch.best_loss, trained
    (6, 2.9, 9)
    """
    watch, epoch = Watch(), 0
    for epoch, loss in enumerate(losses, start=1):
        watch = watch.advance(epoch, loss)
        if watch.stops(patience):
            break
    return watch, epoch
