"""Everyday mistakes inside of the network: axes, masks, widths, first weights, activations."""

import math
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from _programs.fresh_data_s import gestures, tickets
from _programs.fresh_nets_s import Encoder, Hearing, Pooled, Reader, Seeing, dense
from _programs.fresh_plans_s import (
    CUSTOMERS,
    GESTURES,
    LOADS,
    MACHINES,
    NUMERALS,
    RENTS,
    RINGS,
    SYLLABLES,
    TICKETS,
)
from _programs.program import Case
from _programs.stepping import adam, sgd

__all__ = ["CASES"]


class Cut(nn.Module):
    """`Hearing`, whose features are handed on as `.data` if `cut`: their layers get no gradient."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv1d(8, 8, 5, padding=2), nn.ReLU()
        )
        self.head = nn.Linear(8, 4)
        self.cut = cut

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, 3] to [B, 4]."""
        features = self.body(x.transpose(1, 2)).amax(2)
        return self.head(features.data if self.cut else features)


class Bag(nn.Module):
    """The embedded words of a text, added up or averaged, then two layers with tanh."""

    def __init__(self, words: int, width: int, classes: int, added: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, classes)
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        """[B, classes]."""
        words = self.embed(x)
        whole = words.sum(1) if self.added else words.mean(1)
        return self.second(torch.tanh(self.first(torch.tanh(whole))))


def _layers(model: nn.Module) -> list[nn.Linear | nn.Conv1d | nn.Conv2d]:
    return [part for part in model.modules() if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d)]


def _same_bias(model: nn.Module, value: float = 0.0) -> None:
    for part in _layers(model):
        if part.bias is not None:
            part.bias.fill_(value)


def constant(model: nn.Module) -> None:
    """All weights one number, all biases 0."""
    for part in _layers(model):
        part.weight.fill_(0.05)
    _same_bias(model)


def normal(model: nn.Module, std: float) -> None:
    """All weights normal with one spread, whatever the width; biases 0."""
    for part in _layers(model):
        part.weight.normal_(0, std)
    _same_bias(model)


def uniform(model: nn.Module) -> None:
    """All weights and biases from -1 to 1."""
    for weight in model.parameters():
        weight.uniform_(-1, 1)


def large_head(model: nn.Module) -> None:
    """The last layer alone is drawn anew, with a spread of 8."""
    _layers(model)[-1].weight.normal_(0, 8)


def prior_everywhere(model: nn.Module, share: float = 0.02) -> None:
    """The bias that makes a sigmoid say `share` at first: meant for the last layer, set in all."""
    _same_bias(model, math.log(share / (1 - share)))


_ATTENDED = replace(
    GESTURES,
    rows=partial(gestures, n=800, length=24),
    net=partial(Pooled, 3, 8, 4),
    optimizer=adam(5e-3),
    epochs=12,
)
_HEARD = replace(GESTURES, net=partial(Cut, cut=False))
_DIGITS = replace(NUMERALS, optimizer=adam(2e-3), epochs=10)
_LEVEL = replace(RENTS, net=partial(dense, 5, 32, 32, 32, 1, act=nn.Tanh), optimizer=sgd(0.01, 0.9))
_HEAD = replace(RENTS, net=partial(dense, 5, 48, 1), optimizer=sgd(0.01), epochs=30)
_REMEMBERED = replace(LOADS, net=partial(Reader, nn.GRU, 1, 48, 6), optimizer=adam(3e-3), epochs=12)
_AVERAGES = replace(GESTURES, net=partial(Hearing, 3, 4, 12, 2, nn.ReLU, "mean"))
_FLAT = replace(NUMERALS, net=partial(dense, 64, 32, 32, 32, 32, 10), optimizer=sgd(0.02, 0.9), epochs=10)
_BAGS = replace(
    TICKETS, rows=partial(tickets, n=1600, length=40), net=partial(Bag, 60, 16, 3, added=False), epochs=12
)

