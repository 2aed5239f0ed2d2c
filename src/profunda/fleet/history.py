"""What became of a fleet: one curve and one cause of ending per member."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from profunda.fleet.member import Member

__all__ = ["History", "MemberHistory", "Status"]


class Status(StrEnum):
    """Why a member ended, or that it has not. `advice` says what to do about it."""

    RUNNING = "running"
    COMPLETED = "completed"
    EARLY_STOPPED = "early_stopped"
    DIVERGED = "diverged"
    VANISHED = "vanished"
    DEAD = "dead"
    OUTCOMPETED = "outcompeted"
    OVERFITTED = "overfitted"
    FAILED = "failed"
    UNFINISHED = "unfinished"

    @property
    def advice(self) -> str:
        """One sentence on what this ending means for the next attempt."""
        return _ADVICE[self]


_ADVICE = {
    Status.RUNNING: "Training has not ended; give it more epochs or resume it.",
    Status.COMPLETED: "All epochs were trained; if the validation loss still falls at the end, allow more.",
    Status.EARLY_STOPPED: "The validation loss stopped improving; the best weights were kept.",
    Status.DIVERGED: "The loss became infinite or undefined; lower the learning rate, or look for extreme "
    "inputs.",
    Status.VANISHED: "Gradients faded before they reached the first layer; use fewer layers, another "
    "activation or an initialisation that suits it.",
    Status.DEAD: "Nearly all units of a layer give the same number on every row; lower the learning rate or "
    "use an activation that is not flat below zero.",
    Status.OUTCOMPETED: "Others were clearly better at the same epoch; its training was not continued.",
    Status.OVERFITTED: "The training loss fell while the validation loss rose well above its best; "
    "regularise more, use a smaller network or set a patience.",
    Status.FAILED: "An error ended it; its message says which.",
    Status.UNFINISHED: "The budget ended before its training did; what it had reached counts.",
}


@dataclass(frozen=True, eq=False)
class MemberHistory:
    """The life of one member.

    `train_loss` [E] is the mean of the batch losses of each epoch without penalties, `valid_loss` [E] the
    likelihood loss on the validation rows (log-loss; mean squared error of the standardised target), so that
    it compares between designs. `best_epoch` counts from 1 (0: no epoch had a finite validation loss).
    `signs` maps the name of a vital sign (see `vitals.signs`) to an array [E', L] for signs of activations,
    or [E', L + 1] for signs of weights, layers from the input to the output; `sign_epochs` [E'] are the
    epochs, counted from 1, when they were taken.
    """

    epochs: int
    steps: int
    train_loss: np.ndarray
    valid_loss: np.ndarray
    best_epoch: int
    status: Status
    signs: Mapping[str, np.ndarray] = field(default_factory=dict)
    sign_epochs: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def best_loss(self) -> float:
        """The validation loss at the best epoch; infinite where there is none."""
        return float(self.valid_loss[self.best_epoch - 1]) if self.best_epoch else float("inf")


@dataclass(frozen=True, eq=False)
class History:
    """Members and their curves, in the same order."""

    members: tuple[Member, ...]
    curves: tuple[MemberHistory, ...]

    def __post_init__(self) -> None:
        if len(self.members) != len(self.curves):
            raise ValueError(
                f"History needs one curve per member: {len(self.members)} members, {len(self.curves)} curves."
            )

    def __len__(self) -> int:
        return len(self.members)

    @property
    def endings(self) -> tuple[tuple[Status, int], ...]:
        """How many members ended by which cause, most frequent first."""
        return tuple(Counter(curve.status for curve in self.curves).most_common())

    @property
    def steps(self) -> int:
        """Optimiser steps over all members."""
        return sum(curve.steps for curve in self.curves)

    def __str__(self) -> str:
        causes = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in self.endings)
        return f"{len(self)} networks, {self.steps:,} steps: {causes or 'none trained'}"
