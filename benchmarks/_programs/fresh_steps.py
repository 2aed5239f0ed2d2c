"""Everyday mistakes in steps: optimisers, learning rates, batches and epochs."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR, LRScheduler, StepLR

from _programs.fresh_data_u import (
    arrows,
    ballistics,
    flats,
    gestures,
    leavers,
    meters,
    notes,
    scrawls,
    spectra,
    tagged,
    topics,
    verses,
    wards,
)
from _programs.fresh_nets_u import Codec, ConvNet, Dense, Reader, Tagger, TextEncoder, WaveNet
from _programs.judging import accuracy, by, copied, explained, sided
from _programs.looping import loader_of, validated
from _programs.losses import places
from _programs.program import Case, Plan, Watch
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = ["CASES"]

_CROSS, _SQUARED, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_ARROWS = Plan(arrows, partial(ConvNet, 4), _CROSS, adam(4e-3), 10, by(accuracy))
_SCRAWLS = Plan(
    scrawls, partial(ConvNet, 10, act=nn.LeakyReLU), _CROSS, sgd(0.05, 0.9), 8, by(accuracy), batch_size=32
)
_FLATS = Plan(flats, partial(Dense, 9, 48, 1, act=nn.SiLU), _SQUARED, rmsprop(2e-3), 25, by(explained))
_LEAVERS = Plan(leavers, partial(Dense, 14, 32, 1), _LOGITS, sgd(0.05, 0.9), 15, by(sided))
_BALLS = Plan(
    ballistics, partial(Dense, 5, 40, 3, act=nn.Tanh), _SQUARED, adam(5e-3), 25, by(explained), batch_size=64
)
_NOTES = Plan(notes, partial(Dense, 20, 32, 6), _LOGITS, adamw(4e-3), 20, by(sided))
_METERS = Plan(meters, partial(Reader, nn.LSTM, 2, 24, 3), _SQUARED, adam(8e-3), 15, by(explained))
_HANDS = Plan(gestures, partial(WaveNet, 2, 4), _CROSS, adam(3e-3), 10, by(accuracy))
_HANDS_GRU = Plan(gestures, partial(Reader, nn.GRU, 2, 24, 4), _CROSS, adam(8e-3), 14, by(accuracy))
_TOPICS = Plan(topics, partial(TextEncoder, 60, 16, 5), _CROSS, adamw(3e-3), 8, by(accuracy))
_TAGGED = Plan(tagged, partial(Tagger, nn.GRU, 30, 12, 20, 4), places, adam(1e-2), 15, by(accuracy))
_VERSES = Plan(
    verses, partial(Tagger, nn.LSTM, 14, 12, 32, 14, both=False), places, adam(1e-2), 15, by(accuracy)
)
_SPECTRA = Plan(spectra, partial(Codec, 40, 40, 6, act=nn.ELU), _SQUARED, adam(4e-3), 20, by(copied))
_WARDS = Plan(wards, partial(Dense, 30, 24, 1), _LOGITS, sgd(0.05, 0.9), 15, by(sided), batch_size=16)


def _features_and_last(model: nn.Module) -> Optimizer:
    """Groups written by hand: the classifier's hidden layer is in none, nor is the first convolution."""
    assert isinstance(model, ConvNet)
    groups = [model.features[2:], model.classifier[-1]]
    return torch.optim.Adam([{"params": group.parameters(), "lr": 4e-3} for group in groups])


def _decoder_only(model: nn.Module) -> Optimizer:
    """ "self.out" copied from another tutorial: words and recurrent weights stay as they were drawn."""
    assert isinstance(model, Tagger)
    return torch.optim.Adam(model.out.parameters(), lr=1e-2)


def _rmsprop_rolling(model: nn.Module) -> Optimizer:
    """RMSprop with a momentum of 0.99: each gradient acts a hundred times."""
    return torch.optim.RMSprop(model.parameters(), lr=2e-3, momentum=0.99)


