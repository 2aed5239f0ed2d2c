"""Trainings without a mistake: everyday ones, and some that look odd and are right."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.judging import by, explained
from _programs.losses import places
from _programs.program import Program
from _programs.stepping import Make, adam, adamw, rmsprop, sgd
from _programs.unseen_data_v import melodies
from _programs.unseen_nets_v import Attending, Listening, Looking, Painting, Radial, States, Tides, stack
from _programs.unseen_plans_v import (
    ARROWS,
    BLURS,
    BREATHS,
    CALLS,
    CARS,
    CROPS,
    DIALS,
    FILMS,
    MELODIES,
    MOTIFS,
    TIDES,
    WEATHER,
)

__all__ = ["HEALTHY"]


class OnTheCircle(nn.Module):
    """Directions of length 1."""

    def forward(self, x: Tensor) -> Tensor:
        """As [B, 2] comes."""
        return F.normalize(x, dim=-1)


class Motifs(nn.Module):
    """Convolutions over words [B, T] as long as a motif is, and the largest answer of each."""

    def __init__(self, words: int, filters: int = 24) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 8)
        self.filters = nn.Conv1d(8, filters, 4)
        self.head = nn.Linear(filters, 1)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 1]."""
        return self.head(self.filters(self.embed(x).transpose(1, 2)).relu().amax(2))


def rates_likely(outputs: Tensor, targets: Tensor) -> Tensor:
    """Poisson's likelihood of rates, not of their logarithms."""
    return F.poisson_nll_loss(outputs, targets, log_input=False)


def _nadam(lr: float) -> Make:
    return lambda model: torch.optim.NAdam(model.parameters(), lr=lr)


_BELLS = partial(Radial, 4, 64, 3, sharp=0.3)


def rated() -> nn.Sequential:
    """Rates above 0 from five facts."""
    return nn.Sequential(*stack(5, 48, 24, 1), nn.Softplus())


HEALTHY: tuple[Program, ...] = (
    Program(
        "crops-under-layer-norms",
        "MLP",
        "table",
        build=replace(
            CROPS,
            net=partial(stack, 6, 48, 48, 5, act=nn.SiLU, norm=nn.LayerNorm),
            optimizer=sgd(0.05, 0.9, nesterov=True),
        ),
    ),
    Program(
        "cars-by-absolute-errors",
        "MLP",
        "table",
        build=replace(CARS, loss=nn.L1Loss(), optimizer=_nadam(2e-3), batch_size=16),
    ),
    Program(
        "calls-as-rates-above-nothing",
        "MLP",
        "table",
        build=replace(
            CALLS, net=rated, loss=rates_likely, judge=by(explained), optimizer=adam(5e-3), epochs=30
        ),
    ),
    Program(
        "weather-by-sixty-four-bells",
        "MLP",
        "table",
        build=replace(WEATHER, net=_BELLS, optimizer=adam(1e-2), batch_size=64),
    ),
    Program(
        "arrows-under-batch-norms",
        "CNN",
        "image",
        build=replace(
            ARROWS, net=partial(Looking, 12, 6, norm=True), optimizer=adamw(3e-3), batch_size=64, epochs=10
        ),
    ),
    Program(
        "hands-on-the-circle",
        "CNN",
        "image",
        build=replace(DIALS, net=partial(Looking, 12, 2, act=nn.GELU, last=OnTheCircle)),
    ),
    Program(
        "waves-freed-from-noise",
        "CNN",
        "image",
        build=replace(BLURS, net=partial(Painting, 10), loss=nn.SmoothL1Loss(), batch_size=16),
    ),
    Program(
        "motifs-by-convolutions",
        "CNN",
        "tokens",
        build=replace(MOTIFS, net=partial(Motifs, 5), optimizer=adam(5e-3), epochs=20),
    ),
    Program(
        "breaths-under-batch-norms",
        "CNN",
        "sequence",
        build=replace(
            BREATHS,
            net=partial(Listening, 1, 40, 4, 16, 0.1, "norm first", pool=True),
            optimizer=sgd(0.05, 0.9),
        ),
    ),
    Program(
        "tides-by-two-lstms",
        "RNN",
        "sequence",
        build=replace(TIDES, net=partial(Tides, 4, head=True), optimizer=rmsprop(3e-3), epochs=20),
    ),
    Program(
        "tunes-by-long-memory",
        "RNN",
        "tokens",
        build=replace(
            MELODIES,
            rows=partial(melodies, n=400),
            net=partial(States, nn.LSTM, 12, 32, 13, words=13, each=True),
            loss=places,
            optimizer=adam(1e-2),
            epochs=20,
        ),
    ),
    Program(
        "films-by-two-blocks",
        "Transformer",
        "tokens",
        build=replace(FILMS, net=partial(Attending, 50, 18, 4, depth=2, act=nn.ReLU), optimizer=adamw(2e-3)),
    ),
)
