"""Whether the loss still falls, and along what: by steps, by ends of epochs, by surveys."""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.readings import LEAST_STEPS

__all__ = ["STRAIGHT", "Ending", "Trend", "ending", "goes_straight", "restless", "trend"]

BLOCKS = 30
"""Means of so many stretches of a run are looked at: enough for a slope and its error, few enough to even
out what differs between batches."""

FALLS = 3.0
"""Standard errors of a slope with 8 degrees of freedom: one in a hundred by chance, less on both losses."""

STRAIGHT = 0.5
"""Slope of the last third over the mean slope: an exponential decay is at 0.5 when it has run for only 1.5
of its time constants, and at less ever after."""

LEAST_EPOCHS = 8
"""Ends of epochs that make a line."""

LEAST_SURVEYS = 5
"""Surveys, the first one included, whose losses fall in this order in 1 of 120 cases by chance."""

MIDDLE, LATE = 0.5, 0.9
"""Parts of a run between which a look must lie for the slope of its end: at half of it an exponential decay
still has e times its last slope after two time constants."""

CLOSE = 0.75
"""Part of a run from which on a look tells the slope of its very end."""

LEAST_ENDS = 6
"""Ends of epochs of which the last half says how far they scatter: four of them have three differences."""

BENDS = 2.0
"""Standard errors of a bend that is taken for real: one in forty by chance."""


@dataclass(frozen=True)
class Trend:
    """`fall` of the loss over the last third of a run along a fitted line, with its standard `error`;
    `straight`: that slope over the mean slope of the whole run, 1 for a straight line, 0 for one that
    has come to rest; `whole`: the fall from the first block to the last. `slope` and `bend` are the first
    and second coefficient of a parabola over the whole run in standard errors: falling is negative, coming
    to rest a positive bend.
    """

    fall: float
    error: float
    straight: float
    whole: float
    slope: float
    bend: float

    @property
    def falls(self) -> bool:
        """Whether it falls beyond its noise."""
        return self.fall > FALLS * self.error and self.fall > 0.0

    @property
    def steady(self) -> bool:
        """Whether it falls over the whole run beyond its noise, and does not come to rest."""
        return self.slope < -FALLS and self.bend < BENDS


