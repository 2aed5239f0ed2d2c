"""Stacks of small ReLU networks whose weights can be looked at: members side by side, as batches of matrices.

Each member has first weights, mini-batches and masks of its own; all have the same shape and rows.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

__all__ = ["Recipe", "Rows", "Stack", "digits", "log_loss", "train_stack"]

EPSILON, MOMENTUM = 1e-5, 0.1


@dataclass(frozen=True)
class Rows:
    """Inputs [N, D] and classes [N] to train on, and others to judge by."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


@dataclass(frozen=True)
class Recipe:
    """Two or more hidden layers of one width, and what regularises them. `drop` is of hidden units."""

    width: int = 64
    depth: int = 2
    drop: float = 0.0
    l2: float = 0.0
    norm: bool = False
    rate: float = 2e-3
    epochs: int = 30
    batch: int = 32
    sgd: bool = False


class Stack:
    """M networks: weights [M, in, out] and biases [M, 1, out] a layer; gains, shifts, statistics of norms."""

    def __init__(self, inputs: int, outputs: int, members: int, recipe: Recipe, seed: int) -> None:
        self.recipe, self.members = recipe, members
        self.generator = torch.Generator().manual_seed(seed)
        sizes = [inputs, *[recipe.width] * recipe.depth, outputs]
        self.weights = [
            torch.randn(members, a, b, generator=self.generator).mul_((2.0 / a) ** 0.5).requires_grad_()
            for a, b in pairwise(sizes)
        ]
        self.biases = [torch.zeros(members, 1, b, requires_grad=True) for b in sizes[1:]]
        hidden = sizes[1:-1] if recipe.norm else []
        self.gains = [torch.ones(members, 1, b, requires_grad=True) for b in hidden]
        self.shifts = [torch.zeros(members, 1, b, requires_grad=True) for b in hidden]
        self.means = [torch.zeros(members, 1, b) for b in hidden]
        self.variances = [torch.ones(members, 1, b) for b in hidden]

    @property
    def parameters(self) -> list[Tensor]:
        """All that is trained."""
        return [*self.weights, *self.biases, *self.gains, *self.shifts]

    def outputs(
        self, x: Tensor, *, drop: float = 0.0, whole: bool = False, by_rows: bool = False, learn: bool = False
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits [M, B, C] for x [M, B, D] or [B, D], and what leaves each hidden layer [M, B, H].

        `drop`: inverted dropout, one mask a row, or, `whole`, one subnetwork for all rows. `by_rows`: norms
        use the statistics of these rows, as training does; `learn`: and collect them.
        """
        h = x.expand(self.members, *x.shape[-2:])
        found = []
        for layer, (weight, bias) in enumerate(zip(self.weights[:-1], self.biases[:-1], strict=True)):
            z = h @ weight + bias
            if self.recipe.norm:
                z = self._normalised(layer, z, by_rows or learn, learn)
            h = torch.relu(z)
            if drop:
                rows = 1 if whole else h.shape[1]
                mask = torch.rand(self.members, rows, h.shape[2], generator=self.generator) >= drop
                h = h * mask / (1.0 - drop)
            found.append(h)
        return h @ self.weights[-1] + self.biases[-1], found

    def _normalised(self, layer: int, z: Tensor, by_rows: bool, learn: bool) -> Tensor:
        mean, variance = self.means[layer], self.variances[layer]
        if by_rows:
            mean, variance = z.mean(1, keepdim=True), z.var(1, keepdim=True, unbiased=False)
        if learn:
            with torch.no_grad():
                unbiased = variance * z.shape[1] / max(1, z.shape[1] - 1)
                self.means[layer].lerp_(mean, MOMENTUM)
                self.variances[layer].lerp_(unbiased, MOMENTUM)
        return (z - mean) / torch.sqrt(variance + EPSILON) * self.gains[layer] + self.shifts[layer]


def train_stack(
    rows: Rows, members: int, recipe: Recipe, seed: int, watch: list[Tensor] | None = None
) -> Stack:
    """Networks after all epochs of Adam (decoupled L2) or plain SGD on mini-batches, cross-entropy.

    `watch` receives, after every epoch, what enters the last hidden layer on the training rows [M, N, H].
    """
    stack = Stack(rows.x.shape[1], int(rows.y.max()) + 1, members, recipe, seed)
    parameters = stack.parameters
    first = [torch.zeros_like(p) for p in parameters]
    second = [torch.zeros_like(p) for p in parameters]
    step, count = 0, len(rows.y)
    for _ in range(recipe.epochs):
        order = torch.rand(members, count, generator=stack.generator).argsort(1)
        for at in range(0, count - recipe.batch + 1, recipe.batch):
            chosen = order[:, at : at + recipe.batch]
            logits, _ = stack.outputs(rows.x[chosen], drop=recipe.drop, learn=True)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows.y[chosen].flatten())
            gradients = torch.autograd.grad(loss * members, parameters)
            step += 1
            with torch.no_grad():
                _update(parameters, gradients, first, second, step, recipe, len(stack.weights))
        if watch is not None:
            with torch.no_grad():
                watch.append(stack.outputs(rows.x, by_rows=True)[1][-2])
    return stack


def _update(
    parameters: list[Tensor],
    gradients: tuple[Tensor, ...],
    first: list[Tensor],
    second: list[Tensor],
    step: int,
    recipe: Recipe,
    decayed: int,
) -> None:
    """One step of Adam (Kingma and Ba 2015, algorithm 1) or SGD; the first `decayed` also shrink by L2."""
    for weight in parameters[:decayed]:
        weight.mul_(1.0 - recipe.rate * recipe.l2)
    if recipe.sgd:
        torch._foreach_add_(parameters, gradients, alpha=-recipe.rate)
        return
    torch._foreach_lerp_(first, gradients, 0.1)
    torch._foreach_mul_(second, 0.999)
    torch._foreach_addcmul_(second, gradients, gradients, 0.001)
    scale = torch._foreach_div(second, 1.0 - 0.999**step)
    torch._foreach_sqrt_(scale)
    torch._foreach_add_(scale, 1e-8)
    torch._foreach_addcdiv_(parameters, first, scale, -recipe.rate / (1.0 - 0.9**step))


def log_loss(logits: Tensor, y: Tensor) -> np.ndarray:
    """Mean cross-entropy of each member [M] for logits or log-probabilities [M, N, C]."""
    logs = torch.log_softmax(logits.double(), dim=-1)
    return -logs[:, torch.arange(len(y)), y].mean(1).detach().numpy()


def digits(rows: int, judged: int = 500, seed: int = 0) -> Rows:
    """Handwritten digits of 8 × 8 pixels (scikit-learn's), scaled by 16 and centred."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))[: rows + judged]
    images = torch.tensor(x[order] / 16.0 - 0.3, dtype=torch.float32) * 2.0
    labels = torch.tensor(y[order])
    return Rows(images[:rows], labels[:rows], images[rows:], labels[rows:])
