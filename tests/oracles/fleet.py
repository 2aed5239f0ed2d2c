"""The naive twin of the torch engine: one member, a loop, autograd, torch.optim. Slow and short on purpose.

It shares only streams, schedules and first weights with the engine; masks, losses, penalties, padding,
embeddings, averages, stopping and signs are written a second time, the plain way.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from tests.oracles.fleet_rows import disturbed, entered, grid
from torch.nn import functional

from profunda._seeds import halfwords, keys_of, permutations, subkeys
from profunda.fleet.member import Member
from profunda.fleet.schedules import learning_rates
from profunda.fleet.source import FleetData
from profunda.networks.initial import initial_params

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
    """Parameters [P] after each epoch, losses, the best epoch, the signs of the epochs that take them, and
    what was validated [P] after each epoch."""

    params: list
    train_loss: list
    valid_loss: list
    best_epoch: int
    outputs: np.ndarray
    signs: dict
    kept: list = field(default_factory=list)


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
    return 1 + math.sqrt(share / (1 - share)) * grid()[words]


def weight_mask(member: Member, step: int, layer: int, own: tuple, canonical: int, rate: float) -> np.ndarray:
    """0 or 1 / (1 - rate) for the weights [K, H] of kernel number `layer`."""
    stream = subkeys(keys_of([member.key]), "dropconnect", step, layer)
    words = halfwords(stream, own[0] * canonical)[0].reshape(own[0], canonical)[:, : own[1]]
    limit = round(rate * 65536)
    return (words >= limit) * (65536 / (65536 - limit))


def canonical_width(width: int) -> int:
    """The next of the widths that layers are computed at."""
    return next(c for c in _CANONICAL if c >= width)


@dataclass
class Network:
    """Parameters by name: of what stands before the layers, and of each layer. In the order of the vector."""

    front: dict
    layers: list

    @property
    def trained(self):
        """(name, tensor) of all that training changes."""
        parts = [(name, part) for name, part in self.front.items()]
        return parts + [
            item for layer in self.layers for item in layer.items() if item[0] not in ("mean", "var")
        ]

    @property
    def flat(self):
        parts = [*self.front.values(), *(part for layer in self.layers for part in layer.values())]
        return np.concatenate([part.detach().numpy().ravel() for part in parts])


def network(design, inputs, outputs, flat, dtype):
    """Read from the flat vector, one part after the other."""
    at = 0

    def take(*shape, trained=True):
        nonlocal at
        part = torch.tensor(
            flat[at : at + math.prod(shape)].reshape(shape), dtype=dtype, requires_grad=trained
        )
        at += math.prod(shape)
        return part

    front, n = {}, len(inputs.numeric)
    entering = len(inputs.columns) - len(inputs.codes) + 8 * len(inputs.codes)
    if design.numeric_embedding == "periodic" and n:
        front |= {"w": take(n, 16), "b": take(n, 16), "V": take(n, 16, 3), "c": take(n, 3)}
        entering += 3 * n
    for number, (_, size) in enumerate(inputs.codes):
        front[f"table{number}"] = take(size, 8)
    if design.input_scaling:
        front["scales"] = take(entering)
    sizes, layers = [entering, *design.widths, outputs], []
    for number, (k, h) in enumerate(pairwise(sizes)):
        layer = {"W": take(k, h), "bias": take(h)}
        if number < design.depth:
            if design.parametric:
                layer["alpha"] = take(h)
            if design.norm != "none":
                layer |= {"gain": take(h), "shift": take(h)}
            if design.norm == "batch":
                layer |= {"mean": take(h, trained=False), "var": take(h, trained=False)}
        layers.append(layer)
    assert at == len(flat)
    return Network(front, layers)


def normed(design, x, layer, step):
    """Norms by torch's own functions."""
    gain, shift = layer["gain"], layer["shift"]
    if design.norm == "layer":
        return functional.layer_norm(x, x.shape[1:], gain, shift, 1e-5)
    if design.norm == "group":
        units = x.shape[1]
        groups = max(n for n in (1, 2, 4, 8) if n == 1 or (units % n == 0 and units >= 4 * n))
        return functional.group_norm(x, groups, gain, shift, 1e-5)
    if step is not None and len(x) == 1:  # torch refuses it: the variance of one row is 0, and so is x - mean
        return (x - x) * gain + shift
    return functional.batch_norm(
        x, layer["mean"], layer["var"], gain, shift, training=step is not None, eps=1e-5
    )


