"""A network with other functions in it: activations swapped, the output's own removed or put on, norms added.

Functions are swapped where they are called, by a mode, so that it does not matter whether a module or a line
in somebody's `forward` calls them.
"""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.givens import Anatomy, Layer
from profunda.diagnosis.operations import spelled
from profunda.errors import ArgumentError
from profunda.theory.pointwise import FUNCTIONS

__all__ = ["bent", "dropping", "headed", "normed", "reactivated"]

_ENDS = ("softmax", "log_softmax", "sigmoid", "tanh", "relu", "softplus", "hardtanh", "logsigmoid")
"""Functions that stand behind a last layer and can be taken off."""

_OTHERS = (
    *("celu", "hardshrink", "hardsigmoid", "hardswish", "prelu", "relu6", "rrelu", "softshrink", "softsign"),
    *("tanhshrink", "threshold"),
)

_COUNTED = frozenset((*FUNCTIONS, *_ENDS, *_OTHERS))


def reactivated(module: nn.Module, anatomy: Anatomy, feed: Feed, new: str) -> nn.Module:
    """A copy in which all hidden activations are `new`; gates and the output's own stay, and softmax where
    there are others, or where it weighs what attention sums.

    Raises ArgumentError for an unknown name, and where there is nothing to swap.
    """
    if new not in FUNCTIONS:
        raise ArgumentError(f"No activation is called {new!r}; known are {', '.join(FUNCTIONS)}.")
    names = {each.what for each in anatomy.activations}
    kinds = names - {"softmax", "log_softmax", "gate"} - ({"sigmoid", "tanh"} if "gate" in names else set())
    if not kinds and not any(each.kind == "attention" for each in anatomy.layers):
        kinds = {each.activation for each in anatomy.layers} & {"softmax", "log_softmax"}
    calls, end = _calls(module, feed), _end(anatomy)
    chosen = [at for at, what in enumerate(calls) if what in kinds]
    if end in kinds:
        chosen.remove(max(at for at, what in enumerate(calls) if what == end))
    if not chosen:
        raise ArgumentError(
            f"None of the {len(anatomy.activations)} activations of {type(module).__name__} can be swapped: "
            "the output's own, attention's softmax and gates stay. Use 'head' for the output."
        )
    return Rewired(copy.deepcopy(module), tuple(chosen), new)


def headed(module: nn.Module, anatomy: Anatomy, feed: Feed, new: str) -> nn.Module:
    """A copy whose outputs end in `new`: "linear" for nothing, or sigmoid, softmax, log_softmax, tanh, ….

    What stands there now is taken off. ArgumentError for an unknown name, and for outputs that are several.
    """
    own = copy.deepcopy(module)
    end = _end(anatomy)
    if new != "linear" and new not in _ENDS:
        raise ArgumentError(f"No output can end in {new!r}; known are linear, {', '.join(_ENDS)}.")
    if end:
        calls = _calls(module, feed)
        bare = _without(own, end, calls, feed)
        if bare is not None:
            return bare if new == "linear" else Ended(bare, new)
        last = [at for at, what in enumerate(calls) if what == end]
        if not last:
            raise ArgumentError(
                f"The {end} behind the last layer of {type(module).__name__} is not called as a function of "
                "torch, so that it cannot be taken off. Take it off by hand."
            )
        own = Rewired(own, (last[-1],), "linear")
    return own if new == "linear" else Ended(own, new)


def _without(own: nn.Module, end: str, calls: list[str], feed: Feed) -> nn.Module | None:
    """`own` with nothing in the place of the module that is its `end`; None where that is no module."""
    last = max((at for at, what in enumerate(calls) if what == end), default=-1)
    wanted = [what for at, what in enumerate(calls) if at != last]
    bare = [name for name, part in own.named_modules() if name and next(part.children(), None) is None]
    for name in reversed(bare):
        part = own.get_submodule(name)
        if (
            spelled(type(part).__name__.lower()) == end.replace("_", "")
            and next(part.parameters(), None) is None
        ):
            changed = copy.deepcopy(own)
            changed.set_submodule(name, nn.Identity())
            found = _calls(changed, feed)
            if found == wanted and not _end(anatomy_of(changed, feed.inputs)):
                return changed
    return None


def normed(module: nn.Module, anatomy: Anatomy, kind: str) -> nn.Module:
    """A copy with a norm behind each hidden linear or convolutional layer that has none: "layer" or "batch".

    Raises ArgumentError where there is no such layer, or another kind is asked for.
    """
    if kind not in ("layer", "batch"):
        raise ArgumentError(f"norm = {kind!r}: it is 'layer' or 'batch'.")
    own = copy.deepcopy(module)
    bare = [
        each
        for each in anatomy.layers[:-1]
        if each.kind in ("linear", "convolution") and not each.norm and each.activation and each.name
    ]
    added = 0
    for layer in bare:
        part = own.get_submodule(layer.name)
        norm = _norm(part, layer, kind, anatomy)
        if norm is not None:
            own.set_submodule(layer.name, nn.Sequential(part, norm.to(next(part.parameters()))))
            added += 1
    if not added:
        raise ArgumentError(
            f"{type(module).__name__} has no hidden linear or convolutional layer without a norm that one "
            "could be put behind."
        )
    return own


