"""A Design as a plain `nn.Sequential`, and its parameters in and out of one flat vector."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from profunda.data.inputs import Inputs
from profunda.errors import ModelError
from profunda.layers.dropout import DropConnect, GaussianDropout
from profunda.layers.parametric import Parametric
from profunda.networks.entering import Entering
from profunda.networks.heads import TaskHeads
from profunda.networks.layout import Block, layout_of
from profunda.networks.norms import NORM_EPS, NORM_MOMENTUM
from profunda.networks.passing import skips
from profunda.networks.skip import Skip
from profunda.space.design import Design
from profunda.theory.pointwise import MODULES

__all__ = ["activation_module", "build", "flatten", "load"]

_NORMS: dict[str, Callable[[Block], nn.Module]] = {
    "batch": lambda block: nn.BatchNorm1d(block.fan_out, NORM_EPS, NORM_MOMENTUM),
    "layer": lambda block: nn.LayerNorm(block.fan_out, NORM_EPS),
    "group": lambda block: nn.GroupNorm(block.groups, block.fan_out, NORM_EPS),
}

_DROPOUTS: dict[str, Callable[[float], nn.Module]] = {
    "bernoulli": nn.Dropout,
    "gaussian": GaussianDropout,
    "alpha": nn.AlphaDropout,
}


def activation_module(name: str) -> nn.Module:
    """The torch module of an activation's name."""
    return MODULES[name]()


def build(design: Design, inputs: Inputs | int, n_outputs: int) -> nn.Sequential:
    """Linear, norm, activation and dropout in turn, where the Design has them: [B, D] to raw outputs [B, C].

    `inputs` are those of the network, or so many numbers. What stands before the layers is one module, and so
    is a hidden layer that what enters it is added to; with heads of tasks all of the network is one. With
    batch norm, a training batch of one row is refused by `nn.BatchNorm1d`, which fleets are not.
    """
    made = layout_of(design, Inputs.of(inputs), n_outputs)
    parts: list[nn.Module] = []
    if not made.front.plain:
        inside = 0.0 if design.dropout_kind == "dropconnect" else design.dropout
        parts.append(Entering(made.front, design.input_dropout, activation_module(design.activation), inside))
    elif design.input_dropout:
        parts.append(nn.Dropout(design.input_dropout))
    *hidden, last = made.blocks
    for number, block in enumerate(hidden):
        layer = _hidden(design, number, block)
        parts += [Skip(*layer)] if skips(design, number) else layer
    shared, task = _linear(design, len(hidden), last), made.front.inputs.task
    if made.tasks and task is not None:
        return nn.Sequential(TaskHeads(nn.Sequential(*parts), shared, *task))
    return nn.Sequential(*parts, shared)


def _hidden(design: Design, number: int, block: Block) -> list[nn.Module]:
    activation = activation_module(design.activation)
    if design.parametric:
        activation = Parametric(block.fan_out, activation)
    normed = [_NORMS[design.norm](block)] if design.norm in _NORMS else []
    parts = [*normed, activation] if design.norm_place == "before" else [activation, *normed]
    if design.dropout and design.dropout_kind != "dropconnect":
        parts.append(_DROPOUTS[design.dropout_kind](design.dropout))
    return [_linear(design, number, block), *parts]


def _linear(design: Design, number: int, block: Block) -> nn.Linear:
    """DropConnect drops weights that leave hidden units: those of all layers but the first."""
    if number and design.dropout and design.dropout_kind == "dropconnect":
        return DropConnect(block.fan_in, block.fan_out, design.dropout)
    return nn.Linear(block.fan_in, block.fan_out)


def load(module: nn.Sequential, params: np.ndarray) -> nn.Sequential:
    """Copy flat `params` [P] into the layers and norms of `module`; ModelError where P differs."""
    tensors = _tensors(module)
    need = sum(tensor.numel() for tensor in tensors)
    if need != params.size:
        raise ModelError(
            f"The network has {need} parameters, {params.size} were given; they belong to another design."
        )
    at = 0
    for tensor in tensors:
        piece = params[at : at + tensor.numel()]
        tensor.copy_(torch.from_numpy(piece.reshape(tensor.shape).copy()))
        at += tensor.numel()
    return module


def flatten(module: nn.Sequential) -> np.ndarray:
    """The parameters of `module`'s layers and norms as one vector [P], in the order of `networks.layout`."""
    return np.concatenate([tensor.cpu().numpy().ravel() for tensor in _tensors(module)])


def _tensors(module: nn.Sequential) -> list[Tensor]:
    """Views of all parameters and collected statistics in the order of `networks.layout`, weights [K, H]."""
    front: list[Tensor] = []
    heads: list[Tensor] = []
    layers: list[tuple[list[Tensor], list[Tensor], list[Tensor]]] = []
    for part in module.modules():
        if isinstance(part, Entering):
            front = [tensor.detach() for tensor in part.tensors()]
        elif isinstance(part, TaskHeads):
            heads = [part.own.detach()]
        elif isinstance(part, nn.Linear):
            layers.append(([part.weight.detach().T, part.bias.detach()], [], []))
        elif isinstance(part, Parametric):
            layers[-1][1].append(part.alpha.detach())
        elif isinstance(part, nn.LayerNorm | nn.GroupNorm | nn.BatchNorm1d):
            kept = [found for name, found in part.named_buffers() if name.startswith("running_")]
            layers[-1][2].extend([part.weight.detach(), part.bias.detach(), *kept])
    return front + [tensor for layer in layers for group in layer for tensor in group] + heads
