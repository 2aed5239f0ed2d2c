"""Rules on the architecture: what is connected to what, how wide, and how deep."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Anatomy, Layer
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.consequences import FADING, STALLED
from profunda.diagnosis.rules.cuts import Cut, cut_of
from profunda.diagnosis.rules.flow import chain_depth, flow_of, hidden
from profunda.diagnosis.rules.passes import batch_norms
from profunda.diagnosis.rules.readings import (
    MEDIOCRE,
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
from profunda.diagnosis.rules.sequences import answer_seen, forgets, order_ignored
from profunda.diagnosis.rules.sizes import too_large, too_small

__all__ = ["RULES"]

MIXED = 1e-2
"""Change of a row's outputs by other rows over the outputs' spread: rounding in float32 gives 1e-5."""

SPREAD = 1e-4
"""Spread of outputs over their size below which such a ratio is rounding over rounding."""

IGNORED = 1e-5
"""Outputs' change by the inputs over their size: a network that says the prior alone is at 1e-2 and above,
float32 rounds at 1e-7."""

ALIKE = 1e-10
"""1 - correlation of rows in what leaves the first layer, where they differ by rounding alone."""

BEHIND = (
    "dead-units",
    "saturated-units",
    "weights-too-small",
    "too-deep",
    "norm-missing",
    "activation-contracts",
    "bottleneck",
)
"""What rows that are all alike look like further on."""

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


def _ignored(record: Record) -> Answer:
    code, last, cut = "input-ignored", after(record) or before(record), cut_of(record)
    cut = cut if cut is not None and not cut.place else None
    if last is None or (last.step == 0 and cut is None):
        return not_applicable(code, "outputs of a trained network were not looked at")
    moves = last.sensitivity[np.isfinite(last.sensitivity)]
    change = float(np.max(moves)) if len(moves) else last.output_spread
    size = abs(last.output_size) + float(np.max(np.abs(last.output_mean), initial=0.0))
    if not math.isfinite(change) or not math.isfinite(size):
        return not_applicable(code, "outputs of a trained network were not looked at")
    ratio = change / size if size > 0.0 else 0.0
    if ratio >= IGNORED:
        return order_ignored(record) or clear(code)
    if not poor(record) and (cut is None or is_mature(record)):
        return clear(code, "a constant fits")
    layers, begun = record.anatomy.layers, cut is not None or _never_entered(record)
    return (
        Finding(
            code,
            "fault",
            "" if cut is None else layers[cut.after + 1].name,
            (Evidence("change of outputs with the inputs, over their size", ratio, IGNORED, "ratio"),),
            _how_ignored(cut, layers),
            "Follow one row through forward: is every result handed on to the next layer, and is no norm or "
            "softmax taken over one number?",
            step=0 if cut is not None else last.step,
            explains=(
                *(one for one in STALLED if one != code and (begun or one != "batch-too-small")),
                *(BEHIND if begun else ()),
            ),
        ),
    )


def _how_ignored(cut: Cut | None, layers: tuple[Layer, ...]) -> str:
    if cut is None:
        return (
            "Whatever enters, the outputs are the same: the inputs are not connected to them, or nothing of "
            "what they bring survives on the way."
        )
    if cut.after < 0:
        return (
            f"Whatever enters, {layers[0].name} and all behind it give the same: what differs between rows "
            "is lost before the first layer."
        )
    return (
        f"Rows still differ in what leaves {layers[cut.after].name}, and are all the same in what leaves "
        f"{layers[cut.after + 1].name}: what lies between takes away all that tells them apart, as a norm or "
        "a softmax over one number does, or a result that is not handed on."
    )


def _never_entered(record: Record) -> bool:
    """Whether rows are alike from the first layer on, and not only after some of its units died."""
    looks = [one.apart[0] for one in record.surveys if len(one.apart)]
    return bool(looks) and all(abs(one) < ALIKE for one in looks)


def _unused(record: Record) -> Answer:
    code, anatomy = "part-unused", record.anatomy
    if anatomy.why or not anatomy.layers:
        return not_applicable(code, "the network could not be read")
    held = set(anatomy.unused)
    if record.optimiser is not None:
        held -= set(record.optimiser.missing)
    names = sorted({name.rpartition(".")[0] for name in held if name.rpartition(".")[2] != "bias"})
    names = [name for name in names if not (name in anatomy.references or _gets_gradients(record, name))]
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
            harm=min(1.0, share),
            explains=("no-learning", "plateau", "too-small", "input-ignored", "bottleneck", "rate-too-low"),
        ),
    )


def _frozen(record: Record) -> Answer:
    """Layers that are not trained and were not before: as good as what a draw happens to give."""
    code, names = "part-unused", record.anatomy.frozen
    if not names:
        return clear(code)
    if not is_mature(record):
        return too_little(code, "frozen as drawn; what features of a draw do is not known yet")
    if not poor(record) and not progress(record).by_loss < MEDIOCRE:
        return clear(code, "frozen as drawn, and such features serve")
    numbers = sum(one.parameters for one in record.anatomy.layers if one.name in names)
    share = numbers / max(1, record.anatomy.parameters)
    return (
        Finding(
            code,
            "fault" if poor(record) else "hint",
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


def _gets_gradients(record: Record, name: str) -> bool:
    """Whether in the loop some were seen after all: for parts that only a loss of the user's own calls."""
    course, layers = record.course, [layer.name for layer in record.anatomy.layers]
    if course is None or name not in layers or course.gradient.shape[1:] != (len(layers),):
        return False
    return bool(np.nanmax(course.gradient[:, layers.index(name)], initial=0.0) > 0.0)


