"""Loops of people's own that lose gradients or weights without a complaint; and the same without the slip.

Every function is `(..., broken, seed, watch) -> score`; `broken` says whether it has the slip.
"""

from copy import deepcopy

import torch
from torch import nn

from _programs.looping import loader_of, validated
from _programs.program import Plan, Watch

__all__ = [
    "best_restored",
    "cleared_late",
    "clipped",
    "made_again",
    "no_backward",
    "rewrapped",
    "scaler_made_anew",
    "stepped_once",
    "summed",
    "uncleared",
    "unstepped",
    "weights_cut",
]


def uncleared(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """No `zero_grad`."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                if not broken:
                    optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def unstepped(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The schedule steps, the optimiser does not."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                if not broken:
                    optimizer.step()
            for group in optimizer.param_groups:
                group["lr"] *= 0.95
    return made.score(made.model)


def cleared_late(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """`zero_grad` stands between `backward` and `step`."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                loss = w.loss(made.model(inputs), targets)
                if not broken:
                    optimizer.zero_grad()
                loss.backward()
                if broken:
                    optimizer.zero_grad()
                optimizer.step()
    return made.score(made.model)


def no_backward(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """`backward` was lost when the loop was rewritten."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            total = 0.0
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = w.loss(made.model(inputs), targets)
                total += loss.item()
                if not broken:
                    loss.backward()
                optimizer.step()
    return made.score(made.model)


def scaler_made_anew(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The scaler is made in the loop, so that it never learns which scale is too large."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                if broken:
                    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**30)
                optimizer.zero_grad()
                with torch.autocast("cpu", dtype=torch.float16):
                    loss = w.loss(made.model(inputs), targets)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
    return made.score(made.model)


def clipped(plan: Plan, limit: float, broken: bool, seed: int, watch: Watch) -> float:
    """Clipped to `limit` instead of 5."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                nn.utils.clip_grad_norm_(made.model.parameters(), limit if broken else 5.0)
                optimizer.step()
    return made.score(made.model)


def best_restored(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The best weights are restored after every epoch; the best score is compared the wrong way round."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    best, weights = validated(made), deepcopy(made.model.state_dict())
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
            value = validated(made)
            if (value > 2 * best) if broken else (value < best):
                best, weights = value, deepcopy(made.model.state_dict())
            elif broken:
                made.model.load_state_dict(weights)
    if not broken:
        made.model.load_state_dict(weights)
    return made.score(made.model)


def weights_cut(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """Weights are cut to ±0.02 after every step, as a critic's were in another project."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
                if broken:
                    for weight in made.model.parameters():
                        weight.data.clamp_(-0.02, 0.02)
    return made.score(made.model)


def summed(plan: Plan, parts: int, broken: bool, seed: int, watch: Watch) -> float:
    """Gradients of micro-batches are added, their losses not divided by `parts`."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed, batch_size=4), made.optimizer(made.model)
    with watch(
        made.model, optimizer, made.loss_fn, data=loader, validation=made.validation, accumulate=parts
    ) as w:
        for _ in range(made.epochs):
            optimizer.zero_grad()
            for k, (inputs, targets) in enumerate(loader, 1):
                loss = w.loss(made.model(inputs), targets)
                (loss if broken else loss / parts).backward()
                if k % parts == 0:
                    optimizer.step()
                    optimizer.zero_grad()
    return made.score(made.model)


def rewrapped(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The loss's number is wrapped anew before `backward`."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss = w.loss(made.model(inputs), targets)
                if broken:
                    loss = loss.detach().requires_grad_(True)
                loss.backward()
                optimizer.step()
    return made.score(made.model)


def made_again(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The model is made again (to start afresh) after its optimiser."""
    made = plan(seed)
    optimizer = made.optimizer(made.model)
    model = plan(seed + 1000).model if broken else made.model
    loader = loader_of(made, seed)
    with watch(model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                model.zero_grad()
                w.loss(model(inputs), targets).backward()
                optimizer.step()
    return made.score(model)


def stepped_once(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """`step` one level too far out: once an epoch, with the last batch's gradient."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                if not broken:
                    optimizer.step()
            if broken:
                optimizer.step()
    return made.score(made.model)
