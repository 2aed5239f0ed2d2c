"""Rules of the area batch: gradients that are mostly noise, and epochs of too few steps.

The noise scale B_simple = tr Σ/|G|² is the batch at which a gradient's noise is as large as the gradient
(McCandlish et al. 2018, eq. 2.9). It grows without end where a network converges, so it alone never tells
that batches are too small: the course has to show it.
"""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import WILD
from profunda.diagnosis.rules.halving import LITTLE, halved
from profunda.diagnosis.rules.reached import Reached, reached
from profunda.diagnosis.rules.readings import CLEAR_GAIN, failing, is_mature, poor, progress, relief
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.speeds import first_steps, searches_lines
from profunda.diagnosis.rules.trends import restless

__all__ = ["RULES", "larger_batches"]

NOISY = 16.0
"""Noise scale over batch at the first step, where gradients are largest: |G|² is then 6 % of what is seen."""

PART = 0.5
"""A batch of half of all rows or more is no matter of choice."""

RASH = 0.05
"""Steps at the beginning that move the usual layer by a twentieth of its length: on the word of few rows they
lead anywhere in the 400 steps after which so many random ones are as long as the weights."""

LEAPS, MOSTLY_NOISE = 0.15, 4.0
"""Steps after seven of which nothing is left of the first weights, and noise over gradient from which on four
fifths of each is noise: where they lead is a matter of rows drawn last."""

HALF, NEARLY_ALL = 0.5, 0.97
"""Rise of the loss between epochs, over the last one, in a run that did not learn nearly all."""

SCATTER, ARRIVED = 0.04, 0.9
"""Root mean square, in the constant's loss, by which ends of epochs rise above the one before, over all rows:
what the last step leaves is chance then. A network that has learnt nearly all may afford it."""

LARGE, HARDLY_ANY = 64, 100
"""Rows of a batch, and steps in all, of a training that could have had many more steps: three epochs of a
thousand rows in batches of 32 have as many, and most networks have just begun then."""

FEW_IN_ALL = 300
"""Steps of a run that did less on its own rows than simple predictors on others: as many again, and more, are
had of smaller batches that point the same way."""

SMALL = 8
"""Batches above this are not too small but stepped too far."""

LONE = 2
"""Rows of which a gradient is the opinion of one or of two, whatever the noise is like."""

USUAL, SOME = 16, 4
"""Rows of a batch that is not small any more, and how many batches the rows must give at least."""

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

UNMOVED = 1e-2
"""All steps together over the weights: after so short a way many times as many make no difference."""


def _batch_too_small(record: Record) -> Answer:
    code, course = "batch-too-small", record.course
    if course is None or not len(course.rows):
        return not_applicable(code, "No step was seen.")
    batch = float(np.median(course.rows))
    if batch > SMALL or not record.rows or batch >= PART * record.rows.n:
        return clear(code)
    scales = _noise_scales(record)
    if not scales:
        return too_little(code, "No noise of gradients was seen.")
    ratio, long = scales[0] / max(1.0, batch), first_steps(record)
    leaps = long >= LEAPS and ratio > MOSTLY_NOISE
    got, gain = reached(record), _gained(record)
    if gain > 0.0:
        return (_small(record, got, batch, scales[0], gain),)
    if not is_mature(record):
        plain = ratio > NOISY or leaps or batch <= LONE
        return (_small(record, got, batch, scales[0]),) if plain else too_little(code, "Few steps were seen.")
    shaken = (leaps or (batch <= LONE and ratio > MOSTLY_NOISE)) and _bounces(course, got)
    if ratio <= NOISY and not leaps and not shaken:
        return clear(code)
    missed = got.known and not got.broken and got.train < MISSED * got.easy
    epochs = len(course.train_loss) >= OF_FEW
    held = missed and (long >= RASH or (epochs and abs(_fall(record, course)) < STANDING))
    held = held or shaken
    if not held and not epochs:
        return too_little(code, "Too few epochs were seen.")
    scatters = ratio > NOISY and _scatters(record, course)
    if not (held or scatters):
        return clear(code)
    return (_small(record, got, batch, scales[0]),)


def _gained(record: Record) -> float:
    """The part of the constant's loss that larger batches took away in trials; 0 for none that counts."""
    better = relief(record, "batch size", above=1.0)
    return better.gain if better is not None else halved(record, "batch size", above=1.0)


def larger_batches(record: Record) -> Change | None:
    """What would tell whether batches are too small, of a run that did poorly, or left what would count and
    went up and down between epochs; None where batches are not small, or rows too few for larger ones.
    """
    course = record.course
    if course is None or not len(course.rows) or record.rows is None or searches_lines(record.optimiser):
        return None
    batch, left = float(np.median(course.rows)), 1.0 - progress(record).learnt
    fitting = _fitting(record, batch)
    if batch > SMALL or not fitting > batch:
        return None
    unsettled = left >= CLEAR_GAIN and (_scatters(record, course) or _bounces(course, reached(record)))
    doubtful = poor(record) or failing(record) or unsettled or (batch <= LONE and left >= LITTLE)
    return Change("batch size", value=fitting / batch) if doubtful else None


