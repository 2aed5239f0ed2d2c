"""Raw outputs of one trained member on new rows."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from profunda.errors import ModelError
from profunda.networks.dense import NORM_EPS, activation_module
from profunda.networks.layout import Block, layout
from profunda.space.design import Design

__all__ = ["outputs"]

_ROWS = 8192
"""Rows a pass: bounds the memory of a forward pass on millions of rows."""


def outputs(design: Design, params: np.ndarray, x: np.ndarray, *, device: str = "cpu") -> np.ndarray:
    """Logits, or standardised numbers, [N, C] of the network `design` with flat `params` [P] on `x` [N, D].

    Evaluation mode: no dropout, and what batch norm has collected. The type is that of `params`. Plain
    products on the flat vector: no module is built, whose first weights would be drawn from torch's global
    stream. Raises ModelError where P does not fit D.
    """
    n_outputs = _n_outputs(design, x.shape[1], params.size)
    dtype = torch.float64 if params.dtype == np.float64 else torch.float32
    vector = torch.as_tensor(params, dtype=dtype, device=device)
    *hidden, last = layout(design.widths, x.shape[1], n_outputs, design.norm)
    activation = activation_module(design.activation)
    made = np.empty((len(x), n_outputs), params.dtype)
    with torch.inference_mode():
        for at in range(0, len(x), _ROWS):
            h = torch.as_tensor(x[at : at + _ROWS], dtype=dtype, device=device)
            for block in hidden:
                h = _affine(h, vector, block)
                if design.norm_place == "before":
                    h = _normed(h, vector, block)
                h = activation(h)
                if design.norm_place == "after":
                    h = _normed(h, vector, block)
            made[at : at + _ROWS] = _affine(h, vector, last).cpu().numpy()
    return made


def _affine(h: Tensor, vector: Tensor, block: Block) -> Tensor:
    kernel = vector[block.start : block.biases].view(block.fan_in, block.fan_out)
    return torch.addmm(vector[block.biases : block.gains], h, kernel)


def _normed(h: Tensor, vector: Tensor, block: Block) -> Tensor:
    if block.norm == "none":
        return h
    vectors = vector[block.gains : block.end].view(-1, block.fan_out)
    gain, shift = vectors[:2]
    if block.norm == "layer":
        return functional.layer_norm(h, (block.fan_out,), gain, shift, NORM_EPS)
    mean, variance = vectors[2:]
    return functional.batch_norm(h, mean, variance, gain, shift, eps=NORM_EPS)


def _n_outputs(design: Design, n_features: int, size: int) -> int:
    """C, from the number of parameters."""
    # The output layer of one output tells where it starts.
    last = layout(design.widths, n_features, 1, design.norm)[-1]
    n_outputs, rest = divmod(size - last.start, last.fan_in + 1)
    if n_outputs < 1 or rest:
        raise ModelError(
            f"{size} parameters do not fit a network of widths {design.widths} on {n_features} inputs; "
            "they belong to another design or other inputs."
        )
    return n_outputs
