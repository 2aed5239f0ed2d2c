"""What outputs are, by the operations that end a network: any numbers, probabilities, their logarithms."""

import math
from dataclasses import dataclass, replace

from profunda.diagnosis.givens import Anatomy

__all__ = ["FREE", "End", "end_of"]


@dataclass(frozen=True)
class End:
    """`form`: "free" (no activation stands last), "probabilities", "log-probabilities", "bounded" (an
    activation of known `low` and `high` ends), or "unknown". `what` the activation, `place` where it stands.
    """

    form: str
    what: str = ""
    place: str = ""
    low: float = -math.inf
    high: float = math.inf


FREE = End("free")

_PASSING = frozenset({"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "identity"})
"""What does not change a range in evaluation."""

_AVERAGING = frozenset({"mean", "sum", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "avg_pool2d", "add"})
"""Free numbers stay free through these; of bounded ones nothing is claimed."""

_ENDS: dict[str, tuple[float, float]] = {
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exp": (0.0, math.inf),
    "tanh": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0),
    "erf": (-1.0, 1.0),
    "elu": (-1.0, math.inf),
    "celu": (-1.0, math.inf),
    "selu": (-1.7581, math.inf),
    "silu": (-0.2785, math.inf),
    "gelu": (-0.17, math.inf),
    "mish": (-0.3089, math.inf),
    "hardswish": (-0.375, math.inf),
}
"""Least and largest value of activations with their usual settings."""

_SHARES = frozenset({"softmax", "sigmoid", "hardsigmoid"})
_LOGARITHMS = frozenset({"log_softmax", "logsigmoid"})


def end_of(anatomy: Anatomy) -> End | None:
    """How the outputs are made; None where the module could not be read or has no layers. The range is what
    all that stands behind the last layer can give, where that is known, and not its last activation alone.
    """
    end, (low, high) = _named(anatomy), anatomy.reach
    if end is None or math.isnan(low) or math.isnan(high):
        return end
    form = "bounded" if end.form in ("free", "unknown") else end.form
    form = "free" if form == "bounded" and low == -math.inf and high == math.inf else form
    if form == "bounded":
        return replace(end, form=form, low=low, high=high)
    return replace(end, form=form, low=max(low, end.low), high=min(high, end.high))


def _named(anatomy: Anatomy) -> End | None:
    """By the names of what stands last."""
    if anatomy.why or not anatomy.ops or anatomy.deaf:  # what made the outputs is no part of the pass then
        return None
    last = [what for what in anatomy.last if what not in _PASSING]
    if not last or all(what in _AVERAGING for what in last):
        return _of_layer(anatomy)
    what = last[-1]
    place = next((op.name for op in reversed(anatomy.ops) if op.what == what), "")
    if what in _LOGARITHMS or (what == "log" and last[0] in _SHARES):
        return End("log-probabilities", what, place, high=0.0)
    if what in _SHARES:
        return End("probabilities", what, place, 0.0, 1.0)
    if what in _ENDS:
        return End("bounded", what, place, *_ENDS[what])
    return End("free", what, place) if what in ("leaky_relu", "prelu") else End("unknown", what, place)


def _of_layer(anatomy: Anatomy) -> End | None:
    """A layer gives any numbers, but for a recurrent one, which gives those of its activation."""
    if not anatomy.layers:
        return None
    layer = anatomy.layers[-1]
    if layer.kind == "recurrent" and layer.activation in _ENDS and anatomy.ops[-1].name == layer.name:
        return End("bounded", layer.activation, layer.name, *_ENDS[layer.activation])
    return FREE
