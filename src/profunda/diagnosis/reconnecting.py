"""A network whose forward cuts no gradient: no_grad, detach and their like within it do nothing."""

import copy
import inspect
import linecache
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profunda.diagnosis.feeding import Feed
from profunda.errors import ArgumentError

__all__ = ["Reconnected", "reconnected"]

_DATA = inspect.getattr_static(Tensor, "data")

_DETACHING = (Tensor.detach, torch.detach, Tensor.detach_, torch.detach_)

_DEEPEST = 12
"""Frames from a cut to the line that asks for it: torch's own stand between."""


def reconnected(module: nn.Module, feed: Feed) -> nn.Module:
    """A copy through which gradients pass where its forward cuts them off.

    Raises ArgumentError where it cuts none, or by other means than these.
    """
    own = copy.deepcopy(module)
    with torch.enable_grad(), _Uncut() as uncut:
        feed.through(own)
    if not uncut.places:
        raise ArgumentError(
            f"No forward of {type(module).__name__} cuts gradients off (no_grad, set_grad_enabled, detach, "
            "data): what no gradient reaches is not called, or what it gives is dropped."
        )
    return Reconnected(copy.deepcopy(module), tuple(uncut.places))


class Reconnected(nn.Module):
    """`inner` without cuts; `places` are the lines that ask for them, each with the function it stands in."""

    def __init__(self, inner: nn.Module, places: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.inner, self.places = inner, places
        self.training = inner.training

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `inner` gives so."""
        with _Uncut():
            made = self.inner(*inputs, **named)
        for buffer in self.inner.buffers():
            if not buffer.is_leaf:
                buffer.detach_()  # what it kept for later passes keeps no graph
        return made


class _Uncut(TorchFunctionMode):
    """Where gradients are on, nothing turns them off; `places` grow by the lines that would have."""

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[tuple[str, str], None] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if torch.is_grad_enabled():
            if func is torch._C._set_grad_enabled and not args[0]:
                self.places[_asked()] = None
                return None
            if _detaches(func, args):
                self.places[_asked()] = None
                return args[0]
        return func(*args, **(kwargs or {}))


def _detaches(func: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Whether it hands on the numbers of what is differentiated; `data` of parameters may be written to."""
    if not args or not isinstance(args[0], Tensor) or not args[0].requires_grad:
        return False
    if func in _DETACHING:
        return True
    read = getattr(func, "__self__", None) is _DATA and func.__name__ == "__get__"
    return read and not args[0].is_leaf


def _asked() -> tuple[str, str]:
    """The line outside torch that asks, and the function it stands in."""
    frame = sys._getframe(2)
    for _ in range(_DEEPEST):
        if frame.f_code.co_name == "decorate_context":
            return "@torch.no_grad()", getattr(frame.f_locals.get("func"), "__qualname__", "forward")
        home = str(frame.f_globals.get("__name__", ""))
        if frame.f_back is None or home.partition(".")[0] != "torch":
            break
        frame = frame.f_back
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return line, frame.f_code.co_name
