"""Rows for the blindly written programs d: mixes, cars, loans, crops, beats, weather, reviews and the like.

All but the bundled tables are generated; every source takes a seed, which draws or splits the rows anew.
"""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from torch import Tensor

from _programs.program import Pair, Rows
from _programs.sources import split

__all__ = [
    "arms",
    "beats",
    "cars",
    "cars_as_sold",
    "changed",
    "crops",
    "figures",
    "frauds",
    "genes",
    "grains",
    "joined",
    "loans",
    "loans_as_filed",
    "melodies",
    "mixes",
    "nodules",
    "patches",
    "pictures",
    "reviews",
    "scaled",
    "scaled_targets",
    "spirals",
    "stripes",
    "sums",
    "survey",
    "topics",
    "trained_on",
    "visits",
    "weather",
    "weather_as_read",
    "wines",
]


def scaled(rows: Rows, targets: bool = False) -> Rows:
    """Inputs (and targets) at mean 0 and variance 1 over the training rows, column by column."""
    axes = tuple(range(rows.train[0].dim() - 1))
    mean, std = rows.train[0].mean(axes), rows.train[0].std(axes).clamp_min(1e-6)
    centre, spread = rows.train[1].float().mean(0), rows.train[1].float().std(0)
    pairs = (rows.train, rows.valid, rows.test)
    return Rows(*(((x - mean) / std, (y - centre) / spread if targets else y) for x, y in pairs))


def changed(rows: Rows, inputs: float = 1.0, targets: float = 1.0) -> Rows:
    """All inputs and targets of all rows times a number."""
    return Rows(*((x * inputs, y * targets) for x, y in (rows.train, rows.valid, rows.test)))


def trained_on(rows: Rows, inputs: Tensor | None = None, targets: Tensor | None = None) -> Rows:
    """The same rows with other ones to train on."""
    x, y = rows.train
    return Rows((x if inputs is None else inputs, y if targets is None else targets), rows.valid, rows.test)


def mixes(seed: int, n: int = 1600) -> Rows:
    """Concrete: cement, water, slag, ash, sand, additive, days; its strength. All scaled; [1]."""
    draw = np.random.default_rng([seed, 401])
    cement, water = draw.uniform(120, 520, n), draw.uniform(125, 240, n)
    slag, ash, sand = draw.uniform(0, 250, n), draw.uniform(0, 180, n), draw.uniform(600, 980, n)
    extra, days = draw.uniform(0, 20, n), draw.choice([1.0, 3, 7, 14, 28, 56, 90], n)
    binder = cement + 0.7 * slag + 0.35 * ash
    strength = 22 * (binder / water) ** 1.1 * (np.log1p(days) / np.log(29)) ** 0.7
    strength += 0.9 * extra * (water < 180) - 0.012 * (sand - 790) + 2.5 * draw.normal(size=n)
    return scaled(
        split(np.stack([cement, water, slag, ash, sand, extra, days], 1), strength[:, None], seed), True
    )


def _cars(seed: int, n: int) -> Rows:
    draw = np.random.default_rng([seed, 402])
    years, power = draw.gamma(3.0, 2.2, n), draw.normal(110, 35, n).clip(45, 300)
    driven = years * draw.gamma(8.0, 1700.0, n)
    doors, owners = draw.choice([3, 5], n), 1 + draw.poisson(years / 6)
    diesel = draw.random(n) < 0.4
    price = 210 * power * np.exp(-0.13 * years) * np.exp(-driven / 260000)
    price *= 1 + 0.08 * diesel * (driven > 80000) - 0.05 * (owners > 2)
    price += 900 * (doors == 5) + 700 * draw.normal(size=n)
    return split(
        np.stack([years, power, driven, doors, owners, diesel], 1).astype(float), price[:, None], seed
    )


def cars(seed: int, n: int = 1800) -> Rows:
    """Used cars: years, power, kilometres, doors, owners, fuel; the price. All scaled; [1]."""
    return scaled(_cars(seed, n), True)


def cars_as_sold(seed: int, n: int = 1800) -> Rows:
    """The same with prices in euros, some 12,000."""
    return scaled(_cars(seed, n))


