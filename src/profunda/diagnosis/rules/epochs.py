"""The rule on the number of epochs: stopped while there was still far to go."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.halving import LITTLE
from profunda.diagnosis.rules.readings import (
    GREAT_GAIN,
    LEAST_STEPS,
    MEDIOCRE,
    NOTHING,
    Progress,
    broke_down,
    easy,
    epochs_seen,
    poor,
    progress,
    relief,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.speeds import searches_lines
from profunda.diagnosis.rules.trends import STRAIGHT, Ending, Trend, ending, trend

__all__ = ["RULES"]

LEAST = 8
"""Steps of a run that is over: fewer are a trial of whether it runs at all."""

STILL_FALLS = 0.1
"""Fall over the last third of the run, in the constant's loss: an exponential decay that falls so much has
run for less than two of its time constants."""

PART_OF_REST = 0.25
"""The same over the loss that is left."""

STEEP = 0.05
"""Fall from the middle of a run to its end along a straight line, in the constant's loss: beyond what a
converged network still finds."""

ALONG = 0.7
"""Its slope over the mean slope of the run: an exponential decay that ran for one of its time constants. Of
few steps it is `STRAIGHT`, one and a half of them."""

SHORT = 100
"""Steps: three epochs of a thousand rows in batches of 32. Below it most networks have just begun."""

NEARLY, MOSTLY = 0.8, 0.7
"""Shares taken away of errors and of loss, both of which say that what is still to come is little."""

LITTLE_LEFT = 0.95
"""Share of the constant's loss taken away, beyond which a loss that falls late has fallen."""

PASSES, BRIEF = 5.0, 300
"""Times over the data, and steps, up to both of which a training is a trial of whether it runs."""

HALF = 0.5
"""Of what is missing: a loss that makes up as much in the last third has an eighth of it left after another
run."""

COMES_TO_REST = 0.5
"""What is left over what the last part of a run took away, from which on down it ends within another such."""

WHOLE = 0.03
"""Fall over the whole run, in the constant's loss, below which it may be but the first bias."""


def _too_few(record: Record) -> Answer:
    code, course, got = "too-few-epochs", record.course, progress(record)
    if course is not None and not course.finished:
        return _planned(record, course)
    if course is not None and math.isnan(got.trivial) and _breaks_off(record, course):
        return (_unmeasured(record, course),)
    if course is None or math.isnan(got.trivial) or math.isnan(got.learnt):
        return not_applicable(code, "no losses, or nothing to compare them with")
    line, last = trend(course.loss), ending(record)
    if broke_down(course):
        return clear(code)
    handful = _is_a_handful(record, course, got)
    if course.steps < max(LEAST, 0.9 * course.planned) or (line is None and last is None and not handful):
        return too_little(code, f"{course.steps} steps")
    behind = _is_brief(record, course) and got.learnt < easy(record)
    if _arrived(course, got) and not behind and not _is_steep(record, course, last, got):
        return clear(code)
    falls = _falls(course, got) or _goes_on(course, last, got) or _begun(record, course)
    least = LITTLE if behind else STEEP
    falls = falls or (_is_brief(record, course) and _last_pass(course, got) >= least * got.trivial)
    falls = falls or _catches_up(record, last, got)
    falls = falls and _valid_falls(course)
    if not falls and not handful and not _hardly_tried(record, course, got):
        return clear(code)
    fault = got.learnt < MEDIOCRE and not 0.0 < easy(record) <= got.learnt  # noise may be all that is left
    return (_stopped(record, line, last, fault and falls and not handful),)


def _is_a_handful(record: Record, course: Course, got: Progress) -> bool:
    """Whether the run ended before anything could be said of how it learns, and left much."""
    return course.steps < LEAST_STEPS and got.learnt < NEARLY and not searches_lines(record.optimiser)


def _is_steep(record: Record, course: Course, last: Ending | None, got: Progress) -> bool:
    """Whether the last part of the run took away a quarter of all, as fast as ever, and left some: of more
    than a trial of whether it runs, as much as another such part could take.
    """
    if last is None or got.by_loss >= LITTLE_LEFT or got.learnt > 1.0 - NOTHING:
        return False
    if not _is_brief(record, course) and got.end < COMES_TO_REST * last.fall:
        return False
    return last.fall >= GREAT_GAIN * got.trivial and last.straight >= ALONG


def _arrived(course: Course, got: Progress) -> bool:
    """Whether little is still to come: of few steps by the score and by the loss, which goes on longer."""
    if got.learnt > 1.0 - NOTHING:
        return course.steps > SHORT or got.by_loss >= MEDIOCRE
    return course.steps > SHORT and got.learnt >= NEARLY and got.by_loss >= MOSTLY


def _falls(course: Course, got: Progress) -> bool:
    """By batches: an exponential decay of few of its time constants."""
    line = trend(course.loss)
    if line is None:
        return False
    return line.falls and line.fall >= max(STILL_FALLS * got.trivial, PART_OF_REST * got.end)


