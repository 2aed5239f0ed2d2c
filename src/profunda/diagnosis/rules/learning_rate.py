"""Rules on the learning rate: steps too long, or too short."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules import schedules, standstill
from profunda.diagnosis.rules.consequences import WILD
from profunda.diagnosis.rules.halving import eased, halved
from profunda.diagnosis.rules.lengths import far_ahead
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    NOTHING,
    Progress,
    Relief,
    after,
    before,
    broke_down,
    easy,
    failing,
    helped,
    is_adaptive,
    is_mature,
    moved,
    poor,
    progress,
    relief,
    tried,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.speeds import (
    CRAWLS,
    HARDLY_MOVED,
    TINY,
    crawls,
    farthest,
    first_steps,
    searches_lines,
)
from profunda.diagnosis.rules.trends import STRAIGHT, ending, goes_straight, restless, trend

__all__ = ["RULES", "rushes"]

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

RUSH = 0.15
"""Length of usual first steps, in lengths of the usual layer: networks that go on to learn begin with a
twentieth, a tenth at most, and seven steps of this length leave nothing of the first weights."""

TRAVELS = 0.2
"""The way that all steps planned could lead, below which a run is held up by its steps: networks that learn
go as far as weights are long."""

SETTLES = 0.25
"""Part of the epochs after which a run that rises by a quarter of the constant's loss from one to the next
will not settle: where it ends is chance."""

SCATTER, ARRIVED, SMALL = 0.04, 0.9, 8
"""Root mean square, in the constant's loss, by which ends of epochs rise above the one before, over the same
rows; the share learnt from which on it does no harm; and rows up to which a batch is the reason."""

BLOWN = 10.0
"""Weights of the usual layer that went so many times their first length away."""

KILLED = 0.5
"""Units of a layer that no row reaches any more: in networks that learn a tenth goes so, and no usual step
throws half of a layer out of reach of all rows."""

GREW = 3.0
"""Losses before a break-down over the first one."""

BEGINNING = 0.25
"""Part of a run in which curvature is looked at: later a loss hovers where its steps let it (Cohen et al.
2021), or has gone where no rate would have led."""

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
    slower = _shorter_gain(record)
    if relief(record, "batch size", above=1.0) and not any(one.limit == SHARP for one in signs):
        return clear(code, "larger batches bear the same steps")
    if not failing(record) and not slower and not _unsettled(record, course, signs):
        if is_mature(record):
            return clear(code)
        return too_little(code, f"{course.steps} steps") if not signs else _rising(record, course, signs)
    refuted = not slower and bool(tried(record, "learning rate", below=1.0))
    if not slower and (refuted or not signs):
        return clear(code, "it fails, and not because of long steps")
    fault = poor(record) if not slower else poor(record) and slower >= GREAT_GAIN
    fault = fault or failing(record)
    gained = (Evidence("loss that shorter steps take away", slower),) if slower else ()
    return (_long(record, "fault" if fault else "hint", (*gained, *signs)),)


def _shorter_gain(record: Record) -> float:
    """The part of the constant's loss that trials of shorter steps take away beyond the run: clearly, on
    training rows, or half of what is left with every seed; where the first ones turned much of the weights,
    which is seldom meant, a tenth of it. 0 where none does.
    """
    told = relief(record, "learning rate", below=1.0)
    if told is not None:
        return told.gain
    less = halved(record, "learning rate", below=1.0)
    return eased(record, "learning rate", below=1.0) if not less and rushes(record) else less


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
    known = first is not None and first.stable > 0.0 and not is_adaptive(record.optimiser)
    ratio = _peak(record) / first.stable if first is not None and known else math.nan
    if ratio >= HOPELESS and not any(layer.norm for layer in record.anatomy.layers):
        return (_long(record, "fault", (Evidence("rate over the largest stable one", ratio, HOPELESS),)),)
    plain = far_ahead(record, _peak(record))
    return (_long(record, "hint", plain),) if plain else not_applicable(code, "no steps were seen")


def _rising(record: Record, course: Course, signs: tuple[Evidence, ...]) -> Answer:
    """Before the run is mature: where the loss is far above where it began, or was after a step as long as
    the weights are, or the first steps turned much of them, or their settings say that they will.
    """
    got, part = progress(record), max(1, len(course.loss) // 4)
    level = max(abs(got.start), got.trivial if math.isfinite(got.trivial) else 0.0)
    above = int(np.sum(course.loss[1:] > GREW * level))  # the first loss is from before all steps
    leapt = above >= 2 and any(one.limit == LEAP for one in signs)  # one batch may be an odd one
    now = float(np.median(course.loss[-part:])) / level if len(course.loss) >= 8 and level > 0.0 else 0.0
    if not (leapt or now > GREW or rushes(record) or far_ahead(record, _peak(record))):
        return too_little("rate-too-high", f"{course.steps} steps")
    severity = "fault" if now > GREW else "hint"
    return (_long(record, severity, (Evidence("loss over the first one", now), *signs)),)


def _unsettled(record: Record, course: Course, signs: tuple[Evidence, ...]) -> bool:
    """Little was learnt, the loss does not fall, and the first steps, or two signs, tell of long ones; or it
    goes up and down as in no run that settles.
    """
    if _scatters(record, course):
        return True
    line, got = trend(course.loss), progress(record)
    if rushes(record) and _rebounds(course, got):
        return True
    if not poor(record) or line is None or line.falls:
        return False
    return len(signs) >= 2 or (rushes(record) and not NOTHING <= easy(record) <= got.learnt)


def _rebounds(course: Course, got: Progress) -> bool:
    """Whether the loss over all rows rose far from one epoch to the next, when most was behind it."""
    late = course.train_loss[int(SETTLES * len(course.train_loss)) :]
    if len(late) < LEAST_LOOKS or not np.isfinite(late).all():
        return False
    return float(np.max(np.diff(late))) >= GREAT_GAIN * got.trivial


def rushes(record: Record) -> bool:
    """The first weights of a single layer are as good as none, however far it steps from them."""
    several = len(record.anatomy.layers) > 1
    return several and first_steps(record) >= RUSH and not searches_lines(record.optimiser)


def _scatters(record: Record, course: Course) -> bool:
    got, batch = progress(record), float(np.median(course.rows)) if len(course.rows) else 0.0
    return batch > SMALL and got.learnt < ARRIVED and restless(course) >= SCATTER * got.trivial


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
    elif rushes(record):
        found.append(Evidence("usual one of the first steps over the weights", first_steps(record), RUSH))
    far = moved(record)
    far = far[np.isfinite(far)]
    if len(far) and float(np.median(far)) >= BLOWN:
        found.append(Evidence("way of the weights over their first length", float(np.median(far)), BLOWN))
    if _scatters(record, course):
        spread = restless(course) / progress(record).trivial
        found.append(Evidence("rises of the loss between epochs, in the constant's", spread, SCATTER))
    ratio = _growth(course)
    if ratio >= GREW:
        found.append(Evidence("largest loss over the first", ratio, GREW))
    died = _died(record)
    if died >= KILLED:
        found.append(Evidence("units of a layer that died on the way", died, KILLED, "share"))
    return tuple(found) or far_ahead(record, _peak(record))


def _died(record: Record) -> float:
    """Of the layer that lost most: the share of units that answered rows before training and answer none now,
    where weights went farther than their first length; -inf where unknown.
    """
    first, last, far = before(record), after(record), moved(record)
    far = far[np.isfinite(far)]
    if first is None or last is None or first.dead.shape != last.dead.shape or not len(far):
        return -math.inf
    lost = np.where(np.isfinite(last.dead - first.dead), last.dead - first.dead, -math.inf)
    return float(np.max(lost, initial=-math.inf)) if np.median(far) >= 1.0 else -math.inf


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
    next to 0, and the curvature in their unit says nothing, for their steps are bounded all the same. Of
    others the least one of the beginning: where signals fade on their way, a loss begins flat and grows steep
    with the weights.
    """
    known = [one for one in record.sharpness if math.isfinite(one.stable) and one.stable > 0.0]
    if is_adaptive(record.optimiser):
        return max((one.stable for one in known), default=math.nan)
    course = record.course
    steps = 0 if course is None else max(course.steps, course.planned)
    early = [one.stable for one in known[1:] if one.step <= BEGINNING * steps]
    return min((*(one.stable for one in known[:1]), *early), default=math.nan)


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
    if len(course.rate) >= LEAST_LOOKS and bool((course.rate == 0.0).all()):
        return (_short(record, (Evidence("learning rate", 0.0),), 0.0),)
    if not is_mature(record):
        return _cannot_reach(record, course)
    if broke_down(course):
        return clear(code)
    if not poor(record):
        more = helped(record, "learning rate", above=1.0)
        return clear(code) if more is None else (_short(record, (_gained(more),), _peak(record), "hint"),)
    far = farthest(record)
    line, faster = trend(course.loss), relief(record, "learning rate", above=1.0)
    straight = goes_straight(record)
    refuted = faster is None and bool(tried(record, "learning rate", above=1.0))
    still = 0.0 <= far < HARDLY_MOVED and _feels(course)
    slow = crawls(record) or (0.0 < first_steps(record) < TINY and ending(record) is not None)
    if not (still or (slow and straight and not refuted) or (faster and (straight or slow))):
        return clear(code, "it learns little, and not because of short steps")
    shown = [Evidence("way of the weights, layer that moved most", far, CRAWLS)] if far >= 0.0 else []
    if straight and line is not None:
        shown.append(Evidence("slope of the last third over the mean slope", line.straight, STRAIGHT))
    if faster is not None:
        shown.insert(0, _gained(faster))
    return (_short(record, tuple(shown), _peak(record)),)


