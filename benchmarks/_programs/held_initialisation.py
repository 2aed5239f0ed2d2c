"""Mistakes in first weights and in activations."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from _programs.held_data_networks import (
    arm,
    beats,
    demand,
    inked,
    lines,
    products,
    rules,
    spirals,
    spots,
    stripes,
    topics,
    waveforms,
)
from _programs.held_nets_networks import Bare, Embedded, conv_stack, signal_net, stack
from _programs.judging import accuracy, by, explained, informed, sided
from _programs.program import Case, Plan
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = ["CASES"]

_CROSS = nn.CrossEntropyLoss()
_LOGISTIC = nn.BCEWithLogitsLoss()


def _drawn(part: type[nn.Module], draw: Callable[[Tensor], object], biases: bool = False) -> Callable:
    """Draws the weights (and biases) of all parts of one kind by `draw`."""

    def start(model: nn.Module) -> None:
        for found in model.modules():
            if isinstance(found, part):
                for name, tensor in found.named_parameters(recurse=False):
                    if biases or not name.startswith("bias"):
                        draw(tensor)

    return start


def _recurrent(size: float) -> Callable[[nn.Module], None]:
    """All weights of recurrent layers N(0, size²)."""
    return _drawn(nn.RNNBase, lambda tensor: nn.init.normal_(tensor, 0.0, size))


def _shut(model: nn.Module) -> None:
    """The input gates' and the output gates' biases of LSTMs at -12."""
    for part in model.modules():
        if isinstance(part, nn.LSTM):
            bias = part.bias_ih_l0
            assert isinstance(bias, Tensor)
            hidden = part.hidden_size
            bias[:hidden], bias[3 * hidden :] = -12.0, -12.0


def _offset(model: nn.Module) -> None:
    """The last bias in the targets' own unit, which they have no longer."""
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    nn.init.constant_(last.bias, 60.0)


def _head_drawn_wide(model: nn.Module) -> None:
    """The last layer's weights N(0, 15²)."""
    last = [part for part in model.modules() if isinstance(part, nn.Linear)][-1]
    nn.init.normal_(last.weight, 0.0, 15.0)


def _positive(entering: int, leaving: int) -> Tensor:
    return torch.rand(entering, leaving)


def _fair(entering: int, leaving: int) -> Tensor:
    return (2 * torch.rand(entering, leaving) - 1) / entering**0.5


class _Reader(nn.Module):
    """A plain RNN of tanh or an LSTM over [B, T, D]; the head reads the last place."""

    def __init__(self, body: Callable[..., nn.RNNBase], inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.body = body(inputs, hidden, batch_first=True)
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        return self.head(self.body(x)[0][:, -1])


class _Scaled(nn.Module):
    """`scale` times what a network says beyond what its first weights say: all begin at 0."""

    def __init__(self, body: nn.Module, scale: float) -> None:
        super().__init__()
        self.body, self.scale = body, scale
        self.first = deepcopy(body).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """As the network's."""
        return self.scale * (self.body(x) - self.first(x))


def _scaled(scale: float) -> nn.Module:
    return _Scaled(stack((16, 160, 1)), scale)


class _Called(nn.Module):
    """Three layers; the activation was made in `__init__`, and `used` in `forward` or not."""

    def __init__(self, inputs: int, hidden: int, outputs: int, used: bool = True) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, outputs)
        self.relu = nn.ReLU()
        self.used = used

    def forward(self, x: Tensor) -> Tensor:
        """[B, outputs]."""
        if self.used:
            return self.fc3(self.relu(self.fc2(self.relu(self.fc1(x)))))
        return self.fc3(self.fc2(self.fc1(x)))


