"""Rows of fields, loans, minerals, dials, glyphs, engines, rivers, reviews, recipes and melodies.

All but the bundled tables are generated; every source takes a seed, which draws or splits the rows anew.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor

from _programs.program import Rows
from _programs.sources import split

__all__ = [
    "biopsies",
    "biopsies_as_measured",
    "crops",
    "crops_in_kilograms",
    "crops_shared",
    "crops_with_quality",
    "dials",
    "dials_flat",
    "engines",
    "engines_with_gaps",
    "glyphs",
    "glyphs_shuffled",
    "loans",
    "loans_with_gaps",
    "melodies",
    "minerals",
    "minerals_shifted",
    "numbers",
    "numbers_divided_twice",
    "recipes",
    "reviews",
    "rivers",
    "rivers_as_measured",
    "rivers_in_centimetres",
    "rivers_standardised_twice",
    "visits",
]

Each = Callable[[Tensor], Tensor]


def _inputs(rows: Rows, change: Each) -> Rows:
    return Rows(*((change(x), y) for x, y in (rows.train, rows.valid, rows.test)))


def _targets(rows: Rows, change: Each) -> Rows:
    return Rows(*((x, change(y)) for x, y in (rows.train, rows.valid, rows.test)))


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread of the last axis' columns."""
    columns = x.reshape(-1, x.shape[-1])
    return columns.mean(0), columns.std(0).clamp_min(1e-6)


def _standardised(rows: Rows, inputs: bool = True, targets: bool = False) -> Rows:
    """Columns at mean 0 and variance 1 over the training rows."""
    if inputs:
        mean, std = _statistics(rows.train[0])
        rows = _inputs(rows, lambda x: (x - mean) / std)
    if targets:
        centre, spread = _statistics(rows.train[1])
        rows = _targets(rows, lambda y: (y - centre) / spread)
    return rows


def _crops(seed: int, n: int = 2800) -> Rows:
    draw = np.random.default_rng([seed, 701])
    rain, warm = draw.normal(620, 130, n), draw.normal(14, 3.5, n)
    acid, nitrogen = draw.normal(6.4, 0.7, n), draw.gamma(4.0, 30.0, n)
    high, humus = draw.uniform(0, 1200, n), draw.gamma(3.0, 1.0, n)
    fed = 3.4 * (1 - np.exp(-nitrogen / 90)) * (1 - 0.5 * (high > 800))
    wet = 2.2 * np.exp(-(((rain - 640) / 160) ** 2)) * np.exp(-(((warm - 15) / 5) ** 2))
    grown = 1.2 + fed + wet - 0.7 * np.abs(acid - 6.5) + 0.25 * humus + 0.25 * draw.normal(size=n)
    fine = np.tanh((warm - 14) / 4) - 0.4 * fed + 0.3 * humus + 0.2 * draw.normal(size=n)
    kilograms = np.stack([1000 * grown, fine], 1)
    return split(np.stack([rain, warm, acid, nitrogen, high, humus], 1), kilograms, seed)


def crops(seed: int) -> Rows:
    """Fields: rain, warmth, acidity, nitrogen, height, humus; the harvest. All scaled; [1]."""
    return _targets(_standardised(_crops(seed), targets=True), lambda y: y[:, :1])


def crops_in_kilograms(seed: int) -> Rows:
    """The same with harvests as they are weighed, some 4,000 kilograms."""
    return _targets(_standardised(_crops(seed)), lambda y: y[:, :1])


def crops_with_quality(seed: int) -> Rows:
    """The same scaled; harvest and quality [2]."""
    return _standardised(_crops(seed), targets=True)


def crops_shared(seed: int) -> Rows:
    """The same; the harvest as a share of the possible one, between 0 and 1 [1]."""
    return _targets(crops(seed), lambda y: (0.5 + y / 8).clamp(0.02, 0.98))


