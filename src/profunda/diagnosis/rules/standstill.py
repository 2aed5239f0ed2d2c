"""Rules on a loss that stands still, above what was shown to be possible or where it began."""

import math

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.halving import sooner, steps_otherwise
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    MEDIOCRE,
    NOTHING,
    Progress,
    Relief,
    broke_down,
    easy,
    failing,
    is_mature,
    poor,
    progress,
    relief,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.trends import STRAIGHT, Trend, ending, trend

__all__ = ["RULES"]

LEARNT_NOTHING = 0.02
"""Share of the constant's loss that the smallest networks take away of noise alone."""


def _plateau(record: Record) -> Answer:
    code, course, got = "plateau", record.course, progress(record)
    if course is None or not len(course.loss) or math.isnan(got.learnt):
        return not_applicable(code, "no losses, or nothing to compare them with")
    if not is_mature(record) or not course.finished:
        return too_little(code, f"{course.steps} steps")
    other = relief(record, "optimiser") is not None or sooner(record, "optimiser")
    if broke_down(course) or not poor(record) or (got.learnt < LEARNT_NOTHING and not other):
        return clear(code)
    line = trend(course.loss)
    if line is None:
        return too_little(code, f"{course.steps} steps")
    if not other and _still_falls(record, line, got):
        return clear(code, "it still falls")
    better = max((one for what in _kinds(record) if (one := relief(record, what))), key=_gained, default=None)
    missed = easy(record) - got.learnt
    reached = max(missed, better.gain if better is not None else -math.inf)
    proven = easy(record) > 0.0 and failing(record)  # not half of what is easy, for sure
    if not reached >= GREAT_GAIN and not proven and not other:
        return clear(code, "nothing shows that this network can reach more")
    return (_stands(got, better, reached, other),)


def _stands(got: Progress, better: Relief | None, reached: float, other: bool) -> Finding:
    """`reached`: the share more that is known to be possible; `other`: whether another optimiser gets far
    ahead of this one.
    """
    what = "is far behind that of another optimiser" if other else "stands still"
    return Finding(
        "plateau",
        "fault",
        "",
        (
            Evidence("share of the constant's loss learnt", got.learnt, MEDIOCRE),
            Evidence("share more that was shown to be possible", reached, GREAT_GAIN),
        ),
        f"The loss {what} after {got.learnt:.0%} of the way from the best constant's, while "
        f"{max(0.0, reached):.0%} more is known to be possible on these rows.",
        "Change the step first: another rate, momentum, or an adaptive optimiser.",
        changes=(Change(better.trial.what, word=better.trial.word, value=better.trial.value),)
        if better is not None
        else (Change("optimiser", word="adam"), Change("learning rate", value=0.1)),
        harm=max(0.0, min(1.0, reached)),
        explains=("no-learning", "too-few-epochs") if other else (),
    )


def _still_falls(record: Record, line: Trend, got: Progress) -> bool:
    last = ending(record)
    straight = last is not None and last.straight >= STRAIGHT and last.fall > CLEAR_GAIN / 3.0 * got.trivial
    return straight or (line.falls and line.fall > CLEAR_GAIN / 3.0 * got.trivial)


def _kinds(record: Record) -> tuple[str, ...]:
    """All but more epochs: a trial of these makes more steps than its control."""
    return tuple(dict.fromkeys(one.what for one in record.trials if one.what != "epochs"))


def _gained(one: object) -> float:
    return float(getattr(one, "gain", -math.inf))


def _nothing(record: Record) -> Answer:
    code, course, got = "no-learning", record.course, progress(record)
    if course is None or not len(course.loss):
        return not_applicable(code, "no steps were seen")
    if broke_down(course):
        return (_unknown(record, -1.0),)
    if math.isnan(got.learnt):
        return not_applicable(code, "nothing to compare the losses with")
    if not is_mature(record):
        return too_little(code, f"{course.steps} steps")
    enough = NOTHING if easy(record) > 0.0 else LEARNT_NOTHING
    if not failing(record) or got.learnt >= enough:
        return clear(code)
    return (_unknown(record, got.learnt),)


def _unknown(record: Record, learnt: float) -> Finding:
    course = record.course
    words = (
        "the losses ended not finite"
        if learnt < 0.0 and course is not None and broke_down(course)
        else (f"{max(0.0, learnt):.1%} of the best constant's loss is all that training took away")
    )
    return Finding(
        "no-learning",
        "fault",
        "",
        (Evidence("share of the constant's loss, or errors, taken away", learnt, LEARNT_NOTHING),),
        f"After {course.steps if course is not None else 0} steps {words}, and no rule knows why.",
        "Try to fit ten rows by heart: where that fails, the fault is in the network, the loss or the loop; "
        "where it works, look at the data.",
        changes=(Change("learning rate", value=0.1), Change("learning rate", value=10.0)),
        explains=() if steps_otherwise(record) else ("plateau",),
    )


RULES = (
    Rule("plateau", _plateau),
    Rule("no-learning", _nothing),
)
"""The last ones of the area of the learning rate, in the table's order."""
