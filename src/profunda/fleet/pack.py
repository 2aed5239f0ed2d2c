"""Packs and plans as values: who trains together on which engine, and what that needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from profunda.fleet.member import Member
from profunda.fleet.shape import Shape
from profunda.fleet.threads import usable_cores

__all__ = ["Engine", "Pack", "Plan", "text_of"]

Engine = Literal["native", "torch"]

_HOLES = 0.27
"""Of the states' bytes: memory that stays allotted between them, where torch's packs had their buffers.
Measured with glibc at widths of 64 and 512; the native engine leaves none, its threads keep their buffers."""


@dataclass(frozen=True)
class Pack:
    """Members that one call of an engine trains: `members` are indices into the plan's members.

    `stacked`: more than one member shares each call of torch, which asks for one compute shape; native packs
    mix shapes, and are the unit of the journal only. `text` says what its networks look like.
    `state_bytes` stay when the pack has ended; `bytes` is an upper estimate of what a thread works in beside
    them. `seconds` is the predicted time of one thread to the last epochs.
    """

    members: tuple[int, ...]
    engine: Engine
    stacked: bool
    text: str = ""
    state_bytes: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Packs of one fleet: native ones first, each engine's longest first, the order in which they start.

    `table_bytes` are what the engines keep of the rows in forms of their own; `instruction_set` is the one
    that the native engine trains with, "" where it has no pack; `reasons` tell which engine trains what, and
    why.
    """

    members: tuple[Member, ...]
    packs: tuple[Pack, ...]
    device: str
    dtype: str
    table_bytes: int
    instruction_set: str
    reasons: tuple[str, ...]

    @property
    def engine(self) -> str:
        """The engines that train, in words: "native", "torch" or "native and torch"."""
        return " and ".join(sorted({pack.engine for pack in self.packs}))

    @property
    def seconds(self) -> float:
        """Predicted seconds of all packs, one after the other on one thread."""
        return sum(pack.seconds for pack in self.packs)

    @property
    def bytes(self) -> int:
        """Peak of the memory that training adds, with a thread on every usable core; all states are kept."""
        return self.bytes_with(usable_cores())

    def bytes_with(self, workers: int) -> int:
        """Peak of the memory that training on `workers` threads adds.

        The states of all members, which stay, the engines' tables, and what the threads work in. The engines
        run one after the other.
        """
        states = sum(pack.state_bytes for pack in self.packs)
        return states + self.table_bytes + max(self._native_buffers(workers), self._torch_buffers(workers))

    def _native_buffers(self, workers: int) -> int:
        """Each thread keeps buffers for the largest member that it has met."""
        native = [pack for pack in self.packs if pack.engine == "native"]
        threads = min(workers, sum(len(pack.members) for pack in native))
        return threads * max((pack.bytes for pack in native), default=0)

    def _torch_buffers(self, workers: int) -> int:
        """As many packs as threads are in work at once, at worst the largest; and the holes they leave."""
        packs = [pack for pack in self.packs if pack.engine == "torch"]
        holes = int(_HOLES * sum(pack.state_bytes for pack in packs))
        return holes + sum(sorted((pack.bytes for pack in packs), reverse=True)[:workers])

    def __str__(self) -> str:
        if not self.members:
            return "0 networks: there is nothing to train"
        each = sum(pack.state_bytes for pack in self.packs) / max(1, len(self.members))
        engine = self.engine + (f" ({self.instruction_set})" if self.instruction_set else "")
        head = (
            f"{len(self.members)} networks in {len(self.packs)} packs · engine {engine} on "
            f"{self.device}, {self.dtype} · about {self.seconds:.3g} s on one thread · "
            f"{self.bytes / 2**20:.0f} MiB, of which {each / 2**10:.1f} KiB a network stay"
        )
        wide = max([len(pack.text) for pack in self.packs], default=0)
        rows = [f"{'pack':>4}  {'engine':<6}  {'networks':>8}  {'of':<{wide}}  {'MiB':>7}  {'seconds':>8}"]
        for number, pack in enumerate(self.packs):
            rows.append(
                f"{number:>4}  {pack.engine:<6}  {len(pack.members):>8}  {pack.text:<{wide}}"
                f"  {(pack.bytes + pack.state_bytes) / 2**20:>7.1f}  {pack.seconds:>8.3g}"
            )
        return "\n".join([head, *rows, *(f"  {reason}" for reason in self.reasons)])


def text_of(shapes: Sequence[Shape]) -> str:
    """What networks of these compute shapes look like, in a few words."""
    widths = [width for shape in shapes for width in shape.widths]
    if len(shapes) == 1:
        layers = "–".join(map(str, widths)) or "linear"
        return f"{layers}, batch {shapes[0].batch}, {shapes[0].n_train:,} rows"
    batches = _range([shape.batch for shape in shapes])
    depths = _range([len(shape.widths) for shape in shapes])
    return f"{len(shapes)} shapes: depth {depths}, width {_range(widths)}, batch {batches}"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers, default=0), max(numbers, default=0)
    return str(low) if low == high else f"{low} to {high}"
