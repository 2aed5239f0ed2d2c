"""The loss of the best constant output: what a network must beat to have learnt anything."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from profunda.diagnosis.asking import Asking
from profunda.diagnosis.copying import undisturbed
from profunda.diagnosis.givens import Loss, Task
from profunda.diagnosis.tasks import class_axis

__all__ = ["trivial_loss"]

_MOST_ROWS = 4096
"""Rows that the constant is fitted on: its loss is then known to 1/64 of a row's spread."""

_MOST_NUMBERS = 2_000_000


def trivial_loss(
    ask: Asking, loss: Loss, outputs: Tensor, targets: Any, task: Task, every: Tensor | None
) -> float:
    """Least loss of one row of outputs given for all rows; NaN where it cannot be found.

    Found by minimising the loss itself over that row, within what it `expects`: probabilities by way of a
    softmax or sigmoid. A sum is scaled to the number of rows in `outputs`.
    """
    rows = targets if every is None else every
    if not isinstance(rows, Tensor) or rows.ndim == 0 or outputs.ndim == 0 or loss.sign < 0:
        return math.nan
    if isinstance(targets, Tensor) and rows.shape[1:] != targets.shape[1:]:
        return math.nan
    rows = rows.detach()[: max(2, min(_MOST_ROWS, _MOST_NUMBERS // max(1, outputs[0].numel())))]
    rows = rows.to(outputs.device)
    shape, axis = _row(outputs, rows)
    spread = _spread(loss, task, outputs, shape, axis)
    best = math.inf
    for start in _starts(outputs, rows, task, shape):
        best = min(best, _least(ask, start, spread, rows))
    if not math.isfinite(best):
        return math.nan
    return best * len(outputs) / len(rows) if loss.reduction == "sum" else best


def _row(outputs: Tensor, rows: Tensor) -> tuple[tuple[int, ...], int | None]:
    """The shape of what is fitted: over classes alone where there is one for each place."""
    axis = class_axis((len(rows), *outputs.shape[1:]), tuple(rows.shape))
    if axis is None or (rows.is_floating_point() and rows.shape[1:] == outputs.shape[1:]):
        return tuple(outputs.shape[1:]), None
    return tuple(size if at == axis else 1 for at, size in enumerate(outputs.shape))[1:], axis


def _spread(
    loss: Loss, task: Task, outputs: Tensor, shape: tuple[int, ...], axis: int | None
) -> Callable[[Tensor, int], Tensor]:
    along = axis if axis is not None else (1 if outputs.ndim > 1 and outputs.shape[1] > 1 else None)
    along = along if along is not None and outputs.shape[along] > 1 else None
    several = along is not None and task.kind != "multilabel"

    def spread(row: Tensor, n: int) -> Tensor:
        wide = row.reshape(1, *shape).expand(n, *outputs.shape[1:])
        if loss.expects == "probabilities":
            return wide.softmax(along) if several and along is not None else wide.sigmoid()
        if loss.expects == "log-probabilities" and along is not None:
            return wide.log_softmax(along)
        return wide + 0.0

    return spread


def _starts(outputs: Tensor, rows: Tensor, task: Task, shape: tuple[int, ...]) -> list[Tensor]:
    zero = torch.zeros(shape, dtype=outputs.dtype, device=outputs.device)
    if zero.dtype in (torch.float16, torch.bfloat16):
        zero = zero.float()
    if task.kind not in ("values", "copy") or rows[0].numel() != zero.numel() or rows.is_complex():
        return [zero]
    flat = rows.to(zero.dtype)
    flat = flat[torch.isfinite(flat.reshape(len(flat), -1)).all(1)]
    if not len(flat):
        return [zero]
    return [flat.mean(0).reshape(shape), flat.median(0).values.reshape(shape)]


def _least(ask: Asking, start: Tensor, spread: Callable[[Tensor, int], Tensor], rows: Tensor) -> float:
    """By L-BFGS from `start`, in the units of the targets; the least of all values seen counts."""
    unit = _unit(rows, start)
    step = torch.zeros_like(start).requires_grad_()
    search = torch.optim.LBFGS([step], max_iter=60, tolerance_grad=1e-9, line_search_fn="strong_wolfe")
    seen: list[float] = []

    def closure() -> Tensor:
        search.zero_grad()
        value = ask.value(spread(start + unit * step, len(rows)), rows.clone())
        seen.append(float(value.detach()))
        if value.requires_grad:
            value.backward(inputs=[step])
        return value

    try:
        with undisturbed():
            search.step(closure)
    except Exception:
        return min((value for value in seen if math.isfinite(value)), default=math.inf)
    return min((value for value in seen if math.isfinite(value)), default=math.inf)


def _unit(rows: Tensor, start: Tensor) -> float:
    if not rows.is_floating_point() or rows.numel() < 2:
        return 1.0
    spread = float(rows.double().std())
    return spread if math.isfinite(spread) and spread > 0.0 and bool(start.any()) else 1.0
