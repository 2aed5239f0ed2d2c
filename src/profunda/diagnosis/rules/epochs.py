"""The rule on the number of epochs: stopped while there was still far to go."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.readings import (
    MEDIOCRE,
    NOTHING,
    broke_down,
    easy,
    is_mature,
    poor,
    progress,
    relief,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.trends import Trend, trend

__all__ = ["RULES"]

STILL_FALLS = 0.1
"""Fall over the last third of the run, in the constant's loss: an exponential decay that falls so much has
run for less than two of its time constants."""

PART_OF_REST = 0.25
"""The same over the loss that is left."""

WHOLE = 0.03
"""Fall over the whole run, in the constant's loss, below which it may be but the first bias."""


def _too_few(record: Record) -> Answer:
    code, course, got = "too-few-epochs", record.course, progress(record)
    if course is None or math.isnan(got.trivial) or math.isnan(got.learnt):
        return not_applicable(code, "no losses, or nothing to compare them with")
    if not course.finished:
        return not_applicable(code, "the run was ended before its time")
    line = trend(course.loss)
    if line is None or not is_mature(record) or (course.planned and course.steps < 0.9 * course.planned):
        return clear(code) if broke_down(course) else too_little(code, f"{course.steps} steps")
    more = relief(record, "epochs", above=1.0)
    falls = line.falls and line.fall >= max(STILL_FALLS * got.trivial, PART_OF_REST * got.end)
    fallen = max(line.whole, got.start - got.end)  # blocks begin late, looks before the first step
    begun = line.steady and line.fall > 0.0 and fallen >= WHOLE * got.trivial and poor(record)
    if not (falls or begun) or got.learnt > 1.0 - NOTHING or not _valid_falls(course):
        return clear(code)
    fault = got.learnt < MEDIOCRE and not 0.0 < easy(record) <= got.learnt  # noise may be all that is left
    gained = () if more is None else (Evidence("loss that more epochs take away", more.gain),)
    return (_stopped(line, got.trivial, got.learnt, fault, gained),)


def _valid_falls(course: Course) -> bool:
    """Whether the validation loss ends at its least, or is not known."""
    valid = course.valid_loss[np.isfinite(course.valid_loss)]
    if len(valid) < 2:
        return True
    third = max(1, len(valid) // 3)
    return (
        bool(np.mean(valid[-third:]) < np.mean(valid[-2 * third : -third]))
        if len(valid) >= 2 * third
        else (bool(valid[-1] < valid[0]))
    )


def _stopped(
    line: Trend, trivial: float, learnt: float, fault: bool, gained: tuple[Evidence, ...]
) -> Finding:
    return Finding(
        "too-few-epochs",
        "fault" if fault else "hint",
        "",
        (
            Evidence("fall over the last third, in the constant's loss", line.fall / trivial, STILL_FALLS),
            Evidence("slope of the last third over the mean slope", line.straight),
            Evidence("share of the constant's loss learnt", learnt, MEDIOCRE),
            *gained,
        ),
        f"The run ended after {learnt:.0%} of the way from the best constant's loss, and over its last "
        f"third the loss still fell by {line.fall / trivial:.0%} of it.",
        "Train for several times as many epochs, or step further in each.",
        changes=(Change("epochs", value=4.0),),
        harm=min(1.0, max(0.1, 1.0 - learnt)),
        explains=("no-learning",),
    )


RULES = (Rule("too-few-epochs", _too_few),)
