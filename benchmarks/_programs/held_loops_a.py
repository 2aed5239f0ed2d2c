"""Silent mistakes in hand-written loops: what is cleared, stepped, switched and drawn, and when."""

from functools import partial

import torch
from torch import Tensor, nn

from _programs.held_data_steps import (
    bends,
    documents,
    gratings,
    lines_of_digits,
    prevailing,
    seasons,
    sorted_lines,
    spectra,
    swings,
    tagged,
    tumours,
)
from _programs.held_looping import at_each, pair, right_share
from _programs.held_nets_steps import Forecaster, Reader, Tagger, dense, grid, line, xavier
from _programs.judging import accuracy, by, explained, sided
from _programs.looping import loader_of, validated
from _programs.program import Plan, Watch
from _programs.stepping import adam, adamw, rmsprop, sgd

__all__ = ["CASES"]

_CROSS, _SQUARES, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_TAGS = Plan(tagged, partial(Tagger, 16, 12, 16, 4), _CROSS, sgd(0.3, 0.9), 14, by(at_each))
_ABOUT = Plan(documents, partial(Reader, 48, 16, 5, dropout=0.1), _LOGITS, adamw(4e-3), 8, by(sided))
_BEAM = Plan(bends, partial(dense, 6, 40, 40, 3, act=nn.Tanh), _SQUARES, sgd(0.05, 0.9), 20, by(explained))
_STRIPES = Plan(gratings, partial(grid, 6, act=nn.LeakyReLU), _CROSS, adam(3e-3), 10, by(accuracy))
_SEASONS = Plan(
    partial(seasons, length=18),
    partial(Forecaster, nn.LSTM, 1, 20, 3),
    _SQUARES,
    adam(1e-2),
    12,
    by(explained),
)
_PEAKS = Plan(
    partial(spectra, length=30, noise=0.1),
    partial(line, 4, 8, norm=True),
    _CROSS,
    sgd(0.15),
    16,
    by(accuracy),
)
_GROUPS = Plan(prevailing, partial(Reader, 30, 12, 3, dropout=0.3), _CROSS, adam(3e-3), 10, by(accuracy))
_FLAT = Plan(
    lines_of_digits,
    lambda: nn.Sequential(nn.Flatten(), dense(64, 48, 48, 10, norm=nn.BatchNorm1d)),
    _CROSS,
    adam(3e-3),
    12,
    by(accuracy),
)
_PUSHED = Plan(swings, partial(Forecaster, nn.GRU, 2, 16, 1), _SQUARES, rmsprop(5e-3), 14, by(explained), 20)
_BIOPSY = Plan(tumours, partial(dense, 30, 16, 1, act=nn.ELU), _LOGITS, sgd(0.01, 0.9), 7, by(sided), 8)
_FOLDERS = Plan(sorted_lines, partial(Forecaster, nn.GRU, 8, 32, 10), _CROSS, adam(5e-3), 10, by(accuracy))
_COARSE = Plan(
    partial(gratings, n=1000, size=8),
    partial(grid, 6, 6, act=nn.SiLU),
    _CROSS,
    sgd(0.03, 0.9),
    12,
    by(accuracy),
    25,
    xavier,
)


def _never_cleared(seed: int, watch: Watch, *, right: bool) -> float:
    """Tags of words by an LSTM; `zero_grad` was lost when the loop was cleaned up."""
    made = _TAGS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for words, tags in loader:
                if right:
                    optimizer.zero_grad()
                loss = w.loss(model(words), tags)
                loss.backward()
                optimizer.step()
            model.eval()
            validated(made)
    return made.score(model)


