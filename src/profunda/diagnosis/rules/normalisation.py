"""Rules on norms: of too few rows, with statistics that do not fit, behind dropout, or missing."""

import math
from itertools import pairwise

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Anatomy, Op
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import FADING
from profunda.diagnosis.rules.flow import chain_depth, flow_of
from profunda.diagnosis.rules.passes import batch_norms, usual_rows
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    after,
    before,
    failing,
    is_mature,
    poor,
    progress,
    relief,
    tried,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

TINY = 4.0
"""Numbers a mean and a variance are taken of: with n the variance is off by √(2/(n − 1)), 80 % here."""

FEW_ROWS = 2
"""Rows in a batch from which on no number of places helps, because those of one image are alike (Wu and He
2018, figure 1: at 2 images a batch 35 % of ImageNet is wrong in place of 24 %)."""

SETTLED_STEPS = 50
"""At the usual momentum of 0.1 a statistic of 50 steps ago weighs 0.5 %."""

SLOW = 0.01
"""Share of the new below which what is collected takes hundreds of steps to forget its first 0 and 1."""

HASTY, SURE = 0.5, 64.0
"""Share of the new from which on the last batch alone outweighs all before it; and numbers in a batch from
which on a variance taken of them is off by less than a fifth all the same."""

UNFIT = ("dead-units", "saturated-units", "input-ignored")
"""What a look in evaluation sees where norms divide by what the rows do not have."""

TWICE = 2.0
"""The loss in evaluation over that of the steps: without norms it is at most as high, for dropout is off."""

MOST = 0.9
"""Part of the last batches whose losses lie below that in evaluation, where norms hardly collect anyway."""

DROPPED = 0.3
"""Rate from which on the variance behind dropout, 1/(1 − p) in training, is off by nearly half."""

DEEP = 6
"""Hidden layers of a chain from which differences between layers multiply to more than a factor of ten."""

STACKED = 2
"""Layers of attention: one alone may well be a mean with weights that are learnt, as a last layer's."""

UNEVEN = 1e2
"""Fastest over slowest layer, in relative steps. A few tens is common and harmless."""


def _places(anatomy: Anatomy) -> float:
    """The fewest places over which a batch norm counts each row."""
    shapes = [op.shape for op in anatomy.ops if op.kind == "norm" and "batch" in op.what]
    return float(min((math.prod(shape[2:]) for shape in shapes), default=1))


def _micro(course: Course) -> float:
    """Rows that pass at once: a step may gather several batches."""
    return usual_rows(course) / max(1.0, round(course.backwards / max(1, course.steps)))


def _tail(course: Course) -> np.ndarray:
    tail = course.loss[-max(10, len(course.loss) // 10) :]
    return tail[np.isfinite(tail)]


def _evaluates_worse(record: Record) -> float:
    """By how much of the constant's loss evaluation on training rows is above the last steps; NaN unknown."""
    last, course, got = after(record), record.course, progress(record)
    if last is None or course is None or not len(tail := _tail(course)):
        return math.nan
    late = last.step >= 0.9 * course.steps and course.steps >= SETTLED_STEPS
    usual = max(float(np.median(tail)), 0.0)
    highest = float(np.quantile(tail, MOST if record.anatomy.pace < SLOW else 1.0))
    beyond = last.train_loss > max(TWICE * usual, highest)
    excess = (last.train_loss - usual) / got.trivial
    return (excess if beyond else min(excess, 0.0)) if late else math.nan


def _tiny(record: Record) -> Answer:
    code, course, anatomy = "norm-of-tiny-batches", record.course, record.anatomy
    grouped = _grouped(record)
    if grouped:
        return (_in_groups(record, grouped),)
    if not batch_norms(anatomy):
        return not_applicable(code, "no batch norm")
    if course is None or not usual_rows(course) > 0:
        return not_applicable(code, "the batches are not known")
    rows = _micro(course)
    numbers = rows * _places(anatomy)
    if numbers > TINY and rows > FEW_ROWS:
        return clear(code)
    excess, mended = _evaluates_worse(record), relief(record, "norm") or relief(record, "batch size", above=1)
    costs = excess >= CLEAR_GAIN or mended is not None
    fault = failing(record) or (poor(record) and costs) or excess >= GREAT_GAIN
    if not fault and not costs and numbers > TINY:
        return clear(code, "few rows of many places, and no cost was seen")
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            "",
            (
                Evidence("rows in a batch", rows, FEW_ROWS, "rows"),
                Evidence("numbers for each mean and variance", numbers, TINY),
                *(() if math.isnan(excess) else (Evidence("loss in evaluation above", excess, GREAT_GAIN),)),
            ),
            f"Batch norms take their statistics of {rows:.0f} rows ({numbers:.0f} numbers): what a row "
            "becomes depends on its chance neighbours, and in evaluation it becomes something else.",
            "Use a layer or group norm, or batches of at least 16 rows.",
            changes=(Change("norm", word="layer"), Change("batch size", value=8.0)),
            harm=0.3 if math.isnan(excess) else min(1.0, max(0.3, excess)),
            explains=("norm-statistics-stale", "batch-too-small", "plateau", "no-learning", "rate-too-high"),
        ),
    )


