"""A Design as a plain `nn.Sequential`, and its parameters in and out of one flat vector."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from profunda.errors import ModelError
from profunda.layers.dropout import DropConnect, GaussianDropout
from profunda.networks.layout import layout
from profunda.space.design import Design

__all__ = ["NORM_EPS", "NORM_MOMENTUM", "activation_module", "build", "flatten", "load"]

NORM_EPS, NORM_MOMENTUM = 1e-5, 0.1
"""ε under the root of every norm, and the weight of a batch in the statistics that batch norm collects."""

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "mish": nn.Mish,
}


_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": lambda units: nn.BatchNorm1d(units, NORM_EPS, NORM_MOMENTUM),
    "layer": lambda units: nn.LayerNorm(units, NORM_EPS),
}


def activation_module(name: str) -> nn.Module:
    """The torch module of an activation's name."""
    return _ACTIVATIONS[name]()


def build(design: Design, n_features: int, n_outputs: int) -> nn.Sequential:
    """Linear, norm, activation and dropout in turn, where the Design has them: [B, D] to raw outputs [B, C].

    With batch norm, a training batch of one row is refused by `nn.BatchNorm1d`, which fleets are not.
    """
    parts: list[nn.Module] = []
    if design.input_dropout:
        parts.append(nn.Dropout(design.input_dropout))
    connected = 0.0  # the rate at which a layer's weights are dropped: those that leave hidden units
    for block in layout(design.widths, n_features, n_outputs)[:-1]:
        parts.append(_linear(block.fan_in, block.fan_out, connected))
        normed = [_NORMS[design.norm](block.fan_out)] if design.norm in _NORMS else []
        activation = activation_module(design.activation)
        parts += [*normed, activation] if design.norm_place == "before" else [activation, *normed]
        if design.dropout and design.dropout_kind == "dropconnect":
            connected = design.dropout
        elif design.dropout:
            gaussian = design.dropout_kind == "gaussian"
            parts.append((GaussianDropout if gaussian else nn.Dropout)(design.dropout))
    parts.append(_linear(design.widths[-1] if design.widths else n_features, n_outputs, connected))
    return nn.Sequential(*parts)


def _linear(fan_in: int, fan_out: int, rate: float) -> nn.Linear:
    return DropConnect(fan_in, fan_out, rate) if rate else nn.Linear(fan_in, fan_out)


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
    found: list[Tensor] = []
    for part in module:
        if isinstance(part, nn.Linear):
            found += [part.weight.detach().T, part.bias.detach()]
        elif isinstance(part, nn.LayerNorm | nn.BatchNorm1d):
            found += [part.weight.detach(), part.bias.detach()]
            found += [collected for name, collected in part.named_buffers() if name.startswith("running_")]
    return found
