"""What is asked of a network, told by its targets: classes, one of two, several labels, values, a copy."""

from typing import Any

import torch
from torch import Tensor

from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.givens import Task

__all__ = ["SCATTERED", "class_axis", "task_of"]

_ROWS_PER_CLASS = 5
"""Whole numbers 0, 1, … K are classes of one output only where each stands for so many rows: fewer, and
they are counts, years or places."""

_FEW = 4
"""Rows: the labels of fewer are in order by chance."""

_MOST_CLASSES = 100
"""With one output, more whole numbers than this are values whatever the rows."""

SCATTERED = 2**20
"""Classes with numbers from here on are names, as of articles or customers: those that occur are counted, for
a place for every number up to them would fill the memory."""


def task_of(outputs: Any, targets: Any, every: Tensor | None = None, inputs: Any = None) -> Task:
    """Told from `outputs` and `targets` of one batch, [B, …] each, and `every` target at hand [N, …].

    Without `every` the batch must do. With `inputs`, targets that equal them are a copy. Nothing is raised:
    what cannot be told is "unknown". Negative whole numbers (ignored places) count as no class.
    """
    made, asked = _rows(outputs, None), _rows(targets, None)
    if asked is not None and not isinstance(outputs, Tensor):
        made = _rows(outputs, len(asked))
    if made is None or asked is None:
        return Task("unknown", 0, _shape(made), _shape(asked), _name(asked))
    every = asked if every is None or every.ndim != asked.ndim else every
    kind, n_classes = _kind(made, asked, every.detach(), inputs)
    return Task(kind, n_classes, _shape(made), _shape(asked), _name(asked))


def class_axis(outputs: tuple[int, ...], targets: tuple[int, ...]) -> int | None:
    """The axis of classes, for targets that are their indices; None where shapes do not tell.

    >>> class_axis((8, 3), (8,)), class_axis((8, 3, 20), (8, 20)), class_axis((8, 20, 3), (8, 20))
    (1, 1, 2)
    """
    if len(outputs) != len(targets) + 1:
        return 1 if len(outputs) == 2 and targets == (outputs[0], 1) else None
    if outputs[:1] + outputs[2:] == targets:
        return 1
    return len(outputs) - 1 if outputs[:-1] == targets else None


def _are_places(made: Tensor, asked: Tensor) -> bool:
    """Whether targets are places in the batch and outputs compare each row with each, as where every row has
    to be told from the others of its batch (van den Oord et al. 2018, eq. 4): no label of any row.
    """
    if made.ndim != 2 or made.shape[0] != made.shape[1] or asked.shape != made.shape[:1] or len(made) < _FEW:
        return False
    return bool((asked == torch.arange(len(asked), device=asked.device)).all())


def _rows(value: Any, n: int | None) -> Tensor | None:
    """The tensor that a value is, or the first in it that has rows."""
    found = [one for one in tensors_in(value) if one.ndim > 0 and (n is None or len(one) == n)]
    return found[0].detach() if found else None


def _shape(value: Tensor | None) -> tuple[int, ...]:
    return () if value is None else tuple(value.shape)


def _name(value: Tensor | None) -> str:
    return "" if value is None else str(value.dtype).removeprefix("torch.")


def _kind(made: Tensor, asked: Tensor, every: Tensor, inputs: Any) -> tuple[Any, int]:
    if every.is_complex() or not every.numel() or not made.numel():
        return "unknown", 0
    if _is_copy(asked, inputs):
        return "copy", 0
    if _are_places(made, asked):
        return "unknown", 0
    good = every[torch.isfinite(every)] if every.is_floating_point() else every
    if not good.numel():
        return "unknown", 0
    whole = bool((good == good.round()).all()) if every.is_floating_point() else True
    width = made[0].numel()
    if asked[0].numel() == 1:
        return _of_one(made, every, good, whole, width)
    if whole and class_axis(_shape(made), _shape(asked)) is not None and not every.is_floating_point():
        return "sequence", _count(good)
    return _of_many(made, asked, every, good, whole)


def _of_one(made: Tensor, every: Tensor, good: Tensor, whole: bool, width: int) -> tuple[str, int]:
    """One number a row."""
    two = whole and bool(((good == 0) | (good == 1)).all() or ((good == -1) | (good == 1)).all())
    if width == 1:
        if two:
            return "binary", 2
        indices = not every.is_floating_point() and _are_indices(good)
        return ("classes", _count(good)) if indices else ("values", 0)
    if not every.is_floating_point():
        return "classes", _count(good)
    return ("classes", _count(good)) if whole and _are_indices(good) else ("values", 0)


def _of_many(made: Tensor, asked: Tensor, every: Tensor, good: Tensor, whole: bool) -> tuple[str, int]:
    """Several numbers a row: one-hot rows and shares are classes, other zeros and ones are labels."""
    width = asked[0].numel()
    if every.ndim == 2 and bool((good >= 0).all()):
        sums = every.to(torch.float64).sum(1)
        sums = sums[torch.isfinite(sums)]
        if len(sums) and bool(((sums - 1.0).abs() < 1e-4).all()):
            return "classes", width
    if whole and bool(((good == 0) | (good == 1)).all()):
        return "multilabel", width
    if whole and not every.is_floating_point() and made.shape != asked.shape:
        return "sequence", _count(good)
    return "values", 0


def _are_indices(good: Tensor) -> bool:
    """Whether whole numbers are those from 0 on, all there, and each often."""
    seen = torch.unique(good[good >= 0])
    n = len(seen)
    return bool(n > 1 and n <= _MOST_CLASSES and int(seen[-1]) == n - 1 and len(good) >= _ROWS_PER_CLASS * n)


def _count(good: Tensor) -> int:
    """All up to the largest, which has a place of its own; of scattered numbers those that occur."""
    largest = int(good.max())
    return max(largest + 1, 0) if largest < SCATTERED else len(torch.unique(good[good >= 0]))


def _is_copy(asked: Tensor, inputs: Any) -> bool:
    if not asked.is_floating_point():
        return False
    return any(
        one.dtype == asked.dtype
        and one.numel() == asked.numel()
        and one.ndim > 0
        and len(one) == len(asked)
        and bool(torch.equal(one.detach().reshape(-1), asked.reshape(-1)))
        for one in tensors_in(inputs)
    )
