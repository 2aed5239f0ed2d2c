"""Trainings without a mistake: everyday ones, and some that are unusual and right."""

import copy
import math
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.optim import lr_scheduler

from _programs.blind_data_e import digits_to_copy, irises, vineyards
from _programs.blind_nets_e import Autoencoder, ConvNet, Deep, Forecaster, Mlp, Signal, Words
from _programs.blind_plans_e import (
    BUILDINGS,
    CHORDS,
    CLIPS,
    DEEP,
    FIXINGS,
    KINDS,
    MAILS,
    PIXELS,
    RENTALS,
    ROADS,
    SIGNS,
    SOILS,
    STAYS,
    TUNES,
    WRISTS,
    WRISTS_LSTM,
)
from _programs.judging import accuracy, by, copied
from _programs.looping import loader_of, validated
from _programs.program import Plan, Program, Watch
from _programs.stepping import Make, adam, adamw, lbfgs, rmsprop, sgd

__all__ = ["HEALTHY"]


def _nadam(lr: float) -> Make:
    return lambda model: torch.optim.NAdam(model.parameters(), lr=lr)


def _grouped(model: nn.Module) -> torch.optim.Optimizer:
    """Weights decay, biases do not."""
    weights = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": weights, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}], lr=2e-3
    )


def _cosine_with_warmup(seed: int, watch: Watch) -> float:
    """Mails: fifty steps of warm-up, then a cosine down to nothing; norms are clipped at 1."""
    made = replace(MAILS, optimizer=adamw(4e-3), epochs=12)(seed)
    model, loader = made.model, loader_of(made, seed)
    optimizer = made.optimizer(model)
    steps = made.epochs * len(loader)

    def factor(step: int) -> float:
        return (step + 1) / 50 if step < 50 else 0.5 * (1 + math.cos(math.pi * (step - 50) / (steps - 50)))

    scheduler = lr_scheduler.LambdaLR(optimizer, factor)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for x, y in loader:
                optimizer.zero_grad(set_to_none=True)
                loss = w.loss(model(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
    return made.score(model)


def _early_stopped(seed: int, watch: Watch) -> float:
    """Stays with dropout: stops after eight epochs without a better loss, keeps the best weights."""
    made = replace(STAYS, net=partial(Mlp, 12, 1, 64, 32, drop=0.2), epochs=60)(seed)
    model, loader = made.model, loader_of(made, seed)
    optimizer = made.optimizer(model)
    best, kept, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
            model.eval()
            now = validated(made)
            waited += 1
            if now < best:
                best, kept, waited = now, copy.deepcopy(model.state_dict()), 0
            if waited == 8:
                break
    model.load_state_dict(kept)
    return made.score(model)


def _gathered(seed: int, watch: Watch) -> float:
    """Signs by four batches of eight a step, each loss divided by four."""
    made = SIGNS(seed)
    model, loader = made.model, loader_of(made, seed, batch_size=8)
    optimizer = made.optimizer(model)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=4) as w:
        for _ in range(made.epochs):
            for k, (x, y) in enumerate(loader):
                (w.loss(model(x), y) / 4).backward()
                if k % 4 == 3:
                    optimizer.step()
                    optimizer.zero_grad()
    return made.score(model)


def _plateaus(seed: int, watch: Watch) -> float:
    """Buildings by momentum; the rate is cut where validation does not improve for four epochs."""
    made = replace(BUILDINGS, optimizer=sgd(0.03, 0.9), epochs=40)(seed)
    model, loader = made.model, loader_of(made, seed)
    optimizer = made.optimizer(model)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=4)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
            scheduler.step(validated(made))
    return made.score(model)


_IRISES = Plan(irises, partial(Mlp, 4, 3, 8), nn.CrossEntropyLoss(), adam(1e-2), 60, by(accuracy), 16)
_VINES = Plan(vineyards, partial(Mlp, 13, 3), nn.CrossEntropyLoss(), lbfgs(0.5), 12, by(accuracy), 96)
_COPIES = Plan(digits_to_copy, partial(Autoencoder, 64, 64, 16), nn.MSELoss(), adam(3e-3), 40, by(copied), 32)

HEALTHY: tuple[Program, ...] = (
    Program("irises-by-adam", "MLP", "table", build=_IRISES),
    Program("wines-of-three-by-a-linear-model", "MLP", "table", build=_VINES),
    Program("biopsies-by-nadam", "MLP", "table", build=replace(FIXINGS, optimizer=_nadam(2e-3))),
    Program("hires-of-an-hour-counted", "MLP", "table", build=RENTALS),
    Program(
        "films-decayed-but-for-biases", "MLP", "table", build=replace(CLIPS, optimizer=_grouped, epochs=25)
    ),
    Program(
        "soils-under-batch-norms",
        "MLP",
        "table",
        build=replace(SOILS, net=partial(Mlp, 10, 6, 64, 64, norm=True), batch_size=64),
    ),
    Program("digits-through-sixteen-numbers", "MLP", "image", build=_COPIES),
    Program("buildings-cut-on-plateaus", "MLP", "table", run=_plateaus),
    Program("stays-stopped-in-time", "MLP", "table", run=_early_stopped),
    Program(
        "digits-by-rmsprop",
        "CNN",
        "image",
        build=replace(PIXELS, net=partial(ConvNet, 1, 8, 10, drop=0.2), optimizer=rmsprop(1e-3), epochs=20),
    ),
    Program("signs-by-seven-convolutions", "CNN", "image", build=replace(DEEP, net=partial(Deep, 3, 6, 6))),
    Program("signs-gathered-and-divided", "CNN", "image", run=_gathered),
    Program(
        "wrists-by-convolutions-under-norms",
        "CNN",
        "sequence",
        build=replace(WRISTS, net=partial(Signal, 3, 5, norm=True), optimizer=sgd(0.05, 0.9)),
    ),
    Program("wrists-by-long-memory", "RNN", "sequence", build=replace(WRISTS_LSTM, epochs=30)),
    Program(
        "roads-by-robust-errors",
        "RNN",
        "sequence",
        build=replace(ROADS, net=partial(Forecaster, 1, 32, 4, nn.LSTM), loss=nn.SmoothL1Loss(), epochs=20),
    ),
    Program("first-notes-kept-in-mind", "RNN", "tokens", build=CHORDS),
    Program("kinds-of-words-from-both-ends", "RNN", "tokens", build=KINDS),
    Program("mails-warmed-up-and-cooled-down", "Transformer", "tokens", run=_cosine_with_warmup),
    Program(
        "next-notes-by-two-layers",
        "Transformer",
        "tokens",
        build=replace(
            TUNES, net=partial(Words, 14, 14, 18, width=32, layers=2, each=True), optimizer=adamw(2e-3)
        ),
    ),
)
