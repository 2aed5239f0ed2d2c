"""Rules on the architecture: what is connected to what, how wide, and how deep."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding, Severity
from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.consequences import FADING, STALLED
from profunda.diagnosis.rules.coverage import carried_over
from profunda.diagnosis.rules.cuts import cut_of
from profunda.diagnosis.rules.doubts import narrowest
from profunda.diagnosis.rules.features import learnt_before, left_raw
from profunda.diagnosis.rules.flow import chain_depth, flow_of, hidden
from profunda.diagnosis.rules.halving import eased, halved, sooner
from profunda.diagnosis.rules.ignoring import ignored, is_deaf
from profunda.diagnosis.rules.passes import batch_norms
from profunda.diagnosis.rules.readings import (
    MEDIOCRE,
    before,
    cured,
    failing,
    helped,
    is_mature,
    poor,
    progress,
    relief,
    tried,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little
from profunda.diagnosis.rules.sequences import answer_seen, forgets
from profunda.diagnosis.rules.sizes import too_large, too_small

__all__ = ["RULES"]

SICK = 0.5
"""Share of dead units, of flat ends or of copies beside which gradients may be 0 for that reason."""

FOLLOWED = 3
"""Steps that were followed closely, at least, before a layer without gradients counts as cut off."""

MIXED = 1e-2
"""Change of a row's outputs by other rows over the outputs' spread: rounding in float32 gives 1e-5."""

SPREAD = 1e-4
"""Spread of outputs over their size below which such a ratio is rounding over rounding."""

ROUNDED = 1e-6
"""Spread of outputs over their size which float32 gives to what is equal."""

SCATTERED = 4.0
"""Σ 5/width over the layers of a ReLU chain, the variance of the logarithm of its squared gradients (Hanin
and Nica 2020): at 4, gradients of equal networks differ by a factor e² either way."""

JOINED = 1e-3
"""1 - correlation of different rows at the last layer: they enter it as one."""

CRITICAL = (0.75, 1.5)
"""Factors of critical weights for which depth, and not the first weights, is the cause."""


def _mixed(record: Record) -> Answer:
    code, known = "rows-mixed", [one for one in record.surveys if math.isfinite(one.mixing[0])]
    known = [one for one in known if not one.output_spread < SPREAD * abs(one.output_size)]
    if _made_one(record):
        return (_as_one(record),)
    carried = carried_over(record)
    if carried:
        return carried
    if not known:
        return not_applicable(code, "outputs of single rows were not compared")
    most = max(one.mixing[0] for one in known)
    if most < MIXED:
        return clear(code)
    meant = batch_norms(record.anatomy) and not failing(record)
    return (
        Finding(
            code,
            "hint" if meant else "fault",
            "",
            (Evidence("change of a row's outputs by other rows, over their spread", most, MIXED, "ratio"),),
            "In evaluation the outputs of a row change when other rows of its batch are exchanged: rows are "
            "joined by a view, a softmax or a recurrence over the wrong axis, or a norm that keeps no "
            "statistics. What is predicted depends on the company.",
            "Check every reshape, view, softmax(dim=...), mean(dim=...) and batch_first on the way.",
            changes=(Change("norm", word="layer"),) if meant else (),
            explains=(
                "norm-statistics-stale",
                "norm-of-tiny-batches",
                "overfitting",
                "loss-broadcasts",
                "weights-overwritten",  # a look at other batches finds other losses
                *STALLED,
            ),
        ),
    )


def _made_one(record: Record) -> bool:
    """Whether at every look all rows of a batch have one output, which changes with what is in the batch."""
    looks = [one for one in record.surveys if math.isfinite(one.output_size) and one.output_size > 0.0]
    moves = [float(np.nanmax(one.sensitivity, initial=0.0)) for one in looks]
    cut = cut_of(record)
    if cut is not None and cut.place:  # its units are dead
        return False
    return bool(looks) and all(
        one.output_spread <= ROUNDED * one.output_size and moved > MIXED * ROUNDED**0.5 * one.output_size
        for one, moved in zip(looks, moves, strict=True)
    )


def _as_one(record: Record) -> Finding:
    last = record.surveys[-1]
    return Finding(
        "rows-mixed",
        "fault",
        "",
        (Evidence("spread of outputs between rows, over their size", last.output_spread / last.output_size),),
        "All rows of a batch get one and the same output, and it changes with the batch: a mean, a sum or a "
        "maximum was taken over the axis of rows.",
        "Check the axis of every mean, sum and max on the way (batch_first, dim=...), and every expand.",
        explains=("input-ignored", "loss-broadcasts", "weights-too-small", "too-deep", *STALLED),
    )


def _unused(record: Record) -> Answer:
    code, anatomy = "part-unused", record.anatomy
    if anatomy.why or not anatomy.layers:
        return not_applicable(code, "the network could not be read")
    if is_deaf(record):
        return clear(code, "nothing of what enters is used: that is another code")
    held = set(anatomy.unused)
    if record.optimiser is not None:
        held -= set(record.optimiser.missing)
    names = sorted({name.rpartition(".")[0] for name in held if name.rpartition(".")[2] != "bias"})
    names = [name for name in names if not (name in anatomy.references or _gets_gradients(record, name))]
    names = names or _cut_in_loop(record)
    if names and learnt_before(anatomy, names).issuperset(names) and not failing(record):
        return clear(code, "cut off from gradients, and learnt before")
    names = names or _without_gradient(record)
    if not names:
        return _frozen(record)
    share = len(names) / (len(names) + len(anatomy.layers))
    return (
        Finding(
            code,
            "fault" if poor(record) else "hint",
            names[0],
            (Evidence("parts whose weights no gradient reaches", float(len(names)), 0.0),),
            f"No gradient ever reaches {', '.join(names[:3])}{' and others' if len(names) > 3 else ''}: "
            "they are not called in forward, or what they give is cut off (detach, no_grad, argmax) or "
            "dropped.",
            "Use them in forward, or take them out; freeze on purpose with requires_grad_(False).",
            changes=(Change("thawing", word="through"),),
            harm=min(1.0, share),
            explains=("no-learning", "plateau", "too-small", "input-ignored", "bottleneck", "rate-too-low"),
        ),
    )


def _cut_in_loop(record: Record) -> list[str]:
    """Layers that a pass through the whole network trains, and the loop never does: it calls them under
    no_grad, or hands on what they give detached.
    """
    first, course, layers = before(record), record.course, record.anatomy.layers
    if first is None or course is None or course.gradient.shape[1:] != (len(layers),):
        return []
    if len(course.gradient) < FOLLOWED or len(first.gradient_norm) != len(layers):
        return []
    most = np.nan_to_num(course.gradient).max(0)
    held = set() if record.optimiser is None else {one.rpartition(".")[0] for one in record.optimiser.missing}
    return [
        one.name
        for at, one in enumerate(layers)
        if one.trainable and one.name not in held and most[at] == 0.0 < first.gradient_norm[at]
    ] * bool(np.any(most > 0.0))


def _without_gradient(record: Record) -> list[str]:
    """Layers whose gradient was exactly 0 at every look, while others' was not, and no unit before them was
    dead or on a flat end, and no copy of another.
    """
    first, course, layers = before(record), record.course, record.anatomy.layers
    if first is None or course is None or course.gradient.shape[1:] != (len(layers),):
        return []
    if len(course.gradient) < FOLLOWED or len(first.gradient_norm) != len(layers) or cut_of(record):
        return []
    if any(one.dropout >= 1.0 for one in layers):
        return []
    signs = [np.nan_to_num(one) for one in (first.dead, first.saturated, first.copies)]
    if any(len(one) and float(np.max(one)) >= SICK for one in signs) or not np.all(first.weight > 0.0):
        return []
    most = np.maximum(np.nan_to_num(course.gradient).max(0), np.nan_to_num(first.gradient_norm))
    held = set() if record.optimiser is None else {one.rpartition(".")[0] for one in record.optimiser.missing}
    names = [
        one.name
        for at, one in enumerate(layers)
        if one.trainable and one.name not in held and most[at] == 0.0
    ]
    return names if np.any(most > 0.0) else []


def _frozen(record: Record) -> Answer:
    """Layers that are not trained and were not before: as good as what a draw happens to give."""
    code = "part-unused"
    names = [one for one in left_raw(record.anatomy) if not _is_thawed(record, one)]
    if not names:
        return clear(code)
    gains = any(test(record, "thawing") for test in (helped, halved, eased, sooner))
    serves = not poor(record) and (progress(record).by_loss >= MEDIOCRE or bool(tried(record, "thawing")))
    if is_mature(record) and serves and not gains:
        return clear(code, "frozen as drawn, and such features serve")
    numbers = sum(one.parameters for one in record.anatomy.layers if one.name in names)
    share = numbers / max(1, record.anatomy.parameters)
    return (
        Finding(
            code,
            "fault" if is_mature(record) and poor(record) else "hint",
            names[0],
            (
                Evidence("layers frozen with weights as drawn", float(len(names)), 0.0),
                Evidence("share of all parameters", share),
                Evidence("share of the constant's loss taken away", progress(record).by_loss, MEDIOCRE),
            ),
            f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''} do not train "
            "(requires_grad is False), and their weights look freshly drawn: what the other layers get is a "
            "random function of the inputs.",
            "Let them train (requires_grad_(True)), or load the weights that they were meant to have.",
            changes=(Change("thawing"),),
            harm=min(1.0, max(share, 0.5)),
            explains=(
                "no-learning",
                "plateau",
                "too-small",
                "too-few-epochs",
                "bottleneck",
                "rate-too-low",
                "class-imbalance",
                "weights-too-small",
                "parameters-not-held",
            ),
        ),
    )


def _is_thawed(record: Record, name: str) -> bool:
    """Whether it was frozen at the first look and has had gradients since."""
    course, layers = record.course, [layer.name for layer in record.anatomy.layers]
    if course is None or name not in layers or course.gradient.shape[1:] != (len(layers),):
        return False
    seen = course.gradient[:, layers.index(name)]
    return len(seen) > 1 and not np.isfinite(seen[0]) and bool(np.nanmax(seen, initial=0.0) > 0.0)


def _gets_gradients(record: Record, name: str) -> bool:
    """Whether in the loop some were seen after all: for parts that only a loss of the user's own calls."""
    course, layers = record.course, [layer.name for layer in record.anatomy.layers]
    if course is None or name not in layers or course.gradient.shape[1:] != (len(layers),):
        return False
    return bool(np.nanmax(course.gradient[:, layers.index(name)], initial=0.0) > 0.0)


