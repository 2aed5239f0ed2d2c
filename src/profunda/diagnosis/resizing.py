"""Layers, norms and chains of them of other widths, chains of another depth, other outputs."""

import copy
import math
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from profunda.diagnosis.givens import Anatomy
from profunda.diagnosis.operations import module_sort
from profunda.errors import ArgumentError

__all__ = ["deepened", "features", "normed_for", "reheaded", "resized"]


def deepened(module: nn.Module, factor: float) -> nn.Module:
    """A copy of a chain of linear layers with `factor` times as many hidden ones: square ones are added
    behind the first, or taken away, each with what follows it. Raises ArgumentError where that cannot be.
    """
    parts = _chain(module)
    layers = [at for at, part in enumerate(parts) if isinstance(part, nn.Linear)]
    hidden = len(layers) - 1
    change = round(hidden * factor) - hidden
    if hidden < 1 or any(_layer(part) and not isinstance(part, nn.Linear) for part in parts) or not change:
        raise ArgumentError(
            f"{type(module).__name__} has {max(0, hidden)} hidden linear layers in a chain: {factor:g} times "
            "as many cannot be made of them."
        )
    blocks = [parts[a:b] for a, b in pairwise(layers)]
    head, tail = parts[: layers[0]], parts[layers[-1] :]
    if change > 0:
        first = blocks[0]
        width = features(first[0])[1]
        more = [
            [resized(first[0], width, width), *(copy.deepcopy(each) for each in first[1:])]
            for _ in range(change)
        ]
        blocks = [first, *more, *blocks[1:]]
    else:
        for _ in range(-change):
            square = [at for at, block in enumerate(blocks) if len(set(features(block[0]))) == 1]
            if not square:
                raise ArgumentError(
                    f"No more of the {len(blocks)} hidden layers is as wide as what enters it: none can be "
                    "left out."
                )
            del blocks[square[-1]]
    flat = [*head, *(part for block in blocks for part in block), *tail]
    return nn.Sequential(*(copy.deepcopy(part) for part in flat)).train(module.training)


def reheaded(module: nn.Module, anatomy: Anatomy, outputs: int) -> nn.Module:
    """A copy whose last layer has so many outputs, drawn anew. ArgumentError where that is no linear one."""
    own = copy.deepcopy(module)
    last = anatomy.layers[-1].name if anatomy.layers else None
    part = None if last is None else own.get_submodule(last)
    if not isinstance(part, nn.Linear) or last is None:
        raise ArgumentError(
            f"The last layer of {type(module).__name__} is no linear one, so that its {outputs} outputs "
            "cannot be made here. Change it where it is built."
        )
    fresh = resized(part, part.in_features, outputs)
    if not last:
        return fresh
    own.set_submodule(last, fresh)
    return own


def _chain(module: nn.Module) -> list[nn.Module]:
    if isinstance(module, nn.Sequential):
        return [part for child in module for part in _chain(child)]
    sort = module_sort(module)
    bare = next(module.parameters(), None) is None and next(module.children(), None) is None
    if _layer(module) or bare or (sort is not None and sort.kind in ("norm", "activation")):
        return [module]
    raise ArgumentError(
        f"{type(module).__name__} is no chain of layers, so that widths and depth cannot be changed from "
        "outside: build it with other sizes."
    )


def _layer(part: nn.Module) -> bool:
    plain = isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d) and part.groups == 1
    return isinstance(part, nn.Linear) or plain


def features(part: nn.Module) -> tuple[int, int]:
    """What enters a linear, convolutional or recurrent layer, and what leaves it (in one direction)."""
    if isinstance(part, nn.RNNBase):
        return part.input_size, part.hidden_size
    if isinstance(part, nn.Linear):
        return part.in_features, part.out_features
    assert isinstance(part, nn.modules.conv._ConvNd)  # by `_layer`
    return part.in_channels, part.out_channels


def resized(part: nn.Module, entering: int, leaving: int) -> nn.Module:
    """The same layer with other numbers of features, drawn anew; like the old one where that is possible."""
    if isinstance(part, nn.RNNBase):
        return _recurrent(part, entering, leaving)
    own = copy.deepcopy(part)
    if (entering, leaving) == features(part):
        _draw(own, own)
        return own
    weight, bias = own.get_parameter("weight"), own._parameters.get("bias")
    shape = (leaving, entering, *weight.shape[2:])
    own.register_parameter("weight", nn.Parameter(weight.new_empty(shape), weight.requires_grad))
    if bias is not None:
        own.register_parameter("bias", nn.Parameter(bias.new_empty(leaving), bias.requires_grad))
    if isinstance(own, nn.Linear):
        own.in_features, own.out_features = entering, leaving
    elif isinstance(own, nn.modules.conv._ConvNd):
        own.in_channels, own.out_channels = entering, leaving
    _draw(own, part)
    return own


def _recurrent(part: nn.RNNBase, entering: int, leaving: int) -> nn.Module:
    more = {"nonlinearity": part.nonlinearity} if isinstance(part, nn.RNN) else {}
    kind: Any = type(part)
    made = kind(
        entering,
        leaving,
        part.num_layers,
        bias=part.bias,
        batch_first=part.batch_first,
        dropout=part.dropout,
        bidirectional=part.bidirectional,
        **more,
    )
    fresh: nn.Module = made.to(next(part.parameters()))
    _draw(fresh, part)
    for name, each in fresh.named_parameters():
        each.requires_grad_(part.get_parameter(name).requires_grad)
    return fresh.train(part.training)


@torch.no_grad()
def _draw(own: nn.Module, like: nn.Module) -> None:
    """Numbers of the old ones' spread; those of matrices in proportion to 1/√fan-in, each gate's apart."""
    gates = 1
    if isinstance(own, nn.RNNBase):
        gates = own.get_parameter("weight_ih_l0").shape[0] // own.hidden_size
    for name, each in own.named_parameters():
        was = like.get_parameter(name).detach().double()
        for new, before in zip(each.chunk(gates), was.chunk(gates), strict=True):
            fan = before[0].numel() / new[0].numel() if new.ndim > 1 else 1.0
            centre = 0.0 if new.ndim > 1 else float(before.mean())
            spread = float(before.square().mean()) ** 0.5 if new.ndim > 1 else float(before.std(correction=0))
            new.normal_(centre, spread * math.sqrt(fan))


def normed_for(part: nn.Module, was: int, now: int) -> nn.Module:
    """A norm for another number of features."""
    if was == now or (next(part.parameters(), None) is None and next(part.buffers(), None) is None):
        return copy.deepcopy(part)
    if isinstance(part, nn.modules.batchnorm._BatchNorm):
        return type(part)(now, part.eps, part.momentum, part.affine, part.track_running_stats)
    if isinstance(part, nn.LayerNorm) and part.normalized_shape == (was,):
        return nn.LayerNorm(now, part.eps, part.elementwise_affine)
    if isinstance(part, nn.GroupNorm):
        return nn.GroupNorm(math.gcd(part.num_groups, now), now, part.eps, part.affine)
    if isinstance(part, nn.PReLU):
        return nn.PReLU(now if part.num_parameters > 1 else 1)
    raise ArgumentError(f"{type(part).__name__} of {was} features cannot be made for {now} here.")
