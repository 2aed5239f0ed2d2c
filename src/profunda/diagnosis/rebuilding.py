"""The user's optimiser for a copy of the network: the same class, groups, constants and state."""

import copy
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.strays import strays_of
from profunda.errors import ArgumentError

__all__ = ["Factory", "asks_for_closure", "rebuilt"]

Factory = Callable[[Iterable[Tensor]], Optimizer]

EXAMPLE = "lambda params: torch.optim.SGD(params, lr=0.1)"

RATE = 1e-3
"""Adam's own default, which is taken where no optimiser is given."""


def rebuilt(optimizer: Optimizer | Factory | None, module: nn.Module, own: nn.Module) -> Optimizer:
    """An optimiser of the parameters of `own`, a copy of `module`.

    One that holds parameters of `module` holds those of `own` in their place; parameters of other modules are
    copied too, so that it holds strangers here as there. A function is called with the parameters of `own`.

    Raises ArgumentError where it is neither, or cannot be made.
    """
    if optimizer is None:
        return torch.optim.Adam(own.parameters(), lr=RATE)
    if isinstance(optimizer, Optimizer):
        pairs = zip(_all_of(module), _all_of(own), strict=True)
        return _copied(optimizer, {id(theirs): ours for theirs, ours in pairs})
    if not callable(optimizer):
        raise ArgumentError(
            f"optimizer is a {type(optimizer).__name__}; give a torch.optim.Optimizer of the model's "
            f"parameters, or a function that makes one of parameters, such as {EXAMPLE}."
        )
    try:
        made = optimizer(own.parameters())
    except Exception as error:
        raise ArgumentError(
            f"optimizer(parameters) raised {type(error).__name__}: {error}. A function given as optimizer "
            f"takes the model's parameters, such as {EXAMPLE}."
        ) from error
    if not isinstance(made, Optimizer):
        raise ArgumentError(
            f"optimizer(parameters) gave a {type(made).__name__} where a torch.optim.Optimizer is needed. "
            "Does the function return what it makes?"
        )
    return made


def _all_of(module: nn.Module) -> list[nn.Parameter]:
    return [*module.parameters(), *(each for _, each in strays_of(module))]


def _copied(optimizer: Optimizer, memo: dict[int, Any]) -> Optimizer:
    """A deep copy, in which parameters are replaced. Hooks, and a scheduler's counter around `step`, stay."""
    # An optimiser's own way of copying keeps groups, defaults and state alone, not what a subclass adds.
    try:
        own = copy.deepcopy(optimizer, memo)
        for name, value in vars(optimizer).items():
            if name not in vars(own) and not callable(value):
                setattr(own, name, copy.deepcopy(value, memo))
    except Exception as error:
        raise ArgumentError(
            f"{type(optimizer).__name__} cannot be copied ({error}); give a function that makes it of "
            f"parameters, such as {EXAMPLE}."
        ) from error
    return own


def asks_for_closure(optimizer: Optimizer) -> bool:
    """Whether its `step` needs the function that computes the loss anew, as that of LBFGS does."""
    try:
        closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    except (TypeError, ValueError):
        return False
    return closure is not None and closure.default is inspect.Parameter.empty
