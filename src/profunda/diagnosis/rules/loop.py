"""Rules on the loop itself: read from the probe's counters, with room for what is done on purpose.

Counters speak of mechanisms that are wrong whatever comes out (gradients that pile up); where a legitimate
loop shows the same count (projected weights, attacks on the inputs, other players), harm must be seen too.
"""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding, Severity
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import STALLED, WILD
from profunda.diagnosis.rules.coverage import same_rows
from profunda.diagnosis.rules.overwriting import overwritten
from profunda.diagnosis.rules.passes import (
    evaluated_in_training,
    in_order,
    trained_in_evaluation,
)
from profunda.diagnosis.rules.readings import (
    MEDIOCRE,
    failing,
    is_adaptive,
    moved,
    poor,
    progress,
    relief,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.trends import trend

__all__ = ["RULES"]

FEWEST = 3
"""Times that something must have been seen: once may be the way a loop begins."""

MOST = 0.5
"""Share of steps from which on a counter speaks of the loop and not of an exception in it."""

THROWN = 10
"""Gradients thrown away for each one used: an attack on the inputs takes fewer."""

NEARLY = 0.9
"""Share of micro-batches but the last: the first steps of a loop may be others."""

HALVINGS = 16
"""Steps that a loss scale of 2^16, the usual first one, may skip until it is 1: beyond, gradients are not
finite at any scale."""

OVERFLOWS = 0.1
"""Share of skipped steps that slows training measurably; a scaler's own search skips one in 2000."""

TIMES = 4.0
"""Times that a step is longer than its rate says: the rate that is best is seldom known better than to
half of that."""

CLIPPED = 0.05
"""Clipping to a twentieth is a learning rate so much lower; to a tenth is common."""

ARRIVED = 0.9
"""Share of the way after which short or few steps have done no harm."""


def _seen(record: Record) -> Course | None:
    course = record.course
    return course if course is not None and course.forwards + course.backwards + course.steps > 0 else None


def _not_cleared(record: Record) -> Answer:
    code, course = "gradients-not-cleared", _seen(record)
    if course is None:
        return not_applicable(code, "no loop was seen")
    chances = course.steps - 1
    if chances < FEWEST:
        return too_little(code, f"{course.steps} steps")
    share = course.uncleared / chances
    if course.uncleared < FEWEST or share < MOST:
        return clear(code)
    return (
        Finding(
            code,
            "fault",
            "",
            (Evidence("steps that began with the gradients of the step before", share, MOST, "share"),),
            f"In {course.uncleared:g} of {chances} steps the gradients of earlier steps were still there and "
            "the new ones were added to them: a step follows the sum over the whole past, which grows "
            "without end and points where the loss no longer falls.",
            "Call optimizer.zero_grad() once before each backward pass, or name the passes for each step "
            "as accumulate.",
            explains=(*WILD, "accumulated-unscaled", "optimiser-constants", "rows-in-order", "overfitting"),
        ),
    )


def _no_step(record: Record) -> Answer:
    code, course = "no-step", _seen(record)
    if course is None:
        return not_applicable(code, "no loop was seen")
    if course.backwards < FEWEST:
        return too_little(code, f"{course.backwards:g} backward passes")
    if course.skipped > 0:
        return clear(code, "a scaler skipped the steps")
    if course.steps > 0:
        if course.accumulate > 1 and course.dropped >= NEARLY * (course.accumulate - 1) * course.steps:
            return (_last_alone(record, course),)
        if _is_share(course):
            return (_last_alone(record, course),)
        if course.idle >= FEWEST:
            return (_undifferentiated(record, course),)
        thrown = course.dropped > THROWN * course.steps
        if not thrown or progress(record).learnt >= ARRIVED:  # a run of many passes, however few its steps
            return clear(code)
    elif np.nanmax(moved(record), initial=0.0) > 0.0:
        return clear(code, "something else moves the weights")
    some = course.steps > 0 and progress(record).learnt >= MEDIOCRE
    return (
        Finding(
            code,
            "hint" if some else "fault",
            "",
            (
                Evidence("optimiser steps", float(course.steps)),
                Evidence("backward passes", float(course.backwards)),
            ),
            f"{course.backwards:g} backward passes were made and {course.steps} steps of this optimiser: the "
            "gradients of the others were thrown away.",
            "Call optimizer.step() after each backward pass, inside the loop over batches and on the "
            "optimiser that was made for this network.",
            explains=(*STALLED, "parameters-not-held"),
        ),
    )


def _is_share(course: Course) -> bool:
    """Whether losses are divided by the number of passes for a step, all but one of which are thrown away."""
    thrown = course.dropped / course.steps
    return thrown >= NEARLY and abs(course.factor * (thrown + 1.0) - 1.0) <= 1.0 - NEARLY


def _undifferentiated(record: Record, course: Course) -> Finding:
    return Finding(
        "no-step",
        "fault" if poor(record) else "hint",
        "",
        (
            Evidence("losses for each step that are not differentiated", course.idle, FEWEST),
            Evidence("optimiser steps", float(course.steps)),
        ),
        f"For each step {course.idle:g} losses of training passes are computed and never differentiated: the "
        "batches that they are of teach nothing.",
        "Call backward() and step() inside the loop over batches, for each of its losses.",
        explains=(*STALLED, "batch-too-large"),
    )


def _last_alone(record: Record, course: Course) -> Finding:
    thrown = course.dropped / course.steps
    passes = course.accumulate if course.accumulate > 1 else round(thrown) + 1
    return Finding(
        "no-step",
        "fault" if poor(record) else "hint",
        "",
        (
            Evidence("gradients thrown away for each step", thrown, NEARLY * (passes - 1)),
            Evidence("backward passes meant for each step", float(passes)),
        ),
        f"Of {passes} backward passes a step, which are meant to add up, {thrown:.3g} are thrown "
        "away: gradients are cleared before each of them, and the step follows the last one alone.",
        "Call optimizer.zero_grad() after optimizer.step(), and not before each micro-batch.",
        explains=STALLED,
    )


def _no_backward(record: Record) -> Answer:
    code, course = "no-backward", _seen(record)
    if course is None:
        return not_applicable(code, "no loop was seen")
    if course.steps < FEWEST:
        return too_little(code, f"{course.steps} steps")
    if course.backwards > 0.1 * course.steps and record.anatomy.deaf:
        return clear(code, "outputs are made of what no layer gives: that is another code")
    if course.backwards > 0.1 * course.steps:
        groups = () if record.optimiser is None else record.optimiser.groups
        return _thrown_away(code, course, any(one.weight_decay > 0.0 for one in groups))
    if course.detached >= MOST * course.steps:
        return clear(code, "the loss is cut off: a backward pass would reach nothing")
    if np.nanmax(course.gradient, initial=0.0) > 0.0:
        return clear(code, "gradients come by a way that was not seen")
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("backward passes", float(course.backwards)),
                Evidence("optimiser steps", float(course.steps)),
            ),
            f"{course.steps} steps were made after {course.backwards:g} backward passes: there is no "
            "gradient to follow, and the weights stay what they were.",
            "Call loss.backward() before optimizer.step().",
            explains=(*STALLED, "parameters-not-held", "part-unused"),
        ),
    )