def alpha_dropped(x, keep, rate):
    """Klambauer et al. (2017), section 3: what is dropped is -λα; a x + d restores mean and variance."""
    low, q = -1.0507009873554805 * 1.6732632423543772, 1 - round(rate * 65536) / 65536
    a = (q + low**2 * q * (1 - q)) ** -0.5
    return a * (x * keep + low * (1 - keep)) - a * (1 - q) * low


def forward(member, net, inputs, x, step=None, factors=None):
    """Raw outputs and outputs of the activations; with dropout and batch statistics where a step is given."""
    design, hidden = member.design, []
    drops = design.dropout if step is not None else 0.0
    x = entered(net.front, inputs, x, torch.ones_like(x) if factors is None else factors)
    for number, layer in enumerate(net.layers):
        w, last, came = layer["W"], number == len(net.layers) - 1, x
        if drops and number and design.dropout_kind == "dropconnect":
            columns = w.shape[1] if last else canonical_width(w.shape[1])
            drop = weight_mask(member, step, number, tuple(w.shape), columns, drops)
            w = w * torch.as_tensor(drop, dtype=w.dtype)
        x = x @ w + layer["bias"]
        if last:
            return x, hidden
        if "gain" in layer and design.norm_place == "before":
            x = normed(design, x, layer, step)
        a = _FUNCTIONS[design.activation](x)
        x = (1 - layer["alpha"]) * x + layer["alpha"] * a if "alpha" in layer else a
        hidden.append(x)
        if "gain" in layer and design.norm_place == "after":
            x = normed(design, x, layer, step)
        if drops and design.dropout_kind != "dropconnect":
            kind = noise if design.dropout_kind == "gaussian" else mask
            drop = kind(member, step, number + 1, *x.shape, canonical_width(x.shape[1]), drops)
            drop = torch.as_tensor(drop, dtype=x.dtype)
            alpha = design.dropout_kind == "alpha"
            x = alpha_dropped(x, (drop > 0).to(x.dtype), drops) if alpha else x * drop
        if design.skip and number and design.widths[number - 1] == design.widths[number]:
            x = x + came


def loss_of_target(output, value, labels, huber=False, smoothing=0.0):
    """Of one number, or of one label in nats."""
    if labels:
        p = torch.sigmoid(output)
        true = value * (1 - smoothing) + smoothing / 2
        return -true * torch.log(p) - (1 - true) * torch.log(1 - p)
    r = (output - value).abs()
    return 2 * r - 1 if huber and r >= 1 else r * r


def loss_of_rows(design, outputs, y, data, training=True):
    smoothing = design.label_smoothing if training else 0.0
    if data.classes:
        return functional.cross_entropy(outputs, y, label_smoothing=smoothing, reduction="none")
    rows, huber = [], training and design.loss == "huber"
    if not (data.labels or y.isnan().any()):
        r = (outputs - y).abs()
        return torch.where((r < 1) | (not huber), r * r, 2 * r - 1).sum(1)
    for output, target in zip(outputs, y, strict=True):
        there = [c for c in range(len(target)) if not math.isnan(target[c])]
        losses = [loss_of_target(output[c], target[c], data.labels, huber, smoothing) for c in there]
        rows.append(sum(losses, 0.0 * output.sum()) * len(target) / max(1, len(there)))
    return torch.stack(rows)


def loss(design, outputs, y, data, weight=None, share=1.0):
    """Mean training loss of a batch whose rows are mixed with the next ones, and the last with the first."""
    rows = loss_of_rows(design, outputs, y, data) * (1 if weight is None else weight)
    if share == 1.0:
        return rows.mean()
    after = [(row + 1) % len(y) for row in range(len(y))]
    others = loss_of_rows(design, outputs, y[after], data) * (1 if weight is None else weight[after])
    return (share * rows + (1 - share) * others).mean()