# Width and depth --------------------------------------------------------------------------------------


def _narrow(record: Record) -> Answer:
    code, anatomy, task = "bottleneck", record.anatomy, record.task
    if task is None or task.kind not in ("classes", "values", "multilabel") or len(task.outputs) != 2:
        return not_applicable(code, "one row of outputs for each row of inputs is asked for")
    if not _is_chain(anatomy) or len(hidden(anatomy)) < 1:
        return not_applicable(code, "no chain of layers that all signals pass")
    asked = task.n_classes if task.kind == "classes" else task.outputs[1]
    shapes = {op.name: math.prod(op.shape[1:]) for op in anatomy.ops if len(op.shape) > 1}
    widths = [
        (shapes.get(one.name, one.shape[0] if one.shape else 0), one.name) for _, one in hidden(anatomy)
    ]
    width, name = min((pair for pair in widths if pair[0] > 0), default=(0, ""))
    needed = asked - 1 if task.kind == "classes" else asked
    if not name or width >= needed:
        return clear(code)
    if not is_mature(record):
        return too_little(code, "narrow, and it may be enough")
    mended = relief(record, "width", above=1.0)
    if not poor(record) and mended is None:
        return clear(code, "narrow, and enough")
    refuted = mended is None and bool(tried(record, "width", above=1.0))
    if refuted:
        return clear(code, "wider layers do no better")
    return (
        Finding(
            code,
            "fault" if poor(record) else "hint",
            name,
            (
                Evidence("units", float(width), float(needed)),
                Evidence("share of the constant's loss learnt", progress(record).learnt, MEDIOCRE),
            ),
            f"All that reaches the {asked} outputs passes the {width} units of {name}: outputs lie in a "
            f"space of {width} dimensions, and the targets ask for up to {needed}.",
            f"Give {name} at least as many units as there are outputs, usually several times as many.",
            changes=(Change("width", name, 8.0),),
            explains=("too-small", "plateau", "no-learning", "class-imbalance", "dead-units", "rate-too-low"),
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
    if len(flow.excess) and not CRITICAL[0] <= flow.median <= CRITICAL[1]:
        return clear(code, "the first weights are not critical: that comes first")
    mended = relief(record, "norm") or relief(record, "depth", below=1.0)
    refuted = mended is None and bool(tried(record, "norm") or tried(record, "depth", below=1.0))
    if not is_mature(record):
        return too_little(code, "deep, and it may learn all the same")
    if (not failing(record) or refuted) and mended is None:
        return clear(code, "it learns all the same")
    return (
        Finding(
            code,
            "fault" if poor(record) else "hint",
            "",
            (
                Evidence("sum of 5/width over the layers", scatter, SCATTERED),
                Evidence("1 - correlation of rows at the last layer", apart, JOINED),
            ),
            f"At the end of {depth} hidden layers, rows that differ look alike or gradients scatter by "
            f"a factor of {math.exp(min(50.0, math.sqrt(scatter))):.3g}, under critical weights too.",
            "Add skips, or norms; or take fewer and wider layers.",
            changes=(Change("norm", word="layer"), Change("depth", value=0.5)),
            explains=tuple(
                one for one in (*FADING, "dead-units") if one not in (code, "activation-contracts")
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
    Rule("input-ignored", _ignored),
    Rule("answer-seen", answer_seen),
    Rule("part-unused", _unused),
    Rule("bottleneck", _narrow),
    Rule("too-small", too_small),
    Rule("too-large", too_large),
    Rule("too-deep", _deep),
)
