"""What all members of a fleet of modules share: the rows, the loss and the recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from profunda.errors import ArgumentError, DataError
from profunda.space.design import Schedule

__all__ = ["OPTIMISERS", "Loss", "Metric", "Task", "tensor_of"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs [B, …], targets [B, …]) to the loss: a number, or one a row [B], which are averaged."""
Metric = Callable[[Tensor, Tensor], float]
"""(outputs [V, …], targets [V, …]) of all validation rows to a number."""

OPTIMISERS = ("sgd", "adam", "adamw")


@dataclass(frozen=True, eq=False)
class Task:
    """Inputs [N, …] and targets [N, …], the loss (None: by the targets), and the recipe without what differs
    between members."""

    x: Tensor
    y: Tensor
    loss: Loss | None
    optimiser: str
    schedule: Schedule
    epochs: int
    batch_size: int
    patience: int
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or not len(self.x):
            raise DataError(
                f"x has {len(self.x)} rows and y has {len(self.y)}; they must have equally many, and at "
                "least one. Was one of them filtered, or is it transposed?"
            )
        for name, given, known in (
            ("optimiser", self.optimiser, OPTIMISERS),
            ("schedule", self.schedule, get_args(Schedule)),
        ):
            if given not in known:
                raise ArgumentError(f"{name} = {given!r} is unknown; choose one of {', '.join(known)}.")
        for name, given, least in (
            ("epochs", self.epochs, 1),
            ("batch_size", self.batch_size, 1),
            ("patience", self.patience, 0),
        ):
            if isinstance(given, bool) or not isinstance(given, int) or given < least:
                raise ArgumentError(f"{name} = {given!r} must be a whole number of at least {least}.")
        if self.loss is not None and not callable(self.loss):
            raise ArgumentError(
                f"loss is a {type(self.loss).__name__}; give a function or module of (outputs, targets)."
            )

    @property
    def eval_rows(self) -> int:
        """Rows a pass in evaluation: no gradients are held, so more than a batch fit."""
        return 4 * self.batch_size

    def steps(self, rows: int) -> int:
        """Optimiser steps an epoch on so many rows; a last batch of one row is left out."""
        whole, rest = divmod(rows, self.batch_size)
        return max(1, whole + (rest > 1))

    def mean_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of a batch as a number."""
        if self.loss is not None:
            return self.loss(outputs, targets).mean()
        if targets.is_floating_point():
            return functional.mse_loss(outputs.reshape(targets.shape), targets)
        return functional.cross_entropy(outputs, targets)


def tensor_of(name: str, given: object, dtype: torch.dtype) -> Tensor:
    """`given` as a tensor: floating numbers as `dtype`, whole numbers and truth values as int64.

    Raises:
        DataError: it is no array of numbers, or some are not finite.
    """
    try:
        # torch reads no negative strides and warns of what cannot be written to: both are copied.
        found = (
            given.detach()
            if isinstance(given, Tensor)
            else torch.as_tensor(np.require(given, requirements=["C", "W", "E"]))
        )
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{name} cannot be read as numbers ({error}); encode words and dates first, and give all rows "
            "one length."
        ) from None
    if not found.is_floating_point():
        return found.to(torch.int64)
    if not bool(torch.isfinite(found).all()):
        count = int((~torch.isfinite(found)).sum())
        raise DataError(
            f"{name} has {count} numbers that are not finite (NaN or infinite); fill or drop them first."
        )
    return found.to(dtype)
