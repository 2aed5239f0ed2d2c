"""Everyday trainings with nothing wrong; some loops have sound habits that are not everybody's."""

import copy
import math
from functools import partial

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from _programs.fresh_data_u import (
    arrows,
    ballistics,
    flats,
    gestures,
    leavers,
    meters,
    scrawls,
    spectra,
    tagged,
    topics,
    verses,
)
from _programs.fresh_nets_u import Codec, ConvNet, Dense, Reader, Tagger, TextEncoder, WaveNet
from _programs.judging import accuracy, by, copied, explained, sided
from _programs.looping import loader_of, validated
from _programs.losses import places
from _programs.program import Plan, Program, Watch
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = ["HEALTHY"]

_CROSS, _SQUARED, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_SCRAWLS = Plan(
    scrawls, partial(ConvNet, 10, norm=nn.BatchNorm2d, dropout=0.1), _CROSS, sgd(0.03, 0.9), 7, by(accuracy)
)
_LEAVERS = Plan(
    leavers, partial(Dense, 14, 40, 1, act=nn.GELU, dropout=0.1), _LOGITS, adamw(3e-3), 15, by(sided)
)
_BALLS = Plan(ballistics, partial(Dense, 5, 40, 3, act=nn.ELU), _SQUARED, rmsprop(2e-3), 25, by(explained))
_HANDS = Plan(gestures, partial(WaveNet, 2, 4, act=nn.LeakyReLU), _CROSS, adam(2e-3), 8, by(accuracy))
_VERSES = Plan(
    verses, partial(Tagger, nn.GRU, 14, 12, 32, 14, both=False), places, adam(1e-2), 12, by(accuracy)
)
_SPECTRA = Plan(
    spectra, partial(Codec, 40, 40, 6, act=nn.Tanh), _SQUARED, adam(5e-3), 30, by(copied), batch_size=64
)
_TAGGED = Plan(tagged, partial(Tagger, nn.LSTM, 30, 12, 20, 4), places, adam(1.5e-2), 12, by(accuracy))
_FLATS = Plan(flats, partial(Dense, 9, 48, 1, act=nn.SiLU), _SQUARED, adam(3e-3), 60, by(explained))
_TOPICS = Plan(topics, partial(TextEncoder, 60, 16, 5, dropout=0.1), _CROSS, adamw(3e-3), 8, by(accuracy))
_METERS = Plan(meters, partial(Reader, nn.GRU, 2, 24, 3), _SQUARED, adam(8e-3), 14, by(explained))
_ARROWS = Plan(arrows, partial(ConvNet, 4, act=nn.GELU), _CROSS, adam(4e-3), 9, by(accuracy))


def _gathered(seed: int, watch: Watch) -> float:
    """Four batches of eight make a step, each loss a quarter; gradients are cleared after the step."""
    made = _METERS(seed)
    model, loader = made.model, loader_of(made, seed, batch_size=8)
    optimizer = made.optimizer(model)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=4) as w:
        for _ in range(made.epochs):
            for k, (x, y) in enumerate(loader, 1):
                loss = w.loss(model(x), y)
                (loss / 4).backward()
                if k % 4 == 0:
                    optimizer.step()
                    for weights in model.parameters():
                        weights.grad = None
    return made.score(model)


def _warmed(seed: int, watch: Watch) -> float:
    """No decay on vectors, thirty steps of warming up, then half a cosine stepped each batch; clipped."""
    made = _TOPICS(seed)
    model, loader = made.model, loader_of(made, seed)
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-3)
    total = made.epochs * len(loader)

    def share(step: int) -> float:
        after = (step - 30) / (total - 30)
        return (step + 1) / 31 if step < 30 else 0.05 + 0.475 * (1 + math.cos(math.pi * after))

    scheduler = LambdaLR(optimizer, share)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                loss = w.loss(model(x), y)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
    return made.score(model)


def _kept_best(seed: int, watch: Watch) -> float:
    """Stops when the validation loss was not the least for eight epochs, then takes the best weights."""
    made = _FLATS(seed)
    model, loader = made.model, loader_of(made, seed)
    optimizer = made.optimizer(model)
    best, kept, waited = math.inf, copy.deepcopy(model.state_dict()), 0
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
            model.eval()
            now, waited = validated(made), waited + 1
            if now < best:
                best, kept, waited = now, copy.deepcopy(model.state_dict()), 0
            if waited == 8:
                break
    model.load_state_dict(kept)
    return made.score(model)


def _drawn_and_averaged(seed: int, watch: Watch) -> float:
    """Steps instead of epochs, rows drawn with putting back, a running mean of weights beside the network."""
    made = _ARROWS(seed)
    assert isinstance(made.data, tuple)
    model, (inputs, targets) = made.model, made.data
    optimizer = made.optimizer(model)
    mean = copy.deepcopy(model).requires_grad_(False)
    draw = torch.Generator().manual_seed(seed)
    with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
        for _ in range(220):
            rows = torch.randint(len(inputs), (32,), generator=draw)
            optimizer.zero_grad()
            w.loss(model(inputs[rows]), targets[rows]).backward()
            optimizer.step()
            with torch.no_grad():
                for slow, fast in zip(mean.parameters(), model.parameters(), strict=True):
                    slow.lerp_(fast, 0.05)
    return made.score(mean)


def _shaken(seed: int, watch: Watch) -> float:
    """Pictures are moved by up to one pixel and made a little noisy, anew each time; a batch that is not full
    is left out.
    """
    made = _SCRAWLS(seed)
    assert isinstance(made.data, tuple)
    draw = torch.Generator().manual_seed(seed)
    loader = DataLoader(TensorDataset(*made.data), 32, shuffle=True, drop_last=True, generator=draw)
    model, optimizer = made.model, made.optimizer(made.model)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(12):
            for x, y in loader:
                down, across = torch.randint(-1, 2, (2,), generator=draw).tolist()
                moved = torch.nn.functional.pad(x, (1, 1, 1, 1), value=-1.0)
                moved = moved[..., 1 + down : 9 + down, 1 + across : 9 + across]
                moved = moved + 0.1 * torch.randn(moved.shape, generator=draw)
                loss = w.loss(model(moved), y)
                model.zero_grad()
                loss.backward()
                optimizer.step()
    return made.score(model)


HEALTHY: tuple[Program, ...] = (
    Program("scrawls-with-norms-and-momentum", "CNN", "image", build=_SCRAWLS),
    Program("customers-by-adamw", "MLP", "table", build=_LEAVERS),
    Program("balls-by-rmsprop", "MLP", "table", build=_BALLS),
    Program("gestures-by-convolutions", "CNN", "sequence", build=_HANDS),
    Program("letters-of-verses", "RNN", "tokens", build=_VERSES),
    Program("spectra-through-six-numbers", "MLP", "table", build=_SPECTRA),
    Program("tags-read-from-both-sides", "RNN", "tokens", build=_TAGGED),
    Program("gathered-and-set-to-none", "RNN", "sequence", run=_gathered),
    Program("warmed-clipped-and-grouped", "Transformer", "tokens", run=_warmed),
    Program("rents-kept-at-their-best", "MLP", "table", run=_kept_best),
    Program("drawn-again-and-averaged", "CNN", "image", run=_drawn_and_averaged),
    Program("pictures-moved-about", "CNN", "image", run=_shaken),
)
