"""Kinds of dropout that torch.nn lacks, as modules for any training loop."""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["DropConnect", "GaussianDropout"]


class GaussianDropout(nn.Module):
    """Multiplies by normal noise of mean 1 and variance p/(1 − p) in training; nothing in evaluation.

    The variance is that of `nn.Dropout(p)`'s mask, so p means the same (Srivastava et al. 2014, §10). Any
    shape in, the same out; the noise comes from torch's global stream. Raises ValueError unless 0 ≤ p < 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = _rate(p)
        self.spread = (p / (1.0 - p)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        """`x` times noise."""
        if not self.training or not self.p:
            return x
        return x * torch.randn_like(x).mul_(self.spread).add_(1.0)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class DropConnect(nn.Linear):
    """`nn.Linear` [B, K] → [B, H] that drops each weight, never a bias, with probability p in training.

    What is kept is scaled by 1/(1 − p). One mask a call, for the whole batch (Wan et al. 2013 draw one for
    each row, at B times the cost). Evaluation uses the weights as they are. Raises ValueError unless
    0 ≤ p < 1.
    """

    def __init__(self, in_features: int, out_features: int, p: float = 0.5, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.p = _rate(p)

    def forward(self, input: Tensor) -> Tensor:
        """`input` times the weights that are left, plus the bias."""
        return functional.linear(input, functional.dropout(self.weight, self.p, self.training), self.bias)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}"


def _rate(p: float) -> float:
    if not 0.0 <= p < 1.0:
        raise ValueError(f"p = {p} must be a probability of dropping: at least 0 and less than 1.")
    return p
