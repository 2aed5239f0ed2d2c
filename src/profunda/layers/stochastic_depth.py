"""Stochastic depth: a residual branch that some rows of a batch go without in training."""

from torch import Tensor, nn
from torch.nn import functional

from profunda.layers.dropout import drop_rate

__all__ = ["StochasticDepth"]


class StochasticDepth(nn.Module):
    """Drops a whole residual branch, for each row by itself (Huang et al. 2016, eq. 2).

    A branch's outputs [B, *any] come in; in training a row is zeroed with the probability of dropping, the
    others are divided by the probability of keeping, so that the expectation is the branch's output;
    in evaluation nothing changes. (The paper draws once for the batch, and scales in evaluation.) Raises
    ArgumentError as `drop_rate` does.
    """

    def __init__(self, *, keep: float | None = None, drop: float | None = None) -> None:
        super().__init__()
        self.drop = drop_rate(keep=keep, drop=drop)

    def forward(self, x: Tensor) -> Tensor:
        """`x` without the rows that are dropped."""
        if not self.training or not self.drop:
            return x
        rows = x.new_ones(x.shape[0], *[1] * (x.dim() - 1))
        return x * functional.dropout(rows, self.drop)

    def extra_repr(self) -> str:
        return f"drop={self.drop:g}"
