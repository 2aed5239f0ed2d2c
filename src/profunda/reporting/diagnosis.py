"""A diagnosis as sections: the network as a chain coloured by health, findings, losses, what was not told."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from profunda.diagnosis.codes import CODES, Area
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Change, Finding, Severity
from profunda.diagnosis.record import Course, Record
from profunda.reporting.blocks import (
    Block,
    Chain,
    ChainLink,
    Facts,
    Figure,
    Ruling,
    Section,
    State,
    Table,
    Text,
)
from profunda.reporting.figures import axis, hover, legend, log_axis, numbers, spec, thin
from profunda.reporting.layers import layer_links, measured_layers
from profunda.reporting.palette import ACCENT, BAD, GREY, SECOND, faded
from profunda.reporting.words import brief, cell, count, number

__all__ = ["diagnosis_sections"]

STATES: dict[Severity, State] = {"fault": "bad", "hint": "warn"}

_AROUND: tuple[tuple[str, str, tuple[Area, ...]], ...] = (
    ("Data", "inputs, targets, labels", ("data", "labels")),
    ("Network", "as a whole", ("architecture", "initialisation", "activation", "normalisation")),
    ("Outputs, loss", "what is asked", ("output", "loss")),
    ("Training", "loop, optimiser, epochs", (
        "loop", "optimiser", "learning rate", "batch", "regularisation", "epochs"
    )),
)  # fmt: skip
"""Places of the chain besides layers, with the areas of findings that are shown there."""

_POINTS = 600
_SMOOTH = 40
"""A smoothed loss has about so many independent values: enough for its course, without the batches' noise."""


def diagnosis_sections(diagnosis: Diagnosis) -> tuple[Section, ...]:
    """All sections of a diagnosis's page."""
    sections = (
        Section("health", "Health", "", _health(diagnosis)),
        Section(
            "findings", "Findings", "One for each cause, the most important first.", _findings(diagnosis)
        ),
        Section("course", "Course of training", "What the losses did.", _course(diagnosis)),
        Section("layers", "Layer by layer", "What was measured.", measured_layers(diagnosis.record)),
        Section("silent", "Not judged, and why", "No finding does not mean passed.", _silent(diagnosis)),
        Section("seen", "What was looked at", "", _seen(diagnosis)),
    )
    return tuple(section for section in sections if section.blocks)


# Health -------------------------------------------------------------------------------------------------


def _health(diagnosis: Diagnosis) -> tuple[Block, ...]:
    found = diagnosis.findings
    if not found:
        lines = (
            (
                "Judged",
                f"{_clear(diagnosis)} of {len(CODES)} possible faults were looked for and are not there.",
            ),
        )
        verdict = Ruling("ok", "Nothing was found that keeps this network from training", lines)
    else:
        first = found[0]
        rest = [f"{one.severity}: {one.of.title.lower()}" for one in found[1:]]
        lines = (("Why", first.cause), ("Do", first.remedy), *((("Also", "; ".join(rest)),) if rest else ()))
        verdict = Ruling(STATES[first.severity], f"{first.severity.capitalize()}: {first.of.title}", lines)
    chain = _chain(diagnosis)
    return (verdict,) if chain is None else (verdict, chain)


def _clear(diagnosis: Diagnosis) -> int:
    return sum(one.why == "clear" for one in diagnosis.silences)


def _chain(diagnosis: Diagnosis) -> Chain | None:
    record = diagnosis.record
    steps = [one.step for one in record.surveys] or [0, diagnosis.steps]
    layers, placed = layer_links(diagnosis, steps)
    around = [
        _around(
            name,
            detail,
            [one for one in diagnosis.findings if one.area in areas and one not in placed],
            steps,
        )
        for name, detail, areas in _AROUND
    ]
    unseen = record.rows is None
    data = (
        around[0]
        if not unseen
        else ChainLink("Data", "not seen", ("not applicable",) * len(steps), ("",) * len(steps))
    )
    links = (data, around[1], *layers, *around[2:])
    what = "From top to bottom as signals run; from left to right as training goes on."
    why = (
        "A place turns red from the step on at which a fault there could first be told, orange for a hint. "
        "Where something was found, layers whose numbers are off at that moment are orange too: gradients "
        "far from those of other layers, units that are dead or saturated, rows that look alike."
    )
    return Chain("The network, step by step", "step", tuple(count(step) for step in steps), links, what, why)


def _around(name: str, detail: str, findings: Sequence[Finding], steps: Sequence[int]) -> ChainLink:
    states: list[State] = []
    words = []
    for step in steps:
        here = [one for one in findings if one.step <= step]
        worst = min((one.severity for one in here), default=None)  # "fault" stands before "hint"
        states.append("ok" if worst is None else STATES[worst])
        words.append("; ".join(one.of.title for one in here))
    return ChainLink(name, detail, tuple(states), tuple(words))


# Findings -----------------------------------------------------------------------------------------------


