"""The plain loop, with nobody watching, and a watch that does nothing."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from _programs.program import LossFn, Made, Pair

__all__ = ["Unwatched", "batches", "fit", "unwatched"]


def batches(data: Pair | DataLoader, batch_size: int, generator: torch.Generator) -> Iterator[Pair]:
    """One epoch: a pair's rows in random order, a loader's batches as they come."""
    if isinstance(data, DataLoader):
        yield from data
        return
    order = torch.randperm(len(data[0]), generator=generator)
    for rows in order.split(batch_size):
        yield data[0][rows], data[1][rows]


def fit(made: Made, seed: int) -> float:
    """Train as planned; the score at the end."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    model.train()
    for _ in range(made.epochs):
        for inputs, targets in batches(made.data, made.batch_size, generator):

            def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> Tensor:
                optimizer.zero_grad()
                loss = made.loss_fn(model(inputs), targets)
                loss.backward()
                return loss

            optimizer.step(closure)
    return made.score(model)


class Unwatched:
    """Looks at nothing."""

    def __init__(self, loss_fn: LossFn) -> None:
        self.loss_fn = loss_fn

    def __enter__(self) -> "Unwatched":
        return self

    def __exit__(self, *raised: object) -> None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """As the user's own function."""
        return self.loss_fn(outputs, targets)


def unwatched(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_fn: LossFn,
    data: Pair | DataLoader | None = None,
    validation: Pair | None = None,
    accumulate: int = 1,
) -> Unwatched:
    """In the place of `profunda.watch`."""
    return Unwatched(loss_fn)