_softmax = partial(nn.Softmax, dim=1)
_INK = Plan(
    partial(inked, n=1600), partial(stack, (64, 40, 10), nn.ELU), _CROSS, sgd(0.1, 0.9), 10, by(accuracy)
)
_GELUS = Plan(
    partial(waveforms, n=2000),
    partial(stack, (21, 32, 32, 32, 3), nn.GELU),
    _CROSS,
    sgd(0.05, 0.9),
    9,
    by(accuracy),
    40,
)
_STRIPES = Plan(
    stripes,
    partial(conv_stack, (8, 12), 4, nn.LeakyReLU, head=2),
    _CROSS,
    adam(4e-3),
    8,
    by(accuracy),
    batch_size=24,
)
_PLAIN = Plan(
    demand, partial(_Reader, nn.RNN, 1, 24, 3), nn.MSELoss(), sgd(0.03, 0.9), 24, by(explained), batch_size=24
)
_LINES = Plan(
    partial(lines, n=1600), partial(_Reader, nn.RNN, 8, 40, 10), _CROSS, adam(2e-3), 12, by(accuracy)
)
_HAND = Plan(
    partial(rules, n=3000),
    partial(Bare, (10, 64, 64, 4), _fair),
    _LOGISTIC,
    adam(2e-3),
    12,
    by(sided),
    batch_size=32,
)
_TEXTS = Plan(
    partial(topics, n=2400), partial(Embedded, 32, 14, 32, 3, 32**-0.5), _CROSS, adam(1e-3), 12, by(informed)
)
_HOURS = Plan(
    demand, partial(_Reader, nn.GRU, 1, 20, 3), nn.MSELoss(), adam(5e-3), 14, by(explained), batch_size=24
)
_BEATS = Plan(beats, partial(signal_net, (10, 16, 24), 3), _CROSS, rmsprop(2e-3), 14, by(informed))
_PRODUCT = Plan(
    partial(products, n=3000, width=16),
    partial(_scaled, 1.0),
    nn.MSELoss(),
    sgd(0.05),
    50,
    by(explained),
    batch_size=64,
)
_COUNTED = Plan(
    spots,
    partial(conv_stack, (8, 16), 4, pool=partial(nn.MaxPool2d, 2)),
    _CROSS,
    adam(5e-3),
    12,
    by(accuracy),
)
_ANSWERS = Plan(
    partial(rules, n=3000), partial(stack, (10, 40, 40, 4), nn.Tanh), _LOGISTIC, adamw(4e-3), 14, by(sided)
)
_LSTM = Plan(
    partial(lines, n=1600), partial(_Reader, nn.LSTM, 8, 28, 10), _CROSS, adam(5e-3), 10, by(accuracy), 40
)
_ARM = Plan(arm, partial(stack, (3, 32, 32, 32, 2), nn.SiLU), nn.MSELoss(), adam(4e-3), 20, by(explained), 24)
_SPIRALS = Plan(spirals, partial(_Called, 2, 40, 3), _CROSS, adam(5e-3), 24, by(accuracy), batch_size=24)

