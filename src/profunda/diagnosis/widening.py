"""A network of any build with other widths: what runs after one another tells which sizes go along."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.resizing import features, normed_for, resized
from profunda.errors import ArgumentError
from profunda.theory.modes import in_evaluation

__all__ = ["of_widths"]


def of_widths(module: nn.Module, feed: Feed, factor: float, layer: str = "") -> nn.Module:
    """A copy whose hidden linear, convolutional and recurrent layers, or `layer` alone, give `factor` times
    as many features, drawn anew, and those behind take as many. The random numbers are torch's.

    Layers count as following one another in the order in which they run. Raises ArgumentError where that
    order does not tell which sizes go together: the network is run, and must give outputs of the same shape.
    """
    own = copy.deepcopy(module)
    try:
        with torch.no_grad():
            before = _shapes(_quiet(own, feed))
            order = _order(own, feed)
            _exchange(own, order, factor, layer)
            same = _shapes(_quiet(own, feed)) == before
    except Exception as error:
        raise _refused(module, str(error)) from error
    if not same:
        raise _refused(module, "its outputs would be of another shape")
    return own


def _refused(module: nn.Module, why: str) -> ArgumentError:
    return ArgumentError(
        f"The widths of {type(module).__name__} cannot be changed from outside ({why}): build it with other "
        "sizes."
    )


def _quiet(own: nn.Module, feed: Feed) -> Any:
    """In evaluation mode, which is undone."""
    with in_evaluation(own):
        return feed.first(4).through(own)


def _shapes(outputs: Any) -> list[tuple[int, ...]]:
    return [tuple(one.shape) for one in tensors_in(outputs)]


def _order(own: nn.Module, feed: Feed) -> list[str]:
    """Names of layers and norms in the order in which they run; one that runs twice stands at its first."""
    found: dict[str, None] = {}

    def seen(name: str) -> Callable[..., None]:
        return lambda part, given, made: found.setdefault(name)

    hooks = [
        part.register_forward_hook(seen(name))
        for name, part in own.named_modules()
        if _sized(part) or (_held(part) and not isinstance(part, nn.Embedding))
    ]
    try:
        _quiet(own, feed)
    finally:
        for hook in hooks:
            hook.remove()
    return list(found)


def _sized(part: nn.Module) -> bool:
    plain = isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d) and part.groups == 1
    return plain or isinstance(part, nn.Linear) or (isinstance(part, nn.RNNBase) and not part.proj_size)


def _held(part: nn.Module) -> bool:
    """Whether it holds numbers of its own that may be one for each feature, as a norm does."""
    own = (*part.parameters(recurse=False), *part.buffers(recurse=False))
    return bool(own) and next(part.children(), None) is None


def _exchange(own: nn.Module, order: list[str], factor: float, layer: str) -> None:
    sized = [name for name in order if _sized(own.get_submodule(name))]
    if len(sized) < 2 or (layer and layer not in sized[:-1]):
        raise ArgumentError(
            f"it has {len(sized)} layers, so no hidden one to widen{layer and f' called {layer}'}"
        )
    was, now = 0, 0
    for name in order:
        part = own.get_submodule(name)
        if name not in sized:
            own.set_submodule(name, normed_for(part, was, now) if was else part)
            continue
        entering, leaving = features(part)
        fits = was and entering % was == 0
        wider = name != sized[-1] and layer in ("", name)
        new_out = max(1, round(leaving * factor)) if wider else leaving
        own.set_submodule(name, resized(part, entering // was * now if fits else entering, new_out))
        sides = 2 if isinstance(part, nn.RNNBase) and part.bidirectional else 1
        was, now = leaving * sides, new_out * sides
