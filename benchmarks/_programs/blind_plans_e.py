"""Trainings without a mistake, which the cases of loops and steps spoil one at a time."""

from functools import partial

from torch import Tensor, nn

from _programs.blind_data_e import (
    buildings,
    chords,
    clips,
    fixings,
    mails_asking,
    opinions,
    pixels,
    rentals,
    roads,
    soils_of_fields,
    stays,
    street_signs,
    tunes_of_keys,
    word_kinds,
    wrists,
)
from _programs.blind_nets_e import Answerer, ConvNet, Deep, Forecaster, Mlp, Signal, TextLSTM, Words
from _programs.judging import accuracy, by, explained, sided
from _programs.losses import places
from _programs.program import Plan
from _programs.stepping import adam, adamw, sgd

__all__ = [
    "BUILDINGS",
    "CHORDS",
    "CLIPS",
    "DEEP",
    "FIXINGS",
    "KINDS",
    "MAILS",
    "OPINIONS",
    "PIXELS",
    "RENTALS",
    "ROADS",
    "SIGNS",
    "SIGNS_NORMED",
    "SOILS",
    "STAYS",
    "TUNES",
    "WRISTS",
    "WRISTS_LSTM",
    "counts",
]

_CROSS, _SQUARES, _YES = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def counts(outputs: Tensor, targets: Tensor) -> float:
    """Share of the counts' variance that is explained where outputs are logarithms of expected counts."""
    return explained(outputs.clamp_max(20.0).exp(), targets)


BUILDINGS = Plan(buildings, partial(Mlp, 8, 1, 64, 32), _SQUARES, adam(3e-3), 25, by(explained), 32)
STAYS = Plan(stays, partial(Mlp, 12, 1, 64, 32), _YES, adam(2e-3), 12, by(sided), 32)
FIXINGS = Plan(fixings, partial(Mlp, 30, 1, 16), _YES, adam(3e-3), 25, by(sided), 16)
RENTALS = Plan(rentals, partial(Mlp, 7, 1, 32, 32), nn.PoissonNLLLoss(), adam(3e-3), 30, by(counts), 32)
CLIPS = Plan(clips, partial(Mlp, 16, 5, 64, 32), _YES, adamw(3e-3), 20, by(sided), 32)
SOILS = Plan(soils_of_fields, partial(Mlp, 10, 6, 64, 64), _CROSS, sgd(0.05, 0.9), 15, by(accuracy), 32)
PIXELS = Plan(pixels, partial(ConvNet, 1, 8, 10), _CROSS, sgd(0.02, 0.9), 12, by(accuracy), 32)
SIGNS = Plan(street_signs, partial(ConvNet, 3, 16, 6), _CROSS, adam(2e-3), 15, by(accuracy), 32)
SIGNS_NORMED = Plan(
    street_signs, partial(ConvNet, 3, 16, 6, norm=True), _CROSS, adam(2e-3), 12, by(accuracy), 32
)
DEEP = Plan(street_signs, partial(Deep, 3, 6), _CROSS, sgd(0.05, 0.9), 12, by(accuracy), 32)
WRISTS = Plan(wrists, partial(Signal, 3, 5), _CROSS, adam(3e-3), 15, by(accuracy), 32)
WRISTS_LSTM = Plan(wrists, partial(Forecaster, 3, 32, 5, nn.LSTM), _CROSS, adam(5e-3), 20, by(accuracy), 32)
ROADS = Plan(roads, partial(Forecaster, 1, 24, 4), _SQUARES, adam(5e-3), 15, by(explained), 32)
MAILS = Plan(mails_asking, partial(Words, 80, 6, 18), _CROSS, adam(2e-3), 8, by(accuracy), 32)
OPINIONS = Plan(opinions, partial(TextLSTM, 50, 2), _CROSS, adam(5e-3), 12, by(accuracy), 32)
TUNES = Plan(
    tunes_of_keys, partial(Words, 14, 14, 18, width=32, each=True), places, adam(3e-3), 20, by(accuracy), 16
)
CHORDS = Plan(chords, partial(Answerer, 12, 48), _CROSS, adam(1e-2), 25, by(accuracy), 32)
KINDS = Plan(
    word_kinds, partial(TextLSTM, 36, 5, each=True, both=True), places, adam(1e-2), 12, by(accuracy), 32
)
