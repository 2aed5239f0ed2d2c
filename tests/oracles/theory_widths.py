"""Naive twins of the laws of finite widths and of the ensembles that show them."""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import nn

MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "selu": nn.SELU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
FIELDS = ("norm", "directional", "input_gradient", "kernel", "variances", "squares", "fourths", "gradients")


def digamma(half):
    """ψ(k/2) by ψ(x + 1) = ψ(x) + 1/x from ψ(1) = −γ, ψ(½) = −γ − 2 log 2."""
    start = -np.euler_gamma - (2 * math.log(2) if half % 2 else 0.0)
    return start + sum(2.0 / k for k in range(2 - half % 2, half, 2))


def trigamma(half):
    """ψ'(k/2) by ψ'(x + 1) = ψ'(x) − 1/x² from ψ'(1) = π²/6, ψ'(½) = π²/2."""
    start = math.pi**2 / (2 if half % 2 else 6)
    return start - sum(4.0 / k**2 for k in range(2 - half % 2, half, 2))


def log_moments(width):
    """m(n) and v(n), term by term with exact binomial coefficients."""
    chance = [Fraction(math.comb(width, k), 2**width - 1) for k in range(1, width + 1)]
    mean = math.fsum(float(p) * digamma(k) for k, p in enumerate(chance, 1))
    square = math.fsum(float(p) * (digamma(k) - mean) ** 2 for k, p in enumerate(chance, 1))
    inner = math.fsum(float(p) * trigamma(k) for k, p in enumerate(chance, 1))
    return mean + math.log(2) + math.log(2 / width), inner + square


def kernel_variance(widths):
    """Var K/(E K)² by carrying (E ‖x‖² tr M, E xᵀM x) through the layers between every two matrices."""
    total = 0.0
    for low in range(len(widths) + 1):
        for high in range(low, len(widths) + 1):
            both, aligned = 1.0, 0.0
            for width in widths[low:high]:
                both, aligned = (
                    both + (both + 4.0 * aligned) / width,
                    aligned + (2.0 * both + 3.0 * aligned) / width,
                )
            outside = math.prod(1.0 + 5.0 / width for width in [*widths[:low], *widths[high:]])
            total += (1.0 if low == high else 2.0) * both * outside
    return total / (len(widths) + 1) ** 2 - 1.0


def uncoupled_kernel_variance(depth, width):
    """The double sum for equal widths that takes the factors of different layers as independent."""
    pairs = [
        (1 + 5 / width) ** (depth - abs(low - high)) * (1 + 1 / width) ** abs(low - high)
        for low in range(depth + 1)
        for high in range(depth + 1)
    ]
    return sum(pairs) / (depth + 1) ** 2 - 1


def networks(
    widths, inputs, activation, c_w, c_b, count, seed, direction, law="gaussian", precision="float64"
):
    """The fields of an ensemble, by nn.Linear and autograd, one network and one input at a time in float64.

    Weights are drawn with `precision`, in the order that `random_networks` documents.
    """
    rng = np.random.default_rng(seed)
    found = {name: [] for name in FIELDS}
    for _ in range(count):
        net = _network(rng, [inputs.shape[1], *widths], MODULES[activation], c_w, c_b, law, precision)
        rows = [_one(net, row, direction, c_w, c_b) for row in inputs]
        for name in FIELDS:
            found[name].append([row[name] for row in rows])
    return {name: np.array(values) for name, values in found.items()}


def _network(rng, sizes, module, c_w, c_b, law, precision):
    def draw(*shape):
        if law == "uniform":
            return (rng.random(shape, dtype=precision).astype(np.float64) - 0.5) * math.sqrt(12)
        return rng.standard_normal(shape, dtype=precision).astype(np.float64)

    parts = []
    for fan_in, size in zip(sizes, [*sizes[1:], 1], strict=True):
        last = len(parts) == 2 * (len(sizes) - 1)
        layer = nn.Linear(fan_in, size, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(draw(fan_in, size).T.copy()) * math.sqrt(c_w / fan_in))
            layer.bias.zero_()
            if c_b > 0 and not last:
                layer.bias.copy_(torch.from_numpy(draw(size)) * math.sqrt(c_b))
        parts += [layer] if last else [layer, module()]
    return nn.Sequential(*parts)


def _one(net, row, direction, c_w, c_b):
    x = torch.from_numpy(row).requires_grad_()
    zs, signal, signals = [], x, [x]
    for part in net[:-1]:
        signal = part(signal)
        if isinstance(part, nn.Linear):
            signal.retain_grad()
            zs.append(signal)
        else:
            signals.append(signal)
    net.zero_grad()
    net[-1](signal).sum().backward()
    _, tangent = torch.autograd.functional.jvp(net[:-1], torch.from_numpy(row), torch.from_numpy(direction))
    linear = [part for part in net if isinstance(part, nn.Linear)]
    kernel = sum(
        c_w / part.in_features * part.weight.grad.square().sum() + c_b * part.bias.grad.square().sum()
        for part in linear
    )
    return {
        "norm": float(signal.detach().square().mean()) / np.mean(row**2),
        "directional": float(tangent.square().mean()) / np.mean(direction**2),
        "input_gradient": float(x.grad.square().sum()),
        "kernel": float(kernel),
        "variances": [c_w * float(each.detach().square().mean()) + c_b for each in signals],
        "squares": [float(z.detach().square().mean()) for z in zs],
        "fourths": [float(z.detach().pow(4).mean()) for z in zs],
        "gradients": [float(z.grad.square().sum()) for z in zs],
    }
