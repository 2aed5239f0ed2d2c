"""What the trial decided: which members train together, in which way, and why."""

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["ModulePack", "ModulePlan", "RunBy"]

RunBy = Literal["loop", "vmap"]


@dataclass(frozen=True)
class ModulePack:
    """Members with equally many training rows: `members` are their places in the fleet.

    `loop_seconds` and `vmap_seconds` are those of one step of one member, on one thread by its own clock; NaN
    where nothing was measured.
    """

    members: tuple[int, ...]
    run_by: RunBy
    reason: str = ""
    loop_seconds: float = float("nan")
    vmap_seconds: float = float("nan")

    def told(self, reason: str, loop: float = float("nan"), vmap: float = float("nan")) -> "ModulePack":
        """With the reason and the seconds of a step by the loop and by vmap."""
        return replace(self, reason=reason, loop_seconds=loop, vmap_seconds=vmap)

    def by_vmap(self) -> "ModulePack":
        """Run by vmap."""
        return replace(self, run_by="vmap")


@dataclass(frozen=True)
class ModulePlan:
    """The packs of a fleet of modules; `str` of it is a table.

    `parameters` P are the trained ones of a member, `workers` the threads.
    """

    packs: tuple[ModulePack, ...]
    parameters: int
    workers: int

    def __str__(self) -> str:
        members = sum(len(pack.members) for pack in self.packs)
        head = (
            f"{members} modules of {self.parameters:,} parameters in {len(self.packs)} packs on "
            f"{self.workers} thread{'s' * (self.workers > 1)}"
        )
        rows = [f"{'pack':>4}  {'by':<4}  {'modules':>7}  {'loop µs':>8}  {'vmap µs':>8}  why"]
        for number, pack in enumerate(self.packs):
            rows.append(
                f"{number:>4}  {pack.run_by:<4}  {len(pack.members):>7}  {_micro(pack.loop_seconds)}  "
                f"{_micro(pack.vmap_seconds)}  {pack.reason}"
            )
        return "\n".join([head, *rows])


def _micro(seconds: float) -> str:
    return f"{'–' if seconds != seconds else f'{seconds * 1e6:.0f}':>8}"
