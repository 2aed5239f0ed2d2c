"""Rows for further programs: orchards, loans, arms, spectra, weaves, specks, calls, heat, switches, recipes.

Bundled tables aside all are generated; every source takes a seed, which draws or splits the rows anew.
"""

import numpy as np
from sklearn.datasets import load_diabetes, load_digits

from _programs.program import Pair, Rows
from _programs.sources import split

__all__ = [
    "arms",
    "calls",
    "changed",
    "heat",
    "loans",
    "orchards",
    "recipes",
    "scans",
    "slogans",
    "specks",
    "spectra",
    "spirals",
    "sugar",
    "switches",
    "tunes",
    "visitors",
    "weaves",
]


def _even(rows: Rows, targets: bool) -> Rows:
    mean, std = rows.train[0].mean(0), rows.train[0].std(0).clamp_min(1e-6)
    low, wide = rows.train[1].float().mean(0), rows.train[1].float().std(0)

    def even(pair: Pair) -> Pair:
        return (pair[0] - mean) / std, (pair[1] - low) / wide if targets else pair[1]

    return Rows(even(rows.train), even(rows.valid), even(rows.test))


def changed(rows: Rows, train: Pair, valid: Pair) -> Rows:
    """Other rows to train and validate on, the same clean ones to judge by."""
    return Rows(train, valid, rows.test)


