"""What stands plainly in a network or its optimiser before any step and is seldom meant, and the change that
would tell whether it costs anything.

Each of these is a hint from the first step on. A run that is long enough confirms it or takes it back, by a
short training without it.
"""

import math

import numpy as np

from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Anatomy, Layer, Optimiser
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.bends import contracts, inert, turning
from profunda.diagnosis.rules.cuts import SHARES
from profunda.diagnosis.rules.features import left_raw
from profunda.diagnosis.rules.firsts import far_large, far_small, shut
from profunda.diagnosis.rules.flow import chain_depth, flow_of, hidden
from profunda.diagnosis.rules.halving import LITTLE
from profunda.diagnosis.rules.readings import CLEAR_GAIN, after, before, is_mature, progress

__all__ = [
    "CHOKED",
    "FEW_UNITS",
    "NOT_LINEAR",
    "RARELY_KEPT",
    "SATURATED",
    "doubts",
    "dropped",
    "few_units",
    "flat_at_first",
    "heavy_dropout",
    "is_linear",
    "left_over",
    "narrowest",
    "outweighs",
    "squashed",
    "units",
]

NOT_LINEAR = frozenset({"recurrent", "attention", "other"})

LEAST_SQUASHED = 2
"""Hidden layers from which slopes multiply."""

SATURATED = 0.8
"""Share of a layer's activations on flat ends: four of five gradients stop there."""

BEGINS_FLAT = 0.5
"""The same before training: a tanh whose inputs have three times the usual size is there."""

RARELY_KEPT = 0.7
"""Dropout rate from which fewer than one unit in three is left."""

RARELY_GIVEN = 0.4
"""Rate at which inputs are dropped before any layer: a fifth is usual (Srivastava et al. 2014), and at twice
that two of five numbers that tell a row from another are gone in each step."""

HALF_KEPT, NO_GAP = 0.5, 0.25
"""Dropout rate that is usual, and what validation rows may lose beside it more than training rows, of all
that is left: where the gap is small there is little that dropout would have to close."""

CHOKED = 1.0
"""Numbers that a layer hands on, over the binary digits that name one class of all: below that, classes must
share a number, and each is told by how much of it there is."""

FEW_UNITS = 4
"""Units of a whole layer with which nobody builds but on purpose."""

ALL_THERE_IS = 0.3
"""Penalty on the first weights over the best constant's loss, which is all that can be won by learning: from
there on, weights that know a third of it are worth no more than none at all."""

OUTPULLS = 1.0
"""A decay beside the step, times the size of a usual first weight: Adam's step has the size of 1, so that
from there on the data cannot keep a weight where it begins."""

NO_RECIPE = 2.0
"""A decay beside the step that no recipe has: vision transformers take 0.3, and studies of grokking 1."""


# Activations ------------------------------------------------------------------------------------------


def is_linear(anatomy: Anatomy) -> bool:
    """Whether there are hidden layers, and nothing between the first and the last layer bends a signal."""
    layers = anatomy.layers
    if anatomy.why or not hidden(anatomy) or layers[-1].kind in NOT_LINEAR:
        return False
    if any(layer.kind in NOT_LINEAR or layer.activation for layer in layers[:-1]):
        return False
    bent = [op for op in anatomy.ops if op.kind == "norm" and "batch" not in op.what]
    pooled = [op for op in anatomy.ops if op.kind == "pool" and "max" in op.what]
    early = any(one.after < len(layers) - 1 and not one.straight for one in anatomy.activations)
    return not (bent or pooled or early or any(op.kind in NOT_LINEAR - {"other"} for op in anatomy.ops))


def squashed(anatomy: Anatomy) -> tuple[Layer, ...]:
    """Hidden layers of a chain whose activation has a small slope everywhere, where these are several; one
    alone where its units share a whole.
    """
    found = tuple(one for at, one in hidden(anatomy) if contracts(anatomy, at))
    several = len(found) >= LEAST_SQUASHED or any(one.activation in SHARES for one in found)
    return found if several and chain_depth(anatomy) else ()


