"""Small made-up tables for the main job."""

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.reading import read


def two_classes(rows: int = 240, features: int = 6, seed: int = 0) -> Dataset:
    """A curved border between two classes, with noise: neither a constant nor a line is best."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, features))
    logit = 3 * (x[:, 0] * x[:, 1]) + 1.5 * x[:, 2] + generator.logistic(size=rows) * 0.3
    return read((x, (logit > 0).astype(int)), task="classification")


def numbers(rows: int = 240, features: int = 5, seed: int = 0) -> Dataset:
    """A smooth non-linear function with noise."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, features))
    y = np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] ** 2 + 0.1 * generator.normal(size=rows)
    return read((x, y), task="regression")
