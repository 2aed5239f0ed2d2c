"""Trainings without a mistake, which the cases spoil one at a time."""

from functools import partial

from torch import Tensor, nn

from _programs.judging import accuracy, balanced, by, explained, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.sealed_data_q import (
    basins,
    coins,
    credits,
    engines,
    frauds,
    handwriting,
    names,
    panels,
    parcels,
    questions,
    rhymes,
    rivers,
    songs,
    stars,
    tiles,
)
from _programs.sealed_nets_q import Attending, Filters, Waves, Winding, stack
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = [
    "BASINS",
    "COINS",
    "CREDITS",
    "ENGINES",
    "FRAUDS",
    "HANDWRITING",
    "NAMES",
    "PANELS",
    "PARCELS",
    "QUESTIONS",
    "RHYMES",
    "RIVERS",
    "SONGS",
    "STARS",
    "TILES",
    "VIBRATIONS",
    "WORDS",
]

_CROSS, _SQUARED, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def _counted(outputs: Tensor, targets: Tensor) -> float:
    return explained(outputs.clamp_max(15.0).exp(), targets)


PANELS = Plan(panels, partial(stack, 7, 64, 64, 1), _SQUARED, adam(3e-3), 30, by(explained), 32)
STARS = Plan(stars, partial(stack, 9, 32, 32, 5), _CROSS, adam(2e-3), 15, by(accuracy), 32)
CREDITS = Plan(credits, partial(stack, 12, 48, 24, 1), _LOGITS, adamw(2e-3), 12, by(sided), 32)
FRAUDS = Plan(
    frauds,
    partial(stack, 10, 24, 2),
    _CROSS,
    adam(1e-3),
    20,
    by(balanced),
    64,
)
SONGS = Plan(songs, partial(stack, 16, 64, 64, 4, act=nn.GELU), _LOGITS, adamw(2e-3), 20, by(sided), 32)
PARCELS = Plan(parcels, partial(stack, 6, 48, 48, 1), nn.PoissonNLLLoss(), adam(3e-3), 30, by(_counted), 32)
BASINS = Plan(basins, partial(stack, 18, 64, 32, 1), _SQUARED, rmsprop(1e-3), 30, by(explained), 32)
TILES = Plan(tiles, partial(Filters, 3, 12, 5), _CROSS, adam(2e-3), 10, by(accuracy), 32)
COINS = Plan(coins, partial(Filters, 1, 16, 1, norm=False), _SQUARED, adam(2e-3), 12, by(explained), 32)
HANDWRITING = Plan(
    handwriting, partial(Filters, 1, 8, 10, norm=False), _CROSS, sgd(0.03, 0.9), 15, by(accuracy), 32
)
ENGINES = Plan(engines, partial(Winding, nn.GRU, 2, 32, 4), _CROSS, adam(8e-3), 20, by(accuracy), 32)
VIBRATIONS = Plan(engines, partial(Waves, 2, 4), _CROSS, adam(3e-3), 15, by(accuracy), 32)
RIVERS = Plan(rivers, partial(Winding, nn.LSTM, 1, 32, 1), _SQUARED, adam(5e-3), 20, by(explained), 32)
QUESTIONS = Plan(questions, partial(Attending, 50, 14, 32, 4), _CROSS, adamw(2e-3), 10, by(accuracy), 32)
WORDS = Plan(
    questions, partial(Winding, nn.GRU, 24, 32, 4, words=50), _CROSS, adam(3e-3), 12, by(accuracy), 32
)
NAMES = Plan(
    names,
    partial(Winding, nn.LSTM, 16, 32, 4, words=40, each=True),
    places,
    adam(1e-2),
    10,
    by(accuracy),
    32,
)
RHYMES = Plan(
    rhymes,
    partial(Attending, 16, 14, 32, 16, each=True, causal=True),
    places,
    adamw(3e-3),
    8,
    by(accuracy),
    32,
)
