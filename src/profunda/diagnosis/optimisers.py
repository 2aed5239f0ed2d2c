"""What an optimiser is set to, and whether it holds the network's parameters."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from profunda.diagnosis.givens import Group, Optimiser
from profunda.diagnosis.strays import strays_of

__all__ = ["optimiser_of"]


def optimiser_of(optimizer: torch.optim.Optimizer, module: nn.Module) -> Optimiser:
    """Reads groups and settings of any optimiser; those it does not have, or that are no numbers, are NaN.

    `betas` are those of the Adam family, `momentum` that of sgd and its like, `eps` what is added to a root.
    Parameters are one where they are one tensor: tied weights are held once. A lookalike that only has
    `param_groups` is read as well; without them it holds nothing.
    """
    groups = [group for group in getattr(optimizer, "param_groups", ()) if isinstance(group, dict)]
    held = {id(tensor): tensor for group in groups for tensor in _tensors(group)}
    strays = strays_of(module)
    own = {id(tensor) for tensor in (*module.parameters(), *(tensor for _, tensor in strays))}
    return Optimiser(
        type(optimizer).__name__,
        tuple(_group(group) for group in groups),
        tuple(
            name
            for name, tensor in module.named_parameters()
            if tensor.requires_grad and id(tensor) not in held
        ),
        sum(_size(tensor) for key, tensor in held.items() if key not in own),
        tuple(name for name, tensor in strays if id(tensor) not in held),
    )


def _tensors(group: dict[str, Any]) -> list[Tensor]:
    return [tensor for tensor in group.get("params", ()) if isinstance(tensor, Tensor)]


def _size(tensor: Tensor) -> int:
    return 0 if is_lazy(tensor) else tensor.numel()  # of a lazy module before its first pass


def _group(group: dict[str, Any]) -> Group:
    betas = group.get("betas")
    pair = tuple(betas) if isinstance(betas, tuple | list) else ()
    first, second = (_number(pair[0]), _number(pair[1])) if len(pair) > 1 else (math.nan, math.nan)
    if not pair and "centered" in group:  # rmsprop: its one decay is that of squares
        second = _number(group.get("alpha"))
    return Group(
        _number(group.get("lr")),
        _number(group.get("momentum")),
        (first, second),
        _eps(group.get("eps")),
        _number(group.get("weight_decay")),
        sum(_size(tensor) for tensor in _tensors(group)),
        bool(group.get("maximize", False)),
    )


def _eps(value: Any) -> float:
    """Adafactor has two: that of squares comes first, as None where the type decides it."""
    return _number(value[-1]) if isinstance(value, tuple | list) and value else _number(value)


def _number(value: Any) -> float:
    if isinstance(value, Tensor):
        return float(value.detach()) if value.numel() == 1 else math.nan
    return float(value) if isinstance(value, int | float) else math.nan