# Width and depth --------------------------------------------------------------------------------------


def _narrow(record: Record) -> Answer:
    code, task = "bottleneck", record.task
    if task is None or task.kind not in ("classes", "values", "multilabel", "sequence"):
        return not_applicable(code, "it is not known what is asked for")
    least, where, digits = _least_passed(record)
    choked = _is_choked(record)
    found = _below_asked(record)
    if found is None and not choked:
        chain = _is_chain(record.anatomy) and len(hidden(record.anatomy)) > 0
        return clear(code) if chain else not_applicable(code, "no chain of layers that all signals pass")
    width, name, needed = (least, where, math.ceil(digits)) if choked or found is None else found
    if not is_mature(record):
        if choked:
            return (_through(record, width, name, needed, "hint"),)
        return too_little(code, "narrow, and it may be enough")
    mended = cured(record, "width", above=1.0)
    if not poor(record) and mended is None:
        return clear(code, "narrow, and enough")
    if mended is None and tried(record, "width", above=1.0) and not eased(record, "width"):
        return clear(code, "wider layers do no better")
    return (_through(record, width, name, needed, "fault" if poor(record) else "hint"),)


def _is_choked(record: Record) -> bool:
    """Whether fewer numbers pass than could name the classes, whatever stands before and behind."""
    least, _, digits = _least_passed(record)
    return 0 < least < digits


