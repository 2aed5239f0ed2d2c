"""Trainings without mistakes, which the cases spoil one at a time."""

from functools import partial

from torch import nn

from _programs.judging import accuracy, balanced, by, copied, explained, sided
from _programs.losses import places
from _programs.nets import Attending, Recurring, Siamese, cnn, mlp, resnet
from _programs.program import Plan
from _programs.sources import (
    adult,
    checkers,
    concrete,
    copies,
    delayed,
    digits,
    echoes,
    friedman,
    images,
    matched,
    parts,
    phrases,
    rare,
    scattered,
    series,
    shapes,
    successors,
    tones,
    walks,
)
from _programs.stepping import adam, sgd

__all__ = [
    "ADULT",
    "CHECKERS",
    "CONCRETE",
    "COPIES",
    "DELAYED",
    "DIGITS",
    "DIGITS_ADAM",
    "ECHOES",
    "FRIEDMAN",
    "IMAGES",
    "IMAGES_NORM",
    "MATCHED",
    "PARTS",
    "PHRASES",
    "PHRASES_LSTM",
    "RARE",
    "RESNET",
    "SCATTERED",
    "SERIES",
    "SHAPES",
    "SUCCESSORS",
    "TONES",
    "TONES_LSTM",
    "WALKS",
]

_CROSS = nn.CrossEntropyLoss()

DIGITS = Plan(digits, partial(mlp, 64, 48, 10), _CROSS, sgd(0.05), 25, by(accuracy))
DIGITS_ADAM = Plan(digits, partial(mlp, 64, 64, 32, 10), _CROSS, adam(2e-3), 12, by(accuracy))
SCATTERED = Plan(scattered, partial(mlp, 16, 48, 48, 4), _CROSS, sgd(0.02, 0.9), 10, by(accuracy))
CHECKERS = Plan(partial(checkers, fields=3), partial(mlp, 2, 48, 48, 2), _CROSS, adam(3e-3), 30, by(accuracy))
CONCRETE = Plan(concrete, partial(mlp, 8, 32, 32, 1), nn.MSELoss(), adam(5e-3), 40, by(explained))
FRIEDMAN = Plan(friedman, partial(mlp, 10, 32, 1), nn.MSELoss(), sgd(0.02, 0.9), 25, by(explained))
ADULT = Plan(adult, partial(mlp, 20, 32, 1), nn.BCEWithLogitsLoss(), adam(3e-3), 12, by(sided))
PARTS = Plan(parts, partial(mlp, 12, 48, 5), nn.BCEWithLogitsLoss(), adam(5e-3), 20, by(sided))
RARE = Plan(rare, partial(mlp, 10, 8, 1), nn.BCEWithLogitsLoss(), adam(3e-3), 10, by(balanced))
COPIES = Plan(copies, partial(mlp, 64, 48, 16, 48, 64), nn.MSELoss(), adam(5e-3), 40, by(copied))
MATCHED = Plan(
    matched, partial(Siamese, 64, 48, 16), nn.BCEWithLogitsLoss(), adam(3e-3), 12, by(sided), batch_size=64
)
IMAGES = Plan(images, partial(cnn, 10), _CROSS, adam(3e-3), 12, by(accuracy))
IMAGES_NORM = Plan(images, partial(cnn, 10, norm=True), _CROSS, sgd(0.02, 0.9), 8, by(accuracy))
SHAPES = Plan(shapes, partial(cnn, 4, size=12), _CROSS, adam(3e-3), 12, by(accuracy))
RESNET = Plan(shapes, partial(resnet, 4), _CROSS, adam(2e-3), 8, by(accuracy))
TONES = Plan(tones, partial(Recurring, nn.GRU, 1, 20, 3), _CROSS, adam(1e-2), 12, by(accuracy))
TONES_LSTM = Plan(
    partial(tones, length=14), partial(Recurring, nn.LSTM, 1, 20, 3), _CROSS, adam(1e-2), 15, by(accuracy)
)
WALKS = Plan(walks, partial(Recurring, nn.GRU, 1, 16, 1), nn.MSELoss(), adam(1e-2), 12, by(explained))
SERIES = Plan(
    partial(series, length=8),
    partial(Recurring, nn.LSTM, 2, 20, 1),
    nn.MSELoss(),
    adam(1e-2),
    15,
    by(explained),
)
PHRASES = Plan(
    partial(phrases, n=2400, denied=0.0),
    partial(Attending, 40, 14, 2, width=16),
    _CROSS,
    adam(3e-3),
    8,
    by(accuracy),
)
PHRASES_LSTM = Plan(
    partial(phrases, n=2400),
    partial(Recurring, nn.LSTM, 12, 20, 2, words=40),
    _CROSS,
    adam(1e-2),
    7,
    by(accuracy),
)
SUCCESSORS = Plan(successors, partial(Attending, 12, 16, 12, each=True), places, adam(5e-3), 12, by(accuracy))
ECHOES = Plan(echoes, partial(Attending, 6, 8, 2), _CROSS, adam(5e-3), 18, by(accuracy))
DELAYED = Plan(
    delayed, partial(Recurring, nn.GRU, 10, 24, 6, words=6, each=True), places, adam(1e-2), 12, by(accuracy)
)