def _is_brief(record: Record, course: Course) -> bool:
    """Whether so few steps went over the rows so few times that it stands plainly there."""
    return course.steps <= BRIEF and epochs_seen(record) < PASSES + 0.5


def _catches_up(record: Record, last: Ending | None, got: Progress) -> bool:
    """Whether far less was learnt than simple predictors reach on other rows, and the last third of the run
    made up half of what is missing: at that pace three more such parts make up nearly all of it.
    """
    missing = easy(record) - got.learnt
    return last is not None and missing >= NOTHING and last.fall >= HALF * missing * got.trivial


def _last_pass(course: Course, got: Progress) -> float:
    """What the last time over the rows took away; NaN where not known."""
    ends = [got.start, *course.train_loss]
    return float(ends[-2] - ends[-1]) if len(ends) > 1 else math.nan


def _goes_on(course: Course, last: Ending | None, got: Progress) -> bool:
    """By looks at the same rows: along a straight line, and on rows not trained on half as much at least."""
    if last is None or last.unseen < max(STEEP * got.trivial, last.fall) / 2.0:
        return False
    along = ALONG if course.steps > SHORT else STRAIGHT
    return last.straight >= along and last.fall >= STEEP * got.trivial


def _begun(record: Record, course: Course) -> bool:
    line, got = trend(course.loss), progress(record)
    if line is None or not poor(record):
        return False
    fallen = max(line.whole, got.start - got.end)  # blocks begin late, looks before the first step
    return line.steady and line.fall > 0.0 and fallen >= WHOLE * got.trivial


def _hardly_tried(record: Record, course: Course, got: Progress) -> bool:
    """So few steps that a network which missed what simple predictors reach, or where these reach nothing,
    has shown nothing of what it can do.
    """
    return course.steps <= SHORT and poor(record) and got.by_loss < NOTHING


def _planned(record: Record, course: Course) -> Answer:
    """Of a run that is on its way: whether all of it is short."""
    code = "too-few-epochs"
    passes = epochs_seen(record) * course.planned / max(1, course.steps)
    brief = course.planned <= SHORT or (course.planned <= BRIEF and passes < PASSES + 0.5)
    if not course.planned or not brief or not course.steps or searches_lines(record.optimiser):
        return too_little(code, f"{course.steps} steps")
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("steps in all", float(course.planned), float(SHORT)),
                Evidence("times over the rows", passes, PASSES),
            ),
            f"All of the training is {course.planned} steps: most networks have just begun to learn then.",
            "Train for several times as many epochs.",
            changes=(Change("epochs", value=4.0),),
            harm=0.1,
        ),
    )


def _breaks_off(record: Record, course: Course) -> bool:
    """Whether a brief run ends while its loss falls as fast as ever, on rows not trained on as well: that
    needs no unit, as where a likelihood may fall below nought.
    """
    last = ending(record)
    if not course.steps >= LEAST or broke_down(course) or not _is_brief(record, course) or last is None:
        return False
    return last.fall > 0.0 and last.straight >= ALONG and not last.unseen < last.fall / 2.0


def _unmeasured(record: Record, course: Course) -> Finding:
    last = ending(record)
    return Finding(
        "too-few-epochs",
        "hint",
        "",
        (
            Evidence("steps", float(course.steps), float(BRIEF)),
            Evidence("times over the rows", epochs_seen(record), PASSES),
            Evidence(
                "slope at the end over the mean slope", math.nan if last is None else last.straight, ALONG
            ),
        ),
        f"The run ended after {course.steps} steps, while the loss fell as fast as at any time before.",
        "Train for several times as many epochs, or step further in each.",
        changes=(Change("epochs", value=4.0),),
        harm=0.3,
    )


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


def _stopped(record: Record, line: Trend | None, last: Ending | None, fault: bool) -> Finding:
    course, got, more = record.course, progress(record), relief(record, "epochs", above=1.0)
    shown = (
        [] if line is None else [Evidence("fall over the last third", line.fall / got.trivial, STILL_FALLS)]
    )
    if last is not None:
        shown.append(Evidence("fall from the middle to the end", last.fall / got.trivial, STEEP))
        shown.append(Evidence("its slope over the mean slope", last.straight, ALONG))
    shown.append(Evidence("share of the constant's loss learnt", got.learnt, MEDIOCRE))
    shown += [] if more is None else [Evidence("loss that more epochs take away", more.gain)]
    fell = max(0.0 if line is None else line.fall, 0.0 if last is None else last.fall) / got.trivial
    steps = 0 if course is None else course.steps
    return Finding(
        "too-few-epochs",
        "fault" if fault else "hint",
        "",
        (*shown, Evidence("steps", float(steps))),
        f"The run ended after {steps} steps and {max(0.0, got.learnt):.0%} of the way from the best "
        f"constant's loss{f', of which its last part still took {fell:.0%}' if fell > 0.0 else ''}.",
        "Train for several times as many epochs, or step further in each.",
        changes=(Change("epochs", value=4.0),),
        harm=min(1.0, max(0.1, 1.0 - got.learnt)),
        explains=("no-learning", "plateau"),
    )


RULES = (Rule("too-few-epochs", _too_few),)
