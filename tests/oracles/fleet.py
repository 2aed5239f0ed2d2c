"""The naive twin of the torch engine: one member, a loop, autograd, torch.optim. Slow and short on purpose.

It shares only streams, schedules and first weights with the engine; masks, losses, penalties, padding,
stopping and signs are written a second time, the plain way.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from profunda._seeds import halfwords, keys_of, permutations, subkeys
from profunda.fleet.member import Member
from profunda.fleet.schedules import learning_rates
from profunda.fleet.source import FleetData
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout

_FUNCTIONS = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "softplus": functional.softplus,
    "mish": functional.mish,
}
_CANONICAL = (8, 16, 24, 32, 48, 64, 96, 128)


@dataclass
class Naive:
    """Parameters [P] after each epoch, losses, the best epoch, and the signs of the epochs that take them."""

    params: list
    train_loss: list
    valid_loss: list
    best_epoch: int
    outputs: np.ndarray
    signs: dict


def mask(
    member: Member, step: int, layer: int, rows: int, own: int, canonical: int, rate: float
) -> np.ndarray:
    """0 or 1 / (1 - rate), the rate rounded to 1/65536: float64 [rows, own]."""
    stream = subkeys(keys_of([member.key]), "dropout", step, layer)
    words = halfwords(stream, rows * canonical)[0].reshape(rows, canonical)[:, :own]
    limit = round(rate * 65536)
    return (words >= limit) * (65536 / (65536 - limit))


def forward(member, weights, x, step=None):
    """Raw outputs and hidden activations; with dropout where a step is given."""
    design, hidden = member.design, []
    if step is not None and design.input_dropout:
        x = x * torch.as_tensor(
            mask(member, step, 0, *x.shape, x.shape[1], design.input_dropout), dtype=x.dtype
        )
    for number, (w, b) in enumerate(weights):
        x = x @ w + b
        if number < len(weights) - 1:
            x = _FUNCTIONS[design.activation](x)
            hidden.append(x)
            if step is not None and design.dropout:
                canonical = next(c for c in _CANONICAL if c >= x.shape[1])
                drop = mask(member, step, number + 1, *x.shape, canonical, design.dropout)
                x = x * torch.as_tensor(drop, dtype=x.dtype)
    return x, hidden


def loss(design, outputs, y, classes, weight=None):
    """Mean training loss of a batch."""
    if classes:
        rows = functional.cross_entropy(outputs, y, label_smoothing=design.label_smoothing, reduction="none")
    elif design.loss == "huber":
        r = (outputs - y).abs()
        rows = torch.where(r < 1, r * r, 2 * r - 1).sum(1)
    else:
        rows = ((outputs - y) ** 2).sum(1)
    return rows.mean() if weight is None else (rows * weight).mean()


def train(member: Member, data: FleetData, dtype=torch.float64) -> Naive:
    """Train to the end of the Design's epochs or its patience."""
    design, source = member.design, data.source(member)
    x = torch.as_tensor(source.x, dtype=dtype)
    y = torch.as_tensor(source.y) if data.classes else torch.as_tensor(source.y, dtype=dtype)
    weight = None
    if source.weight is not None:
        weight = torch.as_tensor(source.weight / source.weight[source.train].mean(), dtype=dtype)
    flat = initial_params(design, member.key, x.shape[1], data.n_outputs)
    blocks = layout(design.widths, x.shape[1], data.n_outputs)
    weights = [
        tuple(
            torch.tensor(part, dtype=dtype, requires_grad=True)
            for part in (block.weights_of(flat), block.biases_of(flat))
        )
        for block in blocks
    ]
    everything = [part for layer in weights for part in layer]
    optimiser = _optimiser(design, weights)
    batch = min(design.batch_size, len(source.train))
    steps = math.ceil(len(source.train) / batch)
    best, stall, step = (math.inf, 0, None), 0, 0
    found = Naive([], [], [], 0, np.zeros(0), {})
    for epoch in range(1, design.epochs + 1):
        order = permutations(subkeys(keys_of([member.key]), "order", epoch - 1), len(source.train))[0]
        losses = []
        for at in range(steps):
            rows = source.train[order[at * batch : (at + 1) * batch]]
            out, _ = forward(member, weights, x[rows], step)
            value = loss(design, out, y[rows], data.classes, None if weight is None else weight[rows])
            gradients = torch.autograd.grad(value, everything)
            for part, gradient in zip(everything, gradients, strict=True):
                part.grad = gradient
            before = [part.detach().clone() for part in everything]
            rate = float(learning_rates(design, steps, step, 1)[0])
            for group in optimiser.param_groups:
                group["lr"] = rate
            if design.decoupled and design.l2:
                with torch.no_grad():
                    for w, _ in weights:
                        w.mul_(1 - rate * design.l2)
            optimiser.step()
            if design.l1:
                with torch.no_grad():
                    for w, _ in weights:
                        w.copy_(functional.softshrink(w, rate * design.l1))
            losses.append(value.item())
            step += 1
        _signs(found.signs, member, weights, x[source.valid[:256]], gradients, before)
        with torch.no_grad():
            out, _ = forward(member, weights, x[source.valid])
            yv = y[source.valid]
            valid = functional.cross_entropy(out, yv) if data.classes else ((out - yv) ** 2).sum(1).mean()
        found.train_loss.append(sum(losses) / steps)
        found.valid_loss.append(valid.item())
        found.params.append(np.concatenate([p.detach().numpy().ravel() for p in everything]))
        if valid.item() < best[0]:
            best, stall = (valid.item(), epoch, out.numpy()), 0
        else:
            stall += 1
        if design.patience and stall == design.patience:
            break
    found.best_epoch, found.outputs = best[1], best[2]
    return found


def _optimiser(design, weights):
    decay = 0.0 if design.decoupled else design.l2
    groups = [
        {"params": [w for w, _ in weights], "weight_decay": decay},
        {"params": [b for _, b in weights], "weight_decay": 0.0},
    ]
    if design.optimiser == "adam":
        return torch.optim.Adam(groups, lr=design.lr)
    if design.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, lr=design.lr)
    return torch.optim.SGD(groups, lr=design.lr, momentum=design.momentum)


def _signs(signs, member, weights, x, gradients, before):
    """One row of every sign, computed one layer at a time from their definitions."""
    with torch.no_grad():
        _, hidden = forward(member, weights, x)
    flat_ends = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99), "elu": (-0.99, math.inf)}
    flat_ends["selu"] = (-0.99 * 1.7580993408473766, math.inf)
    rows = {name: [] for name in ("activation_mean", "activation_std", "dead", "saturated")}
    for a in (h.double().numpy() for h in hidden):
        low, high = flat_ends.get(member.design.activation, (-math.inf, math.inf))
        rows["activation_mean"].append(a.mean())
        rows["activation_std"].append(a.std())
        rows["dead"].append(np.mean([len(set(column)) == 1 for column in a.T]))
        rows["saturated"].append(np.mean((a < low) | (a > high)))
    norm = lambda parts: math.sqrt(sum(float((part.double() ** 2).sum()) for part in parts))  # noqa: E731
    now = [part.detach() for layer in weights for part in layer]
    pairs = range(0, len(now), 2)
    rows["gradient_norm"] = [norm(gradients[i : i + 2]) for i in pairs]
    rows["update_ratio"] = [
        norm([now[i] - before[i], now[i + 1] - before[i + 1]]) / norm(before[i : i + 2]) for i in pairs
    ]
    for name, values in rows.items():
        signs.setdefault(name, []).append(values)
