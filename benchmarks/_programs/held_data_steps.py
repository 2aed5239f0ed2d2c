"""Rows for trainings spoilt in their steps: small medical and chemical tables, spirals, gratings, spectra,
seasons, tagged tokens and documents.

Every source takes a seed: it draws or splits the rows anew.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from sklearn import datasets

from _programs.program import Rows
from _programs.sources import split

__all__ = [
    "bends",
    "cultivars",
    "documents",
    "gratings",
    "lines_of_digits",
    "matched_brackets",
    "measured",
    "parities",
    "prevailing",
    "seasons",
    "sensors",
    "sorted_lines",
    "spectra",
    "spirals",
    "sugar",
    "swings",
    "tagged",
    "tilted",
    "tumours",
]


@cache
def _bundled(load: Callable[..., tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = load(return_X_y=True)
    return (inputs - inputs.mean(0)) / (inputs.std(0) + 1e-9), targets


def tumours(seed: int) -> Rows:
    """569 biopsies, 30 standardised measurements; benign? [1]."""
    inputs, targets = _bundled(datasets.load_breast_cancer)
    return split(inputs, targets.astype(np.float32)[:, None], seed)


def cultivars(seed: int) -> Rows:
    """178 wines, 13 standardised measurements, 3 classes."""
    inputs, targets = _bundled(datasets.load_wine)
    return split(inputs, targets.astype(np.int64), seed)


def sugar(seed: int) -> Rows:
    """442 patients, 10 standardised measurements; how diabetes went on, standardised [1]."""
    inputs, targets = _bundled(datasets.load_diabetes)
    return split(inputs, ((targets - targets.mean()) / targets.std())[:, None], seed)


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    inputs, targets = datasets.load_digits(return_X_y=True)
    return (inputs.reshape(-1, 8, 8) - 4.88) / 6.02, targets.astype(np.int64)


def lines_of_digits(seed: int, n: int = 1797) -> Rows:
    """Handwritten digits read line by line [8, 8], 10 classes."""
    inputs, targets = _digits()
    return split(inputs, targets, seed, n)


def sorted_lines(seed: int) -> Rows:
    """The same, training rows in the order of a folder for each digit."""
    rows = lines_of_digits(seed)
    order = rows.train[1].argsort(stable=True)
    return Rows((rows.train[0][order], rows.train[1][order]), rows.valid, rows.test)


def spirals(seed: int, n: int = 1200, turns: float = 1.2, noise: float = 0.06) -> Rows:
    """Three arms of a spiral in the plane; 3 classes."""
    draw = np.random.default_rng([seed, 101])
    arm, far = draw.integers(3, size=n), np.sqrt(draw.uniform(0.02, 1, n))
    angle = far * turns * 2 * np.pi + arm * 2 * np.pi / 3
    inputs = np.stack([far * np.cos(angle), far * np.sin(angle)], 1) * 2
    return split(inputs + noise * draw.normal(size=(n, 2)), arm, seed)


def parities(seed: int, n: int = 1600, bits: int = 4, more: int = 4) -> Rows:
    """Signs [bits + more] with a little noise; is the product of the first `bits` of them positive? [1]."""
    draw = np.random.default_rng([seed, 102])
    signs = draw.choice([-1.0, 1.0], size=(n, bits + more))
    target = (signs[:, :bits].prod(1) > 0).astype(np.float32)
    return split(signs + 0.1 * draw.normal(size=signs.shape), target[:, None], seed)


def bends(seed: int, n: int = 1400, noise: float = 0.1) -> Rows:
    """A beam's six sizes; three standardised answers at once: how far it bends, its stress, its tone [3]."""
    draw = np.random.default_rng([seed, 103])
    x = draw.uniform(-1, 1, (n, 6))
    load, length, wide, high, stiff, at = x.T
    bent = (1.5 + load) * (1.5 + length) ** 3 / ((1.6 + wide) * (1.6 + high) ** 2 * (2 + stiff))
    stress = (1.5 + load) * (1.5 + length) * np.cos(at) / ((1.6 + wide) * (1.6 + high))
    tone = np.sin(2 * high + stiff) - 0.6 * length * wide
    found = np.stack([np.log(bent), np.log(stress), tone], 1)
    found = (found - found.mean(0)) / found.std(0)
    return split(x * 3**0.5, found + noise * draw.normal(size=found.shape), seed)


def measured(seed: int, n: int = 1500, width: int = 14) -> Rows:
    """Standardised measurements; five classes lie in the ranges of a curved score of them."""
    draw = np.random.default_rng([seed, 104])
    x = draw.normal(size=(n, width))
    score = np.sin(1.4 * x[:, 0]) + 0.8 * x[:, 1] * x[:, 2] + 0.9 * x[:, 3] + 0.3 * x[:, 4] ** 2
    return split(x, np.searchsorted(np.quantile(score, [0.2, 0.4, 0.6, 0.8]), score), seed)


def sensors(seed: int, n: int = 1200, width: int = 24, hidden: int = 4) -> Rows:
    """`width` sensors see `hidden` causes through curves; they are to be copied: inputs are targets."""
    draw = np.random.default_rng([seed, 105])
    causes = draw.uniform(-1.5, 1.5, (n, hidden))
    seen = np.tanh(causes @ draw.normal(size=(hidden, width))) + 0.3 * causes @ draw.normal(
        size=(hidden, width)
    )
    seen = (seen - seen.mean(0)) / seen.std(0) + 0.05 * draw.normal(size=seen.shape)
    return split(seen, seen, seed)


