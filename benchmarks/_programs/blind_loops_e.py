"""Loops as people write them, each with one slip that no error message tells of, and the same without."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import nn
from torch.optim import lr_scheduler

from _programs.blind_data_e import (
    digits_sorted,
    growths,
    mails_sorted,
    opinions_few,
    wrists_sorted,
)
from _programs.blind_nets_e import Deep, Mlp, Signal, TextLSTM
from _programs.blind_plans_e import (
    BUILDINGS,
    CLIPS,
    DEEP,
    KINDS,
    MAILS,
    OPINIONS,
    PIXELS,
    RENTALS,
    ROADS,
    SIGNS,
    SOILS,
    STAYS,
    TUNES,
    WRISTS,
)
from _programs.judging import by, explained
from _programs.looping import loader_of, validated
from _programs.program import Case, Made, Plan, Watch
from _programs.stepping import adam, sgd

__all__ = ["CASES"]

Run = Callable[[int, Watch], float]


def _clearing(plan: Plan, where: str) -> Run:
    """Gradients are cleared in each step, once an epoch, or never."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, optimizer, loader = made.model, made.optimizer(made.model), loader_of(made, seed)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                if where == "epoch":
                    optimizer.zero_grad()
                for x, y in loader:
                    if where == "step":
                        optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _stepping(plan: Plan, steps: bool) -> Run:
    """`optimizer.step()` was lost."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    outputs = model(x)
                    loss = w.loss(outputs, y)
                    loss.backward()
                    if steps:
                        optimizer.step()
        return made.score(model)

    return run


def _scheduler_for_optimizer(right: bool) -> Run:
    """In the inner loop it is the schedule that steps, and never the optimiser."""

    def run(seed: int, watch: Watch) -> float:
        made = SIGNS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + 0.001 * step))
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    if right:
                        optimizer.step()
                    with warnings.catch_warnings():  # PyTorch warns once, among many other lines
                        warnings.simplefilter("ignore")
                        scheduler.step()
        return made.score(model)

    return run


def _backward(plan: Plan, done: bool) -> Run:
    """`loss.backward()` was lost."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        running = 0.0
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    if done:
                        loss.backward()
                    optimizer.step()
                    running += loss.item()
        return made.score(model)

    return run


def _next_iter(again: bool) -> Run:
    """`next(iter(loader))` in each step takes the first batch of a loader that does not shuffle."""

    def run(seed: int, watch: Watch) -> float:
        made = PIXELS(seed)
        model, loader = made.model, loader_of(made, seed, shuffle=False)
        optimizer = made.optimizer(model)
        batches = iter(loader)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs * len(loader)):
                if again:
                    x, y = next(iter(loader))
                else:
                    try:
                        x, y = next(batches)
                    except StopIteration:
                        batches = iter(loader)
                        x, y = next(batches)
                optimizer.zero_grad()
                loss = w.loss(model(x), y)
                loss.backward()
                optimizer.step()
        return made.score(model)

    return run


def _offset(moves: bool) -> Run:
    """Batches are cut by an index that is never moved on."""

    def run(seed: int, watch: Watch) -> float:
        made = STAYS(seed)
        assert isinstance(made.data, tuple)
        model, optimizer = made.model, made.optimizer(made.model)
        inputs, targets = made.data
        steps = len(inputs) // made.batch_size
        with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
            for _ in range(made.epochs):
                start = 0
                for _ in range(steps):
                    x, y = inputs[start : start + made.batch_size], targets[start : start + made.batch_size]
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                    if moves:
                        start += made.batch_size
        return made.score(model)

    return run


def _in_order(plan: Plan, shuffle: bool) -> Run:
    """The loader is asked to shuffle, or not; rows come sorted by class."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed, shuffle=shuffle)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                model.eval()
                validated(made)
        return made.score(model)

    return run


def _modes(plan: Plan, where: str) -> Run:
    """`model.train()` stands in the epoch ("epoch"), before it ("once"), or is `eval()` ("never")."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        if where == "never":
            model.eval()
        else:
            model.train()
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                if where == "epoch":
                    model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                model.eval()
                validated(made)
        return made.score(model)

    return run


def _testing(plan: Plan, switch: bool, size: int) -> Run:
    """The test after training, `size` rows at a time, with or without `model.eval()`."""

    def run(seed: int, watch: Watch) -> float:
        made, test = plan(seed), plan.rows(seed).test
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)

        def right(inputs: torch.Tensor, targets: torch.Tensor) -> float:
            if switch:
                model.eval()
            found = 0.0
            with torch.no_grad():
                for x, y in zip(inputs.split(size), targets.split(size), strict=True):
                    found += float((model(x).argmax(-1) == y).sum())
            return found / len(inputs)

        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                right(*made.validation)
        return right(*test)

    return run


