"""Raw outputs of one trained member on new rows."""

from itertools import pairwise

import numpy as np
import torch

from profunda.networks.dense import build, load
from profunda.space.design import Design

__all__ = ["outputs"]

_ROWS = 8192
"""Rows a pass: bounds the memory of a forward pass on millions of rows."""


def outputs(design: Design, params: np.ndarray, x: np.ndarray, *, device: str = "cpu") -> np.ndarray:
    """Logits, or standardised numbers, [N, C] of the network `design` with flat `params` [P] on `x` [N, D].

    Evaluation mode: no dropout. The type is that of `params`. Raises ModelError where P does not fit D.
    """
    blocks_end = params.size
    width = design.widths[-1] if design.widths else x.shape[1]
    hidden = _hidden_size(design, x.shape[1])
    n_outputs = max(1, (blocks_end - hidden) // (width + 1))
    dtype = torch.float64 if params.dtype == np.float64 else torch.float32
    module = load(build(design, x.shape[1], n_outputs).to(dtype), params).to(device).eval()
    with torch.inference_mode():
        made = [
            module(torch.as_tensor(x[at : at + _ROWS], dtype=dtype, device=device)).cpu().numpy()
            for at in range(0, len(x), _ROWS)
        ]
    return np.concatenate(made) if made else np.zeros((0, n_outputs), params.dtype)


def _hidden_size(design: Design, n_features: int) -> int:
    sizes = (n_features, *design.widths)
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes))
