"""Naive twins of the layers room, and of torch's norms by the text's algorithm."""

import itertools
import math

import numpy as np


def batch_norm(x, gain, shift, eps):
    """Training outputs of Ioffe and Szegedy (2015), algorithm 1, number by number: [B, H]."""
    rows, units = len(x), len(x[0])
    made = np.empty((rows, units))
    for h in range(units):
        mean = sum(x[m][h] for m in range(rows)) / rows
        variance = sum((x[m][h] - mean) ** 2 for m in range(rows)) / rows
        for m in range(rows):
            made[m, h] = gain[h] * (x[m][h] - mean) / math.sqrt(variance + eps) + shift[h]
    return made


def group_norm(x, groups, eps):
    """x [B, C, T] normalised over the channels of a group and all positions, one sample at a time."""
    made = np.empty_like(x)
    size = x.shape[1] // groups
    for row in range(len(x)):
        for g in range(groups):
            part = x[row, g * size : (g + 1) * size]
            made[row, g * size : (g + 1) * size] = (part - part.mean()) / math.sqrt(part.var() + eps)
    return made


def piecewise_linear(value, edges):
    """Eq. 1 of Gorishniy, Rubachev and Babenko (2022) for one number."""
    bins = len(edges) - 1
    made = []
    for t in range(bins):
        place = (value - edges[t]) / (edges[t + 1] - edges[t])
        if place < 0 and t > 0:
            place = 0.0
        if place > 1 and t < bins - 1:
            place = 1.0
        made.append(place)
    return made


def subnetworks(weights, biases, x, keep=0.5):
    """Softmax outputs [2^D, C] and probabilities of all masks of the inputs of one softmax layer."""
    outputs, chances = [], []
    for mask in itertools.product((0.0, 1.0), repeat=len(x)):
        z = weights @ (np.array(mask) * x) + biases
        outputs.append(np.exp(z - z.max()) / np.exp(z - z.max()).sum())
        kept = sum(mask)
        chances.append(keep**kept * (1 - keep) ** (len(x) - kept))
    return np.array(outputs), np.array(chances)


def notated(weights, biases, sigmas, x):
    """σₙ(Wₙ … σ₁(W₁ x − b₁) … − bₙ) for one row, sum by sum; sigmas map lists to lists."""
    h = list(x)
    for w, b, sigma in zip(weights, biases, sigmas, strict=True):
        h = sigma([sum(w[i][j] * h[j] for j in range(len(h))) - b[i] for i in range(len(b))])
    return h
