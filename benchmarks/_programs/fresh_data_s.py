"""Rows for the everyday programs: rents, customers, machines, badges, gestures, loads, tickets and letters.

All but the bundled tables are generated; every source takes a seed, which draws or splits the rows anew.
"""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from _programs.program import Rows
from _programs.sources import split

__all__ = [
    "assays",
    "badges",
    "badges_raw",
    "bicycles",
    "bumps",
    "classed_rents",
    "customers",
    "customers_raw",
    "diabetics",
    "gestures",
    "loads",
    "machines",
    "numerals",
    "pulses",
    "rents",
    "rents_in_euros",
    "rings",
    "scaled",
    "syllables",
    "tags",
    "tickets",
    "tumour_cells",
    "vintages",
]


def scaled(rows: Rows, targets: bool = False) -> Rows:
    """Columns of inputs (and of `targets`) at mean 0 and variance 1 over the training rows."""
    mean, std = rows.train[0].mean(0), rows.train[0].std(0).clamp_min(1e-6)
    centre, spread = torch.zeros(1), torch.ones(1)
    if targets:
        centre, spread = rows.train[1].mean(0), rows.train[1].std(0)
    pairs = (rows.train, rows.valid, rows.test)
    return Rows(*(((x - mean) / std, (y - centre) / spread if targets else y) for x, y in pairs))


def _rents(seed: int, n: int) -> Rows:
    draw = np.random.default_rng([seed, 101])
    size = draw.gamma(9.0, 8.0, n) + 15
    rooms = np.clip(np.round(size / 25 + 0.6 * draw.normal(size=n)), 1, 7)
    floor, built = draw.integers(0, 9, n), draw.integers(1900, 2023, n)
    away = draw.gamma(2.0, 1.5, n)
    value = size * (8 + 9 * np.exp(-away / 2.5)) * (1 + 0.25 * (built > 1995) - 0.1 * (floor > 5))
    value += 50 * rooms + 40 * draw.normal(size=n)
    return split(np.stack([size, rooms, floor, built, away], 1), value[:, None], seed)


def rents(seed: int, n: int = 1600) -> Rows:
    """Flats: square metres, rooms, floor, year, kilometres to the centre; the rent. All scaled; [1]."""
    return scaled(_rents(seed, n), targets=True)


def rents_in_euros(seed: int, n: int = 1600) -> Rows:
    """The same with rents as they are paid, some 900 euros."""
    return scaled(_rents(seed, n))


def classed_rents(seed: int, n: int = 1600) -> Rows:
    """The same flats; is the rent cheap (60 %), middling (25 %) or dear (15 %)? Three classes."""
    rows = _rents(seed, n)
    bounds = torch.quantile(rows.train[1], torch.tensor([0.6, 0.85]))
    pairs = (rows.train, rows.valid, rows.test)
    return scaled(Rows(*((x, torch.bucketize(y[:, 0], bounds)) for x, y in pairs)))


def customers_raw(seed: int, n: int = 2400, noise: float = 0.25) -> Rows:
    """Customers: months, fee, calls, share of failed calls, income in euros, age, contract (two columns);
    do they leave? [1].
    """
    draw = np.random.default_rng([seed, 102])
    months, fee = draw.gamma(2.0, 14.0, n), draw.normal(45, 14, n)
    calls, failed = draw.poisson(6, n), draw.beta(2, 14, n)
    income, age = draw.lognormal(10.4, 0.4, n), draw.normal(44, 13, n)
    contract = draw.integers(0, 3, n)
    dear = (fee - 45) / 14 - (np.log(income) - 10.4) / 0.4
    worth = 1.4 * dear * np.where(contract == 0, 1.0, -0.6) + 2.0 * (months < 12) * (failed > 0.1)
    worth += 0.25 * (calls - 6) * (age > 50) - 0.3 + noise * draw.logistic(size=n)
    kinds = np.stack([contract == 0, contract == 1], 1)
    inputs = np.column_stack([months, fee, calls, failed, income, age, kinds]).astype(float)
    return split(inputs, (worth > 0).astype(np.float32)[:, None], seed)


def customers(seed: int, n: int = 2400, noise: float = 0.25) -> Rows:
    """The same with all columns scaled."""
    return scaled(customers_raw(seed, n, noise))


def machines(seed: int, n: int = 2400) -> Rows:
    """Ten readings of a machine and four faults it may have, several at once [4]."""
    draw = np.random.default_rng([seed, 103])
    x = draw.normal(size=(n, 10))
    faults = (
        (x[:, 0] + 0.8 * x[:, 1] > 0.6),
        (x[:, 2] * x[:, 3] > 0.25),
        (np.abs(x[:, 4]) + 0.3 * x[:, 5] > 0.9),
        (np.maximum(x[:, 6], x[:, 7]) + 0.4 * x[:, 0] > 0.9),
    )
    return split(x, np.stack(faults, 1).astype(np.float32), seed)