CASES: tuple[Case, ...] = (
    Case(
        "every-weight-a-twentieth",
        "MLP",
        "image",
        "weights-equal",
        ("initialisation",),
        replace(_INK, init=_drawn(nn.Linear, lambda tensor: nn.init.constant_(tensor, 0.05), True)),
        _INK,
    ),
    Case(
        "filters-all-averages",
        "CNN",
        "image",
        "weights-equal",
        ("initialisation",),
        replace(_STRIPES, init=_drawn(nn.Conv2d, lambda tensor: nn.init.constant_(tensor, 1 / 9), True)),
        _STRIPES,
    ),
    Case(
        "uniform-of-a-thousandth",
        "MLP",
        "table",
        "weights-too-small",
        ("initialisation",),
        replace(_GELUS, init=_drawn(nn.Linear, lambda tensor: nn.init.uniform_(tensor, -1e-3, 1e-3))),
        _GELUS,
    ),
    Case(
        "rnn-begun-near-nothing",
        "RNN",
        "sequence",
        "weights-too-small",
        ("initialisation",),
        replace(_PLAIN, init=_recurrent(1e-3)),
        _PLAIN,
    ),
    Case(
        "rand-instead-of-randn",
        "MLP",
        "table",
        "weights-too-large",
        ("initialisation",),
        replace(_HAND, net=partial(Bare, (10, 64, 64, 4), _positive)),
        _HAND,
    ),
    Case(
        "attention-drawn-by-randn",
        "Transformer",
        "tokens",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(_TEXTS, net=partial(Embedded, 32, 14, 32, 3, 1.0)),
        _TEXTS,
    ),
    Case(
        "recurrent-weights-of-three",
        "RNN",
        "image",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(_LINES, init=_recurrent(3.0)),
        _LINES,
    ),
    Case(
        "bias-begun-at-sixty",
        "RNN",
        "sequence",
        "outputs-too-large",
        ("initialisation", "output"),
        replace(_HOURS, init=_offset),
        _HOURS,
    ),
    Case(
        "head-drawn-wide",
        "CNN",
        "sequence",
        "outputs-too-large",
        ("initialisation",),
        replace(_BEATS, optimizer=sgd(0.02, 0.9), init=_head_drawn_wide),
        replace(_BEATS, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "a-hundred-times-the-difference",
        "MLP",
        "table",
        "lazy",
        ("initialisation", "output", "architecture"),
        replace(_PRODUCT, net=partial(_scaled, 100.0), optimizer=sgd(0.05 / 100**2)),
        _PRODUCT,
    ),
    Case(
        "rand-without-its-half",
        "MLP",
        "image",
        "dead-units",
        ("activation", "initialisation"),
        replace(
            _INK,
            net=partial(stack, (64, 40, 10)),
            init=_drawn(nn.Linear, lambda tensor: nn.init.uniform_(tensor, -0.25, 0.0)),
        ),
        replace(_INK, net=partial(stack, (64, 40, 10))),
    ),
    Case(
        "threshold-of-four",
        "CNN",
        "image",
        "dead-units",
        ("activation",),
        replace(
            _COUNTED,
            net=partial(
                conv_stack, (8, 16), 4, partial(nn.Threshold, 4.0, 0.0), pool=partial(nn.MaxPool2d, 2)
            ),
        ),
        _COUNTED,
    ),
    Case(
        "clamped-at-a-fiftieth",
        "MLP",
        "table",
        "saturated-units",
        ("activation",),
        replace(_ANSWERS, net=partial(stack, (10, 40, 40, 4), partial(nn.Hardtanh, -0.02, 0.02))),
        _ANSWERS,
    ),
    Case(
        "gates-begun-shut",
        "RNN",
        "image",
        "saturated-units",
        ("activation", "initialisation"),
        replace(_LSTM, init=_shut),
        _LSTM,
    ),
    Case(
        "softmax-between-layers",
        "MLP",
        "table",
        "activation-contracts",
        ("activation",),
        replace(_ARM, net=partial(stack, (3, 32, 32, 32, 2), _softmax)),
        _ARM,
    ),
    Case(
        "five-convolutions-of-sigmoids",
        "CNN",
        "sequence",
        "activation-contracts",
        ("activation", "normalisation", "initialisation"),
        replace(_BEATS, net=partial(signal_net, (10, 16, 16, 24, 24), 3, nn.Sigmoid)),
        replace(_BEATS, net=partial(signal_net, (10, 16, 16, 24, 24), 3)),
    ),
    Case(
        "relu-made-and-never-called",
        "MLP",
        "table",
        "no-activation",
        ("activation", "architecture"),
        replace(_SPIRALS, net=partial(_Called, 2, 40, 3, used=False)),
        _SPIRALS,
    ),
    Case(
        "convolutions-one-after-another",
        "CNN",
        "image",
        "no-activation",
        ("activation", "architecture"),
        replace(_STRIPES, net=partial(conv_stack, (8, 12), 4, nn.Identity)),
        _STRIPES,
    ),
)