def _least_passed(record: Record) -> tuple[int, str, float]:
    """`narrowest`; of several labels, the numbers that enter the last layer and those that half of all
    answers need: of k numbers, planes tell half of the ways to label 2k things (Cover 1965).
    """
    task, targets, layers = record.task, record.targets, record.anatomy.layers
    if task is None or task.kind != "multilabel" or record.anatomy.why or len(layers) < 2:
        return narrowest(record)
    last, labels = layers[-1], math.prod(task.targets[1:])
    if last.kind != "linear" or len(task.targets) != 2:
        return 0, "", 0.0
    shares = np.full(labels, 0.5)
    if targets is not None and targets.mean.shape == (labels,):
        shares = np.clip(targets.mean, 1e-9, 1.0 - 1e-9)
    bits = -(shares * np.log2(shares) + (1.0 - shares) * np.log2(1.0 - shares))
    return last.fan_in, last.name, float(bits.sum()) / 2.0


def _below_asked(record: Record) -> tuple[int, str, int] | None:
    """Units of a chain's narrowest layer, its name, and the dimensions that targets may ask for; None where
    these are no more.
    """
    anatomy, task = record.anatomy, record.task
    if task is None or task.kind == "sequence" or len(task.outputs) != 2 or not _is_chain(anatomy):
        return None
    asked = task.n_classes if task.kind == "classes" else task.outputs[1]
    shapes = {op.name: math.prod(op.shape[1:]) for op in anatomy.ops if len(op.shape) > 1}
    widths = [
        (shapes.get(one.name, one.shape[0] if one.shape else 0), one.name) for _, one in hidden(anatomy)
    ]
    width, name = min((pair for pair in widths if pair[0] > 0), default=(0, ""))
    needed = asked - 1 if task.kind == "classes" else asked
    return (width, name, needed) if name and width < needed else None


