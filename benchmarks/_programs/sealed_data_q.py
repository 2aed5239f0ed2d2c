"""Rows: panels, stars, credits, songs, parcels, tiles, coins, digits, engines, rivers, questions and names.

All but the bundled digits are generated; every source takes a seed, which draws or splits anew.
"""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits

from _programs.program import Rows
from _programs.sources import split

__all__ = [
    "basins",
    "coins",
    "credits",
    "engines",
    "fewer",
    "frauds",
    "handwriting",
    "merged",
    "mislabelled",
    "names",
    "panels",
    "parcels",
    "questions",
    "rhymes",
    "rivers",
    "songs",
    "stars",
    "tiles",
]


def _scaled(rows: Rows, targets: bool = False) -> Rows:
    mean, std = rows.train[0].mean(0), rows.train[0].std(0).clamp_min(1e-6)
    centre, spread = torch.zeros(1), torch.ones(1)
    if targets:
        centre, spread = rows.train[1].mean(0), rows.train[1].std(0)
    pairs = (rows.train, rows.valid, rows.test)
    return Rows(*(((x - mean) / std, (y - centre) / spread if targets else y) for x, y in pairs))


def panels(seed: int, n: int = 2000) -> Rows:
    """A solar panel: hour, day, cloud, temperature, wind, dust, tilt; its power, scaled; [1]."""
    draw = np.random.default_rng([seed, 901])
    hour, day = draw.uniform(5, 20, n), draw.uniform(0, 365, n)
    cloud, wind = draw.beta(1.2, 1.8, n), draw.gamma(2.0, 2.0, n)
    warm = 12 - 10 * np.cos(2 * np.pi * day / 365) + 4 * draw.normal(size=n)
    dust, tilt = draw.uniform(0, 1, n), draw.uniform(0, 60, n)
    sun = np.clip(np.sin(np.pi * (hour - 5) / 15), 0, None) * (1 - 0.35 * np.cos(2 * np.pi * day / 365))
    power = sun * (1 - 0.75 * cloud) * (1 - 0.3 * dust) * (1 - 0.006 * np.clip(warm - 20, 0, None))
    power *= np.cos(np.deg2rad(tilt - 32))
    power += 0.03 * draw.normal(size=n)
    inputs = np.stack([hour, day, cloud, warm, wind, dust, tilt], 1)
    return _scaled(split(inputs, power[:, None], seed), targets=True)


def stars(seed: int, n: int = 2400) -> Rows:
    """Eight magnitudes in colours and a distance; five kinds of stars, two of which share a colour."""
    draw = np.random.default_rng([seed, 902])
    kind = draw.integers(5, size=n)
    heat = np.array([0.0, 0.9, 1.8, 2.7, 0.9])[kind] + 0.22 * draw.normal(size=n)
    bright = np.array([0.2, 0.6, 1.2, 2.0, 2.4])[kind] + 0.3 * draw.normal(size=n)
    far = draw.gamma(3.0, 0.5, n)
    waves = np.linspace(-1, 1, 8)
    light = bright[:, None] - far[:, None] + np.sin(heat[:, None] * (1.5 + waves)) * 1.2
    inputs = np.concatenate([light + 0.1 * draw.normal(size=(n, 8)), far[:, None]], 1)
    return _scaled(split(inputs, kind, seed))


def credits(seed: int, n: int = 2800) -> Rows:
    """Twelve columns of an application; is the credit paid back? [1], 4 of 10 are not."""
    draw = np.random.default_rng([seed, 903])
    inputs = draw.normal(size=(n, 12))
    inputs[:, 6:9] = draw.integers(0, 2, (n, 3))
    risk = 1.2 * inputs[:, 0] * inputs[:, 1] + np.abs(inputs[:, 2]) * 1.5 - 1.2
    risk += 1.5 * (inputs[:, 6] - 0.5) * inputs[:, 3] + 0.6 * inputs[:, 4]
    paid = risk + 0.2 * draw.normal(size=n) > -0.2
    return _scaled(split(inputs, paid.astype(np.float32)[:, None], seed))


def frauds(seed: int, n: int = 3000) -> Rows:
    """Ten columns of a payment; is it a fraud? 1 of 20 is, and looks much like others; two classes."""
    draw = np.random.default_rng([seed, 904])
    fraud = draw.random(n) < 0.05
    inputs = draw.normal(size=(n, 10))
    inputs[fraud, :4] += np.array([1.1, -0.9, 0.8, 0.7])
    inputs[fraud, 4] *= 1.8
    return _scaled(split(inputs, fraud.astype(np.int64), seed))


