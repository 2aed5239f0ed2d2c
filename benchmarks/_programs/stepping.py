"""Optimisers as a plan names them: how to make one for a model."""

from collections.abc import Callable

import torch
from torch import nn

__all__ = ["Make", "adam", "adamw", "lbfgs", "rmsprop", "sgd"]

Make = Callable[[nn.Module], torch.optim.Optimizer]


def sgd(lr: float, momentum: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False) -> Make:
    """Stochastic gradient descent."""
    return lambda model: torch.optim.SGD(
        model.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )


def adam(
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Make:
    """Adam; its weight decay is a penalty."""
    return lambda model: torch.optim.Adam(
        model.parameters(), lr=lr, betas=betas, eps=eps, weight_decay=weight_decay
    )


def adamw(lr: float, weight_decay: float = 0.01) -> Make:
    """Adam with decoupled weight decay."""
    return lambda model: torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)


def rmsprop(lr: float) -> Make:
    """RMSprop."""
    return lambda model: torch.optim.RMSprop(model.parameters(), lr=lr)


def lbfgs(lr: float = 1.0, most: int = 10) -> Make:
    """L-BFGS, which evaluates its closure up to `most` times a step."""
    return lambda model: torch.optim.LBFGS(
        model.parameters(), lr=lr, max_iter=most, line_search_fn="strong_wolfe"
    )