def _stripes(seed: int, n: int, size: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, 106])
    angle = (draw.integers(6, size=n) + draw.uniform(0.15, 0.85, n)) * np.pi / 6
    phase = draw.uniform(0, 2 * np.pi, n)
    wide = draw.uniform(0.9, 1.5, n)
    across, down = np.meshgrid(np.arange(size) - size / 2, np.arange(size) - size / 2)
    along = np.cos(angle)[:, None, None] * across + np.sin(angle)[:, None, None] * down
    image = np.sin(along * wide[:, None, None] + phase[:, None, None])
    return (image + noise * draw.normal(size=image.shape))[:, None], angle


def gratings(seed: int, n: int = 1400, size: int = 10, noise: float = 0.5) -> Rows:
    """Noisy stripes [1, size, size]; which of six directions do they have?"""
    images, angle = _stripes(seed, n, size, noise)
    return split(images, np.floor(angle / np.pi * 6).astype(np.int64) % 6, seed)


def tilted(seed: int, n: int = 1400, size: int = 10, noise: float = 0.4) -> Rows:
    """The same stripes; cosine and sine of twice their angle are to be measured [2]."""
    images, angle = _stripes(seed, n, size, noise)
    return split(images, np.stack([np.cos(2 * angle), np.sin(2 * angle)], 1) * 1.4, seed)


def spectra(seed: int, n: int = 1200, length: int = 40, noise: float = 0.15) -> Rows:
    """Spectra [1, length] with peaks at random places; a class for none, one, two or three narrow ones."""
    draw = np.random.default_rng([seed, 107])
    kinds = draw.integers(4, size=n)
    place = np.argsort(draw.random((n, length // 5)), 1)[:, :3] * 5 + 2.0 + draw.uniform(-1, 1, (n, 3))
    high = draw.uniform(0.8, 1.6, (n, 3)) * (np.arange(3) < kinds[:, None])
    away = np.arange(length) - place[..., None]
    seen = (high[..., None] * np.exp(-(away**2) / 1.5)).sum(1) + draw.uniform(-0.5, 0.5, (n, 1))
    return split((seen + noise * draw.normal(size=seen.shape))[:, None], kinds, seed)


def seasons(seed: int, n: int = 1000, length: int = 24, ahead: int = 3) -> Rows:
    """Two seasons of random strength over each other and noise [length, 1]; the next `ahead` values."""
    draw = np.random.default_rng([seed, 108])
    time = np.arange(length + ahead)
    found = np.zeros((n, length + ahead))
    for speed in (0.52, 1.26):
        phase = draw.uniform(0, 2 * np.pi, (n, 1))
        found += draw.uniform(0.5, 1.2, (n, 1)) * np.sin(speed * time + phase)
    found += 0.15 * draw.normal(size=found.shape)
    return split(found[:, :length, None], found[:, length:], seed)


def swings(seed: int, n: int = 1000, length: int = 16) -> Rows:
    """Two pushed channels [length, 2]; the place of a damped spring that both push [1]."""
    draw = np.random.default_rng([seed, 109])
    pushes = draw.normal(size=(n, length, 2))
    place, speed = np.zeros(n), np.zeros(n)
    for t in range(length):
        speed = 0.8 * speed - 0.25 * place + 0.5 * pushes[:, t, 0] + 0.3 * np.tanh(2 * pushes[:, t, 1])
        place = place + 0.6 * speed
    return split(pushes, (place / place.std())[:, None], seed)


def prevailing(seed: int, n: int = 1600, length: int = 12, words: int = 30) -> Rows:
    """Tokens [length] of three groups and idle ones; the group most of them are of: 3 classes, no ties."""
    draw = np.random.default_rng([seed, 110])
    tokens = draw.integers(words, size=(2 * n, length))
    counts = np.stack([(tokens % 4 == k).sum(1) for k in range(3)], 1)
    ordered = np.sort(counts, 1)
    clear = np.flatnonzero(ordered[:, 2] > ordered[:, 1])[:n]
    return split(tokens[clear], counts[clear].argmax(1), seed)


def tagged(seed: int, n: int = 900, length: int = 12, words: int = 16) -> Rows:
    """Tokens [length] and a tag at each: a word's kind, changed by the words before and after it."""
    draw = np.random.default_rng([seed, 111])
    tokens = draw.integers(words, size=(n, length + 2))
    kind = draw.permutation(np.arange(words) % 4)[tokens]
    tags = (kind[:, 1:-1] + (kind[:, :-2] == 0) + 2 * (kind[:, 2:] == 3)) % 4
    return split(tokens[:, 1:-1], tags, seed)


def matched_brackets(seed: int, n: int = 1200, length: int = 12) -> Rows:
    """Brackets of two sorts and fillers [length]; how deep is it at every place, 0 to 4? [length]."""
    draw = np.random.default_rng([seed, 112])
    tokens = draw.integers(5, size=(n, length))
    deep, depth = np.zeros((n, length), np.int64), np.zeros(n, np.int64)
    for t in range(length):
        depth = np.clip(depth + (tokens[:, t] < 2) - ((tokens[:, t] == 2) | (tokens[:, t] == 3)), 0, 4)
        deep[:, t] = depth
    return split(tokens, deep, seed)


def documents(seed: int, n: int = 1400, length: int = 16, words: int = 48, subjects: int = 5) -> Rows:
    """Tokens [length] about any of `subjects`; each is there or not [subjects]."""
    draw = np.random.default_rng([seed, 113])
    about = draw.random((n, subjects)) < 0.4
    own = draw.permutation(words)[: subjects * 6].reshape(subjects, 6)
    tokens = draw.integers(words, size=(n, length))
    for place in range(length):
        subject = (draw.random((n, subjects)) * about).argmax(1)
        said = about.any(1) & (draw.random(n) < 0.65)
        tokens[said, place] = own[subject, draw.integers(6, size=n)][said]
    return split(tokens, about.astype(np.float32), seed)
