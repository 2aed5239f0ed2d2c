"""A plan: which members train together in one pack, what that needs, and how long it should take."""

from dataclasses import dataclass

from profunda.fleet.member import Member

__all__ = ["Pack", "Plan"]


@dataclass(frozen=True)
class Pack:
    """Members that one call of an engine trains: `members` are indices into the plan's members."""

    members: tuple[int, ...]
    widths: tuple[int, ...]
    batch: int
    n_train: int
    n_features: int
    stacked: bool
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """Packs of one fleet, in the order in which they should start (longest first)."""

    members: tuple[Member, ...]
    packs: tuple[Pack, ...]
    engine: str
    device: str
    dtype: str
    reasons: tuple[str, ...]
