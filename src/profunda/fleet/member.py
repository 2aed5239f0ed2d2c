"""A member: one network of a fleet, named by what determines it."""

from dataclasses import dataclass
from functools import cached_property

from profunda._seeds import key
from profunda.space.design import Design

__all__ = ["Member"]


@dataclass(frozen=True)
class Member:
    """One network of a fleet: its Design, the fold it is trained on, and which repetition it is.

    Two members with the same id are the same network, bit for bit: every random draw of a member is a hash of
    its id, never of its place in the fleet. `replicate` separates draws of an equal Design; a run's seed
    belongs into it.
    """

    design: Design
    fold: int = 0
    replicate: int = 0

    @cached_property
    def id(self) -> str:
        """``designid-fold-replicate``."""
        return f"{self.design.id}-{self.fold}-{self.replicate}"

    @cached_property
    def key(self) -> int:
        """The 64-bit key of every random stream of this member."""
        return key("member", self.id)
