"""Stacks of deep networks under plain gradient descent on small digits, their layers' speeds written down."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Watched", "digits", "watch"]

_ACTS = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


@dataclass(frozen=True)
class Watched:
    """M networks of L hidden layers at T looks: `speeds` ‖∂C/∂b_l‖ [T, M, L] and losses C [T, M].

    `moved` [M, L]: how far the weights of each hidden layer went in all, as a share of their first norm.
    """

    steps: np.ndarray
    speeds: np.ndarray
    losses: np.ndarray
    moved: np.ndarray


def digits(rows: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """`rows` standardised digits of 8 × 8, float32 [rows, 64], and their classes."""
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))[:rows]
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1.0)
    return torch.tensor(x[order], dtype=torch.float32), torch.tensor(labels[order])


def watch(
    activation: str,
    layers: int,
    width: int,
    weight_variance: float,
    networks: int,
    *,
    steps: int,
    rate: float,
    standard: bool = True,
    seed: int = 0,
) -> Watched:
    """Train 64–width×layers–10 networks on 300 digits; first weights N(0, C_W/n), or N(0, 1) unless standard.

    Cross-entropy, full batch, step size `rate`; ten looks and one before the first step. Biases start at 0,
    or N(0, 1) unless standard.
    """
    x, labels = digits(300)
    generator = torch.Generator().manual_seed(seed)
    sizes = (x.shape[1], *[width] * layers, 10)
    scale = [(weight_variance / size) ** 0.5 if standard else 1.0 for size in sizes[:-1]]
    weights, biases = [], []
    for a, b, s in zip(sizes, sizes[1:], scale, strict=False):
        weights.append((s * torch.randn(networks, a, b, generator=generator)).requires_grad_())
        start = torch.randn(networks, 1, b, generator=generator) * (0.0 if standard else 1.0)
        biases.append(start.requires_grad_())
    first = [weight.detach().clone() for weight in weights]
    inputs, targets = x.expand(networks, *x.shape), labels.repeat(networks)
    looks = np.unique(np.linspace(0, steps - 1, 11).astype(int))
    speeds, losses = [], []
    for step in range(steps):
        h = inputs
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            h = _ACTS[activation](torch.baddbmm(bias, h, weight))
        outputs = torch.baddbmm(biases[-1], h, weights[-1]).flatten(0, 1)
        each = functional.cross_entropy(outputs, targets, reduction="none").view(networks, -1).mean(1)
        gradients = torch.autograd.grad(each.sum(), [*weights, *biases])
        if step in looks:
            own = gradients[len(weights) : -1]
            speeds.append(torch.stack([g.double().flatten(1).norm(dim=1) for g in own], 1).numpy())
            losses.append(each.detach().double().numpy())
        with torch.no_grad():
            for parameter, gradient in zip([*weights, *biases], gradients, strict=True):
                parameter -= rate * gradient
    moved = [
        ((now.detach() - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)).double().numpy()
        for now, before in zip(weights[:-1], first[:-1], strict=True)
    ]
    return Watched(looks, np.array(speeds), np.array(losses), np.stack(moved, 1))