def loans(seed: int, n: int = 2200) -> Rows:
    """Loans: income, sum, years, age, earlier ones, own house; are they paid back? Scaled; [1]."""
    draw = np.random.default_rng([seed, 702])
    income, asked = draw.lognormal(10.5, 0.5, n), draw.lognormal(9.6, 0.7, n)
    years, age = draw.integers(1, 12, n), draw.uniform(19, 75, n)
    before, house = draw.poisson(1.3, n), draw.random(n) < 0.4
    burden = np.log(asked / income * 3.0) - 0.08 * years
    safe = 1.1 - 2.2 * burden * np.where(house, 0.3, 1.0) - 1.6 * (age < 30) * (before > 1)
    safe += 1.2 * np.cos((age - 45) / 9) + 0.3 * draw.logistic(size=n) - 0.6
    inputs = np.column_stack([income, asked, years, age, before, house]).astype(float)
    return _standardised(split(inputs, (safe > 0).astype(np.float32)[:, None], seed))


def loans_with_gaps(seed: int, share: float = 0.03) -> Rows:
    """The same; of some rows for training and validation the income is not known, which is told by NaN."""
    rows, draw = loans(seed), torch.Generator().manual_seed(seed)

    def gaps(x: Tensor) -> Tensor:
        x = x.clone()
        x[torch.rand(len(x), generator=draw) < share, 0] = torch.nan
        return x

    return replace(
        rows, train=(gaps(rows.train[0]), rows.train[1]), valid=(gaps(rows.valid[0]), rows.valid[1])
    )


def minerals(seed: int, n: int = 1800, columns: int = 8, classes: int = 5) -> Rows:
    """Measures [8] of minerals of five classes; every class has three varieties far from each other."""
    draw = np.random.default_rng([seed, 703])
    centres = np.random.default_rng(70).normal(size=(3 * classes, columns)) * 1.3
    variety = draw.integers(3 * classes, size=n)
    x = centres[variety] + 0.55 * draw.normal(size=(n, columns))
    return _standardised(split(x, variety % classes, seed))


def minerals_shifted(seed: int) -> Rows:
    """The same; the labels' file for training and validation begins one row late."""
    rows = minerals(seed)
    (x, y), (vx, vy) = rows.train, rows.valid
    return replace(rows, train=(x, y.roll(1, 0)), valid=(vx, vy.roll(1, 0)))


def visits(seed: int, n: int = 2000) -> Rows:
    """A shop's day [5] and how many come: 0 to some 40 [1]."""
    draw = np.random.default_rng([seed, 704])
    x = draw.normal(size=(n, 5))
    rate = np.exp(1.6 + 0.5 * np.sin(1.5 * x[:, 0]) + 0.4 * x[:, 1] * (x[:, 2] > 0) - 0.3 * np.abs(x[:, 3]))
    return split(x, draw.poisson(rate).astype(np.float32)[:, None], seed)


@cache
def _bundled(name: str) -> tuple[np.ndarray, np.ndarray]:
    found = {"biopsies": load_breast_cancer, "numbers": load_digits}[name]()
    return np.asarray(found.data, np.float32), np.asarray(found.target)


def biopsies_as_measured(seed: int) -> Rows:
    """569 biopsies with 30 measures from 0.001 to 4,000; benign or not."""
    inputs, targets = _bundled("biopsies")
    return split(inputs, targets.astype(np.int64), seed)


def biopsies(seed: int) -> Rows:
    """The same scaled."""
    return _standardised(biopsies_as_measured(seed))


def numbers(seed: int) -> Rows:
    """1,797 handwritten digits [1, 8, 8] between 0 and 1; 10 classes."""
    inputs, targets = _bundled("numbers")
    return split(inputs.reshape(-1, 1, 8, 8) / 16, targets.astype(np.int64), seed)


def numbers_divided_twice(seed: int) -> Rows:
    """The same as bytes that were divided by 255 when read and once more before training."""
    return _inputs(numbers(seed), lambda x: x / 255)


