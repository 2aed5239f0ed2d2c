"""Squeeze-and-excitation: channels weighed by what the whole image shows."""

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError

__all__ = ["SqueezeExcitation"]


class SqueezeExcitation(nn.Module):
    """x ⊙ sigmoid(W₂ φ(W₁ x̄ + b₁) + b₂), x̄ the means of the channels (Hu et al. 2018, eqs. 2 to 4).

    Maps x [B, C, H, W] to the same shape; W₁ is [S, C] and W₂ [C, S] for S `squeezed` channels. The paper's φ
    is ReLU, EfficientNet's SiLU. Raises ArgumentError unless there is a squeezed channel.
    """

    def __init__(self, channels: int, squeezed: int, activation: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        if squeezed < 1:
            raise ArgumentError(f"{channels} channels cannot be squeezed to {squeezed}: give 1 or more.")
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.activation = activation()
        self.restore = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`x` with each channel times its weight between 0 and 1."""
        means = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.restore(self.activation(self.reduce(means))))
