"""What a change is worth to a run that went well: half of what little is left, or much of the time."""

import math

import numpy as np

from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import GREAT_GAIN, after, progress, relief, tried

__all__ = ["LITTLE", "eased", "halved", "sooner", "steps_otherwise"]

LITTLE = 0.02
"""Part of the constant's loss that is left, from which on half of it is more than seeds differ by."""

HALF = 0.5
"""Of the loss that is left: a trial has no more steps than the run, which had all the time to get there."""

TENTH = 0.1
"""Of the least loss that the run left: a trial has at most as many steps, and mostly a third of them."""


def halved(record: Record, what: str, above: float = -math.inf, below: float = math.inf) -> float:
    """The part of the constant's loss that such trials take away beyond the best look at the run, where that
    is half of what it left, with every seed, on validation rows if there are any; else 0.
    """
    got, last, found = progress(record), after(record), 0.0
    looks = [one.valid_loss for one in record.surveys if one.step > 0 and math.isfinite(one.valid_loss)]
    best = min(looks, default=got.end)
    if last is None or not best >= LITTLE * got.trivial:
        return 0.0
    for one in tried(record, what, below, above):
        reached = one.held if looks and len(one.held) else one.loss
        if len(reached) > 1 and np.max(reached) <= HALF * best:
            found = max(found, (best - float(np.mean(reached))) / got.trivial)
    return found


def eased(record: Record, what: str, below: float = math.inf) -> float:
    """The part of the constant's loss that such trials take away beyond the best look at the run, where that
    is a tenth of what it left, or anything where training rows gain clearly, with every seed and of each
    control's too, on validation rows if there are any; else 0. It says enough only of what stands plainly
    there and is seldom meant.
    """
    got, last, found = progress(record), after(record), 0.0
    looks = [one.valid_loss for one in record.surveys if one.step > 0 and math.isfinite(one.valid_loss)]
    looks += [] if record.course is None else [float(x) for x in record.course.valid_loss if math.isfinite(x)]
    best = min(looks, default=got.end)
    if last is None or not best >= LITTLE * got.trivial:
        return 0.0
    part = 1.0 if relief(record, what, below=below) is not None else 1.0 - TENTH
    for one in tried(record, what, below=below):
        new, old = (one.held, one.control_held) if looks and len(one.held) else (one.loss, one.control)
        far = len(new) > 1 and len(old) and np.max(new) < part * min(best, float(np.min(old)))
        found = max(found, (best - float(np.mean(new))) / got.trivial) if far else found
    return found


def sooner(record: Record, what: str) -> bool:
    """Whether with every seed such a trial is far ahead of its control after as many steps: what is learnt in
    the end is then learnt late.
    """
    least = GREAT_GAIN * progress(record).trivial
    for one in tried(record, what):
        pairs = [(one.loss, one.control), *([(one.held, one.control_held)] if len(one.held) else [])]
        if all(len(new) > 1 and len(old) and np.min(old) - np.max(new) >= least for new, old in pairs):
            return True
    return False


def steps_otherwise(record: Record) -> bool:
    """Whether longer steps, or those of another optimiser, do clearly better: where they do, this network can
    learn these rows.
    """
    longer = relief(record, "learning rate", above=1.0)
    return longer is not None or relief(record, "optimiser") is not None or sooner(record, "optimiser")
