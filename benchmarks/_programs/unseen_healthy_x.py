"""Sound trainings: everyday ones, and loops by hand with habits that look odd and are right."""

import copy
import math
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from _programs.program import Made, Program, Watch
from _programs.stepping import Make, adam, adamw, rmsprop, sgd
from _programs.unseen_nets_x import Remembering, layers, looking
from _programs.unseen_plans_x import (
    ARMS,
    CALLS,
    HEAT,
    SCANS,
    SLOGANS,
    SPECKS,
    SPECTRA,
    SWITCHES,
    TUNES,
    VISITORS,
)

__all__ = ["HEALTHY"]


def _loading(made: Made, seed: int) -> DataLoader:
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    assert isinstance(made.data, tuple)
    return DataLoader(TensorDataset(*made.data), made.batch_size, shuffle=True, generator=draw)


def _asked(made: Made) -> float:
    made.model.eval()
    with torch.no_grad():
        loss = float(made.loss_fn(made.model(made.validation[0]), made.validation[1]))
    made.model.train()
    return loss


def _gathered(seed: int, watch: Watch) -> float:
    """Two small batches a step, their mean; the rate rises over 40 steps and falls along a cosine; lengths
    of gradients are limited.
    """
    made = replace(SLOGANS, optimizer=adamw(4e-3), batch_size=16, epochs=10)(seed)
    model, loader, every = made.model, _loading(made, seed), 2
    optimizer = made.optimizer(model)
    steps = made.epochs * len(loader) // every

    def share(step: int) -> float:
        return min((step + 1) / 40, 0.5 + 0.5 * math.cos(math.pi * min(step / steps, 1.0)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    with watch(
        model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=every
    ) as w:
        for _ in range(made.epochs):
            for k, (x, y) in enumerate(loader, 1):
                (w.loss(model(x), y) / every).backward()
                if k % every == 0 or k == len(loader):
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    scheduler.step()
                    optimizer.zero_grad(set_to_none=True)
    return made.score(model)


def _averaged(seed: int, watch: Watch) -> float:
    """A second network holds a running mean of the weights, and is the one that is used."""
    made = replace(CALLS, optimizer=adam(4e-3), epochs=15)(seed)
    model, loader = made.model, _loading(made, seed)
    mean = copy.deepcopy(model)
    optimizer = made.optimizer(model)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
                with torch.no_grad():
                    for slow, fast in zip(mean.parameters(), model.parameters(), strict=True):
                        slow.lerp_(fast, 0.05)
    return made.score(mean)


def _thawed(seed: int, watch: Watch) -> float:
    """The head is fitted for two epochs while the convolutions stand still, then all of it is."""
    made = replace(SCANS, optimizer=adam(2e-3), epochs=12)(seed)
    model, loader = made.model, _loading(made, seed)
    assert isinstance(model, nn.Sequential)
    optimizer = made.optimizer(model)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for epoch in range(made.epochs):
            model[:4].requires_grad_(epoch >= 2)
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
    return made.score(model)


def _stopped(seed: int, watch: Watch) -> float:
    """The rate is halved where the validation loss stands still; the best weights are put back at the end."""
    made = replace(HEAT, net=partial(Remembering, nn.LSTM, 2, 24, 3), optimizer=adam(1e-2), epochs=25)(seed)
    model, loader = made.model, _loading(made, seed)
    optimizer = made.optimizer(model)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2)
    best, kept, since = float("inf"), copy.deepcopy(model.state_dict()), 0
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                nn.utils.clip_grad_value_(model.parameters(), 0.5)
                optimizer.step()
            now = _asked(made)
            scheduler.step(now)
            since += 1
            if now < best:
                best, kept, since = now, copy.deepcopy(model.state_dict()), 0
            if since >= 8:
                break
    model.load_state_dict(kept)
    return made.score(model)


def _two_rates(lr: float, slower: float) -> Make:
    """Embeddings and places at a lower rate, weights alone decayed."""

    def make(model: nn.Module) -> torch.optim.Optimizer:
        named = list(model.named_parameters())
        low = [p for name, p in named if name.startswith(("enter", "places"))]
        rest = [p for name, p in named if not name.startswith(("enter", "places"))]
        return torch.optim.AdamW(
            [
                {"params": low, "lr": lr * slower, "weight_decay": 0.0},
                {"params": [p for p in rest if p.ndim > 1], "weight_decay": 0.05},
                {"params": [p for p in rest if p.ndim < 2], "weight_decay": 0.0},
            ],
            lr=lr,
        )

    return make


def _nadam(lr: float) -> Make:
    return lambda model: torch.optim.NAdam(model.parameters(), lr=lr)


HEALTHY: tuple[Program, ...] = (
    Program("slogans-gathered-and-warmed-up", "Transformer", "tokens", run=_gathered),
    Program("calls-by-averaged-weights", "CNN", "sequence", run=_averaged),
    Program("scans-with-convolutions-thawed", "CNN", "image", run=_thawed),
    Program("heat-stopped-at-its-best", "RNN", "sequence", run=_stopped),
    Program(
        "arms-by-nadam",
        "MLP",
        "table",
        build=replace(ARMS, net=partial(layers, 3, 32, 32, 2, act=nn.SiLU), optimizer=_nadam(4e-3)),
    ),
    Program(
        "spectra-under-layer-norms",
        "MLP",
        "sequence",
        build=replace(
            SPECTRA,
            net=partial(layers, 48, 32, 32, 2, norm=nn.LayerNorm),
            optimizer=sgd(0.02, 0.9, nesterov=True),
        ),
    ),
    Program(
        "visitors-foretold",
        "MLP",
        "table",
        build=replace(VISITORS, optimizer=adamw(2e-3), batch_size=64, epochs=25),
    ),
    Program(
        "specks-counted-under-norms",
        "CNN",
        "image",
        build=replace(
            SPECKS, net=partial(looking, 14, 1, filters=6, norm=True), optimizer=adam(3e-3), epochs=15
        ),
    ),
    Program(
        "switches-by-a-gru-and-rmsprop",
        "RNN",
        "tokens",
        build=replace(
            SWITCHES,
            net=partial(Remembering, nn.GRU, 10, 28, 4, words=24, each=True),
            optimizer=rmsprop(5e-3),
            batch_size=16,
            epochs=15,
        ),
    ),
    Program(
        "tunes-at-two-rates",
        "Transformer",
        "tokens",
        build=replace(TUNES, optimizer=_two_rates(4e-3, 0.5)),
    ),
)
