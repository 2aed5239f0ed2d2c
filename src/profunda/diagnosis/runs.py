"""The plain loop on a recipe: a copy trained for some rows, which then takes and gives the user's units."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import Batch, mapped
from profunda.diagnosis.copying import cloned, draws_from
from profunda.diagnosis.feeding import outputs_in
from profunda.diagnosis.ingredients import Parts, Scaling
from profunda.diagnosis.recipes import Recipe
from profunda.diagnosis.supplies import Supply
from profunda.diagnosis.untouched import untouched

__all__ = ["Ran", "Scaled", "entering", "ready", "run"]


@dataclass(frozen=True)
class Ran:
    """The trained network, and how many `rows` passed; `failed`: a loss was not finite, or something raised,
    which `why` tells.
    """

    module: nn.Module
    rows: int
    failed: bool = False
    why: str = ""


def run(
    recipe: Recipe, supply: Supply, *, seed: int, rows: int, whole: int, tick: Callable[[int], object]
) -> Ran:
    """Train a copy until at least `rows` rows have passed, of `whole` in a full training. `tick` is told the
    rows of each step. To be called where random numbers may be drawn.
    """
    draws_from(seed)
    parts = recipe.parts
    own = copy.deepcopy(parts.module)
    outer = ready(own, parts)
    passed = 0
    try:
        optimizer = parts.optimizer(own)
        rates = [group["lr"] for group in optimizer.param_groups]
        with untouched(supply.data):
            epochs, turn = supply.epochs(recipe, seed), 0
            while passed < rows:
                before = passed
                for batch in epochs(turn):
                    for group, rate in zip(optimizer.param_groups, rates, strict=True):
                        group["lr"] = rate * parts.rate_at(passed / max(1, whole))
                    passed += batch.rows
                    tick(batch.rows)
                    if not _step(own, parts, optimizer, batch):
                        return Ran(outer, passed, True, "a loss was not finite")
                    if passed >= rows:
                        break
                turn += 1
                if passed == before:
                    return Ran(outer, passed, True, "no rows are left")
    except Exception as error:
        return Ran(outer, passed, True, f"{type(error).__name__}: {error}")
    return Ran(outer, passed)


def _step(own: nn.Module, parts: Parts, optimizer: torch.optim.Optimizer, batch: Batch) -> bool:
    """One step; whether its loss was finite."""
    inputs, named, targets = entering(parts, batch)
    trained = [each for each in own.parameters() if each.requires_grad]
    seen: list[float] = []

    def closure() -> float:
        optimizer.zero_grad()
        loss = parts.loss_fn(own(*inputs, **named), targets)
        loss = loss if loss.numel() == 1 else loss.mean()
        if loss.requires_grad:
            loss.backward()
        if math.isfinite(parts.clip):
            torch.nn.utils.clip_grad_norm_(trained, parts.clip)
        seen.append(float(loss.detach()))
        return seen[-1]

    optimizer.step(closure)
    return math.isfinite(seen[0])


def entering(parts: Parts, batch: Batch) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
    """Inputs, inputs by name and targets as the network and the loss get them: copies, scaled."""
    inputs: Any = cloned(batch.inputs)
    named: Any = cloned(dict(batch.named))
    inputs, named = _inputs(parts.inputs, inputs, named)
    targets = cloned(batch.targets)
    return inputs, named, targets if parts.targets is None else parts.targets(targets)


def _inputs(scalings: tuple[Scaling, ...], inputs: Any, named: Any) -> tuple[Any, Any]:
    if not scalings:
        return inputs, named
    left = iter(scalings)

    def change(tensor: Tensor) -> Tensor:
        return next(left)(tensor) if tensor.is_floating_point() else tensor

    return mapped(inputs, change), mapped(named, change)


def ready(own: nn.Module, parts: Parts) -> nn.Module:
    """`own` for the user's units."""
    return Scaled(own, parts.inputs, parts.targets) if parts.inputs or parts.targets is not None else own


class Scaled(nn.Module):
    """`inner` between scalings, so that it takes the user's inputs and gives outputs in the targets' unit."""

    def __init__(self, inner: nn.Module, inputs: tuple[Scaling, ...], targets: Scaling | None) -> None:
        super().__init__()
        self.inner, self.inputs, self.targets = inner, inputs, targets
        self.training = inner.training

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `inner` gives for scaled inputs, scaled back."""
        inputs, named = _inputs(self.inputs, inputs, named)
        outputs = self.inner(*inputs, **named)
        found = outputs_in(outputs)
        if self.targets is None or found is None:
            return outputs
        back = self.targets.back(found)
        return (
            back
            if isinstance(outputs, Tensor)
            else mapped(outputs, lambda one: back if one is found else one)
        )