def weights_of(source, design, dtype):
    """What the source says times the weights of classes; their mean over training rows is 1."""
    if source.weight is None and not (design.class_balance and source.y.ndim == 1):
        return None
    made = np.ones(len(source.x)) if source.weight is None else np.array(source.weight, np.float64)
    if design.class_balance and source.y.ndim == 1:
        beta = design.class_balance
        for label in set(source.y.tolist()):
            effective = sum(beta**i for i in range(int((source.y[source.train] == label).sum())))
            made[source.y == label] *= 1 / max(effective, 1)
    return torch.as_tensor(made / made[source.train].mean(), dtype=dtype)


def train(member: Member, data: FleetData, dtype=torch.float64) -> Naive:
    """Train to the end of the Design's epochs or its patience."""
    design, source = member.design, data.source(member)
    inputs = source.inputs
    x = torch.as_tensor(source.x, dtype=dtype)
    y = torch.as_tensor(source.y) if data.classes else torch.as_tensor(source.y, dtype=dtype)
    weight = weights_of(source, design, dtype)
    first = source.x[source.train[:256]]
    flat = initial_params(design, member.key, inputs, data.n_outputs, first)
    net = network(design, inputs, data.n_outputs, flat, dtype)
    everything = [part for _, part in net.trained]
    optimiser = _optimiser(design, net)
    slow = [part.detach().clone() for part in everything]
    batch = min(design.batch_size, len(source.train))
    steps = math.ceil(len(source.train) / batch)
    best, stall, step = (math.inf, 0, None), 0, 0
    found, late = Naive([], [], [], 0, np.zeros(0), {}), []
    for epoch in range(1, design.epochs + 1):
        order = permutations(subkeys(keys_of([member.key]), "order", epoch - 1), len(source.train))[0]
        losses = []
        for at in range(steps):
            rows = source.train[order[at * batch : (at + 1) * batch]]
            value = step_loss(
                member, net, data, x[rows], y[rows], None if weight is None else weight[rows], step
            )
            gradients = torch.autograd.grad(value, everything)
            before = [part.detach().clone() for part in everything]
            _update(
                design, net, inputs, optimiser, gradients, float(learning_rates(design, steps, step, 1)[0])
            )
            step += 1
            if design.lookahead and step % 5 == 0:
                with torch.no_grad():
                    for part, old in zip(everything, slow, strict=True):
                        old.copy_((old + part) / 2)
                        part.copy_(old)
            losses.append(value.item())
        kept = net
        if design.averaging and epoch >= max(1, math.ceil(0.75 * design.epochs)):
            late.append(net.flat)
            kept = network(design, inputs, data.n_outputs, np.mean(late, axis=0), dtype)
        _signs(found.signs, member, kept, net, inputs, x[source.valid[:256]], gradients, before)
        with torch.no_grad():
            out, _ = forward(member, kept, inputs, x[source.valid])
            valid = loss_of_rows(design, out, y[source.valid], data, training=False).mean()
        found.train_loss.append(sum(losses) / steps)
        found.valid_loss.append(valid.item())
        found.params.append(net.flat)
        found.kept.append(kept.flat)
        if valid.item() < best[0]:
            best, stall = (valid.item(), epoch, out.numpy()), 0
        else:
            stall += 1
        if design.patience and stall == design.patience:
            break
    found.best_epoch, found.outputs = best[1], best[2]
    return found


def step_loss(member, net, data, x, y, weight, step):
    """The loss that a step goes down."""
    design, inputs = member.design, data.source(member).inputs
    seen, factors, share = disturbed(member, inputs, x, step)
    if not design.adversarial:
        out, _ = forward(member, net, inputs, seen, step, factors)
        return loss(design, out, y, data, weight, share)
    seen.requires_grad_()
    out, _ = forward(member, net, inputs, seen, step, factors)
    clean = loss(design, out, y, data, weight, share)
    moved = seen.detach().clone()
    slope = torch.autograd.grad(clean, seen, retain_graph=True)[0]
    for place in inputs.numeric:
        moved[:, place] += design.adversarial * slope[:, place].sign()
    # Statistics are those of rows that exist: what the moved ones give is thrown away.
    twins = [
        layer | {name: layer[name].clone() for name in ("mean", "var") if name in layer}
        for layer in net.layers
    ]
    out, _ = forward(member, Network(net.front, twins), inputs, moved, step, factors)
    return (clean + loss(design, out, y, data, weight, share)) / 2


