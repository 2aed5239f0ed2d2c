"""Rules of the area batch: gradients that are mostly noise, and epochs of too few steps.

The noise scale B_simple = tr Σ/|G|² is the batch at which a gradient's noise is as large as the gradient
(McCandlish et al. 2018, eq. 2.9). It grows without end where a network converges, so it alone never tells
that batches are too small: the course has to show it.
"""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.reached import Reached, reached
from profunda.diagnosis.rules.readings import relief
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

NOISY = 16.0
"""Noise scale over batch at the first step, where gradients are largest: |G|² is then 6 % of what is seen."""

SMALL = 8
"""Batches above this are not too small but stepped too far."""

WASTED = 4.0
"""Batch over noise scale: more rows than that change the gradient by less than its tenth."""

FEW = 8
"""Steps in an epoch."""

MISSED = 0.8
"""Of what is easy: a network that reaches more of it was not held up."""

FALLING, STRAIGHT, STANDING = 0.005, 0.4, 0.01
"""Share of the constant's loss that the last quarter of the epochs took away: it still falls, if it also fell
at 0.4 of the mean pace (a straight line: 1); or it stands still."""

EPOCHS, OF_FEW = 4, 3
"""Ends of epochs that must have been seen; fewer where batches are small and steps many."""


def _batch_too_small(record: Record) -> Answer:
    code = "batch-too-small"
    course = record.course
    if course is None or not len(course.rows):
        return not_applicable(code, "No step was seen.")
    batch = float(np.median(course.rows))
    if batch > SMALL:
        return clear(code)
    scales = _noise_scales(record)
    if not scales or len(course.train_loss) < OF_FEW:
        return too_little(code, "Too few epochs, or no noise of gradients, was seen.")
    ratio = scales[0] / max(1.0, batch)
    got = reached(record)
    better = relief(record, "batch size", above=1.0) is not None
    held = (
        got.known
        and not got.broken
        and got.train < MISSED * got.easy
        and abs(_fall(record, course)) < STANDING
    )
    if ratio <= NOISY or not (held or better):
        return clear(code)
    return (
        Finding(
            code,
            "fault" if got.failed else "hint",
            "",
            (
                Evidence("noise scale over batch at the first step", ratio, NOISY),
                Evidence("batch", batch, float(SMALL), "rows"),
                *_shares(got),
            ),
            f"With {batch:.0f} rows a gradient is {ratio:.3g} times more noise than gradient; the loss "
            "stands where steps add as much noise as they take away.",
            f"Take batches of {_power(scales[0] / 4.0)} rows, or let the learning rate fall.",
            step=course.steps,
            changes=(Change("batch size", value=_power(scales[0] / 4.0) / max(1.0, batch)),),
            harm=got.harm,
            explains=("plateau", "no-learning", "dead-units", "saturated-units", "input-ignored"),
        ),
    )


def _batch_too_large(record: Record) -> Answer:
    code = "batch-too-large"
    course, rows = record.course, record.rows
    if course is None or rows is None or not len(course.rows) or rows.n < 1:
        return not_applicable(code, "No step was seen.")
    batch = float(np.median(course.rows))
    steps = rows.n / max(1.0, batch)
    if steps > FEW:
        return clear(code)
    scales = _noise_scales(record)
    if not scales or len(course.train_loss) < EPOCHS:
        return too_little(code, "Too few epochs, or no noise of gradients, was seen.")
    got = reached(record)
    ratio = batch / max(scales)
    still = _fall(record, course) > max(FALLING, STRAIGHT * _mean(record, course))
    # Few steps are what is wrong here, so a run is judged however short, if it is over.
    if not course.finished or course.steps < course.planned or not math.isfinite(got.train):
        return too_little(code, "The run is not over.")
    if ratio <= WASTED or not still or got.train >= MISSED * got.easy:
        return clear(code)
    fitting = _power(max(max(scales), 1.0) * WASTED)
    return (
        Finding(
            code,
            "fault" if got.train < got.limit else "hint",
            "",
            (
                Evidence("steps in an epoch", steps, float(FEW)),
                Evidence("batch over noise scale", ratio, WASTED),
                *_shares(got),
            ),
            f"An epoch has {steps:.1f} steps, and the loss still falls after {course.steps}. Gradients of "
            f"{fitting} rows point the same way, so {ratio:.3g} times as many steps would cost no more.",
            f"Take batches of {fitting} rows.",
            step=course.steps,
            changes=(Change("batch size", value=fitting / batch),),
            harm=got.harm,
            explains=("too-few-epochs", "rate-too-low", "no-learning"),
        ),
    )


def _noise_scales(record: Record) -> list[float]:
    """Of each survey, in rows: of the middle layer."""
    scales = []
    for survey in record.surveys:
        good = survey.noise[np.isfinite(survey.noise) & (survey.noise > 0)]
        if len(good):
            scales.append(1.0 / float(np.median(good)))
    return scales


def _fall(record: Record, course: Course) -> float:
    """Share of the constant's loss that the last quarter of the epochs took away; NaN where not known."""
    losses = np.asarray(course.train_loss, float)
    trivial = record.loss.trivial if record.loss is not None else math.nan
    if not np.isfinite(losses).all() or not trivial > 0.0:
        return math.nan
    quarter = _quarter(course)
    return float(losses[-1 - quarter] - losses[-1]) / trivial


def _mean(record: Record, course: Course) -> float:
    """What a quarter of the epochs would have taken away, had the loss fallen along a straight line."""
    trivial = record.loss.trivial if record.loss is not None else math.nan
    whole = float(course.loss[0] - course.train_loss[-1]) / trivial
    return whole * _quarter(course) / len(course.train_loss)


def _quarter(course: Course) -> int:
    return max(1, len(course.train_loss) // 4)


def _shares(got: Reached) -> tuple[Evidence, ...]:
    return (Evidence("share of the constant's loss taken away", got.train, MISSED * got.easy),)


def _power(rows: float) -> int:
    """The next power of two."""
    return 2 ** max(0, math.ceil(math.log2(max(1.0, min(rows, 65_536.0)))))


RULES: tuple[Rule, ...] = (
    Rule("batch-too-small", _batch_too_small),
    Rule("batch-too-large", _batch_too_large),
)
"""Of all codes of the area, in their order."""
