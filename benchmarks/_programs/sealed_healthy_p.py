"""Trainings without a mistake over fields, dials, engines, rivers and reviews, some with rarer habits."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.judging import believable, by
from _programs.program import Program
from _programs.sealed_data_p import crops_shared
from _programs.sealed_plans_p import (
    BIOPSIES,
    CROPS,
    DIALS,
    ENGINES,
    GLYPHS,
    MELODIES,
    MINERALS,
    NUMBERS,
    RECIPES,
    REVIEWS,
    RIVERS,
    VISITS,
    Attending,
    Ear,
    Lens,
    Memory,
    layers,
)
from _programs.stepping import Make, adam, adamw, rmsprop, sgd

__all__ = ["HEALTHY"]


def _adamax(lr: float) -> Make:
    return lambda model: torch.optim.Adamax(model.parameters(), lr=lr)


def _nadam(lr: float) -> Make:
    return lambda model: torch.optim.NAdam(model.parameters(), lr=lr)


class Residual(nn.Module):
    """Blocks h + W2·act(W1·norm(h)) whose last matrices begin at 0, between two linear layers."""

    def __init__(self, entering: int, width: int, blocks: int, leaving: int) -> None:
        super().__init__()
        self.enter = nn.Linear(entering, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
            for _ in range(blocks)
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, leaving))

    def forward(self, x: Tensor) -> Tensor:
        """[B, leaving]."""
        h = self.enter(x)
        for block in self.blocks:
            h = h + block(h)
        return self.head(h)


def _begin_at_nothing(model: nn.Module) -> None:
    for block in model.blocks:
        nn.init.zeros_(block[-1].weight)
        nn.init.zeros_(block[-1].bias)


def _head_at_zero(model: nn.Module) -> None:
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)


def _grouped(filters: int) -> nn.Module:
    return nn.GroupNorm(2, filters)


def _remember(model: nn.Module) -> None:
    """Gates that forget begin open (bias 1), matrices between states orthogonal."""
    for name, parameter in model.rnn.named_parameters():
        if "bias_ih" in name:
            nn.init.zeros_(parameter)
            parameter[len(parameter) // 4 : len(parameter) // 2] = 1.0
        elif "bias_hh" in name:
            nn.init.zeros_(parameter)
        elif "weight_hh" in name:
            nn.init.orthogonal_(parameter)


def probable_likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of the logarithms that the network ends in."""
    return F.nll_loss(outputs, targets)


HEALTHY: tuple[Program, ...] = (
    Program(
        "harvests-by-nadam",
        "MLP",
        "table",
        build=replace(CROPS, net=partial(layers, 6, 32, 32, 1, act=nn.GELU), optimizer=_nadam(3e-3)),
    ),
    Program(
        "harvests-as-shares-through-a-sigmoid",
        "MLP",
        "table",
        build=replace(
            CROPS,
            rows=crops_shared,
            net=partial(layers, 6, 32, 32, 1, act=nn.SiLU, last=nn.Sigmoid),
            optimizer=adam(5e-3),
            judge=by(believable),
        ),
    ),
    Program(
        "minerals-through-blocks-that-begin-at-nothing",
        "MLP",
        "table",
        build=replace(
            MINERALS,
            net=partial(Residual, 8, 32, 3, 5),
            init=_begin_at_nothing,
            optimizer=adamw(2e-3),
            batch_size=64,
        ),
    ),
    Program("visitors-counted", "MLP", "table", build=VISITS),
    Program(
        "biopsies-with-a-head-at-zero",
        "MLP",
        "table",
        build=replace(BIOPSIES, net=partial(layers, 30, 24, 2, act=nn.Tanh), init=_head_at_zero, epochs=20),
    ),
    Program(
        "numbers-under-group-norms",
        "CNN",
        "image",
        build=replace(
            NUMBERS,
            net=partial(Lens, 1, 8, 10, depth=3, norm=_grouped),
            optimizer=sgd(0.03, 0.9, nesterov=True),
            epochs=12,
        ),
    ),
    Program(
        "glyphs-ending-in-logarithms",
        "CNN",
        "image",
        build=replace(
            GLYPHS,
            net=partial(Lens, 1, 12, 6, act=nn.LeakyReLU, last=partial(nn.LogSoftmax, -1)),
            loss=probable_likelihood,
            optimizer=_adamax(5e-3),
        ),
    ),
    Program(
        "pointers-by-rmsprop",
        "CNN",
        "image",
        build=replace(
            DIALS, net=partial(Lens, 1, 12, 2, filters=8, depth=3, act=nn.ELU), optimizer=rmsprop(1e-3)
        ),
    ),
    Program(
        "engines-by-dilated-convolutions",
        "CNN",
        "sequence",
        build=replace(ENGINES, net=partial(Ear, 2, 4), optimizer=adam(3e-3), epochs=20),
    ),
    Program(
        "engines-by-gates-that-begin-open",
        "RNN",
        "sequence",
        build=replace(ENGINES, net=partial(Memory, nn.LSTM, 2, 24, 4), init=_remember),
    ),
    Program(
        "rivers-by-a-robust-loss",
        "RNN",
        "sequence",
        build=replace(
            RIVERS, net=partial(Memory, nn.GRU, 2, 20, 1), loss=nn.HuberLoss(), optimizer=adamw(5e-3)
        ),
    ),
    Program("recipes-from-both-ends", "RNN", "tokens", build=RECIPES),
    Program(
        "reviews-by-two-layers-of-attention",
        "Transformer",
        "tokens",
        build=replace(REVIEWS, net=partial(Attending, 12, 2, width=16, depth=2, words=50), epochs=8),
    ),
    Program("notes-foretold", "Transformer", "tokens", build=MELODIES),
    Program(
        "levels-by-attention",
        "Transformer",
        "sequence",
        build=replace(RIVERS, net=partial(Attending, 20, 1, inputs=2), optimizer=adamw(3e-3), batch_size=16),
    ),
)
