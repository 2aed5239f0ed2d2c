"""Trainings without a mistake, which the cases beside them spoil, and judges and losses of their own."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.judging import accuracy, balanced, by, copied, explained, foretold, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.stepping import adam, adamw, rmsprop, sgd
from _programs.unseen_data_v import (
    arrows,
    blurs,
    breaths,
    calls,
    cars,
    cells,
    crops,
    dials,
    films,
    loans,
    matches,
    melodies,
    moods,
    motifs,
    steps,
    surfaces,
    tides,
    weather,
)
from _programs.unseen_nets_v import (
    Attending,
    Branches,
    Causal,
    Listening,
    Looking,
    Painting,
    Shifted,
    States,
    stack,
)

__all__ = [
    "ARROWS",
    "BLURS",
    "BREATHS",
    "CALLS",
    "CARS",
    "CELLS",
    "CROPS",
    "DIALS",
    "FILMS",
    "LOANS",
    "MATCHES",
    "MELODIES",
    "MOODS",
    "MOTIFS",
    "STEPS",
    "SURFACES",
    "TIDES",
    "TUNES",
    "WEATHER",
    "counted",
    "pointing",
]

_CROSS, _SQUARES, _YES = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def counted(outputs: Tensor, targets: Tensor) -> float:
    """Share of the counts' variance explained by rates, of which outputs are the logarithms."""
    return explained(outputs.reshape(targets.shape).clamp_max(15.0).exp(), targets)


def pointing(outputs: Tensor, targets: Tensor) -> float:
    """Mean cosine of the angles between outputs and targets: 1 where all directions are right."""
    return float(F.cosine_similarity(outputs, targets, dim=-1).mean())


CARS = Plan(cars, partial(stack, 5, 32, 16, 1), _SQUARES, adam(3e-3), 30, by(explained), 32)
WEATHER = Plan(
    weather, partial(stack, 4, 32, 32, 3, act=nn.Tanh), _CROSS, sgd(0.1, 0.9), 30, by(accuracy), 32
)
LOANS = Plan(
    loans,
    partial(stack, 6, 24, 1, act=nn.ELU),
    nn.BCEWithLogitsLoss(pos_weight=torch.tensor(12.0)),
    adam(2e-3),
    20,
    by(balanced),
    64,
)
CROPS = Plan(crops, partial(stack, 6, 64, 32, 5, act=nn.ELU), _CROSS, adamw(5e-3), 30, by(accuracy), 32)
MATCHES = Plan(matches, partial(Branches, 4), _YES, adam(3e-3), 15, by(sided), 32)
CALLS = Plan(
    calls, partial(stack, 5, 32, 1, act=nn.Tanh), nn.PoissonNLLLoss(), rmsprop(3e-3), 25, by(counted), 32
)
CELLS = Plan(cells, partial(Looking, 14, 1), nn.PoissonNLLLoss(), adam(2e-3), 15, by(counted), 32)
SURFACES = Plan(surfaces, partial(Looking, 14, 1), _SQUARES, adam(2e-3), 12, by(explained), 32)
ARROWS = Plan(arrows, partial(Looking, 12, 6), _CROSS, sgd(0.02, 0.9), 12, by(accuracy), 32)
DIALS = Plan(dials, partial(Looking, 12, 2, act=nn.SiLU), _SQUARES, adam(3e-3), 12, by(explained), 32)
BLURS = Plan(blurs, Painting, _SQUARES, adam(3e-3), 12, by(copied), 32)
BREATHS = Plan(breaths, partial(Listening, 1, 40, 4, 16, pool=True), _CROSS, adam(5e-3), 15, by(accuracy), 32)
TIDES = Plan(tides, partial(States, nn.GRU, 1, 24, 4), _SQUARES, adam(1e-2), 15, by(explained), 32)
FILMS = Plan(films, partial(Attending, 50, 18, 4), _YES, adam(3e-3), 10, by(sided), 32)
MOODS = Plan(moods, partial(Attending, 40, 14, 3), _CROSS, adamw(3e-3), 12, by(accuracy), 32)
MOTIFS = Plan(motifs, partial(States, nn.GRU, 8, 32, 1, words=5), _YES, adam(1e-2), 15, by(sided), 32)
MELODIES = Plan(
    melodies, partial(Attending, 13, 24, 13, width=24, each=True), places, adam(5e-3), 12, foretold, 32
)
TUNES = Plan(melodies, partial(Causal, 13), places, adam(3e-3), 10, foretold, 32)
STEPS = Plan(steps, partial(Shifted, 12, 3), places, adam(5e-3), 15, by(accuracy), 32)