def orchards(seed: int, n: int = 1600, noise: float = 0.25) -> Rows:
    """Seven measures of an orchard and what it bears, scaled [1]."""
    draw = np.random.default_rng([seed, 701])
    x = draw.normal(size=(n, 7))
    y = 1.6 * np.tanh(1.5 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.9 * abs(x[:, 3]) - 0.6 * x[:, 4] + 0.3 * x[:, 5]
    return _even(split(x, (y + noise * draw.normal(size=n))[:, None], seed), targets=True)


def loans(seed: int, n: int = 2000) -> Rows:
    """Nine facts about a loan; was it paid back? [1]."""
    draw = np.random.default_rng([seed, 702])
    x = np.column_stack([draw.gamma(3.0, 1.0, (n, 3)), draw.normal(size=(n, 4)), draw.random((n, 2)) < 0.4])
    burden = (x[:, 0] - 3) * np.where(x[:, 7] > 0, 1.2, -0.4) + 1.3 * x[:, 3] * x[:, 4] - 0.7 * (x[:, 1] - 3)
    worth = burden + 0.8 * x[:, 5] + 0.3 * draw.logistic(size=n)
    return _even(split(x.astype(float), (worth < 0).astype(np.float32)[:, None], seed), targets=False)


def visitors(seed: int, n: int = 2000) -> Rows:
    """Six facts about a day, and how many come to see a museum's small room: 0 to some 40 [1]."""
    draw = np.random.default_rng([seed, 703])
    x = draw.normal(size=(n, 6))
    rate = np.exp(
        2.0 + 0.6 * np.sin(1.5 * x[:, 0]) + 0.5 * np.tanh(x[:, 1]) - 0.5 * (x[:, 2] > 0.5) * x[:, 3]
    )
    return split(x, draw.poisson(rate.clip(0, 60)).astype(np.float32)[:, None], seed)


def arms(seed: int, n: int = 1600) -> Rows:
    """Three angles of a robot's arm; where its hand is, scaled [2]."""
    draw = np.random.default_rng([seed, 704])
    angles = draw.uniform(-1.4, 1.4, (n, 3))
    turned = angles.cumsum(1)
    length = np.array([1.0, 0.8, 0.6])
    place = np.stack([(length * np.cos(turned)).sum(1), (length * np.sin(turned)).sum(1)], 1)
    return _even(split(angles, place + 0.03 * draw.normal(size=(n, 2)), seed), targets=True)


def spectra(seed: int, n: int = 1200, length: int = 48) -> Rows:
    """Spectra [length] of a mixture whose peaks overlap, on a sloping ground; how much of two [2]."""
    draw = np.random.default_rng([seed, 705])
    t = np.arange(length)[None]
    share = draw.uniform(0, 1, (n, 3))
    peaks = np.stack([np.exp(-(((t - c) / w) ** 2))[0] for c, w in ((15, 4), (21, 5), (33, 6))])
    ground = draw.normal(0, 0.3, (n, 1)) + draw.normal(0, 0.3, (n, 1)) * (t / length)
    found = np.log1p(2 * (share @ peaks)) + ground + 0.04 * draw.normal(size=(n, length))
    return _even(split(found, share[:, :2], seed), targets=True)


def spirals(seed: int, n: int = 1200, noise: float = 0.12) -> Rows:
    """Points [2] on three arms of a spiral; three classes."""
    draw = np.random.default_rng([seed, 706])
    arm, far = draw.integers(3, size=n), draw.uniform(0.3, 2.0, n)
    angle = 2.0 * far + arm * 2 * np.pi / 3
    points = np.stack([far * np.cos(angle), far * np.sin(angle)], 1) + noise * draw.normal(size=(n, 2))
    return split(points, arm, seed)


def weaves(seed: int, n: int = 1200, size: int = 10, noise: float = 0.7) -> Rows:
    """Cloth [1, size, size] whose threads run one of four ways; four classes."""
    draw = np.random.default_rng([seed, 707])
    ways = draw.integers(4, size=n)
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    angle = ways * np.pi / 4 + draw.normal(0, 0.08, n)
    speed, phase = draw.uniform(1.2, 1.9, n), draw.uniform(0, 2 * np.pi, n)
    along = across * np.cos(angle)[:, None, None] + down * np.sin(angle)[:, None, None]
    found = np.sin(speed[:, None, None] * along + phase[:, None, None])
    return split((found + noise * draw.normal(size=found.shape))[:, None], ways, seed)


def specks(seed: int, n: int = 1400, size: int = 14, most: int = 8) -> Rows:
    """Specks of dust on a grey plate [1, size, size], and how many there are: 0 to 7 [1]."""
    draw = np.random.default_rng([seed, 708])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    many = draw.integers(most, size=n)
    found = 0.25 * draw.normal(size=(n, size, size))
    for k in range(most):
        place = draw.uniform(1, size - 2, (2, n, 1, 1))
        speck = np.exp(-((across - place[0]) ** 2 + (down - place[1]) ** 2) / 1.5)
        found += 2 * speck * (k < many)[:, None, None]
    return split(found[:, None], many.astype(np.float32)[:, None], seed)


def scans(seed: int) -> Rows:
    """1,797 handwritten digits as [1, 8, 8] from -1 to 1; 10 classes."""
    found = load_digits()
    return split(found.data.reshape(-1, 1, 8, 8) / 8 - 1, found.target.astype(np.int64), seed)


def calls(seed: int, n: int = 1200, length: int = 32, noise: float = 0.4) -> Rows:
    """A bird's call [length, 2], its wave and loudness: rising, falling, steady or trilled; 4 classes."""
    draw = np.random.default_rng([seed, 709])
    kinds = draw.integers(4, size=n)
    t = np.linspace(0, 1, length)[None]
    low, wide = draw.uniform(9, 12, (n, 1)), draw.uniform(10, 14, (n, 1))
    steady = (low + wide / 2) * t
    ways = np.stack([low * t + wide * t**2, (low + 2 * wide) * t - wide * t**2, steady, steady])
    angle = ways[kinds, np.arange(n)] + draw.uniform(0, 6.28, (n, 1))
    loud = np.sin(np.pi * t) * draw.uniform(0.8, 1.4, (n, 1))
    trill = 0.6 + 0.6 * np.sin(25 * t + draw.uniform(0, 6.28, (n, 1)))
    loud = np.where((kinds == 3)[:, None], loud * trill, loud)
    found = np.stack([loud * np.sin(angle), loud - 0.6], -1)
    return split((found + noise * draw.normal(size=found.shape) * np.array([0.6, 0.4])) * 1.6, kinds, seed)


def heat(seed: int, n: int = 1000, length: int = 24, ahead: int = 3) -> Rows:
    """Temperatures out of doors and within a house [length, 2], and those within thereafter [ahead]."""
    draw = np.random.default_rng([seed, 710])
    t = np.arange(length + ahead)[None]
    out = draw.normal(0, 1, (n, 1)) + 1.3 * np.sin(2 * np.pi * (t + draw.uniform(0, 24, (n, 1))) / 24)
    out += 0.15 * draw.normal(size=out.shape)
    within = np.zeros_like(out)
    within[:, 0] = out[:, 0] + draw.normal(size=n)
    for k in range(1, length + ahead):
        within[:, k] = 0.7 * within[:, k - 1] + 0.3 * out[:, max(k - 3, 0)] + 0.06 * draw.normal(size=n)
    return split(np.stack([out, within], -1)[:, :length], within[:, length:] / within.std(), seed)


def switches(seed: int, n: int = 700, length: int = 14, words: int = 24) -> Rows:
    """Words [length], of which three are switches; at each place the last switch so far, or 0 where the
    word's number is odd [length]; four kinds.
    """
    draw = np.random.default_rng([seed, 711])
    tokens = draw.integers(4, words, size=(n, length))
    thrown = draw.random((n, length)) < 0.22
    tokens[thrown] = draw.integers(1, 4, size=int(thrown.sum()))
    state, found = np.zeros(n, int), np.zeros((n, length), int)
    for t in range(length):
        state = np.where(tokens[:, t] < 4, tokens[:, t], state)
        found[:, t] = np.where((tokens[:, t] >= 4) & (tokens[:, t] % 2 == 1), 0, state)
    return split(tokens, found, seed)


def recipes(seed: int, n: int = 1600, length: int = 12, words: int = 50) -> Rows:
    """A list of ingredients [length]; is there meat, milk, nuts or wheat in it? [4]."""
    draw = np.random.default_rng([seed, 712])
    tokens = draw.integers(21, words, size=(n, length))
    for kind in range(4):
        rows = np.flatnonzero(draw.random(n) < 0.45)
        tokens[rows, draw.integers(length, size=len(rows))] = 1 + 5 * kind + draw.integers(5, size=len(rows))
    held = np.stack([((tokens - 1) // 5 == kind).any(1) for kind in range(4)], 1)
    return split(tokens, held.astype(np.float32), seed)


def slogans(seed: int, n: int = 2000, length: int = 12, words: int = 40) -> Rows:
    """Words [length], of which two to five praise (1 to 8), blame (9 to 16) or ask (17 to 24); which does
    the slogan do most? Three classes.
    """
    draw = np.random.default_rng([seed, 713])
    kinds = draw.integers(3, size=n)
    tokens = draw.integers(25, words, size=(n, length))
    own, stray = draw.random((n, length)) < 0.32, draw.random((n, length)) < 0.08
    tokens = np.where(own, 1 + 8 * kinds[:, None] + draw.integers(8, size=(n, length)), tokens)
    return split(np.where(stray, draw.integers(1, 25, size=(n, length)), tokens), kinds, seed)


def tunes(seed: int, n: int = 800, length: int = 18, notes: int = 12) -> Rows:
    """Notes [length] of tunes which rise by two or fall by three as the note before did, and the next note
    at each place [length].
    """
    draw = np.random.default_rng([seed, 714])
    found = np.zeros((n, length + 1), int)
    found[:, 0], rising = draw.integers(notes, size=n), draw.random(n) < 0.5
    for t in range(1, length + 1):
        rising = np.where(draw.random(n) < 0.12, ~rising, rising)
        found[:, t] = (found[:, t - 1] + np.where(rising, 2, -3)) % notes
    return split(found[:, :-1], found[:, 1:], seed)


def sugar(seed: int) -> Rows:
    """442 patients, 10 measures; how far their diabetes went in a year, all scaled [1]."""
    found = load_diabetes()
    return _even(split(found.data, found.target[:, None], seed), targets=True)