def glyphs(seed: int, n: int = 2600, size: int = 12) -> Rows:
    """Strokes in noise [1, size, size]: bars, a cross, a corner, a ring, a stair; six classes."""
    draw = np.random.default_rng([seed, 705])
    kinds = draw.integers(6, size=n)
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    x = across - draw.uniform(3.5, size - 4.5, (n, 1, 1))
    y = down - draw.uniform(3.5, size - 4.5, (n, 1, 1))
    r = draw.uniform(2.4, 3.6, (n, 1, 1))
    flat, tall = (abs(y) < 0.8) & (abs(x) < r), (abs(x) < 0.8) & (abs(y) < r)
    corner = ((abs(y - r) < 0.8) & (abs(x) < r)) | ((abs(x + r) < 0.8) & (abs(y) < r))
    ring = abs(np.hypot(x, y) - r) < 0.7
    stair = (abs(x - y) < 1.0) & (abs(x) < r)
    strokes = np.stack([flat, tall, flat | tall, corner, ring, stair])[kinds, np.arange(n)]
    found = strokes * draw.uniform(0.9, 1.8, (n, 1, 1)) + 0.3 * draw.normal(size=(n, size, size))
    return split((found / 0.5 - 0.4)[:, None], kinds, seed)


def glyphs_shuffled(seed: int) -> Rows:
    """The same; the pictures for training and validation were shuffled without their labels."""
    return _shuffled(glyphs(seed), seed)


def _shuffled(rows: Rows, seed: int) -> Rows:
    draw = torch.Generator().manual_seed(seed)
    (x, y), (vx, vy) = rows.train, rows.valid
    x, vx = x[torch.randperm(len(x), generator=draw)], vx[torch.randperm(len(vx), generator=draw)]
    return replace(rows, train=(x, y), valid=(vx, vy))


def dials(seed: int, n: int = 1000, size: int = 12) -> Rows:
    """Pointers on a dial [1, size, size]; where their tip is, scaled [2]."""
    draw = np.random.default_rng([seed, 706])
    angle, long = draw.uniform(-np.pi, np.pi, n), draw.uniform(2.5, 5.5, n)
    across, down = np.meshgrid(np.arange(size) - (size - 1) / 2, np.arange(size) - (size - 1) / 2)
    tip = np.stack([np.cos(angle), np.sin(angle)], 1) * long[:, None]
    along = across * np.cos(angle)[:, None, None] + down * np.sin(angle)[:, None, None]
    aside = -across * np.sin(angle)[:, None, None] + down * np.cos(angle)[:, None, None]
    ink = np.exp(-((aside / 0.8) ** 2)) / (1 + np.exp(-4 * (long[:, None, None] - along))) * (along > -0.5)
    found = 2.5 * ink + 0.3 * draw.normal(size=ink.shape) - 0.3
    return _standardised(split(found[:, None], tip, seed), inputs=False, targets=True)


def dials_flat(seed: int) -> Rows:
    """The same; how far to the right the tip is, as targets [B]."""
    return _targets(dials(seed), lambda y: y[:, 0])


def engines(seed: int, n: int = 1000, length: int = 24) -> Rows:
    """An engine's sound and heat [length, 2]: idle, running, failing or overheating; four classes."""
    draw = np.random.default_rng([seed, 707])
    kinds, t = draw.integers(4, size=n), np.arange(length)[None]
    speed = np.array([0.5, 1.2, 1.2, 1.2])[kinds][:, None] * draw.uniform(0.9, 1.1, (n, 1))
    start = draw.uniform(6, 14, (n, 1))
    after = t > start
    fails, heats = (kinds == 2)[:, None], (kinds == 3)[:, None]
    sound = np.sin(speed * t + draw.uniform(0, 6.28, (n, 1))) * np.where(fails & after, 0.2, 1.0)
    heat = 0.6 * np.sin(0.2 * t + draw.uniform(0, 6.28, (n, 1))) + np.where(
        heats & after, 0.25 * (t - start), 0
    )
    found = np.stack([sound, heat], -1) + 0.3 * draw.normal(size=(n, length, 2))
    return _standardised(split(found, kinds, seed))


def engines_with_gaps(seed: int, share: float = 0.04) -> Rows:
    """The same; in some rows for training and validation the sound falls out for four moments: NaN."""
    rows, draw = engines(seed), torch.Generator().manual_seed(seed)

    def gaps(x: Tensor) -> Tensor:
        x = x.clone()
        for row in (torch.rand(len(x), generator=draw) < share).nonzero()[:, 0]:
            first = int(torch.randint(x.shape[1] - 4, (1,), generator=draw))
            x[row, first : first + 4, 0] = torch.nan
        return x

    return replace(
        rows, train=(gaps(rows.train[0]), rows.train[1]), valid=(gaps(rows.valid[0]), rows.valid[1])
    )


