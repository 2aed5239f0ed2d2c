"""Rules on the optimiser: whether it holds the network's parameters, and constants far from where they
work."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Group
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.readings import after, failing, is_mature, poor, progress, relief
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES"]

LONG_MEMORY = 0.25
"""Steps that a gradient is remembered, 1/(1 − m), as part of the run: beyond, the direction of the end is
that of the beginning."""

HEAVY = 0.98
"""Momentum below this remembers at most 50 steps: within what is common, whatever the run."""

DROWNED = 10.0
"""ε over a usual gradient's number: the step is then shorter by this factor than the rate says."""


# Held -------------------------------------------------------------------------------------------------


def _held(record: Record) -> Answer:
    code, optimiser, anatomy = "parameters-not-held", record.optimiser, record.anatomy
    if optimiser is None:
        return not_applicable(code, "no optimiser is known")
    missing = [name for name in optimiser.missing if name not in anatomy.unused]
    if not missing:
        return clear(code)
    if _moved_by_others(record, missing):
        return clear(code, "something else moves them")
    held = sum(one.parameters for one in optimiser.groups) - optimiser.foreign
    if held > 0 and optimiser.foreign == 0 and _is_head(record, missing) and not failing(record):
        return clear(code, "the last layers alone are trained, on features that stay")
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
            + (" It holds others instead: those of a module that was replaced?" if optimiser.foreign else ""),
            "Make the optimiser after the network is complete, from model.parameters(), or freeze on purpose "
            "with requires_grad_(False).",
            explains=("dead-units", "norm-missing", "lazy", *STALLED),
        ),
    )


def _moved_by_others(record: Record, missing: list[str]) -> bool:
    """Whether layers whose parameters are all missing went somewhere all the same."""
    last, layers = after(record), record.anatomy.layers
    if last is None or len(last.moved) != len(layers):
        return False
    owners = {name.rpartition(".")[0] for name in missing}
    return any(
        far > 0.0
        for layer, far in zip(layers, last.moved, strict=True)
        if layer.name in owners
        and {f"{layer.name}.weight", f"{layer.name}.bias"} & set(missing)
        and f"{layer.name}.weight" in missing
    )


def _is_head(record: Record, missing: list[str]) -> bool:
    """Whether what is held ends the network, the last layer with it."""
    layers = [layer.name for layer in record.anatomy.layers]
    lost = [any(name.startswith(f"{layer}.") for name in missing) for layer in layers]
    if not lost or lost[-1]:
        return False
    return lost == sorted(lost, reverse=True)


# Constants --------------------------------------------------------------------------------------------


def _constants(record: Record) -> Answer:
    code, optimiser, course = "optimiser-constants", record.optimiser, record.course
    if optimiser is None or not optimiser.groups:
        return not_applicable(code, "no optimiser is known")
    steps = max(course.steps, course.planned) if course is not None else 0
    odd = [shown for group in optimiser.groups for shown in _odd(group, steps, course, record)]
    if not odd:
        return clear(code)
    crossed = any(name in ("crossed", "endless") for name, _ in odd)
    if not is_mature(record) and not failing(record):
        return (_strange(record, "hint", odd),) if crossed and course is None else too_little(code, "odd")
    mended = relief(record, "optimiser")
    harmed = poor(record) or mended is not None
    if not harmed and not crossed:
        return clear(code, "odd, and it learns all the same")
    return (_strange(record, "fault" if poor(record) else "hint", odd),)


def _odd(group: Group, steps: int, course: Course | None, record: Record) -> list[tuple[str, Evidence]]:
    first, second = group.betas
    memory = group.momentum if math.isfinite(group.momentum) else first
    found = []
    if first > math.sqrt(second) if math.isfinite(first) and second >= 0.0 else False:
        found.append(("crossed", Evidence("β₁ over √β₂", first / max(math.sqrt(second), 1e-12), 1.0)))
    if memory >= 1.0:
        found.append(("endless", Evidence("momentum", memory, 1.0)))
    elif memory > HEAVY and steps > 0 and 1.0 / max(1e-12, 1.0 - memory) > LONG_MEMORY * steps:
        horizon = 1.0 / max(1e-12, 1.0 - memory)
        found.append(("heavy", Evidence("steps remembered", horizon, LONG_MEMORY * steps, "steps")))
    drowned = group.eps / _usual_number(record, course)
    if drowned >= DROWNED:
        found.append(("drowned", Evidence("ε over a usual gradient's number", drowned, DROWNED)))
    return found


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
        "drowned": "ε drowns the root of the squares, so that steps shrink with the gradients",
    }
    learnt = progress(record).learnt
    return Finding(
        "optimiser-constants",
        "fault" if severity == "fault" else "hint",
        "",
        tuple(shown for _, shown in odd),
        f"{name} is far from where it works: {'; '.join(dict.fromkeys(why[kind] for kind, _ in odd))}.",
        f"Go back to the usual constants of {name}.",
        changes=(Change("optimiser", word="defaults"),),
        harm=min(1.0, max(0.1, 1.0 - learnt)) if math.isfinite(learnt) else 1.0,
        explains=("rate-too-high", "loss-not-finite", "dead-units", "saturated-units", *STALLED),
    )


RULES = (
    Rule("parameters-not-held", _held),
    Rule("optimiser-constants", _constants),
)