def flat_at_first(record: Record) -> int:
    """The activation before the last layer most of whose outputs lie on flat ends before training; -1 for
    none.
    """
    first, places = before(record), record.anatomy.activations
    if first is None or len(first.saturated) != len(places):
        return -1
    last = len(record.anatomy.layers) - 1
    inner = np.array([0 <= one.after < last for one in places], bool)
    share = np.where(inner & np.isfinite(first.saturated), first.saturated, 0.0)
    return int(np.argmax(share)) if len(share) and np.max(share) >= BEGINS_FLAT else -1


# Widths -----------------------------------------------------------------------------------------------


def narrowest(record: Record) -> tuple[int, str, float]:
    """Units of the narrowest layer that all signals pass, its name, and how many the outputs ask for at
    least: as many as classes have binary digits. (0, "", 0) where nothing is known of it.
    """
    anatomy, task = record.anatomy, record.task
    if anatomy.why or task is None or task.kind not in ("classes", "sequence") or task.n_classes < 2:
        return 0, "", 0.0
    chain = anatomy.skips == 0 and all(one.kind in ("linear", "convolution") for one in anatomy.layers)
    shapes = {op.name: math.prod(op.shape[1:]) for op in anatomy.ops if len(op.shape) > 1}
    widths = [
        (units(one) if one.kind == "linear" else shapes.get(one.name, 0), one.name)
        for _, one in (hidden(anatomy) if chain else ())
    ]
    last = anatomy.layers[-1] if anatomy.layers else None
    if last is not None and last.kind == "linear" and len(anatomy.layers) > 1:
        widths.append((last.fan_in, last.name))
    width, name = min((pair for pair in widths if pair[0] > 0), default=(0, ""))
    return width, name, CHOKED * math.log2(task.n_classes)


def few_units(record: Record) -> Layer | None:
    """The hidden layer of fewest units, where these are few and no code that rows are to be made of again;
    channels of images count as units.
    """
    anatomy = record.anatomy
    if _encodes(record):
        return None
    inner = [one for one in anatomy.layers[:-1] if one.kind in ("linear", "convolution", "recurrent")]
    least = min(inner, key=units, default=None)
    return least if not anatomy.why and least is not None and 0 < units(least) <= FEW_UNITS else None


def _encodes(record: Record) -> bool:
    """Whether as many numbers are asked for as enter: what is between them is narrow on purpose."""
    task, rows = record.task, record.rows
    if task is None or task.kind == "copy":
        return task is not None
    given = 0 if rows is None else math.prod(rows.shape)
    return task.kind == "values" and math.prod(task.outputs[1:]) >= max(2, given)


def units(layer: Layer) -> int:
    """Of a dense, convolution or recurrent layer."""
    if layer.kind == "recurrent":
        return layer.fan_out
    return layer.shape[0] if layer.shape else 0


# Regularisation ---------------------------------------------------------------------------------------


def dropped(anatomy: Anatomy) -> tuple[float, str]:
    """The highest rate of dropout, and the layer behind which it stands: "" for what inputs meet first."""
    behind = [(layer.dropout, layer.name) for layer in anatomy.layers]
    return max((*behind, (anatomy.entering, "")), default=(0.0, ""))


def heavy_dropout(record: Record) -> bool:
    """Whether more is dropped than is usually meant; what is to restore its inputs may lack some."""
    copies = record.task is not None and record.task.kind == "copy"
    given = record.anatomy.entering >= RARELY_GIVEN and not copies
    return given or max((layer.dropout for layer in record.anatomy.layers), default=0.0) >= RARELY_KEPT


def _needless(record: Record) -> bool:
    """Whether half is dropped, and validation rows do as well as those that are trained on."""
    last = after(record)
    if last is None or not math.isfinite(last.valid_loss) or dropped(record.anatomy)[0] < HALF_KEPT:
        return False
    return last.valid_loss - last.train_loss <= NO_GAP * last.valid_loss