def rivers_as_measured(seed: int, n: int = 1000, length: int = 20) -> Rows:
    """Days [length] of rain in millimetres and of a river's level, some 300 centimetres; the level on the
    day after, scaled [1].
    """
    rows = _rivers(seed, n, length)
    return _standardised(rows, inputs=False, targets=True)


def _rivers(seed: int, n: int = 1000, length: int = 20) -> Rows:
    draw = np.random.default_rng([seed, 708])
    rain = draw.gamma(0.4, 14.0, (n, length + 1))
    level = np.zeros((n, length + 1))
    level[:, 0] = draw.normal(300, 50, n)
    soil = draw.uniform(0, 30, n)
    for day in range(1, length + 1):
        soil = 0.8 * soil + 0.5 * rain[:, day - 1]
        run = 3.0 * rain[:, day - 1] * (soil > 16) + 0.5 * soil
        level[:, day] = 235 + 0.72 * (level[:, day - 1] - 235) + run + 3 * draw.normal(size=n)
    return split(np.stack([rain, level], -1)[:, :length], level[:, length:], seed)


def rivers(seed: int) -> Rows:
    """The same, all scaled."""
    return _standardised(_rivers(seed), targets=True)


def rivers_in_centimetres(seed: int) -> Rows:
    """The same, inputs scaled, targets in centimetres."""
    return _standardised(_rivers(seed))


def rivers_standardised_twice(seed: int) -> Rows:
    """The same, but mean and spread of what was measured were taken off a second time."""
    rows = rivers_as_measured(seed)
    mean, std = _statistics(rows.train[0])
    return _inputs(rows, lambda x: ((x - mean) / std - mean) / std)


def reviews(seed: int, n: int = 3000, length: int = 12, words: int = 50) -> Rows:
    """Reviews [length] as words, with praise or blame; "hardly" anywhere turns it round. Good or bad."""
    draw = np.random.default_rng([seed, 709])
    tokens = draw.integers(20, words, size=(n, length))
    kinds, turned = draw.integers(2, size=n), draw.random(n) < 0.4
    for row in range(n):
        at = draw.choice(length, size=4, replace=False)
        blamed = (kinds[row] ^ turned[row]) == 0
        said = np.where(draw.random(3) < 0.06, not blamed, blamed)
        tokens[row, at[:3]] = 2 + 9 * said + draw.integers(9, size=3)
        if turned[row]:
            tokens[row, at[3]] = 1
    return split(tokens, kinds, seed)


def recipes(seed: int, n: int = 1500, length: int = 12, words: int = 40) -> Rows:
    """Ingredients [length] as words; with nuts, milk, gluten or meat? Several at once [4]."""
    draw = np.random.default_rng([seed, 710])
    holds = draw.random((n, 4)) < 0.4
    tokens = draw.integers(17, words, size=(n, length))
    for kind in range(4):
        place = draw.integers(3, size=n) + 3 * kind
        tokens[np.arange(n)[holds[:, kind]], place[holds[:, kind]]] = (
            1 + 4 * kind + draw.integers(4, size=int(holds[:, kind].sum()))
        )
    tokens = draw.permuted(tokens, axis=1)
    return split(tokens, holds.astype(np.float32), seed)


def melodies(seed: int, n: int = 1200, length: int = 16) -> Rows:
    """Notes [length] that go up or down by the last step but one, and the next note at each place."""
    draw = np.random.default_rng([seed, 711])
    notes = np.zeros((n, length + 1), int)
    notes[:, :2] = draw.integers(12, size=(n, 2))
    for place in range(2, length + 1):
        step = (2 * notes[:, place - 1] + notes[:, place - 2] + 1) % 12
        notes[:, place] = np.where(draw.random(n) < 0.04, draw.integers(12, size=n), step)
    return split(notes[:, :-1], notes[:, 1:], seed)
