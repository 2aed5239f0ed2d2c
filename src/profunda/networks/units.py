"""Modules that a Design's network has and torch.nn lacks."""

import torch
from torch import Tensor, nn

__all__ = ["Parametric", "Skip"]


class Parametric(nn.Module):
    """(1 − α)z + α·σ(z) with one trained α for each of `units`, from 1 on.

    Holzmüller et al. (2024), "Better by default", arXiv:2407.04491, §3.
    """

    def __init__(self, activation: nn.Module, units: int) -> None:
        super().__init__()
        self.activation = activation
        self.slope = nn.Parameter(torch.ones(units))

    def forward(self, z: Tensor) -> Tensor:
        """`z` [B, H] mixed with its activation."""
        return z + self.slope * (self.activation(z) - z)


class Skip(nn.Sequential):
    """Modules in turn; what enters is added to what leaves (He et al. 2016, arXiv:1512.03385, eq. 1)."""

    def forward(self, input: Tensor) -> Tensor:
        """`input` [B, H] added to what the modules make of it."""
        return input + super().forward(input)
