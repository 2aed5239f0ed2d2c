"""Lookahead: slow weights that follow an optimiser's fast ones half-way, every few steps."""

import copy
from typing import Any

import torch
from torch.optim import Optimizer

from profunda.errors import ArgumentError

__all__ = ["Lookahead"]


class Lookahead:
    """Around any optimiser: after each `every` steps slow ← slow + share·(fast − slow), and fast ← slow.

    Zhang, Lucas, Hinton and Ba (2019), algorithm 1, with k = `every` and α = `share`. The optimiser's own
    state, such as momenta, goes on. Raises ArgumentError unless every ≥ 1 and 0 < share ≤ 1.
    """

    def __init__(self, optimiser: Optimizer, every: int = 5, share: float = 0.5) -> None:
        if every < 1 or not 0.0 < share <= 1.0:
            raise ArgumentError(
                f"every = {every} and share = {share}: slow weights need at least 1 step and a share above 0 "
                "and at most 1."
            )
        self.optimiser, self.every, self.share = optimiser, every, share
        self.steps = 0
        self._slow = [parameter.detach().clone() for parameter in self._parameters()]

    def _parameters(self) -> list[torch.Tensor]:
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]

    def zero_grad(self) -> None:
        """As of the optimiser."""
        self.optimiser.zero_grad()

    @torch.no_grad()
    def step(self) -> None:
        """One step of the optimiser, and each `every` steps one of the slow weights."""
        self.optimiser.step()
        self.steps += 1
        if self.steps % self.every == 0:
            for slow, fast in zip(self._slow, self._parameters(), strict=True):
                slow.lerp_(fast, self.share)
                fast.copy_(slow)

    def state_dict(self) -> dict[str, Any]:
        """All that `load_state_dict` needs to go on."""
        # torch hands out its own tensors, which would go on changing.
        kept = copy.deepcopy(self.optimiser.state_dict())
        return {"optimiser": kept, "steps": self.steps, "slow": [each.clone() for each in self._slow]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps = state["steps"]
        for slow, kept in zip(self._slow, state["slow"], strict=True):
            slow.copy_(kept)
