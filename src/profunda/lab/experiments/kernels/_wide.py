"""Stacks of networks in the NTK parametrisation: drawn, trained by plain descent, their kernels measured."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from profunda.theory import linear_descent, linearisation_distance

__all__ = [
    "Descent",
    "Passed",
    "Stack",
    "descend",
    "distances",
    "draw",
    "drift",
    "logistic",
    "sphere",
    "squared",
]

_VALUES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "linear": lambda z: z,
}
_SLOPES: dict[str, Callable[[Tensor], Tensor]] = {  # by the activation's value
    "relu": lambda x: (x > 0.0).to(x.dtype),
    "tanh": lambda x: 1.0 - x * x,
    "linear": torch.ones_like,
}


@dataclass(frozen=True)
class Passed:
    """A pass through M networks: `outputs` [M, N], what enters layers, slopes behind them [M, N, ·]."""

    outputs: Tensor
    entered: tuple[Tensor, ...]
    slopes: tuple[Tensor, ...]


@dataclass(frozen=True)
class Stack:
    """M bias-free networks of one output; layer l is factor_l · x W_l, `weights` [M, n_{l−1}, n_l]."""

    weights: tuple[Tensor, ...]
    factors: tuple[float, ...]
    activation: str

    def through(self, x: Tensor, masks: Sequence[Tensor] = ()) -> Passed:
        """Rows x [N, D], or [M, N, D], through all networks; `masks` multiply hidden units (dropout)."""
        here = x.expand(len(self.weights[0]), *x.shape[-2:])
        entered, slopes = [here], []
        for layer, (weight, factor) in enumerate(zip(self.weights[:-1], self.factors, strict=False)):
            here = _VALUES[self.activation](factor * torch.bmm(here, weight))
            slope = _SLOPES[self.activation](here)
            if masks:
                here, slope = here * masks[layer], slope * masks[layer]
            entered.append(here)
            slopes.append(slope)
        last = self.factors[-1] * torch.bmm(here, self.weights[-1])
        return Passed(last[..., 0], tuple(entered), tuple(slopes))

    def backward(self, passed: Passed, pull: Tensor) -> list[Tensor]:
        """For `pull` [M, N] at the outputs, what arrives behind each matrix, [M, N, n_l], in order."""
        delta = pull[..., None]
        found = [delta]
        for weight, factor, slope in zip(
            self.weights[:0:-1], self.factors[:0:-1], passed.slopes[::-1], strict=True
        ):
            delta = factor * torch.bmm(delta, weight.transpose(1, 2)) * slope
            found.append(delta)
        return found[::-1]

    def kernel(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Θ [M, N, N2] between rows, by inner products layer by layer: no gradient is ever formed."""
        left = self.through(x)
        back = self.backward(left, torch.ones_like(left.outputs))
        right = left if other is None else self.through(other)
        there = back if other is None else self.backward(right, torch.ones_like(right.outputs))
        parts = zip(self.factors, left.entered, right.entered, back, there, strict=True)
        return sum(
            (
                f * f * torch.bmm(a, b.transpose(1, 2)) * torch.bmm(c, d.transpose(1, 2))
                for f, a, b, c, d in parts
            ),
            torch.zeros(()),
        )


def draw(
    widths: Sequence[int],
    features: int,
    activation: str,
    networks: int,
    seed: int,
    weight_variance: float,
    standard: bool = False,
) -> Stack:
    """M = `networks` networks with Gaussian weights; `standard` scales the weights themselves."""
    random = torch.Generator().manual_seed(seed)
    sizes = [features, *widths, 1]
    weights = [torch.randn(networks, a, b, generator=random) for a, b in pairwise(sizes)]
    factors = [math.sqrt(weight_variance / a) for a in sizes[:-1]]
    if standard:
        weights, factors = [f * w for f, w in zip(factors, weights, strict=True)], [1.0] * len(weights)
    return Stack(tuple(weights), tuple(factors), activation)


