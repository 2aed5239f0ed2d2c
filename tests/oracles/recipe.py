"""The naive twin of what a recipe adds to a training: paces, penalties of groups, averages, noise, mixtures.

One member without a front, a loop, autograd, torch.optim with a group for every kind of parameter. Passes
and losses are those of `tests.oracles.fleet`; everything else is written here the plain way.
"""

import math
from itertools import accumulate

import numpy as np
import torch
from scipy import stats
from tests.oracles import fleet
from tests.oracles.fleet import Naive

from profunda._seeds import halfwords, keys_of, permutations, subkeys
from profunda.fleet.member import Member
from profunda.fleet.schedules import learning_rates
from profunda.fleet.source import FleetData
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout

LENGTHS = (1, 2, 4)


def rate_of(design, steps: int, step: int) -> float:
    """The learning rate of step `step`, counted from 0, of `steps` in each epoch."""
    t = step / (steps * design.epochs)
    if design.schedule == "restarts":
        ends = [end / sum(LENGTHS) for end in accumulate(LENGTHS)]
        cycle = next(i for i, end in enumerate(ends) if t < end - 1e-12)
        start = ends[cycle - 1] if cycle else 0.0
        return design.lr * (1 + math.cos(math.pi * (t - start) / (ends[cycle] - start))) / 2
    if design.schedule == "coslog":
        return design.lr * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2
    return float(learning_rates(design, steps, step, 1)[0])


def row_weights(design, source) -> torch.Tensor:
    """What each row counts, 1 on average over the training rows."""
    weight = np.ones(len(source.y)) if source.weight is None else source.weight.astype(float)
    if design.class_balance:
        beta = design.class_balance
        for label in set(source.y[source.train].tolist()):
            count = int((source.y[source.train] == label).sum())
            weight = np.where(source.y == label, weight * (1 - beta) / (1 - beta**count), weight)
    return torch.as_tensor(weight / weight[source.train].mean())


def noisy(member: Member, x: torch.Tensor, numeric, step: int) -> torch.Tensor:
    """x [B, D] with normal noise on its numeric columns."""
    words = halfwords(subkeys(keys_of([member.key]), "noise", step, 0), x.numel())[0].reshape(x.shape)
    drawn = torch.as_tensor(fleet._grid()[words])
    there = torch.tensor([column in numeric for column in range(x.shape[1])])
    return x + member.design.noise * drawn * there


