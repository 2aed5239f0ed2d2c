"""Batch norm folded into its neighbours: in evaluation it is one multiplication and one addition a unit."""

from dataclasses import replace

import numpy as np

from profunda.networks.dense import NORM_EPS
from profunda.networks.layout import layout
from profunda.space.design import Design

__all__ = ["folded"]


def folded(design: Design, params: np.ndarray, n_features: int, n_outputs: int) -> tuple[Design, np.ndarray]:
    """A Design without batch norm, and the parameters [P] that give it the same outputs in evaluation.

    With s = γ/√(σ² + ε) and t = β − μs, a norm before the activation turns its own layer into (W·s, b·s + t);
    one behind it turns the next layer into (diag(s)·W, b + tW). Other designs come back as they are.
    """
    if design.norm != "batch":
        return design, params
    made = params.astype(np.float64)
    blocks = layout(design.widths, n_features, n_outputs, "batch")
    for number, block in enumerate(blocks[:-1]):
        gain, shift, mean, variance = block.norm_of(made)
        slope = gain / np.sqrt(variance + NORM_EPS)
        rest = shift - mean * slope
        changed = blocks[number if design.norm_place == "before" else number + 1]
        weights, biases = changed.weights_of(made), changed.biases_of(made)
        if design.norm_place == "before":
            weights *= slope
            biases[:] = biases * slope + rest
        else:
            biases += rest @ weights
            weights *= slope[:, None]
    kept = np.concatenate([made[block.start : block.gains] for block in blocks])
    return replace(design, norm="none"), kept.astype(params.dtype)
