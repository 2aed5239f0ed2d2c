"""Where a loss ends: rows for which it falls for ever, and classes that it passes over."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from profunda.diagnosis.asking import Asked, Asking
from profunda.diagnosis.givens import Task
from profunda.diagnosis.tasks import class_axis

__all__ = ["endless", "is_turned", "passed_over"]

FAR = 30.0
"""Outputs beyond all targets, where σ and exp have come to their ends (e⁻³⁰ is 1e-13)."""

ORDERED = 10.0
"""Times as far, in the targets' order, neighbours among the rows are apart too."""

STEADY = 0.9
"""Slope at twice that distance over the slope there: a loss that levels off like a logarithm has a half."""

ALL = 0.9
"""Share of rows for which a loss that was turned round falls for ever: a target at the end of its range, such
as a count of 0 or a name, may hold a row on both sides."""

OFTEN = 10
"""Places of a class from which it counts as passed over: fewer may all stand where rows are cut."""


Ask = Callable[[Tensor, Any], Asked]


def is_turned(ask: Asking, outputs: Tensor, targets: Any, numbers: Tensor) -> bool:
    """Whether nothing holds it in almost all rows, and its negative, a likelihood's, is held in every one."""
    if numbers.shape != outputs.shape or not bool(torch.isfinite(numbers).all()):
        return False
    ways = [torch.full_like(outputs, way) for way in (1.0, -1.0)]
    far, falls = FAR + 2.0 * float(numbers.abs().max()), torch.zeros_like(outputs, dtype=torch.bool)
    for way in ways:
        near, further = ask(far * way, targets).slope, ask(2.0 * far * way, targets).slope
        if near is None or further is None:
            return False
        falls |= _outwards(near, further, way)  # an exponential overflows there, which is falling too
    if float(falls.reshape(len(falls), -1).any(1).float().mean()) < ALL:
        return False

    def negative(z: Tensor, y: Any) -> Asked:
        told = ask(z, y)
        return told if told.slope is None else replace(told, value=-told.value, slope=-told.slope)

    return endless(negative, outputs, targets, numbers) == 0.0


def endless(ask: Ask, outputs: Tensor, targets: Any, numbers: Tensor, turned: bool = False) -> float:
    """Share of rows for which the loss falls for ever as their outputs grow to one side; of a loss that seems
    `turned` round, those that it holds on the other side.

    Each output is put far to either side; where the slope still leads outwards, and twice as far no less
    steeply, nothing holds it. All such outputs are then put there together, in the order of their targets,
    for a loss that compares rows with each other falls only until that is right. `numbers` are the targets
    in the outputs' shape; NaN where they are in another.
    """
    if numbers.shape != outputs.shape or not bool(torch.isfinite(numbers).all()):
        return math.nan
    most = float(numbers.abs().max())
    far, none = FAR + 2.0 * most, torch.zeros_like(outputs)
    up, down = (_falls(ask, torch.full_like(outputs, way), far, none, targets) for way in (1.0, -1.0))
    side = down.to(outputs).neg().where(down, up.to(outputs))
    side = none.where(up & down, side) if turned else side
    if not bool(side.any()):
        return 0.0
    ranks = numbers.reshape(-1).argsort().argsort().reshape(numbers.shape) / max(1, numbers.numel() - 1)
    ordered = torch.where(side != 0, side + ranks.to(side) - 0.5, none)
    falls = _falls(ask, ordered, ORDERED * far, numbers.where(side == 0, none), targets)
    return float(falls.reshape(len(falls), -1).any(1).float().mean())


def _falls(ask: Ask, way: Tensor, far: float, base: Tensor, targets: Any) -> Tensor:
    """Which outputs the loss still drives along their `way` at `far` times it, and at twice that, the others
    being at `base`.
    """
    none = torch.zeros_like(way, dtype=torch.bool)
    near, further = ask(base + far * way, targets), ask(base + 2.0 * far * way, targets)
    if bool(base.any()) and -math.inf in (near.value, further.value):
        return way != 0  # deeper than numbers go
    if near.slope is None or further.slope is None or not math.isfinite(near.value + further.value):
        return none
    if not bool(torch.isfinite(near.slope).all() & torch.isfinite(further.slope).all()):
        return none
    return _outwards(near.slope, further.slope, way)


def _outwards(near: Tensor, further: Tensor, way: Tensor) -> Tensor:
    """Where slopes lead along `way`, and twice as far no less steeply."""
    one, two = -near * way.sign(), -further * way.sign()
    return (one > 1e-6 / max(1, len(way))) & (two >= STEADY * one)


def passed_over(
    asked: list[Asked], outputs: Tensor, targets: Any, task: Task
) -> tuple[tuple[int, ...], float]:
    """Classes of which no place moves the loss, and the share of these places that lie, within their row,
    between places that do: what fills up short rows stands at their ends.
    """
    if task.kind not in ("classes", "sequence") or not isinstance(targets, Tensor):
        return (), 0.0
    axis = class_axis(tuple(outputs.shape), tuple(targets.shape))
    if axis is None or targets.is_floating_point():
        return (), 0.0
    reached = torch.zeros(outputs.shape, dtype=torch.bool, device=outputs.device)
    for one in asked:
        if one.slope is not None and one.slope.shape == outputs.shape:
            reached |= one.slope != 0
    if not len(reached) or len(reached) != len(targets):
        return (), 0.0
    places = targets.reshape(outputs.select(axis, 0).shape)
    counts = reached.any(axis)
    left = [
        int(c)
        for c in places[(places >= 0) & ~counts].unique()
        if int((places == c).sum()) >= OFTEN and not bool(counts[places == c].any())
    ]
    if not left or not bool(counts.any()):
        return (), 0.0
    skipped = torch.isin(places, torch.tensor(left, device=places.device))
    return tuple(left), _amid(counts, skipped) if places.ndim > 1 else 0.0


def _amid(counts: Tensor, skipped: Tensor) -> float:
    """Along the last axis."""
    before = counts.long().cumsum(-1) > 0
    after = counts.flip(-1).long().cumsum(-1).flip(-1) > 0
    return float((before & after & skipped).sum() / skipped.sum())
