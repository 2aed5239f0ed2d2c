"""Rules on the learning rate: steps too long, too short, or shortened too early."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules import standstill
from profunda.diagnosis.rules.consequences import WILD
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    MEDIOCRE,
    broke_down,
    failing,
    is_adaptive,
    is_mature,
    moved,
    poor,
    progress,
    relief,
    tried,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.speeds import CRAWLS, HARDLY_MOVED, crawls, farthest
from profunda.diagnosis.rules.trends import STRAIGHT, goes_straight, trend

__all__ = ["RULES"]

SHARP = 6.0
"""Rate over the largest stable one. Full-batch descent hovers at 1 and a little above (Cohen et al. 2021),
wide ReLU networks come down again from up to about 6 times it (12/λ₀ in Lewkowycz et al. 2020): beyond, they
do not."""

HOPELESS = 30.0
"""The same before any loss was seen to rise: enough above SHARP that no catapult brings it down."""

LEAP = 1.0
"""A step as long as the weights of the usual layer leaves nothing of what they were."""

RESTLESS = 0.1
"""A usual step, over the whole run, that turns the usual layer by this part of its length: networks that
converge come down to a hundredth and less."""

BLOWN = 10.0
"""Weights of the usual layer that went so many times their first length away."""

GREW = 3.0
"""Losses before a break-down over the first one."""

NEARLY_NOTHING = 0.01
"""Rate over its peak. Steps down to a hundredth in the last third of a run are usual."""

EARLY_END = 0.5
"""Part of the steps that are left when the rate has become nearly nothing: cosine schedules leave 0.06,
steps by tenths at 30, 60 and 90 % leave 0.4."""

LEAST_LOOKS = 4
"""Steps measured before the whole run is judged by them."""


# Too high ---------------------------------------------------------------------------------------------


def _too_high(record: Record) -> Answer:
    code, course = "rate-too-high", record.course
    if course is None or not len(course.loss):
        return _before_steps(record)
    if course.broken_step == 0 and broke_down(course):
        return clear(code, "the first loss is not finite, before any step")
    signs = _signs(record, course)
    slower = relief(record, "learning rate", below=1.0)
    if not failing(record) and slower is None and not _unsettled(record, course, signs):
        if is_mature(record):
            return clear(code)
        return too_little(code, f"{course.steps} steps") if not signs else _rising(record, course, signs)
    refuted = slower is None and bool(tried(record, "learning rate", below=1.0))
    if slower is None and (refuted or not signs):
        return clear(code, "it fails, and not because of long steps")
    fault = poor(record) if slower is None else poor(record) and slower.gain >= GREAT_GAIN
    fault = fault or failing(record)
    gained = (
        () if slower is None else (Evidence("loss that shorter steps take away", slower.gain, CLEAR_GAIN),)
    )
    return (_long(record, "fault" if fault else "hint", (*gained, *signs)),)


def _long(record: Record, severity: str, shown: tuple[Evidence, ...]) -> Finding:
    course, stable = record.course, _stable(record)
    rate = _peak(record)
    ended = "the loss broke down" if course is not None and broke_down(course) else "the loss cannot settle"
    known = f" The curvature allows about {stable:.2g}." if math.isfinite(stable) else ""
    to = stable / rate / 2.0 if math.isfinite(stable) and 0.0 < stable < rate else 0.1
    return Finding(
        "rate-too-high",
        "fault" if severity == "fault" else "hint",
        "",
        shown,
        f"Steps at the learning rate {rate:.3g} are longer than the loss's curvature allows: {ended}.{known}",
        f"Take a learning rate of about {rate * to:.2g}, or approach this one slowly.",
        changes=(Change("learning rate", value=to), Change("clipping", value=1.0)),
        explains=tuple(one for one in WILD if one != "rate-too-high"),
    )


def _before_steps(record: Record) -> Answer:
    code, first = "rate-too-high", next((one for one in record.sharpness if one.step == 0), None)
    if record.optimiser is None or first is None or is_adaptive(record.optimiser):
        return not_applicable(code, "no steps were seen")
    ratio = _peak(record) / first.stable if first.stable > 0.0 else math.nan
    if any(layer.norm for layer in record.anatomy.layers) or not ratio >= HOPELESS:
        return too_little(code, "no steps were seen")
    return (_long(record, "fault", (Evidence("rate over the largest stable one", ratio, HOPELESS),)),)


def _rising(record: Record, course: Course, signs: tuple[Evidence, ...]) -> Answer:
    """Before the run is mature: where the loss is far above where it began, or was after a step as long as
    the weights are.
    """
    got, part = progress(record), max(1, len(course.loss) // 4)
    level = max(abs(got.start), got.trivial if math.isfinite(got.trivial) else 0.0)
    above = int(np.sum(course.loss[1:] > GREW * level))  # the first loss is from before all steps
    leapt = above >= 2 and any(one.limit == LEAP for one in signs)  # one batch may be an odd one
    now = float(np.median(course.loss[-part:])) / level if len(course.loss) >= 8 and level > 0.0 else 0.0
    if not (leapt or now > GREW):
        return too_little("rate-too-high", f"{course.steps} steps")
    severity = "fault" if now > GREW else "hint"
    return (_long(record, severity, (Evidence("loss over the first one", now), *signs)),)


def _unsettled(record: Record, course: Course, signs: tuple[Evidence, ...]) -> bool:
    """Little was learnt, the loss does not fall, and two signs of long steps agree."""
    line = trend(course.loss)
    return poor(record) and len(signs) >= 2 and line is not None and not line.falls


def _signs(record: Record, course: Course) -> tuple[Evidence, ...]:
    """What is seen of steps that are too long."""
    found = []
    beyond = _peak(record) / _stable(record)
    if beyond >= SHARP:
        found.append(Evidence("rate over the largest stable one", beyond, SHARP))
    usual = _usual(course.update)
    if len(usual) and float(np.max(usual)) >= LEAP:
        found.append(Evidence("longest step over the weights, usual layer", float(np.max(usual)), LEAP))
    elif len(usual) > 2 and float(np.median(usual)) >= RESTLESS:
        found.append(Evidence("usual step over the weights", float(np.median(usual)), RESTLESS))
    far = moved(record)
    far = far[np.isfinite(far)]
    if len(far) and float(np.median(far)) >= BLOWN:
        found.append(Evidence("way of the weights over their first length", float(np.median(far)), BLOWN))
    ratio = _growth(course)
    if ratio >= GREW:
        found.append(Evidence("largest loss over the first", ratio, GREW))
    return tuple(found)


def _usual(update: np.ndarray) -> np.ndarray:
    """‖Δθ‖/‖θ‖ of the median layer [K]; layers that begin at 0, and are infinite once, are left out."""
    if update.ndim != 2 or not update.size:
        return np.zeros(0)
    known = np.where(np.isfinite(update), update, math.nan)
    known = known[~np.isnan(known).all(1)]
    return np.nanmedian(known, axis=1) if len(known) else np.zeros(0)


def _growth(course: Course) -> float:
    """Of the loss, in absolute size, up to where it broke down, or its last part where it did not."""
    stop = course.broken_step if broke_down(course) else len(course.loss)
    seen = course.loss[:stop]
    seen = np.abs(seen[np.isfinite(seen)])
    if len(seen) < 2 or not seen[0] > 0.0:
        return math.nan
    return float(
        (np.max(seen) if broke_down(course) else np.median(seen[-max(1, len(seen) // 4) :])) / seen[0]
    )


def _stable(record: Record) -> float:
    """The largest stable rate known at the beginning, where steps are longest; NaN where not measured.

    Of adaptive optimisers the largest one: after few steps divisors of weights that hardly got a gradient are
    next to 0, and the curvature in their unit says nothing, for their steps are bounded all the same.
    """
    known = [one.stable for one in record.sharpness if math.isfinite(one.stable) and one.stable > 0.0]
    return (max(known) if is_adaptive(record.optimiser) else known[0]) if known else math.nan


def _peak(record: Record) -> float:
    course, optimiser = record.course, record.optimiser
    rates = [] if optimiser is None else [one.lr for one in optimiser.groups if math.isfinite(one.lr)]
    if course is not None and len(course.rate) and np.isfinite(course.rate).any():
        return float(np.nanmax(course.rate))
    return max(rates, default=math.nan)


# Too low ----------------------------------------------------------------------------------------------


def _too_low(record: Record) -> Answer:
    code, course = "rate-too-low", record.course
    if course is None or not len(course.loss):
        return not_applicable(code, "no steps were seen")
    if not is_mature(record):
        return _cannot_reach(record, course)
    if not _peak(record) > 0.0 and np.isfinite(course.rate).any():
        return (_short(record, (Evidence("learning rate", 0.0),), 0.0),)
    if not poor(record) or broke_down(course):
        return clear(code)
    far = farthest(record)
    line, faster = trend(course.loss), relief(record, "learning rate", above=1.0)
    straight = goes_straight(record)
    refuted = faster is None and bool(tried(record, "learning rate", above=1.0))
    still = 0.0 <= far < HARDLY_MOVED and _feels(course)
    if not (
        still or (crawls(record) and straight and not refuted) or (faster and (straight or crawls(record)))
    ):
        return clear(code, "it learns little, and not because of short steps")
    shown = [Evidence("way of the weights, layer that moved most", far, CRAWLS)] if far >= 0.0 else []
    if straight and line is not None:
        shown.append(Evidence("slope of the last third over the mean slope", line.straight, STRAIGHT))
    if faster is not None:
        shown.insert(0, Evidence("loss that longer steps take away", faster.gain, CLEAR_GAIN))
    return (_short(record, tuple(shown), _peak(record)),)


def _cannot_reach(record: Record, course: Course) -> Answer:
    """Before the run is mature: whether all steps planned, were they to go one way, would lead nowhere."""
    enough = len(course.sampled) >= LEAST_LOOKS and course.update.ndim == 2 and bool(course.update.size)
    rises = len(course.rate) > 0 and not course.rate[-1] <= course.rate[0]
    words = f"{course.steps} steps"
    if not enough or rises or not course.planned or not _feels(course):
        return too_little("rate-too-low", words)
    seen = np.where(np.isfinite(course.update), course.update, 0.0)
    reach = float(np.max(np.median(seen, axis=0))) * course.planned
    if not 0.0 < reach < HARDLY_MOVED:
        return too_little("rate-too-low", words)
    shown = Evidence("way of the weights if all steps went one way", reach, HARDLY_MOVED)
    return (_short(record, (shown,), _peak(record)),)


def _feels(course: Course) -> bool:
    """Whether gradients arrive at all: where they do not, the rate is not the cause."""
    return not course.gradient.size or bool(np.nanmax(course.gradient, initial=0.0) > 0.0)


def _short(record: Record, shown: tuple[Evidence, ...], rate: float) -> Finding:
    return Finding(
        "rate-too-low",
        "fault",
        "",
        shown,
        f"At the learning rate {rate:.3g} the weights have hardly moved: the loss goes down as far as "
        "so many short steps lead, and has most of the way before it.",
        "Take a learning rate ten times as high, and again until the loss falls fast at first.",
        changes=(Change("learning rate", value=10.0), Change("learning rate", value=100.0)),
        explains=("too-few-epochs", "no-learning", "plateau", "lazy", "too-small", "class-imbalance"),
    )


# Schedules --------------------------------------------------------------------------------------------


def _decays(record: Record) -> Answer:
    code, course = "rate-decays-too-fast", record.course
    if course is None or not len(course.rate) or not np.isfinite(course.rate).all():
        return not_applicable(code, "the rate of each step is not known")
    if not is_mature(record):
        return too_little(code, f"{course.steps} steps")
    peak = float(np.max(course.rate))
    alive = np.flatnonzero(course.rate > NEARLY_NOTHING * peak)
    if not peak > 0.0 or not len(alive):
        return not_applicable(code, "the rate is 0 throughout")
    stop, total = int(alive[-1]) + 1, max(len(course.rate), course.planned)
    left = 1.0 - stop / total
    if len(course.rate) - stop < 2 or left < EARLY_END:
        return clear(code)
    mended, line, got = relief(record, "schedule"), trend(course.loss[:stop]), progress(record)
    begun = course.loss[:stop]
    fell = line.falls if line is not None else len(begun) > 2 and bool(begun[-1] < begun[0])
    fell = fell or got.end < got.start  # of the same rows, and so without the noise of batches
    if not (poor(record) and fell) and mended is None:
        return clear(code, "it had learnt enough by then")
    return (
        Finding(
            code,
            "fault" if poor(record) else "hint",
            "",
            (
                Evidence("part of the steps at nearly no rate", left, EARLY_END, "share"),
                Evidence("share of the constant's loss learnt", got.learnt, MEDIOCRE),
            ),
            f"After {stop} of {total} steps the rate is below a hundredth of its peak {peak:.3g}, while the "
            "loss still fell: the rest of the run changes nothing.",
            "Let the schedule end with the run: a cosine over all steps, or a slower decay (check whether "
            "it is stepped once a batch where once an epoch was meant).",
            changes=(Change("schedule", word="constant"), Change("schedule", word="cosine")),
            harm=min(1.0, left),
            explains=("plateau", "too-few-epochs", "rate-too-low", "no-learning", "too-small", "lazy"),
        ),
    )


RULES = (
    Rule("rate-too-high", _too_high),
    Rule("rate-too-low", _too_low),
    Rule("rate-decays-too-fast", _decays),
    *standstill.RULES,
)
