"""Bodies: what turns a picture or a text into numbers, as shapes of tensors and counts, without arithmetic.

`networks.bodies` says what they compute. A body's tensors lie one behind the other in the flat vector of its
network, in the order of `slots`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Literal

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.errors import SpaceError

__all__ = [
    "BUCKETS",
    "NOTHING",
    "POOLED",
    "Body",
    "BodyKind",
    "Role",
    "Slot",
    "body_of",
    "body_words",
    "heads_of",
    "rows_inside",
]

BodyKind = Literal["dense", "conv", "residual", "bag", "lstm", "attention"]
Role = Literal["weights", "biases", "table", "norm", "collected"]
BodyNorm = Literal["none", "batch", "layer", "group"]

POOLED = 4
"""Side of the picture that leaves a "conv" body, at most: larger ones are averaged to it."""
BUCKETS = 1 << 15
"""Vectors that chains of words share by their hash (Joulin et al. 2017, "Bag of tricks for efficient text
classification", use two million on far longer texts)."""
_ACTIVATIONS = 1 << 24
"""Numbers between the layers of a body, of all rows that are evaluated together."""
_KERNEL = 9
"""Weights of a 3 × 3 kernel."""


@dataclass(frozen=True)
class Slot:
    """One tensor of a body, and what it is.

    "weights" [out, in, …] and "biases" [out] of a layer; "table" [K, E] of vectors to be looked up; "norm"
    [2, H], γ and β, and where there are statistics to collect, "collected" [2, H], mean and variance, behind
    it. `layer` numbers the layers of a body from 0.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    layer: int = 0

    @property
    def size(self) -> int:
        """Numbers in it."""
        return prod(self.shape)

    @property
    def fan_in(self) -> int:
        """Inputs of a unit, of weights."""
        return prod(self.shape[1:])


@dataclass(frozen=True)
class Body:
    """What stands between a picture or a text and the first layer.

    E = `width` numbers leave it. `products` are the multiplications that one row takes, `units` its
    activations. It reads the inputs that are `picture` or `tokens`; "dense" reads none and has no tensors.
    """

    kind: BodyKind
    channels: int = 0
    depth: int = 0
    width: int = 0
    slots: tuple[Slot, ...] = ()
    products: int = 0
    units: int = 0
    norm: BodyNorm = "none"
    picture: Picture | None = None
    tokens: Tokens | None = None

    def __lt__(self, other: "Body") -> bool:
        return repr(self) < repr(other)  # any order will do, so that shapes have one

    @property
    def words(self) -> str:
        """What it is, as people say it."""
        return body_words(self.kind, self.channels, self.depth)

    @property
    def places(self) -> range:
        """The inputs that it reads."""
        found = self.picture or self.tokens
        return range(0) if found is None else found.places

    def kept(self, inputs: Inputs) -> tuple[int, ...]:
        """The inputs that enter the first layer beside what leaves the body."""
        return tuple(place for place in inputs.kept if place not in self.places)

    @cached_property
    def size(self) -> int:
        """Numbers of all its tensors."""
        return sum(slot.size for slot in self.slots)

    @cached_property
    def trained(self) -> int:
        """Of them those that are trained."""
        return sum(slot.size for slot in self.slots if slot.role != "collected")

    @cached_property
    def tables(self) -> int:
        """Of them those of tables, of which a step reads a few."""
        return sum(slot.size for slot in self.slots if slot.role == "table")


def body_words(kind: BodyKind, channels: int, depth: int) -> str:
    """What a body of a kind is, of `channels` (body_width) and `depth`, as people say it; "" for "dense".

    >>> body_words("lstm", 64, 2)
    '2 LSTM layers of 64 units each way'
    """
    many = "" if depth == 1 else "s"
    chains = f", chains of up to {depth} words included" if depth > 1 else ""
    return {
        "dense": "",
        "conv": f"{depth} convolution{many} from {channels} channels on",
        "residual": f"{depth} stage{many} of residual blocks from {channels} channels on",
        "bag": f"a bag of words of {channels} numbers{chains}",
        "lstm": f"{depth} LSTM layer{many} of {channels} units each way",
        "attention": f"{depth} attention block{many} of {channels} numbers a word",
    }[kind]


NOTHING = Body("dense")


@lru_cache(maxsize=1024)
def body_of(kind: BodyKind, channels: int, depth: int, norm: BodyNorm, inputs: Inputs) -> Body:
    """The body of a kind, of `channels` (body_width) and `depth`, on `inputs`.

    Raises SpaceError where the inputs have nothing that it reads, or a picture is too small for it.
    """
    if kind == "dense":
        _refuse_words(inputs)
        return NOTHING
    if kind in ("conv", "residual"):
        return _on_picture(kind, channels, depth, norm, inputs.picture)
    return _on_tokens(kind, channels, depth, inputs.tokens)


def _refuse_words(inputs: Inputs) -> None:
    if inputs.tokens is not None and len(inputs.kept) + len(inputs.codes) == 0:
        raise SpaceError(
            'body = "dense" reads numbers, but the only input is text. Take "bag", "lstm" or "attention".'
        )


def _on_picture(kind: BodyKind, channels: int, depth: int, norm: BodyNorm, picture: Picture | None) -> Body:
    if picture is None:
        raise SpaceError(f'body = "{kind}" reads pictures, but the inputs are none. Take "dense".')
    side = min(picture.height, picture.width)
    if side >> (depth if kind == "conv" else depth - 1) < 1:
        raise SpaceError(
            f'body_depth = {depth}: a "{kind}" body halves the picture at each stage, and {picture.height} × '
            f"{picture.width} pixels cannot be halved so often. Take fewer stages, or larger pictures."
        )
    return (_conv if kind == "conv" else _residual)(channels, depth, norm, picture)


def _on_tokens(kind: BodyKind, channels: int, depth: int, tokens: Tokens | None) -> Body:
    if tokens is None:
        raise SpaceError(f'body = "{kind}" reads texts, but the inputs have none. Take "dense".')
    return {"bag": _bag, "lstm": _lstm}.get(kind, _attention)(channels, depth, tokens)


def rows_inside(body: Body) -> int:
    """Rows that go through a body at once in evaluation, so that what is between its layers stays small."""
    return max(1, _ACTIVATIONS // max(1, body.units))


# Pictures ---------------------------------------------------------------------------------------------


def _normed(name: str, fan_in: int, fan_out: int, kernel: int, norm: BodyNorm, layer: int) -> Iterable[Slot]:
    """A convolution and the norm behind it, which makes biases idle."""
    shape = (fan_out, fan_in, 3, 3) if kernel == _KERNEL else (fan_out, fan_in, 1, 1)
    yield Slot(f"{name}.weights", shape, "weights", layer)
    if norm == "none":
        yield Slot(f"{name}.biases", (fan_out,), "biases", layer)
        return
    yield Slot(f"{name}.norm", (2, fan_out), "norm", layer)
    if norm == "batch":
        yield Slot(f"{name}.collected", (2, fan_out), "collected", layer)


def _conv(channels: int, depth: int, norm: BodyNorm, picture: Picture) -> Body:
    slots: list[Slot] = []
    fan_in, height, width, products, units = picture.channels, picture.height, picture.width, 0, 0
    for stage in range(depth):
        fan_out = channels << stage
        slots += _normed(f"stage{stage}", fan_in, fan_out, _KERNEL, norm, stage)
        products += height * width * _KERNEL * fan_in * fan_out
        units += height * width * fan_out
        fan_in, height, width = fan_out, height // 2, width // 2
    leaving = fan_in * min(height, POOLED) * min(width, POOLED)
    return Body("conv", channels, depth, leaving, tuple(slots), products, units, norm, picture)


def _residual(channels: int, depth: int, norm: BodyNorm, picture: Picture) -> Body:
    height, width = picture.height, picture.width
    slots = list(_normed("stem", picture.channels, channels, _KERNEL, norm, 0))
    products, units, layer = (
        height * width * _KERNEL * picture.channels * channels,
        height * width * channels,
        1,
    )
    fan_in = channels
    for stage in range(depth):
        fan_out = channels << stage
        if stage:
            height, width = -(-height // 2), -(-width // 2)
        each = height * width * fan_out
        slots += _normed(f"stage{stage}.first", fan_in, fan_out, _KERNEL, norm, layer)
        slots += _normed(f"stage{stage}.second", fan_out, fan_out, _KERNEL, norm, layer + 1)
        products += each * _KERNEL * (fan_in + fan_out)
        units, layer = units + 2 * each, layer + 2
        if fan_in != fan_out:
            slots += _normed(f"stage{stage}.shortcut", fan_in, fan_out, 1, norm, layer)
            products, layer = products + each * fan_in, layer + 1
        fan_in = fan_out
    return Body("residual", channels, depth, fan_in, tuple(slots), products, units, norm, picture)


# Texts ------------------------------------------------------------------------------------------------


def _bag(channels: int, depth: int, tokens: Tokens) -> Body:
    slots = [Slot("words", (tokens.size, channels), "table")]
    if depth > 1:
        slots.append(Slot("chains", (BUCKETS, channels), "table", 1))
    work = tokens.length * channels * depth
    return Body("bag", channels, depth, channels, tuple(slots), work, work, tokens=tokens)


def _lstm(channels: int, depth: int, tokens: Tokens) -> Body:
    slots, fan_in, products = [Slot("words", (tokens.size, channels), "table")], channels, 0
    for layer in range(depth):
        for direction, name in enumerate(("forwards", "backwards")):
            number = 1 + 4 * layer + 2 * direction
            slots.append(Slot(f"{name}{layer}.input", (4 * channels, fan_in), "weights", number))
            slots.append(Slot(f"{name}{layer}.state", (4 * channels, channels), "weights", number + 1))
            slots.append(Slot(f"{name}{layer}.biases", (4 * channels,), "biases", number))
        products += tokens.length * 8 * channels * (fan_in + channels)
        fan_in = 2 * channels
    units = tokens.length * 10 * channels * depth
    return Body("lstm", channels, depth, 4 * channels, tuple(slots), products, units, tokens=tokens)


def heads_of(channels: int) -> int:
    """Heads of attention: the most of 8, 4, 2 and 1 that leave each at least 8 of the channels."""
    return next(n for n in (8, 4, 2, 1) if n == 1 or (channels % n == 0 and channels // n >= 8))


def _attention(channels: int, depth: int, tokens: Tokens) -> Body:
    slots = [
        Slot("words", (tokens.size, channels), "table"),
        Slot("places", (tokens.length, channels), "table", 1),
    ]
    for block in range(depth):
        name, layer = f"block{block}", 2 + 4 * block
        for part, out, into in (("attend", 3, 1), ("mix", 1, 1), ("widen", 2, 1), ("narrow", 1, 2)):
            if part in ("attend", "widen"):
                slots.append(Slot(f"{name}.{part}.norm", (2, channels), "norm", layer))
            shape = (out * channels, into * channels)
            slots.append(Slot(f"{name}.{part}.weights", shape, "weights", layer))
            slots.append(Slot(f"{name}.{part}.biases", shape[:1], "biases", layer))
            layer += 1
    slots.append(Slot("last.norm", (2, channels), "norm", 2 + 4 * depth))
    each = 8 * channels * channels + 2 * tokens.length * channels
    units = tokens.length * channels * 8 * depth
    return Body(
        "attention",
        channels,
        depth,
        channels,
        tuple(slots),
        tokens.length * each * depth,
        units,
        tokens=tokens,
    )
