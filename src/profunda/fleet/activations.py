"""Activation functions and their derivatives into given buffers, for a slice of members at a time."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["ACTIVATIONS", "Function"]

_ATEN = torch.ops.aten
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
_SLOPE = 0.01


@dataclass(frozen=True)
class Function:
    """One activation function.

    `forward(z, a)` writes σ(z) into a; `backward(d, saved)` turns d from ∂/∂a into ∂/∂z in place, where
    `saved` is the activation itself (`from_output`) or the pre-activation. `survives_mask`: the derivative
    can be read from an activation that dropout has already masked, so no second buffer is needed.
    `zero_at_zero`: padded units stay zero.
    """

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor], object]
    from_output: bool
    survives_mask: bool = False
    zero_at_zero: bool = True


def _mish_backward(d: Tensor, z: Tensor) -> None:
    d.copy_(_ATEN.mish_backward.default(d, z))


ACTIVATIONS: dict[str, Function] = {
    "relu": Function(
        lambda z, a: torch.clamp_min(z, 0.0, out=a),
        lambda d, a: _ATEN.threshold_backward.grad_input(d, a, 0.0, grad_input=d),
        from_output=True,
        survives_mask=True,
    ),
    "leaky_relu": Function(
        lambda z, a: _ATEN.leaky_relu.out(z, _SLOPE, out=a),
        lambda d, a: _ATEN.leaky_relu_backward.grad_input(d, a, _SLOPE, True, grad_input=d),
        from_output=True,
        survives_mask=True,
    ),
    "tanh": Function(
        lambda z, a: torch.tanh(z, out=a),
        lambda d, a: _ATEN.tanh_backward.grad_input(d, a, grad_input=d),
        from_output=True,
    ),
    "sigmoid": Function(
        lambda z, a: torch.sigmoid(z, out=a),
        lambda d, a: _ATEN.sigmoid_backward.grad_input(d, a, grad_input=d),
        from_output=True,
        zero_at_zero=False,
    ),
    "elu": Function(
        lambda z, a: _ATEN.elu.out(z, 1.0, 1.0, 1.0, out=a),
        lambda d, a: _ATEN.elu_backward.grad_input(d, 1.0, 1.0, 1.0, True, a, grad_input=d),
        from_output=True,
    ),
    "selu": Function(
        lambda z, a: _ATEN.elu.out(z, _SELU_ALPHA, _SELU_SCALE, 1.0, out=a),
        lambda d, a: _ATEN.elu_backward.grad_input(d, _SELU_ALPHA, _SELU_SCALE, 1.0, True, a, grad_input=d),
        from_output=True,
    ),
    "gelu": Function(
        lambda z, a: _ATEN.gelu.out(z, out=a),
        lambda d, z: _ATEN.gelu_backward.grad_input(d, z, grad_input=d),
        from_output=False,
    ),
    "silu": Function(
        lambda z, a: _ATEN.silu.out(z, out=a),
        lambda d, z: _ATEN.silu_backward.grad_input(d, z, grad_input=d),
        from_output=False,
    ),
    "softplus": Function(
        lambda z, a: _ATEN.softplus.out(z, 1.0, 20.0, out=a),
        lambda d, z: _ATEN.softplus_backward.grad_input(d, z, 1.0, 20.0, grad_input=d),
        from_output=False,
        zero_at_zero=False,
    ),
    "mish": Function(lambda z, a: _ATEN.mish.out(z, out=a), _mish_backward, from_output=False),
}
