"""How fast each parameter of a network learns beside the others: factors of the learning rate."""

import math

import numpy as np

from profunda.networks.bodies.held import Place
from profunda.networks.layout import NetworkLayout
from profunda.space.design import Design

__all__ = ["SCALE_PACE", "SLOPE_PACE", "paces", "weight_pace"]

SLOPE_PACE, SCALE_PACE = 0.1, 6.0
"""Of parametric activations and of input scales (Holzmüller et al. 2024, arXiv:2407.04491, table A.1)."""


def weight_pace(design: Design, fan_in: int) -> float:
    """f of the weights of a layer with n inputs: 1, or under "ntk" 1/√n, under "sgd" 1/n.

    The gradient of W√n is that of W over √n, and a step of it moves W by one part in √n of its size: plain
    gradients come out with 1/n, those whose size the optimiser takes out with 1/√n.
    """
    if design.parametrisation == "standard":
        return 1.0
    return 1.0 / fan_in if design.optimiser == "sgd" else 1.0 / math.sqrt(fan_in)


def _pace_inside(design: Design, place: Place) -> float:
    """Of a tensor of the body."""
    if place.slot.role == "weights":
        return weight_pace(design, place.fan_in)
    return {"biases": design.bias_lr, "collected": 0.0}.get(place.slot.role, 1.0)


def paces(design: Design, layout: NetworkLayout) -> np.ndarray:
    """The factor of every parameter: float64 [P]; 0 for what is collected and not trained."""
    made = np.ones(layout.size)
    layout.front.scales_of(made)[:] = SCALE_PACE
    for place in layout.front.places:
        place.weights_of(made)[:] = _pace_inside(design, place)
    for block in layout.blocks:
        block.weights_of(made)[:] = weight_pace(design, block.fan_in)
        block.biases_of(made)[:] = design.bias_lr
        block.slopes_of(made)[:] = SLOPE_PACE
        made[block.trained : block.end] = 0.0
    heads = layout.heads_of(made)
    heads[:, :-1] = weight_pace(design, layout.blocks[-1].fan_in)
    heads[:, -1] = design.bias_lr
    return made