def _findings(diagnosis: Diagnosis) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for place, one in enumerate(diagnosis.findings, 1):
        blocks += [_ruling(place, one), _evidence(one)]
    if diagnosis.symptoms:
        rows = tuple((one.of.title, one.area, one.layer, one.code) for one in diagnosis.symptoms)
        what = "They were seen too, perhaps only because of the findings above: mend those, then ask again."
        blocks.append(Table("Symptoms", ("what", "area", "layer", "code"), rows, what))
    return tuple(blocks)


def _ruling(place: int, finding: Finding) -> Ruling:
    when = "before the first step" if finding.step == 0 else f"after {count(finding.step)} steps"
    lines = [("Why", finding.cause), ("Do", finding.remedy)]
    if finding.layer:
        lines.append(("Where", f"layer {finding.layer}"))
    lines.append(("Could be told", when))
    if finding.changes:
        lines.append(("Can be tried", "; ".join(_change(one) for one in finding.changes)))
    lines.append(("Area, code", f"{finding.area}, {finding.code}"))
    if finding.source:
        lines.append(("Source", finding.source))
    return Ruling(
        STATES[finding.severity],
        f"{place}. {finding.severity.capitalize()}: {finding.of.title}",
        tuple(lines),
    )


def _change(change: Change) -> str:
    value = "" if math.isnan(change.value) else f"× {brief(change.value)}"
    where = f"in {change.layer}" if change.layer else ""
    return " ".join(part for part in (change.kind, change.word, value, where) if part)


def _evidence(finding: Finding) -> Table:
    rows = tuple(
        (
            f"{one.what} ({one.unit})" if one.unit else one.what,
            cell(_rounded(one.value)),
            cell(_rounded(one.limit)),
        )
        for one in finding.evidence
    )
    return Table("", ("evidence", "measured", "limit"), rows)


def _rounded(value: float) -> float | str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if not math.isnan(value) and value == round(value) and abs(value) < 1e6:
        return int(value)
    return value if math.isnan(value) else float(f"{value:.4g}")


# Course -------------------------------------------------------------------------------------------------


def _course(diagnosis: Diagnosis) -> tuple[Block, ...]:
    course = diagnosis.record.course
    if course is None or not np.isfinite(course.loss).any():
        return ()
    figures = [_losses(course, diagnosis.findings, diagnosis.record)]
    scores = _scores(course)
    return (*figures, *([scores] if scores is not None else []))


def _losses(course: Course, findings: Sequence[Finding], record: Record) -> Figure:
    keep = thin(len(course.loss), _POINTS)
    steps = np.arange(1, len(course.loss) + 1)
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "name": "each batch", "x": steps[keep].tolist(),
            "y": numbers(course.loss[keep]), "line": {"color": faded(GREY, 0.45), "width": 1},
            "hoverinfo": "skip",
        },
        {
            "type": "scatter", "mode": "lines", "name": "batches, smoothed", "x": steps[keep].tolist(),
            "y": numbers(_smoothed(course.loss)[keep]), "line": {"color": GREY, "width": 2},
            "hovertemplate": hover("step %{x}: %{y:.3g}"),
        },
    ]  # fmt: skip
    for name, values, colour in (
        ("training rows", course.train_loss, ACCENT),
        ("validation rows", course.valid_loss, SECOND),
    ):
        if np.isfinite(values).any():
            data.append({
                "type": "scatter", "mode": "lines+markers", "name": name, "x": course.epoch_step.tolist(),
                "y": numbers(values), "line": {"color": colour, "width": 2}, "marker": {"size": 5},
                "hovertemplate": hover(name + ", step %{x}: %{y:.3g}"),
            })  # fmt: skip
    shown = np.concatenate([course.loss[keep], course.train_loss, course.valid_loss])
    trivial = math.nan if record.loss is None else record.loss.trivial
    marks, notes = _marks(findings, trivial, len(course.loss))
    layout = {
        "showlegend": True,
        "legend": legend(),
        "xaxis": axis("step", range=[0, max(2, len(course.loss)) * 1.01]),
        "yaxis": _loss_axis(np.append(shown, trivial)),
        "shapes": marks,
        "annotations": notes,
    }
    what = "Vertical lines: the step at which a finding could first be told."
    if math.isfinite(trivial):
        what += " Horizontal line: the loss of the best constant answer."
    last = course.train_loss[np.isfinite(course.train_loss)]
    end = f"{number(float(last[-1]))} on training rows" if len(last) else "not measured on training rows"
    alt = f"Losses over {count(len(course.loss))} steps; at the end {end}."
    why = "Training and validation rows are looked at in evaluation mode, at ends of epochs, on a copy."
    return Figure("Losses", spec(data, layout), what, why, alt)


def _smoothed(loss: np.ndarray) -> np.ndarray:
    """An exponential mean over a small part of the run, corrected for its beginning."""
    decay = math.exp(-_SMOOTH / max(len(loss), _SMOOTH + 1))
    total = weight = 0.0
    out = np.full(len(loss), np.nan)
    for at, value in enumerate(loss.tolist()):
        if math.isfinite(value):
            total, weight = decay * total + value, decay * weight + 1.0
        out[at] = total / weight if weight else math.nan
    return out


