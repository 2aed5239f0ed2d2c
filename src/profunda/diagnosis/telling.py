"""A diagnosis on a terminal."""

import math
import textwrap
from collections.abc import Sequence

from profunda.diagnosis.codes import CODES
from profunda.diagnosis.finding import Evidence, Finding, Silence

__all__ = ["number", "text"]

_WIDTH = 100


def text(
    title: str,
    findings: Sequence[Finding],
    symptoms: Sequence[Finding],
    silences: Sequence[Silence],
    notes: Sequence[str],
) -> str:
    """Findings with their evidence, what they explain, and what was not judged and why."""
    parts = [title, ""]
    for number_, finding in enumerate(findings, 1):
        parts += [*_finding(number_, finding), ""]
    if not findings:
        parts += ["Nothing was found that keeps this network from training.", ""]
    if symptoms:
        told = ", ".join(dict.fromkeys(one.code for one in symptoms))
        parts += [
            _wrapped(f"Seen too, and perhaps only because of the above: {told}. Mend that, then ask again."),
            "",
        ]
    parts += _silent(silences)
    if notes:
        parts += ["", "Notes", *(_wrapped(f"- {note}", "  ") for note in notes)]
    # A module's or a class's name may hold a terminal's control codes: they are shown, not obeyed.
    return "\n".join(_visible(line) for part in parts for line in part.split("\n")) + "\n"


def number(value: float) -> str:
    """Three digits; "–" for what is not known."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0.0 else "−∞"
    if value == round(value) and abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def _finding(place: int, finding: Finding) -> list[str]:
    where = f" in layer {finding.layer}" if finding.layer else ""
    when = "before the first step" if finding.step == 0 else f"at step {finding.step}"
    head = f"{place}. {finding.severity.upper()} · {finding.area} · {finding.of.title}{where}"
    lines = [
        _wrapped(f"{head} ({finding.code}, seen {when})", "   "),
        _wrapped(f"   {finding.cause}", "   "),
        _wrapped(f"   Do: {finding.remedy}", "   "),
    ]
    return [*lines, *(_wrapped(f"   · {_told(one)}", "     ") for one in finding.evidence)]


def _told(one: Evidence) -> str:
    unit = f" {one.unit}" if one.unit else ""
    limit = "" if math.isnan(one.limit) else f" (limit {number(one.limit)})"
    return f"{one.what}: {number(one.value)}{unit}{limit}"


def _silent(silences: Sequence[Silence]) -> list[str]:
    clear = [one for one in silences if one.why == "clear"]
    parts = [f"Looked for and not there: {len(clear)} of {len(CODES)} codes."]
    for why in ("not enough evidence", "not applicable"):
        groups: dict[str, list[str]] = {}
        for one in silences:
            if one.why == why:
                groups.setdefault(one.words.rstrip(".") or "no reason given", []).append(one.code)
        if groups:
            parts.append(f"{why.capitalize()}:")
            parts += [_wrapped(f"- {', '.join(codes)}: {words}.", "  ") for words, codes in groups.items()]
    return parts


def _wrapped(sentence: str, indent: str = "") -> str:
    return textwrap.fill(sentence, _WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _visible(line: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