def share_of(member: Member, step: int) -> float:
    """λ of a step."""
    if not member.design.mixup:
        return 1.0
    word = int(halfwords(subkeys(keys_of([member.key]), "mixup", step, 0), 1)[0, 0])
    alpha = member.design.mixup
    return float(stats.beta.ppf((word // 16 + 0.5) / 4096, alpha, alpha))


def optimiser_of(design, layers):
    """torch's own, each group with its pace."""
    groups = []
    for w, b, *norm in layers:
        root = math.sqrt(len(w)) if design.parametrisation == "ntk" else 1.0
        sgd = design.optimiser == "sgd"
        paces = {"pace": 1 / root**2 if sgd else 1 / root}
        groups.append({"params": [w], **paces, **({} if sgd else {"eps": 1e-8 * root})})
        groups.append({"params": [b], "pace": design.bias_lr})
        if norm:
            groups.append({"params": norm[:2], "pace": 1.0})
    if design.optimiser == "adam":
        return torch.optim.Adam(groups, betas=(0.9, design.beta2))
    if design.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups)
    return torch.optim.SGD(groups, lr=1.0, momentum=design.momentum)


def penalise(design, layers, rate: float, columns) -> None:
    """Soft thresholds and shortenings behind a step, weight by weight and group by group."""
    for number, (w, *_) in enumerate(layers):
        ntk, sgd = design.parametrisation == "ntk", design.optimiser == "sgd"
        own = rate * (1 if not ntk else 1 / len(w) if sgd else 1 / math.sqrt(len(w)))
        if design.l1 and design.l1_update == "proximal":
            w.copy_(torch.nn.functional.softshrink(w, own * design.l1))
        if design.group_lasso and number == 0:
            for column in set(columns):
                rows = [place for place, its in enumerate(columns) if its == column]
                norm, limit = float(w[rows].norm()), own * design.group_lasso * math.sqrt(w[rows].numel())
                w[rows] = w[rows] * (1 - limit / norm) if norm > limit else torch.zeros_like(w[rows])
        if design.max_norm and number + 1 < len(layers):
            for unit in range(w.shape[1]):
                norm = float(w[:, unit].norm())
                if norm > design.max_norm:
                    w[:, unit] *= design.max_norm / norm


def train(member: Member, data: FleetData) -> Naive:
    """Train to the end of the Design's epochs, in float64; `params` are those that are validated."""
    design, source, dtype = member.design, data.source(member), torch.float64
    x = torch.as_tensor(source.x, dtype=dtype)
    y = torch.as_tensor(source.y) if data.classes else torch.as_tensor(source.y, dtype=dtype)
    weight = row_weights(design, source)
    flat = initial_params(design, member.key, x.shape[1], data.n_outputs)
    layers = [
        tuple(
            torch.tensor(part, dtype=dtype, requires_grad=n < 4)
            for n, part in enumerate((block.weights_of(flat), block.biases_of(flat), *block.norm_of(flat)))
        )
        for block in layout(design.widths, x.shape[1], data.n_outputs, design.norm)
    ]
    trained = [part for layer in layers for part in layer[:4]]
    optimiser = optimiser_of(design, layers)
    batch = min(design.batch_size, len(source.train))
    steps = math.ceil(len(source.train) / batch)
    first_averaged, ends = math.ceil(0.75 * design.epochs), []
    best, step, found = math.inf, 0, Naive([], [], [], 0, np.zeros(0), {})
    for epoch in range(1, design.epochs + 1):
        order = permutations(subkeys(keys_of([member.key]), "order", epoch - 1), len(source.train))[0]
        losses = []
        for at in range(steps):
            rows = source.train[order[at * batch : (at + 1) * batch]]
            share, others = share_of(member, step), np.roll(rows, -1)
            seen = share * x[rows] + (1 - share) * x[others]
            if design.noise:
                seen = noisy(member, seen, source.inputs.numeric, step)
            out, _ = fleet.forward(member, layers, seen, step)
            value = share * fleet.loss(design, out, y[rows], data.classes, weight[rows])
            value = value + (1 - share) * fleet.loss(design, out, y[others], data.classes, weight[others])
            for part, gradient in zip(trained, torch.autograd.grad(value, trained), strict=True):
                part.grad = gradient.clone()
            if design.clip:
                torch.nn.utils.clip_grad_norm_(trained, design.clip)
            rate = rate_of(design, steps, step)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["pace"]
            with torch.no_grad():
                for w, *_ in layers:
                    if design.l1_update == "subgradient":
                        w.grad += design.l1 * torch.sign(w)
                    if design.decoupled:
                        w.mul_(1 - rate * design.l2)
                    else:
                        w.grad += design.l2 * w
                optimiser.step()
                penalise(design, layers, rate, source.inputs.columns)
            losses.append(value.item())
            step += 1
        now = [[part.detach().clone() for part in layer] for layer in layers]
        if design.averaging and epoch >= first_averaged:
            ends.append(now)
            now = [
                [torch.stack(parts).mean(0) for parts in zip(*layer, strict=True)]
                for layer in zip(*ends, strict=True)
            ]
        with torch.no_grad():
            out, _ = fleet.forward(member, now, x[source.valid])
            yv = y[source.valid]
            valid = (
                torch.nn.functional.cross_entropy(out, yv)
                if data.classes
                else ((out - yv) ** 2).sum(1).mean()
            )
        found.train_loss.append(sum(losses) / steps)
        found.valid_loss.append(valid.item())
        found.params.append(np.concatenate([part.numpy().ravel() for layer in now for part in layer]))
        if valid.item() < best:
            best, found.best_epoch = valid.item(), epoch
    return found
