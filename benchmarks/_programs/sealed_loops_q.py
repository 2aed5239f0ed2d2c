"""Loops written by hand in which one line is missing, stands at the wrong place or does something else."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ExponentialLR, StepLR
from torch.utils.data import DataLoader, TensorDataset

from _programs.judging import explained, outputs_of
from _programs.program import Case, Made, Watch
from _programs.sealed_nets_q import Waves, Winding, stack
from _programs.sealed_plans_q import (
    BASINS,
    COINS,
    CREDITS,
    ENGINES,
    HANDWRITING,
    NAMES,
    PANELS,
    QUESTIONS,
    RHYMES,
    RIVERS,
    SONGS,
    STARS,
    TILES,
    VIBRATIONS,
    WORDS,
)
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]

Run = Callable[[int, Watch], float]


def _loading(made: Made, seed: int, batch_size: int = 0) -> DataLoader:
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    assert isinstance(made.data, tuple)
    rows = TensorDataset(*made.data)
    return DataLoader(rows, batch_size or made.batch_size, shuffle=True, generator=draw)


def _handwriting(clears: bool) -> Run:
    """`zero_grad` is forgotten."""

    def run(seed: int, watch: Watch) -> float:
        made = HANDWRITING(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    if clears:
                        optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _rivers(each_batch: bool) -> Run:
    """Gradients are cleared once, ahead of everything, or in each step."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(RIVERS, optimizer=sgd(0.05, 0.9))(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        optimizer.zero_grad()
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    if each_batch:
                        optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _questions(steps: bool) -> Run:
    """`optimizer.step()` is forgotten."""

    def run(seed: int, watch: Watch) -> float:
        made = QUESTIONS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    loss.backward()
                    if steps:
                        optimizer.step()
        return made.score(model)

    return run


def _engines(brackets: bool) -> Run:
    """`optimizer.step` without its brackets does nothing."""

    def run(seed: int, watch: Watch) -> float:
        made = ENGINES(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    if brackets:
                        optimizer.step()
                    else:
                        optimizer.step  # noqa: B018
        return made.score(model)

    return run


def _credits(first: bool) -> Run:
    """The network is made a second time, a little wider, after the optimiser got its weights, or before."""

    def run(seed: int, watch: Watch) -> float:
        made = CREDITS(seed)
        loader = _loading(made, seed)
        model = made.model
        if first:
            model = stack(12, 64, 32, 1)
        optimizer = made.optimizer(model)
        if not first:
            model = stack(12, 64, 32, 1)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _words(first: bool) -> Run:
    """The recurrent layer is exchanged for a wider one after the optimiser was made, and so is the head."""

    def run(seed: int, watch: Watch) -> float:
        made = WORDS(seed)
        loader = _loading(made, seed)
        model = made.model
        assert isinstance(model, Winding)
        optimizer = made.optimizer(model)
        model.cell, model.head = nn.GRU(24, 48, batch_first=True), nn.Linear(48, 4)
        if first:
            optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _basins(keeps: bool) -> Run:
    """The loss is made a new tensor from its number, so that `backward` has something to call on."""

    def run(seed: int, watch: Watch) -> float:
        made = BASINS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(model(x), y)
                    if not keeps:
                        loss = torch.tensor(loss.item(), requires_grad=True)
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _vibrations(gradients: bool) -> Run:
    """Prediction goes through the helper of the evaluation, which keeps no gradients, or keeps them."""

    def run(seed: int, watch: Watch) -> float:
        made = VIBRATIONS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)

        def predict(x: Tensor) -> Tensor:
            with torch.set_grad_enabled(gradients):
                return model(x)

        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = w.loss(predict(x), y)
                    if not loss.requires_grad:
                        loss.requires_grad_()
                    loss.backward()
                    optimizer.step()
        return made.score(model)

    return run


def _looked(back: bool) -> Run:
    """A first look at the validation rows switches to evaluation, and `back` to training or not."""
    deep = partial(stack, 16, *[48] * 8, 4, norm=nn.BatchNorm1d)

    def run(seed: int, watch: Watch) -> float:
        made = replace(SONGS, net=deep, optimizer=sgd(0.03, 0.9), epochs=15)(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        model.eval()
        with torch.no_grad():
            before = float(made.loss_fn(model(made.validation[0]), made.validation[1]))
        assert before > 0
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            if back:
                model.train()
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _told(switched: bool) -> Run:
    """The share explained is told after each epoch, in evaluation mode or in whichever mode it is."""

    def run(seed: int, watch: Watch) -> float:
        plan = replace(PANELS, net=partial(stack, 7, 128, 64, 1, drop=0.2))
        made, (inputs, targets) = plan(seed), plan.rows(seed).test
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)

        def told(x: Tensor, y: Tensor) -> float:
            if switched:
                return explained(outputs_of(model, x), y)
            with torch.no_grad():
                return explained(model(x), y)

        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                model.train()
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
                told(*made.validation)
        return told(inputs, targets)

    return run


