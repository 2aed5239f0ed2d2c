"""Rules on the number of units: too few to fit the rows, or far more than they need."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Layer
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.doubts import FEW_UNITS, few_units, units
from profunda.diagnosis.rules.halving import eased, halved
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    MEDIOCRE,
    Relief,
    after,
    easy,
    helped,
    is_mature,
    poor,
    progress,
    relief,
    tried,
)
from profunda.diagnosis.rules.rule import clear, not_applicable, too_little
from profunda.diagnosis.rules.speeds import crawls
from profunda.diagnosis.rules.trends import STRAIGHT, ending, trend

__all__ = ["may_be_wasteful", "too_large", "too_small"]

FEW = 0.1
"""Parameters over numbers asked for (rows times outputs): ten rows stand for each parameter."""

MANY, LARGE = 160.0, 100_000
"""The same from which on even a quarter of the width, a sixteenth of the weights, could learn each row ten
times by heart, and the parameters from which on that costs something: usual networks are larger than they
need be, train well for it, and are cheap."""

ALIKE = 0.02
"""Of the constant's loss, or of a score: seeds differ by more."""


def _asked(record: Record) -> float:
    """Numbers that the targets hold, at one a row and output."""
    task, rows = record.task, record.rows
    if task is None or rows is None or rows.n <= 0 or not task.outputs:
        return math.nan
    return float(rows.n * max(1, math.prod(task.outputs[1:])))


def too_small(record: Record) -> Answer:
    """It came to rest far above what a wider one, or simple predictors, reach."""
    code, course, got, few = "too-small", record.course, progress(record), few_units(record)
    if not is_mature(record):
        if few is None:
            return too_little(code, "how well it learns is not known yet")
        return (_of_few_units(record, few),)
    if course is None or math.isnan(got.learnt):
        return not_applicable(code, "no losses, or nothing to compare them with")
    last = ending(record)
    if few is None and last is not None and last.straight >= STRAIGHT and last.fall >= ALIKE * got.trivial:
        return clear(code, "its loss falls along a line: what it can reach is not known yet")
    wider = _wider(record)
    missed = easy(record) - got.learnt
    ratio = record.anatomy.parameters / _asked(record)
    line = trend(course.loss)
    rests = line is not None and not (line.falls and line.fall > CLEAR_GAIN / 3.0 * got.trivial)
    by_size = rests and ratio < FEW and missed >= GREAT_GAIN and not crawls(record)
    refuted = wider is None and bool(tried(record, "width", above=1.0))
    half = 0.0
    if few is not None and wider is None:
        half = halved(record, "width", above=1.0) or eased(record, "width")
    if wider is None and (refuted or not by_size) and not half:
        return clear(code)
    shown = [] if math.isnan(ratio) else [Evidence("parameters over numbers asked for", ratio, FEW, "ratio")]
    gain = half or (wider.gain if wider is not None else missed)
    fault = poor(record) and gain >= GREAT_GAIN
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            "" if few is None else few.name,
            (Evidence("loss that more units take away", gain, gain if half else CLEAR_GAIN), *shown),
            f"It learnt {got.learnt:.1%} of the way from the best constant's loss, while {gain:.1%} more is "
            f"possible on these rows: {record.anatomy.parameters} parameters are too few for them.",
            "Widen the hidden layers, or add one.",
            changes=(Change("width", value=4.0), Change("depth", value=2.0)),
            harm=min(1.0, gain),
            explains=("plateau", "no-learning", "too-few-epochs", "class-imbalance", "rate-too-low"),
        ),
    )


def _wider(record: Record) -> Relief | None:
    """What more units are worth on validation rows; on those trained on, which they learn by heart whatever
    there is in them, it counts where there is more to learn.
    """
    unseen = helped(record, "width", above=1.0) or helped(record, "depth", above=1.0)
    if unseen is not None or (not poor(record) and easy(record) - progress(record).learnt < CLEAR_GAIN):
        return unseen
    return relief(record, "width", above=1.0) or relief(record, "depth", above=1.0)


def _of_few_units(record: Record, few: Layer) -> Finding:
    return Finding(
        "too-small",
        "hint",
        few.name,
        (
            Evidence("units of the layer", float(units(few)), FEW_UNITS),
            Evidence("parameters", float(record.anatomy.parameters)),
        ),
        f"{few.name} has {units(few)} units: few functions of the inputs can be made of so few.",
        "Widen it, unless so few are meant.",
        changes=(Change("width", value=8.0),),
        harm=0.3,
        explains=("plateau", "no-learning", "too-few-epochs", "class-imbalance"),
    )


def may_be_wasteful(record: Record) -> bool:
    """Whether a run that does well has far more parameters than its rows could ever ask for, and validation
    rows that can tell whether a narrower one does as well: that is worth a training of one.
    """
    last = after(record)
    if last is None or not math.isfinite(last.valid_loss) or not is_mature(record):
        return False
    return _is_vast(record) and progress(record).learnt >= MEDIOCRE and not poor(record)


def _is_vast(record: Record) -> bool:
    return record.anatomy.parameters >= max(LARGE, MANY * _asked(record))


def too_large(record: Record) -> Answer:
    """A far narrower network does as well on rows not seen, after as many steps."""
    code, got, small = "too-large", progress(record), record.narrower
    if not is_mature(record) and _is_vast(record):
        return (_vast(record),)
    if small is None or math.isnan(got.trivial):
        return not_applicable(code, "no training of a narrower network, or nothing to compare it with")
    if not may_be_wasteful(record):
        return clear(code)
    loss = float(np.mean(small.loss)) if len(small.loss) else math.nan
    limit = small.own_loss + ALIKE * got.trivial
    lower = len(small.score) and float(np.mean(small.score)) < small.own_score - ALIKE
    if not loss <= limit or lower:
        return clear(code, "a narrower one does worse")
    ratio, fewer = record.anatomy.parameters / _asked(record), record.anatomy.parameters / small.parameters
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("parameters over numbers asked for", ratio, MANY, "ratio"),
                Evidence("validation loss of the narrower network", loss, limit),
                Evidence("validation loss of this one", small.own_loss),
                Evidence("parameters of this one over the narrower one's", fewer, unit="factor"),
            ),
            f"{record.anatomy.parameters} parameters are {ratio:.0f} times the numbers asked for. A network "
            f"of {small.value:g} times the width has {small.parameters}, and after as many steps a "
            f"validation loss of {loss:.3g}, where this one has {small.own_loss:.3g}.",
            f"Narrow the hidden layers: {fewer:.0f} times fewer weights to store and to step.",
            changes=(Change("width", value=small.value),),
            harm=0.2,
        ),
    )


def _vast(record: Record) -> Finding:
    ratio = record.anatomy.parameters / _asked(record)
    return Finding(
        "too-large",
        "hint",
        "",
        (
            Evidence("parameters over numbers asked for", ratio, MANY, "ratio"),
            Evidence("parameters", float(record.anatomy.parameters), LARGE),
        ),
        f"{record.anatomy.parameters} parameters are {ratio:.0f} times the numbers asked for: a network of a "
        "quarter of the width could still learn all of them by heart, many times over.",
        "Narrow the hidden layers, unless a narrower network does worse.",
        changes=(Change("width", value=0.25),),
        harm=0.1,
    )
