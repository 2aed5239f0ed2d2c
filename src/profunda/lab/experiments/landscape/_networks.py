"""Small dense networks in float64, and a way to train them to the end."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["dense", "gaussian_rows", "parameters", "trained_to_zero"]


def dense(widths: Sequence[int], activation: type[nn.Module], seed: int) -> nn.Sequential:
    """Layers of these widths, inputs and outputs included, float64; Gaussian weights of variance 1/fan-in
    (2/fan-in for ReLU), small Gaussian biases."""
    drawn = torch.Generator().manual_seed(seed)
    gain = 2.0 if activation is nn.ReLU else 1.0
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        layer = nn.Linear(before, after, dtype=torch.float64, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            layer.weight.normal_(0.0, (gain / before) ** 0.5, generator=drawn)
            layer.bias.normal_(0.0, 0.1, generator=drawn)
        parts += [layer, activation()]
    return nn.Sequential(*parts[:-1])


def parameters(net: nn.Module) -> int:
    """P."""
    return sum(each.numel() for each in net.parameters())


def gaussian_rows(rows: int, inputs: int, seed: int) -> Tensor:
    """Standard normal inputs [N, D]."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((rows, inputs)))


def trained_to_zero(net: nn.Module, x: Tensor, y: Tensor, steps: int) -> float:
    """Mean squared error after `steps` of L-BFGS with a line search, on all rows."""
    optimiser = torch.optim.LBFGS(
        net.parameters(), max_iter=steps, max_eval=2 * steps, history_size=50, tolerance_grad=1e-12,
        tolerance_change=1e-18, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = (net(x) - y).square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    with torch.no_grad():
        return float((net(x) - y).square().mean())
