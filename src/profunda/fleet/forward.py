"""Raw outputs of one trained member on new rows."""

from itertools import pairwise

import numpy as np
import torch

from profunda.errors import ModelError
from profunda.networks.dense import activation_module
from profunda.networks.layout import layout
from profunda.space.design import Design

__all__ = ["outputs"]

_ROWS = 8192
"""Rows a pass: bounds the memory of a forward pass on millions of rows."""


def outputs(design: Design, params: np.ndarray, x: np.ndarray, *, device: str = "cpu") -> np.ndarray:
    """Logits, or standardised numbers, [N, C] of the network `design` with flat `params` [P] on `x` [N, D].

    Evaluation mode: no dropout. The type is that of `params`. Plain products on the flat vector: no module is
    built, whose first weights would be drawn from torch's global stream. Raises ModelError where P does not
    fit D.
    """
    n_outputs = _n_outputs(design, x.shape[1], params.size)
    dtype = torch.float64 if params.dtype == np.float64 else torch.float32
    vector = torch.as_tensor(params, dtype=dtype, device=device)
    layers = [
        (vector[b.biases : b.end], vector[b.start : b.biases].view(b.fan_in, b.fan_out))
        for b in layout(design.widths, x.shape[1], n_outputs)
    ]
    activation = activation_module(design.activation)
    made = np.empty((len(x), n_outputs), params.dtype)
    with torch.inference_mode():
        for at in range(0, len(x), _ROWS):
            h = torch.as_tensor(x[at : at + _ROWS], dtype=dtype, device=device)
            for number, (bias, kernel) in enumerate(layers):
                h = torch.addmm(bias, h if number == 0 else activation(h), kernel)
            made[at : at + _ROWS] = h.cpu().numpy()
    return made


def _n_outputs(design: Design, n_features: int, size: int) -> int:
    """C, from the number of parameters."""
    sizes = (n_features, *design.widths)
    hidden = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))
    n_outputs, rest = divmod(size - hidden, sizes[-1] + 1)
    if n_outputs < 1 or rest:
        raise ModelError(
            f"{size} parameters do not fit a network of widths {design.widths} on {n_features} inputs; "
            "they belong to another design or other inputs."
        )
    return n_outputs
