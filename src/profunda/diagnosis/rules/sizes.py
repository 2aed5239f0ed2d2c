"""Rules on the number of units: too few to fit the rows, or far more than they need."""

import math

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    after,
    easy,
    is_mature,
    poor,
    progress,
    relief,
    tried,
)
from profunda.diagnosis.rules.rule import clear, not_applicable, too_little
from profunda.diagnosis.rules.speeds import crawls
from profunda.diagnosis.rules.trends import trend

__all__ = ["too_large", "too_small"]

FEW = 0.1
"""Parameters over numbers asked for (rows times outputs): ten rows stand for each parameter."""

MANY = 100.0
"""The same from which on a network could learn each row a hundred times by heart."""


def _asked(record: Record) -> float:
    """Numbers that the targets hold, at one a row and output."""
    task, rows = record.task, record.rows
    if task is None or rows is None or rows.n <= 0 or not task.outputs:
        return math.nan
    return float(rows.n * max(1, math.prod(task.outputs[1:])))


def too_small(record: Record) -> Answer:
    """It came to rest far above what a wider one, or simple predictors, reach."""
    code, course, got = "too-small", record.course, progress(record)
    if course is None or math.isnan(got.learnt):
        return not_applicable(code, "no losses, or nothing to compare them with")
    if not is_mature(record):
        return too_little(code, f"{course.steps} steps")
    wider = relief(record, "width", above=1.0) or relief(record, "depth", above=1.0)
    missed = easy(record) - got.learnt
    if not poor(record) and missed < CLEAR_GAIN:
        wider = None  # more units learn more by heart of any rows; nothing shows that there is more to learn
    ratio = record.anatomy.parameters / _asked(record)
    line = trend(course.loss)
    rests = line is not None and not (line.falls and line.fall > CLEAR_GAIN / 3.0 * got.trivial)
    by_size = rests and ratio < FEW and missed >= GREAT_GAIN and not crawls(record)
    refuted = wider is None and bool(tried(record, "width", above=1.0))
    if wider is None and (refuted or not by_size):
        return clear(code)
    shown = [] if math.isnan(ratio) else [Evidence("parameters over numbers asked for", ratio, FEW, "ratio")]
    gain = wider.gain if wider is not None else missed
    fault = poor(record) and gain >= GREAT_GAIN
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            "",
            (Evidence("loss that more units take away", gain, CLEAR_GAIN), *shown),
            f"It learnt {got.learnt:.0%} of the way from the best constant's loss and came to rest, "
            f"while {gain:.0%} more is possible on these rows: {record.anatomy.parameters} parameters are "
            "too few for them.",
            "Widen the hidden layers, or add one.",
            changes=(Change("width", value=4.0), Change("depth", value=2.0)),
            harm=min(1.0, gain),
            explains=("plateau", "no-learning", "too-few-epochs", "class-imbalance"),
        ),
    )


def too_large(record: Record) -> Answer:
    """A far smaller network does as well in a trial, and the large one does worse on rows not seen."""
    code, got, last = "too-large", progress(record), after(record)
    smaller = tried(record, "width", below=1.0)
    ratio = record.anatomy.parameters / _asked(record)
    if not smaller or last is None or math.isnan(last.valid_loss):
        return not_applicable(code, "no trial with a smaller network, or no validation rows")
    alike = [
        one
        for one in smaller
        if len(one.control) and one.loss.mean() <= one.control.mean() + 0.02 * got.trivial
    ]
    unseen = 1.0 - last.valid_loss / got.trivial
    if not alike or not ratio > MANY or not unseen < got.learnt - GREAT_GAIN:
        return clear(code)
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("parameters over numbers asked for", ratio, MANY, "ratio"),
                Evidence("share learnt on validation rows", unseen, got.learnt - GREAT_GAIN, "share"),
            ),
            f"{record.anatomy.parameters} parameters are {ratio:.0f} times the numbers asked for; a network "
            f"{1.0 / alike[0].value:.0f} times narrower does as well on training rows, and this one does "
            "much worse on others.",
            "Narrow the hidden layers.",
            changes=(Change("width", value=alike[0].value),),
            harm=0.2,
        ),
    )
