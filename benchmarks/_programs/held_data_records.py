"""Tables of measurements: three that come with scikit-learn, and drawn ones that look like people's own.

Every function takes a seed and cuts, or draws, the rows anew. Names in `_raw` give columns as measured.
"""

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from _programs.program import Pair, Rows

__all__ = [
    "arms",
    "claims",
    "cut",
    "hires",
    "houses",
    "houses_raw",
    "progress",
    "progress_as_shipped",
    "scaled",
    "soils",
    "spirals",
    "subjects",
    "tumours",
    "wines",
    "wines_raw",
]


def tensor(values: np.ndarray) -> torch.Tensor:
    """Whole numbers as int64, others as float32."""
    kind = np.int64 if np.issubdtype(values.dtype, np.integer) else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, kind))


def cut(inputs: np.ndarray, targets: np.ndarray, seed: int, valid: float = 0.2, test: float = 0.3) -> Rows:
    """Rows in random order, cut into three."""
    order = np.random.default_rng([seed, 77]).permutation(len(inputs))
    a, b = int(len(order) * (1 - valid - test)), int(len(order) * (1 - test))

    def part(rows: np.ndarray) -> Pair:
        return tensor(inputs[rows]), tensor(targets[rows])

    return Rows(part(order[:a]), part(order[a:b]), part(order[b:]))


def scaled(rows: Rows, targets: bool = False) -> Rows:
    """Columns of inputs, and of `targets` if wanted, with the training rows' mean 0 and deviation 1."""
    x, y = rows.train
    mean, size = x.mean(0), x.std(0).clamp_min(1e-6)
    low, far = (y.mean(0), y.std(0)) if targets else (0.0, 1.0)

    def part(pair: Pair) -> Pair:
        return (pair[0] - mean) / size, (pair[1] - low) / far if targets else pair[1]

    return Rows(part(rows.train), part(rows.valid), part(rows.test))


def tumours(seed: int) -> Rows:
    """569 tumours, 30 measures of their cells; is it benign? [1]."""
    found = load_breast_cancer()
    return scaled(cut(found.data, found.target[:, None].astype(np.float32), seed))


def wines_raw(seed: int) -> Rows:
    """178 wines of three growers, 13 chemical measures, one of which goes up to 1,680."""
    found = load_wine()
    return cut(found.data, found.target, seed)


def wines(seed: int) -> Rows:
    """The same with every measure at mean 0 and deviation 1."""
    return scaled(wines_raw(seed))


def progress(seed: int) -> Rows:
    """442 people with diabetes, 10 measures; how far it went in a year, standardised [1]."""
    found = load_diabetes(scaled=False)
    return scaled(cut(found.data, found.target[:, None], seed), targets=True)


def progress_as_shipped(seed: int) -> Rows:
    """The same as scikit-learn ships it: each column's squares sum to 1 over all 442 rows."""
    found, plain = load_diabetes(), progress(seed)
    rows = cut(found.data, found.target[:, None], seed)
    return Rows(
        (rows.train[0], plain.train[1]), (rows.valid[0], plain.valid[1]), (rows.test[0], plain.test[1])
    )


def houses_raw(seed: int, n: int = 1400) -> Rows:
    """Houses: square metres, rooms, year, metres to the centre, floor, garden; their price in euros [1]."""
    draw = np.random.default_rng([seed, 101])
    area = np.exp(draw.normal(4.5, 0.35, n))
    rooms = np.clip(np.round(area / 26 + draw.normal(0, 0.7, n)), 1, 9)
    year = draw.integers(1890, 2022, n).astype(float)
    metres = draw.gamma(3.0, 1800.0, n)
    floor = draw.integers(0, 7, n).astype(float)
    garden = np.where(floor == 0, draw.gamma(2.0, 70.0, n), 0.0)
    each = 1500 + 3200 * np.exp(-metres / 4000) + 5 * np.abs(year - 1955) + 40 * floor
    price = area * each * (1 + 0.04 * draw.normal(size=n)) + 220 * garden + 6000 * rooms
    return cut(np.stack([area, rooms, year, metres, floor, garden], 1), price[:, None], seed)


def houses(seed: int, n: int = 1400) -> Rows:
    """The same, prices too, with mean 0 and deviation 1."""
    return scaled(houses_raw(seed, n), targets=True)


