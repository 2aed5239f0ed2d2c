"""Mistakes in what is chosen: optimisers, rates, batches, regularisation, norms and epochs."""

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.blind_data_e import few_stays, opinions_few
from _programs.blind_nets_e import (
    Answerer,
    Deep,
    Frozen,
    Listed,
    Mlp,
    NormedOutput,
    TextLSTM,
)
from _programs.blind_plans_e import (
    BUILDINGS,
    CHORDS,
    CLIPS,
    DEEP,
    KINDS,
    MAILS,
    OPINIONS,
    PIXELS,
    ROADS,
    SIGNS,
    SOILS,
    STAYS,
    WRISTS_LSTM,
)
from _programs.judging import believable_logits, by, informed
from _programs.program import Case, Plan
from _programs.stepping import Make, adam, adamw, sgd

__all__ = ["CASES"]


def _last_layer(lr: float) -> Make:
    """As for a network that somebody has trained before: only the last layer is held."""
    return lambda model: torch.optim.Adam(model.get_submodule("fc2").parameters(), lr=lr)


def _rmsprop(lr: float, momentum: float = 0.0, alpha: float = 0.99) -> Make:
    return lambda model: torch.optim.RMSprop(model.parameters(), lr=lr, momentum=momentum, alpha=alpha)


_TANHS = replace(SOILS, net=partial(Listed, 10, 6), optimizer=adam(3e-3), epochs=20)
_NORMED = replace(BUILDINGS, net=partial(NormedOutput, 8, 64, False))
_WITH_DROPOUT = replace(STAYS, net=partial(Mlp, 12, 1, 64, 64, drop=0.1), epochs=15)
_DROPPING_WORDS = replace(KINDS, net=partial(TextLSTM, 36, 5, each=True, both=True, drop=0.1))
_FEW = Plan(
    few_stays,
    partial(Mlp, 40, 1, 128, 64),
    nn.BCEWithLogitsLoss(),
    adamw(1e-3),
    40,
    by(believable_logits),
    16,
)
_RARE_WORDS = replace(OPINIONS, rows=opinions_few, net=partial(TextLSTM, 300, 2, 32, 32), epochs=40)

