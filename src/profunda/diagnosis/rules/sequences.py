"""Rules on sequences: an order that is not seen, a future that is, a past that is forgotten."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.halving import steps_otherwise
from profunda.diagnosis.rules.readings import CLEAR_GAIN, after, easy, failing, moved, progress
from profunda.diagnosis.rules.rule import clear, not_applicable
from profunda.diagnosis.rules.speeds import TINY, crawls, first_steps

__all__ = ["answer_seen", "forgets", "order_ignored"]

ORDERLESS = 1e-3
"""Change of outputs by another order, over their spread: sums in another order differ by 1e-6."""

AHEAD = 1e-2
"""Change of outputs by what is still to come, over their spread: rounding gives 1e-6."""

BEGUN = 100
"""Steps of a training up to which no network has had the time to learn what its first weights do not do."""

LONG = 20
"""Steps of a recurrent network from which on what each loses multiplies to a factor of a thousand."""

RUINED = 10.0
"""Way of the usual layer's weights over their first length: what is left of them tells nothing of depth."""

FORGOTTEN = 1e-3
"""Reaction of outputs to the first quarter of places over that to the last quarter."""

_STILL = ("plateau", "no-learning", "too-few-epochs", "too-small", "class-imbalance")


def answer_seen(record: Record) -> Answer:
    """What is to be foretold stands among what outputs react to."""
    code, known = "answer-seen", [one for one in record.surveys if math.isfinite(one.ahead)]
    if not known:
        return not_applicable(code, "targets are not the inputs of the places that follow")
    most = max(one.ahead for one in known)
    if most < AHEAD:
        return clear(code)
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence(
                    "change of outputs by inputs of later places, over their spread", most, AHEAD, "ratio"
                ),
            ),
            "Targets are the inputs of the next place, and outputs change with the inputs of later places: "
            "what is to be foretold is among what is given, so that losses and scores tell nothing of use.",
            "Mask attention to later places (is_causal=True with a mask), read in one direction only, and "
            "pad convolutions on the left.",
            explains=("too-small", "overfitting"),
        ),
    )


def order_ignored(record: Record) -> tuple[Finding, ...]:
    """Places are told apart by nothing, and that would be needed; () where not so."""
    last, got = after(record), progress(record)
    if last is None or not last.order < ORDERLESS or not failing(record) or _has_just_begun(record):
        return ()
    attends = any(op.kind == "attention" or op.what == "softmax" for op in record.anatomy.ops)
    if got.above or not math.isfinite(got.end) or not (attends or easy(record) - got.learnt >= CLEAR_GAIN):
        return ()
    return (
        Finding(
            "input-ignored",
            "fault",
            "",
            (
                Evidence(
                    "change of outputs by another order of places, over their spread", last.order, ORDERLESS
                ),
                Evidence("share of the constant's loss learnt", got.learnt),
            ),
            "Outputs are the same in whatever order the places of a row stand: attention and means do not "
            "know an order, nothing tells them, and without it these rows are not learnt.",
            "Add a positional encoding to the embedded places.",
            explains=_STILL,
        ),
    )


def forgets(record: Record) -> tuple[Finding, ...]:
    """Outputs of a recurrent network react to the last places alone, at the end or until shortly before it,
    and that does not do; () elsewhere.
    """
    rows, anatomy = record.rows, record.anatomy
    layer = next((one for one in anatomy.layers if one.kind == "recurrent"), None)
    if rows is None or layer is None or not failing(record) or len(rows.shape) not in (1, 2):
        return ()
    if _has_just_begun(record):  # what first weights forget, steps of a usual length teach them to keep
        return ()
    if steps_otherwise(record):  # others reach it
        return ()
    far = moved(record)[np.isfinite(moved(record))]
    if len(far) and float(np.median(far)) >= RUINED:
        return ()
    steps = rows.shape[0]
    known = [one.sensitivity for one in record.surveys if one.step > 0][-2:]
    left = min((_left_of_first(one, rows.shape) for one in known), default=math.inf)
    if steps < LONG or not left < FORGOTTEN:
        return ()
    return (
        Finding(
            "too-deep",
            "fault",
            layer.name,
            (Evidence("reaction to the first quarter over that to the last", left, FORGOTTEN, "ratio"),),
            f"Through {steps} steps of {layer.name} ({layer.what}) nothing is left of the first ones: each "
            "step multiplies what is remembered, and gradients, by less than 1.",
            "Use an LSTM or a GRU whose forget gate begins open, shorter sequences, or attention or a mean "
            "over all steps in place of the last one.",
            explains=(*_STILL, "rate-too-low", "activation-contracts"),
        ),
    )


def _has_just_begun(record: Record) -> bool:
    """Whether steps were too few, or too short, to have taught what was not there in the beginning."""
    few = record.course is not None and record.course.steps <= BEGUN
    return few or crawls(record) or 0.0 < first_steps(record) < TINY


def _left_of_first(sensitivity: np.ndarray, shape: tuple[int, ...]) -> float:
    """Reaction to the first quarter of places over that to the last; infinite where it cannot be told."""
    if len(sensitivity) != math.prod(shape):
        return math.inf
    reacts = sensitivity.reshape(shape[0], -1)
    few = max(1, shape[0] // 4)
    first, last = (float(np.nanmax(part, initial=0.0)) for part in (reacts[:few], reacts[-few:]))
    return first / last if last > 0.0 and np.isfinite(reacts[:few]).any() else math.inf
