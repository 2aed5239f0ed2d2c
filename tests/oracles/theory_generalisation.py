"""Naive twins of what the theory room says about generalisation: exact fractions, loops, fits one by one."""

import math
from fractions import Fraction
from itertools import product

import numpy as np


def exact_polynomial(x, targets, degree, strength):
    """argmin RSS + λ‖w‖² in rational arithmetic: Gauss–Jordan on the normal equations, [degree + 1] floats.

    `x` and `targets` are Fractions; `strength` a Fraction too.
    """
    size = degree + 1
    rows = [
        [sum((p ** (i + j) for p in x), Fraction(0)) + (strength if i == j else 0) for j in range(size)]
        + [sum((t * p**i for p, t in zip(x, targets, strict=True)), Fraction(0))]
        for i in range(size)
    ]
    for i in range(size):
        pivot = next(r for r in range(i, size) if rows[r][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for r in range(size):
            if r != i and rows[r][i] != 0:
                factor = rows[r][i]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[i], strict=True)]
    return np.array([float(row[-1]) for row in rows])


def half_line_labellings(n):
    """Distinct labellings of n points on a line by the positive half-lines x > a: VC dimension 1."""
    return len({tuple(point > cut for point in range(n)) for cut in range(-1, n)})


def interval_labellings(n):
    """Distinct labellings of n points on a line by the intervals a < x < b: VC dimension 2."""
    cuts = [each - 0.5 for each in range(n + 1)]
    return len({tuple(a < point < b for point in range(n)) for a, b in product(cuts, cuts)})


def pooled_errors(own, other, features, noise, distance, strength, draws, seed):
    """‖ŵ_1 − w_1‖² [draws] of soft sharing, by least squares on the rows of both tasks and √λ(u − v) = 0."""
    rng = np.random.default_rng(seed)
    errors = []
    for _ in range(draws):
        first = rng.normal(size=features)
        step = rng.normal(size=features)
        second = first + distance * step / np.linalg.norm(step)
        x, z = rng.normal(size=(own, features)), rng.normal(size=(other, features))
        tie = math.sqrt(strength) * np.eye(features)
        rows = np.block([[x, np.zeros_like(x)], [np.zeros_like(z), z], [tie, -tie]])
        targets = np.concatenate(
            [
                x @ first + noise * rng.normal(size=own),
                z @ second + noise * rng.normal(size=other),
                np.zeros(features),
            ]
        )
        found = np.linalg.lstsq(rows, targets)[0]
        errors.append(((found[:features] - first) ** 2).sum())
    return np.array(errors)


def decomposition(predictions, truth):
    """Bias² and variance over the sets, by loops and the definitions."""
    sets, points = predictions.shape
    bias2 = variance = 0.0
    for n in range(points):
        mean = sum(predictions[each, n] for each in range(sets)) / sets
        bias2 += (mean - truth[n]) ** 2 / points
        variance += sum((predictions[each, n] - mean) ** 2 for each in range(sets)) / sets / points
    return bias2, variance


def jackknife(predictions, truth):
    """Standard errors of unbiased bias² and variance by leaving each set out and starting again."""
    sets = len(predictions)
    found = []
    for left in range(sets):
        bias2, variance = decomposition(np.delete(predictions, left, 0), truth)
        unbiased = variance * (sets - 1) / (sets - 2)
        found.append((bias2 - unbiased / (sets - 1), unbiased))
    return np.sqrt((sets - 1) * np.var(np.array(found), axis=0))


def descend(x, y, rate, steps):
    """w after that many steps of gradient descent on ½RSS from 0, one by one; y [N] or [N, K]."""
    w = np.zeros((x.shape[1], *y.shape[1:]))
    for _ in range(steps):
        w += rate * x.T @ (y - x @ w)
    return w


def relu_feature_risk(features, rows, inputs, noise, strength, test_rows, seed):
    """Risk of one fit on random ReLU features, estimated on test rows, by the normal equations' dual."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=inputs)
    truth /= np.linalg.norm(truth)
    directions = rng.normal(size=(inputs, features)) / math.sqrt(inputs)
    x, at = rng.normal(size=(rows, inputs)), rng.normal(size=(test_rows, inputs))
    y, new = x @ truth + noise * rng.normal(size=rows), at @ truth + noise * rng.normal(size=test_rows)
    made, told = (np.maximum(each @ directions, 0) / math.sqrt(features) for each in (x, at))
    w = made.T @ np.linalg.solve(made @ made.T + strength * np.eye(rows), y)
    return float(np.mean((told @ w - new) ** 2))


def batch_norm_gradients(weights, x, out):
    """‖∂/∂x^l‖² [L] of Σ out·x^L through Linear, batch norm (no ε) and ReLU, its back-propagation by hand."""
    chain = []
    for weight in weights:
        z = x @ weight
        deviation = z.std(0)
        normalised = (z - z.mean(0)) / deviation
        chain.append((weight, deviation, normalised))
        x = np.maximum(normalised, 0)
    gradient, sizes = out, []
    for weight, deviation, normalised in reversed(chain):
        gradient = gradient * (normalised > 0)
        gradient = (gradient - gradient.mean(0) - normalised * (gradient * normalised).mean(0)) / deviation
        gradient = gradient @ weight.T
        sizes.append((gradient**2).sum())
    return np.array(sizes[::-1])