def arms(seed: int, n: int = 1500) -> Rows:
    """Four angles of a robot's arm; where its hand is: two coordinates and the distance from the foot [3]."""
    draw = np.random.default_rng([seed, 102])
    angles = draw.uniform(-1.3, 1.3, (n, 4))
    ways = np.cumsum(angles, 1)
    lengths = np.array([1.0, 0.8, 0.6, 0.4])
    x, y = (lengths * np.cos(ways)).sum(1), (lengths * np.sin(ways)).sum(1)
    hand = np.stack([x, y, np.hypot(x, y)], 1) + 0.02 * draw.normal(size=(n, 3))
    return scaled(cut(angles, hand, seed), targets=True)


def hires(seed: int, n: int = 1800) -> Rows:
    """Hour (as sine and cosine), degrees, humidity, wind and working day; bicycles hired in that hour [1]."""
    draw = np.random.default_rng([seed, 103])
    hour = draw.integers(0, 24, n)
    warm, damp, wind = draw.normal(14, 8, n), draw.uniform(0.3, 1, n), draw.gamma(2.0, 6.0, n)
    working = (draw.random(n) < 0.7).astype(float)
    rush = np.exp(-(((hour - 8) / 1.6) ** 2)) + np.exp(-(((hour - 17.5) / 2.0) ** 2))
    day = np.exp(-(((hour - 14) / 4.0) ** 2))
    level = 26 * (working * rush + (1 - working) * day) * np.clip(0.2 + warm / 20, 0.1, 2) * (1.4 - damp)
    counts = draw.poisson(level + 0.1).astype(float)
    clock = np.stack([np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), warm, damp, wind, working], 1)
    return scaled(cut(clock, counts[:, None], seed))


def spirals(seed: int, n: int = 1500, wound: int = 3, noise: float = 0.12) -> Rows:
    """Points on arms wound around each other, one class an arm, between about -5 and 5."""
    draw = np.random.default_rng([seed, 104])
    arm = draw.integers(wound, size=n)
    far = draw.uniform(0.6, 5.0, n)
    turn = far * 0.8 + arm * 2 * np.pi / wound + noise * draw.normal(size=n)
    return cut(np.stack([far * np.cos(turn), far * np.sin(turn)], 1), arm, seed)


def claims(seed: int, n: int = 3000) -> Rows:
    """Nine standardised columns of insurance claims; four kinds, of which two make up one in twenty-five."""
    draw = np.random.default_rng([seed, 105])
    kinds = draw.choice(4, size=n, p=[0.60, 0.36, 0.02, 0.02])
    centres = draw.normal(size=(4, 9))
    centres *= 2.3 / np.linalg.norm(centres, axis=1, keepdims=True)
    x = draw.normal(size=(n, 9)) + centres[kinds]
    x[:, :3] += 0.3 * x[:, 3:6] * x[:, 6:9]
    return scaled(cut(x, kinds, seed))


def soils(seed: int, n: int = 1200) -> Rows:
    """Seven measures of soil; its shares of sand, silt, clay and peat, which sum to 1 [4]."""
    draw = np.random.default_rng([seed, 106])
    x = draw.normal(size=(n, 7))
    inner = np.tanh(x @ draw.normal(size=(7, 10)) / 2)
    rise = inner @ draw.normal(size=(10, 4)) * 0.9 + 0.1 * draw.normal(size=(n, 4))
    shares = np.exp(rise) / np.exp(rise).sum(1, keepdims=True)
    return cut(x, shares, seed)


def subjects(seed: int, n: int = 2600, words: int = 48, topics: int = 8) -> Rows:
    """Weights of words in articles, of which each is about one to four of eight subjects; yes or no [8]."""
    draw = np.random.default_rng([seed, 107])
    about = np.zeros((n, topics))
    for row in range(n):
        about[row, draw.choice(topics, draw.integers(1, 5), replace=False)] = 1
    use = np.exp(draw.normal(0, 1.2, (topics, words)))
    counts = draw.poisson(14 * (about @ use) / (about @ use).sum(1, keepdims=True) * about.sum(1)[:, None])
    return scaled(cut(np.sqrt(counts), about, seed))
