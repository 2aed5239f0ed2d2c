"""Small pictures, drawn anew for every seed; and scikit-learn's digits, cut anew."""

import numpy as np
from sklearn.datasets import load_digits

from _programs.held_data_records import cut
from _programs.program import Rows

__all__ = ["blurred", "cells", "figures", "hands", "scratches", "spots", "strokes", "strokes_bytes"]


def figures(seed: int) -> Rows:
    """1,797 handwritten digits [1, 8, 8], grey from -1 to 1."""
    found = load_digits()
    return cut(found.images[:, None] / 8 - 1, found.target, seed, 0.15, 0.25)


def strokes_bytes(seed: int, n: int = 1300, size: int = 14) -> Rows:
    """A line across a speckled picture [1, size, size] in one of four directions; bytes from 0 to 250."""
    draw = np.random.default_rng([seed, 201])
    kinds = draw.integers(4, size=n)
    across, down = np.meshgrid(np.arange(size) - (size - 1) / 2, np.arange(size) - (size - 1) / 2)
    way = kinds * np.pi / 4 + draw.normal(0, 0.12, n)
    off = draw.uniform(-3, 3, n)
    far = np.sin(way)[:, None, None] * across - np.cos(way)[:, None, None] * down - off[:, None, None]
    grey = 60 + 55 * draw.random((n, size, size)) + 90 * (abs(far) < 0.9)
    return cut(np.clip(grey + 14 * draw.normal(size=grey.shape), 0, 250).round()[:, None], kinds, seed)


def strokes(seed: int, n: int = 1300) -> Rows:
    """The same with mean 0 and deviation 1 over all bytes."""
    rows = strokes_bytes(seed, n)
    x = rows.train[0]
    mean, far = x.mean(), x.std()
    return Rows(*(((x - mean) / far, y) for x, y in (rows.train, rows.valid, rows.test)))


def cells(seed: int, n: int = 500, size: int = 16) -> Rows:
    """Two or three bright discs in a noisy picture; the targets are their places' masks, both [1, 16, 16]."""
    draw = np.random.default_rng([seed, 202])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    masks = np.zeros((n, size, size))
    for row in range(n):
        for _ in range(draw.integers(2, 4)):
            x, y, r = draw.uniform(2, size - 3), draw.uniform(2, size - 3), draw.uniform(1.6, 3.2)
            masks[row][(across - x) ** 2 + (down - y) ** 2 < r * r] = 1
    seen = 1.6 * masks - 0.5 + 0.7 * draw.normal(size=masks.shape)
    return cut(seen[:, None], masks[:, None], seed)


def spots(seed: int, n: int = 1000, size: int = 12) -> Rows:
    """Blurred spots on a dark plate [1, 12, 12]; how much light they give together, standardised [1]."""
    draw = np.random.default_rng([seed, 203])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    seen, light = np.zeros((n, size, size)), np.zeros(n)
    for row in range(n):
        for _ in range(draw.integers(1, 6)):
            x, y, tall = draw.uniform(1, size - 2), draw.uniform(1, size - 2), draw.uniform(0.5, 1.5)
            seen[row] += tall * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 2.5)
            light[row] += tall
    seen = seen + 0.1 * draw.normal(size=seen.shape)
    return cut(seen[:, None] * 2 - 0.5, ((light - light.mean()) / light.std())[:, None], seed)


def hands(seed: int, n: int = 1000, size: int = 14) -> Rows:
    """A clock's only hand [1, 14, 14]; sine and cosine of where it points, times the square root of 2 [2]."""
    draw = np.random.default_rng([seed, 204])
    middle = (size - 1) / 2
    across, down = np.meshgrid(np.arange(size) - middle, middle - np.arange(size))
    way = draw.uniform(0, 2 * np.pi, n)
    sine, cosine = np.sin(way)[:, None, None], np.cos(way)[:, None, None]
    along, aside = across * cosine + down * sine, across * sine - down * cosine
    seen = (abs(aside) < 0.9) & (along > -0.5) & (along < 5.5)
    seen = seen * 2.0 - 0.2 + 0.25 * draw.normal(size=(n, size, size))
    return cut(seen[:, None], np.stack([np.sin(way), np.cos(way)], 1) * 2**0.5, seed)


def scratches(seed: int, n: int = 3000, size: int = 10, share: float = 0.06) -> Rows:
    """Rough metal [1, 10, 10], seldom with a faint scratch from side to side; is there one? [1]."""
    draw = np.random.default_rng([seed, 205])
    bad = draw.random(n) < share
    seen = draw.normal(size=(n, size, size))
    for row in np.flatnonzero(bad):
        seen[row, draw.integers(size)] += draw.uniform(0.8, 1.6)
    return cut(seen[:, None], bad.astype(np.float32)[:, None], seed)


def blurred(seed: int) -> Rows:
    """Digits [1, 8, 8] with noise on them; the clean ones, grey from -1 to 1, are the targets."""
    clean = load_digits().images[:, None] / 8 - 1
    noise = np.random.default_rng([seed, 206]).normal(size=clean.shape)
    return cut(clean + 0.4 * noise, clean, seed)
