"""Rules on activations: units that give nothing, slopes that let gradients fade, and none where one is due.

Sparsity of ReLUs and tanh near its ends are how trained networks look; they count only where it fails.
"""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Activation, Anatomy
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.consequences import FADING, STALLED
from profunda.diagnosis.rules.cuts import SHARES, cut_of
from profunda.diagnosis.rules.flow import chain_depth, flow_of, hidden, is_squashing
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
from profunda.vitals.causes import DEAD_SHARE

__all__ = ["RULES"]

SATURATED = 0.8
"""Share of a layer's activations on flat ends: four of five gradients stop there."""

FADES = 1e-2
"""What is left of a gradient, or of a difference between rows, after all layers."""

LEAST_SQUASHED = 2
"""Hidden layers from which slopes multiply."""

NOT_LINEAR = frozenset({"recurrent", "attention", "other"})


def _inner(record: Record, values: np.ndarray) -> list[tuple[int, float]]:
    """Indices and values of the activations that stand before the last layer."""
    places, last = record.anatomy.activations, len(record.anatomy.layers) - 1
    if len(values) != len(places):
        return []
    return [
        (at, float(value))
        for at, (place, value) in enumerate(zip(places, values, strict=True))
        if 0 <= place.after < last and math.isfinite(value)
    ]


def _worst(pairs: list[tuple[int, float]]) -> tuple[int, float]:
    return max(pairs, key=lambda pair: pair[1], default=(-1, math.nan))


def _mortal(record: Record, values: np.ndarray) -> list[tuple[int, float]]:
    """`_inner` without shares of a whole: a softmax that is constant has the wrong axis, and is not dead."""
    places = record.anatomy.activations
    return [pair for pair in _inner(record, values) if places[pair[0]].what not in SHARES]


def _latest(record: Record) -> Survey | None:
    return after(record) or before(record)


def _dead(record: Record) -> Answer:
    code, look = "dead-units", _latest(record)
    if look is None or not _mortal(record, look.dead):
        return not_applicable(code, "no activations before the last layer were looked at")
    at, share = _worst(_mortal(record, look.dead))
    flat = look.saturated[at] if at < len(look.saturated) else 0.0
    if share < DEAD_SHARE:
        return clear(code)
    if flat >= SATURATED:
        return clear(code, "they sit on flat ends: that is another code")
    if look.step == 0 and record.anatomy.skips > 0:
        return too_little(code, "dead before training, and signals may pass by")
    cut = cut_of(record)
    begun = cut is not None and bool(cut.place)
    if look.step > 0 and not poor(record) and not (begun and not is_mature(record)):
        learns = not math.isnan(progress(record).learnt) and is_mature(record)
        return clear(code, "it learns all the same") if learns else too_little(code, "what it costs is open")
    return (_died(record.anatomy.activations[at], share, look.step, begun),)


def _died(place: Activation, share: float, step: int, begun: bool) -> Finding:
    """`begun`: whether they were dead before training."""
    return Finding(
        "dead-units",
        "fault",
        place.name,
        (Evidence("units that give the same number on all rows", share, DEAD_SHARE, "share"),),
        f"{share:.0%} of the {place.units} units of {place.name} ({place.what}) give one number whatever "
        "enters: nothing passes them, and no gradient comes back that could revive them.",
        "Begin with biases at 0 and weights at the critical variance, step shorter, or use an activation "
        "that has a slope on both sides.",
        step=0 if begun else step,
        changes=(
            Change("initialisation", word="critical"),
            Change("activation", word="leaky_relu"),
            Change("learning rate", value=0.1),
        ),
        explains=(
            *(one for one in STALLED if begun or one != "batch-too-small"),  # noise may have killed them
            "norm-missing",
            "lazy",
            "bottleneck",
            *(("weights-too-small",) if begun else ()),
        ),
    )


def _saturated(record: Record) -> Answer:
    code, look = "saturated-units", _latest(record)
    if look is None or not _inner(record, look.saturated):
        return not_applicable(code, "no activations with flat ends were looked at")
    at, share = _worst(_inner(record, look.saturated))
    if share < SATURATED:
        return clear(code)
    if look.step == 0 or not is_mature(record):
        return too_little(code, "saturated, and what that costs is not known yet")
    mended = relief(record, "initialisation") or relief(record, "norm")
    if not failing(record) and not (poor(record) and mended is not None and mended.gain >= GREAT_GAIN):
        return clear(code, "it learns all the same")
    place = record.anatomy.activations[at]
    return (
        Finding(
            code,
            "fault",
            place.name,
            (Evidence("activations on a flat end", share, SATURATED, "share"),),
            f"{share:.0%} of what {place.name} ({place.what}) gives lies on its flat ends, where less than a "
            "twenty-fifth of a gradient passes: the layers below hardly learn.",
            "Begin with smaller weights, scale the inputs, or put a norm before the activation.",
            step=look.step,
            changes=(Change("initialisation", word="critical"), Change("norm", word="layer")),
            explains=(*STALLED, "norm-missing", "lazy", "activation-contracts"),
        ),
    )