def _tiles(each_batch: bool) -> Run:
    """The rate shrinks by a tenth after each batch or after each epoch."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(TILES, optimizer=sgd(0.01, 0.9))(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        scheduler = ExponentialLR(optimizer, gamma=0.9)
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


def _names(each_batch: bool) -> Run:
    """The rate is cut to a fifth every eight batches instead of every eight epochs."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(NAMES, epochs=16)(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        scheduler = StepLR(optimizer, step_size=8, gamma=0.2)
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


def _panels(inside: bool) -> Run:
    """The optimiser is made where a batch begins, or once."""

    def run(seed: int, watch: Watch) -> float:
        made = PANELS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    if inside:
                        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _drawn_anew(part: nn.Module) -> None:
    if isinstance(part, nn.Linear):
        nn.init.kaiming_normal_(part.weight)
        nn.init.zeros_(part.bias)


def _stars(each_epoch: bool) -> Run:
    """Weights are drawn in the function that trains an epoch, or once before."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(STARS, optimizer=adam(1e-3), epochs=25)(seed)
        model, loader = made.model, _loading(made, seed)
        model.apply(_drawn_anew)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                if each_epoch:
                    model.apply(_drawn_anew)
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _gathered(divides: bool) -> Run:
    """Eight batches of four are gathered before a step, as a mean or as a sum."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(HANDWRITING, optimizer=sgd(0.02, 0.9))(seed)
        model, loader, every = made.model, _loading(made, seed, 4), 8
        optimizer = made.optimizer(model)
        with watch(
            model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=every
        ) as w:
            for _ in range(made.epochs):
                optimizer.zero_grad()
                for place, (x, y) in enumerate(loader, start=1):
                    loss = w.loss(model(x), y)
                    if divides:
                        loss = loss / every
                    loss.backward()
                    if place % every == 0:
                        optimizer.step()
                        optimizer.zero_grad()
        return made.score(model)

    return run


