"""Rows for programs about networks: small tables of scikit-learn, drawn points, images, signals, texts.

Every source takes a seed and splits or draws anew. Inputs have mean 0 and variance 1 unless they are said to
be otherwise.
"""

from functools import cache

import numpy as np
from sklearn import datasets

from _programs.program import Rows
from _programs.sources import split

__all__ = [
    "arm",
    "beats",
    "curves",
    "demand",
    "flowers",
    "inked",
    "lines",
    "nested",
    "next_demand",
    "products",
    "rules",
    "sentences",
    "spirals",
    "spots",
    "stripes",
    "sugar",
    "topics",
    "tumours",
    "waveforms",
]


def _scaled(rows: Rows) -> Rows:
    mean, std = rows.train[0].mean(0), rows.train[0].std(0).clamp_min(1e-6)
    return Rows(*(((x - mean) / std, y) for x, y in (rows.train, rows.valid, rows.test)))


@cache
def _bunch(name: str) -> tuple[np.ndarray, np.ndarray]:
    found = getattr(datasets, f"load_{name}")()
    return np.asarray(found.data, float), np.asarray(found.target)


def tumours(seed: int) -> Rows:
    """569 tumours, 30 measures of their cells; harmless? [1] as 0 or 1."""
    inputs, targets = _bunch("breast_cancer")
    return _scaled(split(inputs, targets.astype(float)[:, None], seed))


def flowers(seed: int) -> Rows:
    """150 irises, 4 measures, 3 kinds."""
    inputs, targets = _bunch("iris")
    return _scaled(split(inputs, targets.astype(np.int64), seed))


def sugar(seed: int) -> Rows:
    """442 people with diabetes, 10 measures; how far it got in a year, scaled; [1]."""
    inputs, targets = _bunch("diabetes")
    return _scaled(split(inputs, ((targets - targets.mean()) / targets.std())[:, None], seed))


def inked(seed: int, n: int = 1200, lowest: float = 0.0) -> Rows:
    """Handwritten digits as 64 grey values from `lowest` (paper) to 1 (ink), 10 classes."""
    inputs, targets = _bunch("digits")
    return split(inputs / 16 * (1 - lowest) + lowest, targets.astype(np.int64), seed, n=n)


def lines(seed: int, n: int = 1200) -> Rows:
    """The digits line by line: 8 places of 8 grey values each, 10 classes."""
    inputs, targets = _bunch("digits")
    return split((inputs.reshape(-1, 8, 8) - 4.9) / 6.0, targets.astype(np.int64), seed, n=n)


def spirals(seed: int, n: int = 1200, arms: int = 3, turns: float = 1.0, noise: float = 0.06) -> Rows:
    """Points of the plane on arms that wind round each other; the arm is the class."""
    draw = np.random.default_rng([seed, 41])
    kinds, far = draw.integers(arms, size=n), draw.uniform(0.15, 1.0, n)
    angle = 2 * np.pi * (kinds / arms + turns * far)
    points = far[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1) + noise * draw.normal(size=(n, 2))
    return _scaled(split(points, kinds, seed))


def arm(seed: int, n: int = 1000) -> Rows:
    """Three angles of a robot's arm; where its hand is, scaled; [2]."""
    draw = np.random.default_rng([seed, 42])
    joints = draw.uniform(-1.5, 1.5, (n, 3))
    turned = np.cumsum(joints, 1)
    hand = np.stack([np.cos(turned) @ [1.0, 0.8, 0.5], np.sin(turned) @ [1.0, 0.8, 0.5]], 1)
    return _scaled(split(joints, (hand - hand.mean(0)) / hand.std(0), seed))


def waveforms(seed: int, n: int = 1000) -> Rows:
    """Breiman's waves (1984): 21 places, each class a mixture of two of three triangles, and noise."""
    draw = np.random.default_rng([seed, 43])
    place = np.arange(21)
    triangles = np.stack([np.maximum(6 - abs(place - top), 0) for top in (6, 14, 10)])
    kinds, share = draw.integers(3, size=n), draw.random((n, 1))
    mixed = share * triangles[kinds] + (1 - share) * triangles[(kinds + 1) % 3]
    return _scaled(split(mixed + draw.normal(size=(n, 21)), kinds, seed))


