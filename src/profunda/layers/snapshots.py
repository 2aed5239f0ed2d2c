"""Snapshot ensembles: one training run, several networks. Weight averages are `torch.optim.swa_utils`."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError
from profunda.layers.schedules import cycle_ends

__all__ = ["Snapshots"]


class Snapshots(nn.Module):
    """Copies of `module` from the ends of the cycles of `schedules.cosine_restarts`, averaged in evaluation.

    Huang et al. (2017), "Snapshot ensembles": at the end of each cycle the rate is near 0 and the network
    near a minimum; the restart then leaves it. Call `after(t)` once a step with the course t of training
    behind it, in (0, 1]; it takes a copy where a cycle has ended. `forward` averages what the copies make of
    x: raw outputs, or probabilities with `softmax=True`.
    """

    def __init__(
        self, module: nn.Module, cycles: int = 3, growth: float = 2.0, *, softmax: bool = False
    ) -> None:
        super().__init__()
        self.ends = cycle_ends(cycles, growth).tolist()
        self.softmax = softmax
        self.taken = nn.ModuleList()
        self._module = [module]  # in a list, so that it is no part of this module

    def after(self, t: float) -> bool:
        """Whether a copy was taken."""
        due = len(self.taken) < len(self.ends) and t >= self.ends[len(self.taken)] - 1e-12
        if due:
            self.taken.append(copy.deepcopy(self._module[0]).eval())
        return due

    def forward(self, x: Tensor) -> Tensor:
        """The mean over the copies; ArgumentError before there is one."""
        if not self.taken:
            raise ArgumentError(
                f"No cycle has ended yet, so there is no copy to ask: the first ends at t = "
                f"{self.ends[0]:.3g}."
            )
        return torch.stack(list(self._outputs(x))).mean(0)

    def _outputs(self, x: Tensor) -> Iterable[Tensor]:
        for each in self.taken:
            yield each(x).softmax(-1) if self.softmax else each(x)
