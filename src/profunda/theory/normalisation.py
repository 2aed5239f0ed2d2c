"""Batch normalisation: its step by hand, and what it does to gradients before any training.

Sources: Ioffe and Szegedy (2015), algorithm 1, for the step (biased variance, ε inside the root); Yang,
Pennington, Rao, Sohl-Dickstein and Schoenholz (2019), "A mean field theory of batch normalization", for the
growth of gradients in deep networks of it without skips.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch

from profunda.errors import ArgumentError, DataError

__all__ = [
    "BatchNormGrowth",
    "BatchNormStep",
    "batch_norm_growth",
    "batch_norm_growth_limit",
    "batch_norm_step",
]

EPSILON = 1e-5  # torch.nn.BatchNorm1d's
EDGE = 4  # layers at either end of a chain that the slope of its gradients leaves out


@dataclass(frozen=True)
class BatchNormStep:
    """One batch [B, D] normalised, and both standard deviations [D] of it.

    `biased` (over B) is what normalises; `unbiased` (over B − 1) is what PyTorch's running variance keeps;
    `recovering` = √(σ² + ε) is the γ that with β = `mean` undoes the step, which γ = σ does not quite.
    """

    mean: np.ndarray
    biased: np.ndarray
    unbiased: np.ndarray
    normalised: np.ndarray
    recovering: np.ndarray


def batch_norm_step(x: np.ndarray, epsilon: float = EPSILON) -> BatchNormStep:
    """(x − μ)/√(σ² + ε) by column, σ² biased (Ioffe and Szegedy 2015, algorithm 1); float64.

    Raises DataError for anything but a finite table of at least 2 rows and ArgumentError for ε < 0 or
    for ε = 0 beside a column that does not vary.

    >>> batch_norm_step(np.array([[1.0, 5.0], [3.0, 9.0]])).normalised.round(4).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or len(x) < 2 or not np.isfinite(x).all():
        raise DataError(
            f"A batch of shape {x.shape} cannot be normalised: it must be a table [B, D] of at least 2 rows, "
            "all finite."
        )
    if not 0.0 <= epsilon < math.inf:
        raise ArgumentError(f"An ε of {epsilon} is no small variance: it must be finite and at least 0.")
    mean, biased = x.mean(0), x.std(0)
    recovering = np.sqrt(biased**2 + epsilon)
    if not recovering.all():
        raise ArgumentError(
            f"Column {int(np.argmin(recovering))} does not vary and ε is 0, so nothing divides it: "
            "take ε > 0."
        )
    return BatchNormStep(mean, biased, x.std(0, ddof=1), (x - mean) / recovering, recovering)


@dataclass(frozen=True)
class BatchNormGrowth:
    """By what factor squared gradients grow per layer towards the input, with its standard error.

    `factor` is exp of the mean slope of ln E‖∂/∂x^l‖² over the networks; `profile` [L] the mean of those
    logarithms, first layer first.
    """

    factor: float
    standard_error: float
    profile: np.ndarray


def batch_norm_growth(
    batch: int, width: int = 256, depth: int = 30, networks: int = 8, seed: int = 0
) -> BatchNormGrowth:
    """Growth in plain chains of Linear – batch norm – ReLU at initialisation, measured by back-propagation.

    Gaussian weights of any variance (batch norm takes it out), standard normal inputs [batch, width], no γ
    and β, a random direction at the output; the 4 layers at either end, where the signal is not yet
    stationary, are left out of the slope. Raises ArgumentError for a batch below 3 (two rows become ±1 and
    pass no gradient), a depth below 10, fewer than 2 networks, and gradients that vanish or overflow.
    """
    if batch < 3 or width < 1 or depth < 2 * EDGE + 2 or networks < 2:
        raise ArgumentError(
            f"batch {batch}, width {width}, depth {depth}, networks {networks}: at least 3 rows, 1 unit, "
            f"{2 * EDGE + 2} layers and 2 networks are needed for a slope with an error."
        )
    generator = torch.Generator().manual_seed(seed)
    logs = np.stack([_log_gradients(batch, width, depth, generator) for _ in range(networks)])
    inner = np.arange(EDGE, depth - EDGE)
    slopes = -np.polyfit(inner, logs[:, inner].T, 1)[0]
    factor = math.exp(slopes.mean())
    return BatchNormGrowth(
        factor, factor * float(slopes.std(ddof=1)) / math.sqrt(networks), logs.mean(axis=0)
    )


def batch_norm_growth_limit() -> float:
    """π/(π − 1) = 1.4669…: the factor per layer for ReLU as batch and width grow (Yang et al. 2019).

    For reference: `batch_norm_growth` measures above it for small batches, and a little below it where the
    batch is larger than the width, the more the deeper.
    """
    return math.pi / (math.pi - 1.0)


def _log_gradients(batch: int, width: int, depth: int, generator: torch.Generator) -> np.ndarray:
    """ln of the sum of squared gradients with respect to the input of each layer: [depth]."""
    x = torch.randn(batch, width, generator=generator, requires_grad=True)
    inputs = []
    for _ in range(depth):
        inputs.append(x)
        weight = torch.randn(width, width, generator=generator) / math.sqrt(width)
        normalised = torch.nn.functional.batch_norm(x @ weight, None, None, training=True, eps=EPSILON)
        x = torch.relu(normalised)
    gradients = torch.autograd.grad((x * torch.randn(x.shape, generator=generator)).sum(), inputs)
    sizes = np.array([float(g.double().square().sum()) for g in gradients])
    if not ((sizes > 0.0) & np.isfinite(sizes)).all():
        raise ArgumentError(
            f"The gradient is lost on its way through {depth} layers of {width} units (0, or beyond "
            "float32): take fewer layers, or more units and rows."
        )
    return np.log(sizes)
