"""Averaging of weights that begins by itself: NT-ASGD."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer

from profunda.errors import ArgumentError

__all__ = ["NTASGD"]


class NTASGD:
    """Around any optimiser: the mean of its weights from where the validation loss stops getting better.

    Merity, Keskar and Socher (2018), algorithm 1. Every L steps the loop calls `judge` with the validation
    loss v. Averaging begins once, at the first v that is above the least of all losses but the last n =
    `patience`; with the weights that had that loss. Steps go on as before; `averaged` puts the mean into
    the module. In the paper the optimiser is plain SGD. Raises ArgumentError for a patience below 1.
    """

    def __init__(self, optimiser: Optimizer, patience: int = 5) -> None:
        if patience < 1:
            raise ArgumentError(f"patience = {patience} losses are too few to see no progress: 1 or more.")
        self.optimiser, self.patience = optimiser, patience
        self.losses: list[float] = []
        self.count = 0  # points in the mean; 0 until averaging has begun
        self._means: list[torch.Tensor] = []

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """As of the optimiser."""
        return self.optimiser.param_groups

    def zero_grad(self) -> None:
        """As of the optimiser."""
        self.optimiser.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        """One step of the optimiser; the mean takes in where it led, once averaging has begun."""
        self.optimiser.step()
        if self.count:
            self.count += 1
            for mean, weight in zip(self._means, self._parameters(), strict=True):
                mean.lerp_(weight, 1.0 / self.count)

    def judge(self, loss: float) -> bool:
        """Note a validation loss; whether averaging has begun with it.

        A loss that is not a number begins nothing, as no comparison with it holds.
        """
        before = self.losses[: -self.patience]
        self.losses.append(float(loss))
        if self.count or not before or not loss > min(before):
            return False
        self.count = 1
        self._means = [weight.detach().clone() for weight in self._parameters()]
        return True

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The mean in place of the weights, which come back at the end; before averaging, the weights."""
        if not self.count:
            yield
            return
        kept = [weight.detach().clone() for weight in self._parameters()]
        self._put(self._means)
        try:
            yield
        finally:
            self._put(kept)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on."""
        # torch hands out its own tensors, which would go on changing.
        kept = copy.deepcopy(self.optimiser.state_dict())
        means = [mean.clone() for mean in self._means]
        return {"optimiser": kept, "losses": list(self.losses), "count": self.count, "means": means}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.losses, self.count = list(state["losses"]), state["count"]
        self._means = [mean.clone() for mean in state["means"]]

    def _parameters(self) -> list[torch.Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    @torch.no_grad()
    def _put(self, values: list[torch.Tensor]) -> None:
        for weight, value in zip(self._parameters(), values, strict=True):
            weight.copy_(value)
