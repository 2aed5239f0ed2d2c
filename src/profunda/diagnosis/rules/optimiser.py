"""Rules on the optimiser: whether it holds the network's parameters, and constants far from where they
work."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Group, Layer
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.features import learnt_before
from profunda.diagnosis.rules.readings import (
    after,
    easy,
    epochs_seen,
    failing,
    is_mature,
    poor,
    progress,
    relief,
)
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable
from profunda.diagnosis.rules.trends import STRAIGHT, ending

__all__ = ["RULES"]

LONG_MEMORY = 0.25
"""Steps that a gradient is remembered, 1/(1 − m), as part of the run: beyond, the direction of the end is
that of the beginning."""

HEAVY = 0.98
"""Momentum below this remembers at most 50 steps: within what is common, whatever the run."""

HEAVIEST = 0.995
"""Momentum above this remembers 200 steps: what is common ends at 100, and a run would have to be of many
thousands to come to rest."""

FEWEST, MOST = 3, 0.5
"""Times that the past was thrown away: a few are phases of a training; and the part of steps, or of epochs,
from which on it is what the loop does."""

SETTLED = 0.9
"""Share of the way, and all that is easy, which a run that swung past its minimum would not have made."""

DROWNED = 10.0
"""ε over a usual gradient's number: the step is then shorter by this factor than the rate says."""


# Held -------------------------------------------------------------------------------------------------


def _held(record: Record) -> Answer:
    code, optimiser, anatomy = "parameters-not-held", record.optimiser, record.anatomy
    if optimiser is None:
        return not_applicable(code, "no optimiser is known")
    missing = [name for name in optimiser.missing if name not in anatomy.unused]
    strays = [name for name in optimiser.strays if name in anatomy.strays]
    missing += strays
    if not missing:
        thawed = _thawed(record)
        return (_never_handed_over(record, thawed),) if thawed else clear(code)
    if _moved_by_others(record, missing):
        return clear(code, "something else moves them")
    held = sum(one.parameters for one in optimiser.groups) - optimiser.foreign
    alone = held > 0 and optimiser.foreign == 0 and not strays and _on_features(record, missing)
    if alone and not failing(record):
        return clear(code, "the last layers alone are trained, on features that were learnt before")
    lost = held <= 0 or optimiser.foreign > 0 or poor(record)
    shown = (
        Evidence("trainable parameters that it does not hold", float(len(missing)), 0.0, "tensors"),
        Evidence("numbers held that are not the network's", float(optimiser.foreign), 0.0),
        Evidence("numbers held that are", float(max(0, held))),
    )
    return (
        Finding(
            code,
            "fault" if lost else "hint",
            missing[0].rpartition(".")[0],
            shown,
            f"The optimiser does not hold {len(missing)} of the network's trainable parameters "
            f"({', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}): they stay at their first values."
            + (" Layers in a plain list or dict are no part of model.parameters()." if strays else "")
            + (" It holds others instead: those of a module that was replaced?" if optimiser.foreign else ""),
            "Keep layers in nn.ModuleList or nn.ModuleDict, so that model.parameters() gives theirs."
            if strays
            else "Make the optimiser after the network is complete, from model.parameters(), or freeze on "
            "purpose with requires_grad_(False).",
            changes=(Change("thawing", word="registered"),) if strays else (),
            explains=("dead-units", "norm-missing", "lazy", *STALLED),
        ),
    )


def _thawed(record: Record) -> list[str]:
    """Layers that were frozen at first, have had gradients since, and were not moved by steps that moved
    others.
    """
    course, layers = record.course, record.anatomy.layers
    if course is None or course.gradient.shape != course.update.shape or not course.gradient.size:
        return []
    if course.gradient.shape[1] != len(layers):
        return []
    stepped = np.nanmax(np.nan_to_num(course.update), axis=1) > 0.0
    found = []
    for at, layer in enumerate(layers):
        asked = (course.gradient[:, at] > 0.0) & stepped
        frozen = not np.isfinite(course.gradient[0, at]) and bool(asked.any())
        if frozen and not np.any(course.update[asked, at] > 0.0):
            found.append(layer.name)
    last = after(record)
    if last is None or len(last.moved) != len(layers):
        return found
    moved = {layer.name for layer, far in zip(layers, last.moved, strict=True) if far > 0.0}
    return [name for name in found if name not in moved]


