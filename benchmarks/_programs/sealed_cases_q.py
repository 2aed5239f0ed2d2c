"""Everyday mistakes in steps, in what keeps weights small, in labels and rows, in size and in patience."""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.judging import explained, honestly
from _programs.program import Case, Rows
from _programs.sealed_data_q import coins, engines, fewer, handwriting, merged, mislabelled, panels
from _programs.sealed_nets_q import Filters, stack
from _programs.sealed_plans_q import (
    BASINS,
    COINS,
    CREDITS,
    ENGINES,
    FRAUDS,
    HANDWRITING,
    PANELS,
    QUESTIONS,
    RIVERS,
    SONGS,
    STARS,
    TILES,
    VIBRATIONS,
    WORDS,
)
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]


def _measured(rows: Rows, error: float, seed: int) -> Rows:
    """Values of training and validation as meters tell them that err by `error` of the values' spread."""
    draw = torch.Generator().manual_seed(seed + 5)
    train, valid = (
        (x, y + error * torch.randn(y.shape, generator=draw)) for x, y in (rows.train, rows.valid)
    )
    return Rows(train, valid, rows.test)


def _few_panels(seed: int) -> Rows:
    return fewer(_measured(panels(seed, 900), 0.7, seed), 320)


def _few_coins(seed: int) -> Rows:
    return fewer(_measured(coins(seed), 0.7, seed), 320)


def _days(seed: int, split_first: bool) -> Rows:
    """Panels of a few days; validation rows are others, or a part of the training rows."""
    rows = panels(seed, 400)
    return rows if split_first else _split_after_copying(rows)


def _split_after_copying(rows: Rows) -> Rows:
    """Validation rows that stand among the training rows."""
    chosen = torch.arange(0, len(rows.train[0]), 3)
    return Rows(rows.train, (rows.train[0][chosen], rows.train[1][chosen]), rows.test)


