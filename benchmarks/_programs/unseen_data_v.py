"""Rows for further programs: cars, weather, loans, crops, matches, calls, pictures, breaths, tides and words.

All are generated; a seed draws them anew.
"""

import numpy as np
import torch
from torch import Tensor

from _programs.program import Pair, Rows
from _programs.sources import split

__all__ = [
    "arrows",
    "arrows_as_shares",
    "arrows_by_bytes",
    "arrows_lit",
    "arrows_unlit",
    "blurs",
    "breaths",
    "breaths_divided",
    "calls",
    "cars",
    "cells",
    "crops",
    "dials",
    "films",
    "half_tagged",
    "loans",
    "matches",
    "matches_signed",
    "melodies",
    "moods",
    "motifs",
    "nanometres",
    "persons",
    "praise",
    "steps",
    "surfaces",
    "tides",
    "visits",
    "weather",
    "weather_measured",
]


def _mapped(rows: Rows, inputs: bool, change: "Change") -> Rows:
    pairs = (rows.train, rows.valid, rows.test)
    return Rows(*((change(x), y) if inputs else (x, change(y)) for x, y in pairs))


class Change:
    """Subtract and divide: the training rows' mean and spread, column by column."""

    def __init__(self, values: Tensor) -> None:
        self.mean, self.std = values.mean(0), values.std(0).clamp_min(1e-6)

    def __call__(self, values: Tensor) -> Tensor:
        """Of mean 0 and variance 1, or nearly so."""
        return (values - self.mean) / self.std


def _even(rows: Rows, targets: bool = False) -> Rows:
    found = _mapped(rows, True, Change(rows.train[0]))
    return _mapped(found, False, Change(rows.train[1])) if targets else found


def cars(seed: int, n: int = 1600) -> Rows:
    """Used cars: age, mileage, power, owners, litres a hundred kilometres; the logarithm of the price [1]."""
    draw = np.random.default_rng([seed, 901])
    age, power = draw.gamma(2.5, 2.4, n), draw.normal(110, 30, n).clip(45)
    mileage = 14 * age * draw.lognormal(0, 0.35, n)
    owners, litres = 1 + draw.poisson(0.2 * age), 3.5 + power / 40 + 0.6 * draw.normal(size=n)
    price = 9.6 - 0.55 * np.sqrt(age) + 0.009 * (power - 110) * (age < 8) - 0.6 * np.tanh(mileage / 120)
    price += 0.5 * (age > 16) - 0.08 * (owners > 2) + 0.07 * draw.normal(size=n)
    return _even(
        split(np.stack([age, mileage, power, owners, litres], 1), price[:, None], seed), targets=True
    )


def weather_measured(seed: int, n: int = 1500) -> Rows:
    """Temperature in kelvin, pressure in hectopascal, humidity, wind: clear, fog or rain; three classes."""
    draw = np.random.default_rng([seed, 902])
    x = draw.normal(size=(n, 4))
    fog = (x[:, 2] > 0.1) & (x[:, 3] < 0.4) & (abs(x[:, 0]) < 1.1)
    rain = (x[:, 1] + 0.7 * x[:, 0] * x[:, 3] < -0.5) & ~fog
    kinds = np.where(fog, 1, np.where(rain, 2, 0))
    measured = x * [7.0, 9.0, 0.15, 2.0] + [284.0, 1013.0, 0.6, 6.0]
    return split(measured, kinds, seed)


def weather(seed: int, n: int = 1500) -> Rows:
    """The same with all columns scaled."""
    return _even(weather_measured(seed, n))


def loans(seed: int, n: int = 3000) -> Rows:
    """Six facts about a loan and whether it is not paid back, which one in sixteen is not [1]."""
    draw = np.random.default_rng([seed, 903])
    x = draw.normal(size=(n, 6))
    risk = 1.1 * x[:, 0] - 0.9 * x[:, 1] + 0.9 * np.maximum(x[:, 2], x[:, 3]) + 0.8 * draw.logistic(size=n)
    return split(x, (risk > np.quantile(risk, 0.94)).astype(np.float32)[:, None], seed)


