"""First weights of a Design."""

import numpy as np

from profunda.layers.initialisers import initial_layer
from profunda.networks.layout import layout
from profunda.space.design import Design

__all__ = ["initial_params"]


def initial_params(design: Design, key: int, n_features: int, n_outputs: int) -> np.ndarray:
    """First parameters float64 [P] of the member whose key is `key`, by the Design's law."""
    blocks = layout(design.widths, n_features, n_outputs)
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
    return params
