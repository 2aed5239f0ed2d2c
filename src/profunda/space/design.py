"""A Design: one dense network and its whole training recipe, as a frozen value."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

from profunda.errors import SpaceError

Activation = Literal["relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish"]
Initialisation = Literal["lecun", "glorot", "he", "orthogonal", "torch"]
Optimiser = Literal["sgd", "adam", "rmsprop"]
Schedule = Literal["constant", "cosine", "onecycle"]
Loss = Literal["likelihood", "huber"]
Encoding = Literal["robust", "quantile", "piecewise"]


@dataclass(frozen=True)
class Design:
    """One dense network and its recipe. (Fields, units and checks: see the task of the space room.)"""

    widths: tuple[int, ...] = (64, 64)
    activation: Activation = "relu"
    initialisation: Initialisation = "he"
    dropout: float = 0.0
    input_dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    decoupled: bool = True
    label_smoothing: float = 0.0
    loss: Loss = "likelihood"
    optimiser: Optimiser = "adam"
    momentum: float = 0.9
    lr: float = 1e-3
    schedule: Schedule = "constant"
    batch_size: int = 64
    epochs: int = 50
    patience: int = 0
    encoding: Encoding = "robust"