def badges_raw(seed: int, n: int = 1200, size: int = 12) -> Rows:
    """Badges in colour [3, size, size], 0 to 255: discs or squares, red or blue, or green crosses."""
    draw = np.random.default_rng([seed, 104])
    kinds = draw.integers(5, size=n)
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    x = across - draw.uniform(4, size - 5, (n, 1, 1))
    y = down - draw.uniform(4, size - 5, (n, 1, 1))
    r = draw.uniform(3.0, 4.2, (n, 1, 1))
    far, near = np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    disc, square = x**2 + y**2 < r**2, far < 0.95 * r
    cross = (near < 0.9) & (far < r + 0.4)
    shape = np.where(
        (kinds == 4)[:, None, None], cross, np.where((kinds % 2 == 0)[:, None, None], disc, square)
    )
    colours = np.array([[0.8, 0.3, 0.2], [0.8, 0.3, 0.2], [0.2, 0.3, 0.8], [0.2, 0.3, 0.8], [0.3, 0.8, 0.3]])
    ground = draw.uniform(0.25, 0.6, (n, 1, 1, 1)) * np.ones((n, 3, size, size))
    found = np.where(shape[:, None], colours[kinds][:, :, None, None], ground)
    found = np.clip(found + 0.06 * draw.normal(size=found.shape), 0, 1)
    return split(np.round(found * 255), kinds, seed)


def badges(seed: int, n: int = 1200) -> Rows:
    """The same around 0 with a spread of about 1."""
    rows = badges_raw(seed, n)
    return Rows(*((x / 51 - 2.2, y) for x, y in (rows.train, rows.valid, rows.test)))


def gestures(seed: int, n: int = 1000, length: int = 30, noise: float = 0.5) -> Rows:
    """A wrist's acceleration [length, 3]: circling, shaking, lifting or tapping, at any moment; 4 kinds."""
    draw = np.random.default_rng([seed, 105])
    kinds = draw.integers(4, size=n)
    t = np.arange(length)[None]
    phase, speed = draw.uniform(0, 6.28, (n, 1)), draw.uniform(0.5, 0.8, (n, 1))
    size, begin = draw.uniform(0.8, 1.6, (n, 1)), draw.uniform(4, length - 10, (n, 1))
    bell = np.exp(-(((t - begin - 3) / 3) ** 2))
    tap = ((t - begin) > 0) * np.exp(-(t - begin).clip(0) / 1.5) * np.cos(3 * (t - begin))
    wave, turned = np.sin(speed * t + phase), np.cos(speed * t + phase)
    still = np.zeros((n, length))
    ways = np.stack(
        [
            np.stack([wave, turned, still], -1),
            np.stack([wave, wave, still], -1),
            np.stack([still, 0.5 * bell, 1.6 * bell], -1),
            np.stack([still, 0.5 * tap, 2.2 * tap], -1),
        ]
    )
    found = ways[kinds, np.arange(n)] * size[..., None] + noise * draw.normal(size=(n, length, 3))
    return split(found / found.std(), kinds, seed)


def loads(seed: int, n: int = 1000, length: int = 28, ahead: int = 6) -> Rows:
    """Electric loads by the hour [length, 1] with a daily cycle, and those of the next hours [ahead]."""
    draw = np.random.default_rng([seed, 106])
    t = np.arange(length + ahead)[None]
    begin, size = draw.uniform(0, 24, (n, 1)), draw.uniform(0.6, 1.6, (n, 1))
    angle = 2 * np.pi * (t + begin) / 24
    values = size * (np.sin(angle) + 0.5 * np.sin(2 * angle + 0.7)) + draw.normal(0, 0.4, (n, 1))
    drift = np.zeros((n, length + ahead))
    for k in range(1, length + ahead):
        drift[:, k] = 0.8 * drift[:, k - 1] + 0.12 * draw.normal(size=n)
    values = (values + drift) / (values + drift).std()
    return split(values[:, :length, None], values[:, length:], seed)


def tickets(seed: int, n: int = 2000, length: int = 16, words: int = 60) -> Rows:
    """Complaints as tokens [length], filled up with 0: bill, delivery or quality; three classes, told by
    which of their words prevail.
    """
    draw = np.random.default_rng([seed, 107])
    kinds = draw.integers(3, size=n)
    tokens = draw.integers(20, words, size=(n, length))
    own, other = draw.random((n, length)) < 0.3, draw.random((n, length)) < 0.12
    tokens = np.where(own, 1 + 6 * kinds[:, None] + draw.integers(6, size=(n, length)), tokens)
    tokens = np.where(other, draw.integers(1, 19, size=(n, length)), tokens)
    long = draw.integers(9, length + 1, size=(n, 1))
    return split(np.where(np.arange(length)[None] < long, tokens, 0), kinds, seed)


def tags(seed: int, n: int = 500, length: int = 12, words: int = 30) -> Rows:
    """Words [length] and a tag for each of them [length]: four kinds, by the word and by the one before."""
    draw = np.random.default_rng([seed, 108])
    tokens = draw.integers(1, words, size=(n, length))
    kind = tokens % 3
    before = np.concatenate([np.zeros((n, 1), int), kind[:, :-1]], 1)
    found = np.where((kind == 1) & (before == 2), 3, kind)
    return split(tokens, found, seed)


