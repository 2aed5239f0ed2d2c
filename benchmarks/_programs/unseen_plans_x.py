"""Ordinary trainings, which further cases spoil one at a time."""

from functools import partial

from torch import Tensor, nn

from _programs.judging import accuracy, by, explained, foretold, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.stepping import adam, adamw, rmsprop, sgd
from _programs.unseen_data_x import (
    arms,
    calls,
    heat,
    loans,
    orchards,
    recipes,
    scans,
    slogans,
    specks,
    spectra,
    spirals,
    switches,
    tunes,
    visitors,
    weaves,
)
from _programs.unseen_nets_x import Attending, Remembering, hearing, layers, looking, skimming

__all__ = [
    "ARMS",
    "CALLS",
    "HEAT",
    "LOANS",
    "ORCHARDS",
    "RECIPES",
    "SCANS",
    "SLOGANS",
    "SPECKS",
    "SPECTRA",
    "SPIRALS",
    "SWITCHES",
    "TUNES",
    "VISITORS",
    "WEAVES",
    "expected",
]

_CROSS, _SQUARES, _YES = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def expected(outputs: Tensor, targets: Tensor) -> float:
    """Share of the variance of counts that is explained by logarithms of what is expected."""
    return explained(outputs.clamp_max(20.0).exp(), targets)


ORCHARDS = Plan(orchards, partial(layers, 7, 48, 48, 1), _SQUARES, adam(3e-3), 25, by(explained))
LOANS = Plan(loans, partial(layers, 9, 40, 40, 1, act=nn.GELU), _YES, adamw(3e-3), 25, by(sided), 64)
VISITORS = Plan(
    visitors, partial(layers, 6, 32, 32, 1, act=nn.SiLU), nn.PoissonNLLLoss(), adam(2e-3), 20, by(expected)
)
ARMS = Plan(arms, partial(layers, 3, 40, 40, 2, act=nn.Tanh), _SQUARES, adam(5e-3), 25, by(explained))
SPECTRA = Plan(spectra, partial(layers, 48, 48, 24, 2), _SQUARES, adam(2e-3), 25, by(explained))
SPIRALS = Plan(spirals, partial(layers, 2, 32, 32, 3, act=nn.Tanh), _CROSS, sgd(0.1, 0.9), 30, by(accuracy))
WEAVES = Plan(weaves, partial(looking, 10, 4), _CROSS, adam(2e-3), 12, by(accuracy))
SPECKS = Plan(specks, partial(looking, 14, 1, act=nn.LeakyReLU), _SQUARES, adam(2e-3), 15, by(explained))
SCANS = Plan(scans, partial(looking, 8, 10), _CROSS, sgd(0.03, 0.9), 12, by(accuracy))
CALLS = Plan(calls, partial(hearing, 2, 32, 4), _CROSS, adam(3e-3), 20, by(accuracy))
HEAT = Plan(heat, partial(Remembering, nn.GRU, 2, 24, 3), _SQUARES, adam(5e-3), 20, by(explained))
SWITCHES = Plan(
    switches,
    partial(Remembering, nn.LSTM, 12, 32, 4, words=24, each=True),
    places,
    adam(1e-2),
    20,
    by(accuracy),
)
RECIPES = Plan(recipes, partial(skimming, 50, 4), _YES, rmsprop(3e-3), 20, by(sided))
SLOGANS = Plan(slogans, partial(Attending, 12, 3, words=40), _CROSS, adamw(2e-3), 8, by(accuracy))
TUNES = Plan(
    tunes,
    partial(Attending, 18, 12, width=32, words=12, each=True),
    places,
    adam(3e-3),
    30,
    foretold,
)