def songs(seed: int, n: int = 2400) -> Rows:
    """Sixteen descriptors of a song; four moods that may come together [4]."""
    draw = np.random.default_rng([seed, 905])
    hidden = draw.normal(size=(n, 5))
    mix = draw.normal(size=(5, 16))
    inputs = np.tanh(hidden @ mix * 0.6) + 0.1 * draw.normal(size=(n, 16))
    moods = np.stack(
        [
            hidden[:, 0] + hidden[:, 1] > 0.3,
            hidden[:, 2] > 0.2,
            np.abs(hidden[:, 3]) > 0.8,
            hidden[:, 4] - hidden[:, 0] > 0.0,
        ],
        1,
    )
    return _scaled(split(inputs, moods.astype(np.float32), seed))


def parcels(seed: int, n: int = 2000) -> Rows:
    """Hour, weekday, holiday, rain, temperature and staff of a depot; parcels in the hour, a count; [1]."""
    draw = np.random.default_rng([seed, 906])
    hour, weekday = draw.uniform(6, 20, n), draw.integers(0, 7, n)
    holiday, rain = draw.random(n) < 0.1, draw.gamma(0.6, 2.0, n)
    warm, staff = draw.normal(14, 7, n), draw.integers(3, 12, n)
    mean = 2.2 + 0.9 * np.sin((hour - 6) / 14 * np.pi) + 0.08 * staff - 0.5 * (weekday > 4)
    mean -= 1.1 * holiday + 0.04 * np.clip(rain, 0, 8)
    count = draw.poisson(np.exp(mean)).astype(np.float32)
    inputs = np.stack([hour, weekday, holiday, rain, warm, staff], 1).astype(float)
    return _scaled(split(inputs, count[:, None], seed))


def tiles(seed: int, n: int = 1400, noise: float = 0.5) -> Rows:
    """Coloured tiles [3, 12, 12]: stripes along, across, diagonal, dots or a ring; 5 classes."""
    draw = np.random.default_rng([seed, 907])
    kind = draw.integers(5, size=n)
    down, across = np.meshgrid(np.arange(12), np.arange(12), indexing="ij")
    drawn = np.empty((n, 3, 12, 12))
    for row, k in enumerate(kind):
        shift, pace = draw.uniform(0, 2 * np.pi), draw.uniform(1.3, 1.8)
        y, x = down - draw.uniform(4, 7), across - draw.uniform(4, 7)
        pattern = (
            np.sin(pace * down + shift),
            np.sin(pace * across + shift),
            np.sin(pace * (down + across) / 1.4 + shift),
            1.6 * np.sin(pace * down + shift) * np.sin(pace * across + shift),
            np.cos(pace * np.hypot(y, x)),
        )[k]
        drawn[row] = pattern * draw.uniform(0.4, 1.0, (3, 1, 1))
    return split(drawn + noise * draw.normal(size=drawn.shape), kind, seed)


def coins(seed: int, n: int = 2200) -> Rows:
    """Up to six small and large coins on a grey table [1, 16, 16]; what they are worth, scaled; [1]."""
    draw = np.random.default_rng([seed, 908])
    down, across = np.meshgrid(np.arange(16), np.arange(16), indexing="ij")
    drawn, worth = np.zeros((n, 1, 16, 16)), np.zeros(n)
    for row in range(n):
        for _ in range(draw.integers(1, 7)):
            large = draw.random() < 0.4
            far = np.hypot(down - draw.uniform(2, 13), across - draw.uniform(2, 13))
            drawn[row, 0] = np.maximum(
                drawn[row, 0], (far < (2.4 if large else 1.5)) * draw.uniform(0.8, 1.2)
            )
            worth[row] += 2.0 if large else 1.0
    pictures = (drawn + 0.1 * draw.normal(size=drawn.shape) - 0.2) / 0.4
    worth = (worth - worth.mean()) / worth.std()
    return split(pictures, worth[:, None], seed)


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    found = load_digits()
    return found.images.astype(np.float32), found.target.astype(np.int64)


def handwriting(seed: int) -> Rows:
    """The bundled digits as [1, 8, 8] from -1 to 1; 10 classes."""
    pictures, targets = _digits()
    return split(pictures[:, None] / 8 - 1, targets, seed)


def engines(seed: int, n: int = 1600, length: int = 24) -> Rows:
    """Two sensors of an engine over time [length, 2]: sound, a missing beat, a drift or a late second; 4."""
    draw = np.random.default_rng([seed, 909])
    kind = draw.integers(4, size=n)
    time, pace = np.arange(length), draw.uniform(0.7, 0.9, n)[:, None]
    start = draw.uniform(0, 2 * np.pi, n)[:, None]
    first = np.sin(pace * time + start)
    late = np.where(kind == 3, 1.6, 0.3)[:, None]
    second = np.sin(pace * time + start - late)
    at = draw.integers(4, length - 8, n)[:, None]
    gone = (kind == 1)[:, None] & (time >= at) & (time < at + 5)
    first, second = np.where(gone, 0.0, first), np.where(gone, 0.0, second)
    first = first + (kind == 2)[:, None] * np.linspace(-0.9, 0.9, length)
    beats = np.stack([first, second], -1)
    return split(beats + 0.25 * draw.normal(size=beats.shape), kind, seed)


