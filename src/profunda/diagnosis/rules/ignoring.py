"""The rule on inputs that outputs do not react to: never read, lost on the way, or ignored."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.givens import Layer
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.cuts import Cut, cut_of
from profunda.diagnosis.rules.readings import CLEAR_GAIN, after, before, is_mature, poor, progress
from profunda.diagnosis.rules.rule import clear, not_applicable
from profunda.diagnosis.rules.sequences import order_ignored

__all__ = ["ignored", "is_deaf"]

IGNORED = 1e-5
"""Outputs' change by the inputs over their size: a network that says the prior alone is at 1e-2 and above,
float32 rounds at 1e-7."""

MUCH, FEW = 0.5, 4
"""Share of the numbers of a row, of so many at least: edges that a stride does not reach are less."""

ALIKE = 1e-10
"""1 - correlation of rows in what leaves the first layer, where they differ by rounding alone."""

BEHIND = (
    "dead-units",
    "saturated-units",
    "weights-too-small",
    "too-deep",
    "norm-missing",
    "activation-contracts",
    "bottleneck",
)
"""What rows that are all alike look like further on."""


def ignored(record: Record) -> Answer:
    """Outputs are the same whatever enters."""
    if is_deaf(record):
        return (_unread(record),)
    part = _in_part(record)
    if part is not None:
        return (part,)
    code, last, cut = "input-ignored", after(record) or before(record), cut_of(record)
    cut = cut if cut is not None and not cut.place else None
    if last is None or (last.step == 0 and cut is None):
        return not_applicable(code, "outputs of a trained network were not looked at")
    moves = last.sensitivity[np.isfinite(last.sensitivity)]
    change = float(np.max(moves)) if len(moves) else last.output_spread
    size = abs(last.output_size) + float(np.max(np.abs(last.output_mean), initial=0.0))
    if not math.isfinite(change) or not math.isfinite(size):
        return not_applicable(code, "outputs of a trained network were not looked at")
    ratio = change / size if size > 0.0 else 0.0
    if ratio >= IGNORED:
        return order_ignored(record) or clear(code)
    if not poor(record) and (cut is None or is_mature(record)):
        return clear(code, "a constant fits")
    layers, begun = record.anatomy.layers, cut is not None or _never_entered(record)
    return (
        Finding(
            code,
            "fault",
            "" if cut is None else layers[cut.after + 1].name,
            (Evidence("change of outputs with the inputs, over their size", ratio, IGNORED, "ratio"),),
            _how_ignored(cut, layers),
            "Follow one row through forward: is every result handed on to the next layer, and is no norm or "
            "softmax taken over one number?",
            step=0 if cut is not None else last.step,
            explains=(
                *(one for one in STALLED if one != code and (begun or one != "batch-too-small")),
                *(BEHIND if begun else ()),
            ),
        ),
    )


def _in_part(record: Record) -> Finding | None:
    """Much of what enters is never read, or cut off at 0 before the first layer; taken back where so much is
    learnt that there is no room for a gain.
    """
    look, got = after(record) or before(record), progress(record)
    told = None if look is None else _unheard(look) or _below_zero(record)
    if told is None or (is_mature(record) and not poor(record) and not got.end >= CLEAR_GAIN * got.trivial):
        return None
    share, what = told
    return Finding(
        "input-ignored",
        "fault" if is_mature(record) and poor(record) else "hint",
        "",
        (Evidence("share of the numbers of a row that are lost", share, MUCH, "share"),),
        what,
        "Follow one row through forward: which columns, places or pixels does the first layer get, and as "
        "they are?",
        harm=share,
        explains=(
            *(one for one in STALLED if one not in ("input-ignored", "batch-too-small")),
            "bottleneck",
            "part-unused",
            "too-deep",
        ),
    )


def _unheard(look: Survey) -> tuple[float, str] | None:
    """Columns that vary and do not change any output at all, while others do."""
    moves = look.sensitivity[np.isfinite(look.sensitivity)]
    if len(moves) < FEW or not np.any(moves > 0.0):
        return None
    share = float(np.mean(moves == 0.0))
    return (
        None
        if share < MUCH
        else (
            share,
            f"Of the numbers of a row {share:.0%} do not change the outputs at all: an index, a slice or a "
            "stride leaves them out.",
        )
    )


def _below_zero(record: Record) -> tuple[float, str] | None:
    """A ReLU as the first operation, over inputs half of which are below 0."""
    ops, rows = record.anatomy.ops, record.rows
    if not ops or ops[0].what not in ("relu", "relu6") or rows is None or rows.kind == "tokens":
        return None
    low = np.isfinite(rows.mean) & (rows.least < 0.0)
    share = float(np.mean(low & (rows.mean < 0.5 * rows.std))) if len(rows.mean) else 0.0
    return (
        None
        if share < MUCH
        else (
            share,
            f"The first thing that happens to a row is {ops[0].what} ({ops[0].name}): in {share:.0%} of the "
            "columns a good part of the numbers is below 0, and all these become the same.",
        )
    )


def is_deaf(record: Record) -> bool:
    """Whether no operation takes the inputs to the outputs, and these are the same in all rows."""
    first = before(record)
    moves = np.zeros(0) if first is None else first.sensitivity[np.isfinite(first.sensitivity)]
    return record.anatomy.deaf and first is not None and len(moves) > 0 and not np.any(moves)


def _unread(record: Record) -> Finding:
    layers = record.anatomy.layers
    return Finding(
        "input-ignored",
        "fault",
        layers[0].name if layers else "",
        (Evidence("change of outputs with the inputs", 0.0, IGNORED, "ratio"),),
        "Nothing on the way to the outputs reads an input: they are made of parameters or constants alone, "
        "such as a first state that is handed on in place of the last one.",
        "Follow one row through forward: is what each layer gives handed on, and not what it began with?",
        explains=(
            *(one for one in STALLED if one != "input-ignored"),
            *BEHIND,
            "part-unused",
            "loss-detached",
            "output-range",
        ),
    )


def _how_ignored(cut: Cut | None, layers: tuple[Layer, ...]) -> str:
    if cut is None:
        return (
            "Whatever enters, the outputs are the same: the inputs are not connected to them, or nothing of "
            "what they bring survives on the way."
        )
    if cut.after < 0:
        return (
            f"Whatever enters, {layers[0].name} and all behind it give the same: what differs between rows "
            "is lost before the first layer."
        )
    return (
        f"Rows still differ in what leaves {layers[cut.after].name}, and are all the same in what leaves "
        f"{layers[cut.after + 1].name}: what lies between takes away all that tells them apart, as a norm or "
        "a softmax over one number does, or a result that is not handed on."
    )


def _never_entered(record: Record) -> bool:
    """Whether rows are alike from the first layer on, and not only after some of its units died."""
    looks = [one.apart[0] for one in record.surveys if len(one.apart)]
    return bool(looks) and all(abs(one) < ALIKE for one in looks)