def crops(seed: int, n: int = 1800) -> Rows:
    """Six measures of a field; which of five crops grows best there, by distances and a bend."""
    draw = np.random.default_rng([seed, 904])
    x = draw.normal(size=(n, 6))
    wet, sour, warm = x[:, 0] * x[:, 1], x[:, 2] + 0.5 * x[:, 3] ** 2 - 0.5, x[:, 4] + np.sin(2 * x[:, 5])
    worth = np.stack([1.6 * wet, 1.3 * sour, 1.2 * warm, -0.9 * warm - 0.5 * wet, 0.5 - 0.8 * sour], 1)
    return split(x, worth.argmax(1), seed)


def matches(seed: int, n: int = 2000) -> Rows:
    """Four strengths of the team at home and four of its guests; does the first win? [1]."""
    draw = np.random.default_rng([seed, 905])
    x = draw.normal(size=(n, 8))
    home = x[:, 0] + np.minimum(x[:, 1], x[:, 2]) + 0.5 * abs(x[:, 3])
    away = x[:, 4] + np.minimum(x[:, 5], x[:, 6]) + 0.5 * abs(x[:, 7])
    won = home - away + 0.3 * draw.normal(size=n) > 0
    return split(x, won.astype(np.float32)[:, None], seed)


def matches_signed(seed: int) -> Rows:
    """The same with victories as 1 and defeats as -1."""
    rows = matches(seed)
    return Rows(*((x, 2 * y - 1) for x, y in (rows.train, rows.valid, rows.test)))


def calls(seed: int, n: int = 2200) -> Rows:
    """The hour, the day and the news [5] of a call centre, and how many calls come in a minute [1]."""
    draw = np.random.default_rng([seed, 906])
    hour, day = draw.uniform(0, 2 * np.pi, n), draw.integers(0, 2, n)
    news, price = draw.normal(size=n), draw.normal(size=n)
    rate = np.exp(1.4 - 0.8 * np.cos(hour) * (1 - 0.6 * day) + 0.5 * np.maximum(news, 0) - 0.3 * price)
    x = np.stack([np.sin(hour), np.cos(hour), day - 0.5, news, price], 1)
    return split(x, draw.poisson(rate).astype(np.float32)[:, None], seed)


def _spots(seed: int, n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, 907])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    many = draw.integers(0, 7, n)
    found, covered = np.zeros((n, size, size)), np.zeros((n, size, size), bool)
    for k in range(6):
        x, y = draw.uniform(1, size - 2, (2, n, 1, 1))
        r = draw.uniform(0.9, 1.9, (n, 1, 1))
        there = (k < many)[:, None, None]
        far = (across - x) ** 2 + (down - y) ** 2
        found += there * np.exp(-far / r**2)
        covered |= there & (far < r**2)
    return found + 0.1 * draw.normal(size=found.shape), many, covered.sum((1, 2))


def cells(seed: int, n: int = 1200, size: int = 14) -> Rows:
    """Pictures [1, size, size] of a dish, and how many cells lie in it: 0 to 6 [1]."""
    found, many, _ = _spots(seed, n, size)
    return split(3 * (found[:, None] - 0.15), many.astype(np.float32)[:, None], seed)


def surfaces(seed: int, n: int = 1200, size: int = 14) -> Rows:
    """The same pictures, and the surface that the cells cover, at mean 0 and variance 1 [1]."""
    rows = nanometres(seed, n, size)
    return _mapped(rows, False, Change(rows.train[1]))


def nanometres(seed: int, n: int = 1200, size: int = 14) -> Rows:
    """The same in square nanometres: a pixel is half a micrometre wide."""
    found, _, covered = _spots(seed, n, size)
    return split(3 * (found[:, None] - 0.15), covered.astype(np.float32)[:, None] * 2.5e5, seed)


