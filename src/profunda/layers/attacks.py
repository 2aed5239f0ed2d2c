"""Adversarial examples by the fast gradient sign, for training on them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError

__all__ = ["adversarial"]


def adversarial(
    model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, epsilon: float
) -> Tensor:
    """x + ε·sign(∂loss(model(x), y)/∂x), of the shape of `x` and detached (Goodfellow, Shlens and Szegedy
    2015, section 4): the worst step of size ε in every input, to first order.

    Training minimises ½ loss(x) + ½ loss(x_adversarial) (eq. in their section 6). The parameters' gradients
    stay untouched. Raises ArgumentError for a negative ε.
    """
    if not 0.0 <= epsilon < float("inf"):
        raise ArgumentError(f"epsilon = {epsilon} is no step: it must be finite and at least 0.")
    with torch.enable_grad():
        moved = x.detach().clone().requires_grad_()
        slope = torch.autograd.grad(loss(model(moved), y), moved)[0]
    return x.detach() + epsilon * slope.sign()
