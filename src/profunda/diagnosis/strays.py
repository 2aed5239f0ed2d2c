"""Parameters that a module runs on and does not know of: those of layers in plain lists and dicts."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import tensors_in

__all__ = ["reached_strays", "strays_of"]

DEEPEST = 3
"""Containers within containers."""


def strays_of(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Names and tensors of trainable parameters in lists, tuples and dicts that parts of `module` keep, none
    of which `module.parameters()` gives; the same order for copies.
    """
    seen = {id(each) for each in module.parameters()}
    found: list[tuple[str, nn.Parameter]] = []
    for place, part in module.named_modules():
        for name, value in vars(part).items():
            if name.startswith("_") and name in vars(nn.Module()):
                continue
            words = ".".join(word for word in (place, name) if word)
            for path, each in _parameters(value, words, DEEPEST):
                if each.requires_grad and id(each) not in seen:
                    seen.add(id(each))
                    found.append((path, each))
    return found


def _parameters(value: Any, path: str, deep: int) -> Iterator[tuple[str, nn.Parameter]]:
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, nn.Parameter) and deep < DEEPEST:
        yield path, value
    elif isinstance(value, nn.Module) and deep < DEEPEST:
        yield from ((f"{path}.{name}", each) for name, each in value.named_parameters())
    elif type(value) in (list, tuple):
        inside = list(enumerate(value))
    elif isinstance(value, Mapping):
        inside = list(value.items())
    for key, each in inside if deep else ():
        yield from _parameters(each, f"{path}.{key}", deep - 1)


def reached_strays(own: nn.Module, outputs: Any) -> tuple[str, ...]:
    """Names of those that `outputs` of `own` depend on."""
    strays = strays_of(own)
    ends = [one for one in tensors_in(outputs) if one.requires_grad]
    if not strays or not ends:
        return ()
    total = torch.stack([(one.abs() if one.is_complex() else one).sum().float() for one in ends]).sum()
    grads: tuple[Tensor | None, ...] = torch.autograd.grad(
        total, [each for _, each in strays], allow_unused=True, retain_graph=True
    )
    return tuple(name for (name, _), grad in zip(strays, grads, strict=True) if grad is not None)
