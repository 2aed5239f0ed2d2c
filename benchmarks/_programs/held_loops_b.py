"""Silent mistakes in hand-written loops: schedules, averages, accumulation, half precision, state."""

from functools import partial

import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from _programs.held_data_steps import (
    bends,
    documents,
    gratings,
    lines_of_digits,
    measured,
    prevailing,
    sensors,
    spirals,
    swings,
    tilted,
    tumours,
)
from _programs.held_looping import pair, right_share
from _programs.held_nets_steps import Copier, Forecaster, Reader, Tuned, dense, grid
from _programs.judging import accuracy, by, copied, explained, sided
from _programs.looping import loader_of, validated
from _programs.program import Plan, Watch
from _programs.stepping import adam, adamw, sgd

__all__ = ["CASES"]

_CROSS, _SQUARES, _LOGITS = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()

_ARMS = Plan(spirals, partial(dense, 2, 48, 48, 3, act=nn.SiLU), _CROSS, adam(5e-3), 30, by(accuracy))
_GROUPS = Plan(prevailing, partial(Reader, 30, 12, 3, pre=False), _CROSS, adam(3e-3), 9, by(accuracy))
_STRIPES = Plan(gratings, partial(grid, 6, norm=True), _CROSS, sgd(3e-3, 0.9), 12, by(accuracy))
_RANGES = Plan(
    partial(measured, n=2800, width=6), partial(dense, 6, 48, 48, 5), _CROSS, sgd(0.04, 0.9), 14, by(accuracy)
)
_PUSHED = Plan(
    partial(swings, n=800, length=8),
    partial(Forecaster, nn.LSTM, 2, 20, 1),
    _SQUARES,
    sgd(0.06, 0.9),
    14,
    by(explained),
    4,
)
_CARRIED = Plan(
    partial(swings, n=1200, length=5),
    partial(Forecaster, nn.GRU, 2, 20, 1, carry=True),
    _SQUARES,
    adam(8e-3),
    20,
    by(explained),
)
_TILTED = Plan(tilted, partial(grid, 2, act=nn.ELU), _SQUARES, adam(3e-3), 10, by(explained))
_LINES = Plan(lines_of_digits, partial(Forecaster, nn.GRU, 8, 32, 10), _CROSS, sgd(0.3, 0.9), 8, by(accuracy))
_BIOPSY = Plan(tumours, partial(dense, 30, 24, 24, 1), _LOGITS, sgd(0.01, 0.9), 9, by(sided), 16)
_SENSORS = Plan(sensors, partial(Copier, 24, 32, 4, nn.GELU), _SQUARES, adam(4e-3), 25, by(copied))
_BEAM = Plan(bends, partial(dense, 6, 48, 48, 3, act=nn.GELU), _SQUARES, adam(3e-2), 20, by(explained))
_ABOUT = Plan(documents, partial(Reader, 48, 16, 5, width=32), _LOGITS, adamw(4e-3), 9, by(sided))


def _reset_each_epoch(seed: int, watch: Watch, *, right: bool) -> float:
    """First weights were kept for the next fold; they are loaded inside of the epochs' loop."""
    made = _ARMS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    first = {name: value.clone() for name, value in model.state_dict().items()}
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            if not right:
                model.load_state_dict(first)
            for points, arms in loader:
                optimizer.zero_grad()
                w.loss(model(points), arms).backward()
                optimizer.step()
            right_share(model, made.validation)
    return made.score(model)


def _average_stays_in(seed: int, watch: Watch, *, right: bool) -> float:
    """Slow averages of the weights are put in for validation; the trained ones are never put back."""
    made = _GROUPS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.995))
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for tokens, group in loader:
                optimizer.zero_grad()
                w.loss(model(tokens), group).backward()
                optimizer.step()
                average.update_parameters(model)
                if average.n_averaged % 5 == 0:
                    kept = {name: value.clone() for name, value in model.state_dict().items()}
                    model.load_state_dict(average.module.state_dict())
                    validated(made)
                    if right:
                        model.load_state_dict(kept)
    return made.score(model)


