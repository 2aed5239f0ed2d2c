"""Loops of people's own with nothing wrong in them, however unusual they look to a probe."""

from copy import deepcopy
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from _programs.nets import cnn, mlp
from _programs.plans import DIGITS, ECHOES, FRIEDMAN, IMAGES, IMAGES_NORM, SHAPES, SUCCESSORS, TONES, WALKS
from _programs.program import Made, Plan, Program, Watch
from _programs.stepping import adam, adamw, sgd

__all__ = ["LOOPS"]


def _loader(made: Made, seed: int, batch_size: int = 0) -> DataLoader:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    rows = TensorDataset(*made.data)
    return DataLoader(rows, batch_size or made.batch_size, shuffle=True, generator=generator)


def _scheduled(plan: Plan, kind: str, seed: int, watch: Watch) -> float:
    """Warm-up and a cosine, or one cycle, by the step; or halved now and then, by the epoch."""
    made = plan(seed)
    loader, optimizer = _loader(made, seed), made.optimizer(made.model)
    steps, top = made.epochs * len(loader), optimizer.param_groups[0]["lr"]
    schedule: torch.optim.lr_scheduler.LRScheduler
    if kind == "one cycle":
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, top, total_steps=steps)
    elif kind == "warm cosine":
        warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.02, total_iters=steps // 8)
        rest = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps - steps // 8)
        schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, rest], [steps // 8])
    else:
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, steps // 3, 0.3)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
                schedule.step()
    return made.score(made.model)


def _accumulated(plan: Plan, parts: int, seed: int, watch: Watch) -> float:
    """Micro-batches of 8, their losses divided by their number."""
    made = plan(seed)
    loader, optimizer = _loader(made, seed, 8), made.optimizer(made.model)
    with watch(
        made.model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=parts
    ) as w:
        for _ in range(made.epochs):
            optimizer.zero_grad()
            for k, (inputs, targets) in enumerate(loader, 1):
                (w.loss(made.model(inputs), targets) / parts).backward()
                if k % parts == 0:
                    optimizer.step()
                    optimizer.zero_grad()
            optimizer.zero_grad()
    return made.score(made.model)


def _clipped(plan: Plan, limit: float, seed: int, watch: Watch) -> float:
    """Clipped to a usual length."""
    made = plan(seed)
    loader, optimizer = _loader(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                nn.utils.clip_grad_norm_(made.model.parameters(), limit)
                optimizer.step()
    return made.score(made.model)


def _stopped_early(plan: Plan, patience: int, seed: int, watch: Watch) -> float:
    """Validated after every epoch; ends when it gets no better, and goes back to the best weights."""
    made = plan(seed)
    loader, optimizer = _loader(made, seed), made.optimizer(made.model)
    best, weights, since = float("inf"), deepcopy(made.model.state_dict()), 0
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            made.model.train()
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
            made.model.eval()
            with torch.no_grad():
                value = float(made.loss_fn(made.model(made.validation[0]), made.validation[1]))
            since += 1
            if value < best:
                best, weights, since = value, deepcopy(made.model.state_dict()), 0
            if since > patience:
                break
    made.model.load_state_dict(weights)
    return made.score(made.model)


def _moved(images: Tensor, generator: torch.Generator) -> Tensor:
    """Every image a pixel aside, some with noise."""
    by = torch.randint(-1, 2, (2,), generator=generator).tolist()
    noise = 0.1 * torch.randn(images.shape, generator=generator)
    return torch.roll(images, by, (-2, -1)) + noise


def _augmented(plan: Plan, seed: int, watch: Watch) -> float:
    """Images are moved and made noisy anew in every step."""
    made = plan(seed)
    loader, optimizer = _loader(made, seed), made.optimizer(made.model)
    generator = torch.Generator().manual_seed(seed)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(_moved(inputs, generator)), targets).backward()
                optimizer.step()
    return made.score(made.model)


def _scaled(plan: Plan, seed: int, watch: Watch) -> float:
    """Half precision with a scaler that lives as long as the loop."""
    made = plan(seed)
    loader, optimizer = _loader(made, seed), made.optimizer(made.model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                with torch.autocast("cpu", dtype=torch.float16):
                    loss = w.loss(made.model(inputs), targets)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
    return made.score(made.model)


def _thawed(plan: Plan, seed: int, watch: Watch) -> float:
    """Fine-tuning on purpose: the first layer came from elsewhere and is not held by the optimiser."""
    made = plan(seed)
    first = made.model[0]
    first.requires_grad_(False)
    optimizer = torch.optim.Adam([p for p in made.model.parameters() if p.requires_grad], lr=3e-3)
    loader = _loader(made, seed)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def _noised(plan: Plan, seed: int, watch: Watch) -> float:
    """Evaluated between steps, mode put back each time; two parameter groups with rates of their own."""
    made = plan(seed)
    loader = _loader(made, seed)
    parts = list(made.model.children())
    optimizer = torch.optim.SGD(
        [
            {"params": [p for part in parts[:-1] for p in part.parameters()]},
            {"params": parts[-1].parameters(), "lr": 0.02},
        ],
        lr=0.05,
    )
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for k, (inputs, targets) in enumerate(loader):
                optimizer.zero_grad(set_to_none=False)
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
                if k % 10 == 0:
                    made.score(made.model)
    return made.score(made.model)


LOOPS = (
    Program(
        "large-rate-warmed-up",
        "MLP",
        "image",
        run=partial(_scheduled, replace(DIGITS, optimizer=sgd(0.3, 0.5)), "warm cosine"),
    ),
    Program(
        "cosine-cnn",
        "CNN",
        "image",
        run=partial(_scheduled, replace(SHAPES, optimizer=sgd(0.05, 0.9)), "warm cosine"),
    ),
    Program(
        "one-cycle-transformer",
        "Transformer",
        "tokens",
        run=partial(_scheduled, replace(ECHOES, optimizer=adamw(1e-2)), "one cycle"),
    ),
    Program("steps-of-the-rate", "RNN", "sequence", run=partial(_scheduled, WALKS, "steps")),
    Program("accumulated-mlp", "MLP", "table", run=partial(_accumulated, FRIEDMAN, 4)),
    Program("accumulated-cnn", "CNN", "image", run=partial(_accumulated, IMAGES, 4)),
    Program("clipped-gru", "RNN", "sequence", run=partial(_clipped, TONES, 1.0)),
    Program("clipped-transformer", "Transformer", "tokens", run=partial(_clipped, SUCCESSORS, 1.0)),
    Program(
        "stopped-early-cnn", "CNN", "image", run=partial(_stopped_early, replace(IMAGES_NORM, epochs=12), 2)
    ),
    Program(
        "stopped-early-mlp",
        "MLP",
        "table",
        run=partial(
            _stopped_early, replace(FRIEDMAN, net=partial(mlp, 10, 64, 1), optimizer=adam(3e-3), epochs=40), 4
        ),
    ),
    Program(
        "augmented-cnn",
        "CNN",
        "image",
        run=partial(_augmented, replace(SHAPES, net=partial(cnn, 4, size=12, channels=12))),
    ),
    Program("half-precision-cnn", "CNN", "image", run=partial(_scaled, IMAGES)),
    Program(
        "first-layer-frozen-on-purpose",
        "MLP",
        "image",
        run=partial(_thawed, replace(DIGITS, net=partial(mlp, 64, 128, 64, 10))),
    ),
    Program(
        "two-groups-evaluated-often",
        "MLP",
        "image",
        run=partial(_noised, replace(DIGITS, net=partial(mlp, 64, 48, 10, dropout=0.2))),
    ),
)