def _contracts(record: Record) -> Answer:
    code = "activation-contracts"
    squashed = [one for _, one in hidden(record.anatomy) if is_squashing(one.activation)]
    if len(squashed) < LEAST_SQUASHED or not chain_depth(record.anatomy):
        return not_applicable(code, "no chain of activations of small slope, without norms or skips")
    flow = flow_of(record)
    if flow is None or math.isnan(flow.least):
        return not_applicable(code, "no look at signals before training")
    if flow.least >= FADES:
        return clear(code)
    if not is_mature(record):
        return too_little(code, "signals fade, and it may learn all the same")
    mended = relief(record, "activation")
    refuted = mended is None and bool(tried(record, "activation"))
    fails = failing(record) and not refuted
    if not fails and mended is None:
        return clear(code, "it learns all the same")
    fault = fails or (poor(record) and mended is not None and mended.gain >= GREAT_GAIN)
    what = squashed[0].activation
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            squashed[0].name,
            (
                Evidence("what is left after all layers", flow.least, FADES, "ratio"),
                Evidence(f"hidden layers with {what}", float(len(squashed)), LEAST_SQUASHED),
            ),
            f"The slope of {what} is well below 1 wherever signals begin, so that each of the "
            f"{len(squashed)} layers takes a part of every gradient: {flow.least:.1e} is left.",
            "Use an activation with slope 1 (ReLU, GELU, tanh) and its critical first weights.",
            changes=(Change("activation", word="relu"), Change("norm", word="layer")),
            explains=tuple(one for one in (*FADING, "saturated-units") if one != code),
        ),
    )


def _is_linear(anatomy: Anatomy) -> bool:
    """Whether nothing between the first and the last layer bends a signal."""
    if any(layer.kind in NOT_LINEAR or layer.activation for layer in anatomy.layers[:-1]):
        return False
    bent = [op for op in anatomy.ops if op.kind == "norm" and "batch" not in op.what]
    pooled = [op for op in anatomy.ops if op.kind == "pool" and "max" in op.what]
    early = anatomy.activations and any(one.after < len(anatomy.layers) - 1 for one in anatomy.activations)
    return not (bent or pooled or early or any(op.kind in NOT_LINEAR - {"other"} for op in anatomy.ops))


def _none(record: Record) -> Answer:
    code, anatomy = "no-activation", record.anatomy
    dense = hidden(anatomy)
    if anatomy.why or not dense or not anatomy.layers or anatomy.layers[-1].kind in NOT_LINEAR:
        return not_applicable(code, "no hidden layers, or the network could not be read")
    if not _is_linear(anatomy):
        return clear(code)
    if not is_mature(record):
        return (_linear(record, "hint", math.nan),) if record.course is None else too_little(code, "linear")
    mended, got, targets = relief(record, "activation"), progress(record), record.targets
    short = math.nan if targets is None else targets.skill - 2.0 * targets.skill_error - got.learnt
    if mended is None and not short >= CLEAR_GAIN and not failing(record):
        return clear(code, "linear, and nothing shows that more is to be learnt of these rows")
    gain = mended.gain if mended is not None else short
    fault = failing(record) or gain >= GREAT_GAIN
    return (_linear(record, "fault" if fault else "hint", gain),)


def _linear(record: Record, severity: str, gain: float) -> Finding:
    dense = hidden(record.anatomy)
    gained = () if math.isnan(gain) else (Evidence("loss that a bend takes away", gain, CLEAR_GAIN),)
    return Finding(
        "no-activation",
        "fault" if severity == "fault" else "hint",
        dense[0][1].name,
        (Evidence("layers with nothing that bends between them", float(len(dense) + 1), 1.0), *gained),
        f"The {len(dense) + 1} layers follow each other without an activation: their product is one matrix, "
        "and the network can do no more than a linear model.",
        "Put an activation behind each layer but the last.",
        changes=(Change("activation", word="relu"),),
        harm=min(1.0, 0.3 if math.isnan(gain) else max(0.3, gain)),
        explains=("plateau", "no-learning", "too-small", "class-imbalance", "bottleneck", "too-few-epochs"),
    )


RULES = (
    Rule("dead-units", _dead),
    Rule("saturated-units", _saturated),
    Rule("activation-contracts", _contracts),
    Rule("no-activation", _none),
)