def _grouped(record: Record) -> int:
    """Rows of the groups that a norm takes in training, where these are as few as `_tiny` says; else 0."""
    first = before(record)
    together = 0 if first is None else first.company
    widths = [op.shape for op in record.anatomy.ops if op.kind == "convolution"]
    few = FEW_ROWS if widths else int(TINY)
    return together if 2 <= together <= few else 0


def _in_groups(record: Record, rows: int) -> Finding:
    """Virtual batches, or a reshape before a norm: by what it does, whatever wrote it."""
    return Finding(
        "norm-of-tiny-batches",
        "fault" if is_mature(record) and poor(record) else "hint",
        "",
        (Evidence("rows that share a mean and a variance", float(rows), TINY, "rows"),),
        f"In training what a row gives changes with {rows - 1} of the other rows of its batch and with no "
        f"more: a norm takes its statistics of groups of {rows} rows, and what a row becomes is left "
        "to its chance neighbours.",
        "Take statistics of at least 16 rows at once, or use a layer or group norm.",
        harm=0.5,
        explains=("norm-statistics-stale", "batch-too-small", "plateau", "no-learning", "rate-too-high",
                  "too-few-epochs", "too-small", "rate-too-low"),
    )  # fmt: skip


def _stale(record: Record) -> Answer:
    code, course = "norm-statistics-stale", record.course
    if not batch_norms(record.anatomy):
        return not_applicable(code, "no batch norm")
    excess = _evaluates_worse(record)
    if not is_mature(record) and record.anatomy.pace < SLOW:
        return (_renews_slowly(record.anatomy.pace),)
    if _is_hasty(record) and not excess >= GREAT_GAIN:
        return (_renews_all(record),)
    if course is None or math.isnan(excess):
        return too_little(code, f"losses of both modes after {SETTLED_STEPS} steps are needed")
    if excess < (CLEAR_GAIN if record.anatomy.pace < SLOW else GREAT_GAIN):
        return clear(code)
    last = after(record)
    return (
        Finding(
            code,
            "fault" if excess >= GREAT_GAIN else "hint",
            "",
            (
                Evidence("loss on training rows in evaluation", last.train_loss if last else math.nan),
                Evidence("loss of the last steps", float(np.median(_tail(course)))),
                Evidence("difference, in the constant's loss", excess, GREAT_GAIN),
            ),
            "On rows it was trained on the network does far worse in evaluation than in the steps: the mean "
            "and variance that its batch norms collected are not those of the rows.",
            "Give the norms' momentum about 0.1, pass training rows alone in training mode, and let "
            "evaluation rows be prepared as training rows are.",
            changes=(Change("norm", word="layer"),),
            harm=min(1.0, excess),
            explains=(
                "no-learning",
                "plateau",
                "overfitting",
                "too-small",
                "rate-too-high",
                "class-imbalance",
                *UNFIT,
            ),
        ),
    )


