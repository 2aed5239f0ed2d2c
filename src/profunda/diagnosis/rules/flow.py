"""How signals and gradients pass the layers before training, and how the first weights compare with
critical ones.

What differs between rows leaves layer l with the size d_l = signal_l √apart_l; what comes back has the size
backward_l. Both are compared between layers, so that units of inputs, targets and loss drop out. The first
weights are compared as σ_w = √(fan-in)·‖θ‖/√(number of parameters), which is σ_w of Schoenholz et al. (2017,
§2) for weights of any law, with that of the critical initialisation of the activation that follows.
"""

import math
from dataclasses import dataclass

import numpy as np

from profunda.diagnosis.givens import Anatomy, Layer
from profunda.diagnosis.record import Record, Survey
from profunda.diagnosis.rules.readings import after, before
from profunda.theory.critical import critical_initialisation, has_critical

__all__ = ["Flow", "chain_depth", "flow_of", "grown", "hidden", "is_squashing"]

CRITICAL = {
    "relu": "relu",
    "relu6": "relu",
    "prelu": "relu",
    "rrelu": "relu",
    "leaky_relu": "leaky_relu",
    "tanh": "tanh",
    "hardtanh": "tanh",
    "softsign": "tanh",
    "erf": "erf",
    "elu": "elu",
    "celu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "hardswish": "silu",
    "mish": "mish",
    "sigmoid": "sigmoid",
    "hardsigmoid": "sigmoid",
    "logsigmoid": "softplus",
    "softplus": "softplus",
}
"""Activations by the one whose critical weights are theirs: of equal slopes at 0 or of equal sides."""

SQUASHING = frozenset({"sigmoid", "hardsigmoid", "logsigmoid", "softplus", "softmax", "log_softmax"})
"""Those without a critical initialisation whose slope stays well below 1 where signals begin."""

DENSE = ("linear", "convolution")


@dataclass(frozen=True)
class Flow:
    """`forward` d_last/d_first and `back`, what comes back to the first layer over what comes back to the
    last hidden one; `excess` [hidden layers without a norm] log σ_w/σ_critical. NaN or empty where unknown.
    """

    forward: float
    back: float
    excess: np.ndarray

    @property
    def median(self) -> float:
        """The usual factor of first weights over critical ones."""
        return float(np.exp(np.median(self.excess))) if len(self.excess) else math.nan

    @property
    def whole(self) -> float:
        """What these factors multiply to over all layers."""
        return float(np.exp(np.sum(self.excess))) if len(self.excess) else math.nan

    @property
    def least(self) -> float:
        """The smaller of the two ratios."""
        return _nan_min(self.forward, self.back)

    @property
    def most(self) -> float:
        """The larger of them."""
        return -_nan_min(-self.forward, -self.back)


def _nan_min(one: float, other: float) -> float:
    known = [value for value in (one, other) if not math.isnan(value)]
    return min(known, default=math.nan)


def hidden(anatomy: Anatomy) -> tuple[tuple[int, Layer], ...]:
    """Dense and convolution layers but the last layer, with their indices."""
    return tuple((at, one) for at, one in enumerate(anatomy.layers[:-1]) if one.kind in DENSE)


def chain_depth(anatomy: Anatomy) -> int:
    """Hidden layers of a chain that neither skips nor norms interrupt; 0 where they do."""
    layers = hidden(anatomy)
    mended = anatomy.skips > 0 or any(one.norm for _, one in layers)
    return 0 if mended else len(layers)


def is_squashing(what: str) -> bool:
    """Whether no first weights keep gradients alive through many of these."""
    return what in SQUASHING


def flow_of(record: Record) -> Flow | None:
    """None without a survey before the first step or with fewer than two layers."""
    first, layers = before(record), record.anatomy.layers
    if first is None or len(layers) < 2:
        return None
    differs = _of(first.signal, layers) * np.sqrt(np.maximum(_of(first.apart, layers), 0.0))
    back = _of(first.backward, layers) * np.sqrt(_numbers(record.anatomy))
    return Flow(
        _ratio(differs[-1], differs[0]),
        _ratio(back[0], back[-2]) if len(layers) > 2 else math.nan,
        _excess(record.anatomy, first),
    )


def grown(record: Record) -> float:
    """The usual factor of the last weights over critical ones; NaN where unknown."""
    last = after(record)
    excess = np.empty(0) if last is None else _excess(record.anatomy, last)
    return float(np.exp(np.median(excess))) if len(excess) and np.isfinite(excess).all() else math.nan


def _numbers(anatomy: Anatomy) -> np.ndarray:
    """Numbers a row that leave each layer [L]: a gradient spread over more places is no weaker for that."""
    shapes = {op.name: op.shape for op in anatomy.ops}
    found = [shapes.get(layer.name, ()) for layer in anatomy.layers]
    return np.array([float(math.prod(shape[1:])) if len(shape) > 1 else math.nan for shape in found])


def _of(array: np.ndarray, layers: tuple[Layer, ...]) -> np.ndarray:
    return array if len(array) == len(layers) else np.full(len(layers), math.nan)


def _ratio(above: float, below: float) -> float:
    if math.isnan(above) or math.isnan(below) or not below > 0.0:
        return math.nan
    return float(above / below)


def _excess(anatomy: Anatomy, first: Survey) -> np.ndarray:
    weight, found = _of(first.weight, anatomy.layers), []
    for at, layer in hidden(anatomy):
        named = CRITICAL.get(layer.activation, "")
        if layer.norm or not named or not has_critical(named) or not weight[at] > 0.0:
            continue
        size = math.sqrt(layer.fan_in / max(1, layer.parameters)) * float(weight[at])
        found.append(math.log(size / math.sqrt(critical_initialisation(named).weight_variance)))
    return np.array(found)
