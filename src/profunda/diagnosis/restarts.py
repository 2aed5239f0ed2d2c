"""What begins anew between the steps of a loop: the state of its optimiser, its weights, the optimiser."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.record import Ending
from profunda.diagnosis.weights import Weights

__all__ = ["Restarts"]

NUMBERS = 64
"""Numbers of a weight, spread over it, by which it is known again."""

ANEW = 0.8
"""Squared distance of weights over the sum of their squares: 1 for two draws, near 0 for anything that was
made of what was there."""

NONE = -1.0
"""Age of a state that is not there."""


class Restarts:
    """Looks before and after each step, whatever else is followed: that costs some microseconds.

    `forgot`: steps before which what the optimiser had gathered was gone; `returned`: steps before which the
    weights had been set back to the first ones, or to those that they were set to the last time, or had been
    drawn anew; `rewritten`: steps before which they were set to what they were.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, weights: Weights) -> None:
        self.model, self.optimizer, self.weights = model, optimizer, weights
        self.forgot = self.returned = self.rewritten = 0
        self.within = False
        self._gathered = _Gathered()
        self._few: list[_Few] = []
        self._first: list[Tensor] = []
        self._put: list[Tensor] = []
        self._left: list[Tensor] = []
        self._versions: tuple[int, ...] = ()

    def before(self, optimizer: Optimizer) -> None:
        """A step of `optimizer` begins."""
        self.within = True
        self.forgot += self._gathered.is_gone(optimizer)
        if not self._first:
            self.weights.settle()
            self._few = [_Few(each) for each in self.weights.marked if each.device.type == "cpu"][:2]
            self._first = self._here()
        elif self._versions and self._writes() != self._versions:
            here = self._here()
            if any(a.shape != b.shape for a, b in zip(here, self._left, strict=True)):
                self._first = self._put = here  # units were cut off or added
            elif not _same(here, self._left):  # a limit that nothing exceeds sets nothing
                again = _same(here, self._first) or _same(here, self._put)
                self.returned += again or _is_drawn(here, self._left)
                self._put = here
            else:
                self.rewritten += 1

    def after(self, optimizer: Optimizer) -> None:
        """It was made."""
        self.within = False
        self._gathered.look(optimizer)
        self._versions = self._writes()
        self._left = self._here()

    @property
    def ending(self) -> Ending:
        """What was done to the weights after the last step."""
        if not self._versions or self._writes() == self._versions:
            return ""
        if any(each.parameter.device.type != "cpu" for each in self._few):
            return ""
        here = self._here()
        if _same(here, self._left):
            return "" if self.rewritten else "same"
        return "first" if _same(here, self._first) else "set"

    def _here(self) -> list[Tensor]:
        return [each.numbers() for each in self._few]

    def _writes(self) -> tuple[int, ...]:
        return tuple(each.parameter._version for each in self._few)

    def replaces(self, other: Optimizer) -> bool:
        """Whether `other` is of the kind of the one that is watched, holds the same of the model's weights,
        and steps in its stead, and not within its step.
        """
        if self.within or type(other) is not type(self.optimizer):
            return False
        ours = {id(each) for each in self.model.parameters()}
        held = _held(other) & ours
        return bool(held) and held == _held(self.optimizer) & ours


class _Few:
    """Some numbers of a weight, read over and over: one view of it serves as long as it stays where it is."""

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self._view: Tensor | None = None
        self._place = 0

    def numbers(self) -> Tensor:
        """They, as they are now: a copy."""
        place = self.parameter.data_ptr()
        if self._view is None or place != self._place:
            parameter = self.parameter.detach()
            view = parameter.reshape(-1)[:: max(1, parameter.numel() // NUMBERS)]
            if not parameter.is_contiguous():  # no view, but a copy
                return view.clone()
            self._view, self._place = view, place
        return self._view.clone()


class _Gathered:
    """What an optimiser knows of the first weight after a step, and whether that is gone before the next.

    Where steps are counted by a tensor, as torch does, the tensor is known again and not read: reading it
    takes as long as some small layers.
    """

    def __init__(self) -> None:
        self._state: object = None
        self._count: Tensor | None = None
        self._version, self._age = 0, NONE

    def look(self, optimizer: Optimizer) -> None:
        """A step was made."""
        self._state, self._count = _known(optimizer)
        if self._count is None:
            self._age = _age(optimizer)
        else:
            self._version = self._count._version

    def is_gone(self, optimizer: Optimizer) -> bool:
        """Whether the first weight has a state that saw fewer steps, or none."""
        state, count = _known(optimizer)
        if self._count is None:
            return _age(optimizer) < self._age
        if state is self._state and count is self._count and count._version == self._version:
            return False
        return _age(optimizer) < _counted(self._count)


def _known(optimizer: Optimizer) -> tuple[object, Tensor | None]:
    """The state of the first weight, and the tensor that counts its steps, if one does."""
    state = next(iter(optimizer.state.values()), None) if optimizer.state else None
    count = state.get("step") if isinstance(state, Mapping) else None
    return state, count if isinstance(count, Tensor) else None


def _held(optimizer: Optimizer) -> set[int]:
    return {id(each) for group in optimizer.param_groups for each in group["params"]}


def _is_drawn(here: list[Tensor], left: list[Tensor]) -> bool:
    """Whether nothing of what was left is in what is here."""
    both = sum(float(each.float().square().sum()) for each in (*here, *left))
    between = sum(float((a - b).float().square().sum()) for a, b in zip(here, left, strict=True))
    return between > ANEW * both > 0.0


def _same(these: list[Tensor], those: list[Tensor]) -> bool:
    return len(these) == len(those) and all(map(torch.equal, these, those))


def _age(optimizer: Optimizer) -> float:
    """Steps that the state of the first weight has seen; 0 where it does not count them."""
    state, _ = _known(optimizer)
    if not isinstance(state, Mapping) or not any(each is not None for each in state.values()):
        return NONE
    seen = state.get("step", 0.0)
    return _counted(seen) if isinstance(seen, Tensor | int | float) else 0.0


def _counted(seen: Tensor | float) -> float:
    if isinstance(seen, Tensor):
        seen = float(seen) if seen.device.type == "cpu" and seen.numel() == 1 else 0.0
    return float(seen) if math.isfinite(seen) else 0.0
