"""Mistakes in data and labels: of the size, the gaps, the sameness and the origin of what is learnt from."""

from dataclasses import replace
from functools import partial

from torch import nn

from _programs.held_data_courses import decays, loads, mails, motions
from _programs.held_data_pictures import figures, strokes, strokes_bytes
from _programs.held_data_records import progress_as_shipped, spirals
from _programs.held_nets_records import Reader, Residuals, convs, dense
from _programs.held_plans_records import (
    ARMS,
    CLAIMS,
    DECAYS,
    FIGURES,
    HIRES,
    HOUSES,
    LOADS,
    MAILS,
    MAILS_FORMER,
    MOTIONS,
    MOTIONS_WAVES,
    PROGRESS,
    SCRATCHES,
    SPIRALS,
    STROKES,
)
from _programs.held_slips_records import (
    bright_pixels,
    cleared_by_division,
    coarse,
    converter_counts,
    divided_again,
    drawn_apart,
    emptied,
    hires_log,
    in_euros,
    known_before,
    late,
    mistyped,
    ordered_alone,
    since_1970,
    to_first_word,
)
from _programs.judging import accuracy, by, explained, honestly
from _programs.program import Case, Rows
from _programs.stepping import adam, rmsprop, sgd

__all__ = ["CASES"]

_SOLD = replace(
    HOUSES,
    rows=partial(since_1970, scaled=True),
    net=partial(Residuals, 7, 24, 1),
    optimizer=adam(2e-3),
    epochs=25,
)
_PRICED = replace(HOUSES, net=partial(dense, 6, 48, 48, 1, act=nn.Tanh), optimizer=adam(2e-3), batch_size=50)
_NORMED = replace(
    STROKES, net=partial(convs, 4, 14, width=6, norm=True), optimizer=adam(2e-3), batch_size=32, epochs=8
)
_SWIFT = replace(STROKES, net=partial(convs, 4, 14, act=nn.ELU), optimizer=rmsprop(1e-3), epochs=10)
_PLAIN = replace(
    FIGURES, net=partial(convs, 10, 8, width=10, act=nn.LeakyReLU), optimizer=adam(2e-3), epochs=10
)
_SLOW = replace(MOTIONS, net=partial(Reader, nn.GRU, 3, 24, 4), optimizer=sgd(0.1, 0.9), epochs=15)
_HIRES_LOG = replace(
    HIRES, rows=partial(hires_log, more=1.0), loss=nn.SmoothL1Loss(), judge=by(explained), epochs=25
)


def _vague(seed: int) -> Rows:
    return mails(seed, telling=0.36)


def _vague_twice(seed: int) -> Rows:
    """Each letter reached the desk twice, and the pile was cut at random."""
    return known_before(_vague(seed), seed)


def _wound(seed: int) -> Rows:
    return spirals(seed, n=2000, wound=5)


