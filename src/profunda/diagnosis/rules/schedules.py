"""The rule on schedules: a rate that ends learning before the run ends."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding, Severity
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.halving import eased
from profunda.diagnosis.rules.readings import CLEAR_GAIN, MEDIOCRE, cured, is_mature, poor, progress
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.trends import STRAIGHT, trend

__all__ = ["RULES", "sinks"]

NEARLY_NOTHING = 0.01
"""Rate over its peak. Steps down to a hundredth in the last third of a run are usual."""

EARLY_END = 0.5
"""Part of the steps that are left when the rate has become nearly nothing: cosine schedules leave 0.06,
steps by tenths at 30, 60 and 90 % leave 0.4."""

WORTH = 0.2
"""Mean rate over its peak: a half of cosines and straight lines, a third of steps by tenths."""

UNPROVEN = 0.1
"""The same for a fault without a training at an even rate that gains: nine tenths an epoch, for fifty, have
a mean of a fifth, and serve where classes overlap."""

LOW, SELDOM = 0.1, 0.4
"""Last rate and mean rate, over the peak, from which on a training at an even rate tells what that costs:
cosines and straight lines have a mean of a half."""

ARRIVED = 0.9
"""Share of the way after which a rate may come to rest."""

SEEN, EVEN = 8, 0.02
"""Steps whose rates tell a geometric decay, and how little their ratio then varies, as part of what it
takes away: a cosine bends, and steps by epochs stand between them."""


def _decays(record: Record) -> Answer:
    code, course = "rate-decays-too-fast", record.course
    if course is None or not len(course.rate) or not np.isfinite(course.rate).all():
        return not_applicable(code, "the rate of each step is not known")
    peak = float(np.max(course.rate))
    if not peak > 0.0:
        return not_applicable(code, "the rate is 0 throughout")
    if not course.finished and (found := _foreseen(record, course, peak)):
        return found
    if not is_mature(record):
        return too_little(code, f"{course.steps} steps")
    total, stop = max(len(course.rate), course.planned), _stop(course, peak)
    left, worth = 1.0 - stop / total, float(np.sum(course.rate)) / peak / total
    better = cured(record, "schedule")
    early = len(course.rate) - stop >= 2 and (left >= EARLY_END or worth <= WORTH)
    gain = better.gain if better is not None else eased(record, "schedule") if early else 0.0
    if not gain and not early:
        return clear(code)
    if not gain and not _missed(record, course, stop):
        return clear(code, "it had learnt enough by then")
    gained = (Evidence("loss that an even rate takes away", gain, CLEAR_GAIN),) if gain else ()
    shown = (
        *gained,
        Evidence("part of the steps at nearly no rate", left, EARLY_END, "share"),
        Evidence("mean rate over its peak", worth, WORTH),
        Evidence("share of the constant's loss learnt", progress(record).learnt, MEDIOCRE),
    )
    words = f"After {stop} of {total} steps the rate is below a hundredth of its peak {peak:.3g}, while the "
    words += "loss still fell: the rest of the run changes nothing."
    if better is not None and not early:
        words = f"The mean rate is {worth:.0%} of its peak {peak:.3g}, where {better.trial.steps} steps at "
        words += f"an even one lead farther than the {total} of this run."
    proven = gain > 0.0 or left >= EARLY_END or worth <= UNPROVEN
    return (_ended("fault" if poor(record) and proven else "hint", shown, words, left),)


def sinks(record: Record) -> bool:
    """Whether the rate went down to a tenth of its peak, and was low for most of the run: what a schedule
    does that takes an improvement for none, and a slow one too.
    """
    course = record.course
    if course is None or not len(course.rate) or not np.isfinite(course.rate).all():
        return False
    peak = float(np.max(course.rate))
    return peak > 0.0 and bool(course.rate[-1] <= LOW * peak) and float(np.mean(course.rate)) <= SELDOM * peak


def _stop(course: Course, peak: float) -> int:
    """The first step from which on the rate is nearly nothing."""
    return int(np.flatnonzero(course.rate > NEARLY_NOTHING * peak)[-1]) + 1


def _missed(record: Record, course: Course, stop: int) -> bool:
    """Whether the loss fell until then, and had far to go, or far along a straight line."""
    begun, got = course.loss[:stop], progress(record)
    line = trend(begun)
    fell = line.falls if line is not None else len(begun) > 2 and bool(begun[-1] < begun[0])
    fell = fell or got.end < got.start  # of the same rows, and so without the noise of batches
    on = line is not None and line.falls and line.straight >= STRAIGHT and got.learnt < ARRIVED
    return on or (poor(record) and fell)


def _foreseen(record: Record, course: Course, peak: float) -> tuple[Finding, ...]:
    """On the way: where each step's rate is the same part of the one before, all steps to come add up to a
    few at the peak. Less than an epoch of them is a schedule by epochs that is stepped by batches.
    """
    rates, rows = course.rate[-SEEN:], record.rows
    if len(rates) < SEEN or not bool((rates > 0.0).all()):
        return ()
    ratio = rates[1:] / rates[:-1]
    taken = 1.0 - float(np.mean(ratio))
    batch = float(np.median(course.rows)) if len(course.rows) else math.nan
    epoch = rows.n / batch if rows is not None and batch > 0.0 else math.nan
    if not taken > 0.0 or float(np.std(ratio)) > EVEN * taken:
        return ()
    worth = float(np.sum(course.rate)) / peak + float(rates[-1]) / peak * (1.0 - taken) / taken
    most = np.fmax(epoch, WORTH / 2.0 * course.planned if course.planned else math.nan)
    if not worth < most:
        return ()
    shown = (Evidence("all steps, in steps at the peak rate", worth, float(most), "steps"),)
    words = (
        f"Each step's rate is {1.0 - taken:.3g} times that of the step before: all steps there will ever be "
        f"take the weights no farther than {worth:.0f} at the peak {peak:.3g}."
    )
    return (_ended("hint", shown, words, 1.0),)


def _ended(severity: Severity, shown: tuple[Evidence, ...], words: str, harm: float) -> Finding:
    return Finding(
        "rate-decays-too-fast",
        severity,
        "",
        shown,
        words,
        "Let the schedule end with the run: a cosine over all steps, or a slower decay (check whether "
        "it is stepped once a batch where once an epoch was meant).",
        changes=(Change("schedule", word="constant"), Change("schedule", word="cosine")),
        harm=min(1.0, harm),
        explains=("plateau", "too-few-epochs", "rate-too-low", "no-learning", "too-small", "lazy"),
    )


RULES = (Rule("rate-decays-too-fast", _decays),)
"""It stands behind those on the rate itself."""
