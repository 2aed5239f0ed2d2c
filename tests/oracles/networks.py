"""Naive twins of the networks room."""

import numpy as np


def outputs(blocks, params, x, activation):
    """A loop over rows and layers in float64: [N, C]."""
    made = []
    for row in np.asarray(x, np.float64):
        for number, (start, fan_in, fan_out) in enumerate(blocks):
            w = params[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
            b = params[start + fan_in * fan_out : start + (fan_in + 1) * fan_out]
            row = np.array([sum(row[k] * w[k, h] for k in range(fan_in)) + b[h] for h in range(fan_out)])
            if number < len(blocks) - 1:
                row = activation(row)
        made.append(row)
    return np.array(made)
