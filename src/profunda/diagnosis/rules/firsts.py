"""First weights and gates' biases that are far from what is usual for their kind, wherever they stand.

Told before any step; a run that is long enough bears it out by failing, by not carrying over to validation
rows, or by a short training with usual weights that does better, and takes it back where it learns.
"""

import math

from profunda.diagnosis.finding import Change, Evidence, Finding, Severity
from profunda.diagnosis.givens import First
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import FADING, STALLED, WILD
from profunda.diagnosis.rules.halving import halved, sooner
from profunda.diagnosis.rules.readings import MEDIOCRE, failing, helped, is_mature, poor, progress

__all__ = ["far_large", "far_small", "shut", "with_large", "with_shut", "with_small"]

LARGE = {"weights": 3.0, "projections": 3.0, "state": 2.5, "gated state": 2.5, "embedding": 5.0}
"""Usual ones are 0.58 (torch) to 1.67 (a tanh's gain of 5/3), states 0.58 to 1, embeddings 0.02 to 1. At
twice that units leave their working range in one layer, and a state of tanh is chaotic (Sompolinsky,
Crisanti and Sommers 1988: from a radius of 1 on, without inputs)."""

SMALL = {"weights": 0.02, "projections": 0.02, "state": 0.02, "embedding": 5e-4}
"""A normal law with 0.02, of the narrowest layers with 16 ends, comes to 0.08."""

FLAT = 3.0
"""A gate of that bias has a twentieth of the slope that one half open has; to hold, or to open, over T
places it may be biased by log T more (Tallec and Ollivier 2018)."""

_HARMLESS = {("forget gate", 1), ("reset gate", 1)}
"""What keeps a state, or sees all of it, as is usual."""


def far_large(record: Record) -> First | None:
    """The part whose first weights are the most above what is usual; None where none is far."""
    found = [one for one in _bare(record) if one.size > LARGE.get(one.kind, math.inf)]
    return max(found, key=lambda one: one.size / LARGE[one.kind], default=None)


def far_small(record: Record) -> First | None:
    """The same below. What ends a network, or a way around which signals pass, may begin at nothing."""
    layers = record.anatomy.layers
    last = layers[-1].name if layers else ""
    inner = [] if record.anatomy.skips else [one for one in _bare(record) if one.name != last]
    found = [one for one in inner if 0.0 < one.most < SMALL.get(one.kind, 0.0)]
    return min(found, key=lambda one: one.most / SMALL[one.kind], default=None)


def shut(record: Record) -> First | None:
    """The gate whose biases are the furthest out on a flat end."""
    gates = [one for one in record.anatomy.firsts if one.kind.endswith("gate")]
    rows = record.rows
    limit = FLAT + math.log(max(1, rows.shape[0] if rows is not None and rows.shape else 1))
    found = [
        one
        for one in gates
        if abs(one.size) > limit and (one.kind, 1 if one.size > 0 else -1) not in _HARMLESS
    ]
    return max(found, key=lambda one: abs(one.size), default=None)


def _bare(record: Record) -> list[First]:
    """Those behind which no norm brings signals to a usual size."""
    normed = {one.name for one in record.anatomy.layers if one.norm}
    return [one for one in record.anatomy.firsts if one.name not in normed]


def _severity(record: Record, carries_over: bool) -> Severity | None:
    """None where the training took it back."""
    if not is_mature(record):
        return "hint"
    if failing(record) or poor(record):
        return "fault"
    doubtful = progress(record).by_loss < MEDIOCRE or not carries_over
    what = "initialisation"
    gains = helped(record, what) is not None or halved(record, what) > 0.0 or sooner(record, what)
    return "hint" if doubtful or gains else None


def with_large(record: Record, carries_over: bool) -> Finding | None:
    """The finding of `far_large`."""
    one = far_large(record)
    severity = None if one is None else _severity(record, carries_over)
    if one is None or severity is None:
        return None
    what = {
        "weights": "signals grow by that in this layer alone, and bent units end on their flat ends",
        "projections": "scores of attention grow with its square, and all weight falls on one place",
        "embedding": "signals begin that large, and the first steps only undo it",
    }.get(
        one.kind, "a state is thrown from end to end at each place, and gradients explode on their way back"
    )
    return _finding(
        "weights-too-large",
        severity,
        one,
        LARGE[one.kind],
        f"The first {one.kind} of {one.name or 'the network'} are {one.size:.2g} in the unit in which usual "
        f"ones are about 1: {what}.",
        (*WILD, "activation-contracts", "too-deep", "overfitting", "lazy"),
    )


def with_small(record: Record) -> Finding | None:
    """The finding of `far_small`."""
    one = far_small(record)
    severity = None if one is None else _severity(record, True)
    if one is None or severity is None:
        return None
    return _finding(
        "weights-too-small",
        severity,
        one,
        SMALL[one.kind],
        f"The first {one.kind} of {one.name or 'the network'} are {one.most:.2g} in the unit in which usual "
        "ones are about 1: next to nothing passes it forwards or backwards, until it has grown.",
        (*FADING, "saturated-units", "weights-equal"),
    )


def with_shut(record: Record) -> Finding | None:
    """The finding of `shut`."""
    one = shut(record)
    severity = None if one is None else _severity(record, True)
    if one is None or severity is None:
        return None
    return _finding(
        "saturated-units",
        severity,
        one,
        math.copysign(FLAT, one.size),
        f"The {one.kind}s of {one.name} begin with biases of {one.size:.3g}: they are "
        f"{'open' if one.size > 0 else 'shut'} to within {math.exp(-abs(one.size)):.0e} whatever enters, and "
        "so little of a gradient passes them.",
        (*STALLED, "norm-missing", "lazy", "too-deep", "weights-too-small", "activation-contracts"),
    )


def _finding(
    code: str, severity: Severity, one: First, limit: float, cause: str, explains: tuple[str, ...]
) -> Finding:
    measured = "bias" if one.kind.endswith("gate") else "size in the usual unit"
    value = one.most if code == "weights-too-small" else one.size
    return Finding(
        code,
        severity,
        one.name,
        (Evidence(f"{one.kind}, {measured}, before training", value, limit),),
        cause,
        "Draw it as torch's own layers do, or at the critical variance of the activation; biases at 0 (a "
        "forget gate's at 1).",
        changes=(Change("initialisation", word="critical"),),
        harm=1.0 if severity == "fault" else 0.3,
        explains=explains,
    )