def _pace(design, name, part):
    """The factor of the learning rate."""
    if name == "W" and design.parametrisation == "ntk":
        return 1 / len(part) if design.optimiser == "sgd" else 1 / math.sqrt(len(part))
    return {"bias": design.bias_lr, "alpha": 0.1, "scales": 6.0}.get(name, 1.0)


def _optimiser(design, net):
    alike = {}
    for name, part in net.trained:
        pace = _pace(design, name, part)
        decay = design.l2 if name == "W" and not design.decoupled else 0.0
        eps = 1e-8 / pace if name == "W" else 1e-8
        alike.setdefault((pace, decay, eps), []).append(part)
    groups = [
        {"params": parts, "pace": pace, "weight_decay": decay, "eps": eps}
        for (pace, decay, eps), parts in alike.items()
    ]
    if design.optimiser == "adam":
        return torch.optim.Adam(groups, lr=design.lr, betas=(0.9, design.beta2))
    if design.optimiser == "rmsprop":
        return torch.optim.RMSprop(groups, lr=design.lr)
    return torch.optim.SGD(groups, lr=design.lr, momentum=design.momentum)


def _update(design, net, inputs, optimiser, gradients, rate):
    """One step, and what penalties do after it."""
    everything = [part for _, part in net.trained]
    weights = [layer["W"] for layer in net.layers]
    for part, gradient in zip(everything, gradients, strict=True):
        part.grad = gradient.clone()
    if design.clip:
        torch.nn.utils.clip_grad_norm_(everything, design.clip)
    with torch.no_grad():
        for w in weights if design.l1_update == "subgradient" else []:
            w.grad += design.l1 * torch.sign(w)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["pace"]
        for w in weights if design.decoupled and design.l2 else []:
            w.mul_(1 - rate * design.l2)
    optimiser.step()
    with torch.no_grad():
        for w in weights if design.l1 and design.l1_update == "proximal" else []:
            w.copy_(functional.softshrink(w, rate * _pace(design, "W", w) * design.l1))
        if design.group_lasso:
            _shrink_groups(
                weights[0],
                columns_entering(design, inputs),
                rate * _pace(design, "W", weights[0]) * design.group_lasso,
            )
        for w in weights[:-1] if design.max_norm else []:
            for unit in range(w.shape[1]):
                length = float(w[:, unit].double().norm())
                if length > design.max_norm:
                    w[:, unit] *= design.max_norm / length


def columns_entering(design, inputs):
    """The table's column of each number that enters the first layer."""
    coded = [place for place, _ in inputs.codes]
    made = [inputs.columns[place] for place in range(len(inputs.columns)) if place not in coded]
    if design.numeric_embedding == "periodic":
        made += [inputs.columns[place] for place in inputs.numeric for _ in range(3)]
    return made + [inputs.columns[place] for place in coded for _ in range(8)]


def _shrink_groups(w, columns, strength):
    for column in set(columns):
        rows = [number for number, found in enumerate(columns) if found == column]
        length, limit = float(w[rows].double().norm()), strength * math.sqrt(w[rows].numel())
        w[rows] = w[rows] * (1 - limit / length) if length > limit else torch.zeros_like(w[rows])


def _signs(signs, member, kept, net, inputs, x, gradients, before):
    """One row of every sign, computed one layer at a time from their definitions."""
    with torch.no_grad():
        _, hidden = forward(member, kept, inputs, x)
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
    rows["gradient_norm"], rows["update_ratio"], at = [], [], len(net.front)
    for layer in net.layers:
        now = [part.detach() for name, part in layer.items() if name not in ("mean", "var")]
        own = slice(at, at + len(now))
        changes = [new - old for new, old in zip(now, before[own], strict=True)]
        rows["gradient_norm"].append(norm(gradients[own]))
        rows["update_ratio"].append(norm(changes) / norm(before[own]))
        at += len(now)
    for name, values in rows.items():
        signs.setdefault(name, []).append(values)