def _clipping(plan: Plan, most: float, by_value: bool = False) -> Run:
    """Gradients are clipped to `most`."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    if by_value:
                        nn.utils.clip_grad_value_(model.parameters(), most)
                    else:
                        nn.utils.clip_grad_norm_(model.parameters(), most)
                    optimizer.step()
        return made.score(model)

    return run


def _scaling(once: bool) -> Run:
    """Half precision; the scaler is made once, or anew in each step, so that its scale never falls."""

    def run(seed: int, watch: Watch) -> float:
        made = SOILS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    if not once:
                        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**24)
                    optimizer.zero_grad()
                    with torch.autocast("cpu", dtype=torch.float16):
                        loss = w.loss(model(x), y)
                    scaler.scale(loss).backward()
                    scaler.step(optimizer)
                    scaler.update()
        return made.score(model)

    return run


def _best_kept(right: bool) -> Run:
    """The best weights are put back after a bad epoch; "best" begins at 0, and no loss is below it."""

    def run(seed: int, watch: Watch) -> float:
        made = BUILDINGS(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        best, kept = float("inf") if right else 0.0, copy.deepcopy(model.state_dict())
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                now = validated(made)
                if now < best:
                    best, kept = now, copy.deepcopy(model.state_dict())
                elif now > 1.2 * best:
                    model.load_state_dict(kept)
        return made.score(model)

    return run


def _begin(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv1d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _drawing(inside: bool) -> Run:
    """First weights are drawn before the loop, or inside of it, once an epoch."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(WRISTS, epochs=12)(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        model.apply(_begin)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                if inside:
                    model.apply(_begin)
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _gathering(plan: Plan, every: int, divided: bool, size: int = 8) -> Run:
    """Gradients of `every` small batches are gathered, divided by their number or not."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed, batch_size=size)
        optimizer = made.optimizer(model)
        with watch(
            model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=every
        ) as w:
            for _ in range(made.epochs):
                optimizer.zero_grad()
                for k, (x, y) in enumerate(loader):
                    loss = w.loss(model(x), y)
                    if divided:
                        loss = loss / every
                    loss.backward()
                    if (k + 1) % every == 0:
                        optimizer.step()
                        optimizer.zero_grad()
        return made.score(model)

    return run


def _made_again(first: bool) -> Run:
    """The network is made again in a later cell; the optimiser still holds the one of the cell before."""

    def run(seed: int, watch: Watch) -> float:
        made = CLIPS(seed)
        torch.manual_seed(seed)
        model = CLIPS.net()
        optimizer = made.optimizer(made.model if first else model)
        loader = loader_of(made, seed)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _scheduled(
    plan: Plan, schedule: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], each_step: bool
) -> Run:
    """A schedule that steps after each batch or after each epoch."""

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
                    if each_step:
                        scheduler.step()
                if not each_step:
                    scheduler.step()
        return made.score(model)

    return run


def _warming(steps: int) -> Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]:
    return lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / steps))


def _falling(gamma: float, every: int = 1) -> Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]:
    return lambda optimizer: lr_scheduler.StepLR(optimizer, every, gamma)


def _anew(plan: Plan, each: str) -> Run:
    """The optimiser is made before the loop, or anew in each step: Adam's averages are of one."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    if each == "step":
                        optimizer = made.optimizer(model)
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _penalty(plan: Plan, weight: float) -> Run:
    """All absolute weights, summed and weighed, are added to the loss."""

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    absolute = sum(p.abs().sum() for p in model.parameters())
                    (loss + weight * absolute).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _returning(early: bool) -> Run:
    """`return` is indented once too often: it stands inside of the loop over epochs."""

    def train(made: Made, seed: int, watch: Watch) -> list[float]:
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        history: list[float] = []
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                history.append(validated(made))
                if early:
                    return history
        return history

    def run(seed: int, watch: Watch) -> float:
        made = KINDS(seed)
        train(made, seed, watch)
        return made.score(made.model)

    return run


