"""Where rows that differ become one at a single place before training: what no weights of usual size do.

Weights that are too small take a part of every difference in every layer, down to rounding. A dead layer, a
norm over one number or a branch that is not connected takes all of it at once. So it is a cut where the
differences that enter a layer, carried by the weights it has, would be plain to see in what leaves it, and
are not. d_l = signal_l √apart_l as in `flow`.
"""

import math
from dataclasses import dataclass

import numpy as np

from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.readings import before

__all__ = ["SHARES", "Cut", "cut_of"]

SHARES = frozenset({"softmax", "log_softmax"})
"""Activations that give shares of a whole: over one number they are constant, and that is no dead unit."""

ENTERED = 1e-10
"""1 - correlation of rows in what leaves the first layer, below which they differ by rounding alone."""

SEEN = 1e-4
"""Difference over signal that float32, which rounds at 1e-7, cannot lose."""

GONE = 1e-5
"""What is left of such a difference; means over as many as 10⁴ places leave more of it."""

MOSTLY = 0.5
"""Share of dead units, or of outputs on flat ends, of an activation behind which all rows are one: those that
answer a row now and then do not carry what tells rows apart."""

FLAT = 1e-6
"""Spread of outputs over their size where rows are one: a way around the cut would show in it."""


@dataclass(frozen=True)
class Cut:
    """`after` the index of the last layer in which rows differ, -1 where they never enter; `place` the name
    of an activation that follows it and most of whose units are dead or on flat ends, "" for none.
    """

    after: int
    place: str


def cut_of(record: Record) -> Cut | None:
    """Of the look before training; None where there is no cut, or nothing to tell one by."""
    first, layers = before(record), record.anatomy.layers
    if first is None or not len(layers) or not len(first.apart) == len(first.signal) == len(layers):
        return None
    if not first.output_spread <= FLAT * abs(first.output_size) or not _varies(first):
        return None
    gain = _gains(record, first)
    if first.apart[0] < ENTERED:
        return Cut(-1, "") if gain[0] > 0.0 else None
    differs = first.signal * np.sqrt(np.maximum(first.apart, 0.0))
    for at in range(len(layers) - 1):
        carried = differs[at] * gain[at + 1]
        plain = carried >= SEEN * first.signal[at + 1] and carried > 0.0
        if plain and differs[at + 1] < GONE * carried:
            return Cut(at, _dead_behind(record, first, at))
    return None


def _varies(first: Survey) -> bool:
    """Whether inputs differ between rows: those that do have a sensitivity, be it 0."""
    return bool(np.isfinite(first.sensitivity).any())


def _gains(record: Record, first: Survey) -> np.ndarray:
    """σ_w of each layer [L]; NaN where its weights were not measured."""
    layers = record.anatomy.layers
    if len(first.weight) != len(layers):
        return np.full(len(layers), math.nan)
    scale = np.array([math.sqrt(one.fan_in / max(1, one.parameters)) for one in layers])
    return scale * first.weight


def _dead_behind(record: Record, first: Survey, at: int) -> str:
    places = record.anatomy.activations
    if _norm_of_one(record, at):
        return ""  # what is dead behind it got one number already
    if not len(first.activation_std) == len(first.dead) == len(first.saturated) == len(places):
        return ""
    gone = np.fmax(first.dead, first.saturated)
    known = [
        one.name
        for k, one in enumerate(places)
        if one.after == at and gone[k] >= MOSTLY and one.what not in SHARES
    ]
    return known[0] if known else ""


def _norm_of_one(record: Record, at: int) -> bool:
    """Whether behind this layer, before the next, a row's one number is normalised: to 0 in every row."""
    layers = {one.name for one in record.anatomy.layers}
    inside = False
    for op in record.anatomy.ops:
        if op.name in layers:
            inside = op.name == record.anatomy.layers[at].name
        elif inside and op.kind == "norm" and "batch" not in op.what and op.shape[-1:] == (1,):
            return True
    return False
