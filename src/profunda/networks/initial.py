"""First weights of a Design."""

import numpy as np

from profunda.layers.initialisers import initial_layer
from profunda.networks.layout import layout
from profunda.space.design import Design

__all__ = ["initial_params"]


def initial_params(design: Design, key: int, n_features: int, n_outputs: int) -> np.ndarray:
    """First parameters float64 [P] of the member whose key is `key`, by the Design's law.

    Norms begin as what they are called: γ 1 and β 0, collected mean 0 and variance 1.
    """
    blocks = layout(design.widths, n_features, n_outputs, design.norm)
    params = np.empty(blocks[-1].end)
    for number, block in enumerate(blocks):
        weights, biases = initial_layer(
            key,
            number,
            block.fan_in,
            block.fan_out,
            law=design.initialisation,
            activation=design.activation,
        )
        block.weights_of(params)[:] = weights
        block.biases_of(params)[:] = biases
        norm = block.norm_of(params)
        norm[0::3], norm[1:3] = 1.0, 0.0  # γ and variance; β and mean
    return params