def _thrown_away(code: str, course: Course, decays: bool) -> Answer:
    """Backward passes there were; whether anything of them was left when steps were made. Weights that move
    without a gradient are moved by the optimiser's decay alone, where it has one.
    """
    still = decays or np.nanmax(course.update, initial=0.0) == 0.0
    none = np.nanmax(course.gradient, initial=0.0) == 0.0 and still
    known = np.isfinite(course.gradient).any() and np.isfinite(course.update).any()
    if not (none and known) or course.detached >= MOST * course.steps or len(course.sampled) < FEWEST:
        return clear(code)
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("largest gradient at a step", 0.0),
                Evidence("backward passes", float(course.backwards)),
                Evidence("steps looked at", float(len(course.sampled))),
            ),
            f"At all {len(course.sampled)} steps that were looked at every gradient was exactly 0, though "
            "backward passes were made: gradients are cleared between backward() and step().",
            "Call optimizer.zero_grad() before loss.backward(), not after it.",
            explains=(
                *STALLED,
                "parameters-not-held",
                "part-unused",
                "dead-units",
                "rate-too-high",
                "penalty-too-strong",
            ),
        ),
    )


def _overflow(record: Record) -> Answer:
    code, course = "amp-overflow", _seen(record)
    if course is None:
        return not_applicable(code, "no loop was seen")
    tries = course.skipped + course.steps
    if course.skipped <= HALVINGS:
        return clear(code) if tries > HALVINGS else too_little(code, f"{tries:g} steps")
    share = course.skipped / tries
    if share < OVERFLOWS:
        return clear(code)
    return (
        Finding(
            code,
            "fault" if share >= MOST else "hint",
            "",
            (
                Evidence("steps that the scaler skipped", share, OVERFLOWS, "share"),
                Evidence("skipped steps", float(course.skipped), HALVINGS),
            ),
            f"The scaler skipped {course.skipped:g} of {tries:g} steps because gradients were not finite: "
            "more than it takes to bring its first scale down to 1.",
            "Keep in float32 what overflows in half precision (sums, exponentials, norms), or use bfloat16.",
            harm=min(1.0, share),
            explains=(*STALLED, "no-step"),
        ),
    )


