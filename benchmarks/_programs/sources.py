"""Rows for the programs: bundled and scikit-learn's small tables and images, drawn shapes, series, tokens.

Every source takes a seed: it draws or splits the rows anew.
"""

from functools import cache

import numpy as np
import polars
import torch
from sklearn.datasets import load_digits

from _programs.program import Pair, Rows
from profunda.data.bundled import path

__all__ = [
    "adult",
    "adult_raw",
    "checkers",
    "concrete",
    "concrete_raw",
    "copies",
    "delayed",
    "digits",
    "digits_raw",
    "echoes",
    "friedman",
    "images",
    "matched",
    "parts",
    "phrases",
    "rare",
    "scattered",
    "series",
    "shapes",
    "sized",
    "split",
    "successors",
    "tones",
    "walks",
]

VALID, TEST = 0.2, 0.3
"""Shares of the rows."""


def split(inputs: np.ndarray, targets: np.ndarray, seed: int, n: int | None = None) -> Rows:
    """`n` rows drawn at random, cut into three; numbers become float32, integers int64.

    Training rows are a multiple of 32: a last batch of two rows would spoil the end of every epoch.
    """
    order = np.random.default_rng(seed).permutation(len(inputs))[:n]
    a, b = int(len(order) * (1 - VALID - TEST)) // 32 * 32, int(len(order) * (1 - TEST))
    return Rows(*(_pair(inputs[rows], targets[rows]) for rows in (order[:a], order[a:b], order[b:])))


def _pair(inputs: np.ndarray, targets: np.ndarray) -> Pair:
    return _tensor(inputs), _tensor(targets)


def _tensor(values: np.ndarray) -> torch.Tensor:
    kind = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, kind))


def _standardised(rows: Rows) -> Rows:
    mean, std = rows.train[0].mean(0), rows.train[0].std(0).clamp_min(1e-6)
    return Rows(*(((x - mean) / std, y) for x, y in (rows.train, rows.valid, rows.test)))


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    return found.data.astype(np.float32), found.target.astype(np.int64)


def digits_raw(seed: int) -> Rows:
    """1,797 handwritten digits, 64 grey values from 0 to 255, 10 classes."""
    inputs, targets = _digits()
    return split(inputs * (255 / 16), targets, seed)


def digits(seed: int) -> Rows:
    """The same with mean 0 and variance 1 over all grey values."""
    inputs, targets = _digits()
    return split((inputs / 16 - 0.305) / 0.376, targets, seed)


def images(seed: int) -> Rows:
    """The digits as [1, 8, 8]."""
    inputs, targets = _digits()
    return split((inputs.reshape(-1, 1, 8, 8) / 16 - 0.305) / 0.376, targets, seed)


def copies(seed: int) -> Rows:
    """Digits to be copied: inputs, from 0 to 1, are the targets."""
    inputs = _digits()[0] / 16
    return split(inputs, inputs, seed)


def matched(seed: int) -> Rows:
    """Two digits [2, 64]; are they the same? [1]."""
    inputs, targets = _digits()
    draw = np.random.default_rng([seed, 1])
    first = draw.integers(len(inputs), size=3000)
    by_class = [np.flatnonzero(targets == k) for k in range(10)]
    alike = np.array([draw.choice(by_class[targets[row]]) for row in first])
    second = np.where(draw.random(3000) < 0.5, alike, draw.integers(len(inputs), size=3000))
    pairs = np.stack([inputs[first], inputs[second]], 1) / 8 - 1
    return split(pairs, (targets[first] == targets[second]).astype(np.float32)[:, None], seed)


@cache
def _table(name: str) -> polars.DataFrame:
    where = path(name)
    return polars.read_csv(where) if where.suffix == ".csv" else polars.read_parquet(where)


def concrete_raw(seed: int) -> Rows:
    """1,030 mixtures of concrete, 8 inputs as measured (kg/m³, days); strength with mean 0 and variance 1."""
    values = _table("concrete").to_numpy().astype(np.float64)
    strength = values[:, -1:]
    return split(values[:, :-1], (strength - strength.mean()) / strength.std(), seed)


def concrete(seed: int) -> Rows:
    """The same with every input at mean 0 and variance 1."""
    return _standardised(concrete_raw(seed))


def adult(seed: int) -> Rows:
    """1,600 people of a census: 5 numbers and 3 columns of words as 15 indicators; earns more? [1]."""
    return _standardised(adult_raw(seed))


