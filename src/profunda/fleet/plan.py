"""A plan: which members train together in one pack, on which engine, and what that needs and takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from profunda.errors import ArgumentError
from profunda.fleet.cost import (
    NATIVE,
    TORCH,
    Rates,
    bytes_of_member,
    bytes_of_state,
    listed,
    pack_limit,
    seconds_of_step,
    torch_seconds,
)
from profunda.fleet.member import Member
from profunda.fleet.native_engine import (
    available,
    buffer_bytes,
    instruction_set,
    refusal,
    table_bytes,
    unavailable_reason,
)
from profunda.fleet.pack import Engine, Pack, Plan, text_of
from profunda.fleet.shape import Shape, shape_of
from profunda.fleet.source import FleetData, Source
from profunda.fleet.speed import Speeds, speeds_here
from profunda.fleet.tables import row_width
from profunda.space.design import DOMAINS

__all__ = ["ENGINES", "Pack", "Plan", "check_engine", "plan"]

ENGINES = ("auto", "native", "torch")
_ITEMSIZE = {"float32": 4, "float64": 8}
_MOST_SECONDS = 10.0
"""Seconds of a torch pack on the reference machine, beyond which it is cut: threads then end together, and a
search can stop soon."""
_FEWEST_PACKS, _SMALLEST_SPLIT = 4, 16
"""A fleet of fewer packs is cut smaller, down to 16 members a pack, so that two threads have something to
share. The rule does not ask how many threads there are: packs must be the same on every machine."""
_CLEARLY = 1.1
"""How much quicker than the native engine torch must be predicted to be: from one measurement to the next,
predictions differ by some per cent, and chance should not decide a tie."""
_NATIVE_SECONDS = 0.75
"""Seconds of a native pack on the reference machine. Its threads share members, not packs, so a pack is only
the unit of the journal, and the record with its flush to disk takes some milliseconds."""


@dataclass(frozen=True)
class _Fleet:
    """What grouping looks at: members with their shapes, and the epochs each has still to train."""

    members: tuple[Member, ...]
    shapes: tuple[Shape, ...]
    epochs: tuple[int, ...]
    data: FleetData
    dtype: str
    speeds: Speeds

    @property
    def itemsize(self) -> int:
        return _ITEMSIZE[self.dtype]

    def pairs(self) -> Iterator[tuple[Member, Shape]]:
        return zip(self.members, self.shapes, strict=True)

    def work(self, index: int, seconds_a_step: float) -> float:
        """Seconds of a member that takes so many seconds a step."""
        return self.epochs[index] * self.shapes[index].steps * seconds_a_step

    def state_bytes(self, part: Sequence[int]) -> int:
        return sum(
            bytes_of_state(self.members[i].design, self.shapes[i], self.epochs[i], self.itemsize)
            for i in part
        )

    @property
    def slowdown(self) -> float:
        """How much longer than in float32 everything takes: twice the bytes, half the numbers a vector."""
        return self.itemsize / 4


def plan(
    members: Sequence[Member],
    data: FleetData,
    *,
    engine: str = "auto",
    device: str | None = None,
    dtype: str = "float32",
    epochs: Sequence[int] | None = None,
    speeds: Speeds | None = None,
) -> Plan:
    """Group `members` into packs: same members, data, engine and speeds, same packs.

    `engine` "auto" trains each compute shape on the native engine, unless `speeds` predict torch to be
    quicker there by a tenth; None are this machine's speeds. `device` None is the CPU, where small dense
    networks are fastest and their bits are promised. `epochs` [M] are those still to train; None: all of the
    designs'.

    Raises:
        ArgumentError: an unknown engine or dtype, or an engine or a device is asked for that is not here, or
            an engine that does not know what a design says.
        DataError: `data` lacks a member's fold, or has labels beyond its outputs.
    """
    place = device or "cpu"
    check_engine(engine, place)
    if dtype not in _ITEMSIZE:
        raise ArgumentError(f"dtype = {dtype!r} is unknown; choose one of {', '.join(_ITEMSIZE)}.")
    _check_known(members, data, engine)
    fleet = _Fleet(
        tuple(members),
        tuple(shape_of(member, data) for member in members),
        tuple(member.design.epochs for member in members) if epochs is None else tuple(epochs),
        data,
        dtype,
        speeds or speeds_here(engine),
    )
    chosen, reasons = _choose(sorted(set(fleet.shapes)), fleet.speeds, engine, place)
    packs = (*_native_packs(fleet, chosen), *_torch_packs(fleet, chosen))
    natively = any(pack.engine == "native" for pack in packs)
    return Plan(
        members=fleet.members,
        packs=packs,
        device=place,
        dtype=dtype,
        table_bytes=_table_bytes(fleet, chosen),
        instruction_set=instruction_set(fleet.speeds.instruction_set) if natively else "",
        reasons=reasons,
    )


def check_engine(engine: str, device: str = "cpu") -> None:
    """Refuse an engine or a device that is unknown, or that cannot train here.

    Raises:
        ArgumentError: so it is; the text says why and what to do.
    """
    if engine not in ENGINES:
        raise ArgumentError(f"engine = {engine!r} is unknown; choose one of {', '.join(ENGINES)}.")
    if engine == "native" and device != "cpu":
        raise ArgumentError(
            f"engine = 'native' trains on the CPU alone, but device = {device!r} was asked for. "
            "Leave out the device, or take engine = 'torch'."
        )
    if engine == "native" and not available():
        raise ArgumentError(refusal(unavailable_reason()))
    if device != "cpu":
        _check_cuda(device)


def _check_known(members: Sequence[Member], data: FleetData, engine: str) -> None:
    for member in members if engine == "native" else ():
        for name in member.design.torch_only:
            raise ArgumentError(
                f"engine = 'native' does not know {name} = {getattr(member.design, name)!r}, which design "
                f"{member.design.id} asks for. Take engine = 'torch' (or 'auto', which trains such designs "
                "on it), or leave the field at its default."
            )
        for name in data.torch_only(data.source(member)):
            raise ArgumentError(
                f"engine = 'native' does not know {name}, which these data have. Take engine = 'torch' (or "
                "'auto', which trains on it then)."
            )


def _check_cuda(device: str) -> None:
    kind, _, number = device.partition(":")
    if kind != "cuda" or not (number or "0").isdecimal():
        raise ArgumentError(f"device = {device!r} is unknown; it is 'cpu', 'cuda' or 'cuda:1', say.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        raise ArgumentError(
            f"device = {device!r} was asked for, but torch {torch.__version__} finds {count} CUDA devices: "
            "a build for the CPU alone, no driver, or no such device? Leave out the device to train on the "
            "CPU, where small networks are quickest, or install torch for your CUDA."
        )


def _choose(
    shapes: Sequence[Shape], speeds: Speeds, engine: str, device: str
) -> tuple[dict[Shape, Engine], tuple[str, ...]]:
    """The engine of each compute shape, and why; never by the fleet, so that a member has one wherever it is
    trained."""
    if engine == "native":
        return dict.fromkeys(shapes, "native"), ("The native engine trains all, as it was asked for.",)
    if engine == "torch":
        why = "The torch engine trains all, as it was asked for."
    elif device != "cpu":
        why = f"The torch engine trains all: the native one knows the CPU alone, not {device}."
    elif speeds.native is None:
        why = f"The torch engine trains all: {unavailable_reason() or 'so it was when the run began'}."
    else:
        return _by_knowledge(shapes, speeds)
    return dict.fromkeys(shapes, "torch"), (why,)


def _by_knowledge(shapes: Sequence[Shape], speeds: Speeds) -> tuple[dict[Shape, Engine], tuple[str, ...]]:
    """Torch for what it alone knows, the quicker engine for the rest."""
    alone = [shape for shape in shapes if shape.torch_only]
    chosen, reasons = _quicker([shape for shape in shapes if not shape.torch_only], speeds)
    if not alone:
        return chosen, reasons
    names = {name for shape in alone for name in shape.torch_only}
    fields, kinds = sorted(names & DOMAINS.keys()), sorted(names - DOMAINS.keys())
    asked = [f"their designs set {', '.join(fields)}"] if fields else []
    asked += [f"the data have {' and '.join(kinds)}"] if kinds else []
    known = (
        f"The torch engine trains {len(alone)} of {len(shapes)} compute shapes that no other engine knows: "
        f"{'; '.join(asked)}."
    )
    for shape in alone:
        chosen[shape] = "torch"
    return chosen, (*reasons, known)


def _quicker(shapes: Sequence[Shape], speeds: Speeds) -> tuple[dict[Shape, Engine], tuple[str, ...]]:
    assert speeds.native is not None
    gains = {
        shape: torch_seconds(shape, speeds.torch, pack_limit(shape))
        / seconds_of_step(listed(shape), speeds.native)
        for shape in shapes
    }
    chosen: dict[Shape, Engine] = {
        shape: "native" if gains[shape] * _CLEARLY > 1 else "torch" for shape in shapes
    }
    reasons = []
    for name, other in (("native", "torch"), ("torch", "native")):
        mine = [shape for shape in shapes if chosen[shape] == name]
        if mine:
            gain = median(gains[shape] if name == "native" else 1 / gains[shape] for shape in mine)
            reasons.append(
                f"The {name} engine trains {len(mine)} of {len(shapes)} compute shapes: by this machine's "
                f"measured speeds {gain:.1f} times as fast as the {other} one there (median)."
            )
    return chosen, tuple(reasons)


def _table_bytes(fleet: _Fleet, chosen: Mapping[Shape, Engine]) -> int:
    """What the engines keep of the rows: torch copies with inputs padded to whole cache lines and targets,
    the native engine lists of non-zero inputs where they are few."""
    used = {(chosen[shape], member.design.encoding, member.fold): member for member, shape in fleet.pairs()}
    found: dict[tuple[Engine, Source], int] = {}
    for (engine, *_), member in used.items():
        source = fleet.data.source(member)
        if engine == "native":
            found[engine, source] = table_bytes(source, fleet.data, fleet.dtype)
        else:
            width = row_width(source.x.shape[1]) + fleet.data.n_outputs
            found[engine, source] = source.x.shape[0] * width * fleet.itemsize
    return sum(found.values())


# Native packs -----------------------------------------------------------------------------------------


def _native_packs(fleet: _Fleet, chosen: Mapping[Shape, Engine]) -> list[Pack]:
    """Members of any shape, the longest first, in packs of equal work."""
    costs = {
        index: fleet.work(index, seconds_of_step(listed(shape), NATIVE))
        for index, shape in enumerate(fleet.shapes)
        if chosen[shape] == "native"
    }
    ordered = sorted(costs, key=lambda i: (-costs[i], i))
    return [_native_pack(fleet, part) for part in _by_work(ordered, costs)]


def _by_work(ordered: list[int], costs: Mapping[int, float]) -> list[list[int]]:
    """`ordered` cut so that every part has about the same work, and at least one member."""
    left = sum(costs[i] for i in ordered)
    count = max(1, round(left / _NATIVE_SECONDS))
    if len(ordered) >= _FEWEST_PACKS * _SMALLEST_SPLIT:
        count = max(count, _FEWEST_PACKS)
    count = min(count, len(ordered))
    parts, start = [], 0
    for remaining in range(count, 0, -1):
        last = len(ordered) - (remaining - 1)  # of the members, the others need one each
        end, work = start + 1, costs[ordered[start]]
        while end < last and (remaining == 1 or work + costs[ordered[end]] / 2 <= left / remaining):
            work += costs[ordered[end]]
            end += 1
        parts.append(ordered[start:end])
        start, left = end, left - work
    return parts


def _native_pack(fleet: _Fleet, part: list[int]) -> Pack:
    widest: dict[Shape, Member] = {}
    for i in part:
        shape, member = fleet.shapes[i], fleet.members[i]
        if shape not in widest or sum(member.design.widths) > sum(widest[shape].design.widths):
            widest[shape] = member
    shapes = sorted(widest)
    rates = fleet.speeds.native or NATIVE
    return Pack(
        members=tuple(part),
        engine="native",
        stacked=False,
        text=text_of(shapes),
        state_bytes=fleet.state_bytes(part),
        bytes=max(buffer_bytes(member, fleet.data, fleet.dtype) for member in widest.values()),
        seconds=sum(fleet.work(i, seconds_of_step(listed(fleet.shapes[i]), rates)) for i in part)
        * fleet.slowdown,
    )


# Torch packs ------------------------------------------------------------------------------------------


def _torch_packs(fleet: _Fleet, chosen: Mapping[Shape, Engine]) -> list[Pack]:
    """Members of one compute shape each, the longest pack first."""
    buckets: dict[Shape, list[int]] = {}
    for index, shape in enumerate(fleet.shapes):
        if chosen[shape] == "torch":
            buckets.setdefault(shape, []).append(index)
    groups = _enough(
        [(shape, part) for shape in sorted(buckets) for part in _split(shape, buckets[shape], fleet)]
    )
    costs = [_stacked_work(shape, part, fleet) for shape, part in groups]
    packs = [_torch_pack(shape, part, fleet) for shape, part in groups]
    order = sorted(range(len(packs)), key=lambda i: (-costs[i], packs[i].members))
    return [packs[i] for i in order]


def _split(shape: Shape, indices: list[int], fleet: _Fleet) -> list[list[int]]:
    """Even parts within the limit; neighbours have equal activations and nearby ends, which share work."""
    limit = pack_limit(shape, fleet.itemsize)
    longest = max(fleet.work(i, torch_seconds(shape, TORCH, limit)) for i in indices)
    limit = max(1, min(limit, int(_MOST_SECONDS / longest))) if longest else limit
    design = [member.design for member in fleet.members]
    ordered = sorted(indices, key=lambda i: (design[i].activation, design[i].dropout > 0, fleet.epochs[i], i))
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


def _stacked_work(shape: Shape, part: list[int], fleet: _Fleet, rates: Rates = TORCH) -> float:
    each = torch_seconds(shape, rates, len(part))
    return sum(fleet.work(i, each) for i in part)


def _torch_pack(shape: Shape, part: list[int], fleet: _Fleet) -> Pack:
    return Pack(
        members=tuple(part),
        engine="torch",
        stacked=len(part) > 1 and not shape.general,
        text=text_of([shape]),
        state_bytes=fleet.state_bytes(part),
        bytes=bytes_of_member(shape, fleet.itemsize) * (1 if shape.general else len(part)),
        seconds=_stacked_work(shape, part, fleet, fleet.speeds.torch) * fleet.slowdown,
    )