def _clipped(record: Record) -> Answer:
    code, course = "gradients-clipped-away", _seen(record)
    if course is None or record.optimiser is None:
        return not_applicable(code, "no loop was seen")
    if course.steps < FEWEST:
        return too_little(code, f"{course.steps} steps")
    if not min(course.clipped, _factor(course)) <= CLIPPED:
        return clear(code)
    if is_adaptive(record.optimiser):
        return clear(code, f"{record.optimiser.name} takes steps as long from shorter gradients")
    if not course.finished:
        return (_shortened(record, course, "hint"),)  # what is cut off is seen at once, what it costs later
    faster, line, got = relief(record, "learning rate", above=1.0), trend(course.loss), progress(record)
    divided = course.clipped > CLIPPED  # by the loop: that is meant still less often than a low limit
    on = line is not None and line.falls and (divided or line.straight >= MOST)
    held_up = failing(record) or on or faster is not None or (divided and poor(record))
    if not held_up or got.learnt >= ARRIVED:
        return clear(code, "it learns all the same")
    return (_shortened(record, course, "fault" if poor(record) else "hint"),)


def _factor(course: Course) -> float:
    """By what the loss's gradient was multiplied until the step used it, 1 where that was not seen."""
    return course.factor if math.isfinite(course.factor) else 1.0


def _shortened(record: Record, course: Course, severity: Severity) -> Finding:
    name = "the optimiser" if record.optimiser is None else record.optimiser.name
    left = min(course.clipped, _factor(course))
    divided = course.clipped > CLIPPED
    return Finding(
        "gradients-clipped-away",
        severity,
        "",
        (Evidence("median factor by which gradients were shortened", left, CLIPPED),),
        f"{'What the loss is divided by' if divided else 'Clipping'} leaves {left:.2g} of a usual gradient, "
        f"so that every step is that much shorter than the learning rate says, and {name} cannot make up for "
        "it.",
        "Call backward() on the mean loss of the batch as it is."
        if divided
        else "Raise the limit to about the usual norm of a gradient; it is there to catch the rare long one.",
        explains=(*STALLED, "too-deep"),
    )


def _summed(record: Record) -> Answer:
    code, course = "accumulated-unscaled", _seen(record)
    if course is None or record.optimiser is None:
        return not_applicable(code, "no loop was seen")
    if course.steps < FEWEST:
        return too_little(code, f"{course.steps} steps")
    if course.summed <= 1 and not _factor(course) >= TIMES:
        return clear(code)
    if record.loss is not None and record.loss.reduction == "sum":
        return clear(code, "the loss itself is a sum over rows")
    if is_adaptive(record.optimiser):
        return clear(code, f"{record.optimiser.name} takes steps as long from shorter gradients")
    if course.summed <= 1:
        return (_multiplied(_factor(course)),) if failing(record) else clear(code, "it learns all the same")
    return (
        Finding(
            code,
            "fault" if failing(record) or relief(record, "learning rate", below=1.0) else "hint",
            "",
            (Evidence("micro-batches whose losses are added up", float(course.summed), 1.0),),
            f"The losses of {course.summed} micro-batches are added and not divided by their number, so "
            f"that each step is {course.summed} times as long as the learning rate says.",
            f"Divide each micro-batch's loss by {course.summed} before its backward pass.",
            explains=WILD,
        ),
    )


def _multiplied(factor: float) -> Finding:
    return Finding(
        "accumulated-unscaled",
        "fault",
        "",
        (Evidence("factor between the loss's gradient and the one that the step follows", factor, TIMES),),
        f"Between the loss and the step the gradient is multiplied by {factor:.3g}: each step is so many "
        "times as long as the learning rate says.",
        "Call backward() on the mean loss of the batch as it is, or divide the learning rate by that factor.",
        explains=(*WILD, *STALLED),
    )


RULES = (
    Rule("gradients-not-cleared", _not_cleared),
    Rule("no-step", _no_step),
    Rule("no-backward", _no_backward),
    Rule("evaluation-mode-in-training", trained_in_evaluation),
    Rule("training-mode-in-evaluation", evaluated_in_training),
    Rule("same-batch", same_rows),
    Rule("rows-in-order", in_order),
    Rule("amp-overflow", _overflow),
    Rule("gradients-clipped-away", _clipped),
    Rule("weights-overwritten", overwritten),
    Rule("accumulated-unscaled", _summed),
)
