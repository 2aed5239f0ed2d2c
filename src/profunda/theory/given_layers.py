"""Dense layers whose weights are given, not drawn."""

import numpy as np
import torch
from torch import nn

__all__ = ["given_layer"]


def given_layer(weight: np.ndarray, bias: np.ndarray | None, dtype: torch.dtype | None = None) -> nn.Linear:
    """x ↦ Wx + b as a layer, W [H, K] and b [H] or None for none; torch's default dtype without `dtype`.

    Nothing is drawn, so torch's global stream stays where it is.

    >>> given_layer(np.array([[2.0, 1.0]]), np.array([0.5]))(torch.ones(2)).tolist()
    [3.5]
    """
    height, width = weight.shape
    empty = nn.Linear(width, height, bias=bias is not None, dtype=dtype, device="meta")
    layer = empty.to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer
