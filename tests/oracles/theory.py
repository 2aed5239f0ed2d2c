"""Naive twins of the theory room."""

import math

import numpy as np


def simpson_mean(f, reach=12.0, panels=480_000):
    """E f(g), g standard normal, by Simpson's rule with 0 as an edge; f maps [n] to [n]."""
    g = np.linspace(-reach, reach, panels + 1)
    values = f(g) * np.exp(-0.5 * g * g) / math.sqrt(2 * math.pi)
    weights = np.ones(panels + 1)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return float(weights @ values) * (2 * reach / panels) / 3.0


def pair_mean(f, c, nodes=1601, reach=9.0):
    """E f(u) f(v) at unit variances and correlation c, by the trapezoid rule on a plane."""
    g = np.linspace(-reach, reach, nodes)
    step = g[1] - g[0]
    weight = np.exp(-0.5 * g * g) / math.sqrt(2 * math.pi) * step
    u, other = np.meshgrid(g, g, indexing="ij")
    v = c * u + math.sqrt(1 - c * c) * other
    return float(weight @ (f(u) * f(v)) @ weight)


def random_chain(phi, slope, width, nets, depth, weight_variance, bias_variance, seed, keep=1.0):
    """Mean squares of pre-activations [L] and of ∂/∂z^l [L] (one last unit) over `nets` random networks.

    The first pre-activations are drawn with variance C_W + C_b, as for inputs of mean square 1.
    """
    rng = np.random.default_rng(seed)
    signals, gradients = np.zeros((nets, depth)), np.zeros((nets, depth))
    for net in range(nets):
        z = rng.normal(size=width) * math.sqrt(weight_variance + bias_variance)
        chain = []
        for layer in range(depth):
            signals[net, layer] = np.mean(z * z)
            matrix = rng.normal(size=(width, width)) * math.sqrt(weight_variance / width)
            mask = (rng.random(width) < keep) / keep
            chain.append((slope(z) * mask, matrix))
            z = matrix @ (phi(z) * mask) + rng.normal(size=width) * math.sqrt(bias_variance)
        back = rng.normal(size=width)
        for layer in range(depth - 1, -1, -1):
            gradients[net, layer] = np.mean(back * back)
            if layer:
                slopes, matrix = chain[layer - 1]
                back = slopes * (matrix.T @ back)
    return signals, gradients


def proximal_descent(x, y, l1, l2, steps):
    """argmin ½RSS + l1‖w‖₁ + l2‖w‖² by accelerated proximal gradient descent (FISTA) with restarts."""
    rate = 1.0 / (np.linalg.norm(x, 2) ** 2 + 2 * l2)
    w = ahead = np.zeros(x.shape[1])
    momentum = 1.0
    for _ in range(steps):
        z = ahead - rate * (x.T @ (x @ ahead - y) + 2 * l2 * ahead)
        new = np.sign(z) * np.maximum(np.abs(z) - rate * l1, 0)
        if (ahead - new) @ (new - w) > 0:
            momentum = 1.0
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * (new - w)
        w, momentum = new, following
    return w
