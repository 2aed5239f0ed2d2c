"""Naive twins of the kernels: one pair at a time, one network at a time, one step at a time."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, jacrev, vmap


def plane_mean(f, first, second, c, nodes=500, reach=8.0):
    """E f(u) f(v) for variances `first`, `second` and correlation c, by the trapezoid rule on a plane.

    No node is at 0, where a slope may jump.
    """
    g = np.linspace(-reach, reach, nodes)
    weight = np.exp(-0.5 * g * g) / math.sqrt(2 * math.pi) * (g[1] - g[0])
    u, other = np.meshgrid(g, g, indexing="ij")
    v = c * u + math.sqrt(1 - c * c) * other
    return float(weight @ (f(math.sqrt(first) * u) * f(math.sqrt(second) * v)) @ weight)


def relu_pair(k11, k22, k12):
    """E φφ and E φ'φ' of a ReLU (Cho and Saul 2009)."""
    cosine = max(-1.0, min(1.0, k12 / math.sqrt(k11 * k22)))
    angle = math.acos(cosine)
    product = math.sqrt(k11 * k22) * (math.sin(angle) + (math.pi - angle) * cosine) / (2 * math.pi)
    return product, (math.pi - angle) / (2 * math.pi)


def erf_pair(k11, k22, k12):
    """The same of erf (Williams 1997)."""
    both = (1 + 2 * k11) * (1 + 2 * k22)
    return 2 / math.pi * math.asin(2 * k12 / math.sqrt(both)), 4 / math.pi / math.sqrt(both - 4 * k12 * k12)


def linear_pair(k11, k22, k12):
    return k12, 1.0


def kernels(x, depth, pair, c_w, c_b):
    """K and Θ of every layer in the NTK parametrisation, entry by entry; `pair` maps k11, k22, k12."""
    n = len(x)
    nngp = [[c_w * sum(a * b for a, b in zip(x[i], x[j], strict=True)) / len(x[i]) + c_b for j in range(n)]
            for i in range(n)]  # fmt: skip
    ntk = [row[:] for row in nngp]
    layers = [(np.array(nngp), np.array(ntk))]
    for _ in range(depth):
        means = [[pair(nngp[i][i], nngp[j][j], nngp[i][j]) for j in range(n)] for i in range(n)]
        nngp = [[c_w * means[i][j][0] + c_b for j in range(n)] for i in range(n)]
        ntk = [[nngp[i][j] + c_w * means[i][j][1] * ntk[i][j] for j in range(n)] for i in range(n)]
        layers.append((np.array(nngp), np.array(ntk)))
    return layers


class Chain(nn.Module):
    """A dense network with one output and normal weights, in either parametrisation, in float64."""

    def __init__(self, features, widths, phi, c_w, c_b, seed, scaled=True):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        sizes = [features, *widths, 1]
        self.phi, self.factors = phi, []
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan_in, fan_out in pairwise(sizes):
            scale = math.sqrt(c_w / fan_in), math.sqrt(c_b)
            drawn = [torch.randn(shape, generator=generator, dtype=torch.float64)
                     for shape in ((fan_out, fan_in), (fan_out,))]  # fmt: skip
            self.factors.append(scale if scaled else (1.0, 1.0))
            held = drawn if scaled else [a * b for a, b in zip(drawn, scale, strict=True)]
            self.weights.append(held[0])
            self.biases.append(held[1])

    def forward(self, x):
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if layer:
                x = self.phi(x)
            scale, shift = self.factors[layer]
            x = scale * x @ weight.T + shift * bias
        return x[..., 0]


def empirical_ntk(module, x, x2=None):
    """Θ [N, N2] by all Jacobians, of a module with one output a row."""
    parameters = {name: each.detach() for name, each in module.named_parameters()}

    def jacobian(rows):
        def one(held, row):
            return functional_call(module, held, (row[None],)).reshape(())

        found = vmap(jacrev(one), (None, 0))(parameters, rows)
        return torch.cat([each.reshape(len(rows), -1) for each in found.values()], 1)

    return (jacobian(x) @ jacobian(x if x2 is None else x2).T).numpy()


def chain_ntk(chain, x):
    """Θ [N, N] of a `Chain` as Σ_l (δ_l·δ'_l)(x_l·x'_l): what `empirical_ntk` gives, without Jacobians."""
    with torch.enable_grad():
        inputs, signals = [], []
        for layer, (weight, bias) in enumerate(zip(chain.weights, chain.biases, strict=True)):
            if layer:
                x = chain.phi(signals[-1])
            inputs.append(x)
            scale, shift = chain.factors[layer]
            z = scale * x @ weight.detach().T + shift * bias.detach()
            signals.append(z if layer else z.requires_grad_())
        slopes = torch.autograd.grad(signals[-1].sum(), signals)
    total = 0.0
    for (scale, shift), rows, delta in zip(chain.factors, inputs, slopes, strict=True):
        total = total + delta @ delta.T * (scale**2 * rows @ rows.T + shift**2)
    return total.detach().numpy()


def random_outputs(x, width, depth, phi, c_w, networks, seed, chunk=250):
    """Outputs [networks, N] of bias-free networks, drawn chunk by chunk in float32."""
    generator = torch.Generator().manual_seed(seed)
    rows, found = torch.as_tensor(x, dtype=torch.float32), []
    for start in range(0, networks, chunk):
        members = min(chunk, networks - start)
        z = rows.expand(members, *rows.shape)
        for layer in range(depth + 1):
            fan_out = 1 if layer == depth else width
            weight = torch.randn(members, z.shape[-1], fan_out, generator=generator)
            z = (phi(z) if layer else z) @ weight * math.sqrt(c_w / z.shape[-1])
        found.append(z[..., 0])
    return torch.cat(found).double().numpy()


def descend(module, x, y, rate, steps, factor):
    """`steps` full-batch gradient steps on factor·RSS, one after the other."""
    optimiser = torch.optim.SGD(module.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        (factor * (module(x) - y).square().sum()).backward()
        optimiser.step()


def lazy_ensemble(width, depth, networks, seed, ratio=1e-3, new=8):
    """Distances to the linearised twins on new rows and drifts of Θ, [networks] each, for tanh networks.

    §3f: NTK parametrisation, C_W = 1, no bias; 4 rows on a sphere in 16 dimensions, targets ±1; full-batch
    descent on ½RSS at a quarter of 1/λ_max(Θ_0) until every loss is at `ratio` of its start, all networks
    side by side, and each twin takes step after step with it.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(4 + new, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = (4 * rows / rows.norm(dim=1, keepdim=True)).expand(networks, 4 + new, 16)
    y = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    sizes = [16, *[width] * depth, 1]
    weights = [
        torch.randn(networks, a, b, generator=generator, dtype=torch.float64) for a, b in pairwise(sizes)
    ]

    def forward():
        inputs, z = [], x
        for layer, weight in enumerate(weights):
            inputs.append(torch.tanh(z) if layer else z)
            z = inputs[-1] @ weight / math.sqrt(weight.shape[1])
        return inputs, z[..., 0]

    def deltas(inputs, last):
        """Row-wise ∂/∂z of every layer."""
        found = [last]
        for weight, after in zip(weights[:0:-1], inputs[:0:-1], strict=True):
            found.append(found[-1] @ weight.mT / math.sqrt(weight.shape[1]) * (1 - after**2))
        return found[::-1]

    def kernel(inputs):
        each = zip(deltas(inputs, torch.ones_like(x[..., :1])), inputs, strict=True)
        return sum(d @ d.mT * (rows @ rows.mT) / rows.shape[-1] for d, rows in each)[:, :, :4]

    inputs, start = forward()
    before, f, twin = kernel(inputs), start, start
    rate = 0.25 / torch.linalg.eigvalsh(before[:, :4])[:, -1:]
    goal = ratio * (start[:, :4] - y).square().sum(1)
    active = (start[:, :4] - y).square().sum(1) > goal
    while active.any():
        pull = torch.zeros_like(f)
        pull[:, :4] = rate * (f[:, :4] - y) * active[:, None]
        moved = deltas(inputs, pull[..., None])
        weights[:] = [
            weight - rows.mT @ delta / math.sqrt(weight.shape[1])
            for weight, rows, delta in zip(weights, inputs, moved, strict=True)
        ]
        twin = twin - (before @ (rate * (twin[:, :4] - y) * active[:, None])[..., None])[..., 0]
        inputs, f = forward()
        active &= (f[:, :4] - y).square().sum(1) > goal
    apart = (f - twin)[:, 4:].norm(dim=1) / (twin - start)[:, 4:].norm(dim=1)
    return apart, (kernel(inputs) - before)[:, :4].norm(dim=(1, 2)) / before[:, :4].norm(dim=(1, 2))