def syllables(seed: int, n: int = 500, length: int = 20) -> Rows:
    """Letters [length] of words drawn from a small dictionary, and the next letter at each place [length]."""
    draw = np.random.default_rng([seed, 109])
    book = ["lami", "tarok", "seni", "moru", "pelat", "kiso", "runet", "dasil", "omek", "vatu"]
    alphabet = " " + "".join(sorted(set("".join(book))))
    texts = np.zeros((n, length + 1), int)
    for row in range(n):
        said = " ".join(book[k] for k in draw.integers(len(book), size=length))
        first = draw.integers(0, 6)
        texts[row] = [1 + alphabet.index(letter) for letter in said[first : first + length + 1]]
    return split(texts[:, :-1], texts[:, 1:], seed)


def pulses(seed: int, n: int = 1200, length: int = 48) -> Rows:
    """Signals [length] of two bells of any place and height; they are their own targets."""
    draw = np.random.default_rng([seed, 110])
    t = np.arange(length)[None]
    place, height = draw.uniform(6, length - 6, (2, n, 1)), draw.uniform(0.5, 1.5, (2, n, 1))
    found = (height * np.exp(-(((t - place) / 5) ** 2))).sum(0) + 0.05 * draw.normal(size=(n, length))
    found = (found - found.mean()) / found.std()
    return split(found, found, seed)


def assays(seed: int, n: int = 720, columns: int = 24, noise: float = 0.8) -> Rows:
    """Few samples with many measures, of which six matter; a value with much noise of its own [1]."""
    draw = np.random.default_rng([seed, 114])
    x = draw.normal(size=(n, columns))
    y = 0.6 * x[:, 0] + 0.5 * x[:, 1] - 0.4 * x[:, 2] + 0.5 * np.tanh(2 * x[:, 3]) + 0.4 * x[:, 4] * x[:, 5]
    return split(x, (y + noise * draw.normal(size=n))[:, None], seed)


def rings(seed: int, n: int = 900, noise: float = 0.12) -> Rows:
    """Points [2] on an inner or outer ring; two classes, as 0 or 1 [1]."""
    draw = np.random.default_rng([seed, 111])
    outer, angle = draw.random(n) < 0.5, draw.uniform(0, 2 * np.pi, n)
    far = np.where(outer, 1.7, 0.9) + noise * draw.normal(size=n)
    points = np.stack([far * np.cos(angle), far * np.sin(angle)], 1)
    return split(points, outer.astype(np.float32)[:, None], seed)


def bumps(seed: int, n: int = 1000, size: int = 14) -> Rows:
    """A bright spot in a noisy picture [1, size, size]; where it is, from -1 to 1 [2]."""
    draw = np.random.default_rng([seed, 112])
    across, down = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    place = draw.uniform(-0.95, 0.95, (n, 2))
    far = (across - place[:, :1, None]) ** 2 + (down - place[:, 1:, None]) ** 2
    found = 4 * np.exp(-far / 0.08) + 0.5 * draw.normal(size=(n, size, size)) - 0.4
    return split(found[:, None], place / 0.55, seed)


def bicycles(seed: int, n: int = 2400) -> Rows:
    """Weather and calendar [6], and how many bicycles are counted: 0 to some 30 [1]."""
    draw = np.random.default_rng([seed, 113])
    x = draw.normal(size=(n, 6))
    rate = np.exp(1.2 + 0.6 * np.tanh(x[:, 0]) - 0.5 * x[:, 1].clip(0) + 0.5 * x[:, 2] * (x[:, 3] > 0))
    return split(x, draw.poisson(rate).astype(np.float32)[:, None], seed)


@cache
def _bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    load = {
        "tumours": load_breast_cancer,
        "wine": load_wine,
        "digits": load_digits,
        "diabetes": load_diabetes,
    }
    found = load[name]()
    return np.asarray(found.data, np.float32), np.asarray(found.target)


def tumour_cells(seed: int) -> Rows:
    """569 tumours, 30 measures of their cells, scaled; benign or not."""
    inputs, targets = _bundled("tumours")
    return scaled(split(inputs, targets.astype(np.int64), seed))


def vintages(seed: int) -> Rows:
    """178 wines of three growers, 13 measures, scaled."""
    inputs, targets = _bundled("wine")
    return scaled(split(inputs, targets.astype(np.int64), seed))


def numerals(seed: int) -> Rows:
    """1,797 handwritten digits as pictures [1, 8, 8] around 0; 10 classes."""
    inputs, targets = _bundled("digits")
    return split(inputs.reshape(-1, 1, 8, 8) / 6 - 0.8, targets.astype(np.int64), seed)


def diabetics(seed: int) -> Rows:
    """442 patients, 10 measures; how far the illness went in a year, all scaled [1]."""
    inputs, targets = _bundled("diabetes")
    return scaled(split(inputs, targets.astype(np.float32)[:, None], seed), targets=True)
