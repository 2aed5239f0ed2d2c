"""What an experiment shows, as values: axes, series, heat maps, sheets, diagrams; no drawing library.

One renderer (`drawing`) turns every picture of the book into a figure, so that all look alike and each exists
in both languages. Numbers are plain tuples: a picture is compared, stored and sent between processes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from profunda.errors import ArgumentError
from profunda.lab.words import Words

__all__ = [
    "Axis",
    "Diagram",
    "Heat",
    "Mark",
    "Node",
    "Picture",
    "Plot",
    "Series",
    "Sheet",
    "Slider",
    "Spot",
    "series",
    "sheet",
]

Role = Literal["measured", "theory", "second", "good", "bad", "rest"]
"""What a series stands for: its colour. `theory` is drawn as a dashed line, a second one in other dashes."""


@dataclass(frozen=True)
class Axis:
    """`title` with the unit in it; `log` for factors; `names` in place of the numbers 0, 1, 2 …"""

    title: Words
    log: bool = False
    names: tuple[Words, ...] = ()
    range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Series:
    """Points (x, y), joined or not, with an optional band or whiskers from `low` to `high`.

    `step` is the slider's position at which the series is shown; None: always. `beside` gives a theory the
    colour of the measurement that it is the theory of, where a plot has several of each.
    """

    name: Words
    x: tuple[float, ...]
    y: tuple[float, ...]
    role: Role = "measured"
    kind: Literal["line", "points", "both", "bars", "stairs"] = "line"
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    step: int | None = None
    beside: Role | None = None


@dataclass(frozen=True)
class Mark:
    """A straight line across the plot with its words: at `x` (upright) or at `y` (level)."""

    words: Words
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Spot:
    """One labelled point."""

    words: Words
    x: float
    y: float


@dataclass(frozen=True)
class Slider:
    """Positions of a slider below the plot, in their order, each with its text ("λ = 0.1")."""

    title: Words
    positions: tuple[Words, ...]


@dataclass(frozen=True)
class Plot:
    """Series over two axes. `what`: what to see in it, one or two sentences. `equal`: one unit for both
    axes, so that a circle is round."""

    title: Words
    what: Words
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    spots: tuple[Spot, ...] = ()
    slider: Slider | None = None
    equal: bool = False


@dataclass(frozen=True)
class Heat:
    """A table of numbers `z` [rows of y, columns of x] as colours; None where there is no number."""

    title: Words
    what: Words
    x: Axis
    y: Axis
    scale: Words
    at_x: tuple[float, ...]
    at_y: tuple[float, ...]
    z: tuple[tuple[float | None, ...], ...]
    spots: tuple[Spot, ...] = ()
    paths: tuple[Series, ...] = ()
    log: bool = False


@dataclass(frozen=True)
class Sheet:
    """Grey pictures of one size side by side, `columns` in a row, the largest number being white.

    `pictures` are rows from the top, each of its pixels from the left; `names` stand above, where there are
    any.
    """

    title: Words
    what: Words
    pictures: tuple[tuple[tuple[float, ...], ...], ...]
    columns: int
    names: tuple[Words, ...] = ()


@dataclass(frozen=True)
class Node:
    """A node of a diagram at (x, y), both from 0 to 1, with a short text inside."""

    text: str
    x: float
    y: float
    role: Role = "measured"


@dataclass(frozen=True)
class Diagram:
    """Nodes and arrows from node i to node j, each with a weight's text ("λ", "−1", "")."""

    title: Words
    what: Words
    nodes: tuple[Node, ...]
    links: tuple[tuple[int, int, str], ...]


Picture = Plot | Heat | Sheet | Diagram


def series(
    name: Words,
    x: Iterable[float],
    y: Iterable[float],
    role: Role = "measured",
    kind: Literal["line", "points", "both", "bars", "stairs"] = "line",
    band: tuple[Iterable[float], Iterable[float]] | None = None,
    step: int | None = None,
    beside: Role | None = None,
) -> Series:
    """A Series from anything that holds numbers (lists, arrays, tensors on the CPU).

    Raises ArgumentError where x, y and the band differ in length.
    """
    xs, ys = _numbers(x), _numbers(y)
    low, high = (_numbers(band[0]), _numbers(band[1])) if band is not None else ((), ())
    lengths = {len(xs), len(ys)} | ({len(low), len(high)} if band is not None else set())
    if len(lengths) != 1:
        raise ArgumentError(
            f"the series {name.en!r} has {len(xs)} x, {len(ys)} y and a band of {len(low)} and {len(high)}; "
            "they must be of one length"
        )
    return Series(name, xs, ys, role, kind, low, high, step, beside)


def sheet(title: Words, what: Words, pictures: Any, columns: int, names: Iterable[Words] = ()) -> Sheet:
    """A Sheet of an array or tensor of pictures [N, H, W]."""
    found = np.asarray(pictures, dtype=np.float64).tolist()
    rows = tuple(tuple(tuple(row) for row in picture) for picture in found)
    return Sheet(title, what, rows, columns, tuple(names))


def _numbers(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=np.float64).ravel().tolist())
