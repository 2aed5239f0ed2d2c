"""Loops written by hand in which one line is wrong, and nothing complains."""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from _programs.judging import by, explained
from _programs.program import Case, Made, Pair, Plan, Rows, Watch
from _programs.stepping import adam, sgd
from _programs.unseen_data_x import changed, scans, sugar
from _programs.unseen_nets_x import Remembering, layers, looking
from _programs.unseen_plans_x import (
    ARMS,
    CALLS,
    HEAT,
    LOANS,
    ORCHARDS,
    RECIPES,
    SCANS,
    SPECKS,
    SPECTRA,
    SPIRALS,
    SWITCHES,
    TUNES,
    VISITORS,
    WEAVES,
)

__all__ = ["CASES"]

Run = Callable[[int, Watch], float]


def _loading(made: Made, seed: int, shuffle: bool = True) -> DataLoader:
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    assert isinstance(made.data, tuple)
    return DataLoader(TensorDataset(*made.data), made.batch_size, shuffle=shuffle, generator=draw)


def _asked(made: Made) -> float:
    """The loss of the validation rows, in evaluation mode."""
    made.model.eval()
    with torch.no_grad():
        loss = float(made.loss_fn(made.model(made.validation[0]), made.validation[1]))
    made.model.train()
    return loss


def _clearing(each_batch: bool) -> Run:
    """Gradients are set to zero where an epoch begins, or a batch."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(HEAT, optimizer=sgd(0.05, 0.9), epochs=15)(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                optimizer.zero_grad()
                for x, y in loader:
                    if each_batch:
                        optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _scheduling(both: bool) -> Run:
    """Rates are written into the optimiser for each step, and then its step is forgotten."""

    def run(seed: int, watch: Watch) -> float:
        made = ORCHARDS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for epoch in range(made.epochs):
                optimizer.param_groups[0]["lr"] = 3e-3 * (1 - epoch / made.epochs)
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    if both:
                        optimizer.step()
        return made.score(model)

    return run


def _grading(gradients: bool) -> Run:
    """A forward pass copied from the evaluation has no gradients, and an error message was silenced."""

    def run(seed: int, watch: Watch) -> float:
        made = CALLS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    with torch.set_grad_enabled(gradients):
                        loss = w.loss(model(x), y)
                    if not gradients:
                        loss.requires_grad_()
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


_DROPPING = Plan(
    sugar, partial(layers, 10, 64, 64, 1, drop=0.5), nn.MSELoss(), adam(1e-3), 50, by(explained), 16
)


def _modes(training: bool) -> Run:
    """`eval()` is left from the lines which put the network together."""

    def run(seed: int, watch: Watch) -> float:
        made = _DROPPING(seed)
        model, loader = made.model.eval(), _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                if training:
                    model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                model.eval()
        return made.score(model)

    return run


_NORMED = replace(WEAVES, net=partial(looking, 10, 4, norm=True), optimizer=sgd(0.03, 0.9), epochs=8)


def _grouped(model: nn.Module, rows: Pair) -> float:
    """The share of right answers, one class after the other."""
    right = 0
    with torch.no_grad():
        for kind in rows[1].unique():
            of_kind = rows[1] == kind
            right += int((model(rows[0][of_kind]).argmax(-1) == kind).sum())
    return right / len(rows[1])


def _telling(switched: bool) -> Run:
    """Each class's share of right answers is told after every epoch, in evaluation mode or not."""

    def run(seed: int, watch: Watch) -> float:
        made, test = _NORMED(seed), _NORMED.rows(seed).test
        model, loader = made.model, _loading(made, seed)
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
                _grouped(model, made.validation)
        return _grouped(model, test)

    return run


def _fetching(once: bool) -> Run:
    """`next(iter(loader))` begins anew at every step."""

    def run(seed: int, watch: Watch) -> float:
        made = RECIPES(seed)
        model, loader = made.model, _loading(made, seed, shuffle=False)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            batches = iter(loader)
            for _ in range(500):
                if once:
                    try:
                        x, y = next(batches)
                    except StopIteration:
                        batches = iter(loader)
                        x, y = next(batches)
                else:
                    x, y = next(iter(loader))
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
        return made.score(model)

    return run


def _by_folder(seed: int) -> Rows:
    """As they lie in folders, one for every class."""
    rows = scans(seed)
    order = rows.train[1].argsort(stable=True)
    return changed(rows, (rows.train[0][order], rows.train[1][order]), rows.valid)


def _foldered(shuffle: bool) -> Run:
    """Pictures of one folder after the other, mixed or not."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(SCANS, rows=_by_folder)(seed)
        model, loader = made.model, _loading(made, seed, shuffle=shuffle)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _halved(scale: float) -> Run:
    """Gradients of a scaled loss in half precision; a step whose gradients are not finite is left out."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(SPECKS, epochs=10)(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    (w.loss(model(x), y) * scale).backward()
                    for p in model.parameters():
                        assert p.grad is not None
                        p.grad = p.grad.half().float() / scale
                    if all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None):
                        optimizer.step()
        return made.score(model)

    return run


