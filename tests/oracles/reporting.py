"""Naive twins of what the report computes: loops over rows, from the definitions."""

import numpy as np

__all__ = ["calibration_error", "confusion", "ranks_by_loop", "shares_by_grid"]


def confusion(y, prediction, classes):
    """Rows by true and predicted class, one row at a time."""
    counts = [[0] * classes for _ in range(classes)]
    for truth, p in zip(y, prediction, strict=True):
        said = max(range(classes), key=lambda k: p[k])
        counts[truth][said] += 1
    return np.array(counts)


def calibration_error(y, prediction, bins):
    """Σ (n_b / N) |mean stated − mean observed| over bins of equal counts of the highest probability."""
    rows = sorted(range(len(y)), key=lambda i: max(prediction[i]))
    total = 0.0
    for part in np.array_split(np.array(rows), bins):
        stated = sum(max(prediction[i]) for i in part) / len(part)
        hits = sum(int(np.argmax(prediction[i])) == y[i] for i in part) / len(part)
        total += len(part) / len(y) * abs(stated - hits)
    return total


def ranks_by_loop(values):
    """1 for the smallest, and so on; ties in order."""
    return [1 + sum(w < v or (w == v and j < i) for j, w in enumerate(values)) for i, v in enumerate(values)]


def shares_by_grid(function, d, points=24):
    """First-order and total shares of variance of a function of [0, 1)^d, by sums over a grid."""
    ticks = (np.arange(points) + 0.5) / points
    grid = np.stack(np.meshgrid(*[ticks] * d, indexing="ij"), axis=-1)
    f = function(grid.reshape(-1, d)).reshape((points,) * d)
    variance = f.var()
    alone, total = [], []
    for k in range(d):
        others = tuple(j for j in range(d) if j != k)
        alone.append(f.mean(axis=others).var() / variance)
        total.append(1 - f.mean(axis=k).var() / variance)
    return np.array(alone), np.array(total)
