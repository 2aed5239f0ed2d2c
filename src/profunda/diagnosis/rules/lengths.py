"""How long an optimiser's settings make steps, which can be told before any is made."""

import math

import numpy as np

from profunda.diagnosis.finding import Evidence
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.readings import before

__all__ = ["far_ahead"]

EVEN = frozenset({"Adam", "AdamW", "NAdam", "Adamax", "Adagrad", "RMSprop", "Lion"})
"""Optimisers whose first step changes each number by the rate (rmsprop's by more), whatever its gradient."""

QUARTER = 0.25
"""Such a first step over the weights of the usual layer: four of them leave nothing of the draw. Networks of
64 units under Adam with a rate of 0.003 begin with a twentieth."""

GATHERED = 5.0
"""Rate over 1 − momentum, the way that a lasting gradient leads a step: what is used without a norm seldom
exceeds 1, and Nielsen's (2015) sigmoid units under squared errors bear 3."""


def far_ahead(record: Record, rate: float) -> tuple[Evidence, ...]:
    """What speaks of steps that are too long at the largest `rate`, by the settings and the first weights."""
    optimiser = record.optimiser
    if optimiser is None or len(record.anatomy.layers) < 2 or not rate > 0.0:
        return ()
    if optimiser.name in EVEN:
        length = _first_length(record, rate)
        return (Evidence("first step over the weights", length, QUARTER),) if length >= QUARTER else ()
    normed = any(layer.norm for layer in record.anatomy.layers)
    memory = max((one.momentum for one in optimiser.groups if 0.0 <= one.momentum < 1.0), default=0.0)
    gathered = rate / (1.0 - memory)
    if optimiser.name != "SGD" or normed or not gathered >= GATHERED:
        return ()
    return (Evidence("rate over 1 − momentum", gathered, GATHERED),)


def _first_length(record: Record, rate: float) -> float:
    """Of a step by the rate in each number, over the weights of the usual layer; NaN where unknown."""
    first, layers = before(record), record.anatomy.layers
    if first is None or len(first.weight) != len(layers):
        return math.nan
    known = [
        rate * math.sqrt(layer.parameters) / float(size)
        for layer, size in zip(layers, first.weight, strict=True)
        if layer.trainable and size > 0.0
    ]
    return float(np.median(known)) if known else math.nan