def adult_raw(seed: int) -> Rows:
    """The same as the census has it: years, dollars and 0 or 1."""
    table = _table("adult")
    numbers = table.select("age", "education_num", "capital_gain", "capital_loss", "hours_per_week")
    words = table.select("marital_status", "relationship", "sex").to_dummies()
    inputs = np.concatenate([numbers.to_numpy().astype(float), words.to_numpy().astype(float)], 1)
    target = (table["income"] == ">50K").to_numpy().astype(np.float32)
    return split(inputs, target[:, None], seed, n=1600)


def scattered(seed: int, n: int = 1200, classes: int = 4, width: int = 16, apart: float = 1.0) -> Rows:
    """Two clouds for each class in `width` dimensions: the classes are not linearly separable."""
    draw = np.random.default_rng([seed, 2])
    centres = draw.normal(size=(2 * classes, width)) * apart
    cloud = draw.integers(2 * classes, size=n)
    return split(centres[cloud] + draw.normal(size=(n, width)), cloud % classes, seed)


def checkers(seed: int, n: int = 1600, fields: int = 4) -> Rows:
    """Two inputs, two classes: the fields of a board. No line separates them."""
    draw = np.random.default_rng([seed, 3])
    inputs = draw.uniform(-1, 1, (n, 2))
    field = np.floor((inputs + 1) / 2 * fields).astype(int).sum(1)
    return split(inputs * 1.7, field % 2, seed)


def rare(seed: int, n: int = 2400, share: float = 0.06) -> Rows:
    """Few rows of class 1, which overlap with the others; [1] as 0 or 1."""
    draw = np.random.default_rng([seed, 4])
    target = (draw.random(n) < share).astype(np.float32)
    centre = draw.normal(size=10)
    inputs = draw.normal(size=(n, 10)) + 2.0 * centre / np.linalg.norm(centre) * target[:, None]
    return split(inputs, target[:, None], seed)


