"""Many small networks of one hidden layer trained side by side, as stacks of matrices."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Stack", "digits", "train_sets", "train_stack"]


@dataclass(frozen=True)
class Stack:
    """Errors of M networks after `epochs` [T] full-batch steps: squared (summed over outputs) and of classes.

    All [T, M]; `outputs` of the last step on the test rows, [M, rows, C].
    """

    epochs: np.ndarray
    train: np.ndarray
    test: np.ndarray
    wrong: np.ndarray
    outputs: np.ndarray


def digits(rows: int, noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`rows` digits of 8 × 8 to train on, a share `noise` of whose labels is redrawn, and 1,000 to test.

    Inputs and one-hot targets of each, float32.
    """
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    random = np.random.default_rng(seed)
    order = random.permutation(len(x))
    x = (x[order] - x.mean(0)) / 6.0  # one scale for all pixels: rare ones must not be blown up
    labels = labels[order]
    seen = labels[:rows].copy()
    flipped = random.random(rows) < noise
    seen[flipped] = random.integers(0, 10, int(flipped.sum()))
    hot = np.eye(10)
    parts = (x[:rows], hot[seen], x[rows : rows + 1000], hot[labels[rows : rows + 1000]])
    first, second, third, fourth = (torch.tensor(part, dtype=torch.float32) for part in parts)
    return first, second, third, fourth


def train_stack(
    data: tuple[Tensor, Tensor, Tensor, Tensor],
    width: int,
    networks: int,
    *,
    steps: int,
    rate: float,
    seed: int,
    cosine: bool = True,
    looks: np.ndarray | None = None,
) -> Stack:
    """ReLU networks D–H–C from different first weights, squared loss, Adam on all rows at once."""
    x, y, x_test, y_test = (part.expand(networks, *part.shape[-2:]) for part in data)
    generator = torch.Generator().manual_seed(seed)
    sizes = (x.shape[-1], width, y.shape[-1])
    weights = [
        (torch.randn(networks, a, b, generator=generator) / (3.0 * a) ** 0.5).requires_grad_()
        for a, b in ((sizes[0], sizes[1]), (sizes[1], sizes[2]))
    ]
    weights += [torch.zeros(networks, 1, size, requires_grad=True) for size in sizes[1:]]
    adam = torch.optim.Adam(weights, lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps) if cosine else None
    looked = {steps} if looks is None else set(looks.tolist())
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    for step in range(1, steps + 1):
        adam.zero_grad()
        (_forward(x, weights) - y).square().sum(-1).mean(-1).sum().backward()
        adam.step()
        if schedule is not None:
            schedule.step()
        if step in looked:
            seen.append(_errors((x, y, x_test, y_test), weights))
    with torch.no_grad():
        outputs = _forward(x_test, weights).numpy()
    told = [torch.stack(part).numpy() for part in zip(*seen, strict=True)]
    return Stack(np.array(sorted(looked)), told[0], told[1], told[2], outputs)


def _forward(x: Tensor, weights: list[Tensor]) -> Tensor:
    return torch.baddbmm(weights[3], torch.relu(torch.baddbmm(weights[2], x, weights[0])), weights[1])


@torch.no_grad()
def _errors(data: tuple[Tensor, ...], weights: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    x, y, x_test, y_test = data
    told = _forward(x_test, weights)
    squares = [
        (_forward(x, weights) - y).square().sum(-1).mean(-1),
        (told - y_test).square().sum(-1).mean(-1),
    ]
    return squares[0], squares[1], (told.argmax(-1) != y_test.argmax(-1)).float().mean(-1)


def train_sets(
    x: Tensor, y: Tensor, at: Tensor, width: int, *, steps: int, rate: float, seed: int
) -> np.ndarray:
    """Predictions [M, K] of tanh networks of one hidden layer, each trained on rows of its own [M, N, 1]."""
    networks = len(x)
    generator = torch.Generator().manual_seed(seed)
    first = torch.randn(networks, 1, width, generator=generator).requires_grad_()
    shift = torch.randn(networks, 1, width, generator=generator).requires_grad_()
    last = (torch.randn(networks, width, 1, generator=generator) / width**0.5).requires_grad_()
    level = torch.zeros(networks, 1, 1, requires_grad=True)
    adam = torch.optim.Adam([first, shift, last, level], lr=rate, fused=True)
    for _ in range(steps):
        adam.zero_grad()
        told = torch.baddbmm(level, torch.tanh(torch.baddbmm(shift, x, first)), last)
        (told - y).square().mean((1, 2)).sum().backward()
        adam.step()
    with torch.no_grad():
        told = torch.baddbmm(level, torch.tanh(torch.baddbmm(shift, at, first)), last)
    return told[..., 0].numpy().astype(np.float64)
