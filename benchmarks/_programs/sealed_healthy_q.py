"""Trainings without a mistake: a few told as plans, and loops with all that loops of today have in them."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from _programs.program import Made, Program, Watch
from _programs.sealed_nets_q import Winding, stack
from _programs.sealed_plans_q import (
    COINS,
    ENGINES,
    HANDWRITING,
    NAMES,
    PANELS,
    PARCELS,
    QUESTIONS,
    RHYMES,
    RIVERS,
    SONGS,
    STARS,
    TILES,
    VIBRATIONS,
)
from _programs.stepping import adam, sgd

__all__ = ["HEALTHY"]

Run = Callable[[int, Watch], float]


def _loading(made: Made, seed: int, batch_size: int = 0) -> DataLoader:
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    assert isinstance(made.data, tuple)
    rows = TensorDataset(*made.data)
    return DataLoader(rows, batch_size or made.batch_size, shuffle=True, generator=draw)


def _validated(made: Made) -> float:
    made.model.eval()
    with torch.no_grad():
        loss = float(made.loss_fn(made.model(made.validation[0]), made.validation[1]))
    made.model.train()
    return loss


def _gathered_and_clipped(seed: int, watch: Watch) -> float:
    """Four batches of eight make a step, divided by four and clipped to a length of 2."""
    made = HANDWRITING(seed)
    model, loader, every = made.model, _loading(made, seed, 8), 4
    optimizer = made.optimizer(model)
    with watch(
        model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=every
    ) as w:
        for _ in range(made.epochs):
            optimizer.zero_grad()
            for place, (x, y) in enumerate(loader, start=1):
                (w.loss(model(x), y) / every).backward()
                if place % every == 0:
                    nn.utils.clip_grad_norm_(model.parameters(), 2.0)
                    optimizer.step()
                    optimizer.zero_grad()
    return made.score(model)


def _in_half_precision(seed: int, watch: Watch) -> float:
    """Forward in bfloat16, one cycle of the rate, stepped by the batch as it is made for."""
    made = TILES(seed)
    model, loader = made.model, _loading(made, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    scheduler = OneCycleLR(optimizer, max_lr=4e-3, total_steps=made.epochs * len(loader))
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    loss = w.loss(model(x), y)
                loss.backward()
                optimizer.step()
                scheduler.step()
    return made.score(model)


def _averaged(seed: int, watch: Watch) -> float:
    """A moving average of the weights is kept beside the network, and used in the end."""
    made = COINS(seed)
    model, loader = made.model, _loading(made, seed)
    optimizer = made.optimizer(model)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.98))
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
                average.update_parameters(model)
    return made.score(average.module)


def _two_groups(seed: int, watch: Watch) -> float:
    """Matrices decay, gains and biases do not; the rate warms up and then falls as a cosine, by the batch."""
    made = replace(QUESTIONS, epochs=12)(seed)
    model, loader = made.model, _loading(made, seed)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=3e-3
    )
    steps, warm = made.epochs * len(loader), 25

    def share(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        part = torch.tensor((step - warm) / (steps - warm))
        return 0.05 + 0.95 * float(0.5 * (1 + torch.cos(torch.pi * part)))

    scheduler = LambdaLR(optimizer, share)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
                scheduler.step()
    return made.score(model)


def _halved_on_plateaus(seed: int, watch: Watch) -> float:
    """Clipped, and the rate is halved where the validation loss has not fallen for some epochs."""
    made = RIVERS(seed)
    model, loader = made.model, _loading(made, seed)
    optimizer = made.optimizer(model)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=3)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
            scheduler.step(_validated(made))
    return made.score(model)


def _kept_at_its_best(seed: int, watch: Watch) -> float:
    """Ends where the validation loss has not fallen for six epochs, with the weights of the best one."""
    made = replace(VIBRATIONS, epochs=25)(seed)
    model, loader = made.model, _loading(made, seed)
    optimizer = made.optimizer(model)
    best, kept, waited = float("inf"), deepcopy(model.state_dict()), 0
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x), y).backward()
                optimizer.step()
            loss = _validated(made)
            if loss < best:
                best, kept, waited = loss, deepcopy(model.state_dict()), 0
            else:
                waited += 1
            if waited == 6:
                break
    model.load_state_dict(kept)
    return made.score(model)


def _shaken(seed: int, watch: Watch) -> float:
    """A little noise on the inputs of each batch; the rate falls to three tenths every ten epochs."""
    made = replace(PANELS, optimizer=adam(4e-3))(seed)
    model, loader = made.model, _loading(made, seed)
    optimizer = made.optimizer(model)
    scheduler = StepLR(optimizer, step_size=10, gamma=0.3)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for x, y in loader:
                optimizer.zero_grad()
                w.loss(model(x + 0.03 * torch.randn_like(x)), y).backward()
                optimizer.step()
            scheduler.step()
    return made.score(model)


def _engines_by_cosine(seed: int, watch: Watch) -> float:
    """Momentum, gradients clipped to a length of 1, a cosine over the epochs; batches gathered in twos."""
    made = replace(ENGINES, net=partial(Winding, nn.GRU, 2, 32, 4), epochs=25)(seed)
    model, loader, every = made.model, _loading(made, seed, 16), 2
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True)
    scheduler = CosineAnnealingLR(optimizer, made.epochs)
    with watch(
        model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=every
    ) as w:
        for _ in range(made.epochs):
            for place, (x, y) in enumerate(loader, start=1):
                (w.loss(model(x), y) / every).backward()
                if place % every == 0:
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    optimizer.zero_grad()
            scheduler.step()
    return made.score(model)


def _smoothed(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, label_smoothing=0.05)


HEALTHY: tuple[Program, ...] = (
    Program(
        "moods-under-layer-norms-by-nesterov",
        "MLP",
        "table",
        build=replace(
            SONGS,
            net=partial(stack, 16, 64, 32, 4, norm=nn.LayerNorm, act=nn.GELU),
            optimizer=sgd(0.02, 0.9, 1e-4, nesterov=True),
            epochs=15,
        ),
    ),
    Program("parcels-by-poissons-loss", "MLP", "table", build=PARCELS),
    Program(
        "stars-with-smoothed-kinds-and-light-dropout",
        "MLP",
        "table",
        build=replace(
            STARS, net=partial(stack, 9, 64, 64, 5, norm=nn.BatchNorm1d, drop=0.1), loss=_smoothed, epochs=20
        ),
    ),
    Program("names-by-a-small-lstm", "RNN", "tokens", build=NAMES),
    Program("rhymes-under-a-causal-mask", "Transformer", "tokens", build=RHYMES),
    Program("handwriting-gathered-in-fours-and-clipped", "CNN", "image", run=_gathered_and_clipped),
    Program("tiles-in-half-precision-by-one-cycle", "CNN", "image", run=_in_half_precision),
    Program("coins-by-a-moving-average-of-weights", "CNN", "image", run=_averaged),
    Program("questions-by-two-groups-warmed-up", "Transformer", "tokens", run=_two_groups),
    Program("rivers-halved-on-plateaus", "RNN", "sequence", run=_halved_on_plateaus),
    Program("vibrations-kept-at-their-best", "CNN", "sequence", run=_kept_at_its_best),
    Program("panels-with-shaken-inputs", "MLP", "table", run=_shaken),
    Program("engines-gathered-clipped-and-cooled", "RNN", "sequence", run=_engines_by_cosine),
)
