"""Rows with one mistake each, made of the rows without it. Test rows stay clean."""

from collections.abc import Callable

import torch

from _programs.held_data_courses import mails, motions
from _programs.held_data_pictures import figures, strokes_bytes
from _programs.held_data_records import arms, hires, houses, houses_raw
from _programs.program import Pair, Rows

__all__ = [
    "bright_pixels",
    "cleared_by_division",
    "coarse",
    "converter_counts",
    "divided_again",
    "drawn_apart",
    "emptied",
    "hires_log",
    "in_euros",
    "known_before",
    "late",
    "mistyped",
    "ordered_alone",
    "since_1970",
    "to_first_word",
]

Source = Callable[[int], Rows]


def _each(rows: Rows, change: Callable[[Pair], Pair]) -> Rows:
    """`change` of training and validation rows."""
    return Rows(change(rows.train), change(rows.valid), rows.test)


def _drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bright_pixels(seed: int, more: float = 1.0) -> Rows:
    """Digits as logarithms of `more` + grey value, about 0. Without anything more, that of black is minus
    infinity.
    """
    rows = figures(seed)

    def part(pair: Pair, more: float) -> Pair:
        return (8 * (pair[0] + 1) + more).log() - 1, pair[1]

    return Rows(part(rows.train, more), part(rows.valid, more), part(rows.test, 1.0))


def since_1970(seed: int, scaled: bool = False) -> Rows:
    """Houses with the second of their sale as one more column: about one and a half thousand million."""
    rows, drawn = houses(seed), _drawn(seed)

    def part(pair: Pair) -> Pair:
        sold = torch.randn(len(pair[0]), 1, generator=drawn)
        return torch.cat([pair[0], sold if scaled else 1.5e9 + 6e7 * sold], 1), pair[1]

    return Rows(part(rows.train), part(rows.valid), part(rows.test))


def converter_counts(seed: int) -> Rows:
    """A worn sensor's readings as its converter counts them: 2,048 is zero, 410 make one g."""
    rows = motions(seed)
    return Rows(*((2048 + (410 * x).round(), y) for x, y in (rows.train, rows.valid, rows.test)))


def divided_again(seed: int) -> Rows:
    """The readings, already in g, divided by a thousand times 9.81, as if they were millimetres per s²."""
    rows = motions(seed)
    return Rows(*((x / 9810, y) for x, y in (rows.train, rows.valid, rows.test)))


def cleared_by_division(seed: int) -> Rows:
    """Bytes divided by 255 as whole numbers; test rows as they should be."""
    rows = strokes_bytes(seed)
    plain = Rows(rows.train, rows.valid, (rows.test[0] / 255, rows.test[1]))
    return _each(plain, lambda pair: (pair[0] // 255, pair[1]))


def emptied(seed: int) -> Rows:
    """Words filled up on the left to 32 and cut to the first 16: nothing is left but the filling."""

    def change(pair: Pair) -> Pair:
        filled = torch.cat([torch.zeros_like(pair[0]), pair[0]], 1)
        return filled[:, : pair[0].shape[1]], pair[1]

    return _each(mails(seed), change)


def hires_log(seed: int, more: float = 0.0) -> Rows:
    """Logarithms of hired bicycles; in some hours of the night there were none."""
    rows = hires(seed)
    clean = Rows(rows.train, rows.valid, (rows.test[0], rows.test[1].log1p() - 2))
    return _each(clean, lambda pair: (pair[0], (pair[1] + more).log() - 2))


def in_euros(seed: int) -> Rows:
    """Scaled columns of houses, and prices in euros."""
    raw, plain = houses_raw(seed), houses(seed)
    return Rows((plain.train[0], raw.train[1]), (plain.valid[0], raw.valid[1]), (plain.test[0], raw.test[1]))


def known_before(rows: Rows, seed: int) -> Rows:
    """Every row twice, mixed, then cut: all validation rows are training rows too."""
    places = torch.randperm(len(rows.train[0]), generator=_drawn(seed))[: len(rows.valid[0])]
    return Rows(rows.train, (rows.train[0][places], rows.train[1][places]), rows.test)


def drawn_apart(seed: int) -> Rows:
    """Inputs and targets cut into parts by two calls, each with a random order of its own."""
    drawn = _drawn(seed)
    return _each(arms(seed), lambda pair: (pair[0], pair[1][torch.randperm(len(pair[1]), generator=drawn)]))


def ordered_alone(seed: int) -> Rows:
    """Texts sorted by their length, so that batches need little filling; their labels were not sorted."""

    def change(pair: Pair) -> Pair:
        return pair[0][(pair[0] > 0).sum(1).argsort(stable=True)], pair[1]

    return _each(mails(seed), change)


def late(source: Source, rows: int) -> Source:
    """Targets that belong `rows` rows earlier."""
    return lambda seed: _each(source(seed), lambda pair: (pair[0], pair[1].roll(rows, 0)))


def coarse(source: Source) -> Source:
    """Coordinates stored to the nearest two metres."""
    return lambda seed: _each(source(seed), lambda pair: ((pair[0] / 2).round() * 2, pair[1]))


def to_first_word(seed: int) -> Rows:
    """Texts of which an index too many kept only the first word."""
    return _each(mails(seed), lambda pair: (pair[0][:, :1], pair[1]))


def mistyped(source: Source, share: float, classes: int) -> Source:
    """A share of the labels is any class at all."""

    def rows(seed: int) -> Rows:
        drawn = _drawn(seed)

        def change(pair: Pair) -> Pair:
            wrong = torch.rand(len(pair[1]), generator=drawn) < share
            other = torch.randint(classes, (len(pair[1]),), generator=drawn)
            return pair[0], torch.where(wrong, other, pair[1])

        return _each(source(seed), change)

    return rows
