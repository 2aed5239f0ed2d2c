"""The blocks a Document is made of: frozen values that hold words, numbers and figures, never HTML.

Every block becomes JSON and comes back equal (`encode`, `decode`). Text is the user's and ours alike: whoever
turns blocks into HTML must escape all of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from profunda.errors import ArgumentError
from profunda.reporting.words import plain

__all__ = [
    "Architecture",
    "Asked",
    "Bar",
    "Bars",
    "BigNumber",
    "Block",
    "Chain",
    "ChainLink",
    "Check",
    "Checks",
    "Code",
    "Contents",
    "Example",
    "Facts",
    "Figure",
    "Figures",
    "Gallery",
    "Item",
    "Layer",
    "Questions",
    "Rival",
    "Ruling",
    "Section",
    "State",
    "Table",
    "Text",
    "decode",
    "encode",
]

State = Literal["ok", "warn", "bad", "not applicable"]
Cell = str | float | int | None


@dataclass(frozen=True)
class Text:
    """One paragraph; `tone` "note" sets it apart."""

    text: str
    tone: Literal["plain", "note"] = "plain"


@dataclass(frozen=True)
class Rival:
    """One line below the big number: who, how it scored, and against the model in words."""

    title: str
    value: str
    verdict: str


@dataclass(frozen=True)
class BigNumber:
    """The one number of the page, said in words, with its interval and its rivals."""

    value: str
    label: str
    interval: str
    sentence: str
    rivals: tuple[Rival, ...] = ()


@dataclass(frozen=True)
class Facts:
    """A few short facts side by side: (name, value) pairs."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of cells under `columns`; numbers stay numbers, so that they sort. `folded`: behind its title.

    `curves` holds one short series a row (empty: none), drawn as a sparkline in a last column titled
    `curve_title`.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    what: str = ""
    folded: bool = False
    curves: tuple[tuple[float | None, ...], ...] = ()
    curve_title: str = ""


@dataclass(frozen=True)
class Figure:
    """A Plotly figure as JSON text: `what` to see, `why` and how it is made, `alt` in its place.

    `height` and `least_width` are pixels: a narrower screen scrolls it sideways.
    """

    title: str
    spec: str
    what: str
    why: str
    alt: str
    height: int = 380
    least_width: int = 0


@dataclass(frozen=True)
class Figures:
    """Small figures of one kind side by side, under one caption."""

    title: str
    figures: tuple[Figure, ...]
    what: str
    why: str


@dataclass(frozen=True)
class Bar:
    """One bar: stacked `parts`, a whisker `low` to `high`, the value in words (`text`), a line (`note`)."""

    label: str
    parts: tuple[float, ...]
    text: str
    low: float | None = None
    high: float | None = None
    note: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, or dots with whiskers where the axis does not start at zero (`dots`)."""

    title: str
    bars: tuple[Bar, ...]
    what: str
    why: str = ""
    axis: str = ""
    legend: tuple[str, ...] = ()
    dots: bool = False


@dataclass(frozen=True)
class Example:
    """One row to look at: its `picture`, a PNG file in base64, or its `text`, "" where it has none; what was
    `true`, what was `said`, and whether that is right."""

    picture: str
    text: str
    true: str
    said: str
    right: bool


@dataclass(frozen=True)
class Gallery:
    """Rows to look at, side by side where they are pictures, one below the other where they are texts."""

    title: str
    examples: tuple[Example, ...]
    what: str


@dataclass(frozen=True)
class Layer:
    """One layer of a drawn network: its units, its name, and what happens between it and the next."""

    units: int
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Architecture:
    """A network drawn from its inputs down to its outputs."""

    title: str
    layers: tuple[Layer, ...]
    what: str
    alt: str


@dataclass(frozen=True)
class ChainLink:
    """One place of a Chain: its state at each moment, and a few words on each; the last stand beside it."""

    name: str
    detail: str
    states: tuple[State, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Chain:
    """Places one after the other, from top to bottom, each coloured by its state at moments in a row.

    `moment` says what `moments` are.
    """

    title: str
    moment: str
    moments: tuple[str, ...]
    links: tuple[ChainLink, ...]
    what: str
    why: str


@dataclass(frozen=True)
class Check:
    """A traffic light: a stable `code`, its state, what was found, why it matters, what mends it."""

    code: str
    state: State
    what: str
    why: str
    mend: str = ""


@dataclass(frozen=True)
class Checks:
    """Traffic lights, one below the other."""

    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Ruling:
    """A verdict in a `word`, coloured by `state`, and the lines it rests on: (name, text) pairs."""

    state: State
    word: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """One question and its answer; `mark` says in a word or two what is to be known of the answer, in the
    colour of `state` ("ok" for none)."""

    question: str
    answer: str
    mark: str = ""
    state: State = "ok"


@dataclass(frozen=True)
class Questions:
    """Questions with their answers, one below the other."""

    items: tuple[Asked, ...]


@dataclass(frozen=True)
class Item:
    """One line of a table of contents: where it leads, its verdict, and one sentence."""

    title: str
    href: str
    state: State
    word: str
    text: str


@dataclass(frozen=True)
class Contents:
    """Links to other pages, with the verdict of each."""

    title: str
    href: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Code:
    """Lines to copy, in `language` ("python", "shell", "text")."""

    title: str
    language: str
    text: str


Block = (
    Text
    | BigNumber
    | Facts
    | Table
    | Figure
    | Figures
    | Bars
    | Gallery
    | Architecture
    | Chain
    | Checks
    | Ruling
    | Questions
    | Contents
    | Code
)


@dataclass(frozen=True)
class Section:
    """A part of the page: `key` is its anchor, `lead` one sentence that says what it answers."""

    key: str
    title: str
    lead: str
    blocks: tuple[Block, ...]


_KINDS = {
    kind.__name__: kind
    for kind in (
        Text, Rival, BigNumber, Facts, Table, Figure, Figures, Bar, Bars, Example, Gallery, Layer,
        Architecture, ChainLink, Chain, Check, Checks, Ruling, Asked, Questions, Item, Contents, Code,
        Section,
    )
}  # fmt: skip


def encode(value: object) -> object:
    """A block, or anything inside one, as JSON-able data; numbers that JSON lacks become null."""
    kind = type(value).__name__
    if _KINDS.get(kind) is type(value):
        data: dict[str, object] = {"block": kind}
        for field in fields(value):  # type: ignore[arg-type]
            content = getattr(value, field.name)
            # A figure's own JSON is nested as it is, so that other tools can draw it.
            data[field.name] = json.loads(content) if field.name == "spec" else encode(content)
        return data
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    return plain(value)


def decode(data: object) -> object:
    """The block that `encode` turned into `data`.

    Raises ArgumentError for a block this version does not know, or whose fields are not its fields.
    """
    if isinstance(data, list):
        return tuple(decode(item) for item in data)
    if not isinstance(data, Mapping):
        return data
    kind = _KINDS.get(str(data.get("block")))
    if kind is None:
        raise ArgumentError(
            f"unknown block {data.get('block')!r} in a report's JSON; it may come from a newer version: "
            f"known are {', '.join(sorted(_KINDS))}"
        )
    content = {
        name: json.dumps(item) if name == "spec" else decode(item)
        for name, item in data.items()
        if name != "block"
    }
    names = {field.name for field in fields(kind)}
    if set(content) != names:
        raise ArgumentError(
            f"block {kind.__name__} has the fields {sorted(content)} where {sorted(names)} are needed; the "
            "report's JSON is damaged or from another version: write the report again"
        )
    return kind(**content)  # type: ignore[arg-type]  # pyrefly: ignore
