"""Mistakes in how far, how often and with what a network steps."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.held_data_steps import (
    bends,
    cultivars,
    documents,
    gratings,
    lines_of_digits,
    matched_brackets,
    parities,
    prevailing,
    seasons,
    sensors,
    spectra,
    spirals,
    swings,
    tagged,
    tilted,
)
from _programs.held_nets_steps import Copier, Forecaster, Listed, Reader, Tagger, dense, grid, line, xavier
from _programs.judging import accuracy, by, copied, explained, sided
from _programs.program import Case, Plan
from _programs.stepping import Make, adam, adamw, rmsprop, sgd

__all__ = ["CASES"]

_CROSS, _SQUARES, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()


def _each(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    return accuracy(outputs.transpose(1, 2), targets)


def _of(part: str, make: Make) -> Make:
    return lambda model: make(model.get_submodule(part))


def _adagrad(lr: float, lr_decay: float = 0.0) -> Make:
    return lambda model: torch.optim.Adagrad(model.parameters(), lr=lr, lr_decay=lr_decay)


def _rmsprop(lr: float, alpha: float, eps: float, momentum: float) -> Make:
    return lambda model: torch.optim.RMSprop(model.parameters(), lr, alpha, eps, momentum=momentum)


_SENSORS = Plan(sensors, partial(Copier, 24, 32, 4, nn.Tanh), _SQUARES, adam(4e-3), 40, by(copied))
_ARMS = Plan(spirals, partial(Listed, 2, 40, 3, 3), _CROSS, adam(4e-3), 45, by(accuracy))
_BENDS = Plan(bends, partial(dense, 6, 48, 48, 3, act=nn.SiLU), _SQUARES, adam(5e-3), 25, by(explained))
_STRIPES = Plan(gratings, partial(grid, 6), _CROSS, sgd(0.03, 0.9), 11, by(accuracy), 32, xavier)
_TILTED = Plan(tilted, partial(grid, 2, act=nn.LeakyReLU), _SQUARES, adam(3e-3), 12, by(explained))
_PEAKS = Plan(partial(spectra, noise=0.08), partial(line, 4, 8), _CROSS, adam(5e-3), 20, by(accuracy), 24)
_SEASONS = Plan(seasons, partial(Forecaster, nn.GRU, 1, 24, 3), _SQUARES, adam(8e-3), 14, by(explained))
_PUSHED = Plan(swings, partial(Forecaster, nn.LSTM, 2, 20, 1), _SQUARES, adam(8e-3), 14, by(explained), 25)
_LINES = Plan(
    partial(lines_of_digits, n=1200),
    partial(Forecaster, nn.LSTM, 8, 32, 10),
    _CROSS,
    rmsprop(4e-3),
    15,
    by(accuracy),
)
_GROUPS = Plan(prevailing, partial(Reader, 30, 12, 3), _CROSS, adam(3e-3), 10, by(accuracy))
_ABOUT = Plan(documents, partial(Reader, 48, 16, 5, width=32), _LOGITS, adamw(3e-3), 10, by(sided))
_DEPTH = Plan(
    partial(matched_brackets, n=1000),
    partial(Reader, 5, 12, 5, each=True, layers=2, pre=False, heads=4),
    _CROSS,
    adam(2e-3),
    13,
    by(_each),
    20,
)
_TAGS = Plan(tagged, partial(Tagger, 16, 12, 20, 4), _CROSS, adam(8e-3), 14, by(_each))
_WINE = Plan(cultivars, partial(dense, 13, 16, 16, 3), _CROSS, sgd(0.05, 0.8), 16, by(accuracy), 8)
_SIGNS = Plan(
    parities, partial(dense, 8, 48, 48, 1, act=nn.Tanh), _LOGITS, adam(5e-3), 30, by(sided), 32, xavier
)

CASES = (
    Case(
        "autoencoder-with-half-an-optimiser",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser",),
        replace(_SENSORS, optimizer=_of("decoder", adam(4e-3))),
        _SENSORS,
    ),
    Case(
        "layers-in-a-python-list",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser", "architecture"),
        replace(_ARMS, net=partial(Listed, 2, 40, 3, 3, plain=True)),
        _ARMS,
    ),
    Case(
        "momentum-of-three-nines",
        "CNN",
        "image",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_STRIPES, optimizer=sgd(0.03, 0.999)),
        _STRIPES,
    ),
    Case(
        "rmsprop-forgets-and-rolls-on",
        "RNN",
        "image",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_LINES, optimizer=_rmsprop(4e-3, 0.1, 1e-8, 0.98)),
        _LINES,
    ),
    Case(
        "epsilon-copied-as-ten",
        "Transformer",
        "tokens",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_GROUPS, optimizer=adam(3e-3, eps=10.0)),
        _GROUPS,
    ),
    Case(
        "adagrad-with-a-decay-of-a-tenth",
        "CNN",
        "sequence",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_PEAKS, optimizer=_adagrad(5e-2, lr_decay=0.1)),
        replace(_PEAKS, optimizer=_adagrad(5e-2)),
    ),
    Case(
        "adam-at-two-fifths-on-a-beam",
        "MLP",
        "table",
        "rate-too-high",
        ("learning rate",),
        replace(_BENDS, optimizer=adam(0.4)),
        _BENDS,
    ),
    Case(
        "gru-at-three-tenths",
        "RNN",
        "sequence",
        "rate-too-high",
        ("learning rate",),
        replace(_SEASONS, optimizer=rmsprop(0.3)),
        replace(_SEASONS, optimizer=rmsprop(4e-3)),
    ),
    Case(
        "norms-after-at-a-twelfth",
        "Transformer",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        replace(_DEPTH, optimizer=adam(8e-2)),
        _DEPTH,
    ),
    Case(
        "adamw-at-twenty-millionths",
        "Transformer",
        "tokens",
        "rate-too-low",
        ("learning rate",),
        replace(_ABOUT, optimizer=adamw(2e-5)),
        _ABOUT,
    ),
    Case(
        "wine-at-a-twenty-thousandth",
        "MLP",
        "table",
        "rate-too-low",
        ("learning rate",),
        replace(_WINE, optimizer=sgd(5e-5)),
        _WINE,
    ),
    Case(
        "signs-without-momentum",
        "MLP",
        "table",
        "no-learning",
        ("learning rate", "optimiser"),
        replace(_SIGNS, optimizer=sgd(0.01)),
        _SIGNS,
    ),
    Case(
        "arms-of-a-spiral-by-plain-descent",
        "MLP",
        "table",
        "plateau",
        ("learning rate", "optimiser"),
        replace(_ARMS, optimizer=sgd(0.02)),
        _ARMS,
    ),
    Case(
        "two-stripes-a-step",
        "CNN",
        "image",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(_STRIPES, batch_size=2, epochs=2, optimizer=sgd(0.015, 0.9)),
        replace(_STRIPES, optimizer=sgd(0.015, 0.9)),
    ),
    Case(
        "two-beams-a-step",
        "MLP",
        "table",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(_BENDS, batch_size=2, optimizer=adam(2e-2), epochs=3),
        replace(_BENDS, batch_size=64, optimizer=adam(2e-2), epochs=30),
    ),
    Case(
        "all-sequences-of-tags-at-once",
        "RNN",
        "tokens",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(_TAGS, batch_size=512),
        _TAGS,
    ),
    Case(
        "stripes-by-the-five-hundred",
        "CNN",
        "image",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(_TILTED, batch_size=500),
        _TILTED,
    ),
    Case(
        "springs-for-two-epochs",
        "RNN",
        "sequence",
        "too-few-epochs",
        ("epochs",),
        replace(_PUSHED, batch_size=8, optimizer=adam(2e-3), epochs=2),
        replace(_PUSHED, batch_size=8, optimizer=adam(2e-3), epochs=12),
    ),
    Case(
        "peaks-for-four-epochs",
        "CNN",
        "sequence",
        "too-few-epochs",
        ("epochs",),
        replace(_PEAKS, epochs=4),
        _PEAKS,
    ),
)