def loans_as_filed(seed: int, n: int = 2400) -> Rows:
    """Income, debt, age, years in the job, rate, share of the limit, late payments; is it paid back? [1]."""
    draw = np.random.default_rng([seed, 403])
    income, debt = draw.lognormal(10.5, 0.45, n), draw.lognormal(9.2, 0.7, n)
    age, job = draw.normal(42, 12, n).clip(19, 80), draw.gamma(2.0, 3.5, n)
    rate, used, late = draw.uniform(0.02, 0.16, n), draw.beta(2, 3, n), draw.poisson(0.8, n)
    load = np.log(debt / income) + 1.35
    worth = -1.8 * load - 14 * (rate - 0.09) * (used > 0.4) - 0.9 * (late - 0.8)
    worth += 1.3 * np.tanh((job - 5) / 3) * (age < 45) + 0.3 * draw.logistic(size=n)
    inputs = np.stack([income, debt, age, job, rate, used, late], 1).astype(float)
    return split(inputs, (worth > 0).astype(np.float32)[:, None], seed)


def loans(seed: int, n: int = 2400) -> Rows:
    """The same with scaled columns."""
    return scaled(loans_as_filed(seed, n))


def frauds(seed: int, n: int = 3000) -> Rows:
    """Payments of which 5 % are frauds; they overlap with honest ones; 8 columns; [1]."""
    draw = np.random.default_rng([seed, 404])
    bad = draw.random(n) < 0.05
    x = draw.normal(size=(n, 8))
    x[:, :3] += bad[:, None] * np.array([0.9, 0.8, -0.7])
    x[:, 3] += bad * 0.8 * np.sign(x[:, 4])
    return split(x, bad.astype(np.float32)[:, None], seed)


def crops(seed: int, n: int = 1500) -> Rows:
    """Soil and weather [7], and which of five crops does best there."""
    draw = np.random.default_rng([seed, 405])
    centres = np.random.default_rng(405).normal(size=(5, 2, 7))
    kinds = draw.integers(5, size=n)
    x = 1.25 * centres[kinds, draw.integers(2, size=n)] + 0.7 * draw.normal(size=(n, 7))
    return scaled(split(x, kinds, seed))


def spirals(seed: int, n: int = 1500) -> Rows:
    """Points [2] on three spiral arms; three classes."""
    draw = np.random.default_rng([seed, 406])
    kinds, far = draw.integers(3, size=n), np.sqrt(draw.uniform(0.02, 1, n))
    angle = 5.0 * far + 2 * np.pi * kinds / 3 + 0.12 * draw.normal(size=n)
    return split(np.stack([far * np.cos(angle), far * np.sin(angle)], 1) * 2, kinds, seed)


def genes(seed: int, n: int = 2000) -> Rows:
    """Twelve activities, and which of five pathways are on, several at once [5]."""
    draw = np.random.default_rng([seed, 407])
    x = draw.normal(size=(n, 12))
    on = (
        x[:, 0] + x[:, 1] - x[:, 2] > 0,
        np.abs(x[:, 3]) > 0.8,
        x[:, 4] * x[:, 5] > 0,
        (x[:, 6] > 0) & (x[:, 7] > -0.5),
        x[:, 8] - x[:, 9] ** 2 > -0.6,
    )
    return split(x, np.stack(on, 1).astype(np.float32), seed)


def arms(seed: int, n: int = 1200) -> Rows:
    """Three angles of a robot's arm, scaled; where its hand is, scaled [2]."""
    draw = np.random.default_rng([seed, 408])
    a = draw.uniform(-1.5, 1.5, (n, 3))
    turned = a.cumsum(1)
    place = np.stack([np.cos(turned).sum(1), np.sin(turned).sum(1)], 1) + 0.03 * draw.normal(size=(n, 2))
    return scaled(split(a, place, seed), True)


def visits(seed: int, n: int = 3000) -> Rows:
    """Six facts about a day, and how often a surgery was visited, about 4 times [1]."""
    draw = np.random.default_rng([seed, 409])
    x = draw.normal(size=(n, 6))
    rate = np.exp(1.1 + 0.5 * x[:, 0] - 0.5 * np.abs(x[:, 1]) + 0.5 * np.tanh(2 * x[:, 2]) * (x[:, 3] > 0))
    return split(x, draw.poisson(rate).astype(np.float32)[:, None], seed)


def survey(seed: int, n: int = 2000) -> Rows:
    """Six answers from 1 to 4, scaled, and which of four groups a person belongs to."""
    draw = np.random.default_rng([seed, 410])
    said = draw.integers(1, 5, size=(n, 6))
    thrifty, social = (
        said[:, 0] + said[:, 1] - said[:, 2] > 2.5,
        said[:, 3] * said[:, 4] > 5 + said[:, 5] // 2,
    )
    return split((said - 2.5) / 1.12, 2 * thrifty + social.astype(int), seed)


@cache
def _bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    found = {"digits": load_digits, "wine": load_wine, "nodules": load_breast_cancer}[name]()
    return np.asarray(found.data, np.float32), np.asarray(found.target).astype(np.int64)


