"""Batch and layer norm of one hidden layer of M stacked networks: forward and backward into given buffers.

Batch: n = (v − μ)/√(σ² + ε)·γ + β with mean and biased variance of each unit over the batch's rows (Ioffe and
Szegedy 2015, algorithm 1); μ and the unbiased σ² are collected with momentum for evaluation, as PyTorch does.
One row has no spread: v − μ is 0, so that n = β, and nothing is collected. Layer: mean and biased variance of
each row over the layer's own units (Ba, Kiros and Hinton 2016, eq. 4); padded units take no part.
"""

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.roster import Roster
from profunda.fleet.stack import Stack
from profunda.networks.norms import NORM_EPS, NORM_MOMENTUM

__all__ = ["BatchNorm", "LayerNorm", "norm_of"]


class BatchNorm:
    """Batch norm of layer number `layer`, rows of one batch size; `made` [M, B, H] receives its outputs."""

    def __init__(self, layer: int, made: Tensor, *, training: bool) -> None:
        self.layer, self.made, self.training = layer, made, training
        self.rows = made.shape[1]
        self.scaled = torch.zeros_like(made)
        self.slope = torch.zeros_like(made[:, :1])

    def forward(self, v: Tensor, stack: Stack) -> None:
        """Norm of `v` [M, B, H] into `made`; training collects the batch's statistics in `stack`."""
        gain, shift = stack.norms[self.layer].split(1, dim=1)
        mean, variance = stack.collected[self.layer].split(1, dim=1)
        if self.training:
            now = torch.mean(v, 1, keepdim=True)
            torch.sub(v, now, out=self.scaled)
            torch.mul(self.scaled, self.scaled, out=self.made)
            spread = torch.mean(self.made, 1, keepdim=True)
            self._collect(mean, variance, now, spread)
        else:
            torch.sub(v, mean, out=self.scaled)
            spread = variance
        torch.reciprocal((spread + NORM_EPS).sqrt_(), out=self.slope)
        self.scaled.mul_(self.slope)
        torch.addcmul(shift, self.scaled, gain, out=self.made)

    def _collect(self, mean: Tensor, variance: Tensor, now: Tensor, spread: Tensor) -> None:
        if self.rows > 1:
            unbiased = NORM_MOMENTUM * self.rows / (self.rows - 1)
            mean.mul_(1.0 - NORM_MOMENTUM).add_(now, alpha=NORM_MOMENTUM)
            variance.mul_(1.0 - NORM_MOMENTUM).add_(spread, alpha=unbiased)

    def backward(self, d: Tensor, stack: Stack, gradients: Stack) -> None:
        """Turns `d` [M, B, H] from ∂/∂n into ∂/∂v in place, and gives γ and β their gradients."""
        gain = stack.norms[self.layer][:, :1]
        of_gain, of_shift = gradients.norms[self.layer].split(1, dim=1)
        _gradients(d, self.scaled, self.made, of_gain, of_shift)
        d.sub_(of_shift / self.rows).addcmul_(self.scaled, of_gain, value=-1.0 / self.rows)
        d.mul_(self.slope * gain)


class LayerNorm:
    """Layer norm of layer number `layer`; `units` [M] are the layer's own widths."""

    def __init__(self, layer: int, made: Tensor, units: np.ndarray) -> None:
        self.layer, self.made = layer, made
        self.scaled = torch.zeros_like(made)
        self.slope = torch.zeros_like(made[:, :, :1])
        self.share = torch.as_tensor(1.0 / units, dtype=made.dtype, device=made.device).view(-1, 1, 1)
        own = np.arange(made.shape[2])[None, None] < units[:, None, None]
        self.own = None if own.all() else torch.as_tensor(own, device=made.device).to(made.dtype)

    def forward(self, v: Tensor, stack: Stack) -> None:
        """Norm of `v` [M, B, H], whose padded units are 0, into `made`."""
        gain, shift = stack.norms[self.layer].split(1, dim=1)
        torch.sub(v, self._mean(v), out=self.scaled)
        self._clear(self.scaled)
        torch.mul(self.scaled, self.scaled, out=self.made)
        torch.reciprocal((self._mean(self.made) + NORM_EPS).sqrt_(), out=self.slope)
        self.scaled.mul_(self.slope)
        torch.addcmul(shift, self.scaled, gain, out=self.made)

    def backward(self, d: Tensor, stack: Stack, gradients: Stack) -> None:
        """Turns `d` [M, B, H] from ∂/∂n into ∂/∂v in place, and gives γ and β their gradients."""
        of_gain, of_shift = gradients.norms[self.layer].split(1, dim=1)
        _gradients(d, self.scaled, self.made, of_gain, of_shift)
        d.mul_(stack.norms[self.layer][:, :1])
        torch.mul(d, self.scaled, out=self.made)
        common, along = self._mean(d), self._mean(self.made)
        d.sub_(common).addcmul_(self.scaled, along, value=-1.0).mul_(self.slope)
        self._clear(d)

    def _mean(self, v: Tensor) -> Tensor:
        return torch.sum(v, 2, keepdim=True).mul_(self.share)

    def _clear(self, v: Tensor) -> None:
        """Padded units back to zero."""
        if self.own is not None:
            v.mul_(self.own)


def _gradients(d: Tensor, scaled: Tensor, scratch: Tensor, of_gain: Tensor, of_shift: Tensor) -> None:
    torch.mul(d, scaled, out=scratch)
    of_gain.copy_(torch.sum(scratch, 1, keepdim=True))
    of_shift.copy_(torch.sum(d, 1, keepdim=True))


def norm_of(layer: int, made: Tensor, roster: Roster, *, training: bool) -> BatchNorm | LayerNorm:
    """The norm that the members of `roster`, which are alike in this, have in hidden layer `layer`."""
    if roster.members[0].design.norm == "batch":
        return BatchNorm(layer, made, training=training)
    units = np.array([member.design.widths[layer] for member in roster.members], np.float64)
    return LayerNorm(layer, made, units)