def friedman(seed: int, n: int = 1000, noise: float = 0.2) -> Rows:
    """Ten inputs, of which five matter, one curved target (Friedman 1991), scaled; [1]."""
    draw = np.random.default_rng([seed, 5])
    x = draw.random((n, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y = (y - y.mean()) / y.std() + noise * draw.normal(size=n)
    return split((x - 0.5) * 12**0.5, y[:, None], seed)


def parts(seed: int, n: int = 1200) -> Rows:
    """Twelve inputs, five yes-or-no targets at once [5]."""
    draw = np.random.default_rng([seed, 6])
    inputs = draw.normal(size=(n, 12))
    hidden = np.tanh(inputs @ draw.normal(size=(12, 8)) / 2) @ draw.normal(size=(8, 5))
    return split(inputs, (hidden > 0).astype(np.float32), seed)


def shapes(seed: int, n: int = 1200, size: int = 12, noise: float = 0.25) -> Rows:
    """Discs, frames, crosses and bars somewhere in a noisy grey image [1, size, size]; 4 classes."""
    draw = np.random.default_rng([seed, 7])
    kinds = draw.integers(4, size=n)
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    found = np.empty((n, 1, size, size))
    for row, kind in enumerate(kinds):
        x, y = across - draw.uniform(4, size - 5), down - draw.uniform(4, size - 5)
        r = draw.uniform(2.5, 3.5)
        far = np.maximum(abs(x), abs(y))
        drawn = (
            x**2 + y**2 < r**2,
            (far < r + 0.5) & (far > r - 1),
            (np.minimum(abs(x), abs(y)) < 0.8) & (far < r + 0.5),
            (abs(y) < 1.2) & (abs(x) < r + 0.5),
        )[kind]
        found[row, 0] = drawn * draw.uniform(0.6, 1.2)
    return split((found + noise * draw.normal(size=found.shape)) * 2 - 0.5, kinds, seed)


def tones(seed: int, n: int = 1000, length: int = 24, noise: float = 0.4) -> Rows:
    """Noisy waves [length, 1] of one of three frequencies."""
    draw = np.random.default_rng([seed, 8])
    kinds = draw.integers(3, size=n)
    speed = np.array([0.5, 0.8, 1.2])[kinds] + draw.normal(0, 0.03, n)
    phase = draw.uniform(0, 2 * np.pi, n)
    waves = np.sin(np.arange(length) * speed[:, None] + phase[:, None])
    return split((waves + noise * draw.normal(size=waves.shape))[..., None], kinds, seed)


def walks(seed: int, n: int = 1000, length: int = 20, level: float = 0.0, size: float = 1.0) -> Rows:
    """A damped swing pushed by noise [length, 1], and its next value [1]."""
    draw = np.random.default_rng([seed, 9])
    values = draw.normal(size=(n, length + 31))
    for t in range(2, length + 31):
        values[:, t] = 1.6 * values[:, t - 1] - 0.85 * values[:, t - 2] + 0.3 * values[:, t]
    values = values[:, 30:]
    values = values / values.std() * size + level
    return split(values[:, :-1, None], values[:, -1:], seed)


def series(seed: int, n: int = 1000, length: int = 16) -> Rows:
    """Two channels [length, 2]: values, and marks at two places; the target is the sum of the marked
    values (Hochreiter and Schmidhuber 1997, §5.4) [1].
    """
    draw = np.random.default_rng([seed, 10])
    values = draw.uniform(-1, 1, (n, length))
    marks = np.zeros((n, length))
    places = np.argsort(draw.random((n, length)), 1)[:, :2]
    np.put_along_axis(marks, places, 1.0, 1)
    return split(np.stack([values, marks], -1), (values * marks).sum(1, keepdims=True), seed)


def phrases(seed: int, n: int = 1200, length: int = 14, words: int = 40, denied: float = 0.3) -> Rows:
    """Tokens [length]; good and bad words (ids 1 to 6, 7 to 12) count, the word before them may deny them
    (id 0). Two classes: which prevail.
    """
    draw = np.random.default_rng([seed, 11])
    tokens = draw.integers(13, words, size=(n, length))
    for place in range(1, length, 2):
        loaded, no = draw.random(n) < 0.5, draw.random(n) < denied
        tokens[loaded, place] = draw.integers(1, 13, size=int(loaded.sum()))
        tokens[loaded & no, place - 1] = 0
    worth = np.where(tokens < 7, 1, np.where(tokens < 13, -1, 0)) * (tokens > 0)
    worth[:, 1:] *= np.where(tokens[:, :-1] == 0, -1, 1)
    total = worth.sum(1)
    tokens, total = tokens[total != 0], total[total != 0]
    return split(tokens, (total > 0).astype(np.int64), seed)


def successors(seed: int, n: int = 500, length: int = 16, words: int = 12) -> Rows:
    """Tokens of a chain in which each word has two likely successors by the word before; the next one is
    to be said at every place: inputs and targets [length].
    """
    draw = np.random.default_rng([seed, 12])
    likely = np.stack([draw.permutation(words) for _ in range(words)])
    text = draw.integers(words, size=(n, length + 1))
    for t in range(1, length + 1):
        follow = draw.random(n) < 0.8
        text[follow, t] = likely[text[follow, t - 1], 0]
    return split(text[:, :-1], text[:, 1:], seed)


def echoes(seed: int, n: int = 1500, length: int = 8, words: int = 6) -> Rows:
    """Tokens [length]; does the first occur again? Places must be compared."""
    draw = np.random.default_rng([seed, 13])
    tokens = draw.integers(1, words, size=(n, length))
    rest = tokens[:, 1:]
    rest[rest == tokens[:, :1]] = 0
    again = draw.random(n) < 0.5
    place = draw.integers(1, length, size=n)
    tokens[again, place[again]] = tokens[again, 0]
    return split(tokens, again.astype(np.int64), seed)


def delayed(seed: int, n: int = 800, length: int = 10, words: int = 6) -> Rows:
    """Tokens [length]; at every place the one two places before is to be said, 0 at the first two."""
    draw = np.random.default_rng([seed, 14])
    tokens = draw.integers(1, words, size=(n, length))
    targets = np.zeros_like(tokens)
    targets[:, 2:] = tokens[:, :-2]
    return split(tokens, targets, seed)


def sized(seed: int, n: int = 1200) -> Rows:
    """Twelve inputs; a class of three and a value beside each other [2]."""
    draw = np.random.default_rng([seed, 15])
    inputs = draw.normal(size=(n, 12))
    hidden = inputs @ draw.normal(size=(12, 4)) / 12**0.5
    value = np.tanh(2 * hidden[:, 3]) + 0.1 * draw.normal(size=n)
    return split(inputs, np.stack([hidden[:, :3].argmax(1), value], 1).astype(np.float32), seed)
