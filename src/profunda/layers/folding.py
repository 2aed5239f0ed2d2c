"""Batch norm folded into the layer before it: in evaluation it is one multiplication and one addition a
unit."""

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from profunda.errors import ArgumentError

__all__ = ["fold_norms"]


def fold_norms(module: nn.Sequential) -> nn.Sequential:
    """A copy in evaluation mode without the batch norms that directly follow a linear or convolutional layer.

    Each such pair becomes one layer with weights W·s and biases (b − μ)s + β, s = γ/√(σ² + ε), which gives
    the same outputs (Ioffe and Szegedy 2015, algorithm 2, lines 10 and 11). What stands elsewhere, in nested
    modules or behind transposed convolutions stays. Raises ArgumentError for a norm without collected
    statistics.
    """
    parts: list[nn.Module] = []
    for part in copy.deepcopy(module).eval():
        layer = parts[-1] if parts else part
        plain = isinstance(layer, nn.Linear | _ConvNd) and type(layer).forward in _PLAIN
        if isinstance(part, _BatchNorm) and plain:
            parts[-1] = _folded(layer, part)
        else:
            parts.append(part)
    return nn.Sequential(*parts).eval()


# A subclass with a forward pass of its own may not be W x + b.
_PLAIN = {kind.forward for kind in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)}


@torch.no_grad()
def _folded(layer: "nn.Linear | _ConvNd", norm: _BatchNorm) -> "nn.Linear | _ConvNd":
    if norm.running_mean is None or norm.running_var is None:
        raise ArgumentError(
            "A batch norm that collects no statistics normalises every batch by itself and cannot be folded; "
            "train it with track_running_stats=True."
        )
    slope = (norm.running_var + norm.eps).rsqrt()
    slope = slope if norm.weight is None else slope * norm.weight
    shift = torch.zeros_like(slope) if norm.bias is None else norm.bias
    before = 0.0 if layer.bias is None else layer.bias
    layer.bias = nn.Parameter((before - norm.running_mean) * slope + shift)
    layer.weight.mul_(slope.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    return layer