def _better_is_worse(seed: int, watch: Watch, *, right: bool) -> float:
    """The schedule waits for its number to fall and gets accuracies, which rise."""
    made = _STRIPES(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    mode = "max" if right else "min"
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, factor=0.1, patience=1)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.train()
            for images, kinds in loader:
                optimizer.zero_grad()
                w.loss(model(images), kinds).backward()
                optimizer.step()
            scheduler.step(right_share(model, made.validation))
    return made.score(model)


def _line_to_nothing(seed: int, watch: Watch, *, right: bool) -> float:
    """The rate falls along a line to 0 over as many steps as there are epochs, but is stepped every batch."""
    made = _RANGES(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    total = made.epochs * len(loader) if right else made.epochs
    scheduler = lr_scheduler.LinearLR(optimizer, 1.0, 1e-3, total_iters=total)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
                scheduler.step()
    return made.score(model)


def _warmed_for_ever(seed: int, watch: Watch, *, right: bool) -> float:
    """A warm-up of 2,000 steps is stepped once an epoch: the rate never gets anywhere."""
    made = _ABOUT(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    warm = 40 if right else 2000
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / warm))
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for tokens, subjects in loader:
                optimizer.zero_grad()
                w.loss(model(tokens), subjects).backward()
                optimizer.step()
                if right:
                    scheduler.step()
            if not right:
                scheduler.step()
    return made.score(model)


def _summed_up(seed: int, watch: Watch, *, right: bool) -> float:
    """Sixteen small batches make a step; their losses are summed where the mean was tuned for."""
    made, many = _PUSHED(seed), 16
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=many) as w:
        for _ in range(made.epochs):
            for k, (pushes, places) in enumerate(loader, 1):
                loss = w.loss(model(pushes), places)
                if right:
                    loss = loss / many
                loss.backward()
                if k % many == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    return made.score(model)


