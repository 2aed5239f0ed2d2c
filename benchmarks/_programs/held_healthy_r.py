"""Trainings without mistakes: uncommon but sound habits in loops of people's own, and common plans."""

import math
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from _programs.held_data_steps import (
    bends,
    cultivars,
    gratings,
    lines_of_digits,
    matched_brackets,
    prevailing,
    seasons,
    sensors,
    spectra,
    sugar,
    tagged,
    tilted,
    tumours,
)
from _programs.held_looping import at_each, right_share
from _programs.held_nets_steps import Copier, Forecaster, Reader, Tagger, Tuned, dense, grid, line, xavier
from _programs.judging import accuracy, by, copied, explained, sided
from _programs.looping import loader_of, validated
from _programs.program import Plan, Program, Watch
from _programs.stepping import adam, adamw, lbfgs, rmsprop, sgd

__all__ = ["HEALTHY"]

_CROSS, _SQUARES, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_SEASONS = Plan(
    partial(seasons, n=800, length=14),
    partial(Forecaster, nn.GRU, 1, 20, 3),
    _SQUARES,
    adam(2e-2),
    9,
    by(explained),
    8,
)
_DEPTH = Plan(
    partial(matched_brackets, n=1000),
    partial(Reader, 5, 12, 5, each=True, layers=2, pre=False),
    _CROSS,
    adamw(5e-3),
    11,
    by(at_each),
    20,
)
_STRIPES = Plan(gratings, partial(grid, 6, norm=True), _CROSS, adam(3e-3), 9, by(accuracy))
_TUNED = Plan(
    lines_of_digits,
    lambda: Tuned(nn.Sequential(nn.Flatten(), dense(64, 64, 48, norm=nn.BatchNorm1d)), 48, 5),
    _CROSS,
    adam(3e-3),
    12,
    by(accuracy),
)
_GROUPS = Plan(prevailing, partial(Reader, 30, 12, 3), _CROSS, adam(3e-3), 10, by(accuracy))
_BEAM = Plan(
    partial(bends, n=800),
    partial(dense, 6, 24, 24, 3, act=nn.Tanh),
    _SQUARES,
    lbfgs(1.0, 4),
    100,
    by(explained),
)


def _gathered_and_clipped(seed: int, watch: Watch) -> float:
    """Four small batches make a step, their mean is taken, long gradients are cut to length 1."""
    made, many = _SEASONS(seed), 4
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=many) as w:
        for _ in range(made.epochs):
            optimizer.zero_grad()
            for k, (past, future) in enumerate(loader, 1):
                (w.loss(model(past), future) / many).backward()
                if k % many == 0:
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    optimizer.zero_grad()
            validated(made)
    return made.score(model)


def _warmed_and_cooled(seed: int, watch: Watch) -> float:
    """The rate rises for 60 steps and falls along a cosine to nothing at the last one."""
    made = _DEPTH(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    warm, total = 60, made.epochs * len(loader)

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 + 0.5 * math.cos(math.pi * (step - warm) / (total - warm))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for tokens, depths in loader:
                optimizer.zero_grad(set_to_none=True)
                w.loss(model(tokens), depths).backward()
                optimizer.step()
                scheduler.step()
    return made.score(model)


def _two_groups(seed: int, watch: Watch) -> float:
    """Matrices and filters decay, biases and norms do not and step twice as far; modes are switched."""
    made = _STRIPES(seed)
    model = made.model
    wide = [p for p in model.parameters() if p.ndim > 1]
    flat = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": wide, "weight_decay": 0.02}, {"params": flat, "weight_decay": 0.0, "lr": 6e-3}]
    optimizer = torch.optim.AdamW(groups, lr=3e-3)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for images, kinds in loader:
                loss = w.loss(model(images), kinds)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            validated(made)
    return made.score(model)


def _frozen_body(seed: int, watch: Watch) -> float:
    """A body that learnt pairs of digits stays as it is, in evaluation mode; a new head learns all ten."""
    made = _TUNED(seed)
    model = made.model
    assert isinstance(model, Tuned)
    torch.manual_seed(seed)
    first = made.optimizer(model)
    loader = loader_of(made, seed)
    for _ in range(4):
        for lines, digits in loader:
            first.zero_grad()
            _CROSS(model(lines), digits // 2).backward()
            first.step()
    model.head = nn.Linear(48, 10)
    model.body.requires_grad_(False)
    optimizer = torch.optim.SGD(model.head.parameters(), lr=0.1, momentum=0.9)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            model.body.eval()
            for lines, digits in loader:
                optimizer.zero_grad()
                w.loss(model(lines), digits).backward()
                optimizer.step()
            right_share(model, made.validation)
    return made.score(model)


def _average_judged(seed: int, watch: Watch) -> float:
    """A moving average of the weights is kept beside the network; it is what is judged."""
    made = _GROUPS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.97))
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for tokens, group in loader:
                optimizer.zero_grad()
                w.loss(model(tokens), group).backward()
                optimizer.step()
                average.update_parameters(model)
            right_share(average, made.validation)
    return made.score(average)