def rules(seed: int, n: int = 1200) -> Rows:
    """Ten numbers; four yes-or-no answers, each a rule about two or three of them; [4]."""
    draw = np.random.default_rng([seed, 44])
    x = draw.normal(size=(n, 10))
    answers = np.stack(
        [
            x[:, 0] * x[:, 1] > 0,
            x[:, 2] + x[:, 3] ** 2 > 0.8,
            np.maximum(x[:, 4], x[:, 5]) > 0.5,
            x[:, 6] + x[:, 7] - x[:, 8] > 0,
        ],
        1,
    )
    return split(x, answers.astype(float), seed)


def products(seed: int, n: int = 1200, width: int = 24) -> Rows:
    """`width` numbers, of which three directions matter, and the product of what they give; [1]."""
    draw = np.random.default_rng([seed, 45])
    x = draw.normal(size=(n, width))
    seen = x @ np.linalg.qr(draw.normal(size=(width, 3)))[0]
    y = np.maximum(seen[:, 0], 0) * 1.5 - np.abs(seen[:, 1]) + np.sin(2 * seen[:, 2])
    return split(x, ((y - y.mean()) / y.std())[:, None], seed)


def stripes(seed: int, n: int = 1000, size: int = 10, noise: float = 0.5) -> Rows:
    """Stripes in a noisy image [1, size, size], wherever they begin; 4 directions are the classes."""
    draw = np.random.default_rng([seed, 46])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    kinds = draw.integers(4, size=n)
    x, y = np.array([1.6, 0.0, 1.15, 1.15])[kinds], np.array([0.0, 1.6, 1.15, -1.15])[kinds]
    phase = draw.uniform(0, 2 * np.pi, n)
    waves = np.sin(across * x[:, None, None] + down * y[:, None, None] + phase[:, None, None])
    return split((waves + noise * draw.normal(size=waves.shape))[:, None] / 0.87, kinds, seed)


def spots(seed: int, n: int = 1000, size: int = 12, most: int = 4) -> Rows:
    """One to `most` bright spots in an image [1, size, size]; how many, as a class from 0."""
    draw = np.random.default_rng([seed, 47])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    corners = np.stack(np.meshgrid([2, 5.5, 9], [2, 5.5, 9]), -1).reshape(-1, 2)
    kinds, found = draw.integers(most, size=n), np.zeros((n, size, size))
    for row, kind in enumerate(kinds):
        for x, y in draw.permutation(corners)[: kind + 1] + draw.uniform(-0.7, 0.7, (kind + 1, 2)):
            found[row] += np.exp(-((across - x) ** 2 + (down - y) ** 2) / 1.5)
    found += 0.1 * draw.normal(size=found.shape)
    return split((found[:, None] - found.mean()) / found.std(), kinds, seed)


def beats(seed: int, n: int = 900, length: int = 48, noise: float = 0.25) -> Rows:
    """A channel [1, length] with three beats: all alike, one of them double, or one upside down."""
    draw = np.random.default_rng([seed, 48])
    kinds, odd = draw.integers(3, size=n), draw.integers(3, size=n)
    time, found = np.arange(length), np.zeros((n, length))
    start = draw.uniform(4, 10, n)
    for beat in range(3):
        middle, strange = start + 14 * beat, odd == beat
        height = np.where(strange & (kinds == 2), -1.0, 1.0)
        found += height[:, None] * np.exp(-((time - middle[:, None]) ** 2) / 3)
        twice = (strange & (kinds == 1))[:, None]
        found += twice * np.exp(-((time - middle[:, None] - 5) ** 2) / 3)
    return split((found + noise * draw.normal(size=found.shape))[:, None] * 2 - 0.5, kinds, seed)


def _loads(seed: int, n: int, length: int) -> np.ndarray:
    draw = np.random.default_rng([seed, 49])
    start, level = draw.integers(0, 168, n), draw.normal(0, 0.4, n)
    hour = start[:, None] + np.arange(length)
    swing = np.sin(2 * np.pi * hour / 12) + 0.6 * np.sin(2 * np.pi * hour / 5 + 1) + level[:, None]
    return (swing + 0.15 * draw.normal(size=swing.shape)) / 0.95


