"""What a survey measures, the slow way: loops over rows, units and pairs, and no tape."""

import hashlib
import math
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


def fingerprint(module: nn.Module, *more: object) -> str:
    """A hash of every byte of a module and of what is given beside it: weights, gradients, buffers, modes,
    hooks, and the states of all random numbers.
    """
    found = hashlib.sha256()
    for name, each in (*module.named_parameters(), *module.named_buffers()):
        grad = each.grad
        found.update(f"{name} {each.requires_grad} {each._version} {each.data_ptr()}".encode())
        found.update(each.detach().numpy().tobytes() + (b"" if grad is None else grad.numpy().tobytes()))
    for name, part in module.named_modules():
        hooks = (part._forward_hooks, part._forward_pre_hooks, part._backward_hooks)
        found.update(f"{name} {id(part)} {part.training} {[len(each) for each in hooks]}".encode())
        found.update(repr(sorted(key for key in vars(part))).encode())
    for each in more:
        if isinstance(each, Tensor):
            found.update(f"{each._version} {each.requires_grad} {each.grad is None}".encode())
            found.update(each.detach().numpy().tobytes())
    found.update(torch.get_rng_state().numpy().tobytes())
    found.update(repr((random.getstate(), np.random.get_state())).encode())
    return found.hexdigest()


def signs(a: np.ndarray, low: float = -math.inf, high: float = math.inf) -> tuple[float, float, float, float]:
    """Mean, spread, dead and saturated of activations [B, H]."""
    a = a.astype(np.float64)
    dead = np.mean([len(set(column)) == 1 for column in a.T])
    return a.mean(), a.std(), float(dead), float(np.mean((a < low) | (a > high)))


def apart(rows: np.ndarray) -> float:
    """Mean 1 − cosine over all pairs of rows [N, K]."""
    rows = rows.astype(np.float64)
    found = [
        1.0 - rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j])
        for i in range(len(rows))
        for j in range(i)
    ]
    return float(np.mean(found))


def row_gradients(module: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> list[dict[str, np.ndarray]]:
    """Gradients of each row's own loss, in evaluation mode."""
    found = []
    for row in range(len(x)):
        module.zero_grad()
        loss(module(x[row : row + 1]), y[row : row + 1]).backward()
        found.append({name: each.grad.numpy().copy() for name, each in module.named_parameters()})
    module.zero_grad()
    return found


def noise(gradients: list[dict[str, np.ndarray]], names: list[str]) -> float:
    """|G|²/tr Σ of the parameters `names`, both without bias, from single rows' gradients."""
    g = np.stack([np.concatenate([each[name].ravel() for name in names]) for each in gradients])
    g = g.astype(np.float64)
    trace = g.var(axis=0, ddof=1).sum()
    return max(0.0, (g.mean(axis=0) ** 2).sum() - trace / len(g)) / trace


def hessian(module: nn.Module, x: Tensor, y: Tensor, loss: Loss) -> np.ndarray:
    """All second derivatives [P, P], by differentiating each entry of the gradient."""
    parameters = list(module.parameters())
    found = torch.autograd.grad(loss(module(x), y), parameters, create_graph=True)
    flat = torch.cat([each.reshape(-1) for each in found])
    rows = []
    for entry in flat:
        row = torch.autograd.grad(
            entry, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([each.reshape(-1) for each in row]))
    return torch.stack(rows).double().numpy()


def diverges(
    curvature: float, rate: float, update: Callable[[float, float], float], steps: int = 4000
) -> bool:
    """Whether `update(gradient, rate)`, a step taken on λ θ²/2 from 1, leaves what is bounded."""
    theta = 1.0
    for _ in range(steps):
        theta -= update(curvature * theta, rate)
        if abs(theta) > 1e6:
            return True
    return False


def traced_kernel(module: nn.Module, x: Tensor) -> np.ndarray:
    """Σ_c Θ[(n, c), (m, c)] by one backward pass for each row and output."""
    parameters = [each for each in module.parameters() if each.requires_grad]
    out = module(x).reshape(len(x), -1)
    total = np.zeros((len(x), len(x)))
    for c in range(out.shape[1]):
        rows = []
        for n in range(len(x)):
            found = torch.autograd.grad(
                out[n, c], parameters, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([each.reshape(-1) for each in found]).double().numpy())
        total += np.stack(rows) @ np.stack(rows).T
    return total


def trained_loss(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    loss: Loss,
    lr: float,
    momentum: float,
    batch: int,
    steps: int,
    seed: int,
) -> float:
    """The loss on all rows after plain steps of gradient descent with momentum, on copies of the weights."""
    theta = {name: each.detach().clone().requires_grad_() for name, each in module.named_parameters()}
    speed = {name: torch.zeros_like(each) for name, each in theta.items()}
    drawn, order = torch.Generator().manual_seed(seed), torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < batch:
            order = torch.randperm(len(x), generator=drawn)
        index, order = order[:batch], order[batch:]
        made = torch.func.functional_call(module, theta, (x[index],))
        found = torch.autograd.grad(loss(made, y[index]), list(theta.values()))
        with torch.no_grad():
            for (name, each), grad in zip(theta.items(), found, strict=True):
                speed[name] = momentum * speed[name] + grad
                each -= lr * speed[name]
    return float(loss(torch.func.functional_call(module, theta, (x,)), y).detach())
