"""Mistakes in labels, optimisers, rates, batches, penalties and epochs, each beside the same without."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from _programs.judging import by, explained
from _programs.program import Case, Pair, Plan, Rows
from _programs.stepping import Make, adam, adamw, rmsprop, sgd
from _programs.unseen_data_x import calls, changed, orchards, scans, slogans, spectra, sugar, weaves
from _programs.unseen_nets_x import Attending, layers, looking
from _programs.unseen_plans_x import (
    ARMS,
    CALLS,
    HEAT,
    LOANS,
    ORCHARDS,
    RECIPES,
    SCANS,
    SLOGANS,
    SPECKS,
    SPECTRA,
    SWITCHES,
    TUNES,
    VISITORS,
    WEAVES,
)

__all__ = ["CASES"]


def _by_name(rows: Pair) -> Pair:
    """Pictures as their files are listed, 0, 1, 10, 100, ...; labels as they are numbered."""
    order = torch.tensor(sorted(range(len(rows[0])), key=str))
    return rows[0][order], rows[1]


def _listed(seed: int) -> Rows:
    rows = scans(seed)
    return changed(rows, _by_name(rows.train), _by_name(rows.valid))


def _late(rows: Pair) -> Pair:
    """One file has a line of titles, the other has none: the first label is lost, the last is doubled."""
    return rows[0], torch.cat([rows[1][1:], rows[1][-1:]])


def _one_line(seed: int) -> Rows:
    rows = calls(seed)
    return changed(rows, _late(rows.train), _late(rows.valid))


def _twice(rows: Pair) -> Pair:
    """Two people labelled all rows; the second one counts the ways from another side."""
    return torch.cat([rows[0]] * 2), torch.cat([rows[1], (rows[1] + 1) % 4])


def _two_people(seed: int) -> Rows:
    rows = weaves(seed, n=700)
    return changed(rows, _twice(rows.train), _twice(rows.valid))


def _once_each(seed: int) -> Rows:
    rows = weaves(seed, n=700)
    first = torch.cat([rows.train[0]] * 2), torch.cat([rows.train[1]] * 2)
    return changed(rows, first, rows.valid)


def _guessed(rows: Pair, seed: int, share: float) -> Pair:
    draw = np.random.default_rng([seed, 731])
    guess = torch.from_numpy(draw.integers(3, size=len(rows[1])))
    return rows[0], torch.where(torch.from_numpy(draw.random(len(rows[1])) < share), guess, rows[1])


def _crowd(seed: int) -> Rows:
    rows = slogans(seed)
    return changed(rows, _guessed(rows.train, seed, 0.55), _guessed(rows.valid, seed + 1, 0.55))


def _mixed_up(rows: Pair, seed: int, share: float = 0.4) -> Pair:
    draw = np.random.default_rng([seed, 732])
    taken = np.flatnonzero(draw.random(len(rows[1])) < share)
    targets = rows[1].clone()
    targets[taken] = rows[1][np.roll(taken, len(taken) // 3)]
    return rows[0], targets


def _racked(seed: int) -> Rows:
    rows = spectra(seed)
    return changed(rows, _mixed_up(rows.train, seed), _mixed_up(rows.valid, seed + 1))


def _head_only(lr: float) -> Make:
    """The line of a fine-tuning: what is moved is the head."""
    return lambda model: torch.optim.Adam(model.head.parameters(), lr=lr)


_SEEN = replace(SCANS, net=partial(looking, 8, 10, act=nn.Tanh), optimizer=sgd(0.02, 0.9))
_QUICK = replace(ORCHARDS, optimizer=sgd(0.05), epochs=40)
_FROM_NEW = replace(SPECKS, epochs=12)
_READ = replace(SLOGANS, rows=partial(slogans, n=2200), epochs=7)
_SLIDING = replace(HEAT, optimizer=rmsprop(3e-3), epochs=15)
_WOVEN = replace(WEAVES, net=partial(looking, 10, 4, norm=True), optimizer=sgd(0.05, 0.9), epochs=10)
_SUGAR = Plan(sugar, partial(layers, 10, 16, 1, act=nn.Tanh), nn.MSELoss(), sgd(0.05), 20, by(explained), 16)
_MUCH = Plan(sugar, partial(layers, 10, 64, 64, 1), nn.MSELoss(), adam(2e-3), 6, by(explained), 16)
_CALLED = replace(CALLS, optimizer=adamw(3e-3, 0.01))
_REACHED = replace(ARMS, net=partial(layers, 3, 64, 64, 2, drop=0.0))
_FEW = replace(
    ORCHARDS,
    rows=partial(orchards, n=500, noise=1.5),
    net=partial(layers, 7, 96, 96, 1, drop=0.4),
    optimizer=adamw(1e-3, 0.1),
    epochs=120,
)

CASES: tuple[Case, ...] = (
    # labels
    Case(
        "scans-listed-as-words",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels",),
        replace(SCANS, rows=_listed),
        SCANS,
    ),
    Case(
        "calls-one-line-late",
        "CNN",
        "sequence",
        "labels-shifted",
        ("labels",),
        replace(CALLS, rows=_one_line),
        CALLS,
    ),
    Case(
        "cloth-labelled-by-two-people",
        "CNN",
        "image",
        "labels-conflicting",
        ("labels",),
        replace(WEAVES, rows=_two_people),
        replace(WEAVES, rows=_once_each),
    ),
    Case(
        "slogans-labelled-by-guessing",
        "Transformer",
        "tokens",
        "labels-noisy",
        ("labels", "regularisation"),
        replace(SLOGANS, rows=_crowd),
        SLOGANS,
    ),
    Case(
        "samples-mixed-up-in-the-rack",
        "MLP",
        "sequence",
        "labels-noisy",
        ("labels", "regularisation"),
        replace(SPECTRA, rows=_racked),
        SPECTRA,
    ),
    # optimiser
    Case(
        "switches-by-the-head-alone",
        "RNN",
        "tokens",
        "parameters-not-held",
        ("optimiser",),
        replace(SWITCHES, optimizer=_head_only(1e-2)),
        SWITCHES,
    ),
    Case(
        "epsilon-of-another-recipe",
        "CNN",
        "tokens",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(RECIPES, optimizer=adam(2e-3, eps=1.0)),
        replace(RECIPES, optimizer=adam(2e-3)),
    ),
    Case(
        "momentum-with-a-nine-too-many",
        "CNN",
        "image",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_SEEN, optimizer=sgd(0.02, 0.999)),
        _SEEN,
    ),
    Case(
        "betas-the-other-way-round",
        "Transformer",
        "tokens",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(TUNES, optimizer=adam(3e-3, betas=(0.999, 0.9))),
        TUNES,
    ),
    # learning rate
    Case(
        "slogans-at-a-tenth",
        "Transformer",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        replace(_READ, optimizer=adam(0.1)),
        replace(_READ, optimizer=adam(2e-3)),
    ),
    Case(
        "heat-at-a-rate-of-sgd",
        "RNN",
        "sequence",
        "rate-too-high",
        ("learning rate",),
        replace(_SLIDING, optimizer=rmsprop(0.1)),
        _SLIDING,
    ),
    Case(
        "orchards-by-sgd-at-adam-s-rate",
        "MLP",
        "table",
        "rate-too-low",
        ("learning rate", "epochs"),
        replace(_QUICK, optimizer=sgd(1e-3)),
        _QUICK,
    ),
    Case(
        "specks-at-a-rate-of-fine-tuning",
        "CNN",
        "image",
        "rate-too-low",
        ("learning rate", "epochs"),
        replace(_FROM_NEW, optimizer=adam(1e-5)),
        _FROM_NEW,
    ),
    # batch
    Case(
        "loans-all-at-once",
        "MLP",
        "table",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(LOANS, batch_size=992),
        LOANS,
    ),
    Case(
        "switches-by-two-batches-an-epoch",
        "RNN",
        "tokens",
        "batch-too-large",
        ("batch", "epochs", "learning rate"),
        replace(SWITCHES, batch_size=176, optimizer=adam(3e-3), epochs=15),
        replace(SWITCHES, batch_size=16, optimizer=adam(3e-3), epochs=15),
    ),
    Case(
        "sugar-one-patient-a-step",
        "MLP",
        "table",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(_SUGAR, batch_size=1),
        _SUGAR,
    ),
    Case(
        "norms-of-two-pieces-of-cloth",
        "CNN",
        "image",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        replace(_WOVEN, batch_size=2, epochs=5),
        replace(_WOVEN, epochs=5),
    ),
    # regularisation
    Case(
        "hands-found-through-heavy-dropout",
        "MLP",
        "table",
        "dropout-too-strong",
        ("regularisation",),
        replace(_REACHED, net=partial(layers, 3, 64, 64, 2, drop=0.7)),
        _REACHED,
    ),
    Case(
        "notes-crossed-out",
        "Transformer",
        "tokens",
        "dropout-too-strong",
        ("regularisation", "data"),
        replace(TUNES, net=partial(Attending, 18, 12, width=32, words=12, each=True, drop_words=0.7)),
        TUNES,
    ),
    Case(
        "orchards-with-measures-missing",
        "MLP",
        "table",
        "dropout-too-strong",
        ("regularisation", "data"),
        replace(ORCHARDS, net=partial(layers, 7, 48, 48, 1, first_drop=0.5)),
        ORCHARDS,
    ),
    Case(
        "calls-under-heavy-decay",
        "CNN",
        "sequence",
        "penalty-too-strong",
        ("regularisation",),
        replace(_CALLED, optimizer=adamw(3e-3, 20.0)),
        _CALLED,
    ),
    Case(
        "few-orchards-without-dropout",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs", "architecture"),
        replace(_FEW, net=partial(layers, 7, 96, 96, 1)),
        _FEW,
    ),
    # epochs
    Case(
        "switches-read-twice",
        "RNN",
        "tokens",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(SWITCHES, optimizer=adam(3e-3), epochs=3),
        replace(SWITCHES, optimizer=adam(3e-3), epochs=25),
    ),
    Case(
        "visitors-after-two-epochs",
        "MLP",
        "table",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(VISITORS, optimizer=adam(5e-4), epochs=2),
        replace(VISITORS, optimizer=adam(5e-4), epochs=40),
    ),
    Case(
        "patients-seen-far-too-often",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs"),
        replace(_MUCH, epochs=100),
        _MUCH,
    ),
)