def _long(plan: Plan, patience: int) -> Run:
    """With `patience` training stops when validation gets worse and its best weights are kept; without (0)
    all epochs are done.
    """

    def run(seed: int, watch: Watch) -> float:
        made = plan(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        best, kept, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                model.eval()
                now = validated(made)
                waited += 1
                if now < best:
                    best, kept, waited = now, copy.deepcopy(model.state_dict()), 0
                if patience and waited >= patience:
                    break
        if patience:
            model.load_state_dict(kept)
        return made.score(model)

    return run


def _stopping(patience: int) -> Run:
    """Stops when the loss of a single batch was not below the best for `patience` steps."""

    def run(seed: int, watch: Watch) -> float:
        made = TUNES(seed)
        model, loader = made.model, loader_of(made, seed)
        optimizer = made.optimizer(model)
        best, waited = float("inf"), 0
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
                    waited = 0 if loss.item() < best else waited + 1
                    best = min(best, loss.item())
                    if waited >= patience:
                        return made.score(model)
        return made.score(model)

    return run


_DIGITS = replace(PIXELS, rows=digits_sorted)
_BATCH_BY_BATCH = replace(MAILS, rows=mails_sorted)
_ONE_AFTER_ANOTHER = replace(WRISTS, rows=wrists_sorted, net=partial(Signal, 3, 5, norm=True))
_RARE = replace(OPINIONS, rows=opinions_few, net=partial(TextLSTM, 300, 2, 32, 32, drop=0.6), epochs=40)
_DROPPING_WORDS = replace(OPINIONS, net=partial(TextLSTM, 50, 2, drop=0.5))
_GROWTHS = Plan(growths, partial(Mlp, 20, 1, 64, 64), nn.MSELoss(), adam(3e-3), 80, by(explained), 16)
_NORMED = replace(SOILS, net=partial(Mlp, 10, 6, 64, 64, norm=True))
_FILMS = replace(CLIPS, net=partial(Mlp, 16, 5, 64, 32, norm=True))
_SHALLOWER = replace(DEEP, net=partial(Deep, 3, 6, 6))
_BY_SGD = replace(WRISTS, optimizer=sgd(0.1, 0.9), epochs=25)

CASES: tuple[Case, ...] = (
    Case(
        "digits-never-cleared",
        "CNN",
        "image",
        "gradients-not-cleared",
        ("loop",),
        _clearing(PIXELS, "never"),
        _clearing(PIXELS, "step"),
    ),
    Case(
        "roads-cleared-in-the-outer-loop",
        "RNN",
        "sequence",
        "gradients-not-cleared",
        ("loop",),
        _clearing(ROADS, "epoch"),
        _clearing(ROADS, "step"),
    ),
    Case(
        "soils-without-a-step",
        "MLP",
        "table",
        "no-step",
        ("loop",),
        _stepping(SOILS, False),
        _stepping(SOILS, True),
    ),
    Case(
        "schedule-steps-for-the-optimiser",
        "CNN",
        "image",
        "no-step",
        ("loop",),
        _scheduler_for_optimizer(False),
        _scheduler_for_optimizer(True),
    ),
    Case(
        "mails-without-backward",
        "Transformer",
        "tokens",
        "no-backward",
        ("loop",),
        _backward(MAILS, False),
        _backward(MAILS, True),
    ),
    Case(
        "next-of-a-new-iterator",
        "CNN",
        "image",
        "same-batch",
        ("loop", "data"),
        _next_iter(True),
        _next_iter(False),
    ),
    Case(
        "start-of-a-batch-never-moved",
        "MLP",
        "table",
        "same-batch",
        ("loop", "data"),
        _offset(False),
        _offset(True),
    ),
    Case(
        "digits-folder-by-folder",
        "CNN",
        "image",
        "rows-in-order",
        ("loop", "data"),
        _in_order(_DIGITS, False),
        _in_order(_DIGITS, True),
    ),
    Case(
        "mails-wish-by-wish",
        "Transformer",
        "tokens",
        "rows-in-order",
        ("loop", "data"),
        _in_order(_BATCH_BY_BATCH, False),
        _in_order(_BATCH_BY_BATCH, True),
    ),
    Case(
        "occupations-in-turn-under-norms",
        "CNN",
        "sequence",
        "rows-in-order",
        ("loop", "data"),
        _in_order(_ONE_AFTER_ANOTHER, False),
        _in_order(_ONE_AFTER_ANOTHER, True),
    ),
    Case(
        "told-to-train-only-once",
        "RNN",
        "tokens",
        "evaluation-mode-in-training",
        ("loop", "regularisation"),
        _modes(_RARE, "once"),
        _modes(_RARE, "epoch"),
    ),
    Case(
        "deep-signs-never-in-training-mode",
        "CNN",
        "image",
        "evaluation-mode-in-training",
        ("loop", "normalisation"),
        _modes(_SHALLOWER, "never"),
        _modes(_SHALLOWER, "epoch"),
    ),
    Case(
        "opinions-tested-while-dropping",
        "RNN",
        "tokens",
        "training-mode-in-evaluation",
        ("loop", "regularisation"),
        _testing(_DROPPING_WORDS, False, 64),
        _testing(_DROPPING_WORDS, True, 64),
    ),
    Case(
        "soils-tested-four-at-a-time-in-training-mode",
        "MLP",
        "table",
        "training-mode-in-evaluation",
        ("loop", "normalisation"),
        _testing(_NORMED, False, 4),
        _testing(_NORMED, True, 4),
    ),
    Case(
        "states-clipped-to-a-thousandth",
        "RNN",
        "sequence",
        "gradients-clipped-away",
        ("loop",),
        _clipping(replace(ROADS, optimizer=sgd(0.1, 0.9)), 1e-3),
        _clipping(replace(ROADS, optimizer=sgd(0.1, 0.9)), 1.0),
    ),
    Case(
        "soils-with-values-clipped-to-nothing",
        "MLP",
        "table",
        "gradients-clipped-away",
        ("loop",),
        _clipping(SOILS, 1e-5, True),
        _clipping(SOILS, 0.5, True),
    ),
    Case(
        "scaler-made-in-each-step", "MLP", "table", "amp-overflow", ("loop",), _scaling(False), _scaling(True)
    ),
    Case(
        "first-weights-kept-as-best",
        "MLP",
        "table",
        "weights-overwritten",
        ("loop",),
        _best_kept(False),
        _best_kept(True),
    ),
    Case(
        "weights-drawn-in-each-epoch",
        "CNN",
        "sequence",
        "weights-overwritten",
        ("loop", "initialisation"),
        _drawing(True),
        _drawing(False),
    ),
    Case(
        "sixteen-small-batches-summed",
        "CNN",
        "image",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        _gathering(replace(PIXELS, optimizer=sgd(0.1, 0.9), epochs=25), 16, False),
        _gathering(replace(PIXELS, optimizer=sgd(0.1, 0.9), epochs=25), 16, True),
    ),
    Case(
        "wrists-gathered-undivided",
        "CNN",
        "sequence",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        _gathering(_BY_SGD, 8, False),
        _gathering(_BY_SGD, 8, True),
    ),
    Case(
        "films-gathered-by-twos-under-norms",
        "MLP",
        "table",
        "norm-of-tiny-batches",
        ("normalisation", "batch"),
        _gathering(_FILMS, 16, True, 2),
        _gathering(_FILMS, 1, True, 32),
    ),
    Case(
        "network-made-again-after-its-optimiser",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser", "loop"),
        _made_again(True),
        _made_again(False),
    ),
    Case(
        "halved-every-fifth-batch",
        "Transformer",
        "tokens",
        "rate-decays-too-fast",
        ("learning rate", "loop"),
        _scheduled(TUNES, _falling(0.5, 5), True),
        _scheduled(TUNES, _falling(0.5, 5), False),
    ),
    Case(
        "tenth-of-the-rate-each-epoch",
        "CNN",
        "image",
        "rate-decays-too-fast",
        ("learning rate",),
        _scheduled(SIGNS, _falling(0.1), False),
        _scheduled(SIGNS, _falling(0.1, 10), False),
    ),
    Case(
        "warmed-up-for-twenty-thousand-steps",
        "Transformer",
        "tokens",
        "rate-too-low",
        ("learning rate",),
        _scheduled(MAILS, _warming(20_000), True),
        _scheduled(MAILS, _warming(40), True),
    ),
    Case(
        "rate-that-grows-with-each-epoch",
        "RNN",
        "tokens",
        "rate-too-high",
        ("learning rate",),
        _scheduled(replace(OPINIONS, epochs=15), _falling(1.5), False),
        _scheduled(replace(OPINIONS, epochs=15), _falling(0.9), False),
    ),
    Case(
        "adam-for-a-single-step",
        "RNN",
        "sequence",
        "optimiser-constants",
        ("optimiser", "loop"),
        _anew(ROADS, "step"),
        _anew(ROADS, "once"),
    ),
    Case(
        "a-tenth-of-all-absolute-weights",
        "MLP",
        "table",
        "penalty-too-strong",
        ("regularisation",),
        _penalty(RENTALS, 0.1),
        _penalty(RENTALS, 1e-5),
    ),
    Case(
        "return-inside-of-the-epochs",
        "RNN",
        "tokens",
        "too-few-epochs",
        ("epochs", "loop"),
        _returning(True),
        _returning(False),
    ),
    Case(
        "stopped-by-a-single-batch",
        "Transformer",
        "tokens",
        "too-few-epochs",
        ("epochs", "loop"),
        _stopping(3),
        _stopping(10_000),
    ),
    Case(
        "growths-learnt-by-heart",
        "MLP",
        "table",
        "overfitting",
        ("regularisation", "epochs"),
        _long(_GROWTHS, 0),
        _long(_GROWTHS, 6),
    ),
)