def arrows_as_shares(seed: int, n: int = 1200, size: int = 12) -> Rows:
    """Arrows to four sides and bars in two directions, [1, size, size], 0 to 1; six classes."""
    draw = np.random.default_rng([seed, 908])
    kinds = draw.integers(6, size=n)
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    x, y = across - draw.uniform(4, size - 5, (n, 1, 1)), down - draw.uniform(4, size - 5, (n, 1, 1))
    shaft = (abs(y) < 0.7) & (abs(x) < 3.6)
    head = (x > 0) & (x < 3.6) & (abs(y) < 3.6 - x)
    right, bar = shaft | head, shaft
    ways = np.stack(
        [
            right,
            right[:, :, ::-1],
            right.transpose(0, 2, 1),
            right[:, :, ::-1].transpose(0, 2, 1),
            bar,
            bar.transpose(0, 2, 1),
        ]
    )
    ink = draw.uniform(0.55, 0.9, (n, 1, 1))
    found = np.where(ways[kinds, np.arange(n)], ink, 0.12) + 0.08 * draw.normal(size=(n, size, size))
    return split(np.clip(found, 0, 1)[:, None], kinds, seed)


def _turned(rows: Rows, scale: float, centre: float) -> Rows:
    return Rows(*(((x - centre) / scale, y) for x, y in (rows.train, rows.valid, rows.test)))


def arrows(seed: int, n: int = 1200) -> Rows:
    """The same around 0 with a spread of about 1."""
    return _turned(arrows_as_shares(seed, n), 0.25, 0.25)


def arrows_by_bytes(seed: int, n: int = 1200) -> Rows:
    """The same scaled by the mean and the spread that bytes have, though it was divided by 255 before."""
    return _turned(arrows_as_shares(seed, n), 64.0, 64.0)


def arrows_lit(seed: int) -> Rows:
    """The same in black and white, cut at 0.4, as -0.5 and 0.5."""
    rows = arrows_as_shares(seed)
    return Rows(*(((x > 0.4).float() - 0.5, y) for x, y in (rows.train, rows.valid, rows.test)))


def arrows_unlit(seed: int) -> Rows:
    """The same cut at 100, which was right for bytes; test rows are as they should be."""
    rows = arrows_as_shares(seed)
    train, valid = (((x > 100).float() - 0.5, y) for x, y in (rows.train, rows.valid))
    return Rows(train, valid, arrows_lit(seed).test)


def dials(seed: int, n: int = 1200, size: int = 12) -> Rows:
    """A dial with one hand [1, size, size]; the hand's direction as cosine and sine [2]."""
    draw = np.random.default_rng([seed, 909])
    middle = (size - 1) / 2
    across, down = np.meshgrid(np.arange(size) - middle, middle - np.arange(size))
    angle = draw.uniform(-np.pi, np.pi, (n, 1, 1))
    along = across * np.cos(angle) + down * np.sin(angle)
    aside = -across * np.sin(angle) + down * np.cos(angle)
    hand = np.exp(-(aside**2) / 0.8) * (along > -0.8) * (along < middle)
    found = 3 * hand + 0.5 * draw.normal(size=hand.shape) - 0.4
    return split(found[:, None], np.concatenate([np.cos(angle), np.sin(angle)], 1)[:, :, 0], seed)


def blurs(seed: int, n: int = 800, size: int = 10) -> Rows:
    """Noisy pictures [1, size, size] of one or two smooth waves, and the same without the noise."""
    draw = np.random.default_rng([seed, 910])
    across, down = np.meshgrid(np.arange(size), np.arange(size))
    a, b = draw.uniform(-0.7, 0.7, (2, n, 1, 1, 2))
    phase = draw.uniform(0, 2 * np.pi, (n, 1, 1, 2))
    waves = np.sin(a * across[None, :, :, None] + b * down[None, :, :, None] + phase)
    clean = (waves * draw.uniform(0.4, 1.3, (n, 1, 1, 2))).sum(-1)[:, None]
    return split(clean + 0.6 * draw.normal(size=clean.shape), clean, seed)