def _loss_axis(shown: np.ndarray) -> dict[str, Any]:
    finite = shown[np.isfinite(shown)]
    positive = finite[finite > 0]
    if len(finite) and len(positive) == len(finite) and positive.max() > 8 * positive.min():
        return log_axis("loss", float(positive.min()), float(min(positive.max(), 1e290)))
    return axis("loss")


def _marks(
    findings: Sequence[Finding], trivial: float, steps: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines at the steps of findings, numbered as these are; several at one step share theirs."""
    marks: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    by_step: dict[int, list[int]] = {}
    for place, one in enumerate(findings, 1):
        by_step.setdefault(min(one.step, steps), []).append(place)
    for step, places in by_step.items():
        line = {"color": BAD, "width": 1.5, "dash": "dot"}
        marks.append(
            {"type": "line", "x0": step, "x1": step, "yref": "paper", "y0": 0, "y1": 1, "line": line}
        )
        text = "finding " + ", ".join(map(str, places))
        anchor = "right" if step > 0.8 * steps else "left"
        notes.append({
            "x": step, "yref": "paper", "y": 1, "yanchor": "top", "xanchor": anchor, "text": text,
            "showarrow": False, "font": {"size": 11},
        })  # fmt: skip
    if math.isfinite(trivial):
        line = {"color": GREY, "width": 1, "dash": "dash"}
        marks.append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": trivial, "y1": trivial, "line": line}
        )
    return marks, notes


def _scores(course: Course) -> Figure | None:
    data = []
    for name, values, colour in (
        ("training rows", course.train_score, ACCENT),
        ("validation rows", course.valid_score, SECOND),
    ):
        if np.isfinite(values).any():
            data.append({
                "type": "scatter", "mode": "lines+markers", "name": name, "x": course.epoch_step.tolist(),
                "y": numbers(values), "line": {"color": colour, "width": 2}, "marker": {"size": 5},
                "hovertemplate": hover(name + ", step %{x}: %{y:.3f}"),
            })  # fmt: skip
    if not data:
        return None
    layout = {"showlegend": True, "legend": legend(), "xaxis": axis("step"), "yaxis": axis("score")}
    what = "Share of right answers for classes, of variance explained for values; 1 is perfect."
    return Figure("Scores", spec(data, layout), what, "", "Scores at ends of epochs.", height=260)


# Silences -----------------------------------------------------------------------------------------------


def _silent(diagnosis: Diagnosis) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for why in ("not enough evidence", "not applicable"):
        rows = tuple(
            (CODES[one.code].title, one.words or "–", CODES[one.code].area, one.code)
            for one in diagnosis.silences
            if one.why == why
        )
        if rows:
            blocks.append(Table(why.capitalize(), ("what", "why", "area", "code"), rows))
    clear = tuple(
        (CODES[one.code].title, CODES[one.code].area, one.code)
        for one in diagnosis.silences
        if one.why == "clear"
    )
    if clear:
        blocks.append(
            Table(f"{len(clear)} looked for and not there", ("what", "area", "code"), clear, folded=True)
        )
    return tuple(blocks)


# What was seen ------------------------------------------------------------------------------------------


def _seen(diagnosis: Diagnosis) -> tuple[Block, ...]:
    record = diagnosis.record
    facts = [
        ("Network", diagnosis.subject),
        ("Layers", count(len(record.anatomy.layers)) if record.anatomy.layers else "not read"),
        ("Parameters", f"{count(record.anatomy.parameters)}, {count(record.anatomy.trainable)} trained"),
    ]
    if record.task is not None:
        classes = f", {record.task.n_classes} of them" if record.task.n_classes else ""
        facts.append(("Task", f"{record.task.kind}{classes}"))
    if record.rows is not None and record.rows.seen:
        facts.append(("Rows", f"{count(record.rows.n)}, {count(record.rows.seen)} looked at"))
    if record.loss is not None:
        facts.append(
            ("Loss", " · ".join(dict.fromkeys(one for one in (record.loss.name, record.loss.kind) if one)))
        )
    if record.optimiser is not None:
        rates = sorted({one.lr for one in record.optimiser.groups if math.isfinite(one.lr)})
        facts.append(("Optimiser", f"{record.optimiser.name}, rate {', '.join(map(brief, rates)) or '–'}"))
    if record.course is not None:
        planned = f" of {count(record.course.planned)} planned" if record.course.planned else ""
        facts.append(("Steps", f"{count(record.course.steps)}{planned}"))
    if record.sharpness and math.isfinite(record.sharpness[-1].stable):
        facts.append(("Largest stable rate at the end", number(record.sharpness[-1].stable)))
    trouble = (
        (Text(f"The network could not be read: {record.anatomy.why}", "note"),) if record.anatomy.why else ()
    )
    return (Facts(tuple(facts)), *trouble, *(Text(note, "note") for note in diagnosis.notes))
