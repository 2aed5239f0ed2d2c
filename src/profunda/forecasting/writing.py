"""A forecast on a terminal."""

import math
import textwrap

from profunda.forecasting.learnability import Concern
from profunda.forecasting.lines import HEADS, Head, Line, Recommendation

__all__ = ["number", "text"]

_WIDTH = 110


def text(
    title: str,
    summary: tuple[tuple[Head, tuple[str, ...]], ...],
    recommendation: Recommendation,
    concerns: tuple[Concern, ...],
    lines: tuple[Line, ...],
    notes: tuple[str, ...],
) -> str:
    """Summary, advice and every line that applies; those that do not, with their reasons, at the end."""
    parts = [title, ""]
    told = dict(summary)
    for head, question in HEADS:
        parts.append(f"{head.capitalize()}: {question}")
        parts += [_wrapped(f"- {sentence}") for sentence in told.get(head, ())]
    parts += ["", "Recommended", *(_wrapped(f"- {one}") for one in recommendation.words), ""]
    parts += ["Trainability", *(_wrapped(f"- {one.words}") for one in concerns), ""]
    parts += _table([line for line in lines if line.valid != "not applicable"])
    missing = [line for line in lines if line.valid == "not applicable"]
    if missing:
        parts += ["", "Not applicable"]
        for reason in dict.fromkeys(line.reason for line in missing):
            own = [f"{line.code} {line.name}{_shown(line)}" for line in missing if line.reason == reason]
            parts.append(_wrapped(f"- {', '.join(own)}: {reason}."))
    if notes:
        parts += ["", "Notes", *(_wrapped(f"- {note}") for note in notes)]
    return "\n".join(parts) + "\n"


def number(value: float) -> str:
    """Three digits; "–" for what is not known."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0.0 else "−∞"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _table(lines: list[Line]) -> list[str]:
    head = ("line", "quantity", "predicted", "± spread", "measured", "± s.e.", "apart", "")
    rows: list[tuple[str, ...]] = [head]
    for one in lines:
        apart = "" if math.isnan(one.distance) else f"{one.distance:.1f} s.e."
        flag = "extrapolated" if one.valid == "extrapolated" else ""
        numbers = (one.value, one.predicted_sd, one.measured, one.measured_se)
        rows.append((one.code, one.name, *(number(each) for each in numbers), apart, flag))
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    out = []
    for row in rows:
        cells = [
            cell.rjust(w) if 2 <= k <= 6 else cell.ljust(w)
            for k, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        out.append("  ".join(cells).rstrip())
    return out


def _shown(line: Line) -> str:
    return (
        ""
        if math.isnan(line.measured)
        else f" (measured: {number(line.measured)} ± {number(line.measured_se)})"
    )


def _wrapped(sentence: str) -> str:
    return textwrap.fill(sentence, _WIDTH, subsequent_indent="  ")