def _divided_by_all(seed: int, watch: Watch, *, right: bool) -> float:
    """A mean loss is divided by the number of rows once more before `backward`."""
    made = _RANGES(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    rows = sum(len(x) for x, _ in loader)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            running = 0.0
            for x, y in loader:
                optimizer.zero_grad()
                loss = w.loss(model(x), y)
                running += loss.item()
                (loss if right else loss / rows).backward()
                optimizer.step()
    return made.score(model)


def _answers_of_the_next(seed: int, watch: Watch, *, right: bool) -> float:
    """The next batch is fetched ahead; inputs are still this one's, targets already the next's."""
    made = _TILTED(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            batches = iter(loader)
            images, targets = next(batches)
            for following, answers in batches:
                optimizer.zero_grad()
                if not right:
                    targets = answers[: len(images)]
                loss = w.loss(model(images[: len(targets)]), targets)
                loss.backward()
                optimizer.step()
                images, targets = following, answers
    return made.score(model)


def _state_carried(seed: int, watch: Watch, *, right: bool) -> float:
    """The state is meant to go on within a series; batches of unrelated rows inherit it."""
    made = _CARRIED(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    assert isinstance(model, Forecaster)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            model.reset()
            for pushes, places in loader:
                if right:
                    model.reset()
                optimizer.zero_grad()
                w.loss(model(pushes), places).backward()
                optimizer.step()
    model.reset()
    return made.score(model)


def _head_too_late(seed: int, watch: Watch, *, right: bool) -> float:
    """Fine-tuning: a body knows pairs of digits; its new head is put on when the optimiser is made."""
    torch.manual_seed(seed)
    made = _LINES(seed)
    body = nn.Sequential(nn.Flatten(), dense(64, 64, 48))
    model = Tuned(body, 48, 5)
    first = torch.optim.Adam(model.parameters(), 3e-3)
    loader = loader_of(made, seed)
    for _ in range(3):
        for lines, digits in loader:
            first.zero_grad()
            _CROSS(model(lines), digits // 2).backward()
            first.step()
    model.body.requires_grad_(False)
    if right:
        model.head = nn.Linear(48, 10)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), 1e-2)
    if not right:
        model.head = nn.Linear(48, 10)
    with watch(model, optimizer, _CROSS, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for lines, digits in loader:
                optimizer.zero_grad()
                w.loss(model(lines), digits).backward()
                optimizer.step()
    return made.score(model)


def _clipped_while_scaled(seed: int, watch: Watch, *, right: bool) -> float:
    """Gradients are clipped before they are unscaled: to a 65,536th of what was meant."""
    made = _LINES(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    scaler = torch.amp.GradScaler("cpu")
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for lines, digits in loader:
                optimizer.zero_grad()
                scaler.scale(w.loss(model(lines), digits)).backward()
                if right:
                    scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.step(optimizer)
                scaler.update()
    return made.score(model)


_SCALE = 2.0**24


def _scale_never_lowered(seed: int, watch: Watch, *, right: bool) -> float:
    """Half precision with a large first scale, which is set again after each step and never lowered."""
    made = _BIOPSY(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    scaler = torch.amp.GradScaler("cpu", init_scale=_SCALE)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for cells, benign in loader:
                optimizer.zero_grad()
                with torch.autocast("cpu", dtype=torch.float16):
                    outputs = model(cells)
                loss = w.loss(outputs.float(), benign)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update() if right else scaler.update(_SCALE)
    return made.score(model)


def _encoder_not_learning(seed: int, watch: Watch, *, right: bool) -> float:
    """The encoder, as drawn, is run under `no_grad` to save memory; only the decoder learns."""
    made = _SENSORS(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    assert isinstance(model, Copier)
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for seen, wanted in loader:
                optimizer.zero_grad()
                with torch.set_grad_enabled(right):
                    code = model.encoder(seen)
                w.loss(model.decoder(code), wanted).backward()
                optimizer.step()
    return made.score(model)


def _begun_anew(seed: int, watch: Watch, *, right: bool) -> float:
    """The optimiser's fresh state is loaded before each batch: Adam's averages are of one gradient."""
    made = _BEAM(seed)
    model, optimizer = made.model, made.optimizer(made.model)
    fresh = optimizer.state_dict()
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for sizes, answers in loader:
                if not right:
                    optimizer.load_state_dict(fresh)
                optimizer.zero_grad()
                w.loss(model(sizes), answers).backward()
                optimizer.step()
    return made.score(model)


CASES = (
    pair("fold-begins-in-each-epoch", "MLP", "table", "weights-overwritten", ("loop",), _reset_each_epoch),
    pair("average-stays-in", "Transformer", "tokens", "weights-overwritten", ("loop",), _average_stays_in),
    pair(
        "schedule-takes-better-for-worse",
        "CNN",
        "image",
        "rate-decays-too-fast",
        ("learning rate", "loop"),
        _better_is_worse,
    ),
    pair(
        "line-to-nothing-too-soon",
        "MLP",
        "table",
        "rate-decays-too-fast",
        ("learning rate", "loop"),
        _line_to_nothing,
    ),
    pair(
        "warmed-for-ever",
        "Transformer",
        "tokens",
        "rate-too-low",
        ("learning rate", "loop"),
        _warmed_for_ever,
    ),
    pair(
        "springs-summed-up", "RNN", "sequence", "accumulated-unscaled", ("loop", "learning rate"), _summed_up
    ),
    pair("mean-divided-by-all", "MLP", "table", "rate-too-low", ("learning rate", "loop"), _divided_by_all),
    pair(
        "answers-of-the-next-batch",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels", "loop"),
        _answers_of_the_next,
    ),
    pair(
        "state-carried-to-strangers",
        "RNN",
        "sequence",
        "rows-mixed",
        ("architecture", "loop"),
        _state_carried,
    ),
    pair(
        "head-put-on-too-late", "MLP", "image", "parameters-not-held", ("optimiser", "loop"), _head_too_late
    ),
    pair("clipped-while-scaled", "RNN", "image", "gradients-clipped-away", ("loop",), _clipped_while_scaled),
    pair("scale-never-lowered", "MLP", "table", "amp-overflow", ("loop",), _scale_never_lowered),
    pair(
        "encoder-without-gradients",
        "MLP",
        "table",
        "part-unused",
        ("architecture", "loop"),
        _encoder_not_learning,
    ),
    pair("begun-anew-each-batch", "MLP", "table", "optimiser-constants", ("optimiser", "loop"), _begun_anew),
)