CASES: tuple[Case, ...] = (
    # optimiser
    Case(
        "soils-with-momentum-of-three-nines",
        "MLP",
        "table",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(SOILS, optimizer=sgd(0.05, 0.999)),
        SOILS,
    ),
    Case(
        "mails-with-an-epsilon-of-one",
        "Transformer",
        "tokens",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(MAILS, optimizer=adam(2e-3, eps=1.0)),
        MAILS,
    ),
    Case(
        "roads-with-betas-exchanged",
        "RNN",
        "sequence",
        "optimiser-constants",
        ("optimiser",),
        replace(ROADS, optimizer=adam(5e-3, betas=(0.999, 0.9))),
        ROADS,
    ),
    Case(
        "rmsprop-with-momentum-of-two-nines",
        "CNN",
        "image",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(PIXELS, optimizer=_rmsprop(1e-3, 0.99)),
        replace(PIXELS, optimizer=_rmsprop(1e-3)),
    ),
    Case(
        "hidden-layers-in-a-plain-list",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser", "architecture"),
        replace(_TANHS, net=partial(Listed, 10, 6, plain=True)),
        _TANHS,
    ),
    Case(
        "only-the-last-layer-held",
        "CNN",
        "image",
        "parameters-not-held",
        ("optimiser",),
        replace(SIGNS, optimizer=_last_layer(2e-3)),
        SIGNS,
    ),
    Case(
        "convolutions-under-no-grad",
        "CNN",
        "image",
        "part-unused",
        ("architecture", "loop", "optimiser"),
        replace(SIGNS, net=partial(Frozen, 3, 16, 6)),
        SIGNS,
    ),
    Case(
        "state-handed-over-detached",
        "RNN",
        "tokens",
        "part-unused",
        ("architecture", "loop", "optimiser"),
        replace(CHORDS, net=partial(Answerer, 12, 48, detach=True)),
        CHORDS,
    ),
    # learning rate
    Case(
        "adam-at-a-tenth-on-mails",
        "Transformer",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        replace(MAILS, optimizer=adam(0.1)),
        MAILS,
    ),
    Case(
        "digits-by-steps-of-a-half",
        "CNN",
        "image",
        "rate-too-high",
        ("learning rate",),
        replace(PIXELS, optimizer=sgd(0.5, 0.9)),
        PIXELS,
    ),
    Case(
        "heat-at-a-hundred-thousandth",
        "MLP",
        "table",
        "rate-too-low",
        ("learning rate",),
        replace(BUILDINGS, optimizer=adam(1e-5)),
        BUILDINGS,
    ),
    Case(
        "wrists-by-tiny-plain-steps",
        "RNN",
        "sequence",
        "rate-too-low",
        ("learning rate",),
        replace(WRISTS_LSTM, optimizer=sgd(1e-3)),
        WRISTS_LSTM,
    ),
    # batch
    Case(
        "all-stays-in-one-batch",
        "MLP",
        "table",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(STAYS, batch_size=2048),
        STAYS,
    ),
    Case(
        "mails-by-five-hundred",
        "Transformer",
        "tokens",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(MAILS, batch_size=512),
        MAILS,
    ),
    Case(
        "one-building-a-step",
        "MLP",
        "table",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(BUILDINGS, optimizer=sgd(0.01, 0.9), epochs=10, batch_size=1),
        replace(BUILDINGS, optimizer=sgd(0.01, 0.9), epochs=10, batch_size=16),
    ),
    Case(
        "one-digit-a-step",
        "CNN",
        "image",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(PIXELS, epochs=6, batch_size=1),
        replace(PIXELS, epochs=6),
    ),
    # regularisation
    Case(
        "signs-under-a-penalty-of-a-tenth",
        "CNN",
        "image",
        "penalty-too-strong",
        ("regularisation",),
        replace(SIGNS, optimizer=adam(2e-3, weight_decay=0.1)),
        replace(SIGNS, optimizer=adam(2e-3, weight_decay=1e-5)),
    ),
    Case(
        "mails-under-a-decay-of-thirty",
        "Transformer",
        "tokens",
        "penalty-too-strong",
        ("regularisation",),
        replace(MAILS, optimizer=adamw(2e-3, weight_decay=30.0)),
        replace(MAILS, optimizer=adamw(2e-3, weight_decay=0.01)),
    ),
    Case(
        "nine-tenths-of-stays-dropped",
        "MLP",
        "table",
        "dropout-too-strong",
        ("regularisation",),
        replace(_WITH_DROPOUT, net=partial(Mlp, 12, 1, 64, 64, drop=0.9)),
        _WITH_DROPOUT,
    ),
    Case(
        "four-fifths-of-words-dropped",
        "RNN",
        "tokens",
        "dropout-too-strong",
        ("regularisation",),
        replace(_DROPPING_WORDS, net=partial(TextLSTM, 36, 5, each=True, both=True, drop=0.8)),
        _DROPPING_WORDS,
    ),
    Case(
        "few-stays-for-sixty-epochs",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs"),
        replace(_FEW, epochs=60),
        replace(_FEW, epochs=6),
    ),
    Case(
        "rare-words-learnt-by-heart",
        "RNN",
        "tokens",
        "overfitting",
        ("regularisation", "epochs"),
        _RARE_WORDS,
        replace(_RARE_WORDS, net=partial(TextLSTM, 300, 2, 32, 32, drop=0.6)),
    ),
    # normalisation
    Case(
        "statistics-at-a-thousandth",
        "CNN",
        "image",
        "norm-statistics-stale",
        ("normalisation",),
        replace(DEEP, net=partial(Deep, 3, 6, 10, momentum=0.001)),
        replace(DEEP, net=partial(Deep, 3, 6, 10)),
    ),
    Case(
        "batch-norm-of-two-soils",
        "MLP",
        "table",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(SOILS, net=partial(Mlp, 10, 6, 64, 64, norm=True), optimizer=adam(2e-3), batch_size=2),
        replace(SOILS, net=partial(Mlp, 10, 6, 64, 64, norm=True), optimizer=adam(2e-3)),
    ),
    Case(
        "soils-dropped-before-norms",
        "MLP",
        "table",
        "dropout-before-norm",
        ("normalisation", "regularisation"),
        replace(
            SOILS, net=partial(Mlp, 10, 6, 64, 64, 64, drop=0.5, norm=True, order="adn"), judge=by(informed)
        ),
        replace(SOILS, net=partial(Mlp, 10, 6, 64, 64, 64, drop=0.5, norm=True), judge=by(informed)),
    ),
    Case(
        "layer-norm-of-one-output",
        "MLP",
        "table",
        "input-ignored",
        ("architecture", "normalisation", "output"),
        replace(_NORMED, net=partial(NormedOutput, 8, 64, True)),
        _NORMED,
    ),
    Case(
        "eleven-convolutions-without-norms",
        "CNN",
        "image",
        "norm-missing",
        ("normalisation", "architecture", "initialisation"),
        replace(DEEP, net=partial(Deep, 3, 6, 10, norm=False)),
        replace(DEEP, net=partial(Deep, 3, 6, 10)),
    ),
    # epochs
    Case(
        "signs-for-a-single-epoch",
        "CNN",
        "image",
        "too-few-epochs",
        ("epochs",),
        replace(SIGNS, optimizer=adam(1e-3), epochs=1),
        replace(SIGNS, optimizer=adam(1e-3), epochs=20),
    ),
    Case(
        "films-for-one-epoch",
        "MLP",
        "table",
        "too-few-epochs",
        ("epochs",),
        replace(CLIPS, optimizer=sgd(0.05, 0.9), epochs=1),
        replace(CLIPS, optimizer=sgd(0.05, 0.9), epochs=40),
    ),
)
