"""The naive twin of the torch engine: one member, a loop, autograd, torch.optim. Slow and short on purpose.

It shares only streams, schedules and first weights with the engine; masks, losses, penalties, padding,
stopping and signs are written a second time, the plain way.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

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


def noise(
    member: Member, step: int, layer: int, rows: int, own: int, canonical: int, rate: float
) -> np.ndarray:
    """1 + s q with quantiles q of the standard normal, in 65536 steps: float64 [rows, own]."""
    stream = subkeys(keys_of([member.key]), "dropout", step, layer)
    words = halfwords(stream, rows * canonical)[0].reshape(rows, canonical)[:, :own]
    share = round(rate * 65536) / 65536
    return 1 + math.sqrt(share / (1 - share)) * _grid()[words]


@lru_cache
def _grid() -> np.ndarray:
    grid = torch.special.ndtri((torch.arange(65536, dtype=torch.float64) + 0.5) / 65536).numpy()
    return grid / grid.std()


def weight_mask(member: Member, step: int, layer: int, own: tuple, canonical: int, rate: float) -> np.ndarray:
    """0 or 1 / (1 - rate) for the weights [K, H] of kernel number `layer`."""
    stream = subkeys(keys_of([member.key]), "dropconnect", step, layer)
    words = halfwords(stream, own[0] * canonical)[0].reshape(own[0], canonical)[:, : own[1]]
    limit = round(rate * 65536)
    return (words >= limit) * (65536 / (65536 - limit))


def canonical_width(width: int) -> int:
    """The next of the widths that layers are computed at."""
    return next(c for c in _CANONICAL if c >= width)


def normed(design, x, vectors, step):
    """Batch or layer norm by torch's own functions; `vectors`: γ, β and, for batches, mean and variance."""
    gain, shift, *collected = vectors
    if design.norm == "layer":
        return functional.layer_norm(x, x.shape[1:], gain, shift, 1e-5)
    if step is not None and len(x) == 1:  # torch refuses it: the variance of one row is 0, and so is x - mean
        return (x - x) * gain + shift
    return functional.batch_norm(x, *collected, gain, shift, training=step is not None, eps=1e-5)


def forward(member, layers, x, step=None):
    """Raw outputs and outputs of the activations; with dropout and batch statistics where a step is given."""
    design, hidden = member.design, []
    drops = design.dropout if step is not None else 0.0
    if step is not None and design.input_dropout:
        x = x * torch.as_tensor(
            mask(member, step, 0, *x.shape, x.shape[1], design.input_dropout), dtype=x.dtype
        )
    for number, (w, b, *vectors) in enumerate(layers):
        last = number == len(layers) - 1
        if drops and number and design.dropout_kind == "dropconnect":
            columns = w.shape[1] if last else canonical_width(w.shape[1])
            drop = weight_mask(member, step, number, tuple(w.shape), columns, drops)
            w = w * torch.as_tensor(drop, dtype=w.dtype)
        x = x @ w + b
        if last:
            return x, hidden
        if vectors and design.norm_place == "before":
            x = normed(design, x, vectors, step)
        x = _FUNCTIONS[design.activation](x)
        hidden.append(x)
        if vectors and design.norm_place == "after":
            x = normed(design, x, vectors, step)
        if drops and design.dropout_kind != "dropconnect":
            kind = mask if design.dropout_kind == "bernoulli" else noise
            drop = kind(member, step, number + 1, *x.shape, canonical_width(x.shape[1]), drops)
            x = x * torch.as_tensor(drop, dtype=x.dtype)


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
    blocks = layout(design.widths, x.shape[1], data.n_outputs, design.norm)
    # Of each layer W and b, of a hidden one with a norm also γ, β and, untrained, mean and variance.
    layers = [
        tuple(
            torch.tensor(part, dtype=dtype, requires_grad=n < 4)
            for n, part in enumerate((block.weights_of(flat), block.biases_of(flat), *block.norm_of(flat)))
        )
        for block in blocks
    ]
    everything = [part for layer in layers for part in layer[:4]]
    optimiser = _optimiser(design, layers)
    batch = min(design.batch_size, len(source.train))
    steps = math.ceil(len(source.train) / batch)
    best, stall, step = (math.inf, 0, None), 0, 0
    found = Naive([], [], [], 0, np.zeros(0), {})
    for epoch in range(1, design.epochs + 1):
        order = permutations(subkeys(keys_of([member.key]), "order", epoch - 1), len(source.train))[0]
        losses = []
        for at in range(steps):
            rows = source.train[order[at * batch : (at + 1) * batch]]
            out, _ = forward(member, layers, x[rows], step)
            value = loss(design, out, y[rows], data.classes, None if weight is None else weight[rows])
            gradients = torch.autograd.grad(value, everything)
            for part, gradient in zip(everything, gradients, strict=True):
                part.grad = gradient.clone()
            if design.clip:
                torch.nn.utils.clip_grad_norm_(everything, design.clip)
            before = [part.detach().clone() for part in everything]
            rate = float(learning_rates(design, steps, step, 1)[0])
            for group in optimiser.param_groups:
                group["lr"] = rate
            if design.decoupled and design.l2:
                with torch.no_grad():
                    for w, *_ in layers:
                        w.mul_(1 - rate * design.l2)
            optimiser.step()
            if design.l1:
                with torch.no_grad():
                    for w, *_ in layers:
                        w.copy_(functional.softshrink(w, rate * design.l1))
            losses.append(value.item())
            step += 1
        _signs(found.signs, member, layers, x[source.valid[:256]], gradients, before)
        with torch.no_grad():
            out, _ = forward(member, layers, x[source.valid])
            yv = y[source.valid]
            valid = functional.cross_entropy(out, yv) if data.classes else ((out - yv) ** 2).sum(1).mean()
        found.train_loss.append(sum(losses) / steps)
        found.valid_loss.append(valid.item())
        found.params.append(np.concatenate([p.detach().numpy().ravel() for layer in layers for p in layer]))
        if valid.item() < best[0]:
            best, stall = (valid.item(), epoch, out.numpy()), 0
        else:
            stall += 1
        if design.patience and stall == design.patience:
            break
    found.best_epoch, found.outputs = best[1], best[2]
    return found


def _optimiser(design, layers):
    decay = 0.0 if design.decoupled else design.l2
    groups = [
        {"params": [w for w, *_ in layers], "weight_decay": decay},
        {"params": [part for _, *rest in layers for part in rest[:3]], "weight_decay": 0.0},
    ]
    if design.optimiser == "adam":
        return torch.optim.Adam(groups, lr=design.lr)
    if design.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, lr=design.lr)
    return torch.optim.SGD(groups, lr=design.lr, momentum=design.momentum)


def _signs(signs, member, layers, x, gradients, before):
    """One row of every sign, computed one layer at a time from their definitions."""
    with torch.no_grad():
        _, hidden = forward(member, layers, x)
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
    rows["gradient_norm"], rows["update_ratio"], at = [], [], 0
    for layer in layers:
        now = [part.detach() for part in layer[:4]]
        own = slice(at, at + len(now))
        changes = [new - old for new, old in zip(now, before[own], strict=True)]
        rows["gradient_norm"].append(norm(gradients[own]))
        rows["update_ratio"].append(norm(changes) / norm(before[own]))
        at += len(now)
    for name, values in rows.items():
        signs.setdefault(name, []).append(values)