def _is_hasty(record: Record) -> bool:
    """Whether evaluation has the statistics of hardly more than the last batch, and that one is small."""
    rows = math.nan if record.course is None else _micro(record.course)
    return record.anatomy.haste > HASTY and not rows * _places(record.anatomy) >= SURE


def _renews_all(record: Record) -> Finding:
    haste = record.anatomy.haste
    return Finding(
        "norm-statistics-stale",
        "hint",
        "",
        (Evidence("share of collected statistics that a batch renews", haste, HASTY, "share"),),
        f"Each batch renews {haste:.0%} of the mean and variance that batch norms use in evaluation: these "
        "are those of the last few rows, by whose chance all rows are judged.",
        "Give the norms' momentum about 0.1: in torch it is the share of the new, and not of the old.",
        changes=(Change("norm", word="layer"),),
        harm=0.3,
    )


def _renews_slowly(pace: float) -> Finding:
    return Finding(
        "norm-statistics-stale",
        "hint",
        "",
        (Evidence("share of collected statistics that a batch renews", pace, SLOW, "share"),),
        f"Each batch renews {pace:.2%} of the mean and variance that batch norms use in evaluation: they "
        f"stay those of the beginning for about {1.0 / max(pace, 1e-9):.0f} steps.",
        "Give the norms' momentum about 0.1: it is the share of the new, and not of the old.",
        changes=(Change("norm", word="layer"),),
        harm=0.3,
        explains=UNFIT if pace == 0.0 else (),
    )


def _behind_dropout(record: Record) -> Answer:
    code, anatomy = "dropout-before-norm", record.anatomy
    if anatomy.why or not batch_norms(anatomy):
        return not_applicable(code, "no batch norm")
    found = [layer for layer in anatomy.layers if layer.dropout >= DROPPED and "batch" in layer.norm]
    ordered = [layer for layer in found if _dropout_first(anatomy, layer.name)]
    if not ordered:
        return clear(code)
    layer = ordered[0]
    return (
        Finding(
            code,
            "hint",
            layer.name,
            (
                Evidence("rate of dropout", layer.dropout, DROPPED),
                Evidence("variance in training over evaluation", 1.0 / (1.0 - min(layer.dropout, 0.99)), 1.4),
            ),
            f"Behind {layer.name} dropout stands before a batch norm: it makes the variance in training "
            "larger than in evaluation, and the norm divides by the one of training in both.",
            "Put dropout behind the norm.",
            changes=(Change("dropout", value=0.0),),
            harm=0.1,
            explains=("norm-statistics-stale",),
        ),
    )


def _dropout_first(anatomy: Anatomy, name: str) -> bool:
    """Whether behind this layer, before the next one, dropout comes and then a batch norm."""
    layers, seen = {layer.name for layer in anatomy.layers}, ""
    for op in anatomy.ops:
        if op.name in layers:
            seen = "layer" if op.name == name else ""
        elif seen == "layer" and op.kind == "dropout":
            seen = "dropout"
        elif seen == "dropout" and op.kind == "norm":
            return "batch" in op.what
        elif seen == "layer" and op.kind == "norm":
            seen = ""
    return False


def _attends_bare(anatomy: Anatomy) -> int:
    """Layers of attention one upon the other with neither a skip nor a norm; 0 where there are others."""
    ops = anatomy.ops
    at = [place for place, op in enumerate(ops) if op.kind == "attention" and not _pools(op)]
    if anatomy.why or len(at) < STACKED or anatomy.skips or any(op.kind == "norm" for op in ops):
        return 0
    if any(op.kind == "add" for op in ops[at[0] :]):
        return 0
    bends = [any(op.kind == "activation" for op in ops[one:two]) for one, two in pairwise(at)]
    return 1 + sum(bends) if any(bends) else 0  # heads side by side have no activation between them


