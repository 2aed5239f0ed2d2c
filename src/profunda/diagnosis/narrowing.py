"""A network of a part of the widths, trained as long as the run: whether it does as well on rows not seen."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import cloned, copy_of, undisturbed
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.givens import Anatomy, Task
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.record import Narrower
from profunda.diagnosis.resizing import widened
from profunda.diagnosis.scoring import yardstick_of
from profunda.diagnosis.trials import ended, judged
from profunda.errors import ArgumentError
from profunda.theory.parameter_maps import evaluating

__all__ = ["narrowed", "narrower"]

WIDTH, SEEDS = 0.25, 2
"""Part of the widths, so that of a large network's weights and time a sixteenth is left; trainings of it."""


def narrower(
    parts: Parts,
    anatomy: Anatomy,
    reached: nn.Module,
    rows: tuple[tuple[Any, ...], Any],
    held: tuple[tuple[Any, ...], Any],
    *,
    steps: int,
    task: Task | None,
    named: tuple[tuple[str, Any], ...] = (),
    held_named: tuple[tuple[str, Any], ...] = (),
) -> Narrower:
    """What `steps` steps on `rows` (inputs and targets) make of a narrower `parts.module`, judged on `held`
    beside the network that the run `reached`, which is as wide as `parts.module`.

    Raises ArgumentError where it cannot be narrowed, and what a module raises that does not work then.
    """
    with undisturbed(parts.module):
        feed = feed_of(cloned(rows[0]), cloned(rows[1]), cloned(named))
        unseen = feed_of(cloned(held[0]), cloned(held[1]), cloned(held_named))
        own = copy_of(reached)
        with torch.no_grad(), evaluating(own):
            outputs = unseen.through(own)
            yardstick = yardstick_of(parts.loss_fn, outputs, unseen, parts.batch_size)
            before = judged(own, parts, unseen, yardstick, task)
        ends = []
        for seed in range(SEEDS):
            torch.manual_seed(seed)
            small = narrowed(copy_of(parts.module).train(), anatomy, WIDTH)
            few = Parts(small, parts.loss_fn, parts.optimizer, parts.batch_size)
            ends.append(ended(few, feed, yardstick, task, steps, seed, unseen))
        found = np.array(ends)
        numbers = sum(each.numel() for each in small.parameters())
        return Narrower(WIDTH, numbers, steps, found[:, 0], found[:, 1], *before)


def narrowed(module: nn.Module, anatomy: Anatomy, factor: float) -> nn.Module:
    """A copy whose dense, convolution and recurrent layers, which run one after the other, have `factor`
    times as many units, but for the last one's. Weights are drawn anew with variances in proportion to
    1/fan-in; the random numbers are torch's.

    Raises ArgumentError where another layer than these, or one that is used twice, is between them.
    """
    try:
        return widened(module, factor)
    except ArgumentError:  # no nest of nn.Sequential: layers are exchanged where they stand
        own, was, now = copy.deepcopy(module), 0, 0
    if anatomy.why or anatomy.shared or anatomy.skips or len(anatomy.layers) < 2:
        raise ArgumentError(f"{type(module).__name__} is no chain of layers that could be narrowed.")
    for at, layer in enumerate(anatomy.layers):
        part, last = own.get_submodule(layer.name), at == len(anatomy.layers) - 1
        entering, leaving = _features(part)
        if was and entering % was:
            raise ArgumentError(f"{layer.name} takes {entering} numbers, and {was} units come before it.")
        into = entering if not was else entering // was * now
        out = leaving if last else max(1, round(leaving * factor))
        own.set_submodule(layer.name, _made(part, into, out))
        ends = 2 if isinstance(part, nn.RNNBase) and part.bidirectional else 1
        was, now = (0, 0) if isinstance(part, nn.Embedding) else (ends * leaving, ends * out)
    return own


def _features(part: nn.Module) -> tuple[int, int]:
    """Numbers that enter, and units."""
    if isinstance(part, nn.Linear):
        return part.in_features, part.out_features
    if isinstance(part, nn.RNNBase) and not part.proj_size:
        return part.input_size, part.hidden_size
    if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Conv3d) and part.groups == 1:
        return part.in_channels, part.out_channels
    if isinstance(part, nn.Embedding):
        return part.num_embeddings, part.embedding_dim
    raise ArgumentError(f"{type(part).__name__} is no layer that could be narrowed.")


def _made(part: nn.Module, into: int, out: int) -> nn.Module:
    """Such a layer of other sizes."""
    kind: Any = type(part)
    if isinstance(part, nn.Linear):
        made: nn.Module = nn.Linear(into, out, part.bias is not None)
    elif isinstance(part, nn.RNNBase):
        more = {"nonlinearity": part.nonlinearity} if isinstance(part, nn.RNN) else {}
        made = kind(
            into,
            out,
            part.num_layers,
            bias=part.bias,
            batch_first=part.batch_first,
            dropout=part.dropout,
            bidirectional=part.bidirectional,
            **more,
        )
    elif isinstance(part, nn.modules.conv._ConvNd):
        made = kind(
            into,
            out,
            part.kernel_size,
            part.stride,
            part.padding,
            part.dilation,
            bias=part.bias is not None,
            padding_mode=part.padding_mode,
        )
    else:
        return copy.deepcopy(part)  # words are as long as they were
    for name, each in made.named_parameters():
        _draw(each, part.get_parameter(name).detach())
    like = next(part.parameters())
    return made.to(like.device, like.dtype).requires_grad_(like.requires_grad)


@torch.no_grad()
def _draw(each: Tensor, like: Tensor) -> None:
    """Numbers of the mean and spread of `like`; those of matrices in proportion to 1/√fan-in."""
    fan = like[0].numel() / each[0].numel() if like.ndim > 1 else 1.0
    spread = float(like.double().std(correction=0)) if like.numel() > 1 else 0.0
    each.normal_(float(like.double().mean()) * fan, spread * math.sqrt(fan))
