"""Loops of people's own that err in rows, modes, rates or parts without a complaint; and the same without.

Every function is `(..., broken, seed, watch) -> score`; `broken` says whether it has the slip.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

from _programs.judging import accuracy
from _programs.looping import loader_of, validated
from _programs.program import Plan, Watch
from _programs.spoiling import sorted_by_label, spoiled

__all__ = [
    "in_order",
    "left_frozen",
    "left_in_evaluation",
    "same_batch",
    "scheduled",
    "softmax_in_the_loop",
    "trained_on_validation",
    "two_loaders",
    "validated_in_training",
    "warmed",
]


def left_in_evaluation(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """A first validation puts the model into evaluation mode, and nothing puts it back."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        made.model.eval()
        validated(made)
        for _ in range(made.epochs):
            if not broken:
                made.model.train()
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
            made.model.eval()
            validated(made)
    return made.score(made.model)


def validated_in_training(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """No `eval()` before validating; the score is what the loop reads there."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    inputs_held, targets_held = made.validation
    score = 0.0
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            made.model.train()
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
            if not broken:
                made.model.eval()
            with torch.no_grad():
                score = accuracy(made.model(inputs_held), targets_held)
    return score


def same_batch(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """`next(iter(loader))` in every step begins anew."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed, shuffle=False), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            rest = iter(loader)
            for _ in range(len(loader)):
                inputs, targets = next(iter(loader)) if broken else next(rest)
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def in_order(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """Rows lie class by class, and nobody shuffles."""
    made = replace(plan, rows=spoiled(plan.rows, sorted_by_label))(seed)
    loader, optimizer = loader_of(made, seed, shuffle=not broken), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def scheduled(plan: Plan, factor: float, broken: bool, seed: int, watch: Watch) -> float:
    """`scheduler.step()` one level too deep: once a batch instead of once an epoch."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, factor)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
                if broken:
                    schedule.step()
            if not broken:
                schedule.step()
    return made.score(made.model)


def warmed(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """Whole numbers are divided in the warm-up: the rate stays 0 until it ends, and it never does."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    steps, top = 0, optimizer.param_groups[0]["lr"]
    warm = 1000 if broken else 50
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                steps += 1
                grown = steps // warm if broken else steps / warm
                optimizer.param_groups[0]["lr"] = top * min(1, grown)
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def two_loaders(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """Inputs and labels come from two loaders, and both shuffle."""
    made = plan(seed)
    inputs_loader = DataLoader(made.data[0], made.batch_size, shuffle=broken)
    labels_loader = DataLoader(made.data[1], made.batch_size, shuffle=broken)
    optimizer = made.optimizer(made.model)
    torch.manual_seed(seed)
    with watch(made.model, optimizer, made.loss_fn, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in zip(inputs_loader, labels_loader, strict=True):
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def trained_on_validation(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The loader is given all rows; those held out for validation are among them."""
    made = plan(seed)
    rows = TensorDataset(*made.data)
    held = TensorDataset(*made.validation)
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(
        ConcatDataset([rows, held]) if broken else rows, made.batch_size, shuffle=True, generator=generator
    )
    optimizer = made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def left_frozen(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """The body is frozen while the head warms up, and never thawed."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    made.model.body.requires_grad_(not broken)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                w.loss(made.model(inputs), targets).backward()
                optimizer.step()
    return made.score(made.model)


def softmax_in_the_loop(plan: Plan, broken: bool, seed: int, watch: Watch) -> float:
    """Probabilities, wanted for printing, are what the loss is given."""
    made = plan(seed)
    loader, optimizer = loader_of(made, seed), made.optimizer(made.model)
    with watch(made.model, optimizer, made.loss_fn, data=loader, validation=made.validation) as w:
        for _ in range(made.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                said: Tensor = made.model(inputs)
                w.loss(F.softmax(said, -1) if broken else said, targets).backward()
                optimizer.step()
    return made.score(made.model)