def _pools(op: Op) -> bool:
    """Whether it makes one row of all places: one weight for each, and none for pairs of them."""
    return op.what == "softmax" and (len(op.shape) < 3 or op.shape[-1] == 1)


def _bare(record: Record, many: int) -> Answer:
    """Attention averages over places: done again and again without a way around, all places become one (Dong,
    Cordonnier and Loukas 2021).
    """
    code = "norm-missing"
    if is_mature(record) and not poor(record):
        return clear(code, "it learns all the same")
    return (
        Finding(
            code,
            "fault" if is_mature(record) else "hint",
            "",
            (Evidence("layers of attention without norms or skips", float(many), STACKED),),
            f"{many} layers of attention follow each other with neither skips nor norms: each takes means "
            "over places, and with no way around them all places soon say the same, and gradients fade.",
            "Add what enters each part of a block to what leaves it, and put a layer norm before each part.",
            changes=(Change("norm", word="layer"),),
            explains=(
                *(one for one in FADING if one != code),
                "batch-too-small",
                "rate-too-high",
                "bottleneck",
                "weights-too-small",
            ),
        ),
    )


def _missing(record: Record) -> Answer:
    bare = _attends_bare(record.anatomy)
    return _bare(record, bare) if bare else _missing_in_chain(record)


def _missing_in_chain(record: Record) -> Answer:
    code, depth = "norm-missing", chain_depth(record.anatomy)
    if depth < DEEP:
        return not_applicable(code, f"no chain of {DEEP} hidden layers without norms or skips")
    course, layers = record.course, record.anatomy.layers
    if course is None or course.update.ndim != 2 or course.update.shape[1:] != (len(layers),):
        return not_applicable(code, "how fast the layers learn was not seen")
    uneven = _unevenness(record, course)
    if math.isnan(uneven):
        return too_little(code, "how fast the layers learn was not seen")
    mended, flow = relief(record, "norm"), flow_of(record)
    if uneven < UNEVEN and mended is None:
        return clear(code)
    fault = failing(record) and (mended is not None or not tried(record, "norm"))
    if not fault and mended is None:
        return clear(code, "it learns all the same")
    shown = (
        [] if flow is None or math.isnan(flow.back) else [Evidence("gradients, first over last", flow.back)]
    )
    return (
        Finding(
            code,
            "fault" if fault or (poor(record) and mended and mended.gain >= GREAT_GAIN) else "hint",
            "",
            (Evidence("fastest over slowest layer, relative steps", uneven, UNEVEN, "ratio"), *shown),
            f"The {depth} hidden layers follow each other without norms or skips, and the fastest learns "
            f"{uneven:.2g} times as fast as the slowest: no one learning rate serves both.",
            "Put a layer or batch norm behind each layer, or add skips.",
            changes=(Change("norm", word="layer"),),
            explains=("rate-too-low", "plateau", "no-learning", "too-few-epochs", "too-small", "too-deep"),
        ),
    )


def _unevenness(record: Record, course: Course) -> float:
    """Of relative steps of trained layers, over the first half of the run; NaN where none were sampled."""
    trained = [layer.trainable and layer.kind != "embedding" for layer in record.anatomy.layers]
    half = course.update[: max(1, len(course.update) // 2)][:, trained]
    half = np.where(np.isfinite(half), half, math.nan)
    known = half[:, ~np.isnan(half).all(0)] if half.size else half
    if not known.size or known.shape[1] < 2:
        return math.nan
    speed = np.nanmedian(known, axis=0)
    if not np.max(speed) > 0.0:
        return math.nan
    return float(np.max(speed) / np.min(speed)) if np.min(speed) > 0.0 else math.inf


RULES = (
    Rule("norm-of-tiny-batches", _tiny),
    Rule("norm-statistics-stale", _stale),
    Rule("dropout-before-norm", _behind_dropout),
    Rule("norm-missing", _missing),
)
