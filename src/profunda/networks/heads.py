"""Heads of tasks beside a shared one, as a module."""

import torch
from torch import Tensor, nn

from profunda.networks.passing import headed

__all__ = ["TaskHeads"]


class TaskHeads(nn.Module):
    """Inputs [B, D] to raw outputs [B, C]: what all tasks share, and what the row's adds to the last layer.

    `hidden` makes h [B, H] of the inputs, `shared` outputs of h, and the task t that input `place` holds adds
    U_t h + c_t; both are kept in `own` [T, H + 1, C], which begins as zeros. A row of task T adds nothing.
    """

    def __init__(self, hidden: nn.Module, shared: nn.Linear, place: int, tasks: int) -> None:
        super().__init__()
        self.hidden, self.shared, self.place = hidden, shared, place
        self.own = nn.Parameter(torch.zeros(tasks, shared.in_features + 1, shared.out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Raw outputs [B, C]."""
        h = self.hidden(x)
        return self.shared(h) + headed(self.own, x[:, self.place].long(), h)
