"""A whole training as one value, rows included, and what a change makes of it."""

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.copying import tensors_in, undisturbed
from profunda.diagnosis.feeding import Feed, outputs_in
from profunda.diagnosis.finding import Change
from profunda.diagnosis.ingredients import Making, Parts
from profunda.diagnosis.objectives import Objective
from profunda.diagnosis.remedies import applied
from profunda.diagnosis.tasks import task_of
from profunda.diagnosis.transposing import rows_first
from profunda.errors import ArgumentError

__all__ = ["Recipe", "changed", "finite_rows"]

ROUNDED = 1e-4
"""Part of the outputs' size that single precision may make of nothing, through many layers."""

USUAL_MOMENTUM = 0.1
"""Of a batch norm's running mean and variance: torch's own default."""


@dataclass(frozen=True)
class Recipe:
    """`parts` of a training, and what becomes of its rows before they are cut into batches. `like` is an
    optimiser such as the user's, for its constants.

    `finite`: rows with numbers that are not finite are left out. `shuffled`: each epoch in another order,
    whatever the loader does. `shift`: each label is moved on by so many rows.
    """

    parts: Parts
    like: Optimizer
    finite: bool = False
    shuffled: bool = False
    shift: int = 0


def changed(change: Change, recipe: Recipe, feed: Feed, *, seed: int = 0) -> Recipe:
    """`recipe` with one thing changed; `feed` and `seed` as in `remedies.applied`.

    Kinds beyond `remedies.KINDS`: "rows" ("finite", "shuffled"), "labels" ("shifted" by `value` rows),
    "axes" ("rows first": in recurrent layers and attention).
    Words beyond them: "optimiser" = "whole" (holds all parameters, its constants those of the first group),
    "norm" = "momentum" (batch norms collect at the usual pace), "norm" = "replaced" (batch norms become norms
    of single rows), "norm" = "removed" (those that leave nothing of their rows), "loss" = "task" (the usual
    loss of what the targets are), "weight decay" = "set" (to `value`).

    Raises ArgumentError for what is unknown, or has no place here.
    """
    key = (change.kind, change.word)
    if key == ("rows", "finite"):
        return replace(recipe, finite=True)
    if key == ("rows", "shuffled"):
        return replace(recipe, shuffled=True)
    if key == ("labels", "shifted"):
        return replace(recipe, shift=recipe.shift + round(change.value))
    parts = recipe.parts
    if key == ("axes", "rows first"):
        return replace(recipe, parts=replace(parts, module=rows_first(parts.module)))
    if key == ("optimiser", "whole"):
        return replace(recipe, parts=replace(parts, optimizer=_whole(recipe.like)))
    if key == ("norm", "momentum"):
        return replace(recipe, parts=replace(parts, module=_paced(parts.module)))
    if key == ("norm", "replaced"):
        return replace(recipe, parts=replace(parts, module=_ungrouped(parts.module)))
    if key == ("norm", "removed"):
        return replace(recipe, parts=replace(parts, module=_unnormed(parts.module, _clean(feed))))
    if key == ("weight decay", "set"):
        return replace(recipe, parts=replace(parts, optimizer=_decayed(parts.optimizer, change.value)))
    if key == ("loss", "task"):
        return replace(recipe, parts=replace(parts, loss_fn=_usual(parts.module, feed)))
    return replace(recipe, parts=applied(change, parts, _clean(feed), seed=seed))


def _clean(feed: Feed) -> Feed:
    """Rows of finite numbers alone, by which scalings are made."""
    good = finite_rows(feed)
    return (
        feed if good is None or bool(good.all()) or not bool(good.any()) else feed.take(good.nonzero()[:, 0])
    )


def finite_rows(feed: Feed) -> Tensor | None:
    """Whether all numbers of a row are finite [N]; None where inputs cannot be cut into rows."""
    if not feed.apart or not feed.matched or feed.axis:
        return None
    good = torch.ones(feed.rows, dtype=torch.bool)
    for tensor in tensors_in((feed.inputs, dict(feed.named), feed.targets)):
        if tensor.is_floating_point() and tensor.ndim and len(tensor) % feed.rows == 0:
            good &= torch.isfinite(tensor).reshape(feed.rows, -1).all(1).cpu()
    return good