def figures(seed: int) -> Rows:
    """1,797 handwritten digits as 64 numbers around 0; ten classes."""
    inputs, targets = _bundled("digits")
    return split(inputs / 6 - 0.8, targets, seed)


def pictures(seed: int) -> Rows:
    """The same as pictures [1, 8, 8]."""
    inputs, targets = _bundled("digits")
    return split(inputs.reshape(-1, 1, 8, 8) / 6 - 0.8, targets, seed)


def wines(seed: int) -> Rows:
    """178 wines of three growers, 13 measures as they are in the table."""
    return split(*_bundled("wine"), seed)


def nodules(seed: int) -> Rows:
    """569 tumours, 30 measures of their cells, scaled; benign or not [1]."""
    inputs, targets = _bundled("nodules")
    return scaled(split(inputs, targets.astype(np.float32)[:, None], seed))


def stripes(seed: int, n: int = 1000, size: int = 12, noise: float = 0.7) -> Rows:
    """Noisy fabrics [1, size, size]: stripes across, down, slanted, or checks; 4 classes."""
    draw = np.random.default_rng([seed, 411])
    kinds = draw.integers(4, size=n)
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    pace, phase = draw.uniform(1.3, 2.0, (n, 1, 1)), draw.uniform(0, 6.28, (2, n, 1, 1))
    down, across = np.sin(pace * i + phase[0]), np.sin(pace * j + phase[1])
    slant = np.sin(0.75 * pace * (i + j) + phase[0])
    found = np.stack([down, across, slant, 1.5 * down * across])[kinds, np.arange(n)]
    return split((found + noise * draw.normal(size=found.shape))[:, None], kinds, seed)


def patches(seed: int, n: int = 600, size: int = 12) -> Rows:
    """Noisy scans [1, size, size] and the mask of the bright patch in each [1, size, size]."""
    draw = np.random.default_rng([seed, 412])
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    place, wide = draw.uniform(3, size - 4, (2, n, 1, 1)), draw.uniform(1.8, 3.5, (2, n, 1, 1))
    mask = ((i - place[0]) / wide[0]) ** 2 + ((j - place[1]) / wide[1]) ** 2 < 1
    found = 1.6 * mask + 0.6 * draw.normal(size=mask.shape) - 0.3
    return split(found[:, None], mask[:, None].astype(np.float32), seed)


def grains(seed: int, n: int = 1000, size: int = 12) -> Rows:
    """A photograph of one grain [1, size, size]: its area, scaled [1]."""
    draw = np.random.default_rng([seed, 413])
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    place, wide = draw.uniform(4, size - 5, (2, n, 1, 1)), draw.uniform(1.2, 4.2, (2, n, 1, 1))
    inside = 1 / (1 + np.exp(4 * (((i - place[0]) / wide[0]) ** 2 + ((j - place[1]) / wide[1]) ** 2 - 1)))
    found = 2 * inside * draw.uniform(0.7, 1.3, (n, 1, 1)) + 0.3 * draw.normal(size=inside.shape) - 0.5
    area = (wide[0] * wide[1])[:, 0]
    return split(found[:, None], (area - 7.3) / 4.2, seed)


def beats(seed: int, n: int = 900, length: int = 36, noise: float = 0.25) -> Rows:
    """A heart's beat [length, 1]: as it should be, too broad, or without its first wave; 3 classes."""
    draw = np.random.default_rng([seed, 414])
    kinds, t = draw.integers(3, size=n), np.arange(length)[None]
    at, size = draw.uniform(13, 22, (n, 1)), draw.uniform(0.8, 1.3, (n, 1))

    def bump(place: np.ndarray, wide: np.ndarray | float) -> np.ndarray:
        return np.exp(-(((t - place) / wide) ** 2))

    broad = np.where(kinds == 1, 3.2, 1.3)[:, None]
    found = 3 * bump(at, broad) + 0.9 * bump(at + 10, 2.5)
    found += 1.1 * bump(at - 7, 1.8) * (kinds != 2)[:, None] - 0.6
    return split((size * found + noise * draw.normal(size=found.shape))[..., None], kinds, seed)