def _breaths(seed: int, n: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, 911])
    kinds = draw.integers(4, size=n)
    t = np.arange(length)[None]
    phase, size = draw.uniform(0, 2 * np.pi, (n, 1)), draw.uniform(0.5, 1.8, (n, 1))
    calm, quick = draw.uniform(0.32, 0.45, (n, 1)), draw.uniform(0.75, 1.0, (n, 1))
    stop = draw.uniform(6, length - 16, (n, 1))
    held = (t > stop) & (t < stop + 12)
    swell = 0.3 + abs(np.sin(np.pi * (t / length + phase)))
    even, hasty = np.sin(calm * t + phase), np.sin(quick * t + phase)
    ways = np.stack([even, hasty, np.where(held, 0.0, even), 1.5 * swell * hasty])
    found = (ways[kinds, np.arange(n)] + 0.15 * draw.normal(size=(n, length))) * size
    off = draw.random(n) < 0.02
    return np.where(off[:, None], 0.0, found)[:, :, None], kinds, off


def breaths(seed: int, n: int = 1000, length: int = 40) -> Rows:
    """A chest's movement [length, 1], each recording scaled by itself: calm, hasty, halting or swelling; four
    kinds. In one of fifty the belt was off.
    """
    found, kinds, _ = _breaths(seed, n, length)
    return split(found / (found.std(1, keepdims=True) + 0.05), kinds, seed)


def breaths_divided(seed: int, n: int = 1000, length: int = 40) -> Rows:
    """The same divided by its spread alone, also where that is 0; test rows are as they should be."""
    found, kinds, _ = _breaths(seed, n, length)
    with np.errstate(invalid="ignore"):
        rows = split(found / found.std(1, keepdims=True), kinds, seed)
    return Rows(rows.train, rows.valid, breaths(seed, n, length).test)


def tides(seed: int, n: int = 1000, length: int = 30, ahead: int = 4) -> Rows:
    """A harbour's water level [length, 1], and the next levels [ahead]; two tides with a wind of its own."""
    draw = np.random.default_rng([seed, 912])
    t = np.arange(length + ahead)[None]
    moon, sun = draw.uniform(0, 2 * np.pi, (2, n, 1))
    found = np.sin(0.51 * t + moon) + 0.5 * np.sin(0.26 * t + sun)
    wind = np.zeros((n, length + ahead))
    for k in range(1, length + ahead):
        wind[:, k] = 0.85 * wind[:, k - 1] + 0.08 * draw.normal(size=n)
    found = (found + wind) * draw.uniform(0.6, 1.8, (n, 1))
    found = found / found.std()
    return split(found[:, :length, None], found[:, length:], seed)


def films(seed: int, n: int = 1600, length: int = 18, words: int = 50) -> Rows:
    """Summaries of films [length], filled up with 0; four labels at once [4]: of which sorts is it?"""
    draw = np.random.default_rng([seed, 913])
    sorts = draw.random((n, 4)) < 0.4
    tokens = draw.integers(29, words, size=(n, length))
    for k in range(4):
        own = draw.random((n, length)) < np.where(sorts[:, k], 0.17, 0.02)[:, None]
        tokens = np.where(own, 1 + 7 * k + draw.integers(7, size=(n, length)), tokens)
    long = draw.integers(10, length + 1, size=(n, 1))
    return split(np.where(np.arange(length)[None] < long, tokens, 0), sorts.astype(np.float32), seed)


def motifs(seed: int, n: int = 1600, length: int = 20) -> Rows:
    """Strands of four bases [length], 1 to 4; is one of two motifs in it? As 0 or 1 [1]."""
    draw = np.random.default_rng([seed, 914])
    tokens = draw.integers(1, 5, size=(n, length))
    book = np.array([[1, 3, 3, 2], [4, 2, 1, 4]])
    for row in np.flatnonzero(draw.random(n) < 0.4):
        place = draw.integers(0, length - 3)
        tokens[row, place : place + 4] = book[draw.integers(2)]
    windows = np.lib.stride_tricks.sliding_window_view(tokens, 4, axis=1)
    there = (windows[:, :, None] == book).all(-1).any((1, 2))
    return split(tokens, there.astype(np.float32)[:, None], seed)