def _never_handed_over(record: Record, thawed: list[str]) -> Finding:
    names = f"{', '.join(thawed[:3])}{', …' if len(thawed) > 3 else ''}"
    return Finding(
        "parameters-not-held",
        "fault" if poor(record) else "hint",
        thawed[0],
        (Evidence("layers with gradients that no step moves", float(len(thawed)), 0.0, "layers"),),
        f"{names} {'was' if len(thawed) == 1 else 'were'} frozen when the optimiser was made and thawed "
        "since: gradients arrive there, and the optimiser does not hold what they are for.",
        "Call optimizer.add_param_group(...) with what is thawed, or give the optimiser all parameters from "
        "the beginning: it passes over those without a gradient.",
        explains=("dead-units", "norm-missing", "lazy", "part-unused", *STALLED),
    )


def _moved_by_others(record: Record, missing: list[str]) -> bool:
    """Whether layers of which nothing is held went somewhere all the same."""
    last, layers = after(record), record.anatomy.layers
    if last is None or len(last.moved) != len(layers):
        return False
    return any(far > 0.0 and _wholly(layer, missing) for layer, far in zip(layers, last.moved, strict=True))


def _wholly(layer: Layer, missing: list[str]) -> bool:
    """Whether weight and bias are missing, and no norm stands behind, whose numbers count to the layer."""
    biased = layer.parameters > math.prod(layer.shape)
    return (
        not layer.norm
        and f"{layer.name}.weight" in missing
        and (not biased or f"{layer.name}.bias" in missing)
    )


def _on_features(record: Record, missing: list[str]) -> bool:
    """Whether what is held ends the network, the last layer with it, and what is not held has been trained:
    who means to train a head alone has features to put it on, and not those of a draw.
    """
    anatomy = record.anatomy
    lost = [any(name.startswith(f"{one.name}.") for name in missing) for one in anatomy.layers]
    if not lost or lost[-1] or lost != sorted(lost, reverse=True):
        return False
    still = [one.name for out, one in zip(lost, anatomy.layers, strict=True) if out]
    return not set(still) & set(anatomy.drawn) - learnt_before(anatomy, still)


# Constants --------------------------------------------------------------------------------------------


def _constants(record: Record) -> Answer:
    code, optimiser, course = "optimiser-constants", record.optimiser, record.course
    if optimiser is None or not optimiser.groups:
        return not_applicable(code, "no optimiser is known")
    odd = [shown for group in optimiser.groups for shown in _odd(group, course, record)]
    odd += _forgetful(course, record)
    if not odd:
        return clear(code)
    if not is_mature(record) and not failing(record):
        return (_strange(record, "hint", odd),)  # what is set can be read before anything is learnt
    if not poor(record) and relief(record, "optimiser") is None and _serves(record, odd):
        return clear(code, "odd, and it learns all the same")
    return (_strange(record, "fault" if poor(record) else "hint", odd),)


def _serves(record: Record, odd: list[tuple[str, Evidence]]) -> bool:
    """Whether a run that is not poor acquits them. Averages over more than the run, or longer than those of
    squares, are wrong however it went; a long memory shows in that the end was not reached, short steps in
    that the loss still falls along a line.
    """
    kinds, learnt = {kind for kind, _ in odd}, progress(record).learnt
    longer = any(kind == "heavy" and shown.value * LONG_MEMORY > shown.limit for kind, shown in odd)
    if kinds & {"crossed", "endless", "anew"} or longer:
        return False
    last = ending(record)
    if "drowned" in kinds and last is not None and last.straight >= STRAIGHT and learnt < SETTLED:
        return False
    return not kinds & {"heavy", "often anew"} or learnt >= max(SETTLED, easy(record))


