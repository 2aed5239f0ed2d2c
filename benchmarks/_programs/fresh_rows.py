"""Everyday mistakes in the rows: columns left as they were, gaps, doubled files, answers that went astray."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import nn

from _programs.fresh_data_s import (
    assays,
    badges,
    badges_raw,
    bumps,
    customers,
    customers_raw,
    gestures,
    loads,
    rents,
    rents_in_euros,
    tickets,
)
from _programs.fresh_nets_s import Hearing, dense
from _programs.fresh_plans_s import BADGES, BUMPS, CUSTOMERS, GESTURES, LOADS, RENTS, TICKETS
from _programs.judging import balanced, by, explained, honestly
from _programs.program import Case, Plan, Rows
from _programs.stepping import adam, sgd

__all__ = ["CASES"]

_INCOME = 4


def income_in_euros(seed: int) -> Rows:
    """Customers: somebody scaled all the columns they looked at, but the income is still in euros."""
    raw, fine = customers_raw(seed), customers(seed)

    def put(inputs: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        inputs = inputs.clone()
        inputs[:, _INCOME] = column
        return inputs

    pairs = zip((fine.train, fine.valid, fine.test), (raw.train, raw.valid, raw.test), strict=True)
    return Rows(*((put(x, there[:, _INCOME]), y) for (x, y), (there, _) in pairs))


def loads_with_gaps(seed: int, share: float = 0.002) -> Rows:
    """Loads of which a few hours were not metered: the file's gaps came in as NaN."""
    rows = loads(seed)
    draw = torch.Generator().manual_seed(seed)
    gap = torch.rand(rows.train[0].shape, generator=draw) < share
    return replace(rows, train=(rows.train[0].masked_fill(gap, torch.nan), rows.train[1]))


def assays_twice(seed: int) -> Rows:
    """The file of samples was appended to itself, and then split at random into the first two parts."""
    rows = assays(seed)
    inputs = torch.cat([rows.train[0], rows.valid[0]] * 2)
    targets = torch.cat([rows.train[1], rows.valid[1]] * 2)
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    ours, theirs = order[len(rows.valid[0]) :], order[: len(rows.valid[0])]
    return Rows((inputs[ours], targets[ours]), (inputs[theirs], targets[theirs]), rows.test)