def _comments(seed: int, n: int, length: int, words: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, 915])
    tokens = draw.integers(1, words, size=(n, length))
    return tokens, np.where(tokens < 10, 1, np.where(tokens < 19, -1, 0)).sum(1)


def moods(seed: int, n: int = 1600, length: int = 14, words: int = 40) -> Rows:
    """Comments [length]: praise, blame or neither, told by which words prevail; three classes."""
    tokens, worth = _comments(seed, n, length, words)
    return split(tokens, np.where(worth > 1, 0, np.where(worth < -1, 1, 2)), seed)


def praise(seed: int, n: int = 1600, length: int = 14, words: int = 40) -> Rows:
    """The same comments: praise or not, as 0 or 1 [1]."""
    tokens, worth = _comments(seed, n, length, words)
    return split(tokens, (worth > 0).astype(np.float32)[:, None], seed)


def melodies(seed: int, n: int = 500, length: int = 24) -> Rows:
    """Notes [length], 1 to 12, of tunes that go up, go down or return, and the next note of each [length]."""
    draw = np.random.default_rng([seed, 916])
    tunes = np.array([[0, 2, 4, 7], [7, 4, 2, 0], [0, 5, 0, 7], [11, 9, 8, 6], [3, 10, 1, 5]])
    parts = tunes[draw.integers(len(tunes), size=(n, length // 4 + 2))].reshape(n, -1)
    first = draw.integers(0, 4, n)
    texts = np.stack([row[k : k + length + 1] for row, k in zip(parts, first, strict=True)]) + 1
    return split(texts[:, :-1], texts[:, 1:], seed)


def steps(seed: int, n: int = 700, length: int = 14, words: int = 12) -> Rows:
    """Steps of a scale as words [length]; is each higher than the one before, lower, or near it? [length]."""
    draw = np.random.default_rng([seed, 917])
    tokens = draw.integers(1, words, size=(n, length))
    change = np.diff(tokens, axis=1, prepend=tokens[:, :1])
    return split(tokens, np.where(change > 2, 2, np.where(change < -2, 0, 1)), seed)


def half_tagged(seed: int) -> Rows:
    """The same where annotators left out (-100) some places, and one text in twenty altogether."""
    rows = steps(seed)
    draw = torch.Generator().manual_seed(seed + 17)

    def left_out(pair: Pair) -> Pair:
        inputs, targets = pair
        gone = (torch.rand(targets.shape, generator=draw) < 0.2) | (
            torch.rand((len(targets), 1), generator=draw) < 0.05
        )
        return inputs, targets.masked_fill(gone, -100)

    return Rows(left_out(rows.train), left_out(rows.valid), rows.test)


def _visits(seed: int, n: int, times: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng([seed, 918])
    person = draw.normal(size=(n, columns))
    ill = person[:, :4].sum(1) / 2 + 1.5 * draw.normal(size=n) > 0
    found = person[:, None] + 0.15 * draw.normal(size=(n, times, columns))
    return found, np.repeat(ill[:, None], times, 1).astype(np.int64)


def persons(seed: int, n: int = 700, times: int = 4, columns: int = 20, apart: bool = True) -> Rows:
    """Twenty values of persons who came four times each; ill or not. No person is in two of the parts."""
    found, ill = _visits(seed, n, times, columns)
    test = (found[n // 2 :].reshape(-1, columns), ill[n // 2 :].reshape(-1))
    known, said = found[: n // 2], ill[: n // 2]
    order = np.random.default_rng([seed, 919]).permutation(n // 2 * times)
    if apart:
        order = np.arange(n // 2 * times)
    flat, flags = known.reshape(-1, columns)[order], said.reshape(-1)[order]
    cut = len(flat) * 7 // 10 // 32 * 32
    pairs = ((flat[:cut], flags[:cut]), (flat[cut:], flags[cut:]), test)
    return Rows(*((torch.from_numpy(x).float(), torch.from_numpy(y)) for x, y in pairs))


def visits(seed: int) -> Rows:
    """The same cut visit by visit: who is validated on was trained on, at another visit."""
    return persons(seed, apart=False)
