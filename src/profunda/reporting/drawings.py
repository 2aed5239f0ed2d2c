"""Small pictures as inline SVG: bars, dots with whiskers, sparklines, a network's layers.

They take their colours from the page's style sheet (dark mode included) and need no script. Lengths are
percentages of the drawing, so that text beside them never shrinks on a narrow screen.
"""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from profunda.reporting.blocks import Architecture, Bar, Bars
from profunda.reporting.words import count, number, shorten

__all__ = ["architecture", "axis_ends", "bar", "sparkline"]

_WIDTH = 390  # of the architecture's own coordinates: text is drawn at its true size on a phone


def axis_ends(bars: Bars) -> tuple[float, float]:
    """Ends of the shared axis of `bars`: from zero for lengths, close around the marks for dots."""
    totals = [sum(b.parts) for b in bars.bars if b.parts]
    marks = totals + [v for b in bars.bars for v in (b.low, b.high) if v is not None]
    marks = [v for v in marks if math.isfinite(v)] or [0.0]
    if not bars.dots:
        return min(0.0, *marks, 0.0), max(*marks, 0.0) or 1.0
    margin = 0.06 * (max(marks) - min(marks)) or 0.06 * abs(marks[0]) or 1.0
    low = min(marks) - margin
    return (0.0 if low < 0 <= min(marks) else low), max(marks) + margin


def _place(value: float, ends: tuple[float, float]) -> str:
    return f"{100 * (value - ends[0]) / (ends[1] - ends[0]):.2f}%"


def _length(value: float, ends: tuple[float, float]) -> str:
    return f"{100 * value / (ends[1] - ends[0]):.2f}%"


def bar(one: Bar, bars: Bars) -> Markup:
    """One bar of `bars`; its description for screen readers is the row's text beside it."""
    ends = axis_ends(bars)
    shapes = []
    if bars.dots:
        shapes.append('<line class="rule" x1="0%" x2="100%" y1="50%" y2="50%"/>')
        if ends[0] < 0 < ends[1]:
            zero = _place(0.0, ends)
            shapes.append(f'<line class="zero" x1="{zero}" x2="{zero}" y1="-15%" y2="115%"/>')
    else:
        start = 0.0
        for k, part in enumerate(one.parts):
            shapes.append(
                f'<rect class="part{k}" x="{_place(start, ends)}" y="18%" '
                f'width="{_length(part, ends)}" height="64%"/>'
            )
            start += part
    if one.low is not None and one.high is not None:
        shapes.append(
            f'<line class="whisker" x1="{_place(one.low, ends)}" y1="50%" '
            f'x2="{_place(one.high, ends)}" y2="50%"/>'
        )
    if bars.dots:
        shapes.append(f'<circle class="dot" cx="{_place(sum(one.parts), ends)}" cy="50%" r="5"/>')
    return Markup('<svg class="bar" aria-hidden="true" focusable="false">{}</svg>').format(
        Markup("".join(shapes))
    )


def sparkline(values: Sequence[float | None]) -> Markup:
    """A line without axes; gaps (None) are skipped. Empty for fewer than two values."""
    points = [(k, v) for k, v in enumerate(values) if v is not None and math.isfinite(v)]
    if len(points) < 2:
        return Markup("")
    low, high = min(v for _, v in points), max(v for _, v in points)
    last = max(1, points[-1][0])
    path = " ".join(
        f"{100 * k / last:.1f},{22 - 20 * (v - low) / ((high - low) or 1.0):.1f}" for k, v in points
    )
    text = f"from {number(points[0][1])} to {number(points[-1][1])}"
    return Markup(
        '<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>'
    ).format(text, path)


def architecture(drawing: Architecture) -> Markup:
    """The layers from top to bottom: slabs as wide as the square root of their units, linked."""
    layers = drawing.layers
    largest = max(layer.units for layer in layers)
    # Square root: 4 and 256 units must both be seen, and the order of sizes kept.
    spans = [70 + (_WIDTH - 90) * math.sqrt(layer.units / largest) for layer in layers]
    slab, gap = 30, 46
    height = len(layers) * slab + (len(layers) - 1) * gap + 4
    middle = _WIDTH / 2
    shapes = []
    for k, (layer, span) in enumerate(zip(layers, spans, strict=True)):
        top = 2 + k * (slab + gap)
        if k + 1 < len(layers):
            below = spans[k + 1]
            y = top + slab
            corners = f"{middle - span / 2:.1f},{y} {middle + span / 2:.1f},{y} "
            corners += f"{middle + below / 2:.1f},{y + gap} {middle - below / 2:.1f},{y + gap}"
            shapes.append(Markup('<polygon class="links" points="{}"/>').format(corners))
            shapes.append(
                Markup('<text class="detail" x="{}" y="{}">{}</text>').format(
                    middle, y + gap / 2 + 4, shorten(layer.detail, 52)
                )
            )
        role = "outer" if k in (0, len(layers) - 1) else "inner"
        shapes.append(
            Markup('<rect class="slab {}" x="{}" y="{}" width="{}" height="{}" rx="5"/>').format(
                role, f"{middle - span / 2:.1f}", top, f"{span:.1f}", slab
            )
        )
        words = f"{count(layer.units)} {layer.label}"
        shapes.append(
            Markup('<text class="units {}" x="{}" y="{}">{}</text>').format(
                role, middle, top + 20, shorten(words, 40)
            )
        )
    return Markup('<svg class="network" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, height, escape(drawing.alt), Markup("").join(shapes)
    )
