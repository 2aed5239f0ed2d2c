"""Dropout as modules for any training loop: the texts' form, and the kinds that torch.nn lacks.

Texts write p for the probability of *keeping*, torch for that of *dropping*: the classes that could be meant
either way take `keep=` or `drop=` by name. Alpha dropout, for SELU networks, is `torch.nn.AlphaDropout`.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.errors import ArgumentError

__all__ = ["DropConnect", "Dropout", "GaussianDropout", "SpatialDropout", "drop_rate"]


def drop_rate(*, keep: float | None = None, drop: float | None = None) -> float:
    """The probability of dropping, from the one of the two that is given.

    Raises ArgumentError unless exactly one is, and where it is no probability, or drops all.

    >>> drop_rate(keep=0.75), drop_rate(drop=0.25)
    (0.25, 0.25)
    """
    if (keep is None) == (drop is None):
        raise ArgumentError(
            f"keep = {keep} and drop = {drop}: give one of them, keep as in Srivastava et al. (2014) or drop "
            "as in torch.nn.Dropout."
        )
    if keep is not None and not 0.0 < keep <= 1.0:
        raise ArgumentError(f"keep = {keep} is the probability of keeping: above 0 and at most 1.")
    if drop is not None and not 0.0 <= drop < 1.0:
        raise ArgumentError(f"drop = {drop} is the probability of dropping: at least 0 and less than 1.")
    return 1.0 - keep if keep is not None else float(drop or 0.0)


class Dropout(nn.Module):
    """Bernoulli dropout in the form of the text or inverted (Srivastava et al. 2014, section 4).

    The text's form, `inverted=False`: r ⊙ x with r ~ Bernoulli(keep) in training, keep·x in evaluation.
    Inverted, as `torch.nn.Dropout`: r ⊙ x/keep in training, x in evaluation. Both keep the mean of whatever
    is *linear* in x; behind a nonlinearity the mean of a layer's outputs is off by some per cent. Any shape.

    The worked examples of the text, x = (0.2, 0.5, 0.8, 0.3), r = (1, 0, 1, 0), keep = 0.5:

    >>> layer, x = Dropout(keep=0.5, inverted=False), torch.tensor([0.2, 0.5, 0.8, 0.3])
    >>> layer.masked(x, torch.tensor([1.0, 0.0, 1.0, 0.0]))
    tensor([0.2000, 0.0000, 0.8000, 0.0000])
    >>> layer.eval()(x)
    tensor([0.1000, 0.2500, 0.4000, 0.1500])

    and in matrices, y = W(r ⊙ x) + b in training, W(keep·x) + b in evaluation; for x and b, which the text
    leaves open, x = (1, 2, 3) and b = 0:

    >>> weights, x = torch.tensor([[0.5, -0.2, 0.8], [0.3, 0.7, -0.1]]), torch.tensor([1.0, 2.0, 3.0])
    >>> weights @ layer.masked(x, torch.tensor([1.0, 1.0, 0.0]))
    tensor([0.1000, 1.7000])
    >>> weights @ layer(x)
    tensor([1.2500, 0.7000])
    """

    def __init__(
        self, *, keep: float | None = None, drop: float | None = None, inverted: bool = True
    ) -> None:
        super().__init__()
        self.drop = drop_rate(keep=keep, drop=drop)
        self.inverted = inverted

    @property
    def keep(self) -> float:
        """The probability of keeping."""
        return 1.0 - self.drop

    def masked(self, x: Tensor, mask: Tensor) -> Tensor:
        """What training makes of `x` under a mask of 0 and 1."""
        return x * mask / self.keep if self.inverted else x * mask

    def forward(self, x: Tensor) -> Tensor:
        """`x` masked in training; scaled by keep in evaluation unless inverted."""
        if self.training:
            return self.masked(x, torch.empty_like(x).bernoulli_(self.keep))
        return x if self.inverted else x * self.keep

    def extra_repr(self) -> str:
        return f"drop={self.drop:g}, inverted={self.inverted}"


class SpatialDropout(nn.Module):
    """Drops whole maps: x [B, C, *space] loses all positions of a channel together, or none, in training.

    Inverted. For maps whose neighbouring positions carry the same thing twice (Tompson et al. 2015, section
    3.2); `torch.nn.Dropout1d`, `2d` and `3d` in one, for any number of axes. Raises ArgumentError for fewer
    than three axes, where it would drop single activations.
    """

    def __init__(self, *, keep: float | None = None, drop: float | None = None) -> None:
        super().__init__()
        self.drop = drop_rate(keep=keep, drop=drop)

    def forward(self, x: Tensor) -> Tensor:
        """`x` without the maps that are dropped."""
        if x.dim() < 3:
            raise ArgumentError(
                f"x has {x.dim()} axes, but maps are [B, C, positions …]: use Dropout, or add the missing "
                "axis."
            )
        mask = x.new_ones(*x.shape[:2], *[1] * (x.dim() - 2))
        return x * functional.dropout(mask, self.drop, self.training)

    def extra_repr(self) -> str:
        return f"drop={self.drop:g}"


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
