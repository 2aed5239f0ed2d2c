"""The rule on weights that something else than the optimiser sets: between steps, or after the last one."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.passes import batch_norms
from profunda.diagnosis.rules.readings import after, epochs_seen, poor, progress
from profunda.diagnosis.rules.rule import clear, not_applicable, too_little

__all__ = ["overwritten"]

FEWEST = 3
"""Times that something must have been seen: once may be the way a loop begins."""

MOST = 0.5
"""Share of epochs from which on a return of the weights speaks of the loop."""

ANEW, TAKEN = 0.7, 0.03
"""Share of what epochs took away that is back in the next one's first steps, where they took away at least
this part of the constant's loss. A run that goes on is near 0, one that restarts its rate far below 1."""

RETURNS = 2.0
"""Times that the first weights came back: once may be a trial run before the training, and in fewer than
half of the epochs it may be another fold's turn."""

OVERWRITTEN = 0.3
"""Share of steps: averaging and restoring the best weights happen once in many."""

WORSE = 0.1
"""Of the constant's loss, by which weights that were put back are worse than those of most epochs, or than
the best: looks at some hundred rows differ by a few hundredths."""

EXPLAINS = (
    *STALLED,
    "rate-too-high",
    "overfitting",
    "norm-statistics-stale",
    "lazy",
    "optimiser-constants",
)


def overwritten(record: Record) -> Answer:
    """Weights that change outside of the optimiser."""
    code, course = "weights-overwritten", record.course
    if course is None or course.forwards + course.backwards + course.steps == 0:
        return not_applicable(code, "no loop was seen")
    if course.steps < FEWEST:
        return too_little(code, f"{course.steps} steps")
    return _between_steps(record, course) or _at_the_end(record, course) or clear(code)


def _between_steps(record: Record, course: Course) -> tuple[Finding, ...]:
    share, returns = course.overwritten / course.steps, _begins_anew(record, course)
    back = course.returned >= max(RETURNS, MOST * (epochs_seen(record) - 1.0))
    again = back or (returns >= ANEW and not (record.rows is not None and record.rows.ordered >= MOST))
    if course.overwritten < 2 and not again:
        return ()
    harmed = poor(record) or (share >= OVERWRITTEN and math.isnan(progress(record).learnt))
    suspect = not course.finished and share >= OVERWRITTEN
    if not harmed and not again and not suspect:
        return ()  # projections and averages of weights do this too
    shown = Evidence("return of the loss to where it began, with each epoch", returns, ANEW, "share")
    counted = Evidence("steps that did not begin where the one before had ended", share, unit="share")
    exact = Evidence("times that weights were set back to the same ones, or drawn", course.returned, RETURNS)
    where = (
        f"{course.returned} times in {course.steps} steps the weights were set back to the same ones, or "
        "drawn anew"
        if back
        else "With each epoch the loss begins anew where it had begun at first"
        if again
        else (
            f"Before {course.overwritten:g} of {course.steps} steps the weights were not what a step had left"
        )
    )
    return (
        Finding(
            "weights-overwritten",
            "fault" if harmed or again else "hint",
            "",
            (exact,) if back else (shown, counted) if again else (counted,),
            f"{where}: what was learnt is put back, or set to something else.",
            "Look for code between steps that loads, initialises or assigns weights: a model made anew in "
            "the loop, load_state_dict, reset_parameters, .data.",
            harm=min(1.0, max(share, MOST)),
            explains=EXPLAINS,
        ),
    )


def _begins_anew(record: Record, course: Course) -> float:
    """How much of what epochs took away of the loss is back in the first steps of the next.

    First steps of later epochs are compared with those of the first one, which are of the same rows where
    these come in a fixed order, and with the last steps before them: all three are losses of steps, with the
    dropout and the norms of training. NaN below FEWEST epochs, or where too little was taken away to tell it
    from noise.
    """
    got, ends = progress(record), course.epoch_step
    if len(ends) < FEWEST or not 0 < len(course.loss) == course.steps:
        return math.nan
    gap = float(np.min(np.diff(np.append(0, ends))))  # looks may come once in several epochs
    seen = epochs_seen(record)
    part = max(1, int(min(gap, course.steps / seen) if seen > 0.0 else gap) // 4)
    known = [end for end in ends if part <= end <= len(course.loss) - part]
    if len(known) < FEWEST - 1:
        return math.nan
    heads = [course.loss[end : end + part] for end in known]
    first = float(np.mean(course.loss[:part]))
    back = first - np.array([np.mean(head) for head in heads])
    taken = first - np.array([np.mean(course.loss[end - part : end]) for end in known])
    spread = np.median([np.std(head) for head in heads]) if part > 1 else np.std(heads)
    noise = float(spread) / math.sqrt(part)
    least = max(TAKEN * got.trivial, FEWEST * noise)
    return 1.0 - float(np.median(back / taken)) if float(np.min(taken)) >= least else math.nan


# After the last step ----------------------------------------------------------------------------------


def _at_the_end(record: Record, course: Course) -> tuple[Finding, ...]:
    """Weights that were put back when the training was over: the first ones, worse ones than it had, or,
    where better ones were meant, those that were there.
    """
    if course.ending == "first":
        return (_ended(Evidence("steps undone", float(course.steps)), "the first ones, as they were drawn"),)
    now, held = _now_and_then(record, course)
    if not course.ending or len(held) < FEWEST or not math.isfinite(now):
        return ()
    least = WORSE * progress(record).trivial
    if course.ending == "same":
        behind = now - float(np.min(held))
        return (
            (_aliased(Evidence("loss above that of the best epoch", behind, least)),)
            if behind >= least
            else ()
        )
    behind = now - float(np.median(held))
    if not behind >= least or batch_norms(record.anatomy):  # averaged weights need new statistics of norms
        return ()
    return (
        _ended(Evidence("loss above that of most epochs", behind, least), "worse ones than most epochs had"),
    )


def _now_and_then(record: Record, course: Course) -> tuple[float, np.ndarray]:
    """The loss of the last weights, and those at ends of epochs: on validation rows where there are such."""
    last = after(record)
    if last is None:
        return math.nan, np.empty(0)
    known = math.isfinite(last.valid_loss)
    held = course.valid_loss if known else course.train_loss
    return last.valid_loss if known else last.train_loss, held[np.isfinite(held)]


def _ended(shown: Evidence, which: str) -> Finding:
    return Finding(
        "weights-overwritten",
        "fault",
        "",
        (shown,),
        f"After the last step the weights were set to {which}: what was learnt is thrown away.",
        "Keep a copy of the weights where the validation loss is least (a comparison the right way round, "
        "copy.deepcopy(model.state_dict())), and load that one.",
        harm=1.0,
        explains=EXPLAINS,
    )


def _aliased(shown: Evidence) -> Finding:
    return Finding(
        "weights-overwritten",
        "fault",
        "",
        (shown,),
        "After the last step weights were loaded that are those of the last step, though an earlier epoch's "
        "were better: state_dict() holds the tensors themselves, which go on being trained, and no copies.",
        "Keep the best weights as copy.deepcopy(model.state_dict()).",
        harm=0.5,
        explains=("overfitting",),
    )