def _whole(like: Optimizer) -> Making:
    """Of all trainable parameters, in one group with the constants of the first."""

    def make(own: nn.Module) -> Optimizer:
        group = {key: value for key, value in like.param_groups[0].items() if key != "params"}
        held: Any = [{**group, "params": [each for each in own.parameters() if each.requires_grad]}]
        kind: Any = type(like)
        return kind(held)

    return make


def _paced(module: nn.Module) -> nn.Module:
    own, found = copy.deepcopy(module), 0
    for part in own.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase) and part.momentum != USUAL_MOMENTUM:
            part.momentum, part.track_running_stats = USUAL_MOMENTUM, True
            if part.running_mean is None or part.running_var is None:
                part.running_mean = torch.zeros(part.num_features)
                part.running_var = torch.ones(part.num_features)
            found += 1
    if not found:
        raise ArgumentError(
            f"{type(module).__name__} has no batch norm with a momentum other than {USUAL_MOMENTUM}."
        )
    return own


def _usual(module: nn.Module, feed: Feed) -> Objective:
    """The loss that goes with the targets and with what the network ends in."""
    own = copy.deepcopy(module).eval()
    with undisturbed(own), torch.no_grad():
        outputs = feed.through(own)
    made = outputs_in(outputs)
    kind = task_of(outputs, feed.targets, None, feed.inputs).kind
    if made is None or not isinstance(feed.targets, Tensor) or kind == "unknown":
        raise ArgumentError("What the targets are cannot be told, so that no loss can be proposed for them.")
    chances = bool((made >= 0).all()) and bool((made <= 1).all())
    if kind in ("binary", "multilabel") or (
        kind == "classes" and made.numel() == feed.targets.numel() and made.ndim < 2
    ):
        return Objective("bce" if chances else "bce-logits")
    if kind in ("classes", "sequence"):
        axis = 1 if made.ndim > 1 else 0
        sums = made.exp().sum(axis)
        logs = bool((made <= 0).all()) and bool(torch.isclose(sums, torch.ones_like(sums), atol=1e-3).all())
        return Objective("nll" if logs else "cross-entropy")
    return Objective("mse")


def _ungrouped(module: nn.Module) -> nn.Module:
    """Norms that look at one row each in the place of batch norms."""
    own = copy.deepcopy(module)
    found = [
        (name, part)
        for name, part in own.named_modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm)
    ]
    if not found or isinstance(own, nn.modules.batchnorm._BatchNorm):
        raise ArgumentError(f"{type(module).__name__} has no batch norm to be replaced.")
    for name, part in found:
        own.set_submodule(name, nn.GroupNorm(1, part.num_features).to(next(own.parameters())))
    return own


def _unnormed(module: nn.Module, feed: Feed) -> nn.Module:
    """Without the norms that leave nothing of their rows: of one number its mean is taken away, or what comes
    behind takes the mean that was just brought to 0.
    """
    own = copy.deepcopy(module)
    names = [name for name, part in own.named_modules() if name and _of_rows(part)]
    found = [name for name in names if _of_one(own.get_submodule(name))]
    if not found and not _tells(own, feed):
        found = [name for name in names if _tells(_without(own, name), feed)][-1:]
    if not found:
        raise ArgumentError(f"{type(module).__name__} has no norm that alone leaves nothing of its rows.")
    for name in found:
        own.set_submodule(name, nn.Identity())
    return own


def _without(module: nn.Module, name: str) -> nn.Module:
    own = copy.deepcopy(module)
    own.set_submodule(name, nn.Identity())
    return own


def _of_rows(part: nn.Module) -> bool:
    """Whether it is a norm over numbers of a single row."""
    return isinstance(part, nn.LayerNorm | nn.GroupNorm | nn.modules.instancenorm._InstanceNorm)


def _of_one(part: nn.Module) -> bool:
    return isinstance(part, nn.LayerNorm) and math.prod(part.normalized_shape) == 1


def _tells(own: nn.Module, feed: Feed) -> bool:
    """Whether outputs of different rows differ by more than rounding does."""
    with undisturbed(own), torch.no_grad():
        made = outputs_in(feed.first(64).through(copy.deepcopy(own).eval()))
    if made is None or len(made) < 2:
        return True
    spread = (made.double() - made.double().mean(0)).abs().max()
    return float(spread) > ROUNDED * float(made.double().abs().max())


def _decayed(making: Making, value: float) -> Making:
    def make(own: nn.Module) -> Optimizer:
        made = making(own)
        for group in made.param_groups:
            if "weight_decay" in group:
                group["weight_decay"] = value
        return made

    return make
