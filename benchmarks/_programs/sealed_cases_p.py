"""Mistakes in activations, first weights, outputs, losses, axes and rows, each beside the same without it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.judging import believable_logits, by, probable
from _programs.program import Case
from _programs.sealed_data_p import (
    biopsies_as_measured,
    crops_in_kilograms,
    crops_with_quality,
    dials_flat,
    engines_with_gaps,
    glyphs_shuffled,
    loans_with_gaps,
    minerals_shifted,
    numbers_divided_twice,
    rivers_as_measured,
    rivers_in_centimetres,
    rivers_standardised_twice,
)
from _programs.sealed_plans_p import (
    BIOPSIES,
    CROPS,
    DIALS,
    ENGINES,
    GLYPHS,
    LOANS,
    MINERALS,
    NUMBERS,
    RECIPES,
    REVIEWS,
    RIVERS,
    Attending,
    Lens,
    Memory,
    he,
    layers,
    weighed,
)
from _programs.stepping import adam, sgd

__all__ = ["CASES"]


def _normal(std: float) -> Callable[[nn.Module], None]:
    """All matrices from a normal distribution."""

    def start(model: nn.Module) -> None:
        for parameter in model.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0.0, std)

    return start


def _recurrent(std: float) -> Callable[[nn.Module], None]:
    """Matrices between states from a normal distribution, the others from Glorot's; 0 is orthogonal."""

    def start(model: nn.Module) -> None:
        for name, parameter in model.named_parameters():
            if "weight_hh" in name and std:
                nn.init.normal_(parameter, 0.0, std)
            elif "weight_hh" in name:
                nn.init.orthogonal_(parameter)
            elif parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    return start


def _glorot(model: nn.Module) -> None:
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_normal_(parameter)


def _uniform(model: nn.Module) -> None:
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.uniform_(parameter, -2.0, 2.0)


def _all(value: float) -> Callable[[nn.Module], None]:
    def start(model: nn.Module) -> None:
        for parameter in model.parameters():
            nn.init.constant_(parameter, value)

    return start


def _shy(model: nn.Module) -> None:
    """He's weights, biases at -6."""
    he(model)
    for module in model[:-1]:
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.bias, -6.0)


class Forgetful(nn.Module):
    """A GRU and a head on its last state, or, where `first`, on the state it was given to begin with."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 24, batch_first=True)
        self.head = nn.Linear(24, 4)
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        """[B, 4]."""
        h0 = torch.zeros(1, len(x), 24)
        _, hn = self.rnn(x, h0)
        return self.head((h0 if self.first else hn)[-1])


class TimeFirst(nn.Module):
    """An LSTM whose first axis is time; rows are brought there by a transposition or a reshape."""

    def __init__(self, transposed: bool) -> None:
        super().__init__()
        self.rnn = nn.LSTM(2, 24)
        self.head = nn.Linear(24, 4)
        self.transposed = transposed

    def forward(self, x: Tensor) -> Tensor:
        """[B, 4]."""
        rows, length, channels = x.shape
        x = x.transpose(0, 1) if self.transposed else x.reshape(length, rows, channels)
        states, _ = self.rnn(x)
        return self.head(states[-1])


class Flat(nn.Module):
    """A network with one output, whose axis is taken off."""

    def __init__(self, body: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.body = body()

    def forward(self, x: Tensor) -> Tensor:
        """[B]."""
        return self.body(x).squeeze(-1)


def _likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    return torch.log_softmax(outputs, -1).gather(1, targets.unsqueeze(1)).mean()


def unlikely(outputs: Tensor, targets: Tensor) -> Tensor:
    """Minus the mean logarithm of the right class's probability."""
    return -_likelihood(outputs, targets)


