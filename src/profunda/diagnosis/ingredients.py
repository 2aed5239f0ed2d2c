"""All that a training is made of, as one frozen value: what remedies change and trials train."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.errors import ArgumentError

__all__ = ["Making", "Parts", "Scaling", "making_of"]

Making = Callable[[nn.Module], Optimizer]
"""Makes an optimiser of all trainable parameters of a module."""


@dataclass(frozen=True)
class Scaling:
    """(x − mean)/std of one tensor's numbers, made from rows [N, …] by `of`; `back` undoes it. What is not
    finite becomes a number of `others` first: the mean for NaN, the least and the largest for infinities.
    """

    mean: Tensor
    std: Tensor
    others: tuple[Tensor, Tensor, Tensor]

    @staticmethod
    def of(rows: Tensor, by: int) -> "Scaling":
        """For each number along axis `by`, over rows and all other axes, as far as these are finite; what
        does not vary is only moved.
        """
        over = [axis for axis in range(rows.ndim) if axis == 0 or axis != by % rows.ndim]
        given = rows.detach().double()
        good = given.isfinite()
        count = good.sum(over, keepdim=True).clamp(min=1)
        mean = given.where(good, 0.0).sum(over, keepdim=True) / count
        std = ((given - mean).where(good, 0.0).square().sum(over, keepdim=True) / count).sqrt()
        std = torch.where(std > 0, std, torch.ones_like(std))
        others = (mean, given.where(good, mean).amin(over, True), given.where(good, mean).amax(over, True))
        return Scaling(mean[0].to(rows), std[0].to(rows), tuple(one[0].to(rows) for one in others))  # type: ignore[arg-type]

    @property
    def only_filling(self) -> "Scaling":
        """The same, but that what is finite stays as it is."""
        return replace(self, mean=torch.zeros_like(self.mean), std=torch.ones_like(self.std))

    def __call__(self, rows: Tensor) -> Tensor:
        """Scaled."""
        if not bool(rows.isfinite().all()):
            mean, least, most = (one.to(rows) for one in self.others)
            rows = rows.where(~rows.isnan(), mean)
            rows = rows.where(~rows.isneginf(), least).where(~rows.isposinf(), most)
        return (rows - self.mean.to(rows)) / self.std.to(rows)

    def back(self, rows: Tensor) -> Tensor:
        """Unscaled; rows whose numbers are flat or have an axis more are taken as they lie."""
        return rows * self.std.to(rows) + self.mean.to(rows)


@dataclass(frozen=True)
class Parts:
    """What a training needs beside rows. Nothing in it is changed: trainings copy `module`.

    `inputs` are scalings of the input tensors of real numbers in their order, () for none; `targets` that of
    the targets. `pace` are rates relative to the optimiser's at evenly spaced moments, () for constant ones.
    `clip` is the largest norm of gradients.
    """

    module: nn.Module
    loss_fn: Callable[..., Any]
    optimizer: Making
    batch_size: int
    epochs: int = 1
    inputs: tuple[Scaling, ...] = ()
    targets: Scaling | None = None
    pace: tuple[float, ...] = ()
    clip: float = math.inf

    def rate_at(self, progress: float) -> float:
        """The relative rate at `progress` from 0 to 1."""
        if not self.pace:
            return 1.0
        at = min(max(progress, 0.0), 1.0) * (len(self.pace) - 1)
        low = min(int(at), len(self.pace) - 2) if len(self.pace) > 1 else 0
        high = min(low + 1, len(self.pace) - 1)
        return self.pace[low] + (at - low) * (self.pace[high] - self.pace[low])


def making_of(optimizer: Optimizer, module: nn.Module) -> Making:
    """Makes optimisers like `optimizer`, which holds parameters of `module`: class, groups and constants.

    State begins anew, and so do rates that a schedule has moved. Groups are known by parameters' names;
    parameters that were not there before go to the group of those they stand beside, else to the first.
    Raises ArgumentError, when it makes one, where the class cannot be called with groups of parameters.
    """
    kind = type(optimizer)
    names = {id(each): name for name, each in module.named_parameters()}
    groups: list[dict[str, Any]] = []
    home: dict[str, int] = {}
    for at, group in enumerate(optimizer.param_groups):
        kept = {key: value for key, value in group.items() if key not in ("params", "initial_lr")}
        groups.append({**kept, "lr": group.get("initial_lr", group["lr"])})
        home |= {names[id(each)]: at for each in group["params"] if id(each) in names}
    known = set(names.values())
    taken = set(inspect.signature(kind).parameters)
    defaults = {key: value for key, value in optimizer.defaults.items() if key in taken}

    def make(own: nn.Module) -> Optimizer:
        held: list[list[Tensor]] = [[] for _ in groups]
        for name, each in own.named_parameters():
            before = _origin(name, known)
            if before is None or before in home:
                held[0 if before is None else home[before]].append(each)
        wanted = [{**group, "params": each} for group, each in zip(groups, held, strict=True) if each]
        try:
            return kind(wanted, **defaults)
        except Exception as error:
            raise ArgumentError(
                f"{kind.__name__} could not be made for a copy of the network ({error}): its class takes "
                "other arguments than groups of parameters. Trainings for comparison need one that does."
            ) from error

    return make


def _origin(name: str, known: set[str]) -> str | None:
    """The name that a parameter had before its part was wrapped, which puts a word into it; None for none."""
    words = name.split(".")
    shorter = [".".join([*words[:at], *words[at + 1 :]]) for at in range(len(words) - 1)]
    return next((each for each in (name, *shorter) if each in known), None)
