"""Which changes to try where training fails and several causes, or none, would explain it."""

from collections.abc import Iterable
from dataclasses import replace

from profunda.diagnosis.codes import Area
from profunda.diagnosis.finding import Change, Finding
from profunda.diagnosis.judging import Judgement
from profunda.diagnosis.record import Record, Trial
from profunda.diagnosis.rules.batch import larger_batches
from profunda.diagnosis.rules.doubts import doubts, left_over
from profunda.diagnosis.rules.halving import LITTLE, eased, halved, sooner
from profunda.diagnosis.rules.learning_rate import rushes
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    helped,
    is_mature,
    poor,
    progress,
    relief,
)
from profunda.diagnosis.rules.schedules import sinks
from profunda.diagnosis.rules.speeds import first_steps

__all__ = ["ADAM", "SEEDS", "SHARE", "steps_for", "suspected", "telling"]

SHARE, SEEDS = 1.5, 2
"""All trials together make at most so many times the steps of the run; each is made so often."""

MOST = 2
"""Changes: with more, each trial would be too short to tell anything."""

SETTLED: tuple[Area, ...] = ("data", "labels", "loop", "loss", "output")
"""Faults of these areas are certain by themselves, and no other step or weight would mend them."""

LONG = 0.5
"""Of the run: a trial of fewer steps that shows no gain says nothing, for the run itself had more time."""

TRIED = (
    "thawing",
    "initialisation",
    "dropout",
    "weight decay",
    "activation",
    "norm",
    "skips",
    "width",
    "depth",
    "learning rate",
    "batch size",
    "schedule",
)
"""Kinds of changes that rules ask about, from cause to effect."""

EASED = ("dropout", "schedule", "thawing", "weight decay")
"""Kinds of which less than half of what is left counts as well, where what is changed is seldom meant."""

SHORTER, LONGER = Change("learning rate", value=0.1), Change("learning rate", value=10.0)
ADAM = Change("optimiser", word="adam", value=3e-3)
"""A step for each weight by itself, at a rate that small networks bear and that leads somewhere in a short
trial."""

LONG_STEP, SHORT_STEP = 0.05, 3e-3
"""First steps over the weights: no network that does badly with the former needs longer ones, nor shorter
ones with the latter, and one trial can be longer than two."""


def suspected(record: Record, judgement: Judgement) -> tuple[Change, ...]:
    """What stands plainly there and may cost something; of a poor run also what its findings and symptoms
    propose, the earlier cause first, and steps of another length where nothing else is suspected. () where
    one cause is settled, or nothing was trained.
    """
    if record.course is None or not record.course.steps:
        return ()
    if any(one.severity == "fault" and one.area in SETTLED for one in judgement.findings):
        return ()
    larger = larger_batches(record)
    plain = (*_of_schedule(record), *(() if larger is None else (larger,)), *doubts(record))
    if not poor(record):
        plain = _distinct((*_of_rate(record), *plain))
        return plain[:MOST] or (_other_steps(record) if _leaves_room(record) else ())
    descent = _of_descent(record)
    if descent:
        return (*descent, *plain)[:MOST]  # alone, as it needs its time
    found = _distinct((*plain, *_proposed((*judgement.findings, *judgement.symptoms))))
    if len(found) == 1 and not plain:
        return ()
    if all(one.kind == "learning rate" for one in found):  # in both directions: nothing is known of it
        return _other_steps(record)
    return found[:MOST]


def _of_rate(record: Record) -> tuple[Change, ...]:
    """Shorter steps, where the first ones turned much of the weights, and half of what is left would tell."""
    over = record.course is not None and record.course.finished and is_mature(record)
    return (SHORTER,) if over and rushes(record) and left_over(record) >= LITTLE else ()


def _of_descent(record: Record) -> tuple[Change, ...]:
    """Another optimiser, where one rate without a memory steps through recurrent or attention layers, whose
    gradients differ by far more than those of others (Zhang et al. 2020).
    """
    optimiser = record.optimiser
    uneven = any(one.kind in ("recurrent", "attention") for one in record.anatomy.layers)
    bare = optimiser is not None and optimiser.name == "SGD" and not any(x.momentum for x in optimiser.groups)
    return (ADAM,) if bare and uneven else ()


def _of_schedule(record: Record) -> tuple[Change, ...]:
    """An even rate, where the run's own was low for most of its time, and the loss leaves room for a gain."""
    room = is_mature(record) and progress(record).by_loss <= 1.0 - CLEAR_GAIN
    return (Change("schedule", word="constant"),) if room and sinks(record) else ()


def _leaves_room(record: Record) -> bool:
    """Whether a run that is over left so much, on rows that it did not see too, that to take away half of it
    would be a clear gain.
    """
    over = record.course is not None and record.course.finished and is_mature(record)
    got = progress(record)
    return over and min(left_over(record), got.end / got.trivial) >= 2.0 * CLEAR_GAIN


def _other_steps(record: Record) -> tuple[Change, ...]:
    length = first_steps(record)
    if length >= LONG_STEP:
        return (SHORTER,)
    if record.optimiser is not None and record.optimiser.name == "SGD":
        return (LONGER, ADAM)
    return (LONGER,) if 0.0 < length <= SHORT_STEP else (SHORTER, LONGER)


def _proposed(findings: tuple[Finding, ...]) -> tuple[Change, ...]:
    """From cause to effect."""
    every = [change for one in findings for change in one.changes if change.kind in TRIED]
    return tuple(sorted(_distinct(every), key=lambda change: TRIED.index(change.kind)))


def _distinct(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Of each kind and direction the first."""
    known: dict[tuple[str, bool], Change] = {}
    for change in changes:
        known.setdefault((change.kind, change.value > 1.0), change)
    return tuple(known.values())


def telling(record: Record, trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Those that show a gain, and those that are long enough to refute a cause."""
    steps = 0 if record.course is None else record.course.steps
    return tuple(
        one for one in trials if one.steps >= LONG * steps or _tells(replace(record, trials=(one,)), one.what)
    )


def _tells(record: Record, what: str) -> bool:
    less = record.trials[0].value < 1.0 and eased(record, what, below=1.0) > 0.0 and rushes(record)
    return (
        _gains(record, what)
        or (what == "learning rate" and less)
        or halved(record, what) > 0.0
        or (what in EASED and eased(record, what) > 0.0)
        or sooner(record, what)
    )


def _gains(record: Record, what: str) -> bool:
    return relief(record, what) is not None or helped(record, what) is not None


def steps_for(changes: int, steps: int) -> int:
    """Steps of each trial after a run of `steps`, the control's included."""
    return max(1, min(steps, int(SHARE * steps / ((changes + 1) * SEEDS))))
