"""A plan: which members train together in one pack, what that needs, and how long it should take."""

from collections.abc import Sequence
from dataclasses import dataclass

from profunda.errors import ArgumentError
from profunda.fleet.cost import bytes_of_member, pack_limit, seconds_of_step, slowness
from profunda.fleet.member import Member
from profunda.fleet.shape import Shape, shape_of
from profunda.fleet.source import FleetData

__all__ = ["Pack", "Plan", "plan"]

_ENGINES = ("auto", "torch")
_ITEMSIZE = {"float32": 4, "float64": 8}
_MOST_SECONDS = 10.0
"""Seconds of a pack on the reference machine, beyond which it is cut: threads then end together, and a search
can stop soon."""
_FEWEST_PACKS, _SMALLEST_SPLIT = 4, 16
"""A fleet of fewer packs is cut smaller, down to 16 members, so that two threads have something to share. The
rule does not ask how many threads there are: packs must be the same on every machine."""


@dataclass(frozen=True)
class Pack:
    """Members that one call of an engine trains: `members` are indices into the plan's members.

    `widths` are the canonical widths they are computed at, `batch` rows a step, `bytes` an upper estimate of
    memory, `seconds` the predicted time to the members' last epochs. `stacked`: more than one member shares
    each call.
    """

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
    """Packs of one fleet, longest first, which is the order in which they should start."""

    members: tuple[Member, ...]
    packs: tuple[Pack, ...]
    engine: str
    device: str
    dtype: str
    reasons: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Predicted seconds of all packs, one after the other."""
        return sum(pack.seconds for pack in self.packs)

    @property
    def bytes(self) -> int:
        """Memory of the largest pack."""
        return max((pack.bytes for pack in self.packs), default=0)

    def __str__(self) -> str:
        head = (
            f"{len(self.members)} networks in {len(self.packs)} packs · engine {self.engine} on "
            f"{self.device}, {self.dtype} · about {self.seconds:.3g} s on one thread, "
            f"{self.bytes / 2**20:.0f} MiB a pack at most"
        )
        titles = f"{'pack':>4}  {'networks':>8}  {'widths':<20}  {'batch':>6}  {'rows':>8}"
        rows = [f"{titles}  {'MiB':>7}  {'seconds':>8}"]
        for number, pack in enumerate(self.packs):
            widths = "–".join(map(str, pack.widths)) or "linear"
            rows.append(
                f"{number:>4}  {len(pack.members):>8}  {widths:<20}  {pack.batch:>6}  {pack.n_train:>8,}"
                f"  {pack.bytes / 2**20:>7.1f}  {pack.seconds:>8.3g}"
            )
        return "\n".join([head, *rows, *(f"  {reason}" for reason in self.reasons)])


def plan(
    members: Sequence[Member],
    data: FleetData,
    *,
    engine: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
) -> Plan:
    """Group `members` into packs of equal compute shape: same members and data, same packs.

    `device` None is the CPU, where small dense networks are fastest and their bits are promised. Raises
    ArgumentError for an unknown engine or dtype, DataError where `data` lacks a member's fold.
    """
    if engine not in _ENGINES:
        raise ArgumentError(f"engine = {engine!r} is unknown; choose one of {', '.join(_ENGINES)}.")
    if dtype not in _ITEMSIZE:
        raise ArgumentError(f"dtype = {dtype!r} is unknown; choose one of {', '.join(_ITEMSIZE)}.")
    buckets: dict[Shape, list[int]] = {}
    for index, member in enumerate(members):
        buckets.setdefault(shape_of(member, data), []).append(index)
    groups = [
        (shape, part) for shape in sorted(buckets) for part in _split(shape, buckets[shape], members, dtype)
    ]
    groups = _enough(groups)
    scale = slowness()
    packs = [_pack(shape, part, members, dtype, scale) for shape, part in groups]
    costs = [_work(shape, part, members) for shape, part in groups]
    order = sorted(range(len(packs)), key=lambda i: (-costs[i], packs[i].members))
    reasons = (
        f"{len(buckets)} compute shapes: networks share a pack when canonical widths, batch and rows agree.",
        "Pack sizes come from fixed constants, so results and packs do not depend on this machine's speed.",
    )
    return Plan(tuple(members), tuple(packs[i] for i in order), "torch", device or "cpu", dtype, reasons)


def _split(shape: Shape, indices: list[int], members: Sequence[Member], dtype: str) -> list[list[int]]:
    """Even parts within the limit; neighbours have equal activations and nearby ends, which share work."""
    design = [member.design for member in members]
    limit = pack_limit(shape, _ITEMSIZE[dtype])
    longest = max(design[i].epochs for i in indices) * shape.steps * seconds_of_step(shape, limit)
    limit = max(1, min(limit, int(_MOST_SECONDS / longest)))
    ordered = sorted(
        indices, key=lambda i: (design[i].activation, design[i].dropout > 0, design[i].epochs, i)
    )
    return _even(ordered, -(-len(ordered) // limit))


def _even(items: list[int], parts: int) -> list[list[int]]:
    return [items[len(items) * k // parts : len(items) * (k + 1) // parts] for k in range(parts)]


def _enough(groups: list[tuple[Shape, list[int]]]) -> list[tuple[Shape, list[int]]]:
    while 0 < len(groups) < _FEWEST_PACKS:
        at = max(range(len(groups)), key=lambda i: (len(groups[i][1]), -i))
        shape, part = groups[at]
        if len(part) < 2 * _SMALLEST_SPLIT:
            break
        groups = [*groups[:at], *((shape, half) for half in _even(part, 2)), *groups[at + 1 :]]
    return groups


def _work(shape: Shape, part: list[int], members: Sequence[Member]) -> float:
    steps = shape.steps * sum(members[i].design.epochs for i in part)
    return steps * seconds_of_step(shape, len(part))


def _pack(shape: Shape, part: list[int], members: Sequence[Member], dtype: str, scale: float) -> Pack:
    itemsize = _ITEMSIZE[dtype]
    return Pack(
        members=tuple(part),
        widths=shape.widths,
        batch=shape.batch,
        n_train=shape.n_train,
        n_features=shape.n_features,
        stacked=len(part) > 1,
        bytes=bytes_of_member(shape, itemsize) * len(part),
        seconds=_work(shape, part, members) * scale * itemsize / 4,
    )
