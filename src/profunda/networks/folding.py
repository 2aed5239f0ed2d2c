"""Batch norm folded into its neighbours: in evaluation it is one multiplication and one addition a unit."""

from dataclasses import replace

import numpy as np

from profunda.data.inputs import Inputs
from profunda.networks.layout import layout_of
from profunda.networks.norms import NORM_EPS
from profunda.networks.passing import skips
from profunda.space.design import Design

__all__ = ["folded"]


def folded(
    design: Design, params: np.ndarray, inputs: Inputs | int, n_outputs: int
) -> tuple[Design, np.ndarray]:
    """A Design without batch norm, and the parameters [P] that give it the same outputs in evaluation.

    With s = γ/√(σ² + ε) and t = β − μs, a norm before the activation turns its own layer into (W·s, b·s + t);
    one behind it turns the next layer into (diag(s)·W, b + tW). Other designs come back as they are, and so
    do norms behind activations in a network with skips, which hand on what the norm has made, and networks
    whose body has such norms, which a Design without them would lose.
    """
    before = design.norm_place == "before"
    if design.norm != "batch" or (not before and any(skips(design, n) for n in range(design.depth))):
        return design, params
    layout = layout_of(design, Inputs.of(inputs), n_outputs)
    if any(slot.role == "collected" for slot in layout.front.body.slots):
        return design, params
    made = params.astype(np.float64)
    for number, block in enumerate(layout.blocks[:-1]):
        gain, shift, mean, variance = block.norm_of(made)
        slope = gain / np.sqrt(variance + NORM_EPS)
        rest = shift - mean * slope
        changed = layout.blocks[number if before else number + 1]
        weights, biases = changed.weights_of(made), changed.biases_of(made)
        if before:
            weights *= slope
            biases[:] = biases * slope + rest
        else:
            biases += rest @ weights
            weights *= slope[:, None]
            if changed is layout.blocks[-1]:
                heads = layout.heads_of(made)
                heads[:, -1] += np.einsum("h,thc->tc", rest, heads[:, :-1])
                heads[:, :-1] *= slope[:, None]
    kept = [made[: layout.front.end], *(made[block.start : block.gains] for block in layout.blocks)]
    kept.append(made[layout.heads :])
    return replace(design, norm="none"), np.concatenate(kept).astype(params.dtype)