def _cleared_too_late(seed: int, watch: Watch, *, right: bool) -> float:
    """`zero_grad` stands between `backward` and `step`: the step sees only zeros."""
    made = _ABOUT(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for tokens, subjects in loader:
                if right:
                    optimizer.zero_grad()
                w.loss(model(tokens), subjects).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                if not right:
                    optimizer.zero_grad()
                optimizer.step()
    return made.score(model)


def _wrong_one_stepped(seed: int, watch: Watch, *, right: bool) -> float:
    """`scheduler.step()` is called where `optimizer.step()` was meant."""
    made = _BEAM(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.999)
    loader = loader_of(made, seed)
    optimizer.zero_grad()
    optimizer.step()  # one empty step: the scheduler wants to come second
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for sizes, answers in loader:
                optimizer.zero_grad(set_to_none=True)
                error = w.loss(model(sizes), answers)
                error.backward()
                if right:
                    optimizer.step()
                scheduler.step()
    return made.score(model)


def _phase_misspelt(seed: int, watch: Watch, *, right: bool) -> float:
    """One loop for both phases; gradients are enabled in a phase of another name."""
    made = _STRIPES(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    phases = {"train": loader_of(made, seed), "valid": [made.validation]}
    learning = "train" if right else "training"
    with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
        for _ in range(made.epochs):
            for phase, batches in phases.items():
                model.train(phase == "train")
                for images, kinds in batches:
                    optimizer.zero_grad()
                    with torch.set_grad_enabled(phase == learning):
                        outputs = model(images)
                        loss = w.loss(outputs, kinds) if phase == "train" else made.loss_fn(outputs, kinds)
                    if phase == "train":
                        if loss.requires_grad:
                            loss.backward()
                        optimizer.step()
    return made.score(model)


def _step_first(seed: int, watch: Watch, *, right: bool) -> float:
    """`step` comes before `backward`; what `backward` leaves is cleared before the next one."""
    made = _SEASONS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            seen = 0.0
            for past, future in loader:
                optimizer.zero_grad()
                loss = w.loss(model(past), future)
                if right:
                    loss.backward()
                    optimizer.step()
                else:
                    optimizer.step()
                    loss.backward()
                seen += loss.item() * len(past)
            validated(made)
    return made.score(model)


def _checked_first(seed: int, watch: Watch, *, right: bool) -> float:
    """The untrained network is evaluated before the first epoch, and `train()` never called again."""
    made = _PEAKS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    model.eval()
    validated(made)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        if right:
            model.train()
        for _ in range(made.epochs):
            for seen, counts in loader:
                optimizer.zero_grad()
                w.loss(model(seen), counts).backward()
                optimizer.step()
    return made.score(model)


def _tested_while_dropping(seed: int, watch: Watch, *, right: bool) -> float:
    """Neither validation nor test calls `eval()`: three of ten numbers are dropped in what is reported."""
    made = _GROUPS(seed)
    rows = _GROUPS.rows(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for tokens, group in loader:
                optimizer.zero_grad()
                w.loss(model(tokens), group).backward()
                optimizer.step()
            if right:
                model.eval()
            validated(made)
    with torch.no_grad():
        return accuracy(model(rows.test[0]), rows.test[1])


def _class_by_class(model: nn.Module, inputs: Tensor, kinds: Tensor) -> float:
    with torch.no_grad():
        shares = [accuracy(model(inputs[kinds == k]), kinds[kinds == k]) for k in range(10)]
    return sum(shares) / len(shares)


def _validated_class_by_class(seed: int, watch: Watch, *, right: bool) -> float:
    """Accuracy is reported for each class, in training mode: the norms take one class for all there is."""
    made, rows = _FLAT(seed), _FLAT.rows(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
            if right:
                model.eval()
            _class_by_class(model, *made.validation)
    return _class_by_class(model, *rows.test)


def _slice_never_moves(seed: int, watch: Watch, *, right: bool) -> float:
    """Batches are sliced by hand; the beginning of the slice is computed and not used."""
    made = _PUSHED(seed)
    torch.manual_seed(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    pushes, places = made.data
    order = torch.randperm(len(pushes))
    with watch(model, optimizer, made.loss_fn, data=made.data, validation=made.validation) as w:
        for _ in range(made.epochs):
            if right:
                order = torch.randperm(len(pushes))
            for start in range(0, len(pushes), made.batch_size):
                begin = start if right else 0
                batch = order[begin : begin + made.batch_size]
                optimizer.zero_grad()
                loss = w.loss(model(pushes[batch]), places[batch])
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
    return made.score(model)


def _break_left(seed: int, watch: Watch, *, right: bool) -> float:
    """A `break` from debugging ends each epoch after its first batch, and nothing shuffles."""
    made = _BIOPSY(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed, shuffle=right)
    epochs = made.epochs if right else made.epochs * len(loader)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(epochs):
            for cells, benign in loader:
                optimizer.zero_grad()
                w.loss(model(cells), benign).backward()
                optimizer.step()
                if not right:
                    break
    return made.score(model)


def _folder_after_folder(seed: int, watch: Watch, *, right: bool) -> float:
    """Digits lie in a folder each, and the loader takes one folder after the other."""
    made = _FOLDERS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed, shuffle=right)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for lines, digits in loader:
                optimizer.zero_grad()
                loss = w.loss(model(lines), digits)
                loss.backward()
                optimizer.step()
            right_share(model, made.validation)
    return made.score(model)


def _clipped_by_value(seed: int, watch: Watch, *, right: bool) -> float:
    """Each gradient is cut to a hundred-thousandth: the number was meant for the weight decay."""
    made = _COARSE(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for images, kinds in loader:
                optimizer.zero_grad()
                w.loss(model(images), kinds).backward()
                nn.utils.clip_grad_value_(model.parameters(), 1.0 if right else 1e-5)
                optimizer.step()
    return made.score(model)


CASES = (
    pair("tagger-never-cleared", "RNN", "tokens", "gradients-not-cleared", ("loop",), _never_cleared),
    pair("cleared-after-clipping", "Transformer", "tokens", "no-backward", ("loop",), _cleared_too_late),
    pair("schedule-steps-alone", "MLP", "table", "no-step", ("loop",), _wrong_one_stepped),
    pair("phase-misspelt", "CNN", "image", "no-backward", ("loop",), _phase_misspelt),
    pair("step-ahead-of-backward", "RNN", "sequence", "no-backward", ("loop",), _step_first),
    pair(
        "checked-first-and-never-switched-back",
        "CNN",
        "sequence",
        "evaluation-mode-in-training",
        ("loop",),
        _checked_first,
    ),
    pair(
        "tested-while-dropping",
        "Transformer",
        "tokens",
        "training-mode-in-evaluation",
        ("loop",),
        _tested_while_dropping,
    ),
    pair(
        "digits-validated-one-by-one-in-training-mode",
        "MLP",
        "image",
        "training-mode-in-evaluation",
        ("loop", "normalisation"),
        _validated_class_by_class,
    ),
    pair("slice-that-never-moves", "RNN", "sequence", "same-batch", ("loop",), _slice_never_moves),
    pair("break-left-from-debugging", "MLP", "table", "same-batch", ("loop",), _break_left),
    pair("folder-after-folder", "RNN", "image", "rows-in-order", ("loop",), _folder_after_folder),
    pair("each-gradient-cut", "CNN", "image", "gradients-clipped-away", ("loop",), _clipped_by_value),
)