CASES = (
    Case(
        "attention-weights-over-the-rows",
        "RNN",
        "sequence",
        "rows-mixed",
        ("architecture",),
        replace(_ATTENDED, net=partial(Pooled, 3, 8, 4, over=0)),
        _ATTENDED,
    ),
    Case(
        "features-handed-on-as-data",
        "CNN",
        "sequence",
        "part-unused",
        ("architecture",),
        replace(_HEARD, net=partial(Cut, cut=True)),
        _HEARD,
    ),
    Case(
        "ten-digits-through-two-units",
        "CNN",
        "image",
        "bottleneck",
        ("architecture",),
        replace(_DIGITS, net=partial(Seeing, 1, 8, 10, hidden=2)),
        replace(_DIGITS, net=partial(Seeing, 1, 8, 10)),
    ),
    Case(
        "mask-built-but-not-passed",
        "Transformer",
        "tokens",
        "answer-seen",
        ("architecture",),
        replace(SYLLABLES, net=partial(Encoder, 20, 24, width=24, words=24, each=True)),
        SYLLABLES,
    ),
    Case(
        "two-units-around-a-ring",
        "MLP",
        "table",
        "too-small",
        ("architecture",),
        replace(RINGS, net=partial(dense, 2, 2, 1, act=nn.Tanh)),
        RINGS,
    ),
    Case(
        "all-kernels-one-number",
        "CNN",
        "image",
        "weights-equal",
        ("initialisation",),
        replace(_DIGITS, net=partial(Seeing, 1, 8, 10), init=constant),
        replace(_DIGITS, net=partial(Seeing, 1, 8, 10)),
    ),
    Case(
        "spread-of-a-hundredth-in-four-layers",
        "MLP",
        "table",
        "weights-too-small",
        ("initialisation",),
        replace(_LEVEL, init=partial(normal, std=0.01)),
        _LEVEL,
    ),
    Case(
        "gru-from-minus-one-to-one",
        "RNN",
        "sequence",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(_REMEMBERED, init=uniform),
        _REMEMBERED,
    ),
    Case(
        "spread-of-one-under-tanh",
        "MLP",
        "table",
        "weights-too-large",
        ("initialisation", "activation"),
        replace(MACHINES, net=partial(dense, 10, 64, 64, 4, act=nn.Tanh), init=partial(normal, std=1.0)),
        replace(MACHINES, net=partial(dense, 10, 64, 64, 4, act=nn.Tanh)),
    ),
    Case(
        "new-head-drawn-eight-wide",
        "MLP",
        "table",
        "outputs-too-large",
        ("initialisation",),
        replace(_HEAD, init=large_head),
        _HEAD,
    ),
    Case(
        "filters-without-anything-between",
        "CNN",
        "sequence",
        "no-activation",
        ("activation", "architecture"),
        replace(_AVERAGES, net=partial(Hearing, 3, 4, 12, 2, nn.Identity, "mean")),
        _AVERAGES,
    ),
    Case(
        "sigmoids-between-five-layers",
        "MLP",
        "image",
        "activation-contracts",
        ("activation", "initialisation"),
        replace(_FLAT, net=partial(dense, 64, 32, 32, 32, 32, 10, act=nn.Sigmoid)),
        _FLAT,
    ),
    Case(
        "softmax-in-hidden-layers",
        "MLP",
        "table",
        "activation-contracts",
        ("activation",),
        replace(RENTS, net=partial(dense, 5, 32, 32, 1, act=partial(nn.Softmax, -1))),
        RENTS,
    ),
    Case(
        "words-added-up-under-tanh",
        "MLP",
        "tokens",
        "saturated-units",
        ("activation", "architecture"),
        replace(_BAGS, net=partial(Bag, 60, 16, 3, added=True)),
        _BAGS,
    ),
    Case(
        "prior-bias-in-every-layer",
        "MLP",
        "table",
        "dead-units",
        ("activation", "initialisation"),
        replace(CUSTOMERS, init=prior_everywhere),
        CUSTOMERS,
    ),
)
