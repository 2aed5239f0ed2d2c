"""A feed-forward network as an SVG drawing: columns of units, lines between neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Column", "svg"]

_SHOWN = 8  # units of a column that are drawn; more end in dots
_LABELLED = 8  # lines between two columns that carry their weights
_STEP, _GAP, _RADIUS, _TOP = 36, 150, 11, 54


@dataclass(frozen=True)
class Column:
    """How many units, what is written under them, and how they hang on the column before: W [m, n], or groups
    of so many neighbours each."""

    units: int
    label: str
    weights: tuple[tuple[float, ...], ...] | None = None
    group: int | None = None


def svg(columns: Sequence[Column], title: str) -> str:
    """The drawing as one `<svg>` element that needs nothing from outside."""
    tallest = max(_drawn(column) for column in columns)
    width, height = _GAP * len(columns), _TOP + _STEP * tallest + 40
    places = [_places(column, number, tallest) for number, column in enumerate(columns)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<text x="{width / 2:g}" y="20" text-anchor="middle">{escape(title)}</text>',
    ]
    for number in range(1, len(columns)):
        parts += _lines(columns[number - 1], columns[number], places[number - 1], places[number])
    for column, units in zip(columns, places, strict=True):
        parts += _units(column, units, height)
    return "\n".join([*parts, "</svg>", ""])


def _drawn(column: Column) -> int:
    """Rows that a column takes; where units are left out, one of them for the dots."""
    return min(column.units, _SHOWN)


def _places(column: Column, number: int, tallest: int) -> list[tuple[float, float]]:
    rows = _drawn(column)
    first = _TOP + _STEP * (tallest - rows) / 2 + _STEP / 2
    shown = [(_GAP * (number + 0.5), first + _STEP * row) for row in range(rows)]
    if column.units > _SHOWN:
        del shown[-2]
    return shown


def _numbers(column: Column) -> list[int]:
    """Which units are drawn: all, or the first ones and the last."""
    return [*range(_SHOWN - 2), column.units - 1] if column.units > _SHOWN else list(range(column.units))


def _lines(
    source: Column, column: Column, before: list[tuple[float, float]], here: list[tuple[float, float]]
) -> list[str]:
    few = column.weights is not None and sum(map(len, column.weights)) <= _LABELLED
    at = 0.7 if len(here) > len(before) else 0.3  # where lines lie furthest apart
    parts = []
    for j, (x1, y1) in zip(_numbers(source), before, strict=True):
        for i, (x2, y2) in zip(_numbers(column), here, strict=True):
            if column.group is not None and j // column.group != i:
                continue
            parts.append(f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="#9aa7b5"/>')
            if few and column.weights is not None:
                x, y = x1 + at * (x2 - x1), y1 + at * (y2 - y1) - 3
                weight = f"{column.weights[i][j]:.3g}"
                parts.append(f'<text x="{x:g}" y="{y:g}" font-size="9" text-anchor="middle">{weight}</text>')
    return parts


def _units(column: Column, units: list[tuple[float, float]], height: float) -> list[str]:
    parts = [
        f'<circle cx="{x:g}" cy="{y:g}" r="{_RADIUS}" fill="#fff" stroke="#33475b" stroke-width="1.5"/>'
        for x, y in units
    ]
    x = units[0][0]
    if column.units > _SHOWN:
        parts.append(f'<text x="{x:g}" y="{units[-1][1] - _STEP + 4:g}" text-anchor="middle">⋮</text>')
    label = escape(column.label)
    parts.append(f'<text x="{x:g}" y="{height - 24:g}" text-anchor="middle">{label}</text>')
    parts.append(
        f'<text x="{x:g}" y="{height - 8:g}" text-anchor="middle" fill="#5b6b7b">{column.units}</text>'
    )
    return parts