_WOUND = replace(SPIRALS, rows=_wound, net=partial(dense, 2, 48, 48, 5, act=nn.ELU))
_VAGUE = replace(MAILS_FORMER, rows=_vague, judge=honestly(accuracy), epochs=8)
CASES = (
    Case(
        "logarithm-of-black-pixels",
        "CNN",
        "image",
        "inputs-not-finite",
        ("data",),
        replace(FIGURES, rows=partial(bright_pixels, more=0.0)),
        replace(FIGURES, rows=bright_pixels),
    ),
    Case(
        "seconds-since-1970",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data",),
        replace(_SOLD, rows=since_1970),
        _SOLD,
    ),
    Case(
        "counts-of-a-converter",
        "RNN",
        "sequence",
        "inputs-unscaled",
        ("data", "activation"),
        replace(MOTIONS, rows=converter_counts),
        MOTIONS,
    ),
    Case(
        "bytes-of-a-camera",
        "CNN",
        "image",
        "inputs-unscaled",
        ("data", "activation"),
        replace(STROKES, rows=strokes_bytes),
        STROKES,
    ),
    Case(
        "columns-shipped-at-unit-length",
        "MLP",
        "table",
        "inputs-scaled-twice",
        ("data",),
        replace(PROGRESS, rows=progress_as_shipped),
        PROGRESS,
    ),
    Case(
        "readings-converted-again",
        "RNN",
        "sequence",
        "inputs-scaled-twice",
        ("data",),
        replace(_SLOW, rows=divided_again),
        _SLOW,
    ),
    Case(
        "bytes-divided-as-whole-numbers",
        "CNN",
        "image",
        "inputs-constant",
        ("data",),
        replace(_NORMED, rows=cleared_by_division),
        _NORMED,
    ),
    Case(
        "only-the-filling-kept",
        "Transformer",
        "tokens",
        "inputs-constant",
        ("data",),
        replace(MAILS_FORMER, rows=emptied),
        MAILS_FORMER,
    ),
    Case(
        "logarithm-of-no-hires",
        "MLP",
        "table",
        "targets-not-finite",
        ("data",),
        replace(_HIRES_LOG, rows=hires_log),
        _HIRES_LOG,
    ),
    Case(
        "prices-in-euros",
        "MLP",
        "table",
        "targets-unscaled",
        ("data",),
        replace(_PRICED, rows=in_euros),
        _PRICED,
    ),
    Case(
        "loads-in-kilowatts",
        "Transformer",
        "sequence",
        "targets-unscaled",
        ("data",),
        replace(LOADS, rows=partial(loads, mega=30000.0)),
        LOADS,
    ),
    Case(
        "letters-that-came-twice",
        "Transformer",
        "tokens",
        "rows-leak",
        ("data",),
        replace(_VAGUE, rows=_vague_twice),
        _VAGUE,
    ),
    Case(
        "rare-claims-never-found",
        "MLP",
        "table",
        "class-imbalance",
        ("data", "loss"),
        replace(CLAIMS, loss=nn.CrossEntropyLoss()),
        CLAIMS,
    ),
    Case(
        "scratches-too-seldom",
        "CNN",
        "image",
        "class-imbalance",
        ("data", "loss"),
        replace(SCRATCHES, loss=nn.BCEWithLogitsLoss()),
        SCRATCHES,
    ),
    Case(
        "parts-drawn-apart",
        "MLP",
        "table",
        "labels-unrelated",
        ("labels",),
        replace(ARMS, rows=drawn_apart),
        ARMS,
    ),
    Case(
        "texts-sorted-without-their-labels",
        "Transformer",
        "tokens",
        "labels-unrelated",
        ("labels",),
        replace(MAILS_FORMER, rows=ordered_alone),
        MAILS_FORMER,
    ),
    Case(
        "labels-two-pictures-late",
        "CNN",
        "image",
        "labels-shifted",
        ("labels",),
        replace(_SWIFT, rows=late(strokes, 2)),
        _SWIFT,
    ),
    Case(
        "lives-of-the-signal-before",
        "RNN",
        "sequence",
        "labels-shifted",
        ("labels",),
        replace(DECAYS, rows=late(decays, 1)),
        DECAYS,
    ),
    Case(
        "places-to-the-nearest-two-metres",
        "MLP",
        "table",
        "labels-conflicting",
        ("labels", "data"),
        replace(_WOUND, rows=coarse(_wound)),
        _WOUND,
    ),
    Case(
        "only-first-words-kept",
        "RNN",
        "tokens",
        "labels-conflicting",
        ("labels", "data"),
        replace(MAILS, rows=to_first_word),
        MAILS,
    ),
    Case(
        "figures-mistyped",
        "CNN",
        "image",
        "labels-noisy",
        ("labels",),
        replace(_PLAIN, rows=mistyped(figures, 0.45, 10)),
        _PLAIN,
    ),
    Case(
        "motions-noted-carelessly",
        "CNN",
        "sequence",
        "labels-noisy",
        ("labels",),
        replace(MOTIONS_WAVES, rows=mistyped(motions, 0.6, 4)),
        MOTIONS_WAVES,
    ),
)
