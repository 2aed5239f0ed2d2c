"""Trainings without mistakes, which the programs on data, labels, losses and outputs spoil one at a time."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.held_data_courses import beats, decays, letters, loads, mails, motions, routes, tagged
from _programs.held_data_pictures import blurred, cells, figures, hands, scratches, spots, strokes
from _programs.held_data_records import (
    arms,
    claims,
    hires,
    houses,
    progress,
    soils,
    spirals,
    subjects,
    tumours,
    wines,
)
from _programs.held_nets_records import Former, Reader, Residuals, Tagger, convs, dense, filters, lines, waves
from _programs.judging import accuracy, balanced, by, copied, explained, sided
from _programs.program import Plan
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = [
    "ARMS",
    "BEATS",
    "BLURRED",
    "CELLS",
    "CLAIMS",
    "DECAYS",
    "FIGURES",
    "HANDS",
    "HIRES",
    "HOUSES",
    "LETTERS",
    "LOADS",
    "MAILS",
    "MAILS_FORMER",
    "MOTIONS",
    "MOTIONS_WAVES",
    "PROGRESS",
    "ROUTES",
    "SCRATCHES",
    "SOILS",
    "SPIRALS",
    "SPOTS",
    "STROKES",
    "SUBJECTS",
    "TAGGED",
    "TUMOURS",
    "WINES",
    "divided",
    "each_place",
    "shared",
    "weighed",
]

_CROSS, _SQUARES, _YES_NO = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def each_place(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of [B, T, C] and [B, T]."""
    return F.cross_entropy(outputs.transpose(1, 2), targets)


def weighed(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy in which the two rare kinds of claims count as much as the frequent ones."""
    return F.cross_entropy(outputs, targets, torch.tensor([0.4, 0.7, 12.0, 12.0]))


def shared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Divergence of shares that sum to 1 from the softmax of the outputs."""
    return F.kl_div(outputs.log_softmax(1), targets, reduction="batchmean")


def divided(outputs: Tensor, targets: Tensor) -> float:
    """Share of the variance of shares that the softmax of the outputs explains."""
    return explained(outputs.softmax(1), targets)


TUMOURS = Plan(tumours, partial(dense, 30, 16, 1, act=nn.Tanh), _YES_NO, sgd(0.03), 30, by(sided), 16)
WINES = Plan(wines, partial(dense, 13, 16, 3, act=nn.LeakyReLU), _CROSS, sgd(0.02), 50, by(accuracy), 8)
PROGRESS = Plan(progress, partial(dense, 10, 5, 1, act=nn.Tanh), _SQUARES, sgd(0.008), 40, by(explained), 16)
HOUSES = Plan(houses, partial(dense, 6, 32, 32, 1), _SQUARES, adam(3e-3), 40, by(explained), 64)
ARMS = Plan(arms, partial(dense, 4, 40, 40, 3, act=nn.SiLU), _SQUARES, adamw(4e-3), 40, by(explained), 32)
HIRES = Plan(
    hires,
    partial(dense, 6, 32, 16, 1),
    nn.PoissonNLLLoss(),
    adam(5e-3),
    30,
    by(lambda o, y: explained(o.exp(), y)),
    50,
)
SPIRALS = Plan(spirals, partial(dense, 2, 48, 48, 3, act=nn.ELU), _CROSS, rmsprop(3e-3), 50, by(accuracy), 40)
CLAIMS = Plan(claims, partial(dense, 9, 24, 4, act=nn.GELU), weighed, adam(2e-3), 20, by(balanced), 64)
SOILS = Plan(soils, partial(Residuals, 7, 24, 4), shared, adam(3e-3), 25, by(divided), 32)
SUBJECTS = Plan(subjects, partial(dense, 48, 32, 8, norm=True), _YES_NO, adamw(4e-3), 10, by(sided), 32)

FIGURES = Plan(
    figures,
    partial(convs, 10, 8, width=12, norm=True, drop=0.2),
    _CROSS,
    sgd(0.02, 0.9),
    12,
    by(accuracy),
    32,
)
STROKES = Plan(strokes, partial(convs, 4, 14, act=nn.Tanh), _CROSS, sgd(0.05, 0.5), 12, by(accuracy), 16)
CELLS = Plan(cells, partial(filters, 8), _YES_NO, adam(1e-2), 12, by(sided), 16)
SPOTS = Plan(spots, partial(convs, 1, 12, act=nn.GELU), _SQUARES, adam(2e-3), 15, by(explained), 20)
HANDS = Plan(hands, partial(convs, 2, 14, norm=True), _SQUARES, adam(3e-3), 12, by(explained), 25)
SCRATCHES = Plan(
    scratches,
    lines,
    nn.BCEWithLogitsLoss(pos_weight=torch.tensor(15.0)),
    adam(3e-3),
    15,
    by(balanced),
    32,
)
BLURRED = Plan(blurred, partial(filters, 8), _SQUARES, adam(5e-3), 10, by(copied), 32)

MOTIONS = Plan(motions, partial(Reader, nn.LSTM, 3, 20, 4), _CROSS, adam(1e-2), 12, by(accuracy), 25)
MOTIONS_WAVES = Plan(motions, partial(waves, 3, 4), _CROSS, adam(5e-3), 12, by(accuracy), 32)
LOADS = Plan(loads, partial(Former, 1, 24, 6), _SQUARES, adam(3e-3), 15, by(explained), 32)
DECAYS = Plan(decays, partial(Reader, nn.GRU, 1, 16, 1), _SQUARES, adam(8e-3), 15, by(explained), 20)
BEATS = Plan(beats, partial(Tagger, nn.GRU, 1, 12, 3), each_place, adam(1e-2), 12, by(accuracy), 32)
ROUTES = Plan(routes, partial(Reader, nn.GRU, 2, 16, 2), _SQUARES, rmsprop(3e-3), 15, by(explained), 16)
MAILS = Plan(mails, partial(Reader, nn.GRU, 12, 16, 5, words=90), _CROSS, adam(5e-3), 5, by(accuracy), 32)
MAILS_FORMER = Plan(mails, partial(Former, 0, 16, 5, words=90), _CROSS, adam(3e-3), 4, by(accuracy), 32)
TAGGED = Plan(
    tagged, partial(Tagger, nn.LSTM, 12, 16, 4, words=24), each_place, adam(1e-2), 12, by(accuracy), 25
)
LETTERS = Plan(
    letters,
    partial(Former, 0, 20, 27, words=27, each=True, width=32),
    each_place,
    adam(4e-3),
    25,
    by(accuracy),
    32,
)