def _gained(faster: Relief) -> Evidence:
    return Evidence("loss that longer steps take away", faster.gain, CLEAR_GAIN)


def _cannot_reach(record: Record, course: Course) -> Answer:
    """Before the run is mature: whether all steps planned, were they to go one way, would lead nowhere, or
    not as far as networks go that learn.
    """
    enough = len(course.sampled) >= LEAST_LOOKS and course.update.ndim == 2 and bool(course.update.size)
    rises = len(course.rate) > 0 and not course.rate[-1] <= course.rate[0]
    words = f"{course.steps} steps"
    if not enough or rises or not course.planned or not _feels(course):
        return too_little("rate-too-low", words)
    seen = np.where(np.isfinite(course.update), course.update, 0.0)
    reach = float(np.max(np.median(seen, axis=0))) * course.planned
    if not 0.0 < reach < TRAVELS:
        return too_little("rate-too-low", words)
    far = reach < HARDLY_MOVED
    limit = HARDLY_MOVED if far else TRAVELS
    shown = Evidence("way of the weights if all steps went one way", reach, limit)
    return (_short(record, (shown,), _peak(record), "fault" if far else "hint"),)


def _feels(course: Course) -> bool:
    """Whether gradients arrive at all: where they do not, the rate is not the cause."""
    return not course.gradient.size or bool(np.nanmax(course.gradient, initial=0.0) > 0.0)


def _short(record: Record, shown: tuple[Evidence, ...], rate: float, severity: str = "fault") -> Finding:
    return Finding(
        "rate-too-low",
        "fault" if severity == "fault" else "hint",
        "",
        shown,
        f"At the learning rate {rate:.3g} the weights have hardly moved: the loss goes down as far as "
        "so many short steps lead, and has most of the way before it.",
        "Take a learning rate ten times as high, and again until the loss falls fast at first.",
        changes=(Change("learning rate", value=10.0), Change("learning rate", value=100.0)),
        explains=("too-few-epochs", "no-learning", "plateau", "lazy", "too-small", "class-imbalance"),
    )


RULES = (
    Rule("rate-too-high", _too_high),
    Rule("rate-too-low", _too_low),
    *schedules.RULES,
    *standstill.RULES,
)