def trend(loss: np.ndarray, least: int = LEAST_STEPS) -> Trend | None:
    """Of losses by step [T]; None below `least` of them, or where some are not finite."""
    if len(loss) < least or not np.isfinite(loss).all():
        return None
    blocks = np.array(
        [part.mean() for part in np.array_split(loss, min(BLOCKS, max(LEAST_EPOCHS, len(loss) // 2)))]
    )
    last = blocks[-max(4, len(blocks) // 3) :]
    x = np.arange(len(last)) - (len(last) - 1) / 2.0
    slope = float(x @ last / (x @ x))
    left = last - last.mean() - slope * x
    error = math.sqrt(float(left @ left) / (len(last) - 2) / float(x @ x))
    whole = float(blocks[0] - blocks[-1])
    mean = whole / (len(blocks) - 1)
    straight = -slope / mean if mean > 0.0 else math.nan
    return Trend(-slope * len(last), error * len(last), straight, whole, *_parabola(blocks))


@dataclass(frozen=True)
class Ending:
    """Of looks at the same rows: `fall` of their loss from about the middle of the run to its end, and
    `straight`, that slope over the mean slope of the whole run (`Trend.straight`), and at most twice what it
    is at the very end: what falls late may have come to rest since. `unseen`: the fall on validation rows,
    NaN without.
    """

    fall: float
    straight: float
    unseen: float


def ending(record: Record) -> Ending | None:
    """How the run ends, by losses over the same rows, which have no noise of batches; None where no look lies
    in its second half, or the loss does not go down from each third of the looks to the next.
    """
    seen = _looks(record)
    if len(seen) < 3:
        return None
    steps, loss, valid = np.array(seen, float).T
    last = steps[-1]
    middle = [at for at in range(1, len(seen) - 1) if MIDDLE * last <= steps[at] <= LATE * last]
    if not middle or steps[0] or not np.isfinite(loss).all() or not _descends(loss):
        return None
    at = min(middle, key=lambda k: abs(steps[k] - 2.0 * last / 3.0))
    fall, whole = float(loss[at] - loss[-1]), float(loss[0] - loss[-1])
    if not whole > 0.0:
        return None
    straight = [float(loss[k] - loss[-1]) / (last - steps[k]) / (whole / last) for k in (at, middle[-1])]
    if steps[middle[-1]] < CLOSE * last:
        straight[1] = math.inf
    return Ending(fall, min(straight[0], 2.0 * straight[1]), float(valid[at] - valid[-1]))


def _looks(record: Record) -> list[tuple[float, float, float]]:
    """Steps and losses, on training and on validation rows, before training and at ends of epochs; of surveys
    where there are too few of these.
    """
    course = record.course
    surveys = [(float(one.step), one.train_loss, one.valid_loss) for one in record.surveys]
    if course is None or not surveys:
        return []
    parts = course.epoch_step.tolist(), course.train_loss.tolist(), course.valid_loss.tolist()
    known = len({len(part) for part in parts}) == 1
    ends = list(zip(*parts, strict=True)) if known else []
    epochs = [(float(step), loss, valid) for step, loss, valid in ends if step > 0]
    return [surveys[0], *epochs] if len(epochs) > 1 else surveys


def _descends(loss: np.ndarray) -> bool:
    """Whether means of thirds, the first look apart, go down; of fewer than six each loss."""
    after = loss[1:]
    parts = (
        np.array_split(after, 3)
        if len(after) >= LEAST_ENDS
        else [after[k : k + 1] for k in range(len(after))]
    )
    means = [float(part.mean()) for part in parts]
    return all(later < sooner for sooner, later in itertools.pairwise([float(loss[0]), *means]))


def restless(course: Course) -> float:
    """By how much losses at ends of epochs, over the same rows, go up again in a run that gets no further:
    root mean square over its epochs, 0 for those that go down. 0 where the median of its second half is lower
    than that of the first by more than half of that; NaN where there are too few epochs.
    """
    ends = course.train_loss
    if len(ends) < LEAST_ENDS or not np.isfinite(ends).all():
        return math.nan
    early, late = np.array_split(ends, 2)
    rises = math.sqrt(float(np.mean(np.maximum(np.diff(ends), 0.0) ** 2)))
    return rises if float(np.median(early) - np.median(late)) <= rises / 2.0 else 0.0


def goes_straight(record: Record) -> bool:
    """Whether the loss falls, and has not begun to come to rest: by steps, or by ends of epochs, whose
    losses are of the same rows and hence less noisy.
    """
    course = record.course
    if course is None:
        return False
    steps, epochs = trend(course.loss), trend(course.train_loss, LEAST_EPOCHS)
    if (steps is not None and steps.steady) or _looks_go_straight(record):
        return True
    return any(one is not None and one.falls and one.straight >= STRAIGHT for one in (steps, epochs))


def _looks_go_straight(record: Record) -> bool:
    """The same by surveys, which are of the same rows: each lower than the one before, and the last stretch
    as steep as it must be. They are few, and lie ever farther apart: of so many the order is no chance.
    """
    seen = [(one.step, one.train_loss) for one in record.surveys]
    if len(seen) < LEAST_SURVEYS or seen[0][0] or not all(math.isfinite(loss) for _, loss in seen):
        return False
    (begin, start), (middle, half), (end, last) = seen[0], seen[-2], seen[-1]
    falls = all(later < sooner for (_, sooner), (_, later) in itertools.pairwise(seen))
    return falls and (half - last) / (end - middle) >= STRAIGHT * (start - last) / (end - begin)


def _parabola(blocks: np.ndarray) -> tuple[float, float]:
    """t-values of slope and bend, by Legendre polynomials, which do not share what they explain."""
    x = np.linspace(-1.0, 1.0, len(blocks))
    terms = np.stack([np.ones_like(x), x, x**2 - np.mean(x**2)])
    sizes = (terms**2).sum(1)
    found = terms @ blocks / sizes
    left = blocks - found @ terms
    noise = float(left @ left) / max(1, len(blocks) - 3)
    noise = max(noise, 1e-24 * float(blocks @ blocks) + 1e-300)  # a straight line leaves rounding alone
    return float(found[1] * math.sqrt(sizes[1] / noise)), float(found[2] * math.sqrt(sizes[2] / noise))
