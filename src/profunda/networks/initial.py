"""First weights of a Design."""

import math

import numpy as np

from profunda._seeds import keys_of, normals, subkey, uniforms
from profunda.data.inputs import Inputs
from profunda.layers.initialisers import initial_layer
from profunda.networks.bodies.starting import fill_body
from profunda.networks.layout import Front, NetworkLayout, layout_of
from profunda.networks.variances import unit_variances
from profunda.space.design import CODED, PERIODIC, WAVES, Design

__all__ = ["initial_params"]


def initial_params(
    design: Design, key: int, inputs: Inputs | int, n_outputs: int, rows: np.ndarray | None = None
) -> np.ndarray:
    """First parameters float64 [P] of the member whose key is `key`, by the Design's law.

    `inputs` are those of the network, or so many numbers. Norms begin as what they are called: γ 1 and β 0,
    collected mean 0 and variance 1; so do scales and parametric activations, with 1. Embeddings begin as
    Holzmüller et al. (2024, arXiv:2407.04491, §3 and table A.1) say: frequencies normal with the Design's
    `embedding_scale`, phases uniform on a whole wave, mixing uniform within ±1/√16 and its shifts 0; tables
    standard normal. What is a task's own begins at 0. `rows` float [n, D], the first training rows, scale the
    layers under "lsuv". Raises ValueError where "lsuv" has no rows.
    """
    layout = layout_of(design, Inputs.of(inputs), n_outputs)
    params = np.empty(layout.size)
    _fill_front(layout.front, design.embedding_scale, key, params)
    fill_body(design, layout.front, key, params)
    for number in range(len(layout.blocks)):
        _fill_layer(design, layout, key, number, params)
    layout.heads_of(params)[:] = 0.0
    if design.initialisation == "lsuv":
        if rows is None:
            raise ValueError("initialisation 'lsuv' scales layers on training rows; none were given.")
        unit_variances(design, layout, params, rows)
    return params


def _fill_front(front: Front, scale: float, key: int, params: np.ndarray) -> None:
    def stream(place: int) -> np.ndarray:
        return keys_of([subkey(key, "embedding", 0, place)])

    n = len(front.waves)
    frequencies, phases, mixing, shifts = front.waves_of(params)
    frequencies[:] = scale * normals(stream(0), n * WAVES)[0].reshape(n, WAVES)
    phases[:] = uniforms(stream(1), n * WAVES)[0].reshape(n, WAVES) - 0.5
    spread = uniforms(stream(2), n * WAVES * PERIODIC)[0].reshape(n, WAVES, PERIODIC)
    mixing[:] = (2.0 * spread - 1.0) / math.sqrt(WAVES)
    shifts[:] = 0.0
    task = None if front.inputs.task is None else front.inputs.task[0]
    for number, ((place, _), table) in enumerate(zip(front.codes, front.tables_of(params), strict=True)):
        # From 0 all tasks start alike, and one that nobody has seen stays at the mean of all beginnings.
        table[:] = (
            0.0 if place == task else normals(stream(3 + number), len(table) * CODED)[0].reshape(-1, CODED)
        )
    front.scales_of(params)[:] = 1.0


def _fill_layer(design: Design, layout: NetworkLayout, key: int, number: int, params: np.ndarray) -> None:
    block, law = layout.blocks[number], design.initialisation
    if law == "lsuv":
        law = "orthogonal"
    if law == "critical" and number == len(layout.blocks) - 1:
        law = "lecun"  # no activation follows
    # The laws that ask for it: how much of what enters the layer dropout leaves.
    dropping = number > 0 and design.dropout_kind in ("bernoulli", "gaussian")
    block.weights_of(params)[:], block.biases_of(params)[:] = initial_layer(
        key,
        number,
        block.fan_in,
        block.fan_out,
        law=law,
        activation=design.activation,
        keep=1.0 - design.dropout if dropping else 1.0,
    )
    block.slopes_of(params)[:] = 1.0
    norm = block.norm_of(params)
    norm[0::3], norm[1:3] = 1.0, 0.0  # γ and variance; β and mean
