"""The members of one pack as vectors, and which slices of them need which optional work.

Work that a member does not need is never done on it (or multiplies it by exactly 1), so no bit of a member
depends on what its neighbours need.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from profunda._seeds import keys_of
from profunda.fleet.activations import ACTIVATIONS
from profunda.fleet.member import Member

__all__ = ["Roster", "runs"]

T = TypeVar("T")


def runs(labels: Sequence[T]) -> list[tuple[T, slice]]:
    """Maximal slices of equal neighbours: [("a", slice(0, 2)), ("b", slice(2, 3))] of "aab"."""
    found: list[tuple[T, slice]] = []
    start = 0
    for i in range(1, len(labels) + 1):
        if i == len(labels) or labels[i] != labels[start]:
            found.append((labels[start], slice(start, i)))
            start = i
    return found


def _where(flags: Sequence[bool]) -> list[slice]:
    return [part for flag, part in runs(flags) if flag]


@dataclass(frozen=True, eq=False)
class Roster:
    """M members in the order in which they are stacked."""

    members: tuple[Member, ...]

    def __len__(self) -> int:
        return len(self.members)

    @cached_property
    def keys(self) -> np.ndarray:
        """Keys of the random streams: uint64 [M]."""
        return keys_of([member.key for member in self.members])

    @cached_property
    def hidden(self) -> list[tuple[str, bool, slice]]:
        """Slices of equal activation and of equal need for dropout."""
        found = runs([(m.design.activation, m.design.dropout > 0) for m in self.members])
        return [(name, dropped, part) for (name, dropped), part in found]

    @cached_property
    def activations(self) -> list[tuple[str, slice]]:
        """Slices of equal activation."""
        return runs([m.design.activation for m in self.members])

    @cached_property
    def in_place(self) -> bool:
        """Whether every activation can overwrite its input."""
        return all(ACTIVATIONS[m.design.activation].survives_mask for m in self.members)

    def vector(self, field: str) -> np.ndarray:
        """One field of the Designs as float64 [M]."""
        return np.array([getattr(m.design, field) for m in self.members], np.float64)

    @cached_property
    def dropout(self) -> list[slice]:
        """Slices that drop hidden units."""
        return _where([m.design.dropout > 0 for m in self.members])

    @cached_property
    def input_dropout(self) -> list[slice]:
        """Slices that drop inputs."""
        return _where([m.design.input_dropout > 0 for m in self.members])

    @cached_property
    def smoothing(self) -> list[slice]:
        """Slices with label smoothing."""
        return _where([m.design.label_smoothing > 0 for m in self.members])

    @cached_property
    def huber(self) -> list[tuple[bool, slice]]:
        """Slices of equal loss for numbers: True is Huber's."""
        return runs([m.design.loss == "huber" for m in self.members])

    @cached_property
    def coupled(self) -> list[slice]:
        """Slices whose L2 penalty is added to the gradient."""
        return _where([m.design.l2 > 0 and not m.design.decoupled for m in self.members])

    @cached_property
    def decays(self) -> bool:
        """Whether any member's weights decay apart from the gradient; the others are multiplied by 1."""
        return any(m.design.l2 > 0 and m.design.decoupled for m in self.members)

    @cached_property
    def clips(self) -> list[slice]:
        """Slices whose gradients are clipped."""
        return _where([m.design.clip > 0 for m in self.members])

    @cached_property
    def l1(self) -> list[slice]:
        """Slices with a soft threshold."""
        return _where([m.design.l1 > 0 for m in self.members])
