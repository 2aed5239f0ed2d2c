"""A Design: one dense network and its whole training recipe, as a frozen value."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

from profunda.data.layout import Encoding
from profunda.errors import SpaceError
from profunda.space.domain import Choice, Float, Int, LogFloat, plain

__all__ = [
    "DOMAINS",
    "MAX_DEPTH",
    "WIDTH",
    "Activation",
    "Design",
    "DropoutKind",
    "Initialisation",
    "Loss",
    "Norm",
    "NormPlace",
    "Optimiser",
    "Schedule",
]

Activation = Literal[
    "relu", "leaky_relu", "tanh", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "mish"
]
Initialisation = Literal["lecun", "glorot", "he", "orthogonal", "torch"]
Norm = Literal["none", "batch", "layer"]
NormPlace = Literal["before", "after"]
DropoutKind = Literal["bernoulli", "gaussian", "dropconnect"]
Optimiser = Literal["sgd", "adam", "rmsprop"]
Schedule = Literal["constant", "cosine", "onecycle"]
Loss = Literal["likelihood", "huber"]

MAX_DEPTH = 1000
WIDTH = Int(1, 65_536)
"""What one hidden layer's width may be."""

DOMAINS: Mapping[str, Float | LogFloat | Int | Choice] = {
    "activation": Choice(list(get_args(Activation))),
    "initialisation": Choice(list(get_args(Initialisation))),
    "norm": Choice(list(get_args(Norm))),
    "norm_place": Choice(list(get_args(NormPlace))),
    "dropout": Float(0.0, 0.95),
    "input_dropout": Float(0.0, 0.95),
    "dropout_kind": Choice(list(get_args(DropoutKind))),
    "l1": Float(0.0, 1e6),
    "l2": Float(0.0, 1e6),
    "decoupled": Choice(False, True),
    "label_smoothing": Float(0.0, 0.95),
    "loss": Choice(list(get_args(Loss))),
    "optimiser": Choice(list(get_args(Optimiser))),
    "momentum": Float(0.0, 0.9999),
    "lr": LogFloat(1e-12, 1e12),
    "clip": Float(0.0, 1e12),
    "schedule": Choice(list(get_args(Schedule))),
    "batch_size": Int(1, 2**31 - 1),
    "epochs": Int(1, 1_000_000),
    "patience": Int(0, 1_000_000),
    "encoding": Choice(list(get_args(Encoding))),
}
"""What each field of a Design but `widths` may be. The only place that says so."""

_FORMAT = 2
_SINCE_FORMAT_2 = ("norm", "norm_place", "dropout_kind", "clip")


