"""Plotly figures as JSON, written by hand: nothing is imported; a test has Plotly validate each.

Texts of the user (column names, classes) go through `label`: Plotly reads a little HTML in texts, so they are
escaped.
"""

import html
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from profunda.reporting.words import brief, shorten

__all__ = ["POINTS", "axis", "hover", "label", "legend", "log_axis", "numbers", "spec", "thin"]

POINTS = 2_000  # at most, in one figure: enough to see a shape, too few to leak a table or to slow a phone


def label(text: object, length: int = 24) -> str:
    """A text for a figure: shortened, and with its < > & made harmless."""
    return html.escape(shorten(str(text), length), quote=False)


def numbers(values: Sequence[float] | np.ndarray, digits: int = 5) -> list[float | None]:
    """A list with `digits` significant digits, None where not finite: half the bytes, the same picture."""
    array = np.asarray(values, dtype=np.float64)
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in array.tolist()]


def thin(n: int, most: int) -> np.ndarray:
    """At most `most` of the positions 0 … n−1, evenly spread, both ends kept: int64."""
    if n <= most:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, max(most, 1)).round().astype(np.int64))


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title (and unit)."""
    return {"title": {"text": title, "standoff": 8}, "automargin": True, "zeroline": False} | more


def log_axis(title: str, low: float, high: float, *, short: bool = False) -> dict[str, Any]:
    """A logarithmic axis from `low` to `high` (both positive), with plain numbers on round values inside.

    `short` leaves more room between them, for a small figure.
    """
    ends = [math.log10(low), math.log10(high)]
    around = 0.04 * (ends[1] - ends[0]) or 0.1
    ends = [ends[0] - around, ends[1] + around]
    span = ends[1] - ends[0]
    # With powers of ten alone a short axis has no tick at all; with 1, 2, 5 a long one has too many.
    steps = (1, 2, 5) if span < (1.2 if short else 2.5) else (1,)
    jump = max(1, math.ceil(span / (4 if short else 6)))
    decades = range(math.floor(ends[0]), math.ceil(ends[1]) + 1)
    ticks = [step * 10.0**k for k in decades if k % jump == 0 for step in steps]
    ticks = [tick for tick in ticks if ends[0] <= math.log10(tick) <= ends[1]] or [low, high]
    texts = [brief(tick) for tick in ticks]
    return axis(title, type="log", range=numbers(ends), tickvals=numbers(ticks), ticktext=texts)


def legend() -> dict[str, Any]:
    """A legend above the figure, where it never covers data."""
    place = {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    return place | {"traceorder": "normal", "font": {"size": 12}}


def hover(template: str) -> str:
    """A hover template without Plotly's box of the trace's name beside it."""
    return template + "<extra></extra>"


def spec(data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> str:
    """The figure's JSON; colours of text, grid and background come from the page's theme."""
    around = {"margin": {"l": 12, "r": 14, "t": 12, "b": 12}, "showlegend": False, "font": {"size": 13}}
    return json.dumps(
        {"data": list(data), "layout": around | dict(layout)}, allow_nan=False, ensure_ascii=False
    )