def _clipping(most: float) -> Run:
    """The length of gradients is limited to `most`."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(
            SWITCHES,
            net=partial(Remembering, nn.GRU, 12, 32, 4, words=24, each=True),
            optimizer=sgd(0.3, 0.9),
            epochs=25,
        )(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    nn.utils.clip_grad_norm_(model.parameters(), most)
                    optimizer.step()
        return made.score(model)

    return run


def _keeping(below: bool) -> Run:
    """The best weights are put back after each epoch that was not better; `best` is compared wrongly."""

    def run(seed: int, watch: Watch) -> float:
        made = SPECTRA(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        best, kept = float("inf"), copy.deepcopy(model.state_dict())
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                now = _asked(made)
                if (now < best) if below else (now > best):
                    best, kept = now, copy.deepcopy(model.state_dict())
                elif not below:
                    model.load_state_dict(kept)
        model.load_state_dict(kept)
        return made.score(model)

    return run


def _gathering(divided: bool) -> Run:
    """Gradients of sixteen small batches make a step: their sum, or their mean."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(ARMS, batch_size=4, optimizer=sgd(0.1, 0.9), epochs=15)(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(
            model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=16
        ) as w:
            for _ in range(made.epochs):
                for k, (x, y) in enumerate(loader, 1):
                    loss = w.loss(model(x), y)
                    (loss / 16 if divided else loss).backward()
                    if k % 16 == 0:
                        optimizer.step()
                        optimizer.zero_grad()
        return made.score(model)

    return run


def _mixing(together: bool) -> Run:
    """Inputs and targets are mixed anew for every epoch, by one order or by two."""

    def run(seed: int, watch: Watch) -> float:
        made = SPIRALS(seed)
        assert isinstance(made.data, tuple)
        (inputs, targets), model = made.data, made.model
        optimizer = made.optimizer(model)
        torch.manual_seed(seed)
        with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
            for _ in range(made.epochs):
                order = torch.randperm(len(inputs))
                other = order if together else torch.randperm(len(inputs))
                for k in range(0, len(inputs), made.batch_size):
                    x = inputs[order[k : k + made.batch_size]]
                    y = targets[other[k : k + made.batch_size]]
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _decaying(each_batch: bool) -> Run:
    """A schedule meant for epochs moves on with every batch."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(TUNES, optimizer=adam(4e-3))(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 12, 0.5)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                    if each_batch:
                        scheduler.step()
                if not each_batch:
                    scheduler.step()
        return made.score(model)

    return run


def _sparing(strength: float) -> Run:
    """The sizes of all weights are added to the loss."""

    def run(seed: int, watch: Watch) -> float:
        made = VISITORS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    sizes: Tensor = sum((p.abs().sum() for p in model.parameters()), torch.zeros(()))
                    (w.loss(model(x), y) + strength * sizes).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _copying(first: bool) -> Run:
    """The network is copied after its optimiser was made, which then moves the one nobody uses."""

    def run(seed: int, watch: Watch) -> float:
        made = LOANS(seed)
        loader, model = _loading(made, seed), made.model
        if first:
            model = copy.deepcopy(model)
        optimizer = made.optimizer(model)
        if not first:
            model = copy.deepcopy(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


CASES: tuple[Case, ...] = (
    Case(
        "cleared-once-an-epoch",
        "RNN",
        "sequence",
        "gradients-not-cleared",
        ("loop",),
        _clearing(False),
        _clearing(True),
    ),
    Case(
        "rates-are-set-and-no-step-made",
        "MLP",
        "table",
        "no-step",
        ("loop",),
        _scheduling(False),
        _scheduling(True),
    ),
    Case(
        "forward-pass-of-the-evaluation",
        "CNN",
        "sequence",
        "no-backward",
        ("loop", "loss"),
        _grading(False),
        _grading(True),
    ),
    Case(
        "eval-left-where-it-was-put-together",
        "MLP",
        "table",
        "evaluation-mode-in-training",
        ("loop", "regularisation"),
        _modes(False),
        _modes(True),
    ),
    Case(
        "classes-told-one-by-one-while-training",
        "CNN",
        "image",
        "training-mode-in-evaluation",
        ("loop", "normalisation"),
        _telling(False),
        _telling(True),
    ),
    Case(
        "loader-asked-anew-at-every-step",
        "CNN",
        "tokens",
        "same-batch",
        ("loop",),
        _fetching(False),
        _fetching(True),
    ),
    Case(
        "scans-one-folder-after-the-other",
        "CNN",
        "image",
        "rows-in-order",
        ("loop",),
        _foldered(False),
        _foldered(True),
    ),
    Case(
        "specks-scaled-beyond-half-precision",
        "CNN",
        "image",
        "amp-overflow",
        ("loop",),
        _halved(2.0**22),
        _halved(2.0**7),
    ),
    Case(
        "switches-clipped-to-a-thousandth",
        "RNN",
        "tokens",
        "gradients-clipped-away",
        ("loop",),
        _clipping(1e-3),
        _clipping(1.0),
    ),
    Case(
        "never-better-than-the-first-weights",
        "MLP",
        "sequence",
        "weights-overwritten",
        ("loop",),
        _keeping(False),
        _keeping(True),
    ),
    Case(
        "arms-by-sums-of-sixteen",
        "MLP",
        "table",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        _gathering(False),
        _gathering(True),
    ),
    Case(
        "spirals-mixed-by-two-orders",
        "MLP",
        "table",
        "labels-unrelated",
        ("labels", "loop"),
        _mixing(False),
        _mixing(True),
    ),
    Case(
        "tunes-decayed-by-the-batch",
        "Transformer",
        "tokens",
        "rate-decays-too-fast",
        ("learning rate",),
        _decaying(True),
        _decaying(False),
    ),
    Case(
        "visitors-with-all-weights-in-the-loss",
        "MLP",
        "table",
        "penalty-too-strong",
        ("regularisation", "loss"),
        _sparing(0.1),
        _sparing(1e-4),
    ),
    Case(
        "loans-copied-after-the-optimiser",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser", "loop"),
        _copying(False),
        _copying(True),
    ),
)
