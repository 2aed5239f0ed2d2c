"""Rows for programs of loops and steps: buildings, stays, bikes, films, digits, cloths, wrists, roads, mails.

All but the bundled tables are generated; every source takes a seed, which draws or splits the rows anew.
"""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from _programs.program import Rows
from _programs.sources import split

__all__ = [
    "buildings",
    "chords",
    "clips",
    "digits_sorted",
    "digits_to_copy",
    "few_stays",
    "fixings",
    "growths",
    "irises",
    "mails_asking",
    "mails_sorted",
    "opinions",
    "opinions_few",
    "pixels",
    "rentals",
    "roads",
    "soils_of_fields",
    "stays",
    "street_signs",
    "tunes_of_keys",
    "vineyards",
    "word_kinds",
    "wrists",
    "wrists_sorted",
]


def _unit(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / x.std(0)


def _by_class(rows: Rows) -> Rows:
    order = torch.argsort(rows.train[1].reshape(-1), stable=True)
    return Rows((rows.train[0][order], rows.train[1][order]), rows.valid, rows.test)


def buildings(seed: int, n: int = 1600, noise: float = 0.15) -> Rows:
    """Walls, roof, glass, height, insulation, wind, sun, persons; the heat a building needs [1]."""
    draw = np.random.default_rng([seed, 301])
    x = draw.normal(size=(n, 8))
    loss = np.tanh(x[:, 0] + 0.5 * x[:, 1]) + 0.6 * x[:, 2] * (x[:, 4] < 0) - 0.5 * np.maximum(x[:, 6], 0)
    need = loss + 0.5 * x[:, 3] * x[:, 5] - 0.3 * x[:, 7] + noise * draw.normal(size=n)
    return split(x, _unit(need)[:, None], seed)


def stays(seed: int, n: int = 2000, noise: float = 0.4) -> Rows:
    """Twelve measures of a stay in hospital; does the patient come back within a month? [1]."""
    draw = np.random.default_rng([seed, 302])
    x = draw.normal(size=(n, 12))
    x[:, 8:] = (x[:, 8:] > 0.4) * 2.0 - 1.0
    risk = 1.5 * x[:, 0] * x[:, 8] + 1.2 * np.abs(x[:, 1]) - x[:, 2] + 0.8 * x[:, 3] * (x[:, 9] > 0) - 0.9
    return split(x, (risk + noise * draw.logistic(size=n) > 0).astype(np.float32)[:, None], seed)


def _first(rows: Rows, n: int) -> Rows:
    return Rows((rows.train[0][:n], rows.train[1][:n]), rows.valid, rows.test)


def few_stays(seed: int, n: int = 1600, columns: int = 40) -> Rows:
    """192 patients to learn from, forty laboratory values of which five tell something; two classes, [1]."""
    draw = np.random.default_rng([seed, 303])
    x = draw.normal(size=(n, columns))
    risk = x[:, 0] + 0.9 * x[:, 1] - 0.8 * x[:, 2] + 0.7 * x[:, 3] + 0.6 * x[:, 4]
    return _first(split(x, (risk + 0.7 * draw.logistic(size=n) > 0).astype(np.float32)[:, None], seed), 192)


def growths(seed: int, n: int = 1500, columns: int = 20) -> Rows:
    """256 plants to learn from, twenty measures of soil and light; their growth, with much noise, [1]."""
    draw = np.random.default_rng([seed, 304])
    x = draw.normal(size=(n, columns))
    y = x[:, 0] - 0.8 * x[:, 1] + 0.6 * np.maximum(x[:, 2], 0) + 0.5 * x[:, 3]
    return _first(split(x, _unit(y + 1.0 * draw.normal(size=n))[:, None], seed), 256)


def rentals(seed: int, n: int = 2000) -> Rows:
    """Hour, weather and calendar [7]; how many bicycles are hired in the hour, a count [1]."""
    draw = np.random.default_rng([seed, 305])
    x = draw.normal(size=(n, 7))
    rate = np.exp(2.4 + 0.6 * np.sin(1.5 * x[:, 0]) + 0.4 * x[:, 1].clip(-1.5, 1.5) - 0.5 * (x[:, 2] > 0.5))
    return split(x, draw.poisson(rate).astype(np.float32)[:, None], seed)


def clips(seed: int, n: int = 2000) -> Rows:
    """Sixteen numbers that describe a film; which of five genres it has, several at once [5]."""
    draw = np.random.default_rng([seed, 306])
    x = draw.normal(size=(n, 16))
    mixed = np.tanh(x @ draw.normal(0, 0.5, (16, 12)))
    wanted = mixed @ draw.normal(0, 1.0, (12, 5)) + 0.2 * draw.normal(size=(n, 5))
    return split(x, (wanted > 0.4).astype(np.float32), seed)


def soils_of_fields(seed: int, n: int = 2000, classes: int = 6) -> Rows:
    """Ten readings of a field's soil; which of six soils it is: each comes in two kinds of its own."""
    draw = np.random.default_rng([seed, 307])
    kinds = draw.integers(2 * classes, size=n)
    x = draw.normal(0, 1.5, (2 * classes, 10))[kinds] + draw.normal(size=(n, 10))
    return split(_unit(x), kinds % classes, seed)


@cache
def _bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    load = {"digits": load_digits, "iris": load_iris, "wine": load_wine, "cancer": load_breast_cancer}[name]
    found = load()
    return np.asarray(found.data, np.float32), np.asarray(found.target, np.int64)


def pixels(seed: int) -> Rows:
    """1,797 handwritten digits [1, 8, 8], from -1 to 1; ten classes."""
    inputs, targets = _bundled("digits")
    return split(inputs.reshape(-1, 1, 8, 8) / 8 - 1, targets, seed)


def digits_sorted(seed: int) -> Rows:
    """The same, training rows sorted by digit, as from one folder a class."""
    return _by_class(pixels(seed))


def digits_to_copy(seed: int) -> Rows:
    """Digits [64], from 0 to 1, that are their own targets."""
    inputs, _ = _bundled("digits")
    return split(inputs / 16, inputs / 16, seed)


def irises(seed: int) -> Rows:
    """150 irises, four measures, scaled; three kinds."""
    inputs, targets = _bundled("iris")
    return split(_unit(inputs), targets, seed)


def vineyards(seed: int) -> Rows:
    """178 wines, thirteen measures, scaled; three growers."""
    inputs, targets = _bundled("wine")
    return split(_unit(inputs), targets, seed)


def fixings(seed: int) -> Rows:
    """569 biopsies, thirty measures, scaled; benign or not, [1]."""
    inputs, targets = _bundled("cancer")
    return split(_unit(inputs), targets.astype(np.float32)[:, None], seed)


def street_signs(seed: int, n: int = 1200, size: int = 16) -> Rows:
    """Signs in colour [3, size, size]: triangle, disc, bar, ring, diamond or crossed lines; six classes."""
    draw = np.random.default_rng([seed, 308])
    kinds = draw.integers(6, size=n)
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    x = across - draw.uniform(6, size - 7, (n, 1, 1))
    y = down - draw.uniform(6, size - 7, (n, 1, 1))
    r = draw.uniform(3.5, 5.0, (n, 1, 1))
    far = np.hypot(x, y)
    shapes = (
        (y < 0.7 * r) & (np.abs(x) < (y + r) * 0.6),
        far < r,
        (np.abs(y) < 0.4 * r) & (np.abs(x) < r),
        (far < r) & (far > 0.55 * r),
        np.abs(x) + np.abs(y) < r,
        (np.minimum(np.abs(x - y), np.abs(x + y)) < 1.3) & (far < r),
    )
    shape = np.select([(kinds == k)[:, None, None] for k in range(6)], shapes, False)
    ground, ink = draw.uniform(-0.8, 0.2, (n, 3, 1, 1)), draw.uniform(0.7, 1.5, (n, 3, 1, 1))
    found = np.where(shape[:, None], ground + ink, ground) + 0.15 * draw.normal(size=(n, 3, size, size))
    return split(_unit(found.reshape(-1, 1)).reshape(found.shape), kinds, seed)


def wrists(seed: int, n: int = 1200, length: int = 32, noise: float = 0.8) -> Rows:
    """A watch's acceleration [length, 3] while its wearer walks, runs, climbs, rows or types; 5 classes."""
    draw = np.random.default_rng([seed, 309])
    kinds = draw.integers(5, size=n)
    t = np.arange(length)[None] / length
    pace = np.array([3.0, 5.5, 3.0, 2.0, 8.0])[kinds][:, None] * draw.uniform(0.9, 1.1, (n, 1))
    wave = 2 * np.pi * (pace * t + draw.random((n, 1)))
    tilt = np.array([0.0, 0.0, 1.2, 0.4, 0.0])[kinds][:, None]
    x = np.sin(wave) * np.where(kinds == 4, 0.7, 1.0)[:, None]
    y = np.cos(wave) * np.where(kinds == 3, 1.2, 0.4)[:, None]
    z = np.sin(2 * wave) * 0.5 + tilt * np.sin(wave / 2)
    found = np.stack([x, y, z], 2) + noise * draw.normal(size=(n, length, 3))
    return split(found / found.std(), kinds, seed)


def wrists_sorted(seed: int) -> Rows:
    """The same, recorded one occupation after another."""
    return _by_class(wrists(seed))


def roads(seed: int, n: int = 1000, length: int = 24, ahead: int = 4) -> Rows:
    """Cars an hour on a road over a day [length, 1], scaled; the next four hours [4]."""
    draw = np.random.default_rng([seed, 310])
    t = np.arange(length + ahead)[None] + draw.integers(0, 24, (n, 1))
    size = draw.uniform(0.6, 1.5, (n, 1))
    peaks = np.exp(-(((t % 24 - 8) / 2.5) ** 2)) + 1.2 * np.exp(-(((t % 24 - 17) / 3) ** 2))
    found = size * peaks + 0.05 * draw.normal(size=t.shape)
    found = (found - found.mean()) / found.std()
    return split(found[:, :length, None], found[:, length:], seed)


def mails_asking(seed: int, n: int = 1600, length: int = 18, words: int = 80) -> Rows:
    """Mails to a shop as tokens [length], 0 at the end; what is wanted: one of six, told by a few words."""
    draw = np.random.default_rng([seed, 311])
    kinds = draw.integers(6, size=n)
    tokens = draw.integers(37, words, size=(n, length))
    own, other = draw.random((n, length)) < 0.32, draw.random((n, length)) < 0.1
    tokens = np.where(other, draw.integers(1, 37, size=(n, length)), tokens)
    tokens = np.where(own, 1 + 6 * kinds[:, None] + draw.integers(6, size=(n, length)), tokens)
    long = draw.integers(10, length + 1, size=(n, 1))
    return split(np.where(np.arange(length)[None] < long, tokens, 0), kinds, seed)


def mails_sorted(seed: int) -> Rows:
    """The same, one wish after another."""
    return _by_class(mails_asking(seed))


def opinions(seed: int, n: int = 1400, length: int = 16, words: int = 50) -> Rows:
    """Opinions as tokens [length]: good words 1-8, bad ones 9-16, 17 denies the next; two classes."""
    draw = np.random.default_rng([seed, 312])
    tokens = draw.integers(18, words, size=(n, length))
    told = draw.random((n, length)) < 0.35
    good = draw.random((n, 1)) < 0.5
    kind = np.where(draw.random((n, length)) < 0.85, good, ~good)
    denied = draw.random((n, length)) < 0.3
    denied[:, 0] = False
    denied &= told
    denied[:, 1:] &= ~told[:, :-1]
    word = np.where(kind ^ denied, 0, 8) + 1 + draw.integers(8, size=(n, length))
    tokens = np.where(told, word, tokens)
    before = np.concatenate([denied[:, 1:], np.zeros((n, 1), bool)], 1)
    tokens = np.where(before, 17, tokens)
    worth = np.where(told, np.where(kind, 1, -1), 0).sum(1)
    return split(tokens[worth != 0], (worth > 0).astype(np.int64)[worth != 0], seed)


def opinions_few(seed: int) -> Rows:
    """256 of them to learn from, with many rare words."""
    return _first(opinions(seed, words=300), 256)


def tunes_of_keys(seed: int, n: int = 500, length: int = 18, notes: int = 14) -> Rows:
    """Notes [length] and the next at each place: steps up or down of one key, by the last two notes."""
    draw = np.random.default_rng([seed, 313])
    tune = np.zeros((n, length + 1), int)
    tune[:, 0], tune[:, 1] = draw.integers(notes, size=n), draw.integers(notes, size=n)
    for k in range(2, length + 1):
        up = tune[:, k - 1] >= tune[:, k - 2]
        step = np.where(
            up, np.where(tune[:, k - 1] % 3 == 0, 4, 1), np.where(tune[:, k - 1] % 2 == 0, -3, -1)
        )
        free = draw.random(n) < 0.08
        tune[:, k] = np.where(free, draw.integers(notes, size=n), (tune[:, k - 1] + step) % notes)
    return split(tune[:, :-1], tune[:, 1:], seed)


def chords(seed: int, n: int = 1400, length: int = 8, notes: int = 12) -> Rows:
    """Notes [length]; which one was played first? Notes are classes: what is asked must be kept in mind."""
    draw = np.random.default_rng([seed, 314])
    played = draw.integers(notes, size=(n, length))
    return split(played, played[:, 0], seed)


def word_kinds(seed: int, n: int = 600, length: int = 12, words: int = 36) -> Rows:
    """Words [length] and the kind of each [length], told by the word and, for some, by the next one."""
    draw = np.random.default_rng([seed, 315])
    tokens = draw.integers(1, words, size=(n, length))
    kind = tokens % 4
    after = np.concatenate([kind[:, 1:], np.zeros((n, 1), int)], 1)
    return split(tokens, np.where((kind == 2) & (after == 3), 4, kind), seed)
