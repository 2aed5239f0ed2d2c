"""What several rules read from a Record: whether it learnt, whether the loss still falls, what trials showed.

All of it is free of scale: losses in units of the best constant's (`Loss.trivial`), steps in units of the
run, movements of weights in units of the weights. What cannot be read is NaN or None.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from profunda.diagnosis.givens import Optimiser
from profunda.diagnosis.record import Course, Record, Survey, Trial

__all__ = [
    "CLEAR_GAIN",
    "GREAT_GAIN",
    "LEAST_STEPS",
    "MEDIOCRE",
    "NOTHING",
    "Progress",
    "Relief",
    "after",
    "before",
    "broke_down",
    "cured",
    "easy",
    "epochs_seen",
    "failing",
    "helped",
    "is_adaptive",
    "is_contested",
    "is_mature",
    "moved",
    "poor",
    "progress",
    "relief",
    "share_of_score",
    "tried",
]

LEAST_STEPS = 20
"""Optimiser steps before anything is said of learning: fewer may be all warm-up."""

LEAST_SHARE = 0.5
"""Of a planned run, for the same reason: schedules are planned for the whole of it."""

NOTHING = 0.1
"""Below this share of the constant's loss taken away, what was learnt is hardly more than the first bias."""

MEDIOCRE = 0.5
"""Below this share a run is called poor where something else is shown to do much better."""

FAILED_OF_EASY, POOR_OF_EASY = 0.5, 0.8
"""Of what nearest neighbours or a linear model take away on rows that they were not fitted on: less than
half of that on the network's own training rows is failure."""

SQUARES = ("mse", "huber")
"""Losses of values that are squares of errors, the latter of small ones."""

SHARED = 0.5
"""Gradients thrown away for each step: one pass of an opponent's between two of them leaves one."""

CLEAR_GAIN, GREAT_GAIN = 0.15, 0.25
"""Parts of the constant's loss by which a trial must end below the whole run: for a hint, for a fault. A
trial has no more steps than the run, so that a healthy run, which a trial cannot overtake, shows none.
"""

WRECKED = 3.0
"""Losses beyond so many constants' all say that a training was wrecked, and none how badly."""

CONFIDENCE = 0.95
"""Of the one-sided test of a trial against its control."""

LAST = 0.1
"""The last part of a run, whose mean loss counts as its end where no survey was made there."""


# Surveys --------------------------------------------------------------------------------------------


def before(record: Record) -> Survey | None:
    """The survey before the first step."""
    return next((one for one in record.surveys if one.step == 0), None)


def after(record: Record) -> Survey | None:
    """The last survey of weights that were moved."""
    return next((one for one in reversed(record.surveys) if one.step > 0), None)


def moved(record: Record) -> np.ndarray:
    """‖θ − θ_0‖/‖θ_0‖ [L] at the last survey, NaN for layers that are not trained; empty where unknown."""
    last, layers = after(record), record.anatomy.layers
    if last is None or len(last.moved) != len(layers):
        return np.zeros(0)
    return np.where([layer.trainable for layer in layers], last.moved, math.nan)


# How far it got -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """Losses of the best constant, before the first step and at the end (infinite where it broke down), the
    least one, and the share of the constant's loss, or of its error where that is more, that training took
    away; NaN where it could not be told.
    """

    trivial: float
    start: float
    end: float
    best: float
    learnt: float

    @property
    def above(self) -> bool:
        """Whether the loss ended above the best constant's: no run that goes well does."""
        return self.end > self.trivial

    @property
    def by_loss(self) -> float:
        """Share of the constant's loss taken away, whatever the score says."""
        return 1.0 - self.end / self.trivial


def progress(record: Record) -> Progress:
    """How far training got."""
    trivial = record.loss.trivial if record.loss is not None else math.nan
    trivial = trivial if math.isfinite(trivial) and trivial > 0.0 and not _sinks(record) else math.nan
    first = before(record)
    start = first.train_loss if first is not None else math.nan
    course = record.course
    if course is not None and not math.isfinite(start) and len(course.loss):
        start = float(course.loss[0])
    end = _end(record)
    best = min([end, *(one.train_loss for one in record.surveys if one.step > 0)], key=_last_if_nan)
    learnt = -math.inf if end == math.inf else 1.0 - end / trivial
    score = _scored(record) if math.isfinite(end) else math.nan
    learnt = max(learnt, score) if not math.isnan(learnt) and not math.isnan(score) else learnt
    if math.isnan(learnt) and not math.isnan(score):
        learnt = score
    return Progress(trivial, start, end, best, learnt)


def _sinks(record: Record) -> bool:
    """Whether a loss of no known kind, which rewards being right, falls below nought: a likelihood of counts
    or of densities, whose nought is nowhere in particular, so that no share of the constant's can be told.
    """
    loss, course = record.loss, record.course
    if loss is None or loss.kind or loss.sign < 0:
        return False
    seen = [one.train_loss for one in record.surveys]
    seen += [] if course is None else [float(np.min(course.loss, initial=math.inf))]
    return any(one < 0.0 for one in seen)