def sphere(rows: int, features: int, seed: int) -> Tensor:
    """Rows of random directions with ‖x‖² = D: [N, D]."""
    x = torch.randn(rows, features, generator=torch.Generator().manual_seed(seed))
    return x * math.sqrt(features) / x.norm(dim=1, keepdim=True)


Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Outputs and targets [M, N] to losses [M] and slopes [M, N]."""


def squared(f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """½ Σ (f − y)²."""
    return 0.5 * (f - y).square().sum(-1), f - y


def logistic(f: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Σ log(1 + e^{−yf}) for targets ±1."""
    margin = y * f
    return torch.nn.functional.softplus(-margin).sum(-1), -y * torch.sigmoid(-margin)


@dataclass(frozen=True)
class Descent:
    """What training left: the networks, steps of each [M], last losses over first ones [M]."""

    stack: Stack
    steps: Tensor
    ratio: Tensor


def descend(
    stack: Stack,
    x: Tensor,
    y: Tensor,
    rates: Tensor,
    loss: Loss = squared,
    *,
    ratio: float = 1e-3,
    most: int = 2000,
    penalty: Callable[[Tensor], Tensor] | None = None,
    keep: float = 1.0,
    seed: int = 0,
) -> Descent:
    """Full-batch steps of `rates` [M] until a network's loss is `ratio` of its first, or `most` steps.

    `penalty` maps weights to the slope of a penalty on them; `keep` < 1 drops hidden units. A network whose
    loss is no finite number stands still from then on.
    """
    random = torch.Generator().manual_seed(seed)
    weights = [w.clone() for w in stack.weights]
    here = replace(stack, weights=tuple(weights))
    networks, steps = len(weights[0]), torch.zeros(len(weights[0]))
    start, last = loss(stack.through(x).outputs, y)[0], torch.ones(networks)
    running = torch.ones(networks, dtype=torch.bool)
    for _ in range(most):
        masks = _masks(here, x, keep, random) if keep < 1.0 else ()
        passed = here.through(x, masks)
        found, pull = loss(passed.outputs, y)
        last = torch.where(running, found / start, last)
        running &= torch.isfinite(found) & (found > ratio * start)
        if not running.any():
            break
        steps += running
        step = torch.where(running, rates, 0.0)[:, None, None]
        back = here.backward(passed, torch.where(running[:, None], pull, 0.0))
        for weight, factor, before, after in zip(weights, here.factors, passed.entered, back, strict=True):
            if penalty is not None:
                weight -= step * penalty(weight)
            weight -= step * factor * torch.bmm(before.transpose(1, 2), after)
    return Descent(here, steps, last)


def _masks(stack: Stack, x: Tensor, keep: float, random: torch.Generator) -> list[Tensor]:
    return [
        (torch.rand(w.shape[0], x.shape[-2], w.shape[2], generator=random) < keep) / keep
        for w in stack.weights[:-1]
    ]


def drift(after: Tensor, before: Tensor) -> np.ndarray:
    """‖Θₜ − Θ₀‖/‖Θ₀‖ of each network, float64 [M], for kernels [M, N, N]."""
    norm = torch.linalg.matrix_norm
    return (norm(after - before) / norm(before)).double().numpy()


def distances(stack: Stack, trained: Descent, x: Tensor, y: Tensor, new: Tensor, rates: Tensor) -> np.ndarray:
    """‖f − f_lin‖/‖f_lin − f₀‖ on the rows `new`, float64 [M]; twins take as many steps, in closed form."""
    inside, across = (each.double().numpy() for each in (stack.kernel(x), stack.kernel(new, x)))
    starts, starts_new = (stack.through(rows).outputs.double().numpy() for rows in (x, new))
    ends = trained.stack.through(new).outputs.double().numpy()
    targets, found = y.double().numpy(), np.full(len(inside), np.nan)
    for m in range(len(inside)):
        steps, rate = int(trained.steps[m]), float(rates[m])
        twin = linear_descent(
            inside[m], across[m], starts[m], starts_new[m], targets, rate, steps, "half_rss"
        )
        found[m] = linearisation_distance(ends[m], twin.new, starts_new[m])
    return found
