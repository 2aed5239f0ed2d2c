"""The forward pass of one network on its flat vector [P]: the one that training, evaluation and first weights
share. Plain products on views: no module is built, whose first weights would be drawn from torch's global
stream."""

import math
from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from profunda.networks.bodies.held import ChannelNorm
from profunda.networks.bodies.reading import read_by
from profunda.networks.layout import Block, Front, NetworkLayout
from profunda.networks.norms import NORM_EPS
from profunda.space.design import Activation, Design

__all__ = [
    "ACTIVATIONS",
    "Step",
    "entering",
    "forward",
    "headed",
    "inputs_of_layers",
    "skips",
]

ACTIVATIONS: dict[Activation, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "selu": torch.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "softplus": functional.softplus,
    "mish": functional.mish,
}


class Step(Protocol):
    """What one step of training does that evaluation does not; layers are numbered from 0."""

    def codes(self, place: int) -> Tensor | None:
        """Factors [B, 1] of the looked-up numbers of input `place`; None: 1."""
        ...

    def kernel(self, number: int, weights: Tensor) -> Tensor:
        """The weights [K, H] that layer `number` works with."""
        ...

    def batch_norm(self, block: Block | ChannelNorm, h: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        """`h` [B, H, …] by the batch's own statistics, which are collected."""
        ...

    def words(self, places: range) -> Tensor | None:
        """Factors [B, T] of the looked-up vectors of the tokens at `places`; None: 1."""
        ...

    def drop_inside(self, place: int, h: Tensor) -> Tensor:
        """What is left of `h`, the outputs of part `place` of the body."""
        ...

    def drop(self, number: int, h: Tensor) -> Tensor:
        """What is left of the outputs [B, H] of hidden layer `number`."""
        ...


def entering(
    front: Front, activation: Activation, vector: Tensor, x: Tensor, step: Step | None = None
) -> Tensor:
    """What enters the first layer, [B, E], of inputs `x` [B, D]."""
    if front.plain:
        return x
    parts = [x if len(front.kept) == x.shape[1] else x[:, list(front.kept)]]
    if front.waves:
        w, b, v, c = front.waves_of(vector)
        waves = torch.cos(2.0 * math.pi * (x[:, list(front.waves), None] * w + b))
        parts.append((torch.einsum("bnk,nkj->bnj", waves, v) + c).flatten(1))
    for (place, _), table in zip(front.codes, front.tables_of(vector), strict=True):
        found = functional.embedding(x[:, place].long(), table)
        factor = None if step is None else step.codes(place)
        parts.append(found if factor is None else found * factor)
    if front.body.width:
        parts.append(read_by(front.held(vector), x, ACTIVATIONS[activation], step))
    made = torch.cat([part for part in parts if part.shape[1]], dim=1)
    return made * front.scales_of(vector) if front.scaled else made


def skips(design: Design, number: int) -> bool:
    """Whether what enters hidden layer `number` (from 0) is added to what leaves it."""
    return design.skip and number > 0 and design.widths[number - 1] == design.widths[number]


def inputs_of_layers(
    design: Design,
    layout: NetworkLayout,
    vector: Tensor,
    x: Tensor,
    step: Step | None = None,
    taken: list[Tensor] | None = None,
) -> Iterator[Tensor]:
    """What enters each layer in turn, [B, K]: of inputs `x` [B, D] through the layers before it.

    A layer's parameters are read when what enters the next one is asked for. Evaluation where `step` is None.
    Activations [B, H], as signs are taken of them, are appended to `taken`.
    """
    h = entering(layout.front, design.activation, vector, x, step)
    for number, block in enumerate(layout.blocks[:-1]):
        yield h
        before = h
        u = _affine(number, block, vector, h, step)
        if design.norm_place == "before":
            u = _normed(block, vector, u, step)
        h = ACTIVATIONS[design.activation](u)
        if block.parametric:
            h = u + block.slopes_of(vector) * (h - u)
        if taken is not None:
            taken.append(h)
        if design.norm_place == "after":
            h = _normed(block, vector, h, step)
        h = h if step is None else step.drop(number, h)
        h = h + before if skips(design, number) else h
    yield h


def forward(
    design: Design,
    layout: NetworkLayout,
    vector: Tensor,
    x: Tensor,
    step: Step | None = None,
    taken: list[Tensor] | None = None,
) -> Tensor:
    """Raw outputs [B, C] of inputs `x` [B, D]; see `inputs_of_layers`."""
    *_, h = inputs_of_layers(design, layout, vector, x, step, taken)
    shared = _affine(design.depth, layout.blocks[-1], vector, h, step)
    if not layout.tasks or layout.front.inputs.task is None:
        return shared
    place, _ = layout.front.inputs.task
    return shared + headed(layout.heads_of(vector), x[:, place].long(), h)


def headed(heads: Tensor, task: Tensor, h: Tensor) -> Tensor:
    """U_t h + c_t, [B, C], of `heads` [T, H + 1, C], tasks t [B] and `h` [B, H]; 0 where t is T."""
    nobody = torch.cat([heads.flatten(1), heads.new_zeros(1, heads[0].numel())])
    own = functional.embedding(task, nobody).unflatten(1, heads.shape[1:])
    return torch.einsum("bh,bhc->bc", h, own[:, :-1]) + own[:, -1]


def _affine(number: int, block: Block, vector: Tensor, h: Tensor, step: Step | None) -> Tensor:
    weights = block.weights_of(vector)
    return torch.addmm(block.biases_of(vector), h, weights if step is None else step.kernel(number, weights))


def _normed(block: Block, vector: Tensor, h: Tensor, step: Step | None) -> Tensor:
    if block.norm == "none":
        return h
    vectors = block.norm_of(vector)
    gain, shift = vectors[:2]
    if block.norm == "layer":
        return functional.layer_norm(h, (block.fan_out,), gain, shift, NORM_EPS)
    if block.norm == "group":
        return torch.group_norm(h, block.groups, gain, shift, NORM_EPS)
    if step is not None:
        return step.batch_norm(block, h, gain, shift)
    mean, variance = vectors[2:]
    return functional.batch_norm(h, mean, variance, gain, shift, eps=NORM_EPS)
