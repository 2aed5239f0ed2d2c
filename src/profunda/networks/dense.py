"""A Design as a plain `nn.Sequential`, and its parameters in and out of one flat vector."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from profunda.errors import ModelError
from profunda.networks.layout import layout
from profunda.space.design import Design

__all__ = ["activation_module", "build", "flatten", "load"]

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


def activation_module(name: str) -> nn.Module:
    """The torch module of an activation's name."""
    return _ACTIVATIONS[name]()


def build(design: Design, n_features: int, n_outputs: int) -> nn.Sequential:
    """Dropout (where its rate is not 0), Linear and activation in turn; maps [B, D] to raw outputs [B, C]."""
    parts: list[nn.Module] = []
    if design.input_dropout:
        parts.append(nn.Dropout(design.input_dropout))
    for block in layout(design.widths, n_features, n_outputs)[:-1]:
        parts += [nn.Linear(block.fan_in, block.fan_out), activation_module(design.activation)]
        if design.dropout:
            parts.append(nn.Dropout(design.dropout))
    parts.append(nn.Linear(design.widths[-1] if design.widths else n_features, n_outputs))
    return nn.Sequential(*parts)


def load(module: nn.Sequential, params: np.ndarray) -> nn.Sequential:
    """Copy flat `params` [P] into the Linear layers of `module`; ModelError where P differs."""
    linears = [part for part in module if isinstance(part, nn.Linear)]
    need = sum(part.weight.numel() + part.out_features for part in linears)
    if need != params.size:
        raise ModelError(
            f"The network has {need} parameters, {params.size} were given; they belong to another design."
        )
    blocks = layout(
        [part.out_features for part in linears[:-1]], linears[0].in_features, linears[-1].out_features
    )
    with torch.no_grad():
        for part, block in zip(linears, blocks, strict=True):
            part.weight.copy_(torch.from_numpy(block.weights_of(params).T.copy()))
            part.bias.copy_(torch.from_numpy(block.biases_of(params).copy()))
    return module


def flatten(module: nn.Sequential) -> np.ndarray:
    """The parameters of `module`'s Linear layers as one vector [P], in the order of `networks.layout`."""
    pieces: list[np.ndarray] = []
    for part in module:
        if isinstance(part, nn.Linear):
            pieces += [part.weight.detach().cpu().numpy().T.ravel(), part.bias.detach().cpu().numpy()]
    return np.concatenate(pieces)
