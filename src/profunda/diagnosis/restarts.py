"""What begins anew between the steps of a loop: the state of its optimiser, its weights, the optimiser."""

import math
from collections.abc import Mapping

import numpy as np
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
        self._some: _Some | None = None
        self._first = self._put = self._left = b""
        self._version = -1

    def before(self, optimizer: Optimizer) -> None:
        """A step of `optimizer` begins."""
        self.within = True
        self.forgot += self._gathered.is_gone(optimizer)
        if self._some is None:
            self._begin()
        elif self._some.parameter._version != self._version >= 0:
            self._written(self._some, self._some.numbers())

    def after(self, optimizer: Optimizer) -> None:
        """It was made."""
        self.within = False
        self._gathered.look(optimizer)
        if self._some is not None:
            self._version, self._left = self._some.parameter._version, self._some.numbers()

    @property
    def ending(self) -> Ending:
        """What was done to the weights after the last step."""
        if self._some is None or not self._some.parameter._version != self._version >= 0:
            return ""
        here = self._some.numbers()
        if not here:
            return ""
        if here == self._left:
            return "" if self.rewritten else "same"
        return "first" if here == self._first else "set"

    def _begin(self) -> None:
        self.weights.settle()
        readable = [each for each in self.weights.marked if _is_readable(each)]
        if readable:
            self._some = _Some(readable[0])
            self._first = self._some.numbers()

    def _written(self, some: "_Some", here: bytes) -> None:
        """The weight was written to between two steps."""
        if len(here) != len(self._left):
            self._first = self._put = here  # units were cut off or added, or moved elsewhere
        elif here != self._left:  # a limit that nothing exceeds sets nothing
            self.returned += here in (self._first, self._put) or some.is_drawn(here, self._left)
            self._put = here
        else:
            self.rewritten += 1

    def replaces(self, other: Optimizer) -> bool:
        """Whether `other` is of the kind of the one that is watched, holds the same of the model's weights,
        and steps in its stead, and not within its step.
        """
        if self.within or type(other) is not type(self.optimizer):
            return False
        ours = {id(each) for each in self.model.parameters()}
        held = _held(other) & ours
        return bool(held) and held == _held(self.optimizer) & ours


class _Some:
    """Some numbers of a weight, read over and over: one array over its memory serves as long as it stays
    where it is, and bytes of it are copied in a tenth of the time that a tensor's copy takes.
    """

    def __init__(self, parameter: nn.Parameter) -> None:
        self.parameter = parameter
        self._array = np.zeros(0)
        self._place = 0

    def numbers(self) -> bytes:
        """They, as they are now; nothing where the weight has left the memory that can be read."""
        place = self.parameter.data_ptr()
        if place != self._place or not place:
            if not _is_readable(self.parameter):
                return b""
            parameter = self.parameter.detach()
            some = parameter.reshape(-1)[:: max(1, parameter.numel() // NUMBERS)]
            array = some.view(_WHOLE[some.element_size()]).numpy()
            if not parameter.is_contiguous():  # of a copy
                return array.tobytes()
            self._array, self._place = array, place
        return self._array.tobytes()

    def is_drawn(self, here: bytes, left: bytes) -> bool:
        """Whether nothing of what was `left` is in what is `here`."""
        one, other = (
            torch.frombuffer(bytearray(each), dtype=self.parameter.dtype).double() for each in (here, left)
        )
        both = float(one.square().sum() + other.square().sum())
        return float((one - other).square().sum()) > ANEW * both > 0.0


_WHOLE = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""The whole numbers by which numbers of so many bytes are copied, whatever they mean."""


def _is_readable(parameter: Tensor) -> bool:
    """Whether its numbers lie in the memory of the processor, one after the other or in strides."""
    if parameter.device.type != "cpu" or parameter.layout != torch.strided:
        return False
    return type(parameter.detach()) is Tensor and parameter.element_size() in _WHOLE


class _Gathered:
    """What an optimiser knows of the first weight, and whether a step begins without what was gathered.

    Where steps are counted by a tensor, as torch does, the tensor is known again and not read: reading it
    takes as long as some small layers.
    """

    def __init__(self) -> None:
        self._state: object = None
        self._count: Tensor | None = None
        self._version, self._age = 0, NONE

    def look(self, optimizer: Optimizer) -> None:
        """A step was made."""
        if self._count is None:
            self._state, self._count = _known(optimizer)
        if self._count is None:
            self._age = _age(optimizer)
        else:
            self._version = self._count._version

    def is_gone(self, optimizer: Optimizer) -> bool:
        """Whether, before a step, the first weight has a state that saw fewer steps, or none."""
        state, count = _known(optimizer)
        if self._count is None:
            return _age(optimizer) < self._age
        if state is self._state and count is self._count and count._version == self._version:
            return False
        before = _counted(self._count)
        self._state, self._count = state, count
        return _age(optimizer) < before


def _known(optimizer: Optimizer) -> tuple[object, Tensor | None]:
    """The state of the first weight, and the tensor that counts its steps, if one does."""
    state = next(iter(optimizer.state.values()), None) if optimizer.state else None
    count = state.get("step") if isinstance(state, Mapping) else None
    return state, count if isinstance(count, Tensor) else None


def _held(optimizer: Optimizer) -> set[int]:
    return {id(each) for group in optimizer.param_groups for each in group["params"]}


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
