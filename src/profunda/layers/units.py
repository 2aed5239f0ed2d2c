"""Choices of σ that look at several units at once: max-pooling over units, and maxout."""

from torch import Tensor, nn

from profunda.errors import ArgumentError

__all__ = ["MaxPoolUnits", "Maxout"]


class MaxPoolUnits(nn.Module):
    """The largest of each `group` neighbouring units: [..., H] → [..., H/group]; None pools all into one.

    σ(x) = max_j x_j of Lin, Tegmark and Rolnick (2017), section 2.1. Where several units are largest the
    gradient is shared out evenly among them, as `torch.amax` does, which is a subgradient. Raises
    ArgumentError where H is not a multiple of `group`.
    """

    def __init__(self, group: int | None = None) -> None:
        super().__init__()
        if group is not None and group < 1:
            raise ArgumentError(f"A group of {group} units has no largest: it needs at least 1.")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """The largest of each group."""
        width = x.shape[-1]
        group = width if self.group is None else self.group
        if width % group:
            raise ArgumentError(
                f"{width} units do not fall into groups of {group}; take a divisor of {width}."
            )
        return x.unflatten(-1, (width // group, group)).amax(-1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


class Maxout(nn.Module):
    """[B, K] → [B, H]: each unit is the largest of `pieces` linear functions (Goodfellow et al. 2013, eq.
    2)."""

    def __init__(self, in_features: int, out_features: int, pieces: int = 2) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features * pieces)
        self.pool = MaxPoolUnits(pieces)

    def forward(self, x: Tensor) -> Tensor:
        """max_j (x W_j + b_j)."""
        return self.pool(self.linear(x))