def _weather(seed: int, n: int, length: int) -> Rows:
    draw = np.random.default_rng([seed, 415])
    t, start = np.arange(length + 3)[None], draw.uniform(0, 24, (n, 1))
    day = np.sin(2 * np.pi * (t + start) / 24)
    front = np.tanh((t - draw.uniform(0, length, (n, 1))) / 3) * draw.choice([-1, 1], (n, 1))
    warm = 284 + draw.normal(0, 2, (n, 1)) + 4 * day + 3 * front + 0.5 * draw.normal(size=day.shape)
    press = 1013 - 8 * np.roll(front, -3, 1) + 0.7 * draw.normal(size=day.shape)
    damp = 65 - 12 * day + 6 * front + 3 * draw.normal(size=day.shape)
    inputs = np.stack([warm, press, damp], -1)[:, :length]
    return split(inputs, warm[:, -1:], seed)


def weather(seed: int, n: int = 1000, length: int = 20) -> Rows:
    """Temperature, pressure, dampness [length, 3]; the temperature three hours on; all scaled; [1]."""
    return scaled(_weather(seed, n, length), True)


def weather_as_read(seed: int, n: int = 1000, length: int = 20) -> Rows:
    """The same as the instruments say: kelvins, hectopascals, per cent. The target is scaled; [1]."""
    rows, ready = _weather(seed, n, length), weather(seed, n, length)
    return Rows(*_with(rows, ready))


def _with(inputs: Rows, targets: Rows) -> tuple[Pair, Pair, Pair]:
    return (
        (inputs.train[0], targets.train[1]),
        (inputs.valid[0], targets.valid[1]),
        (inputs.test[0], targets.test[1]),
    )


def reviews(seed: int, n: int = 2000, length: int = 12, words: int = 30) -> Rows:
    """Reviews [length]: praise (1 to 8), blame (9 to 16), "not" (17) turns what follows; liked? [1]."""
    draw = np.random.default_rng([seed, 416])
    tokens = draw.integers(18, words, size=(n, length))
    for row in range(n):
        places = draw.choice(np.arange(1, length, 2), 3, replace=False)
        tokens[row, places] = draw.integers(1, 17, 3)
        for place in places:
            if draw.random() < 0.3:
                tokens[row, place - 1] = 17
    value = np.where(tokens < 9, 1, -1) * (tokens < 17)
    before = np.concatenate([np.zeros((n, 1), int), tokens[:, :-1]], 1)
    total = (value * np.where(before == 17, -1, 1)).sum(1)
    return split(tokens, (total > 0).astype(np.float32)[:, None], seed)


def melodies(seed: int, n: int = 800, length: int = 14, notes: int = 8) -> Rows:
    """Notes [length] and the next of each place [length]: steps of a scale, by the last two, with slips."""
    draw = np.random.default_rng([seed, 417])
    said = np.zeros((n, length + 1), int)
    said[:, :2] = draw.integers(notes, size=(n, 2))
    for k in range(2, length + 1):
        after = (said[:, k - 1] + np.where(said[:, k - 2] % 2 == 0, 2, 5)) % notes
        said[:, k] = np.where(draw.random(n) < 0.1, draw.integers(notes, size=n), after)
    return split(said[:, :-1], said[:, 1:], seed)


def topics(seed: int, n: int = 1500, length: int = 18, words: int = 60) -> Rows:
    """Abstracts as tokens [length], and which of four subjects they touch [4]."""
    draw = np.random.default_rng([seed, 418])
    on = draw.random((n, 4)) < 0.4
    tokens = draw.integers(25, words, size=(n, length))
    for row, subject in zip(*on.nonzero(), strict=True):
        places = draw.choice(length, 3, replace=False)
        tokens[row, places] = 1 + 6 * subject + draw.integers(6, size=3)
    found = np.stack([((tokens > 6 * k) & (tokens <= 6 * k + 6)).any(1) for k in range(4)], 1)
    return split(tokens, found.astype(np.float32), seed)


def sums(seed: int, n: int = 1500, length: int = 10) -> Rows:
    """Coins as tokens [length], 1 to 8, filled up with 0; what they are worth, scaled [1]."""
    draw = np.random.default_rng([seed, 419])
    worth = np.array([0, 1, 2, 5, 10, 20, 50, 100, 200]) / 100
    tokens = draw.integers(1, 9, size=(n, length))
    tokens *= np.arange(length)[None] < draw.integers(4, length + 1, size=(n, 1))
    return scaled_targets(split(tokens, np.sqrt(worth[tokens].sum(1, keepdims=True)), seed))


def scaled_targets(rows: Rows) -> Rows:
    """Targets alone at mean 0 and variance 1."""
    mean, std = rows.train[1].mean(0), rows.train[1].std(0)
    return Rows(*((x, (y - mean) / std) for x, y in (rows.train, rows.valid, rows.test)))


def joined(*pairs: Pair) -> Pair:
    """Rows one after the other."""
    return torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])