def _scheduled(
    plan: Plan, schedule: Callable[[Optimizer], LRScheduler], each_batch: bool
) -> Callable[[int, Watch], float]:
    """The usual loop with a scheduler, stepped after each batch or after each epoch."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        scheduler = schedule(optimizer)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                    if each_batch:
                        scheduler.step()
                if not each_batch:
                    scheduler.step()
        return made.score(model)

    return run


def _patient(plan: Plan, patience: int, least: float) -> Callable[[int, Watch], float]:
    """Stops when the validation loss did not fall by `least` for `patience` looks, one look in 20 steps."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        best, waited, steps = math.inf, 0, 0
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                    steps += 1
                    if steps % 20 == 0:
                        model.eval()
                        now = validated(made)
                        model.train()
                        waited = 0 if now < best - least else waited + 1
                        best = min(best, now)
                if waited >= patience:
                    break
        return made.score(model)

    return run


CASES: tuple[Case, ...] = (
    # optimiser
    Case(
        "groups-without-the-hidden-layer",
        "CNN",
        "image",
        "parameters-not-held",
        ("optimiser",),
        replace(_ARROWS, optimizer=_features_and_last),
        _ARROWS,
    ),
    Case(
        "only-the-tags-layer-handed-over",
        "RNN",
        "tokens",
        "parameters-not-held",
        ("optimiser", "architecture"),
        replace(_TAGGED, optimizer=_decoder_only),
        _TAGGED,
    ),
    Case(
        "rmsprop-with-heavy-momentum",
        "MLP",
        "table",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_FLATS, optimizer=_rmsprop_rolling),
        _FLATS,
    ),
    Case(
        "epsilon-of-a-half-on-texts",
        "Transformer",
        "tokens",
        "optimiser-constants",
        ("optimiser", "learning rate"),
        replace(_TOPICS, optimizer=adam(3e-3, eps=0.5)),
        replace(_TOPICS, optimizer=adam(3e-3)),
    ),
    Case(
        "both-betas-of-three-nines",
        "RNN",
        "sequence",
        "optimiser-constants",
        ("optimiser",),
        replace(_METERS, optimizer=adam(8e-3, betas=(0.999, 0.999))),
        _METERS,
    ),
    # learning rate
    Case(
        "momentum-given-as-the-rate",
        "MLP",
        "table",
        "rate-too-high",
        ("learning rate", "optimiser"),
        replace(_BALLS, net=partial(Dense, 5, 40, 3, depth=3), optimizer=sgd(0.9, 0.01)),
        replace(_BALLS, net=partial(Dense, 5, 40, 3, depth=3), optimizer=sgd(0.01, 0.9)),
    ),
    Case(
        "adam-at-a-tenth-on-pictures",
        "CNN",
        "image",
        "rate-too-high",
        ("learning rate",),
        replace(_ARROWS, optimizer=adam(0.1)),
        _ARROWS,
    ),
    Case(
        "rate-of-fine-tuning-from-scratch",
        "Transformer",
        "tokens",
        "rate-too-low",
        ("learning rate", "epochs"),
        replace(_TOPICS, optimizer=adamw(2e-5)),
        _TOPICS,
    ),
    Case(
        "plain-descent-at-a-ten-thousandth",
        "CNN",
        "image",
        "rate-too-low",
        ("learning rate", "epochs"),
        replace(_SCRAWLS, optimizer=sgd(1e-4)),
        replace(_SCRAWLS, optimizer=sgd(0.1), epochs=12),
    ),
    Case(
        "epochs-of-a-schedule-counted-in-batches",
        "RNN",
        "sequence",
        "rate-decays-too-fast",
        ("learning rate",),
        _scheduled(_HANDS_GRU, partial(StepLR, step_size=12, gamma=0.2), True),
        _scheduled(_HANDS_GRU, partial(StepLR, step_size=12, gamma=0.2), False),
    ),
    Case(
        "a-third-of-the-rate-after-each-epoch",
        "MLP",
        "table",
        "rate-decays-too-fast",
        ("learning rate",),
        _scheduled(replace(_SPECTRA, optimizer=adam(2e-3)), partial(ExponentialLR, gamma=0.3), False),
        _scheduled(replace(_SPECTRA, optimizer=adam(2e-3)), partial(ExponentialLR, gamma=0.95), False),
    ),
    # batch
    Case(
        "two-customers-a-step",
        "MLP",
        "table",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(_LEAVERS, batch_size=2, epochs=4),
        _LEAVERS,
    ),
    Case(
        "one-household-a-step",
        "RNN",
        "sequence",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(_METERS, optimizer=adam(1.5e-2), batch_size=1, epochs=2),
        replace(_METERS, optimizer=adam(1.5e-2)),
    ),
    Case(
        "whole-table-a-step",
        "MLP",
        "table",
        "batch-too-large",
        ("batch", "learning rate", "epochs"),
        replace(_NOTES, optimizer=sgd(0.2), batch_size=640, epochs=100),
        replace(_NOTES, optimizer=sgd(0.2), batch_size=32, epochs=40),
    ),
    Case(
        "all-pictures-in-one-batch",
        "CNN",
        "image",
        "batch-too-large",
        ("batch", "learning rate", "epochs"),
        replace(_SCRAWLS, optimizer=sgd(0.1), batch_size=960, epochs=100),
        replace(_SCRAWLS, optimizer=sgd(0.1), batch_size=32, epochs=15),
    ),
    Case(
        "throws-all-at-once",
        "MLP",
        "table",
        "batch-too-large",
        ("batch", "learning rate", "epochs"),
        replace(_BALLS, optimizer=adam(1e-3), batch_size=704, epochs=100),
        replace(_BALLS, optimizer=adam(1e-3), batch_size=16, epochs=30),
    ),
    Case(
        "one-throw-a-step",
        "MLP",
        "table",
        "batch-too-small",
        ("batch", "learning rate"),
        replace(_BALLS, optimizer=sgd(0.03, 0.9), batch_size=1, epochs=2),
        replace(_BALLS, optimizer=sgd(0.03, 0.9), batch_size=32, epochs=25),
    ),
    # epochs
    Case(
        "rents-for-three-epochs",
        "MLP",
        "table",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(_FLATS, optimizer=adam(5e-4), batch_size=16, epochs=3),
        replace(_FLATS, optimizer=adam(5e-4), batch_size=16, epochs=40),
    ),
    Case(
        "texts-twice-over",
        "Transformer",
        "tokens",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(_TOPICS, optimizer=adamw(1e-3), batch_size=16, epochs=3),
        replace(_TOPICS, optimizer=adamw(1e-3), batch_size=16, epochs=12),
    ),
    Case(
        "patience-of-one-look",
        "CNN",
        "image",
        "too-few-epochs",
        ("epochs",),
        _patient(replace(_ARROWS, optimizer=adam(5e-4), epochs=40), 1, 0.05),
        _patient(replace(_ARROWS, optimizer=adam(5e-4), epochs=40), 8, 0.001),
    ),
    Case(
        "tags-for-three-epochs",
        "RNN",
        "tokens",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(_TAGGED, optimizer=adam(1.5e-3), batch_size=8, epochs=3),
        replace(_TAGGED, optimizer=adam(1.5e-3), batch_size=8, epochs=11),
    ),
    Case(
        "households-three-times-over",
        "RNN",
        "sequence",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(_METERS, optimizer=adam(1e-3), batch_size=16, epochs=3),
        replace(_METERS, optimizer=adam(1e-3), batch_size=16, epochs=25),
    ),
    Case(
        "scrawls-for-four-epochs",
        "CNN",
        "image",
        "too-few-epochs",
        ("epochs", "learning rate"),
        replace(_SCRAWLS, optimizer=sgd(3e-3, 0.9), epochs=4),
        replace(_SCRAWLS, optimizer=sgd(3e-3, 0.9), epochs=20),
    ),
)