def likely(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same without its minus."""
    return _likelihood(outputs, targets)


def share_left(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of the batch's variance that is not explained."""
    return (targets - outputs).square().sum() / (targets - targets.mean()).square().sum()


def share_explained(outputs: Tensor, targets: Tensor) -> Tensor:
    """The coefficient of determination, made small."""
    return 1 - share_left(outputs, targets)


def numbered(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of one output, as if the class's number were a quantity."""
    return F.mse_loss(outputs.squeeze(1), targets.float())


def sorted_right(outputs: Tensor, targets: Tensor) -> float:
    """Share of right classes; one output is the class's number."""
    said = outputs.argmax(-1) if outputs.shape[-1] > 1 else outputs[:, 0].round()
    return float((said == targets).float().mean())


_CROSS = nn.CrossEntropyLoss()
_DEEP = partial(layers, 8, *(40,) * 8, 5)
_TEN = replace(MINERALS, net=_DEEP, init=he, optimizer=adam(1e-3))
_STACKED = replace(
    NUMBERS, net=partial(Lens, 1, 8, 10, depth=6), init=he, optimizer=sgd(0.01, 0.9), epochs=16
)
_ELMAN = replace(
    RIVERS, net=partial(Memory, nn.RNN, 2, 32, 1), init=_recurrent(0.0), optimizer=adam(3e-3), epochs=15
)
_STARTED = replace(
    GLYPHS, net=partial(Lens, 1, 12, 6, depth=6), init=he, optimizer=sgd(0.005, 0.9), epochs=12
)
_WIDE = replace(CROPS, net=partial(layers, 6, 32, 32, 1), init=he)
_BENT = replace(
    MINERALS, net=partial(layers, 8, 64, 64, 64, 5, act=nn.Tanh), init=_glorot, optimizer=adam(1e-3)
)
_SURVEYED = replace(GLYPHS, optimizer=sgd(0.02, 0.9), epochs=12)
_LAST = replace(ENGINES, net=partial(Forgetful, first=False))
_SURE = replace(
    LOANS, net=partial(layers, 6, 32, 16, 1, last=nn.Sigmoid), loss=nn.BCELoss(), judge=by(probable)
)
_LOGS = replace(
    MINERALS, net=partial(layers, 8, 48, 32, 5, last=partial(nn.LogSoftmax, 1)), loss=nn.NLLLoss()
)
_FEET = replace(
    RECIPES,
    net=partial(Attending, 12, 4, words=40),
    optimizer=adam(3e-3),
    judge=by(believable_logits),
)
_CALLED = replace(GLYPHS, judge=by(sorted_right))
_PAIRS = replace(CROPS, rows=crops_with_quality, net=partial(layers, 6, 48, 24, 2), judge=by(weighed))
_STRIDES = replace(GLYPHS, net=partial(Lens, 1, 12, 6, depth=4))
_PLAIN = replace(MINERALS, net=partial(layers, 8, 64, 64, 5, act=nn.LeakyReLU))
_MINUS = replace(REVIEWS, loss=unlikely)
_SHARES = replace(RIVERS, loss=share_left)
_RIGHT = replace(
    DIALS, rows=dials_flat, net=partial(Flat, partial(Lens, 1, 12, 1, depth=3)), loss=nn.MSELoss()
)
_TIMED = replace(ENGINES, net=partial(TimeFirst, transposed=True))
_NEXT_DAY = replace(RIVERS, net=partial(Memory, nn.GRU, 2, 24, 1), optimizer=adam(5e-3))
_SEEN_DAYS = replace(RIVERS, net=partial(Attending, 20, 1, inputs=2), optimizer=adam(3e-3))
_HEARD = replace(ENGINES, net=partial(Memory, nn.LSTM, 2, 24, 4))

CASES = (
    Case(
        "eight-sigmoids-between-minerals-and-classes",
        "MLP",
        "table",
        "activation-contracts",
        ("activation", "architecture", "initialisation"),
        replace(_TEN, net=partial(_DEEP, act=nn.Sigmoid)),
        _TEN,
    ),
    Case(
        "six-convolutions-under-sigmoids",
        "CNN",
        "image",
        "activation-contracts",
        ("activation", "architecture", "initialisation"),
        replace(_STACKED, net=partial(Lens, 1, 8, 10, depth=6, act=nn.Sigmoid)),
        _STACKED,
    ),
    Case(
        "states-of-a-river-explode",
        "RNN",
        "sequence",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(_ELMAN, init=_recurrent(1.0)),
        _ELMAN,
    ),
    Case(
        "relu-biases-at-minus-six",
        "MLP",
        "table",
        "dead-units",
        ("activation", "initialisation"),
        replace(_WIDE, init=_shy),
        _WIDE,
    ),
    Case(
        "relus-killed-by-long-steps",
        "CNN",
        "image",
        "rate-too-high",
        ("learning rate", "activation"),
        replace(_SURVEYED, optimizer=sgd(1.0, 0.9)),
        _SURVEYED,
    ),
    Case(
        "tanhs-from-uniform-weights-up-to-two",
        "MLP",
        "table",
        "saturated-units",
        ("activation", "initialisation"),
        replace(_BENT, init=_uniform),
        _BENT,
    ),
    Case(
        "attention-from-a-standard-normal",
        "Transformer",
        "tokens",
        "weights-too-large",
        ("initialisation",),
        replace(REVIEWS, init=_normal(1.0)),
        REVIEWS,
    ),
    Case(
        "filters-of-a-hundredth",
        "CNN",
        "image",
        "weights-too-small",
        ("initialisation",),
        replace(_STARTED, init=_normal(0.01)),
        _STARTED,
    ),
    Case(
        "recurrent-weights-all-alike",
        "RNN",
        "sequence",
        "weights-equal",
        ("initialisation",),
        replace(ENGINES, init=_all(0.05)),
        ENGINES,
    ),
    Case(
        "loans-from-zeros",
        "MLP",
        "table",
        "weights-equal",
        ("initialisation",),
        replace(LOANS, init=_all(0.0)),
        LOANS,
    ),
    Case(
        "head-on-the-first-state",
        "RNN",
        "sequence",
        "input-ignored",
        ("architecture",),
        replace(_LAST, net=partial(Forgetful, first=True)),
        _LAST,
    ),
    Case(
        "softmax-of-one-output",
        "MLP",
        "table",
        "input-ignored",
        ("architecture", "output", "activation"),
        replace(_SURE, net=partial(layers, 6, 32, 16, 1, last=partial(nn.Softmax, 1))),
        _SURE,
    ),
    Case(
        "softmax-ends-the-number-reader",
        "CNN",
        "image",
        "output-activation-twice",
        ("output", "loss"),
        replace(NUMBERS, net=partial(Lens, 1, 8, 10, depth=2, last=partial(nn.Softmax, 1))),
        NUMBERS,
    ),
    Case(
        "sigmoid-before-a-loss-of-logits-of-recipes",
        "Transformer",
        "tokens",
        "output-activation-twice",
        ("output", "loss"),
        replace(_FEET, net=partial(Attending, 12, 4, words=40, last=nn.Sigmoid)),
        _FEET,
    ),
    Case(
        "minerals-likelihood-of-bare-logits",
        "MLP",
        "table",
        "output-activation-missing",
        ("output", "loss"),
        replace(_LOGS, net=partial(layers, 8, 48, 32, 5)),
        _LOGS,
    ),
    Case(
        "level-of-a-river-through-a-sigmoid",
        "RNN",
        "sequence",
        "output-range",
        ("output", "activation"),
        replace(RIVERS, net=partial(Memory, nn.LSTM, 2, 24, 1, last=nn.Sigmoid)),
        RIVERS,
    ),
    Case(
        "one-output-for-harvest-and-quality",
        "MLP",
        "table",
        "output-width",
        ("output", "loss"),
        replace(_PAIRS, net=partial(layers, 6, 48, 24, 1)),
        _PAIRS,
    ),
    Case(
        "cross-entropy-of-a-single-logit",
        "MLP",
        "table",
        "loss-unsuited",
        ("loss", "output"),
        replace(LOANS, loss=_CROSS),
        LOANS,
    ),
    Case(
        "glyphs-by-their-number",
        "CNN",
        "image",
        "loss-unsuited",
        ("loss", "output"),
        replace(_CALLED, net=partial(Lens, 1, 12, 1), loss=numbered),
        _CALLED,
    ),
    Case(
        "three-layers-and-nothing-between",
        "MLP",
        "table",
        "no-activation",
        ("activation", "architecture"),
        replace(_PLAIN, net=partial(layers, 8, 64, 64, 5, act=nn.Identity)),
        _PLAIN,
    ),
    Case(
        "strided-convolutions-and-nothing-between",
        "CNN",
        "image",
        "no-activation",
        ("activation", "architecture"),
        replace(_STRIDES, net=partial(Lens, 1, 12, 6, depth=4, act=nn.Identity)),
        _STRIDES,
    ),
    Case(
        "likelihood-of-reviews-made-small",
        "Transformer",
        "tokens",
        "loss-sign",
        ("loss",),
        replace(_MINUS, loss=likely),
        _MINUS,
    ),
    Case(
        "determination-made-small",
        "RNN",
        "sequence",
        "loss-sign",
        ("loss",),
        replace(_SHARES, loss=share_explained),
        _SHARES,
    ),
    Case(
        "pointers-compared-crosswise",
        "CNN",
        "image",
        "loss-broadcasts",
        ("loss",),
        replace(_RIGHT, net=partial(Lens, 1, 12, 1, depth=3)),
        _RIGHT,
    ),
    Case(
        "time-first-by-a-reshape",
        "RNN",
        "sequence",
        "rows-mixed",
        ("architecture",),
        replace(_TIMED, net=partial(TimeFirst, transposed=False)),
        _TIMED,
    ),
    Case(
        "attention-across-reviews",
        "Transformer",
        "tokens",
        "rows-mixed",
        ("architecture",),
        replace(REVIEWS, net=partial(Attending, 12, 2, words=50, batch_first=False)),
        REVIEWS,
    ),
    Case(
        "minerals-named-one-row-late",
        "MLP",
        "table",
        "labels-shifted",
        ("labels",),
        replace(MINERALS, rows=minerals_shifted),
        MINERALS,
    ),
    Case(
        "glyphs-shuffled-without-their-names",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels",),
        replace(GLYPHS, rows=glyphs_shuffled),
        GLYPHS,
    ),
    Case(
        "biopsies-in-their-own-units",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data",),
        replace(BIOPSIES, rows=biopsies_as_measured),
        BIOPSIES,
    ),
    Case(
        "levels-in-centimetres-for-gates",
        "RNN",
        "sequence",
        "inputs-unscaled",
        ("data",),
        replace(_NEXT_DAY, rows=rivers_as_measured),
        _NEXT_DAY,
    ),
    Case(
        "numbers-divided-by-255-again",
        "CNN",
        "image",
        "inputs-scaled-twice",
        ("data",),
        replace(NUMBERS, rows=numbers_divided_twice),
        NUMBERS,
    ),
    Case(
        "rivers-standardised-once-more",
        "Transformer",
        "sequence",
        "inputs-scaled-twice",
        ("data",),
        replace(_SEEN_DAYS, rows=rivers_standardised_twice),
        _SEEN_DAYS,
    ),
    Case(
        "harvests-in-kilograms",
        "MLP",
        "table",
        "targets-unscaled",
        ("data",),
        replace(CROPS, rows=crops_in_kilograms),
        CROPS,
    ),
    Case(
        "levels-foretold-in-centimetres",
        "Transformer",
        "sequence",
        "targets-unscaled",
        ("data",),
        replace(_SEEN_DAYS, rows=rivers_in_centimetres),
        _SEEN_DAYS,
    ),
    Case(
        "incomes-left-out",
        "MLP",
        "table",
        "inputs-not-finite",
        ("data",),
        replace(LOANS, rows=loans_with_gaps),
        LOANS,
    ),
    Case(
        "sound-falls-out-for-moments",
        "RNN",
        "sequence",
        "inputs-not-finite",
        ("data",),
        replace(_HEARD, rows=engines_with_gaps),
        _HEARD,
    ),
)