def outweighs(record: Record) -> float:
    """What the decay of weights weighs at the first of them, over what it may at most; NaN where unknown."""
    optimiser, first, layers = record.optimiser, before(record), record.anatomy.layers
    trivial = progress(record).trivial
    if optimiser is None or first is None or len(first.weight) != len(layers):
        return math.nan
    decay = max((one.weight_decay for one in optimiser.groups if one.weight_decay > 0.0), default=0.0)
    squares = [float(one) ** 2 for one, layer in zip(first.weight, layers, strict=True) if layer.trainable]
    numbers = sum(layer.parameters for layer in layers if layer.trainable)
    if not decay > 0.0 or not numbers or not np.isfinite(squares).all():
        return math.nan
    if _beside(optimiser):
        return max(decay * math.sqrt(sum(squares) / numbers) / OUTPULLS, decay / NO_RECIPE)
    return 0.5 * decay * sum(squares) / (ALL_THERE_IS * trivial)


def _beside(optimiser: Optimiser) -> bool:
    """Whether weights shrink beside the step, and not by the gradient."""
    return optimiser.name in ("AdamW", "NAdamW", "Lion")


# What would tell --------------------------------------------------------------------------------------


def doubts(record: Record) -> tuple[Change, ...]:
    """Changes that would tell whether what stands plainly there costs anything, from cause to effect. None
    where so much was learnt that no change could gain what counts: of so few units, half of what is left.
    """
    if not is_mature(record):
        return ()
    left = left_over(record)
    far = far_large(record) or far_small(record) or shut(record)
    if not left >= CLEAR_GAIN:
        few = left >= LITTLE and few_units(record) is not None
        drawn = left >= LITTLE and far is not None
        bent = left >= LITTLE and (squashed(record.anatomy) or flat_at_first(record) >= 0)
        rare = left >= LITTLE and (heavy_dropout(record) or _needless(record))
        return (
            *((Change("width", value=8.0),) if few else ()),
            *((Change("dropout", value=0.0),) if rare else ()),
            *((Change("weight decay", value=0.0),) if left >= LITTLE and outweighs(record) >= 1.0 else ()),
            *((Change("initialisation", word="critical"),) if drawn else ()),
            *((Change("activation", word="relu"),) if bent else ()),
            *((Change("activation", word="tanh"),) if left >= LITTLE and turning(record.anatomy) else ()),
        )
    anatomy, flow = record.anatomy, flow_of(record)
    found = [Change("thawing")] if left_raw(anatomy) and not anatomy.references else []
    if is_linear(anatomy):
        found.append(Change("activation", word="inserted"))
    if squashed(anatomy) or flat_at_first(record) >= 0:
        found.append(Change("activation", word="relu"))
    elif turning(anatomy) is not None:
        found.append(Change("activation", word="tanh"))
    elif inert(anatomy) is not None and not is_linear(anatomy):
        found.append(Change("activation", word="relu"))
    width, _, needed = narrowest(record)
    if few_units(record) is not None or 0 < width < needed:
        found.append(Change("width", value=8.0))
    if heavy_dropout(record) or _needless(record):
        found.append(Change("dropout", value=0.0))
    if outweighs(record) >= 1.0:
        found.append(Change("weight decay", value=0.0))
    if far is not None or (
        flow is not None and len(flow.excess) and abs(math.log(flow.whole)) > math.log(1e2)
    ):
        found.append(Change("initialisation", word="critical"))
    return tuple(found)


def left_over(record: Record) -> float:
    """The least loss, on validation rows if there are any, in the constant's: all that could be gained."""
    seen = [one.valid_loss for one in record.surveys if one.step > 0]
    seen += [] if record.course is None else [float(one) for one in record.course.valid_loss]
    least = min((one for one in seen if math.isfinite(one)), default=progress(record).end)
    return least / progress(record).trivial
