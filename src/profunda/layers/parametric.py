"""An activation that learns how nonlinear it is, and a learned scale for each input."""

import torch
from torch import Tensor, nn

__all__ = ["Parametric", "Scaling"]


class Parametric(nn.Module):
    """(1 − α_h) x_h + α_h σ(x_h) with a trained α for each of the H units, all 1 at the start: [..., H] →
    same.

    Holzmüller, Grinsztajn and Steinwart (2024), "Better by default", section 3.
    """

    def __init__(self, features: int, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation
        self.alpha = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """Between x and σ(x)."""
        return x + self.alpha * (self.activation(x) - x)


class Scaling(nn.Module):
    """x_d s_d with a trained s for each of the D inputs, all 1 at the start: [..., D] → same.

    A diagonal first layer, which takes a learning rate of its own and lets inputs fade out (Holzmüller et al.
    2024, section 3).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        """x times the scales."""
        return x * self.scales
