"""The standard run of this chapter: few rows on a sphere, targets ±1, trained to a thousandth of the loss."""

from dataclasses import dataclass

import numpy as np
import torch

from profunda.lab.experiments.kernels._wide import (
    Descent,
    Loss,
    Stack,
    descend,
    distances,
    draw,
    drift,
    sphere,
    squared,
)

__all__ = ["FEATURES", "Run", "gain", "run"]

FEATURES = 16


@dataclass(frozen=True)
class Run:
    """Networks before and after, their kernel drift [M], and their distance from their twins [M]."""

    start: Stack
    end: Descent
    drift: np.ndarray
    distance: np.ndarray


def gain(activation: str) -> float:
    """C_W at criticality."""
    return 2.0 if activation == "relu" else 1.0


def run(
    activation: str,
    widths: list[int],
    networks: int,
    seed: int,
    *,
    rows: int = 4,
    rows_seed: int = 1,
    pace: float = 0.25,
    loss: Loss = squared,
    most: int = 2000,
    ratio: float = 1e-3,
) -> Run:
    """Steps of `pace`/λ_max(Θ₀), full batch; distances on 16 new rows, for the squared loss."""
    x, new = sphere(rows, FEATURES, rows_seed), sphere(16, FEATURES, 1_000 + rows_seed)
    y = torch.tensor([1.0, -1.0] * (rows // 2))
    stack = draw(widths, FEATURES, activation, networks, seed, gain(activation))
    before = stack.kernel(x)
    rates = pace / torch.linalg.eigvalsh(before)[:, -1].clamp_min(1e-6)
    end = descend(stack, x, y, rates, loss, ratio=ratio, most=most)
    gone = distances(stack, end, x, y, new, rates) if loss is squared else np.full(networks, np.nan)
    return Run(stack, end, drift(end.stack.kernel(x), before), gone)
