"""Heads of tasks, one task and one row at a time."""

import math

import numpy as np
import torch

__all__ = ["outputs", "step"]


def outputs(params, x, tasks, widths, n_outputs, n_tasks):
    """Outputs [N, C] of a tanh network with heads, from its flat vector; `x` [N, D] has no `tasks` [N]."""
    at, layers, before = 0, [], x.shape[1]
    for width in (*widths, n_outputs):
        weights = [[params[at + k * width + j] for j in range(width)] for k in range(before)]
        at += before * width
        layers.append((weights, [params[at + j] for j in range(width)]))
        at += width
        before = width
    inner = x.shape[1] if not widths else widths[-1]
    made = []
    for row, task in zip(x.tolist(), tasks, strict=True):
        h = row
        for number, (weights, biases) in enumerate(layers):
            u = [sum(h[k] * weights[k][j] for k in range(len(h))) + biases[j] for j in range(len(biases))]
            if number == len(layers) - 1:
                start = at + task * (inner + 1) * n_outputs
                for j in range(n_outputs) if task < n_tasks else ():
                    u[j] += sum(h[k] * params[start + k * n_outputs + j] for k in range(inner))
                    u[j] += params[start + inner * n_outputs + j]
            h = u if number == len(layers) - 1 else [math.tanh(one) for one in u]
        made.append(h)
    return np.array(made, float)


def step(params, x, tasks, y, width, n_tasks, lr, head_l2):
    """`params` after a step of gradient descent on the mean squared error of all rows, a loop over tasks.

    Each number v of a head then becomes the u of least ½·head_l2·u² + (u − v)²/(2·lr), by its derivative.
    """
    sizes = [x.shape[1] * width, width, width, 1, n_tasks * (width + 1)]
    parts = [torch.tensor(part, requires_grad=True) for part in np.split(params, np.cumsum(sizes)[:-1])]
    w1, b1, w2, b2, heads = parts
    total = torch.zeros(())
    for task in range(n_tasks + 1):
        rows = [n for n in range(len(x)) if tasks[n] == task]
        for n in rows:
            h = torch.tanh(torch.tensor(x[n]) @ w1.view(-1, width) + b1)
            out = h @ w2 + b2[0]
            if task < n_tasks:
                own = heads.view(n_tasks, width + 1)[task]
                out = out + h @ own[:width] + own[width]
            total = total + (out - y[n]) ** 2 / len(x)
    gradients = torch.autograd.grad(total, parts)
    moved = [part.detach().numpy() - lr * g.numpy() for part, g in zip(parts, gradients, strict=True)]
    moved[4] = np.array([(v / lr) / (head_l2 + 1 / lr) for v in moved[4].tolist()])
    return np.concatenate(moved)
