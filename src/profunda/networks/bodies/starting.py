"""First tensors of a body."""

import numpy as np

from profunda._seeds import keys_of, normals, subkey
from profunda.layers.initialisers import initial_layer
from profunda.networks.bodies.held import Place
from profunda.networks.layout import Front
from profunda.space.bodies import Body
from profunda.space.design import Design

__all__ = ["fill_body"]

_FIRST = 10_000
"""Streams of a body's layers are numbered from here on: those of the layers behind it are fewer."""
_TABLE_SPREAD = 0.1
"""Standard deviation of first vectors of words, where as many are added as a text has."""


def fill_body(design: Design, front: Front, key: int, params: np.ndarray) -> None:
    """First values of the body's tensors into `params` float64 [P].

    Weights follow the Design's law, by the fan-in of a unit: a kernel's area times channels. Recurrent ones
    are orthogonal (Saxe, McClelland and Ganguli 2014), and biases of forget gates 1 (Jozefowicz, Zaremba and
    Sutskever 2015); a Transformer's are Glorot's. Vectors of words are normal with standard deviation 0.1,
    and that of no word is 0. Norms begin as what they are called.
    """
    for place in front.places:
        _fill(design, front.body, place, key, place.weights_of(params))


def _fill(design: Design, body: Body, place: Place, key: int, tensor: np.ndarray) -> None:
    role, layer = place.slot.role, _FIRST + place.slot.layer
    if role == "weights":
        tensor[:] = _weights(design, body, place, key).T.reshape(tensor.shape)
    elif role == "table":
        drawn = normals(keys_of([subkey(key, "embedding", 0, layer)]), tensor.size)[0]
        tensor[:] = _TABLE_SPREAD * drawn.reshape(tensor.shape)
        if place.slot.name == "words":
            tensor[0] = 0.0
    elif role in ("norm", "collected"):
        tensor[0], tensor[1] = (1.0, 0.0) if role == "norm" else (0.0, 1.0)
    else:
        tensor[:] = 0.0
        if body.kind == "lstm":
            units = len(tensor) // 4
            tensor[units : 2 * units] = 1.0  # the second of four gates forgets


def _weights(design: Design, body: Body, place: Place, key: int) -> np.ndarray:
    """[fan-in, out] by the law of its kind."""
    law, fan_out = design.initialisation, place.slot.shape[0]
    if law == "lsuv" or place.slot.name.endswith(".state"):
        law = "orthogonal"
    elif body.tokens is not None:
        law = "glorot"
    activation = design.activation if body.picture is not None else "linear"
    return initial_layer(
        key, _FIRST + place.slot.layer, place.fan_in, fan_out, law=law, activation=activation
    )[0]
