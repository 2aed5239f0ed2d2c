"""How a network stands at the end of an epoch, on rows it was trained on and on rows it was not."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import Batch, rows_in
from profunda.diagnosis.copying import copy_of, undisturbed
from profunda.diagnosis.feeding import feed_of, outputs_in
from profunda.diagnosis.scoring import Yardstick, score, yardstick_of

__all__ = ["Standing", "Standings", "placed", "state_of"]


@dataclass(frozen=True)
class Standing:
    """After `step` steps, in evaluation mode: losses, and scores (NaN where they have no meaning)."""

    step: int
    train_loss: float
    valid_loss: float
    train_score: float
    valid_score: float


class Standings:
    """Takes a Standing of any module with the weights' names of `module`, on a copy of it."""

    def __init__(
        self,
        module: nn.Module,
        loss_fn: Callable[..., Any],
        first: Batch | None,
        train: Sequence[Batch],
        valid: Sequence[Batch],
    ) -> None:
        self._own = copy_of(module)
        self._loss_fn, self._first = loss_fn, first
        self._yardstick: Yardstick | None = None
        self._train, self._valid = train, valid

    def __call__(self, module: nn.Module, step: int) -> Standing:
        """That of `module` as it is now; NaN where it, or the loss, raises."""
        return self.of(state_of(module), step)

    def of(self, state: tuple[tuple[str, Tensor], ...], step: int) -> Standing:
        """That of weights and buffers by name."""
        placed(self._own, state)
        self._own.eval()
        with undisturbed(self._own), torch.no_grad():
            self._learn()
            train, valid = self._on(self._train), self._on(self._valid)
        return Standing(step, train[0], valid[0], train[1], valid[1])

    def _learn(self) -> None:
        """Whether the loss sums over rows, which makes losses of unequal batches unlike."""
        first = self._first
        if self._yardstick is None and first is not None:
            try:
                feed = feed_of(first.inputs, first.targets, first.named)
                self._yardstick = yardstick_of(self._loss_fn, feed.through(self._own), feed, first.rows)
            except (
                Exception
            ):  # what raises here has raised, or will raise, in the loop too, and is told there
                self._yardstick = None

    def _on(self, batches: Sequence[Batch]) -> tuple[float, float]:
        total, rows = 0.0, 0
        made: list[Tensor] = []
        asked: list[Any] = []
        if self._yardstick is None:
            return math.nan, math.nan
        try:
            for batch in batches:
                outputs = self._own(*batch.inputs, **dict(batch.named))
                total += batch.rows * float(self._yardstick.loss(outputs, batch.targets, batch.rows))
                rows += batch.rows
                part = outputs_in(outputs)
                made += [] if part is None else [part]
                asked.append(batch.targets)
        except Exception:  # rows that the loop has not come to yet: it tells when it does
            return math.nan, math.nan
        return (total / rows if rows else math.nan), self._score(made, asked)

    def _score(self, made: list[Tensor], asked: list[Any]) -> float:
        """Over all rows where batches can be put together."""
        if not made or not all(isinstance(each, Tensor) and each.ndim for each in asked):
            return math.nan
        alike = len({each.shape[1:] for each in made}) == 1 and len({each.shape[1:] for each in asked}) == 1
        if not alike or rows_in(made) == 0:
            return math.nan
        try:
            return score(torch.cat(made), torch.cat(asked))
        except Exception:  # outputs and targets of shapes that do not go together
            return math.nan


def state_of(module: nn.Module) -> tuple[tuple[str, Tensor], ...]:
    """Its parameters and buffers by name, as they are."""
    return (*module.named_parameters(), *module.named_buffers())


@torch.no_grad()
def placed(own: nn.Module, state: tuple[tuple[str, Tensor], ...]) -> nn.Module:
    """`own` with these numbers in its parameters and buffers; names that it lacks are passed over."""
    places = dict(state_of(own))
    for name, value in state:
        place = places.get(name)
        if place is not None and place.shape == value.shape:
            place.copy_(value)
    return own
