"""Mistakes in optimiser, learning rate, batches, regularisation and the length of training."""

from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.judging import by, informed
from _programs.nets import Attending, mlp
from _programs.plans import (
    CONCRETE,
    DIGITS,
    DIGITS_ADAM,
    ECHOES,
    FRIEDMAN,
    IMAGES,
    PHRASES_LSTM,
    SCATTERED,
    SERIES,
    SHAPES,
    SUCCESSORS,
    TONES,
    WALKS,
)
from _programs.program import Case
from _programs.sources import friedman, phrases, scattered
from _programs.spoiling import noisy, spoiled, trimmed
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]


def _head_only(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.head.parameters(), lr=1e-2)


def _last_layer_only(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model[-1].parameters(), lr=0.02, momentum=0.9)


def _another_model(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(deepcopy(model).parameters(), lr=5e-3)


_FEW = replace(SCATTERED, rows=spoiled(partial(scattered, n=600, apart=0.7), noisy(0.15, 4)))

_FEW_REVIEWS = spoiled(partial(phrases, n=1000, denied=0.0), noisy(0.15, 2))

_OPTIMISER = (
    Case(
        "optimiser-of-the-head",
        "RNN",
        "sequence",
        "parameters-not-held",
        ("optimiser",),
        replace(SERIES, optimizer=_head_only),
        SERIES,
    ),
    Case(
        "optimiser-of-the-last-layer",
        "CNN",
        "image",
        "parameters-not-held",
        ("optimiser",),
        replace(SHAPES, optimizer=_last_layer_only, epochs=6),
        replace(SHAPES, optimizer=sgd(0.02, 0.9), epochs=6),
    ),
    Case(
        "optimiser-of-another-model",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser",),
        replace(CONCRETE, optimizer=_another_model),
        CONCRETE,
    ),
    Case(
        "betas-exchanged",
        "MLP",
        "image",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(DIGITS_ADAM, optimizer=adam(2e-3, betas=(0.999, 0.9))),
        DIGITS_ADAM,
    ),
    Case(
        "momentum-of-0.999",
        "CNN",
        "image",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(IMAGES, optimizer=sgd(0.02, 0.999)),
        replace(IMAGES, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "epsilon-of-one",
        "Transformer",
        "tokens",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(SUCCESSORS, optimizer=adam(5e-3, eps=1.0)),
        SUCCESSORS,
    ),
)

_RATE = (
    Case(
        "rate-of-ten",
        "MLP",
        "image",
        "rate-too-high",
        ("learning rate",),
        replace(DIGITS, optimizer=sgd(10.0)),
        DIGITS,
    ),
    Case(
        "adam-at-a-half",
        "CNN",
        "image",
        "rate-too-high",
        ("learning rate",),
        replace(IMAGES, optimizer=adam(0.5)),
        IMAGES,
    ),
    Case(
        "lstm-at-a-half",
        "RNN",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        replace(PHRASES_LSTM, optimizer=adam(0.5)),
        PHRASES_LSTM,
    ),
    Case(
        "transformer-at-a-tenth",
        "Transformer",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        replace(ECHOES, optimizer=adam(0.1)),
        ECHOES,
    ),
    Case(
        "momentum-and-a-large-rate",
        "MLP",
        "table",
        "rate-too-high",
        ("learning rate",),
        replace(FRIEDMAN, optimizer=sgd(0.7, 0.9)),
        FRIEDMAN,
    ),
    Case(
        "adam-at-a-millionth",
        "CNN",
        "image",
        "rate-too-low",
        ("learning rate",),
        replace(SHAPES, optimizer=adam(1e-6)),
        SHAPES,
    ),
    Case(
        "sgd-at-a-hundred-thousandth",
        "MLP",
        "image",
        "rate-too-low",
        ("learning rate",),
        replace(DIGITS, optimizer=sgd(1e-5)),
        DIGITS,
    ),
    Case(
        "gru-at-a-hundred-thousandth",
        "RNN",
        "sequence",
        "rate-too-low",
        ("learning rate",),
        replace(WALKS, optimizer=adam(1e-5)),
        WALKS,
    ),
)

_BATCH = (
    Case(
        "one-row-a-step",
        "MLP",
        "table",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(
            FRIEDMAN, rows=partial(friedman, n=600, noise=0.5), optimizer=sgd(0.05), batch_size=1, epochs=10
        ),
        replace(
            FRIEDMAN, rows=partial(friedman, n=600, noise=0.5), optimizer=sgd(0.05), batch_size=32, epochs=20
        ),
    ),
    Case(
        "one-image-a-step",
        "CNN",
        "image",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(
            IMAGES, rows=spoiled(IMAGES.rows, trimmed(400)), optimizer=adam(1e-2), batch_size=1, epochs=3
        ),
        replace(
            IMAGES, rows=spoiled(IMAGES.rows, trimmed(400)), optimizer=adam(1e-2), batch_size=32, epochs=12
        ),
    ),
    Case(
        "all-rows-a-step",
        "MLP",
        "image",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(DIGITS, batch_size=1024),
        DIGITS,
    ),
    Case(
        "all-series-a-step",
        "RNN",
        "sequence",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(SERIES, batch_size=512),
        SERIES,
    ),
)

_REGULARISATION = (
    Case(
        "three-hundred-noisy-rows-by-heart",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "architecture", "epochs"),
        replace(_FEW, net=partial(mlp, 16, 200, 200, 4), optimizer=adam(3e-3), epochs=50),
        replace(_FEW, net=partial(mlp, 16, 200, 200, 4), optimizer=adam(1e-3), epochs=4),
    ),
    Case(
        "reviews-by-heart",
        "RNN",
        "tokens",
        "overfitting",
        ("regularisation", "architecture", "epochs"),
        replace(PHRASES_LSTM, rows=_FEW_REVIEWS, judge=by(informed), epochs=40),
        replace(PHRASES_LSTM, rows=_FEW_REVIEWS, judge=by(informed), epochs=4),
    ),
    Case(
        "nine-of-ten-dropped",
        "MLP",
        "image",
        "dropout-too-strong",
        ("regularisation",),
        replace(DIGITS, net=partial(mlp, 64, 48, 48, 10, dropout=0.9), optimizer=sgd(0.03)),
        replace(DIGITS, net=partial(mlp, 64, 48, 48, 10, dropout=0.1), optimizer=sgd(0.03)),
    ),
    Case(
        "transformer-with-nine-of-ten-dropped",
        "Transformer",
        "tokens",
        "dropout-too-strong",
        ("regularisation",),
        replace(ECHOES, net=partial(Attending, 6, 8, 2, dropout=0.9)),
        ECHOES,
    ),
    Case(
        "weight-decay-of-a-third",
        "CNN",
        "image",
        "penalty-too-strong",
        ("regularisation",),
        replace(IMAGES, optimizer=sgd(0.02, 0.9, weight_decay=0.3)),
        replace(IMAGES, optimizer=sgd(0.02, 0.9)),
    ),
    Case(
        "adam-with-a-penalty-of-one",
        "MLP",
        "table",
        "penalty-too-strong",
        ("regularisation",),
        replace(CONCRETE, optimizer=adam(5e-3, weight_decay=1.0)),
        CONCRETE,
    ),
    Case(
        "decoupled-decay-of-twenty",
        "RNN",
        "sequence",
        "penalty-too-strong",
        ("regularisation",),
        replace(TONES, optimizer=adamw(1e-2, weight_decay=20.0)),
        TONES,
    ),
)

_EPOCHS = (
    Case(
        "two-epochs",
        "CNN",
        "image",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(SHAPES, optimizer=adam(1e-3), epochs=2),
        replace(SHAPES, optimizer=adam(1e-3), epochs=25),
    ),
    Case(
        "three-epochs-of-digits",
        "MLP",
        "image",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(DIGITS, optimizer=sgd(0.03), epochs=3),
        replace(DIGITS, optimizer=sgd(0.03), epochs=40),
    ),
    Case(
        "transformer-stopped-early",
        "Transformer",
        "tokens",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(ECHOES, epochs=4),
        ECHOES,
    ),
)

CASES = (*_OPTIMISER, *_RATE, *_BATCH, *_REGULARISATION, *_EPOCHS)