def _last_if_nan(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _end(record: Record) -> float:
    course, last = record.course, after(record)
    if course is not None and broke_down(course):
        return math.inf
    steps = 0 if course is None else max(course.steps, len(course.loss))
    if last is not None and math.isfinite(last.train_loss) and last.step >= (1.0 - LAST) * steps:
        return last.train_loss
    if course is None:
        return math.nan
    if _ends_with_epoch(course) and math.isfinite(course.train_loss[-1]):
        return float(course.train_loss[-1])
    if not len(course.loss):
        return math.nan
    tail = course.loss[-max(1, round(LAST * len(course.loss))) :]
    tail = tail[np.isfinite(tail)]
    return float(tail.mean()) if len(tail) else math.nan


def _ends_with_epoch(course: Course) -> bool:
    return 0 < len(course.epoch_step) == len(course.train_loss) and bool(
        course.epoch_step[-1] >= (1.0 - LAST) * course.steps
    )


def broke_down(course: Course) -> bool:
    """Whether the last losses are not finite: a scaler's skipped steps, after which it goes on, are not."""
    return course.broken_step >= 0 and bool(len(course.loss)) and not bool(np.isfinite(course.loss[-1]))


def _scored(record: Record) -> float:
    """`share_of_score` of the last survey's, or the last epoch's, score on training rows."""
    last, course = after(record), record.course
    score = math.nan if last is None else last.train_score
    if math.isnan(score) and course is not None and len(course.train_score):
        score = float(course.train_score[-1])
    return share_of_score(record, score)


def share_of_score(record: Record, score: float) -> float:
    """Share of the constant's errors, or of the variance, that a score says is taken away; NaN unknown."""
    task, targets = record.task, record.targets
    if task is None or not math.isfinite(score):
        return math.nan
    if task.kind in ("values", "copy"):
        loss = record.loss
        unlike = loss is not None and not loss.kind and score < MEDIOCRE
        return math.nan if unlike else score  # outputs may be logarithms, directions, several things at once
    if task.kind not in ("classes", "binary") or targets is None or not np.sum(targets.counts) > 0:
        return math.nan
    most = float(np.max(targets.counts) / np.sum(targets.counts))
    return (score - most) / (1.0 - most) if most < 1.0 else math.nan


def is_mature(record: Record) -> bool:
    """Whether enough steps were made, after the rate had come up, to say how well it learns."""
    course = record.course
    if course is None or course.steps < max(LEAST_STEPS, LEAST_SHARE * course.planned):
        return False
    return 0 < course.planned <= course.steps or course.steps - _warmed_up(course) >= LEAST_STEPS


def _warmed_up(course: Course) -> int:
    """Steps until the rate was first at half of its peak; all of them while it still comes up, since how high
    it will go is then not known.
    """
    known = course.rate[np.isfinite(course.rate)]
    if not len(known):
        return 0
    if known[-1] >= np.max(known) > known[-max(2, round(LAST * len(known))) :][0]:
        return len(known)
    return int(np.argmax(known >= 0.5 * np.max(known)))


def epochs_seen(record: Record) -> float:
    """Times that the steps so far went over the rows; NaN where not known."""
    course, rows = record.course, record.rows
    if course is None or rows is None or not rows.n or not len(course.rows):
        return math.nan
    return course.steps * float(np.median(course.rows)) / rows.n


def easy(record: Record) -> float:
    """What simple predictors take away at least: two standard errors below what was measured; 0 unknown, and
    where targets are later places of the inputs, all of which these predictors see. What they take of values
    is measured in squares; a loss that is no square feels the length of errors: 1 − √(1 − R²) of it.
    """
    targets, task, loss = record.targets, record.task, record.loss
    if any(math.isfinite(one.ahead) for one in record.surveys):
        return 0.0
    least = math.nan if targets is None else targets.skill - 2.0 * targets.skill_error
    least = max(0.0, least) if math.isfinite(least) else 0.0
    lengths = task is not None and task.kind == "values" and loss is not None and loss.kind not in SQUARES
    return 1.0 - math.sqrt(1.0 - min(1.0, least)) if lengths else least


def is_contested(record: Record) -> bool:
    """Whether gradients of other players' losses pass it between its own steps: its loss, which they drive
    up again, need not fall then.
    """
    course = record.course
    return course is not None and course.accumulate == 1 and course.dropped >= SHARED * course.steps > 0


def failing(record: Record) -> bool:
    """Harm: it broke down, or after enough steps is hardly better than a constant, or on its own rows far
    worse than simple predictors on new ones.
    """
    got = progress(record)
    if got.end == math.inf:
        return True
    if not is_mature(record) or is_contested(record):
        return False
    return got.learnt < max(NOTHING, FAILED_OF_EASY * easy(record))


def poor(record: Record) -> bool:
    """Harm that counts only beside a mechanism that is plain to see: less than half of the way was made."""
    limit, got = max(MEDIOCRE, POOR_OF_EASY * easy(record)), progress(record)
    if failing(record) or not is_mature(record) or is_contested(record):
        return failing(record)
    return got.learnt < limit or got.above


# What trials showed ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Relief:
    """A trial that ends better than its control, and by `gain` constants' losses better than the run."""

    trial: Trial
    gain: float


def tried(record: Record, what: str, below: float = math.inf, above: float = -math.inf) -> list[Trial]:
    """Trials of this kind whose value lies between; such without a value count."""
    return [
        one
        for one in record.trials
        if one.what == what and (math.isnan(one.value) or above < one.value < below) and len(one.loss)
    ]


def relief(record: Record, what: str, below: float = math.inf, above: float = -math.inf) -> Relief | None:
    """The best of these trials that beats its control by a test, and the end of the run by CLEAR_GAIN."""
    got = progress(record)
    found = [Relief(one, _gain(one, got)) for one in tried(record, what, below, above) if _beats(one, got)]
    found = [one for one in found if one.gain >= CLEAR_GAIN]
    return max(found, key=lambda one: one.gain, default=None)


def helped(record: Record, what: str, below: float = math.inf, above: float = -math.inf) -> Relief | None:
    """The same on validation rows, against the best that the run ever was on them: what a change is worth
    that could also fit the training rows by heart. `relief` where there are no validation rows.
    """
    found: list[Relief] = []
    best = _best_held(record)
    for one in tried(record, what, below, above):
        if not len(one.held) or not math.isfinite(best):
            continue
        gain = (best - float(np.mean(one.held))) / progress(record).trivial
        if gain >= CLEAR_GAIN and _is_below(one.held, one.control_held):
            found.append(Relief(one, gain))
    if math.isfinite(best):
        return max(found, key=lambda one: one.gain, default=None)
    return relief(record, what, below, above)


def cured(record: Record, what: str, below: float = math.inf, above: float = -math.inf) -> Relief | None:
    """`helped`; of a run that does poorly on its own rows `relief` counts too, whatever carries over."""
    found = helped(record, what, below, above)
    return relief(record, what, below, above) if found is None and poor(record) else found


def _best_held(record: Record) -> float:
    """The least validation loss at any look; NaN without validation rows."""
    known = [one.valid_loss for one in record.surveys if one.step > 0]
    known += [] if record.course is None else [float(one) for one in record.course.valid_loss]
    return min((one for one in known if math.isfinite(one)), default=math.nan)


def _is_below(new: np.ndarray, old: np.ndarray) -> bool:
    """By a test with one variance for both, which seeds have in common; an infinite loss is above all."""
    if not np.isfinite(new).all():
        return False
    old = old[np.isfinite(old)]
    freedom = len(new) + len(old) - 2
    if not len(old) or freedom < 1:
        return not len(old) or bool(new.mean() < old.mean())
    spread = float(((new - new.mean()) ** 2).sum() + ((old - old.mean()) ** 2).sum()) / freedom
    error = math.sqrt(spread * (1.0 / len(new) + 1.0 / len(old)))
    ahead = float(old.mean() - new.mean())
    return ahead > 0.0 if error == 0.0 else bool(stdtr(freedom, ahead / error) > CONFIDENCE)


def _gain(trial: Trial, got: Progress) -> float:
    if math.isnan(got.trivial):
        return math.nan
    reached = float(np.mean(trial.loss))
    end = got.end if not math.isnan(got.end) else float(np.mean(trial.control))
    return (min(end, got.trivial) if not math.isfinite(end) else end) / got.trivial - reached / got.trivial


def _beats(trial: Trial, got: Progress) -> bool:
    new, old = trial.loss, trial.control
    if got.trivial > 0.0:
        old = np.where(np.isfinite(old), np.minimum(old, WRECKED * got.trivial), old)
    if not len(old) or not np.isfinite(new).all():
        return False
    if not np.isfinite(old).all():
        return bool(np.isfinite(old).mean() < 0.5) or bool(new.mean() < old[np.isfinite(old)].mean())
    if min(len(new), len(old)) < 2:
        return bool(new.mean() < old.mean())
    a, b = new.var(ddof=1) / len(new), old.var(ddof=1) / len(old)
    error = math.sqrt(a + b)
    if error == 0.0:
        return bool(new.mean() < old.mean())
    freedom = (a + b) ** 2 / (a**2 / (len(new) - 1) + b**2 / (len(old) - 1))
    return bool(stdtr(freedom, float(old.mean() - new.mean()) / error) > CONFIDENCE)


# The optimiser --------------------------------------------------------------------------------------


def is_adaptive(optimiser: Optimiser | None) -> bool:
    """Whether the length of a step does not grow with the gradient's: there is an ε or a pair of betas, or
    only the gradient's sign is used.
    """
    if optimiser is None:
        return False
    scaled = any(math.isfinite(one.eps) or math.isfinite(one.betas[0]) for one in optimiser.groups)
    return scaled or "rprop" in optimiser.name.lower() or "lion" in optimiser.name.lower()
