"""Where the first number arises that is not finite: one pass over one batch, repeated on a copy.

Modules are watched by hooks and functions by a mode, so that a logarithm inside somebody's `forward` is
named too ("log in head"). What goes on in backward passes is seen at the modules' outputs only.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from profunda.diagnosis.copying import cloned, copy_of, tensors_in, undisturbed
from profunda.diagnosis.operations import spelled
from profunda.diagnosis.tape import is_leaf

__all__ = ["finite", "origin_of"]


def finite(value: object) -> bool:
    """Whether all numbers in the tensors of `value` are finite."""
    return all(
        bool(torch.isfinite(tensor).all())
        for tensor in tensors_in(value)
        if tensor.is_floating_point() or tensor.is_complex()
    )


class _Watched(TorchFunctionMode):
    """`first`: the Op, layer or "input" at which a forward pass ceased to be finite; "" for none."""

    def __init__(self, own: nn.Module, inputs: object, prefix: str) -> None:
        super().__init__()
        self.first = "" if finite(inputs) else "input"
        self.places: list[tuple[str, bool]] = []
        self.looking = False
        self.backward: list[tuple[str, bool]] = []
        for name, part in own.named_modules():
            path = ".".join(word for word in (prefix, name) if word)
            leaf = is_leaf(part) and name != ""
            part.register_forward_pre_hook(self._entering(path, leaf))
            part.register_forward_hook(self._leaving(path, leaf))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        left = func(*args, **(kwargs or {}))
        if not self.first and not self.looking and self.places:
            place, leaf = self.places[-1]
            what = spelled(getattr(func, "__name__", ""))
            made = args[0] if what == "setitem" else left
            self._judge(place if leaf else f"{what} in {place}" if place else what, made)
        return left

    def _judge(self, name: str, left: object) -> None:
        self.looking = True
        if isinstance(left, Tensor | tuple | list) and not finite(left):
            self.first = name
        self.looking = False

    def _entering(self, path: str, leaf: bool) -> Callable[..., None]:
        def entering(part: nn.Module, args: object) -> None:
            self.places.append((path, leaf))

        return entering

    def _leaving(self, path: str, leaf: bool) -> Callable[..., None]:
        def leaving(part: nn.Module, args: object, left: object) -> None:
            self.places.pop()
            if not self.first:
                self._judge(path, left)
            self.looking = True
            for tensor in tensors_in(left) if leaf else []:
                if tensor.requires_grad:
                    tensor.register_hook(lambda grad: self.backward.append((path, finite(grad))))
            self.looking = False

        return leaving

    @property
    def turned(self) -> str:
        """The module whose backward pass made a finite gradient one that is not; "loss" where none came."""
        before = "loss"
        for name, good in self.backward:
            if not good:
                return before
            before = name
        return before if self.backward else ""


def origin_of(
    module: nn.Module,
    prefix: str,
    args: tuple[Any, ...],
    named: dict[str, Any],
    loss_fn: Callable[..., Any] | None = None,
    targets: object = None,
) -> str:
    """Name of the first Op or layer whose numbers are not finite when `module` passes this batch.

    Forwards without `loss_fn`; with it backwards too, where forwards all is well. "loss": the loss function
    itself; a weight's name where weights are already ruined; "" where nothing was found, or the pass could
    not be repeated.
    """
    try:
        with undisturbed(module):
            own = copy_of(module)
            ruined = [name for name, each in own.named_parameters() if not finite(each)]
            if ruined:
                return ".".join(word for word in (prefix, ruined[0].rpartition(".")[0]) if word)
            own.zero_grad(set_to_none=True)
            watched = _Watched(own, (args, named), prefix)
            with watched:
                outputs = own(*cloned(args), **cloned(named))
            if watched.first or loss_fn is None:
                return watched.first
            loss = loss_fn(outputs, targets)
            if not finite(loss):
                return "loss"
            loss.mean().backward()
            return watched.turned if any(not good for _, good in watched.backward) else ""
    except Exception:  # on the user's batch the user's module may raise anything; training must go on
        return ""