def _through(record: Record, width: int, name: str, needed: int, severity: Severity) -> Finding:
    asked = 0 if record.task is None else max(record.task.n_classes, record.task.outputs[-1])
    return Finding(
        "bottleneck",
        severity,
        name,
        (
            Evidence("units", float(width), float(needed)),
            Evidence("share of the constant's loss learnt", progress(record).learnt, MEDIOCRE),
        ),
        f"All that reaches the {asked} outputs passes {width} numbers at {name}: outputs lie in a space of "
        f"{width} dimensions, and the targets ask for {needed} or more.",
        f"Let at least as many numbers pass {name} as there are outputs, usually several times as many.",
        changes=(Change("width", value=8.0),),
        explains=(
            "too-small",
            "plateau",
            "no-learning",
            "class-imbalance",
            *(("dead-units",) if cut_of(record) is None else ()),  # such as were dead before any step
            "rate-too-low",
            "too-few-epochs",
            *(("too-deep",) if _is_choked(record) else ()),
        ),
    )


def _is_chain(anatomy: Anatomy) -> bool:
    """Whether signals have one way alone: no skips, gates, attention or recurrence."""
    gated = any(op.what in ("mul", "matmul", "bmm", "einsum", "cat", "add", "sub") for op in anatomy.ops)
    kinds = {layer.kind for layer in anatomy.layers}
    return not anatomy.why and anatomy.skips == 0 and not gated and kinds <= {"linear", "convolution"}


def _deep(record: Record) -> Answer:
    return forgets(record) or _deep_chain(record)


def _deep_chain(record: Record) -> Answer:
    code, depth = "too-deep", chain_depth(record.anatomy)
    flow, first = flow_of(record), next((one for one in record.surveys if one.step == 0), None)
    if depth < 2 or flow is None or first is None:
        return not_applicable(code, "no chain of hidden layers, or no look before training")
    scatter = sum(5.0 / width for width in _widths(record.anatomy))
    apart = _joined(record, first)
    if not scatter > SCATTERED and not apart < JOINED:
        return clear(code)
    if cut_of(record) is not None:
        return clear(code, "rows become one at a single place, and not by depth")
    if len(flow.excess) and not CRITICAL[0] <= flow.median <= CRITICAL[1]:
        return clear(code, "the first weights are not critical: that comes first")
    mended = relief(record, "norm") or relief(record, "depth", below=1.0)
    refuted = mended is None and bool(tried(record, "norm") or tried(record, "depth", below=1.0))
    refuted = refuted or relief(record, "learning rate", above=1.0) is not None  # as deep, and it learns
    if is_mature(record) and (not failing(record) or refuted) and mended is None:
        return clear(code, "it learns all the same")
    return (
        Finding(
            code,
            "fault" if is_mature(record) and poor(record) else "hint",
            "",
            (
                Evidence("sum of 5/width over the layers", scatter, SCATTERED),
                Evidence("1 - correlation of rows at the last layer", apart, JOINED),
            ),
            f"At the end of {depth} hidden layers, rows that differ look alike or gradients scatter by "
            f"a factor of {math.exp(min(50.0, math.sqrt(scatter))):.3g}, under critical weights too.",
            "Add skips, or norms; or take fewer and wider layers.",
            changes=(Change("norm", word="layer"), Change("depth", value=0.5)),
            explains=(
                *(one for one in (*FADING, "dead-units") if one not in (code, "activation-contracts")),
                *(() if _is_choked(record) else ("bottleneck",)),
            ),
        ),
    )


def _widths(anatomy: Anatomy) -> list[int]:
    return [one.shape[0] if one.kind == "linear" else one.fan_in for _, one in hidden(anatomy) if one.shape]


def _joined(record: Record, first: Survey) -> float:
    """1 - correlation of rows at the last layer, over that at the first: what the depth did."""
    apart = first.apart
    if len(apart) != len(record.anatomy.layers) or not apart[0] > 0.0:
        return math.nan
    return float(apart[-1] / min(1.0, apart[0]))


RULES = (
    Rule("rows-mixed", _mixed),
    Rule("input-ignored", ignored),
    Rule("answer-seen", answer_seen),
    Rule("part-unused", _unused),
    Rule("bottleneck", _narrow),
    Rule("too-small", too_small),
    Rule("too-large", too_large),
    Rule("too-deep", _deep),
)