def _per_row_of_the_file(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over the batch, divided by the number of rows of the whole file besides."""
    return F.mse_loss(outputs, targets) / 600


def _summed(outputs: Tensor, targets: Tensor) -> Tensor:
    """The sum over the batch, with a rate that was meant for its mean."""
    return F.cross_entropy(outputs, targets, reduction="sum")


_FEW_PANELS = replace(PANELS, rows=_few_panels, net=partial(stack, 7, 256, 256, 1))
_FEW_COINS = replace(COINS, rows=_few_coins, epochs=40)
_DAYS = replace(PANELS, rows=partial(_days, split_first=True), epochs=30, judge=honestly(explained))

CASES: tuple[Case, ...] = (
    Case(
        "desks-at-a-tenth",
        "Transformer",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        replace(QUESTIONS, optimizer=adamw(0.1)),
        QUESTIONS,
    ),
    Case(
        "power-swings-under-momentum",
        "MLP",
        "table",
        "rate-too-high",
        ("learning rate",),
        replace(PANELS, optimizer=sgd(0.3, 0.9)),
        replace(PANELS, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "power-at-a-hundred-thousandth",
        "MLP",
        "table",
        "rate-too-low",
        ("learning rate",),
        replace(PANELS, optimizer=adam(1e-5)),
        PANELS,
    ),
    Case(
        "engines-by-sgd-at-a-ten-thousandth",
        "RNN",
        "sequence",
        "rate-too-low",
        ("learning rate",),
        replace(ENGINES, optimizer=sgd(1e-4, 0.9), epochs=25),
        replace(ENGINES, optimizer=sgd(0.2, 0.9), epochs=25),
    ),
    Case(
        "moods-with-epsilon-of-one",
        "MLP",
        "table",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(SONGS, optimizer=adam(2e-3, eps=1.0)),
        replace(SONGS, optimizer=adam(2e-3)),
    ),
    Case(
        "levels-with-betas-exchanged",
        "RNN",
        "sequence",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(RIVERS, optimizer=adam(5e-3, betas=(0.999, 0.9))),
        RIVERS,
    ),
    Case(
        "vibrations-under-a-penalty-of-a-half",
        "CNN",
        "sequence",
        "penalty-too-strong",
        ("regularisation", "optimiser"),
        replace(VIBRATIONS, optimizer=adam(3e-3, weight_decay=0.5)),
        VIBRATIONS,
    ),
    Case(
        "words-decayed-by-ten",
        "RNN",
        "tokens",
        "penalty-too-strong",
        ("regularisation", "optimiser"),
        replace(WORDS, optimizer=adamw(3e-3, 10.0)),
        replace(WORDS, optimizer=adamw(3e-3)),
    ),
    Case(
        "moods-normed-by-twos",
        "MLP",
        "table",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(SONGS, net=partial(stack, 16, 64, 64, 4, norm=nn.BatchNorm1d), batch_size=2, epochs=10),
        replace(SONGS, net=partial(stack, 16, 64, 64, 4, norm=nn.BatchNorm1d), epochs=10),
    ),
    Case(
        "rain-dropped-before-norms",
        "MLP",
        "sequence",
        "dropout-before-norm",
        ("normalisation", "regularisation"),
        replace(
            BASINS,
            net=partial(stack, 18, 64, 64, 1, norm=nn.BatchNorm1d, drop=0.5, order="drop-norm-act"),
        ),
        replace(BASINS, net=partial(stack, 18, 64, 64, 1, norm=nn.BatchNorm1d)),
    ),
    Case(
        "four-fifths-of-the-units-dropped",
        "MLP",
        "table",
        "dropout-too-strong",
        ("regularisation",),
        replace(CREDITS, net=partial(stack, 12, 48, 24, 1, drop=0.8)),
        CREDITS,
    ),
    Case(
        "handwriting-by-the-sum",
        "CNN",
        "image",
        "rate-too-high",
        ("learning rate", "loss"),
        replace(HANDWRITING, loss=_summed),
        HANDWRITING,
    ),
    Case(
        "rain-divided-by-the-whole-file",
        "MLP",
        "sequence",
        "rate-too-low",
        ("learning rate", "loss"),
        replace(BASINS, optimizer=sgd(0.02, 0.9), loss=_per_row_of_the_file),
        replace(BASINS, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "frauds-never-named",
        "MLP",
        "table",
        "class-imbalance",
        ("data", "loss"),
        FRAUDS,
        replace(FRAUDS, loss=nn.CrossEntropyLoss(weight=torch.tensor([1.0, 19.0]))),
    ),
    Case(
        "cloudy-meters-by-heart",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        replace(_FEW_PANELS, epochs=250),
        replace(_FEW_PANELS, epochs=12),
    ),
    Case(
        "few-coins-without-dropout-or-decay",
        "CNN",
        "image",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        replace(_FEW_COINS, optimizer=adamw(2e-3, 0.0)),
        replace(_FEW_COINS, net=partial(Filters, 1, 16, 1, norm=False, drop=0.5), optimizer=adamw(2e-3, 1.0)),
    ),
    Case(
        "rain-through-four-fifths-of-dropout",
        "MLP",
        "sequence",
        "dropout-too-strong",
        ("regularisation",),
        replace(BASINS, net=partial(stack, 18, 64, 32, 1, drop=0.8)),
        BASINS,
    ),
    Case(
        "stars-by-two-units",
        "MLP",
        "table",
        "too-small",
        ("architecture",),
        replace(STARS, net=partial(stack, 9, 2, 5)),
        STARS,
    ),
    Case(
        "tiles-by-one-filter",
        "CNN",
        "image",
        "too-small",
        ("architecture",),
        replace(TILES, net=partial(Filters, 3, 12, 5, width=1)),
        TILES,
    ),
    Case(
        "panels-validated-on-themselves",
        "MLP",
        "table",
        "rows-leak",
        ("data",),
        replace(_DAYS, rows=partial(_days, split_first=False)),
        _DAYS,
        "hint",
    ),
    Case(
        "engines-for-three-epochs",
        "RNN",
        "sequence",
        "too-few-epochs",
        ("epochs",),
        replace(ENGINES, epochs=3),
        ENGINES,
    ),
    Case(
        "desks-for-two-epochs",
        "Transformer",
        "tokens",
        "too-few-epochs",
        ("epochs",),
        replace(QUESTIONS, epochs=2),
        QUESTIONS,
    ),
    Case(
        "handwriting-typed-in-a-hurry",
        "CNN",
        "image",
        "labels-noisy",
        ("labels",),
        replace(HANDWRITING, rows=lambda seed: mislabelled(handwriting(seed), 0.35, 10, seed)),
        HANDWRITING,
    ),
    Case(
        "engines-on-two-lists",
        "CNN",
        "sequence",
        "labels-conflicting",
        ("labels",),
        replace(VIBRATIONS, rows=lambda seed: merged(engines(seed), 0.8, 4)),
        VIBRATIONS,
    ),
    Case(
        "words-by-plain-descent",
        "RNN",
        "tokens",
        "plateau",
        ("learning rate", "optimiser"),
        replace(WORDS, optimizer=sgd(0.05)),
        WORDS,
    ),
)
