"""Naive twins of what the theory room says on expressivity."""

import itertools
import math

import mpmath
import numpy as np
import torch
from torch import nn

EXACT = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "gelu": lambda x: x * (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x))),
    "erf": mpmath.erf,
}


def exact_derivative(name, order, at, digits=50):
    """σ^(order)(at) by differences in 50-digit arithmetic."""
    with mpmath.workdps(digits):
        return float(mpmath.diff(EXACT[name], mpmath.mpf(at), order))


def exact_gate_error(name, scale, bias, u, v, digits=60):
    """m(u, v) − uv without rounding, by the formula of four units."""
    with mpmath.workdps(digits):
        sigma, lam, c = EXACT[name], mpmath.mpf(scale), mpmath.mpf(bias)
        units = [sigma(c + lam * s) for s in (u + v, -u - v, u - v, v - u)]
        curvature = mpmath.diff(sigma, c, 2)
        return float((units[0] + units[1] - units[2] - units[3]) / (4 * lam**2 * curvature) - u * v)


def pattern_count(net, start, end, points=200_001):
    """Intervals with a pattern of their own, by looking at a grid: misses those between two grid points."""
    t = torch.linspace(0.0, 1.0, points, dtype=torch.float64)[:, None]
    signal, patterns = start + t * (end - start), []
    with torch.no_grad():
        for layer in net:
            if isinstance(layer, nn.ReLU):
                patterns.append(signal > 0)
            signal = layer(signal)
    pattern = torch.cat(patterns, 1)
    return 1 + int((pattern[1:] != pattern[:-1]).any(1).sum())


def region_bound(inputs, widths):
    """Serra et al.'s sum by enumeration of all (j_1, …, j_L)."""
    total = 0
    for choice in itertools.product(*(range(width + 1) for width in widths)):
        room, fits = inputs, True
        for width, j in zip(widths, choice, strict=True):
            fits &= j <= min(room, width)
            room = min(room, width - j)
        if fits:
            total += math.prod(math.comb(width, j) for width, j in zip(widths, choice, strict=True))
    return total


def polynomial_share(x, y, degree, strength, folds, seed):
    """R² on rows left out of ridge regression on monomials written out, weighted as (1 + x·x'/D)^degree."""
    parts = np.array_split(np.random.default_rng(seed).permutation(len(x)), folds)
    rest = total = 0.0
    for part in parts:
        inside = np.setdiff1d(np.arange(len(x)), part)
        scaled = np.clip((x - x[inside].mean(0)) / x[inside].std(0), -5, 5) / math.sqrt(x.shape[1])
        columns = []
        for powers in itertools.product(range(degree + 1), repeat=x.shape[1]):
            free = degree - sum(powers)
            if free >= 0:
                ways = math.factorial(degree) / math.prod(math.factorial(p) for p in (*powers, free))
                columns.append(math.sqrt(ways) * np.prod(scaled**powers, axis=1))
        terms = np.stack(columns, 1)
        mean = y[inside].mean()
        gram = terms[inside].T @ terms[inside] + strength * np.eye(terms.shape[1])
        weights = np.linalg.solve(gram, terms[inside].T @ (y[inside] - mean))
        rest += float(((y[part] - mean - terms[part] @ weights) ** 2).sum())
        total += float(((y[part] - mean) ** 2).sum())
    return 1 - rest / total


def two_neighbours(x):
    """ln(r₂/r₁) of every row, by comparing it with all others."""
    found = []
    for i, row in enumerate(x):
        far = sorted(math.dist(row, other) for j, other in enumerate(x) if j != i)
        found.append(math.log(far[1] / far[0]))
    return sorted(found)
