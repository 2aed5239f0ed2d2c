"""Parameters that a module runs on and does not know of: those of layers in plain lists and dicts."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import tensors_in
from profunda.errors import ArgumentError

__all__ = ["reached_strays", "registered", "registers", "strays_of"]

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


def registered(module: nn.Module) -> nn.Module:
    """A copy whose plain lists, tuples and dicts of layers are nn.ModuleList and nn.ModuleDict, by which
    `parameters()` gives theirs; those of parameters alike. Raises ArgumentError where there are none.
    """
    own = copy.deepcopy(module)
    found = _registers(own)
    if not found:
        raise ArgumentError(
            f"{type(module).__name__} keeps no layers in a plain list or dict that nn.ModuleList or "
            "nn.ModuleDict could stand for: what is beside layers in it, or deeper, is kept otherwise."
        )
    for place, name, made in found:
        setattr(own.get_submodule(place), name, made)
    return own


def registers(module: nn.Module) -> tuple[tuple[str, str], ...]:
    """Places of such containers, and the classes that should hold what is in them."""
    return tuple(
        (".".join(word for word in (place, name) if word), type(made).__name__)
        for place, name, made in _registers(module)
    )


def _registers(module: nn.Module) -> list[tuple[str, str, nn.Module]]:
    """Part, attribute, and what is to stand there."""
    known, internal = {id(each) for each in module.parameters()}, vars(nn.Module())
    found = []
    for place, part in module.named_modules():
        for name, value in vars(part).items():
            made = None if name in internal else _holding(value, DEEPEST)
            if made is not None and any(id(each) not in known for each in made.parameters()):
                found.append((place, name, made))
    return found


def _holding(value: Any, deep: int) -> nn.Module | None:
    """A module that holds what a container holds; None where that is no container of layers alone."""
    if isinstance(value, nn.Module):
        return value if deep < DEEPEST else None
    kept = type(value) in (list, tuple) or type(value) is dict
    inside = list(value.values() if isinstance(value, dict) else value) if kept and deep else []
    named = not isinstance(value, dict) or all(isinstance(key, str) and "." not in key for key in value)
    if not inside or not named:
        return None
    if all(isinstance(one, nn.Parameter) for one in inside):
        return nn.ParameterDict(value) if isinstance(value, dict) else nn.ParameterList(inside)
    made = [_holding(one, deep - 1) for one in inside]
    layers = [one for one in made if one is not None]
    if len(layers) < len(made):
        return None
    return (
        nn.ModuleDict(dict(zip(value, layers, strict=True)))
        if isinstance(value, dict)
        else nn.ModuleList(layers)
    )