def _closures(seed: int, watch: Watch) -> float:
    """All rows at once, steps of L-BFGS, which asks for the loss as often as it likes."""
    made = _BEAM(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    rows = _BEAM.rows(seed)
    with watch(model, optimizer, made.loss_fn, data=rows.train, validation=made.validation) as w:
        for _ in range(made.epochs):

            def closure() -> Any:
                optimizer.zero_grad()
                loss = w.loss(model(rows.train[0]), rows.train[1])
                loss.backward()
                return loss

            optimizer.step(closure)
    return made.score(model)


_PLANS = (
    Program(
        "wine-by-full-batches",
        "MLP",
        "table",
        build=Plan(
            cultivars, partial(dense, 13, 12, 3, act=nn.Tanh), _CROSS, adam(1e-2), 120, by(accuracy), 128
        ),
    ),
    Program(
        "noisy-sugar-by-a-small-network",
        "MLP",
        "table",
        build=Plan(
            sugar,
            partial(dense, 10, 6, 1),
            _SQUARES,
            sgd(0.01, 0.9, weight_decay=0.02),
            20,
            by(explained),
            16,
        ),
    ),
    Program(
        "biopsies-four-at-a-time",
        "MLP",
        "table",
        build=Plan(
            tumours, partial(dense, 30, 16, 16, 1, act=nn.LeakyReLU), _LOGITS, sgd(0.02), 10, by(sided), 4
        ),
    ),
    Program(
        "tags-from-both-sides-with-dropout",
        "RNN",
        "tokens",
        build=Plan(tagged, partial(Tagger, 16, 16, 24, 4, 0.1), _CROSS, rmsprop(5e-3), 16, by(at_each)),
    ),
    Program(
        "tilts-by-leaky-filters",
        "CNN",
        "image",
        build=Plan(
            tilted,
            partial(grid, 2, act=nn.LeakyReLU),
            _SQUARES,
            sgd(0.03, 0.9),
            12,
            by(explained),
            32,
            xavier,
        ),
    ),
    Program(
        "sensors-through-five-numbers",
        "MLP",
        "table",
        build=Plan(sensors, partial(Copier, 24, 40, 5, nn.SiLU), _SQUARES, adamw(5e-3), 30, by(copied), 48),
    ),
    Program(
        "smoothed-counts-of-peaks",
        "CNN",
        "sequence",
        build=Plan(
            partial(spectra, n=1400, length=30, noise=0.08),
            partial(line, 4, 8, norm=True),
            nn.CrossEntropyLoss(label_smoothing=0.05),
            adam(5e-3),
            12,
            by(accuracy),
        ),
    ),
)

HEALTHY: tuple[Program, ...] = (
    Program("gathered-and-clipped", "RNN", "sequence", run=_gathered_and_clipped),
    Program("warmed-and-cooled", "Transformer", "tokens", run=_warmed_and_cooled),
    Program("two-groups", "CNN", "image", run=_two_groups),
    Program("frozen-body", "MLP", "image", run=_frozen_body),
    Program("average-judged", "Transformer", "tokens", run=_average_judged),
    Program("closures", "MLP", "table", run=_closures),
    *_PLANS,
)
