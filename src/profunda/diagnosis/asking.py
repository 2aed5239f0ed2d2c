"""Calling a user's loss without a trace: its number, its gradient by the outputs, or why there is none."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import cloned, copy_of, draws_from, tensors_in, undisturbed

__all__ = ["Asked", "Asking", "one_number", "told"]


@dataclass(frozen=True)
class Asked:
    """One call. `slope` has the shape of the outputs, or is None where no gradient reaches them; `given`
    the shape of what the loss gave.
    """

    value: float = float("nan")
    slope: Tensor | None = None
    given: tuple[int, ...] = ()
    why: str = ""

    @property
    def usable(self) -> bool:
        """Whether there is a gradient, all of it finite and some of it not zero."""
        return self.slope is not None and bool(torch.isfinite(self.slope).all()) and bool(self.slope.any())


class Asking:
    """A loss as a function of outputs and targets that changes nothing of the user's.

    A module is copied; a function is called as it is, with copies of its arguments.
    """

    def __init__(self, loss_fn: Callable[..., Any]) -> None:
        self._loss: Callable[..., Any] = loss_fn
        self._module = loss_fn if isinstance(loss_fn, nn.Module) else None
        if self._module is not None:
            try:
                self._loss = copy_of(self._module)
            except Exception:
                self._loss = loss_fn

    def __call__(self, outputs: Tensor, targets: Any, seed: int | None = None) -> Asked:
        """The mean of what it gives where that is several numbers, and its gradient.

        `seed` is that of every source of random numbers; without it they stand as the user left them.
        """
        leaf = outputs.detach().clone().requires_grad_()
        try:
            with undisturbed(self._module):
                if seed is not None:
                    _seeded(seed)
                given = self._loss(leaf, cloned(targets))
                number, why = one_number(given)
                if number is None:
                    return Asked(why=why)
                slope = None
                if number.requires_grad:
                    (slope,) = torch.autograd.grad(number, leaf, allow_unused=True)
                return Asked(float(number.detach()), slope, tuple(torch.as_tensor(given).shape))
        except Exception as error:
            return Asked(why=told(error))

    def nested(self, outputs: Any, targets: Any) -> tuple[Asked, tuple[float, float]]:
        """The same for outputs that are several tensors, and the share of all their numbers that move it; by
        rows there is none.
        """
        own = cloned(outputs)
        leaves = [one.requires_grad_() for one in tensors_in(own) if one.is_floating_point()]
        try:
            with undisturbed(self._module):
                given = self._loss(own, cloned(targets))
                number, why = one_number(given)
                if number is None or not number.requires_grad or not leaves:
                    return Asked(math.nan if number is None else float(number.detach()), why=why), (
                        0.0,
                        math.nan,
                    )
                slopes = torch.autograd.grad(number, leaves, allow_unused=True)
        except Exception as error:
            return Asked(why=told(error)), (0.0, math.nan)
        moved = sum(0 if slope is None else int((slope != 0).sum()) for slope in slopes)
        reached = next((one for one in slopes if one is not None), None)
        share = moved / max(1, sum(leaf.numel() for leaf in leaves))
        return Asked(float(number.detach()), reached), (share, math.nan)

    def value(self, outputs: Tensor, targets: Any) -> Tensor:
        """The number with its graph, for outputs that are part of one. Raises what the loss raises."""
        number, why = one_number(self._loss(outputs, targets))
        if number is None:
            raise TypeError(why)
        return number


def told(error: Exception) -> str:
    """What was raised, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _seeded(seed: int) -> None:
    draws_from(seed)
    random.seed(seed)
    np.random.seed(seed)


def one_number(given: Any) -> tuple[Tensor | None, str]:
    """What a loss gave as one number, or why it cannot be one."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        return torch.tensor(float(given)), ""
    if isinstance(given, Tensor) and given.numel() and not given.is_complex():
        return (given if given.is_floating_point() else given.double()).mean(), ""
    if isinstance(given, Tensor):
        return None, f"it gives a {given.dtype} tensor of shape {tuple(given.shape)}, not a number"
    kind = type(given).__name__
    if isinstance(given, tuple | list | Mapping):
        return None, f"it gives a {kind} of {len(given)}: pass a function that gives the loss alone"
    return None, f"it gives a {kind}, not a tensor: does it return what it computes?"