def seldom_tapped(seed: int, kept: float = 0.06) -> Rows:
    """Gestures in loud noise; of the taps and lifts only few were recorded, but they count as much."""
    rows = gestures(seed, n=3000, noise=1.2)
    draw = torch.Generator().manual_seed(seed)

    def thin(inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        stays = (targets < 2) | (torch.rand(len(targets), generator=draw) < kept)
        return inputs[stays], targets[stays]

    return Rows(thin(*rows.train), thin(*rows.valid), rows.test)


def rents_sampled(seed: int) -> Rows:
    """Rents: the frame of inputs was sampled anew, `frac=1`, the column of rents was not."""
    rows = rents(seed)
    draw = torch.Generator().manual_seed(seed)
    train, valid = ((x[torch.randperm(len(x), generator=draw)], y) for x, y in (rows.train, rows.valid))
    return Rows(train, valid, rows.test)


def badges_one_off(seed: int) -> Rows:
    """Badges in the folder's order, and their kinds from a table read with one line too many at its top."""
    rows = badges(seed)
    train, valid = ((x, y.roll(1, 0)) for x, y in (rows.train, rows.valid))
    return Rows(train, valid, rows.test)


def bumps_by_name(seed: int) -> Rows:
    """Pictures as `sorted` gives their names: 0, 1, 10, 100, 101...; the places are in order of numbers."""
    rows = bumps(seed)

    def by_name(inputs: torch.Tensor) -> torch.Tensor:
        return inputs[sorted(range(len(inputs)), key=str)]

    train, valid = ((by_name(x), y) for x, y in (rows.train, rows.valid))
    return Rows(train, valid, rows.test)


def twice_judged(seed: int, alike: bool) -> Rows:
    """Each complaint was judged by two people. Unless `alike`, the second counts the three classes from
    another beginning.
    """
    rows = tickets(seed, n=1400)

    def both(inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.cat([inputs, inputs]), torch.cat([targets, targets if alike else (targets + 1) % 3])

    return Rows(both(*rows.train), both(*rows.valid), rows.test)


def gestures_misnamed(seed: int, share: float = 0.5) -> Rows:
    """Gestures of which nearly half were named by somebody in a hurry, at random."""
    rows = gestures(seed, n=1000)
    draw = np.random.default_rng([seed, 201])

    def misname(inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wrong = torch.from_numpy(draw.random(len(targets)) < share)
        return inputs, torch.where(wrong, torch.from_numpy(draw.integers(4, size=len(targets))), targets)

    return Rows(misname(*rows.train), misname(*rows.valid), rows.test)


_DOUBLED = Plan(assays, partial(dense, 24, 64, 1), nn.MSELoss(), adam(3e-3), 6, honestly(explained), 16)
_SELDOM = Plan(
    seldom_tapped,
    partial(Hearing, 3, 4),
    nn.CrossEntropyLoss(torch.tensor([1.0, 1.0, 16.0, 16.0])),
    adam(2e-3),
    12,
    by(balanced),
    64,
)
_MOMENTUM = replace(CUSTOMERS, optimizer=sgd(0.01, 0.9), batch_size=32, epochs=15)
_GREY = replace(BADGES, optimizer=sgd(0.03, 0.9), epochs=18)
_JUDGED = replace(TICKETS, rows=partial(twice_judged, alike=True), epochs=4)

CASES = (
    Case(
        "income-still-in-euros",
        "MLP",
        "table",
        "inputs-unscaled",
        ("data",),
        replace(_MOMENTUM, rows=income_in_euros),
        _MOMENTUM,
    ),
    Case(
        "colours-up-to-two-hundred-and-fifty-five",
        "CNN",
        "image",
        "inputs-unscaled",
        ("data",),
        replace(_GREY, rows=badges_raw),
        _GREY,
    ),
    Case(
        "rents-as-they-are-paid",
        "MLP",
        "table",
        "targets-unscaled",
        ("data",),
        replace(RENTS, rows=rents_in_euros),
        RENTS,
    ),
    Case(
        "hours-not-metered",
        "RNN",
        "sequence",
        "inputs-not-finite",
        ("data",),
        replace(LOADS, rows=loads_with_gaps),
        LOADS,
    ),
    Case(
        "file-appended-to-itself",
        "MLP",
        "table",
        "rows-leak",
        ("data",),
        replace(_DOUBLED, rows=assays_twice),
        _DOUBLED,
    ),
    Case(
        "taps-too-seldom-to-be-said",
        "CNN",
        "sequence",
        "class-imbalance",
        ("data", "loss"),
        replace(_SELDOM, loss=nn.CrossEntropyLoss()),
        _SELDOM,
    ),
    Case(
        "inputs-sampled-rents-not",
        "MLP",
        "table",
        "labels-unrelated",
        ("labels", "data"),
        replace(RENTS, rows=rents_sampled),
        RENTS,
    ),
    Case(
        "kinds-one-line-off",
        "CNN",
        "image",
        "labels-shifted",
        ("labels", "data"),
        replace(BADGES, rows=badges_one_off),
        BADGES,
    ),
    Case(
        "file-names-sorted-as-words",
        "CNN",
        "image",
        "labels-unrelated",
        ("labels", "data"),
        replace(BUMPS, rows=bumps_by_name),
        BUMPS,
    ),
    Case(
        "second-judge-counts-otherwise",
        "Transformer",
        "tokens",
        "labels-conflicting",
        ("labels", "data"),
        replace(_JUDGED, rows=partial(twice_judged, alike=False)),
        _JUDGED,
    ),
    Case(
        "gestures-named-in-a-hurry",
        "CNN",
        "sequence",
        "labels-noisy",
        ("labels", "data"),
        replace(GESTURES, rows=gestures_misnamed),
        GESTURES,
    ),
)
