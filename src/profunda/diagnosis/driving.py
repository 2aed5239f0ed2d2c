"""The plain, right loop, on a copy: batches in random order, clear, backwards, step; a look at each epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.loaders import Batches
from profunda.diagnosis.rebuilding import asks_for_closure
from profunda.diagnosis.standing import Standing, Standings
from profunda.diagnosis.watching import Watch

__all__ = ["LOST", "Driven", "Stopped", "drive"]

LOST = 20
"""Losses in a row that are not finite after which nothing more can be learnt: weights stay NaN."""


class Stopped(Exception):
    """The loop cannot go on: `where` it was ("forward", "loss", "backward", "step") and what was raised."""

    def __init__(self, where: str, batch: Batch, error: Exception) -> None:
        super().__init__(str(error))
        self.where, self.batch, self.error = where, batch, error


@dataclass(frozen=True)
class Driven:
    """How the loop went: the `steps` made, the `standings` at ends of epochs, whether it was `interrupted`
    from the keyboard, or what it `stopped` at. `cut`: whether it ended because nothing more could be learnt.
    `short`: whether it ended at the most steps that it was to make.
    """

    steps: int
    standings: tuple[Standing, ...]
    interrupted: bool = False
    stopped: Stopped | None = None
    cut: bool = False
    short: bool = False


def drive(
    watch: Watch,
    batches: Batches,
    epochs: int,
    standings: Standings,
    tick: Callable[[int], object],
    most: int = 0,
) -> Driven:
    """Train what `watch` looks at, for `most` steps where that is above 0. `tick` is told the steps made."""
    found: list[Standing] = []
    stopped, interrupted, step = None, False, 0
    lost = 0
    try:
        with watch:
            watch.model.train()
            for epoch in range(epochs):
                for batch in batches.epoch(epoch):
                    loss = _step(watch, watch.model, watch.optimizer, batch)
                    step += 1
                    tick(step)
                    lost = 0 if loss is not None and bool(torch.isfinite(loss).all()) else lost + 1
                    if lost >= LOST or step == most:
                        break
                found.append(standings(watch.model, step))
                if lost >= LOST or 0 < most <= step:
                    break
    except KeyboardInterrupt:
        interrupted = True
    except Stopped as ended:
        stopped = ended
    if not found or found[-1].step < step:
        found.append(standings(watch.model, step))
    return Driven(step, tuple(found), interrupted, stopped, lost >= LOST, 0 < most <= step)


def _step(watch: Watch, model: nn.Module, optimizer: Optimizer, batch: Batch) -> Tensor | None:
    """One optimiser step; the loss, None where it is cut off from the weights."""

    def closure() -> Any:
        optimizer.zero_grad()
        outputs = _tried("forward", batch, lambda: model(*batch.inputs, **dict(batch.named)))
        loss = _tried("loss", batch, lambda: watch.loss(outputs, batch.targets))
        if not isinstance(loss, Tensor | int | float):  # a number is a finding
            raise Stopped("loss", batch, TypeError(f"the loss is a {type(loss).__name__}, and not a tensor"))
        if isinstance(loss, Tensor) and loss.requires_grad:
            _tried("backward", batch, loss.backward)
        return loss

    if asks_for_closure(optimizer):
        loss: Any = _tried("step", batch, lambda: cast("Any", optimizer).step(closure))
    else:
        loss = closure()
        _tried("step", batch, optimizer.step)
    if not isinstance(loss, Tensor):
        kind = type(loss).__name__
        raise Stopped("loss", batch, TypeError(f"the loss is a {kind}, and not a tensor"))
    return loss.detach() if loss.requires_grad else None


def _tried(where: str, batch: Batch, action: Callable[[], Any]) -> Any:
    try:
        return action()
    except Stopped:
        raise
    except Exception as error:
        raise Stopped(where, batch, error) from error
