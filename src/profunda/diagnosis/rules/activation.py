"""Rules on activations: units that give nothing, slopes that let gradients fade, and none where one is due.

Sparsity of ReLUs and tanh near its ends are how trained networks look; they count only where it fails.
"""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding, Severity, Silence
from profunda.diagnosis.givens import Activation, Layer
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.bends import UNANSWERED, inert, turning, unanswered
from profunda.diagnosis.rules.consequences import FADING, STALLED, WILD
from profunda.diagnosis.rules.cuts import SHARES, cut_of
from profunda.diagnosis.rules.doubts import (
    BEGINS_FLAT,
    FEW_UNITS,
    NOT_LINEAR,
    SATURATED,
    flat_at_first,
    is_linear,
    squashed,
)
from profunda.diagnosis.rules.firsts import with_shut
from profunda.diagnosis.rules.flow import flow_of, hidden
from profunda.diagnosis.rules.halving import halved, sooner
from profunda.diagnosis.rules.readings import (
    CLEAR_GAIN,
    GREAT_GAIN,
    after,
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
from profunda.vitals.causes import DEAD_SHARE

__all__ = ["RULES"]

FADES = 1e-2
"""What is left of a gradient, or of a difference between rows, after all layers."""


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
    told = _shut(record)
    empty = _answering_few(record) if isinstance(told, Silence) else None
    return told if empty is None else (empty,)


def _answering_few(record: Record) -> Finding | None:
    """Units that answer some rows, and most rows that no unit answers."""
    place = unanswered(record.anatomy)
    if place is not None and place.units <= FEW_UNITS and place.silent < DEAD_SHARE:
        return None  # so few leave rows unanswered by chance: that they are few is the cause
    if place is None or (is_mature(record) and not poor(record) and not _costs(record, ("initialisation",))):
        return None
    return Finding(
        "dead-units",
        "fault" if is_mature(record) and poor(record) else "hint",
        place.name,
        (Evidence("rows that no unit answers, before training", place.silent, UNANSWERED, "share"),),
        f"On {place.silent:.0%} of the rows all {place.units} units of {place.name} ({place.what}) give "
        "next to nothing: to what follows these rows are one and the same, and no gradient comes back.",
        "Make the units answer wider: bells as broad as the rows lie apart, first biases at 0.",
        step=0,
        changes=(Change("initialisation", word="critical"),),
        explains=(*WILD, "lazy", "bottleneck", "too-deep", "overfitting", "weights-too-small"),
    )


def _shut(record: Record) -> Answer:
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
    told = _on_ends(record)
    plain = with_shut(record) if isinstance(told, Silence) else None
    return told if plain is None else (plain,)


def _on_ends(record: Record) -> Answer:
    code, look = "saturated-units", _latest(record)
    if look is None or not _inner(record, look.saturated):
        return not_applicable(code, "no activations with flat ends were looked at")
    at, share = _worst(_inner(record, look.saturated))
    begun = flat_at_first(record)
    if not is_mature(record):
        if begun < 0:
            return (
                clear(code) if share < SATURATED else too_little(code, "what saturation costs is not known")
            )
        return (_on_flat_ends(record, begun, "hint", begun=True),)
    if share < SATURATED and begun < 0:
        return clear(code)
    mended = relief(record, "initialisation") or relief(record, "norm")
    if begun >= 0 and poor(record):
        return (_on_flat_ends(record, begun, "fault" if failing(record) else "hint", begun=True),)
    if not failing(record) and not (poor(record) and mended is not None and mended.gain >= GREAT_GAIN):
        if begun >= 0 and _costs(record, ("initialisation", "norm", "activation")):
            return (_on_flat_ends(record, begun, "hint", begun=True),)
        return clear(code, "it learns all the same")
    return (_on_flat_ends(record, at, "fault", begun=False),)


def _costs(record: Record, ways: tuple[str, ...]) -> bool:
    """Whether what stands plainly there from the start counts though the run learnt: one of these trials is
    worth it; or there is room for a gain, and none speaks against it.
    """
    if any(helped(record, one) or halved(record, one) > 0.0 or sooner(record, one) for one in ways):
        return True
    got = progress(record)
    return got.end >= CLEAR_GAIN * got.trivial and not any(tried(record, one) for one in ways)


def _on_flat_ends(record: Record, at: int, severity: Severity, *, begun: bool) -> Finding:
    """`begun`: whether they were there before training, so that no step brought them there."""
    place, look = record.anatomy.activations[at], before(record) if begun else _latest(record)
    when = " before the first step" if begun else ""
    return Finding(
        "saturated-units",
        severity,
        place.name,
        (
            Evidence(
                f"activations on a flat end{when}",
                math.nan if look is None else float(look.saturated[at]),
                BEGINS_FLAT if begun else SATURATED,
                "share",
            ),
        ),
        f"Most of what {place.name} ({place.what}) gives{when} lies on its flat ends, where less than a "
        "twenty-fifth of a gradient passes: the layers below hardly learn.",
        "Begin with smaller weights, scale the inputs, or put a norm before the activation.",
        step=0 if look is None else look.step,
        changes=(Change("initialisation", word="critical"), Change("norm", word="layer")),
        explains=(*(WILD if begun else STALLED), "norm-missing", "lazy", "activation-contracts"),
    )


def _contracts(record: Record) -> Answer:
    told = _chained(record)
    turned = _turned(record) if isinstance(told, Silence) else None
    return told if turned is None else (turned,)


def _turned(record: Record) -> Finding | None:
    """A state that passes slight slopes at every place of a sequence."""
    place, way = turning(record.anatomy), "activation"
    if place is None:
        return None
    gains = cured(record, way) is not None or halved(record, way) > 0.0 or sooner(record, way)
    bad = is_mature(record) and poor(record) and (gains or not tried(record, way))
    if is_mature(record) and not bad and not gains:
        return None
    return Finding(
        "activation-contracts",
        "fault" if bad else "hint",
        place.name,
        (Evidence("slope at each place", place.slope, 1.0), Evidence("places", float(place.turns))),
        f"At each of {place.turns} places the state passes {place.name} ({place.what}), whose slope is "
        f"{place.slope:.2g} where signals lie: what was read early, and its gradient, fade.",
        "Let the state pass a tanh, whose slope at 0 is 1; a sigmoid is for gates.",
        step=0,
        changes=(Change("activation", word="tanh"),),
        harm=1.0 if bad else 0.3,
        explains=tuple(one for one in (*FADING, "saturated-units") if one != "activation-contracts"),
    )


def _chained(record: Record) -> Answer:
    code = "activation-contracts"
    layers, flow = squashed(record.anatomy), flow_of(record)
    if not layers:
        return not_applicable(code, "no chain of activations of small slope, without norms or skips")
    if flow is None or math.isnan(flow.least):
        return not_applicable(code, "no look at signals before training")
    if not is_mature(record):
        return (_fading(layers, flow.least, "hint"),)
    mended = cured(record, "activation")
    refuted = mended is None and bool(tried(record, "activation"))
    shared = any(one.activation in SHARES for one in layers)
    fails = ((failing(record) and flow.least < FADES) or (poor(record) and shared)) and not refuted
    if not fails and mended is None and not _stays(record, shared):
        return clear(code, "it learns all the same")
    fault = fails or (poor(record) and mended is not None and mended.gain >= GREAT_GAIN)
    return (_fading(layers, flow.least, "fault" if fault else "hint"),)


def _stays(record: Record, shared: bool) -> bool:
    """Whether such slopes cost a run that learnt: units that share a whole, which nobody means in a chain,
    until something speaks against it; others where a trial without them leaves half of the loss.
    """
    return _costs(record, ("activation",)) if shared else halved(record, "activation") > 0.0


def _fading(layers: tuple[Layer, ...], left: float, severity: Severity) -> Finding:
    code, what = "activation-contracts", layers[0].activation
    return Finding(
        code,
        severity,
        layers[0].name,
        (
            Evidence("what is left after all layers", left, FADES, "ratio"),
            Evidence(f"hidden layers with {what}", float(len(layers))),
        ),
        f"The slope of {what} is well below 1 wherever signals begin, so that each of the {len(layers)} "
        f"layers takes a part of every gradient: {left:.1e} is left.",
        "Use an activation with slope 1 (ReLU, GELU, tanh) and its critical first weights.",
        changes=(Change("activation", word="relu"), Change("norm", word="layer")),
        explains=tuple(one for one in (*FADING, "saturated-units") if one != code),
    )


def _none(record: Record) -> Answer:
    code, anatomy = "no-activation", record.anatomy
    dense = hidden(anatomy)
    if anatomy.why or not dense or not anatomy.layers or anatomy.layers[-1].kind in NOT_LINEAR:
        return not_applicable(code, "no hidden layers, or the network could not be read")
    if not is_linear(anatomy):
        return _idle(record)
    if not is_mature(record):
        return (_linear(record, "hint", math.nan),)
    mended, got, targets = helped(record, "activation"), progress(record), record.targets
    short = math.nan if targets is None else targets.skill - 2.0 * targets.skill_error - got.learnt
    if mended is None and not short >= CLEAR_GAIN and not failing(record):
        return clear(code, "linear, and nothing shows that more is to be learnt of these rows")
    gain = mended.gain if mended is not None else short
    fault = failing(record) or (gain >= GREAT_GAIN and poor(record))
    return (_linear(record, "fault" if fault else "hint", gain),)


def _idle(record: Record) -> Answer:
    """An activation that does nothing in a network that others bend."""
    code, place = "no-activation", inert(record.anatomy)
    if place is None:
        return clear(code)
    gains = cured(record, "activation") is not None or halved(record, "activation") > 0.0
    bad = is_mature(record) and poor(record) and (gains or not tried(record, "activation"))
    if is_mature(record) and not bad and not gains:
        return clear(code, "it learns all the same")
    return (
        Finding(
            code,
            "fault" if bad else "hint",
            place.name,
            (Evidence("slope, the same for all inputs", place.slope),),
            f"On the first rows {place.name} ({place.what}) gives a multiple of what enters it, and bends "
            "nothing: the layers before and behind it are one.",
            "Put an activation there that bends where its inputs lie, such as a ReLU.",
            step=0,
            changes=(Change("activation", word="relu"),),
            harm=1.0 if bad else 0.3,
            explains=("plateau", "no-learning", "too-small", "class-imbalance", "too-few-epochs"),
        ),
    )


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
        changes=(Change("activation", word="inserted"),),
        harm=min(1.0, 0.3 if math.isnan(gain) else max(0.3, gain)),
        explains=("plateau", "no-learning", "too-small", "class-imbalance", "bottleneck", "too-few-epochs"),
    )


RULES = (
    Rule("dead-units", _dead),
    Rule("saturated-units", _saturated),
    Rule("activation-contracts", _contracts),
    Rule("no-activation", _none),
)