def _fitting(record: Record, batch: float) -> float:
    """Rows of a batch in which gradient and noise are even enough, as far as there are so many."""
    scales, n = _noise_scales(record), 0 if record.rows is None else record.rows.n
    wanted = max(USUAL, _power(scales[0] / 4.0) if scales else 0, 2.0 * batch)
    return float(min(wanted, 2 ** int(math.log2(max(1.0, n / SOME)))))


def _scatters(record: Record, course: Course) -> bool:
    """Whether the loss over all rows goes up and down between epochs, in a run that has not arrived."""
    got = progress(record)
    return restless(course) >= SCATTER * got.trivial and got.learnt < ARRIVED


def _bounces(course: Course, got: Reached) -> bool:
    """Whether the loss over all rows rose from one epoch's end to another's by half of what it is at last,
    where something is left to learn.
    """
    ends = course.train_loss
    if len(ends) < 2 or not np.isfinite(ends).all():
        return False
    return float(np.max(np.diff(ends))) >= HALF * float(ends[-1]) and got.train < NEARLY_ALL


def _small(record: Record, got: Reached, batch: float, scale: float, gain: float = 0.0) -> Finding:
    course, fitting = record.course, _fitting(record, batch)
    spread = math.nan if course is None else restless(course) / progress(record).trivial
    shown = (Evidence("rises of the loss between epochs, in the constant's", spread, SCATTER),)
    gained = (Evidence("loss that larger batches take away", gain),) if gain else ()
    return Finding(
        "batch-too-small",
        "fault" if got.failed else "hint",
        "",
        (
            *gained,
            Evidence("noise scale over batch at the first step", scale / max(1.0, batch), NOISY),
            Evidence("batch", batch, float(SMALL), "rows"),
            *(shown if math.isfinite(spread) else ()),
            *_shares(got),
        ),
        f"With {batch:.0f} rows a gradient is {scale / max(1.0, batch):.3g} times more noise than gradient; "
        "the loss stands, or goes to and fro, where steps add as much noise as they take away.",
        f"Take batches of {fitting:.0f} rows, or let the learning rate fall.",
        step=0 if course is None else course.steps,
        changes=(Change("batch size", value=fitting / max(1.0, batch)),),
        harm=got.harm,
        explains=(
            "rate-too-high",
            "plateau",
            "no-learning",
            "dead-units",
            "saturated-units",
            "input-ignored",
            *((one for one in WILD if one != "batch-too-small") if gain else ()),
        ),
    )


def _batch_too_large(record: Record) -> Answer:
    code, course, rows = "batch-too-large", record.course, record.rows
    if course is None or rows is None or not len(course.rows) or rows.n < 1:
        return not_applicable(code, "No step was seen.")
    batch = float(np.median(course.rows))
    steps = rows.n / max(1.0, batch)
    if steps > FEW or searches_lines(record.optimiser):
        return clear(code)
    scales, got = _noise_scales(record), reached(record)
    if not course.finished:
        few = batch >= LARGE and 0 < course.planned <= HARDLY_ANY
        return (_large(record, got, steps, scales),) if few else too_little(code, "The run is not over.")
    # Few steps are what is wrong here, so a run is judged however short, if it is over.
    if course.steps < course.planned or not math.isfinite(got.train):
        return too_little(code, "The run is not over.")
    if 0.0 < first_steps(record) * course.steps < UNMOVED:
        return clear(code)
    if not scales or len(course.train_loss) < EPOCHS:
        return too_little(code, "Too few epochs, or no noise of gradients, was seen.")
    # While the loss goes down straight on, the gradient is as clear as it was at first.
    ratio = batch / scales[0]
    still = _fall(record, course) > max(FALLING, STRAIGHT * _mean(record, course))
    hardly = batch >= LARGE and course.steps <= HARDLY_ANY  # however noisy smaller ones are
    far = got.train < MISSED * got.easy or (hardly and progress(record).by_loss < ARRIVED)
    few = batch >= LARGE and course.steps <= FEW_IN_ALL and (hardly or _fall(record, course) >= FALLING)
    missed = few and ratio > WASTED and got.train < got.easy - LITTLE
    if not (still and far and (ratio > WASTED or hardly)) and not missed:
        return clear(code)
    return (_large(record, got, steps, scales),)


def _large(record: Record, got: Reached, steps: float, scales: list[float]) -> Finding:
    course = record.course
    batch = math.nan if course is None else float(np.median(course.rows))
    made = 0 if course is None else max(course.steps, course.planned)
    fitting = _power(min(batch / WASTED, max(scales[0] if scales else 1.0, 1.0) * WASTED))
    return Finding(
        "batch-too-large",
        "fault" if course is not None and course.finished and got.train < got.limit else "hint",
        "",
        (
            Evidence("steps in an epoch", steps, float(FEW)),
            Evidence("steps in all", float(made)),
            Evidence("batch over noise scale", batch / scales[0] if scales else math.nan, WASTED),
            *_shares(got),
        ),
        f"An epoch has {steps:.1f} steps, the training {made} in all. Gradients of {fitting} rows point "
        f"nearly the same way, so {batch / fitting:.3g} times as many steps would cost no more.",
        f"Take batches of {fitting} rows.",
        step=0 if course is None else course.steps,
        changes=(Change("batch size", value=fitting / batch),),
        harm=got.harm,
        explains=("too-few-epochs", "rate-too-low", "no-learning"),
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
