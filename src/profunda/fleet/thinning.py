"""What one step of training does inside a network: masks, noise, and statistics of the batch."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from profunda.fleet.disturbing import drawn, kept
from profunda.fleet.masks import QUANTILES, spreads
from profunda.fleet.shape import canonical_width
from profunda.networks.bodies.held import ChannelNorm
from profunda.networks.layout import Block
from profunda.networks.norms import NORM_EPS, NORM_MOMENTUM
from profunda.space.design import Design

__all__ = ["TrainingStep"]

_SELU_FLOOR = 1.7580993408473766
"""α·λ of SELU: what its activations come down to (Klambauer et al. 2017)."""


class TrainingStep:
    """The `Step` of one member's step number `number` (from 0) on a batch; `factors` [B, D] those of inputs.

    Masks are made once, so that a second pass in the same step has the same ones; statistics of batches are
    those of the first pass.
    """

    def __init__(self, design: Design, key: int, number: int, factors: Tensor | None) -> None:
        self.design, self.key, self.number, self.factors = design, key, number, factors
        self.made: dict[int, tuple[Tensor, Tensor | None]] = {}
        self.inside: dict[int, Tensor] = {}
        self.statistics: dict[Block | ChannelNorm, tuple[Tensor, Tensor]] = {}
        self.drops = design.dropout > 0

    def codes(self, place: int) -> Tensor | None:
        """Factors [B, 1] of the looked-up numbers of input `place`."""
        return None if self.factors is None else self.factors[:, place, None]

    def words(self, places: range) -> Tensor | None:
        """Factors [B, T] of the looked-up vectors of the tokens at `places`."""
        return None if self.factors is None else self.factors[:, places.start : places.stop]

    def drop_inside(self, place: int, h: Tensor) -> Tensor:
        """What is left of `h` [B, …], the outputs of part `place` of the body: plain dropout, of either kind
        that drops units."""
        if not self.drops or self.design.dropout_kind == "dropconnect":
            return h
        if place not in self.inside:
            words = drawn(self.key, "body-dropout", self.number, place, h.numel())
            self.inside[place] = kept(words.reshape(h.shape), self.design.dropout, h)
        return h * self.inside[place]

    def kernel(self, number: int, weights: Tensor) -> Tensor:
        """The weights [K, H] that layer `number` works with."""
        if not (number and self.drops and self.design.dropout_kind == "dropconnect"):
            return weights
        if number not in self.made:
            rows, units = weights.shape
            columns = canonical_width(units) if number < self.design.depth else units
            words = drawn(self.key, "dropconnect", self.number, number, rows * columns)
            rate = self.design.dropout
            self.made[number] = kept(words.reshape(rows, columns)[:, :units], rate, weights), None
        return weights * self.made[number][0]

    def drop(self, number: int, h: Tensor) -> Tensor:
        """What is left of the outputs [B, H] of hidden layer `number`."""
        if not self.drops or self.design.dropout_kind == "dropconnect":
            return h
        if number not in self.made:
            self.made[number] = self._mask(number, h)
        factor, shift = self.made[number]
        return h * factor if shift is None else h * factor + shift

    def _mask(self, number: int, h: Tensor) -> tuple[Tensor, Tensor | None]:
        rows, units = h.shape
        columns = canonical_width(units)
        words = drawn(self.key, "dropout", self.number, number + 1, rows * columns)
        words, rate = words.reshape(rows, columns)[:, :units], self.design.dropout
        if self.design.dropout_kind == "gaussian":
            noise = torch.as_tensor(QUANTILES[words], dtype=h.dtype, device=h.device)
            return 1.0 + float(spreads(np.array([rate]))[0]) * noise, None
        mask = kept(words, rate, h)
        return _alpha(mask, rate) if self.design.dropout_kind == "alpha" else (mask, None)

    def batch_norm(self, block: Block | ChannelNorm, h: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        """`h` [B, H] by the batch's own statistics; one row has no spread, gives β and is not collected.

        Of pictures [B, H, height, width] the statistics are those of a channel.
        """
        if h.dim() == 4:
            return self._channel_norm(block, h, gain, shift)
        if len(h) == 1:
            return (h - h) * gain + shift
        if block not in self.statistics:
            found = h.detach()
            self.statistics[block] = found.mean(0), found.var(0)
        return functional.batch_norm(h, None, None, gain, shift, training=True, eps=NORM_EPS)

    def _channel_norm(self, block: Block | ChannelNorm, h: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        if h.numel() == h.shape[1]:
            return (h - h) * gain[:, None, None] + shift[:, None, None]
        # With a momentum of 1 torch hands over the statistics that it has made anyway.
        found = torch.zeros_like(gain, requires_grad=False), torch.ones_like(gain, requires_grad=False)
        made = functional.batch_norm(h, *found, gain, shift, training=True, momentum=1.0, eps=NORM_EPS)
        self.statistics.setdefault(block, found)
        return made

    def collect(self, vector: Tensor) -> None:
        """The batch's statistics into those that evaluation uses, in place in `vector` [P]."""
        for block, found in self.statistics.items():
            for place, now in zip(block.norm_of(vector)[2:], found, strict=True):
                place.mul_(1.0 - NORM_MOMENTUM).add_(now, alpha=NORM_MOMENTUM)


def _alpha(mask: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """(f, s) of h·f + s: to SELU's floor where `mask` [B, H] is 0, then mean and variance restored.

    As `torch.nn.AlphaDropout`, after Klambauer et al. (2017), "Self-normalizing neural networks", §3.
    """
    share = round(rate * 65536) / 65536
    m = (mask > 0).to(mask.dtype)
    a = 1.0 / math.sqrt((_SELU_FLOOR**2 * share + 1.0) * (1.0 - share))
    return a * m, a * _SELU_FLOOR * (m - 1.0 + share)
