"""Naive twins of the model room: loops over rows, candidates and networks, in float64 and in plain Python."""

import math
from collections.abc import Callable

import numpy as np

from profunda.model.model import Model

__all__ = ["greedy_weights", "log_loss", "mixture", "network_outputs", "temperature_by_grid"]


def log_loss(y: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of −log of the probability given to the truth, row by row."""
    return sum(-math.log(max(row[label], 1e-300)) for row, label in zip(probabilities, y, strict=True)) / len(
        y
    )


def greedy_weights(
    predictions: list[np.ndarray], loss: Callable[[np.ndarray], float], size: int, library: int
) -> list[float]:
    """Caruana's forward selection spelled out: every mean is formed anew from the list of those taken."""

    def mean_loss(members: list[int]) -> float:
        return loss(sum(predictions[member] for member in members) / len(members))

    ranked = sorted(range(len(predictions)), key=lambda k: (loss(predictions[k]), k))[:library]
    starts = [ranked[:n] for n in range(1, min(size, len(ranked)) + 1)]
    taken = list(min(starts, key=mean_loss))
    while len(taken) < size:
        nearest = min(ranked, key=lambda k: mean_loss([*taken, k]))
        if mean_loss([*taken, nearest]) >= mean_loss(taken):
            break
        taken.append(nearest)
    return [taken.count(k) / len(taken) for k in range(len(predictions))]


def temperature_by_grid(probabilities: np.ndarray, y: np.ndarray, grid: np.ndarray) -> float:
    """The temperature on a grid with the lowest log-loss against Laplace-smoothed targets."""
    rows, classes = probabilities.shape
    smooth = classes / (rows + classes)

    def loss(temperature: float) -> float:
        total = 0.0
        for row, label in zip(probabilities, y, strict=True):
            powers = [p ** (1 / temperature) for p in row]
            for c, power in enumerate(powers):
                share = (1 - smooth) * (c == label) + smooth / classes
                total -= share * math.log(power / sum(powers))
        return total / rows

    return float(min(grid, key=loss))


ACTIVATIONS: dict[str, Callable[[float], float]] = {
    "relu": lambda v: max(v, 0.0),
    "leaky_relu": lambda v: v if v > 0 else 0.01 * v,
    "tanh": math.tanh,
    "sigmoid": lambda v: 1 / (1 + math.exp(-v)),
    "elu": lambda v: v if v > 0 else math.expm1(v),
    "selu": lambda v: 1.0507009873554805 * (v if v > 0 else 1.6732632423543772 * math.expm1(v)),
    "gelu": lambda v: v * (1 + math.erf(v / math.sqrt(2))) / 2,
    "silu": lambda v: v / (1 + math.exp(-v)),
    "softplus": lambda v: math.log1p(math.exp(v)),
    "mish": lambda v: v * math.tanh(math.log1p(math.exp(v))),
}


def network_outputs(
    widths: tuple[int, ...], activation: str, params: np.ndarray, x: np.ndarray, C: int
) -> np.ndarray:
    """Outputs float64 [N, C] of a dense network from flat parameters: per layer W [K, H], then b [H]."""
    sigma = np.vectorize(ACTIVATIONS[activation], otypes=[float])
    h, at = x.astype(np.float64), 0
    for layer, width in enumerate([*widths, C]):
        size = h.shape[1] * width
        weight = params[at : at + size].astype(np.float64).reshape(h.shape[1], width)
        h = h @ weight + params[at + size : at + size + width]
        at += size + width
        if layer < len(widths):
            h = sigma(h)
    return h


def mixture(model: Model, codes: np.ndarray) -> np.ndarray:
    """What a Model predicts, from its fields and the formulas of its documentation, in float64."""
    C = model.task.n_outputs
    total = 0.0
    for part in model.parts:
        for network in part.networks:
            x = network.preprocessing.transform(codes)
            f = network_outputs(part.design.widths, part.design.activation, network.params, x, C)
            if model.task.kind == "multilabel":
                said = np.array([[1 / (1 + math.exp(-v)) for v in row] for row in f])
            elif model.task.kind == "multioutput":
                columns = []
                for c in range(C):
                    mean, sd = network.preprocessing.numbers.target[:, c]
                    low, high = model.clamp[0][c], model.clamp[1][c]
                    columns.append([min(max(v * sd + mean, low), high) for v in f[:, c]])
                said = np.array(columns).T
            elif model.task.kind == "regression":
                mean, sd = network.preprocessing.numbers.target
                said = f[:, 0] * sd + mean
                if model.clamp is not None:
                    said = np.array([min(max(value, model.clamp[0]), model.clamp[1]) for value in said])
            else:
                said = np.array([[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in f])
            total = total + part.weight * said / len(part.networks)
    if model.task.kind in ("regression", "multioutput"):
        return total
    if model.task.kind == "multilabel":
        up, down = total ** (1 / model.temperature), (1 - total) ** (1 / model.temperature)
        return up / (up + down)
    powers = total ** (1 / model.temperature)
    return powers / powers.sum(axis=1, keepdims=True)