def bent(module: nn.Module, anatomy: Anatomy) -> nn.Module:
    """A copy with ReLU behind each hidden linear or convolutional layer that nothing bends.

    Raises ArgumentError where there is no such layer.
    """
    own, found = copy.deepcopy(module), 0
    for layer in anatomy.layers[:-1]:
        if layer.kind in ("linear", "convolution") and not layer.activation and layer.name:
            part = own.get_submodule(layer.name)
            own.set_submodule(layer.name, nn.Sequential(part, nn.ReLU()))
            found += 1
    if not found:
        raise ArgumentError(
            f"{type(module).__name__} has no hidden linear or convolutional layer that nothing bends: there "
            "is no place for an activation."
        )
    return own


def dropping(module: nn.Module, anatomy: Anatomy, rate: float) -> nn.Module:
    """A copy with dropout before its last layer and behind embeddings.

    Raises ArgumentError where the last layer is no linear or convolutional one, or dropout is there already.
    """
    own, last = copy.deepcopy(module), anatomy.layers[-1:]
    dropped = any(op.kind == "dropout" for op in anatomy.ops)
    if not last or last[0].kind not in ("linear", "convolution") or not last[0].name or dropped:
        raise ArgumentError(
            f"{type(module).__name__} drops already, or its last layer is no linear or convolutional one "
            "with a name: dropout cannot be put before it from outside."
        )
    end = own.get_submodule(last[0].name)
    own.set_submodule(last[0].name, nn.Sequential(nn.Dropout(rate), end))
    for name in [name for name, part in own.named_modules() if name and isinstance(part, nn.Embedding)]:
        own.set_submodule(name, nn.Sequential(own.get_submodule(name), nn.Dropout(rate)))
    return own


def _norm(part: nn.Module, layer: Layer, kind: str, anatomy: Anatomy) -> nn.Module | None:
    rank = next((len(op.shape) for op in anatomy.ops if op.name == layer.name), 2)
    if isinstance(part, nn.Linear):
        flat = kind == "batch" and rank == 2
        return nn.BatchNorm1d(part.out_features) if flat else nn.LayerNorm(part.out_features)
    if isinstance(part, nn.modules.conv._ConvNd):
        batch = {3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}.get(rank)
        if kind == "batch" and batch is not None:
            return batch(part.out_channels)
        return nn.GroupNorm(1, part.out_channels)
    return None


def _end(anatomy: Anatomy) -> str:
    """The activation behind the last layer, "" for none."""
    return next((what for what in reversed(anatomy.last) if what in _ENDS), "")


# Calls ----------------------------------------------------------------------------------------------


class _Counting(TorchFunctionMode):
    """Numbers the calls of activation functions within a pass; those in `chosen` become `new`."""

    def __init__(self, chosen: tuple[int, ...] = (), new: str = "linear") -> None:
        super().__init__()
        self.chosen, self.new = frozenset(chosen), FUNCTIONS[new]
        self.calls: list[str] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        what = spelled(getattr(func, "__name__", ""))
        given = args[0] if args else (kwargs or {}).get("input")
        if what not in _COUNTED or not isinstance(given, Tensor):
            return func(*args, **(kwargs or {}))
        self.calls.append(what)
        if len(self.calls) - 1 in self.chosen:
            return self.new(given)
        return func(*args, **(kwargs or {}))


def _calls(module: nn.Module, feed: Feed) -> list[str]:
    own = copy.deepcopy(module).eval()
    with torch.no_grad(), _Counting() as counting:
        feed.through(own)
    return counting.calls


class Rewired(nn.Module):
    """`inner` with some of its calls of activation functions replaced, by their number in a pass."""

    def __init__(self, inner: nn.Module, chosen: tuple[int, ...], new: str) -> None:
        super().__init__()
        self.inner, self.chosen, self.new = inner, chosen, new
        self.training = inner.training

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `inner` gives so."""
        with _Counting(self.chosen, self.new):
            return self.inner(*inputs, **named)


class Ended(nn.Module):
    """`inner` with a function behind it; softmax over the classes' axis."""

    def __init__(self, inner: nn.Module, end: str) -> None:
        super().__init__()
        self.inner, self.end = inner, end
        self.training = inner.training

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """What `inner` gives, and the function behind it."""
        left = self.inner(*inputs, **named)
        axis = 1 if left.ndim > 1 else 0
        if self.end == "softmax":
            return left.softmax(axis)
        if self.end == "log_softmax":
            return left.log_softmax(axis)
        if self.end in ("hardtanh", "logsigmoid"):
            return functional.hardtanh(left) if self.end == "hardtanh" else functional.logsigmoid(left)
        return FUNCTIONS[self.end](left)
