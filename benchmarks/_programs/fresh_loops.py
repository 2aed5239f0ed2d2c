"""Loops of people's own in which a slip keeps steps, gradients or rows away: no error message tells."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from _programs.fresh_data_u import (
    flats,
    leavers,
    notes,
    scrawls,
    topics,
    verses,
)
from _programs.fresh_nets_u import Dense, Grown, Tagger, TextEncoder
from _programs.judging import accuracy, by, explained, sided
from _programs.looping import loader_of, validated
from _programs.losses import places
from _programs.program import Case, Made, Pair, Plan, Rows, Watch
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]

Run = Callable[[int, Watch], float]
_CROSS, _SQUARED, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_LEAVERS = Plan(leavers, partial(Dense, 14, 32, 1), _LOGITS, sgd(0.05, 0.9), 15, by(sided))
_TOPICS = Plan(topics, partial(TextEncoder, 60, 16, 5), _CROSS, adamw(3e-3), 8, by(accuracy))
_VERSES = Plan(
    verses, partial(Tagger, nn.LSTM, 14, 12, 32, 14, both=False), places, adam(1e-2), 15, by(accuracy)
)
_DEEP = Plan(
    scrawls,
    lambda: nn.Sequential(nn.Flatten(), Grown(64, 48, 10, 8, nn.BatchNorm1d)),
    _CROSS,
    sgd(0.01, 0.9),
    10,
    by(accuracy),
)
_DROPPING = Plan(leavers, partial(Dense, 14, 64, 1, dropout=0.5), _LOGITS, adam(4e-3), 20, by(sided))
_NOTES = Plan(notes, partial(Dense, 20, 32, 6, act=nn.SiLU), _LOGITS, adamw(4e-3), 15, by(sided))
_FLATS = Plan(flats, partial(Dense, 9, 48, 1), _SQUARED, sgd(0.02, 0.9), 15, by(explained))


def _clearing(brackets: bool) -> Run:
    """Without the brackets the method is looked up and not called."""

    def run(seed: int, watch: Watch) -> float:
        made = _LEAVERS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    if brackets:
                        optimizer.zero_grad()
                    else:
                        optimizer.zero_grad  # noqa: B018
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _stepping(every: int) -> Run:
    """Gradients are gathered over `every` batches, but an epoch has only 24: the count begins anew."""

    def run(seed: int, watch: Watch) -> float:
        made = _TOPICS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(
            model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=every
        ) as w:
            for _ in range(made.epochs):
                for k, (x, y) in enumerate(loader):
                    loss = w.loss(model(x), y) / every
                    loss.backward()
                    if (k + 1) % every == 0:
                        optimizer.step()
                        optimizer.zero_grad()
        return made.score(model)

    return run


def _guarded(most: float) -> Run:
    """A guard against spoilt batches leaves out those whose loss is above `most`: at first all are."""

    def run(seed: int, watch: Watch) -> float:
        made = _VERSES(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    if loss.item() < most:
                        loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _evaluating(back: bool) -> Run:
    """The helper that prints the loss switches to evaluation, and `back` or not; it is called first."""

    def report(made: Made) -> float:
        made.model.eval()
        loss = validated(made)
        if back:
            made.model.train()
        return loss

    def run(seed: int, watch: Watch) -> float:
        made = _DEEP(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        history = [report(made)]
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                history.append(report(made))
        return made.score(model)

    return run


def _right(model: nn.Module, rows: Pair) -> float:
    """As it is printed: in whatever mode the network is."""
    with torch.no_grad():
        return sided(model(rows[0]), rows[1])


def _reporting(switched: bool) -> Run:
    """After each epoch and at the end the share of right answers is told, `switched` to evaluation or not."""

    def run(seed: int, watch: Watch) -> float:
        made, test = _DROPPING(seed), _DROPPING.rows(seed).test
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                if switched:
                    model.eval()
                _right(model, made.validation)
        return _right(model, test)

    return run


def _drawing(seed_inside: bool) -> Run:
    """Batches are drawn by a function that sets the seed "for reproducibility": each time the same rows."""

    def draw(data: Pair, size: int, state: int) -> Pair:
        if seed_inside:
            torch.manual_seed(state)
        rows = torch.randint(len(data[0]), (size,))
        return data[0][rows], data[1][rows]

    def run(seed: int, watch: Watch) -> float:
        made = _NOTES(seed)
        assert isinstance(made.data, tuple)
        model, optimizer = made.model, made.optimizer(made.model)
        torch.manual_seed(seed)
        with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
            for _ in range(400):
                x, y = draw(made.data, 32, 42)
                optimizer.zero_grad()
                loss = w.loss(model(x), y)
                loss.backward()
                optimizer.step()
        return made.score(model)

    return run


def _by_rent(rows: Rows) -> Rows:
    order = rows.train[1][:, 0].argsort()
    return Rows((rows.train[0][order], rows.train[1][order]), rows.valid, rows.test)


def _sorted_table(shuffle: bool) -> Run:
    """The table was saved sorted by what is to be said, and its batches are cut one after another."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(_FLATS, rows=lambda seed: _by_rent(flats(seed)))(seed)
        model, loader = made.model, loader_of(made, seed, shuffle=shuffle)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


CASES: tuple[Case, ...] = (
    Case(
        "zero-grad-without-its-brackets",
        "MLP",
        "table",
        "gradients-not-cleared",
        ("loop",),
        _clearing(False),
        _clearing(True),
    ),
    Case(
        "more-gathered-than-an-epoch-has",
        "Transformer",
        "tokens",
        "no-step",
        ("loop",),
        _stepping(32),
        _stepping(1),
    ),
    Case(
        "guard-that-skips-every-batch",
        "RNN",
        "tokens",
        "no-backward",
        ("loop",),
        _guarded(1.5),
        _guarded(15.0),
    ),
    Case(
        "report-that-leaves-evaluation-on",
        "MLP",
        "image",
        "evaluation-mode-in-training",
        ("loop", "normalisation"),
        _evaluating(False),
        _evaluating(True),
    ),
    Case(
        "leavers-told-while-dropping",
        "MLP",
        "table",
        "training-mode-in-evaluation",
        ("loop",),
        _reporting(False),
        _reporting(True),
    ),
    Case(
        "seed-set-where-rows-are-drawn",
        "MLP",
        "table",
        "same-batch",
        ("loop",),
        _drawing(True),
        _drawing(False),
    ),
    Case(
        "rents-in-rising-order",
        "MLP",
        "table",
        "rows-in-order",
        ("loop",),
        _sorted_table(False),
        _sorted_table(True),
    ),
)