def _flows(seed: int, n: int, length: int) -> np.ndarray:
    draw = np.random.default_rng([seed, 910])
    rain = draw.gamma(0.35, 2.0, (n, length)) * (draw.random((n, length)) < 0.4)
    soil, level = np.zeros(n), np.zeros(n)
    for t in range(length):
        soil = 0.8 * soil + rain[:, t]
        level = 0.6 * level + np.clip(soil - 1.0, 0, None)
    after = level + 0.05 * draw.normal(size=n)
    return np.concatenate([rain, ((after - after.mean()) / after.std())[:, None]], 1)


def rivers(seed: int, n: int = 1200, length: int = 18) -> Rows:
    """Rain of some hours [length, 1]; the river's level after them, scaled; [1]."""
    flows = _flows(seed, n, length)
    return split(flows[:, :-1, None] - 0.3, flows[:, -1:], seed)


def basins(seed: int, n: int = 1200, length: int = 18) -> Rows:
    """The same rain as a flat row of hours [length]."""
    flows = _flows(seed, n, length)
    return split(flows[:, :-1] - 0.3, flows[:, -1:], seed)


def questions(seed: int, n: int = 1600, length: int = 14, words: int = 50) -> Rows:
    """Words [length] of a question to a help desk; which of four desks? A word of the first twenty tells the
    desk, but the first of two such words counts.
    """
    draw = np.random.default_rng([seed, 911])
    tokens = draw.integers(21, words, (n, length))
    desk = draw.integers(4, size=n)
    places = np.sort(np.argsort(draw.random((n, length)), 1)[:, :3], 1)
    other = (desk + draw.integers(0, 4, n)) % 4
    for place, which in ((0, desk), (1, desk), (2, other)):
        tokens[np.arange(n), places[:, place]] = 1 + which * 5 + draw.integers(0, 5, n)
    return split(tokens, desk, seed)


def names(seed: int, n: int = 1200, length: int = 12, words: int = 40) -> Rows:
    """Words [length]; at each place: other (0), title (1), name after a title (2), place after "in" (3)."""
    draw = np.random.default_rng([seed, 912])
    tokens = draw.integers(8, words, (n, length))
    tokens[draw.random((n, length)) < 0.2] = 1
    tokens[draw.random((n, length)) < 0.15] = 2
    tokens[draw.random((n, length)) < 0.15] = 3
    tags = np.zeros_like(tokens)
    tags[(tokens == 1) | (tokens == 2)] = 1
    plain, before = tokens[:, 1:] > 3, tokens[:, :-1]
    tags[:, 1:][plain & ((before == 1) | (before == 2))] = 2
    tags[:, 1:][plain & (before == 3)] = 3
    return split(tokens, tags, seed)


def rhymes(seed: int, n: int = 1200, length: int = 14, words: int = 16) -> Rows:
    """Syllables [length] and the next of each: 4 of 5 follow from the one before, by the seed's own table."""
    draw = np.random.default_rng([seed, 913])
    follow = draw.permutation(words - 1) + 1
    text = draw.integers(1, words, (n, length + 1))
    for t in range(1, length + 1):
        usual = draw.random(n) < 0.8
        text[usual, t] = follow[text[usual, t - 1] - 1]
    return split(text[:, :-1], text[:, 1:], seed)


def fewer(rows: Rows, most: int) -> Rows:
    """Only the first `most` rows to train on."""
    return Rows((rows.train[0][:most], rows.train[1][:most]), rows.valid, rows.test)


def mislabelled(rows: Rows, share: float, classes: int, seed: int) -> Rows:
    """A `share` of the rows to train and to validate on gets another class, drawn at random."""
    draw = torch.Generator().manual_seed(seed + 77)

    def spoilt(y: torch.Tensor) -> torch.Tensor:
        wrong = torch.rand(y.shape, generator=draw) < share
        return torch.where(wrong, (y + torch.randint(1, classes, y.shape, generator=draw)) % classes, y)

    (x, y), (u, v) = rows.train, rows.valid
    return Rows((x, spoilt(y)), (u, spoilt(v)), rows.test)


def merged(rows: Rows, share: float, classes: int) -> Rows:
    """A `share` of the rows to train on stands there once more, from a list that counts classes from one."""
    x, y = rows.train
    twice = int(share * len(x)) // 32 * 32
    other = (y[:twice] + 1) % classes
    return Rows((torch.cat([x, x[:twice]]), torch.cat([y, other])), rows.valid, rows.test)
