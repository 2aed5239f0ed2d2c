"""Layers scaled on data: what leaves each has unit variance (Mishkin and Matas 2016, "All you need is a good
init", arXiv:1511.06422, algorithm 1)."""

import numpy as np
import torch

from profunda.networks.layout import NetworkLayout
from profunda.networks.passing import inputs_of_layers
from profunda.space.design import Design

__all__ = ["unit_variances"]

_ROUNDING = 1e-9
"""Of the largest number: what differs by less does not vary, but was rounded."""


def unit_variances(design: Design, layout: NetworkLayout, params: np.ndarray, rows: np.ndarray) -> None:
    """Scale the hidden layers' weights in `params` float64 [P], in place and from the inputs on.

    Afterwards xW of each has variance 1 over `rows` [n, D] and units. The paper repeats the scaling until
    that is so; before biases, which are 0, once is enough. A layer that gives one number everywhere stays.
    """
    vector = torch.from_numpy(params)
    x = torch.as_tensor(rows, dtype=torch.float64)
    with torch.inference_mode():
        entered = inputs_of_layers(design, layout, vector, x)
        for block, h in zip(layout.blocks[:-1], entered, strict=False):  # the output layer stays as it is
            weights = block.weights_of(params)
            made = h.numpy() @ weights
            spread = float(np.std(made))
            if spread > _ROUNDING * float(np.abs(made).max()):
                weights /= spread