def demand(seed: int, n: int = 900, length: int = 20, ahead: int = 3) -> Rows:
    """Hourly demand [length, 1]; the next `ahead` hours [ahead]."""
    values = _loads(seed, n, length + ahead)
    return split(values[:, :length, None], values[:, length:], seed)


def next_demand(seed: int, n: int = 600, length: int = 20, noise: float = 0.5) -> Rows:
    """Hourly demand with more noise, as a channel [1, length]; at each hour the next is asked for."""
    values = _loads(seed, n, length + 1)
    values = values + noise * np.random.default_rng([seed, 50]).normal(size=values.shape)
    return split(values[:, None, :-1], values[:, None, 1:], seed)


def curves(seed: int, n: int = 900, length: int = 24, noise: float = 0.05) -> Rows:
    """Waves [length] of any height and beginning on a slope, to be copied: four numbers tell each."""
    draw = np.random.default_rng([seed, 51])
    time = np.linspace(-1, 1, length)
    high, slope = draw.uniform(0.5, 1.5, (n, 1)), draw.normal(0, 0.6, (n, 1))
    fast, start = draw.uniform(2, 4, (n, 1)), draw.uniform(0, 2 * np.pi, (n, 1))
    found = high * np.sin(fast * time + start) + slope * time + noise * draw.normal(size=(n, length))
    return split(found, found, seed)


def nested(seed: int, n: int = 700, length: int = 14) -> Rows:
    """Opening (1) and closing (2) brackets among other signs (3 to 5) [length]; how many are open at each
    place, 0 to 3.
    """
    draw = np.random.default_rng([seed, 52])
    tokens, depth = np.zeros((n, length), np.int64), np.zeros((n, length), np.int64)
    now = np.zeros(n, np.int64)
    for place in range(length):
        wish = draw.choice(np.array([1, 2, 3, 4, 5]), size=n, p=[0.32, 0.28, 0.2, 0.1, 0.1])
        wish = np.where((wish == 1) & (now == 3), 3, np.where((wish == 2) & (now == 0), 4, wish))
        now = now + (wish == 1) - (wish == 2)
        tokens[:, place], depth[:, place] = wish, now
    return split(tokens, depth, seed)


def sentences(seed: int, n: int = 500, length: int = 15) -> Rows:
    """Sentences of article, adjective, noun, verb, full stop, one after another; article, noun and verb agree
    in number. The next word is to be said at every place: inputs and targets [length], ids 1 to 21.
    """
    draw = np.random.default_rng([seed, 53])
    rows = np.zeros((n, length + 6), np.int64)
    for first in range(0, length + 1, 5):
        many = draw.integers(2, size=n)
        noun = draw.integers(3, size=n)
        rows[:, first] = 1 + many
        rows[:, first + 1] = 3 + draw.integers(4, size=n)
        rows[:, first + 2] = 7 + 3 * many + noun
        rows[:, first + 3] = 13 + 3 * many + (noun + (draw.random(n) < 0.2)) % 3
        rows[:, first + 4] = 19 + many
    start = draw.integers(5, size=n)
    cut = np.stack([rows[row, begin : begin + length + 1] for row, begin in enumerate(start)])
    return split(cut[:, :-1], cut[:, 1:], seed)


def topics(seed: int, n: int = 1000, length: int = 14, words: int = 32) -> Rows:
    """Texts of 6 to `length` - 1 words, filled up with 0; 3 classes by their subject: each has four words
    of its own (ids 1 to 12), all share the others.
    """
    draw = np.random.default_rng([seed, 54])
    kinds = draw.integers(3, size=n)
    tokens = draw.integers(13, words, size=(n, length))
    own = draw.random((n, length)) < 0.3
    subject = np.where(draw.random((n, length)) < 0.75, kinds[:, None], draw.integers(3, size=(n, length)))
    tokens = np.where(own, 1 + 4 * subject + draw.integers(4, size=(n, length)), tokens)
    long = draw.integers(6, length, size=n)
    return split(np.where(np.arange(length) < long[:, None], tokens, 0), kinds, seed)