@dataclass(frozen=True)
class Design:
    """One dense network and its training recipe: frozen, comparable, JSON both ways, with a stable `id`.

    Raises SpaceError, naming the field, its value and its domain, for values that make no network.

    Parameters
    ----------
    widths
        Widths H of the hidden layers, first to last; () is the linear model. At most 1,000 layers.
    activation
        After each hidden layer, the same for all.
    initialisation
        Law of the initial weights: "lecun" variance 1/fan_in, "glorot" 2/(fan_in + fan_out), "he" 2/fan_in,
        all normal; "orthogonal"; "torch" uniform within ±1/√fan_in, biases too (elsewhere they start at 0).
    norm, norm_place
        "batch" (Ioffe and Szegedy 2015, algorithms 1 and 2) or "layer" (Ba, Kiros and Hinton 2016, eq. 4) in
        every hidden layer, with trained gain γ and shift β, on what enters the activation ("before") or on
        what leaves it ("after", which dropout then acts on). ε is 1e-5; statistics of batches are collected
        with PyTorch's momentum 0.1 for evaluation. A batch of one row has no spread: it gives β and is not
        collected.
    dropout, input_dropout
        Probabilities of *dropping* a hidden activation, an input (PyTorch's convention; texts that write p
        for the probability of keeping mean 1 − p). Inverted: what is kept is scaled by 1/(1 − p) in training.
    dropout_kind
        What the rate `dropout` does: "bernoulli" drops activations; "gaussian" multiplies them by normal
        noise of mean 1 and the same variance p/(1 − p) (Srivastava et al. 2014, §10); "dropconnect" drops the
        weights that leave hidden units, once a step for the whole batch (Wan et al. 2013). Inputs are dropped
        in the Bernoulli way in any case.
    l1
        Soft threshold w ← S(w, lr·l1) after each step, on weights, not on biases.
    l2, decoupled
        Penalty ½·l2·‖w‖² on weights, not on biases: added to the gradient, or, decoupled, w ← w·(1 − lr·l2)
        (Loshchilov and Hutter 2019, AdamW).
    label_smoothing
        Share of the probability spread evenly over the classes; classes only.
    loss
        "likelihood": mean cross-entropy for classes, mean squared error for numbers. "huber": on the
        standardised number, r² within ±1 and 2|r| − 1 outside; numbers only.
    optimiser, momentum
        "sgd" (alone with `momentum`), "adam" (β 0.9, 0.999), "rmsprop" (α 0.99), in PyTorch's formulas.
    lr
        Peak learning rate.
    clip
        Largest norm of the gradient over all of the network; longer ones are shortened to it, before coupled
        L2 is added (Pascanu, Mikolov and Bengio 2013, algorithm 1). 0 never clips.
    schedule
        Factor of lr over the planned steps, t from 0 to 1: "constant"; "cosine" ½(1 + cos πt); "onecycle",
        linear warm-up over the first 30 % and cosine down.
    batch_size
        Rows B a step, at most all training rows; an epoch's smaller last batch is trained too.
    epochs, patience
        Epochs E at most, and epochs without a better validation loss after which training ends (0 = never).
        The best weights are kept in any case (Goodfellow, Bengio and Courville 2016, algorithm 7.1).
    encoding
        How inputs become numbers: "robust", "quantile" or "piecewise" (see `profunda.data.preprocessing`).
    """

    widths: tuple[int, ...] = (64, 64)
    activation: Activation = "relu"
    initialisation: Initialisation = "he"
    norm: Norm = "none"
    norm_place: NormPlace = "before"
    dropout: float = 0.0
    input_dropout: float = 0.0
    dropout_kind: DropoutKind = "bernoulli"
    l1: float = 0.0
    l2: float = 0.0
    decoupled: bool = True
    label_smoothing: float = 0.0
    loss: Loss = "likelihood"
    optimiser: Optimiser = "adam"
    momentum: float = 0.9
    lr: float = 1e-3
    clip: float = 0.0
    schedule: Schedule = "constant"
    batch_size: int = 64
    epochs: int = 50
    patience: int = 0
    encoding: Encoding = "robust"

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", _checked_widths(self.widths))
        for name, domain in DOMAINS.items():
            value = plain(getattr(self, name))
            if not domain.contains(value):
                raise SpaceError(
                    f"{name} = {value!r} cannot be trained: it must be {domain.describe()}.{_hint(name)}"
                )
            # Equal designs must be equal text: 1 and 1.0 would have different ids.
            object.__setattr__(self, name, float(value) if isinstance(domain, Float | LogFloat) else value)

    @property
    def depth(self) -> int:
        """Number L of hidden layers."""
        return len(self.widths)

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits, the same in every process: blake2b of the canonical JSON.

        What format 1 could say keeps the id it had there, and with it every random draw: the text is then
        that of format 1.
        """
        data = self.to_json()
        if all(data[name] == _DEFAULTS[name] for name in _SINCE_FORMAT_2):
            data = {name: data[name] for name in data if name not in _SINCE_FORMAT_2} | {"format": 1}
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def parameters(self, n_features: int, n_outputs: int) -> int:
        """Number P of trained parameters for D = `n_features` encoded inputs and C = `n_outputs` outputs.

        Weights and biases, and γ and β of norms; what batch norm collects for evaluation is not trained.
        """
        sizes = (n_features, *self.widths, n_outputs)
        gains = 0 if self.norm == "none" else 2 * sum(self.widths)
        return gains + sum((before + 1) * after for before, after in pairwise(sizes))

    def to_json(self) -> dict[str, Any]:
        """A JSON-able form that `from_json` reads."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {"format": _FORMAT, **values, "widths": list(self.widths)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> "Design":
        """The design written by `to_json` (or its JSON text), of this format or of format 1.

        Raises SpaceError for another format, unknown or missing keys, and values that make no network.
        """
        try:
            data = json.loads(data) if isinstance(data, str) else data
        except json.JSONDecodeError as error:
            raise SpaceError(f"this design is not JSON ({error}). The file is damaged.") from None
        stated = data.get("format") if isinstance(data, Mapping) else None
        if type(stated) is not int or not 1 <= stated <= _FORMAT:
            raise SpaceError(
                f"this is not a design of format {_FORMAT} or older. "
                "The file is damaged, or of a later version."
            )
        names = set(_DEFAULTS) - set(_SINCE_FORMAT_2 if stated == 1 else ())
        found = set(data) - {"format"}
        if found != names:
            raise SpaceError(
                f"a design of format {stated} has other keys: unknown {sorted(map(str, found - names))}, "
                f"missing {sorted(names - found)}. The file is damaged, or of another version."
            )
        return cls(**{name: data[name] for name in names})


_DEFAULTS = {field.name: field.default for field in fields(Design)}


def _checked_widths(widths: Any) -> tuple[int, ...]:
    if isinstance(widths, str) or not isinstance(widths, list | tuple):
        raise SpaceError(
            f"widths = {widths!r} must be a list of whole numbers, one for each hidden layer; () is linear."
        )
    exact = plain(widths)
    for layer, width in enumerate(exact):
        if not WIDTH.contains(width):
            raise SpaceError(
                f"widths = {list(exact)}: hidden layer {layer + 1} has {width!r} units, but must have "
                f"{WIDTH.describe()}. For no hidden layer write ()."
            )
    if len(exact) > MAX_DEPTH:
        raise SpaceError(f"widths names {len(exact)} hidden layers; at most {MAX_DEPTH} can be trained.")
    return exact


def _hint(name: str) -> str:
    if name in ("dropout", "input_dropout"):
        return " It is the probability of dropping, not of keeping: a text's keep = 0.8 is 0.2 here."
    if name == "patience":
        return " 0 never stops early."
    if name == "clip":
        return " 0 never clips."
    if name == "decoupled":
        return " Write True or False."
    return ""
