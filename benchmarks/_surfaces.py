"""Objectives with known formulas, over the package's spaces: what samplers are compared on.

No optimum lies in the middle of its box, where a sampler might look without having learnt anything.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from profunda.space.domain import Choice, Float, Int, LogFloat
from profunda.space.space import Space, When

__all__ = ["SURFACES", "Surface"]


@dataclass(frozen=True)
class Surface:
    """A problem to be minimised: `value(params)`, NaN for a failed trial, in batches of `batch`."""

    name: str
    space: Space
    value: Callable[[Mapping[str, Any]], float]
    trials: int
    batch: int


def branin(params: Mapping[str, Any]) -> float:
    """Branin (Dixon and Szegö 1978): three minima of 0.397887."""
    x, y = params["x"], params["y"]
    curve = y - 5.1 / (4 * np.pi**2) * x**2 + 5 / np.pi * x - 6
    return float(curve**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10)


_HARTMANN_WEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_HARTMANN_SCALES = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_HARTMANN_PLACES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(params: Mapping[str, Any]) -> float:
    """Hartmann's six-dimensional function (Dixon and Szegö 1978), minimum −3.32237; x6 and x7 are idle."""
    x = _vector(params)[:6]
    inner = (_HARTMANN_SCALES * (x - _HARTMANN_PLACES) ** 2).sum(axis=1)
    return float(-(_HARTMANN_WEIGHTS * np.exp(-inner)).sum())


_SHIFT = np.array([0.31, -0.22, 0.12, -0.37, 0.26, -0.15, 0.08, 0.34])


def ackley(params: Mapping[str, Any]) -> float:
    """Ackley (1987), minimum 0 at a shifted place, over ±16 in every direction."""
    x = 32 * (_vector(params) - 0.5 - _SHIFT / 2)
    waves = np.exp(np.cos(2 * np.pi * x).mean())
    return float(20 + math.e - 20 * np.exp(-0.2 * np.sqrt((x**2).mean())) - waves)


def levy(params: Mapping[str, Any]) -> float:
    """Levy (Laguna and Martí 2005), minimum 0 at a shifted place, over ±10 in every direction."""
    w = 1 + 20 * (_vector(params) - 0.5 - _SHIFT / 2) / 4
    inner = ((w[:-1] - 1) ** 2 * (1 + 10 * np.sin(np.pi * w[:-1] + 1) ** 2)).sum()
    ends = np.sin(np.pi * w[0]) ** 2 + (w[-1] - 1) ** 2 * (1 + np.sin(2 * np.pi * w[-1]) ** 2)
    return float(ends + inner)


_LR = {"sgd": -1.2, "adam": -2.8, "rmsprop": -3.2}
_OFFSET = {"relu": 0.02, "tanh": 0.06, "silu": 0.0}


def network(params: Mapping[str, Any]) -> float:
    """The shape of a network's validation loss: eight parameters, two of them conditional, some draws fail.

    A valley in the learning rate whose floor depends on optimiser and batch size, saturating gains of depth
    and width, an optimum of dropout that grows with width; rates far above the valley diverge.
    """
    optimiser, depth = params["optimiser"], params["depth"]
    best_rate = _LR[optimiser] + 0.5 * math.log10(params["batch"] / 64)
    gap = math.log10(params["lr"]) - best_rate
    if gap > 1.4:
        return math.nan
    loss = 0.35 + 0.12 * gap**2 + (0.15 * gap**2 if gap > 0 else 0.0)
    if optimiser == "sgd":
        loss += 0.02 + 0.5 * (params["momentum"] - 0.9) ** 2
    loss += _OFFSET[params["activation"]] * (1 + 0.5 * depth)
    loss += 0.08 * math.exp(-0.9 * depth) + 0.012 * max(0, depth - 3) ** 2
    if depth:
        width = params["width"]
        best_drop = 0.1 + 0.08 * math.log2(width / 32)
        loss += 0.1 * math.exp(-width / 80) + 0.4 * (params["dropout"] - best_drop) ** 2
    return loss


def _vector(params: Mapping[str, Any]) -> np.ndarray:
    return np.array([params[f"x{i}"] for i in range(8)])


_BOX = Space({f"x{i}": Float(0, 1) for i in range(8)})
_NETWORK = Space(
    {
        "optimiser": ["sgd", "adam", "rmsprop"],
        "lr": LogFloat(1e-5, 1.0),
        "momentum": When("optimiser", "sgd", Float(0, 0.99)),
        "batch": Choice(16, 32, 64, 128, 256),
        "depth": Int(0, 6),
        "width": When("depth", (1, 2, 3, 4, 5, 6), Int(16, 512, log=True)),
        "dropout": When("depth", (1, 2, 3, 4, 5, 6), Float(0, 0.8)),
        "activation": ["relu", "tanh", "silu"],
    }
)

SURFACES = (
    Surface("branin", Space({"x": Float(-5, 10), "y": Float(0, 15)}), branin, 30, 1),
    Surface("hartmann", _BOX, hartmann, 128, 32),
    Surface("ackley", _BOX, ackley, 128, 32),
    Surface("levy", _BOX, levy, 128, 32),
    Surface("network", _NETWORK, network, 128, 32),
)
