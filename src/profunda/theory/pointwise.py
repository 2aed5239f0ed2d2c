"""Torch's activations as values of `theory.activations`, known by their type, or by what they do."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.theory.activations import NONLINEARITIES, Nonlinearity

__all__ = ["FUNCTIONS", "MODULES", "Function", "close", "named_activation", "recognised", "wrapped"]

Function = Callable[[Tensor], Tensor]

MODULES: dict[str, type[nn.Module]] = {
    "linear": nn.Identity,
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
"""Modules of `torch.nn` by the names of `NONLINEARITIES`; erf has none."""

FUNCTIONS: dict[str, Function] = {**{name: made() for name, made in MODULES.items()}, "erf": torch.erf}
"""`NONLINEARITIES` on tensors, by the same names."""

# Types without settings that count, by the name of their function.
_PLAIN = {MODULES[name]: name for name in ("relu", "tanh", "sigmoid", "selu", "silu", "mish")}

# Where those with settings, and those that have no name here, bend.
_KINKS: dict[type[nn.Module], Callable[[Any], tuple[float, ...]]] = {
    nn.CELU: lambda part: (0.0,),
    nn.ELU: lambda part: (0.0,),
    nn.GELU: lambda part: (),
    nn.Hardshrink: lambda part: (-part.lambd, part.lambd),
    nn.Hardsigmoid: lambda part: (-3.0, 3.0),
    nn.Hardswish: lambda part: (-3.0, 3.0),
    nn.Hardtanh: lambda part: (part.min_val, part.max_val),
    nn.LogSigmoid: lambda part: (),
    nn.ReLU6: lambda part: (0.0, 6.0),
    nn.Softplus: lambda part: (),
    nn.Softshrink: lambda part: (-part.lambd, part.lambd),
    nn.Softsign: lambda part: (0.0,),
    nn.Tanhshrink: lambda part: (),
    nn.Threshold: lambda part: (part.threshold,),
}


def named_activation(part: nn.Module) -> Nonlinearity | None:
    """The activation that a module of `torch.nn` is, its settings counted in; None for any other module.

    >>> named_activation(nn.LeakyReLU(0.2)).sides
    (0.2, 1.0)
    >>> named_activation(nn.Softmax(dim=1)) is None
    True
    """
    if type(part) in _PLAIN:
        return NONLINEARITIES[_PLAIN[type(part)]]
    if isinstance(part, nn.LeakyReLU):
        return _two_sided(part.negative_slope)
    if isinstance(part, nn.RReLU):  # its mean slope is what evaluation uses
        return _two_sided((part.lower + part.upper) / 2.0)
    if isinstance(part, nn.PReLU) and part.num_parameters == 1:
        return _two_sided(float(part.weight))
    if type(part) not in _KINKS:
        return None
    default = NONLINEARITIES.get(type(part).__name__.lower())
    if default is not None and type(part)().extra_repr() == part.extra_repr():
        return default
    return wrapped(repr(part).lower(), part, _KINKS[type(part)](part))


def recognised(entered: Tensor, left: Tensor) -> str | None:
    """The name of the function of `FUNCTIONS` that makes `left` of `entered`, of one shape; None for none."""
    if entered.shape != left.shape:
        return None
    misses = {name: float((each(entered) - left).abs().max()) for name, each in FUNCTIONS.items()}
    best = min(misses, key=lambda name: misses[name])
    return best if _agree(FUNCTIONS[best](entered), left, entered) else None


def _agree(one: Tensor, other: Tensor, at: Tensor) -> bool:
    """Whether two functions' values at the same places differ by rounding only, place by place: beside a row
    of 1e6, whatever bends near 0 looks like a ReLU."""
    if one.dtype != other.dtype:
        return False
    size = at.abs().maximum(other.abs())
    size = size.clamp_min(min(1.0, float(size.max())))
    return bool(((one - other).abs() <= torch.finfo(one.dtype).eps ** 0.7 * size).all())


def wrapped(name: str, function: Function, kinks: tuple[float, ...] = ()) -> Nonlinearity:
    """A point-wise function on tensors as one on float64 arrays, its slope by automatic differentiation."""

    def value(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return function(torch.as_tensor(np.asarray(x, np.float64)).clone()).numpy()

    def slope(x: np.ndarray) -> np.ndarray:
        with torch.enable_grad():
            at = torch.as_tensor(np.asarray(x, np.float64)).clone().requires_grad_()
            return torch.autograd.grad(function(at * 1.0).sum(), at)[0].numpy()  # ×1: it may work in place

    return Nonlinearity(name, value, slope, kinks)


def close(one: Tensor, other: Tensor) -> bool:
    """Whether they differ by rounding only: by at most ε^0.7 of the largest, 1e-5 for float32."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.numel():
        return True
    scale = max(float(one.abs().max()), float(other.abs().max()))
    return float((one - other).abs().max()) <= torch.finfo(one.dtype).eps ** 0.7 * scale


def _two_sided(negative: float) -> Nonlinearity:
    plain = NONLINEARITIES["leaky_relu"]
    if plain.sides == (negative, 1.0):
        return plain
    return Nonlinearity(
        f"leaky_relu({negative:g})",
        lambda x: np.where(x > 0, 1.0, negative) * x,
        lambda x: np.where(x > 0, 1.0, negative),
        (0.0,),
        (negative, 1.0),
    )