def _odd(group: Group, course: Course | None, record: Record) -> list[tuple[str, Evidence]]:
    first, second = group.betas
    memory = group.momentum if math.isfinite(group.momentum) else first
    found = []
    if first > math.sqrt(second) if math.isfinite(first) and second >= 0.0 else False:
        found.append(("crossed", Evidence("β₁ over √β₂", first / max(math.sqrt(second), 1e-12), 1.0)))
    if memory >= 1.0:
        found.append(("endless", Evidence("momentum", memory, 1.0)))
    elif memory > HEAVY:
        horizon, most = 1.0 / max(1e-12, 1.0 - memory), _longest(course)
        if horizon > most:
            found.append(("heavy", Evidence("steps remembered", horizon, most, "steps")))
    drowned = group.eps / _usual_number(record, course)
    if drowned >= DROWNED:
        found.append(("drowned", Evidence("ε over a usual gradient's number", drowned, DROWNED)))
    return found


def _forgetful(course: Course | None, record: Record) -> list[tuple[str, Evidence]]:
    """Where averages begin anew in most steps, or in each epoch."""
    if course is None or course.forgot < FEWEST or course.steps < 2:
        return []
    share, epochs = course.forgot / (course.steps - 1), epochs_seen(record)
    shown = Evidence("steps whose optimiser had no past, beyond the first", share, MOST, "share")
    if share >= MOST:
        return [("anew", shown)]
    return [("often anew", shown)] if course.forgot >= MOST * (epochs - 1.0) else []


def _longest(course: Course | None) -> float:
    """Steps that a gradient may be remembered: part of the run, or, where its length is not known yet, what
    is too long for all but the longest.
    """
    longest = 1.0 / (1.0 - HEAVIEST)
    if course is None or not (course.planned or course.finished):
        return longest
    return LONG_MEMORY * max(course.steps, course.planned)


def _usual_number(record: Record, course: Course | None) -> float:
    """Root mean square of the gradient's numbers at the first looks, where nothing has converged yet."""
    if course is None or course.gradient.ndim != 2 or not course.gradient.size:
        return math.nan
    sizes = [layer.parameters for layer in record.anatomy.layers]
    if course.gradient.shape[1] != len(sizes) or not sum(sizes):
        return math.nan
    early = course.gradient[: max(1, len(course.gradient) // 4)]
    squares = np.nansum(np.where(np.isfinite(early), early, math.nan) ** 2, axis=1)
    usual = math.sqrt(float(np.median(squares)) / sum(sizes))
    return usual if usual > 0.0 else math.nan


def _strange(record: Record, severity: str, odd: list[tuple[str, Evidence]]) -> Finding:
    name = record.optimiser.name if record.optimiser is not None else "optimiser"
    why = {
        "crossed": "it averages gradients over more steps than their squares, so that steps after a large "
        "gradient grow long (Reddi, Kale and Kumar 2018, theorem 4, ask for β₁ < √β₂)",
        "endless": "at this momentum no gradient is ever forgotten, so that steps never come to rest",
        "heavy": "it remembers gradients over a large part of the run, and swings past every minimum",
        "anew": "what it gathered is thrown away before each step (it is made, or its state is loaded, "
        "within the loop), so that momentum never gathers and averages of squares are of one gradient",
        "often anew": "what it gathered is thrown away with each epoch (it is made, or its state is loaded, "
        "within the loop), so that averages begin from nothing again and again",
        "drowned": "ε drowns the root of the squares, so that steps shrink with the gradients",
    }
    learnt = progress(record).learnt
    return Finding(
        "optimiser-constants",
        "fault" if severity == "fault" else "hint",
        "",
        tuple(shown for _, shown in odd),
        f"{name} is far from where it works: {'; '.join(dict.fromkeys(why[kind] for kind, _ in odd))}.",
        f"Go back to the usual constants of {name}."
        if not any(kind.endswith("anew") for kind, _ in odd)
        else f"Make {name} once, before the loop, and load no state within it.",
        changes=(Change("optimiser", word="defaults"),),
        harm=min(1.0, max(0.1, 1.0 - learnt)) if math.isfinite(learnt) else 1.0,
        explains=("rate-too-high", "loss-not-finite", "dead-units", "saturated-units", *STALLED),
    )


RULES = (
    Rule("parameters-not-held", _held),
    Rule("optimiser-constants", _constants),
)
