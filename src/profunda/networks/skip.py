"""Modules around which what enters goes by and is added again."""

from torch import Tensor, nn

__all__ = ["Skip"]


class Skip(nn.Sequential):
    """Modules in turn; what enters is added to what leaves (He et al. 2016, arXiv:1512.03385, eq. 1)."""

    def forward(self, input: Tensor) -> Tensor:
        """`input` [B, H] added to what the modules make of it."""
        return input + super().forward(input)
