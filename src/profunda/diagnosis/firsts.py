"""How large first weights and gates' biases of every kind of layer are, in the units usual for its kind."""

import math
from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor, nn

from profunda.diagnosis.drawn import LEAST, looks_drawn, looks_uniform
from profunda.diagnosis.givens import First

__all__ = ["firsts_of"]

_GATES = {"lstm": ("input gate", "forget gate", "", "output gate"), "gru": ("reset gate", "update gate", "")}
"""In the order in which torch stacks them; "" for what is bent by a tanh and is no gate."""


@torch.no_grad()
def firsts_of(own: nn.Module, multiplied: Collection[int], prefix: str = "") -> tuple[First, ...]:
    """Of all that is trained and still as drawn. `multiplied`: ids of parameters that a function of torch
    multiplies by, with no layer around them; `prefix` leads all names.
    """
    found: list[First] = []
    for name, part in own.named_modules():
        if any(each.requires_grad for each in part.parameters(recurse=False)):
            path = ".".join(word for word in (prefix, name) if word)
            found += [one for one in _of(path, part, multiplied) if math.isfinite(one.size)]
    return tuple(found)


def _of(name: str, part: nn.Module, multiplied: Collection[int]) -> Iterator[First]:
    if isinstance(part, nn.RNNBase | nn.RNNCellBase):
        yield from _recurrent(name, part)
    elif isinstance(part, nn.Linear | nn.modules.conv._ConvNd) and isinstance(part.weight, Tensor):
        turned = isinstance(part, nn.modules.conv._ConvTransposeNd)
        weight = part.weight.transpose(0, 1) if turned else part.weight
        yield from _product(name, "weights", [weight.flatten(1)])
    elif isinstance(part, nn.Embedding | nn.EmbeddingBag):
        if _as_drawn(part.weight):
            yield First(name, "embedding", _size(part.weight), _size(part.weight))
    elif isinstance(part, nn.MultiheadAttention) and isinstance(part.in_proj_weight, Tensor):
        yield from _product(name, "projections", part.in_proj_weight.chunk(3))
    else:
        for word, each in part.named_parameters(recurse=False):
            if id(each) in multiplied and each.ndim == 2:
                yield from _product(".".join(one for one in (name, word) if one), "weights", [each])


def _product(name: str, kind: str, blocks: Sequence[Tensor]) -> Iterator[First]:
    """Root mean square times the root of the smaller, and of the larger, number of ends: laws are made for
    what enters, for what leaves, or for the mean of both.
    """
    for each in blocks:
        if kind == "weights" and _is_one_number(each):
            yield First(name, "one number", float(each.flatten()[0]), float(each.flatten()[0]))
        elif kind == "weights" and _is_one_unit(each):
            yield First(name, "one unit", _size(each), _size(each))
        elif _as_drawn(each):
            size = _size(each)
            yield First(name, kind, size * math.sqrt(min(each.shape)), size * math.sqrt(max(each.shape)))


def _recurrent(name: str, part: nn.Module) -> Iterator[First]:
    lead = "lstm" if isinstance(part, nn.LSTM | nn.LSTMCell) else ""
    lead = lead or ("gru" if isinstance(part, nn.GRU | nn.GRUCell) else "")
    gates = _GATES.get(lead, ("",))
    given = dict(part.named_parameters(recurse=False))
    for word, each in given.items():
        if word.startswith("weight_ih"):
            yield from _product(name, "weights", each.chunk(len(gates)))
        elif word.startswith("weight_hh"):
            yield from _turning(name, "state" if not lead else "gated state", each.chunk(len(gates)))
        elif word.startswith("bias_ih"):
            both = each + given[word.replace("_ih", "_hh")]
            for gate, bias in zip(gates, both.chunk(len(gates)), strict=True):
                if gate:
                    yield First(name, gate, float(bias.median()), float(bias.median()))


def _turning(name: str, kind: str, blocks: Sequence[Tensor]) -> Iterator[First]:
    """The largest size of an eigenvalue: what a state is multiplied by from place to place."""
    for each in blocks:
        if each.shape[0] == each.shape[1] and _as_drawn(each):
            radius = float(torch.linalg.eigvals(each.double().cpu()).abs().max())
            yield First(name, kind, radius, radius)


def _size(weight: Tensor) -> float:
    return float(weight.double().square().mean()) ** 0.5


def _is_one_number(weight: Tensor) -> bool:
    """Whether units that get the same, and there are several, weigh it alike."""
    return min(weight.shape) > 1 and bool((weight == weight.flatten()[0]).all())


def _is_one_unit(weight: Tensor) -> bool:
    """Whether all units weigh what enters alike, and there is something to weigh."""
    return len(weight) > 1 and bool((weight == weight[:1]).all()) and bool(weight[0].any())


def _as_drawn(weight: Tensor) -> bool:
    """Whether nothing learnt shows; small ones, which cannot show it, count."""
    if (
        weight.is_complex()
        or not weight.numel()
        or not bool(weight.any())
        or not bool(weight.isfinite().all())
    ):
        return False
    return weight.numel() < LEAST or looks_drawn([weight]) or looks_uniform([weight])