def _clipped(most: float) -> Run:
    """Gradients are cut to a length of at most `most`."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(ENGINES, optimizer=sgd(0.2, 0.9))(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    nn.utils.clip_grad_norm_(model.parameters(), max_norm=most)
                    optimizer.step()
        return made.score(model)

    return run


def _values_cut(most: float) -> Run:
    """Each number of the gradients is cut to at most `most`."""

    def run(seed: int, watch: Watch) -> float:
        made = replace(COINS, optimizer=sgd(0.02, 0.9))(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    nn.utils.clip_grad_value_(model.parameters(), most)
                    optimizer.step()
        return made.score(model)

    return run


def _one_batch(advances: bool) -> Run:
    """A batch is taken once to try the network out, and stays the one that is trained on."""

    def run(seed: int, watch: Watch) -> float:
        made = CREDITS(seed)
        model, loader = made.model, _loading(made, seed)
        optimizer = made.optimizer(model)
        inputs, targets = next(iter(loader))
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    if advances:
                        inputs, targets = x, y
                    optimizer.zero_grad()
                    w.loss(model(inputs), targets).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _sliced(step: int) -> Run:
    """Batches are slices of shuffled rows; they begin `step` rows apart, or all at the first."""

    def run(seed: int, watch: Watch) -> float:
        made = RHYMES(seed)
        assert isinstance(made.data, tuple)
        model, optimizer = made.model, made.optimizer(made.model)
        torch.manual_seed(seed)
        x, y = made.data
        with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
            for _ in range(made.epochs):
                start = 0
                for _ in range(len(x) // 32):
                    optimizer.zero_grad()
                    w.loss(model(x[start : start + 32]), y[start : start + 32]).backward()
                    optimizer.step()
                    start += step
        return made.score(model)

    return run


def _permuted(both: bool) -> Run:
    """Rows are put in a new order in each epoch: inputs and targets, or inputs alone."""

    def run(seed: int, watch: Watch) -> float:
        made = TILES(seed)
        assert isinstance(made.data, tuple)
        model, optimizer = made.model, made.optimizer(made.model)
        torch.manual_seed(seed)
        x, y = made.data
        with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
            for _ in range(made.epochs):
                order = torch.randperm(len(x))
                x_epoch, y_epoch = x[order], y[order] if both else y
                for start in range(0, len(x), made.batch_size):
                    optimizer.zero_grad()
                    outputs = model(x_epoch[start : start + made.batch_size])
                    w.loss(outputs, y_epoch[start : start + made.batch_size]).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _frozen(thawed: bool) -> Run:
    """All but the head is frozen as for a network that was trained before, though it was not."""

    def run(seed: int, watch: Watch) -> float:
        made = QUESTIONS(seed)
        model, loader = made.model, _loading(made, seed)
        for name, weights in model.named_parameters():
            weights.requires_grad_(thawed or name.startswith("head"))
        optimizer = adamw(2e-3)(model)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


def _kernels(learnt: bool) -> Run:
    """The convolutions are frozen while they are as they were drawn, and only the head is handed over."""

    def run(seed: int, watch: Watch) -> float:
        made = VIBRATIONS(seed)
        model, loader = made.model, _loading(made, seed)
        assert isinstance(model, Waves)
        for weights in model.body.parameters():
            weights.requires_grad = learnt
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
        with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
            for _ in range(made.epochs):
                for x, y in loader:
                    optimizer.zero_grad()
                    w.loss(model(x), y).backward()
                    optimizer.step()
        return made.score(model)

    return run


_PARTS = ("architecture", "loop", "optimiser")

CASES: tuple[Case, ...] = (
    Case(
        "handwriting-never-cleared",
        "CNN",
        "image",
        "gradients-not-cleared",
        ("loop",),
        _handwriting(False),
        _handwriting(True),
    ),
    Case(
        "rivers-cleared-once",
        "RNN",
        "sequence",
        "gradients-not-cleared",
        ("loop",),
        _rivers(False),
        _rivers(True),
    ),
    Case(
        "questions-without-a-step",
        "Transformer",
        "tokens",
        "no-step",
        ("loop",),
        _questions(False),
        _questions(True),
    ),
    Case(
        "step-without-its-brackets",
        "RNN",
        "sequence",
        "no-step",
        ("loop",),
        _engines(False),
        _engines(True),
    ),
    Case(
        "credits-by-a-second-network",
        "MLP",
        "table",
        "parameters-not-held",
        ("optimiser", "loop"),
        _credits(False),
        _credits(True),
    ),
    Case(
        "wider-cell-put-in-too-late",
        "RNN",
        "tokens",
        "parameters-not-held",
        ("optimiser", "loop"),
        _words(False),
        _words(True),
    ),
    Case(
        "rain-with-a-loss-from-its-item",
        "MLP",
        "sequence",
        "loss-detached",
        ("loss", "loop"),
        _basins(False),
        _basins(True),
    ),
    Case(
        "vibrations-predicted-without-gradients",
        "CNN",
        "sequence",
        "loss-detached",
        ("loss", "loop"),
        _vibrations(False),
        _vibrations(True),
    ),
    Case(
        "moods-looked-at-and-left-in-evaluation",
        "MLP",
        "table",
        "evaluation-mode-in-training",
        ("loop", "normalisation"),
        _looked(False),
        _looked(True),
    ),
    Case(
        "power-told-under-dropout",
        "MLP",
        "table",
        "training-mode-in-evaluation",
        ("loop",),
        _told(False),
        _told(True),
    ),
    Case(
        "tiles-at-nine-tenths-each-batch",
        "CNN",
        "image",
        "rate-decays-too-fast",
        ("learning rate", "loop"),
        _tiles(True),
        _tiles(False),
    ),
    Case(
        "names-with-a-schedule-by-the-batch",
        "RNN",
        "tokens",
        "rate-decays-too-fast",
        ("learning rate", "loop"),
        _names(True),
        _names(False),
    ),
    Case(
        "adam-made-where-a-batch-begins",
        "MLP",
        "table",
        "optimiser-constants",
        ("optimiser", "loop"),
        _panels(True),
        _panels(False),
    ),
    Case(
        "stars-drawn-in-each-epoch",
        "MLP",
        "table",
        "weights-overwritten",
        ("loop", "initialisation"),
        _stars(True),
        _stars(False),
    ),
    Case(
        "handwriting-gathered-as-a-sum",
        "CNN",
        "image",
        "accumulated-unscaled",
        ("loop", "learning rate"),
        _gathered(False),
        _gathered(True),
    ),
    Case(
        "engines-clipped-to-a-thousandth",
        "RNN",
        "sequence",
        "gradients-clipped-away",
        ("loop",),
        _clipped(1e-3),
        _clipped(5.0),
    ),
    Case(
        "coins-with-values-cut-to-nothing",
        "CNN",
        "image",
        "gradients-clipped-away",
        ("loop",),
        _values_cut(1e-5),
        _values_cut(1.0),
    ),
    Case(
        "batch-of-the-first-try",
        "MLP",
        "table",
        "same-batch",
        ("loop",),
        _one_batch(False),
        _one_batch(True),
    ),
    Case(
        "rhymes-from-the-first-slice",
        "Transformer",
        "tokens",
        "same-batch",
        ("loop",),
        _sliced(0),
        _sliced(32),
    ),
    Case(
        "tiles-shuffled-without-their-kinds",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels", "data", "loop"),
        _permuted(False),
        _permuted(True),
    ),
    Case(
        "encoder-frozen-though-never-trained",
        "Transformer",
        "tokens",
        "part-unused",
        _PARTS,
        _frozen(False),
        _frozen(True),
    ),
    Case(
        "kernels-frozen-as-they-were-drawn",
        "CNN",
        "sequence",
        "part-unused",
        _PARTS,
        _kernels(False),
        _kernels(True),
    ),
)
