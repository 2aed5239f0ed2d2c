"""What an engine gives back for a pack."""

from dataclasses import dataclass

from profunda.fleet.state import MemberState

__all__ = ["PackResult"]


@dataclass(frozen=True, eq=False)
class PackResult:
    """States in the order of the pack; `cancelled`: training ended early, at the last whole epoch."""

    states: tuple[MemberState, ...]
    cancelled: bool = False
