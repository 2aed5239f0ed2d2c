"""What goes wrong with rows before a network sees them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from _programs.program import Pair, Rows

__all__ = [
    "annotated",
    "closed_days",
    "conflicting",
    "every_row_the_first",
    "gaps",
    "leaked",
    "multiplied",
    "noisy",
    "oversampled",
    "scaled",
    "shifted",
    "shuffled",
    "sorted_by_label",
    "spoiled",
    "target_gaps",
    "targets_scaled",
    "trimmed",
    "valid_trimmed",
    "without_axis",
]

Source = Callable[[int], Rows]
Change = Callable[[Rows, torch.Generator], Rows]


def spoiled(source: Source, change: Change) -> Source:
    """`source` after `change`, which may draw."""
    return lambda seed: change(source(seed), torch.Generator().manual_seed(seed))


def _all(rows: Rows, change: Callable[[Pair], Pair]) -> Rows:
    return Rows(change(rows.train), change(rows.valid), change(rows.test))


def scaled(factor: float, shift: float = 0.0) -> Change:
    """Inputs times `factor` plus `shift`, later too, wherever the network is used."""
    return lambda rows, draw: _all(rows, lambda part: (part[0] * factor + shift, part[1]))


def multiplied(*factors: float) -> Change:
    """Every column of the inputs in another unit."""
    by = torch.tensor(factors)
    return lambda rows, draw: _all(rows, lambda part: (part[0] * by, part[1]))


def targets_scaled(factor: float, shift: float = 0.0) -> Change:
    """Targets times `factor` plus `shift`."""
    return lambda rows, draw: _all(rows, lambda part: (part[0], part[1] * factor + shift))


def every_row_the_first(rows: Rows, draw: torch.Generator) -> Rows:
    """A data set whose `__getitem__` forgets its index for the inputs."""
    inputs, targets = rows.train
    return replace(rows, train=(inputs[:1].expand_as(inputs).clone(), targets))


def gaps(share: float, value: float = float("nan")) -> Change:
    """Missing numbers left in."""

    def change(rows: Rows, draw: torch.Generator) -> Rows:
        def holes(part: Pair) -> Pair:
            lost = torch.rand(part[0].shape, generator=draw) < share
            return part[0].masked_fill(lost, value), part[1]

        return replace(rows, train=holes(rows.train), valid=holes(rows.valid))

    return change


def target_gaps(share: float) -> Change:
    """Missing targets left in."""

    def change(rows: Rows, draw: torch.Generator) -> Rows:
        inputs, targets = rows.train
        lost = torch.rand(targets.shape, generator=draw) < share
        return replace(rows, train=(inputs, targets.masked_fill(lost, float("nan"))))

    return change


def leaked(rows: Rows, draw: torch.Generator) -> Rows:
    """Validation rows are drawn from the training rows."""
    chosen = torch.randperm(len(rows.train[0]), generator=draw)[: len(rows.valid[0])]
    return replace(rows, valid=(rows.train[0][chosen], rows.train[1][chosen]))


def oversampled(times: int) -> Change:
    """Rows are repeated, then split at random into training and validation."""

    def change(rows: Rows, draw: torch.Generator) -> Rows:
        inputs = torch.cat([rows.train[0], rows.valid[0]]).repeat_interleave(times, 0)
        targets = torch.cat([rows.train[1], rows.valid[1]]).repeat_interleave(times, 0)
        order = torch.randperm(len(inputs), generator=draw)
        cut = int(len(order) * 0.75)
        first, second = order[:cut], order[cut:]
        return replace(rows, train=(inputs[first], targets[first]), valid=(inputs[second], targets[second]))

    return change


def _relabelled(rows: Rows, change: Callable[[torch.Tensor], torch.Tensor]) -> Rows:
    (a, b), (c, d) = rows.train, rows.valid
    return replace(rows, train=(a, change(b)), valid=(c, change(d)))


def shuffled(rows: Rows, draw: torch.Generator) -> Rows:
    """Inputs were shuffled, their labels were not."""
    return _relabelled(rows, lambda labels: labels[torch.randperm(len(labels), generator=draw)])


def shifted(by: int) -> Change:
    """Labels moved by some rows: a header counted as a row, a row dropped on one side."""
    return lambda rows, draw: _relabelled(rows, lambda labels: labels.roll(by, 0))


def noisy(share: float, classes: int) -> Change:
    """A part of the labels drawn anew."""

    def change(rows: Rows, draw: torch.Generator) -> Rows:
        def other(labels: torch.Tensor) -> torch.Tensor:
            moved = torch.rand(labels.shape, generator=draw) < share
            drawn = torch.randint(1, classes, labels.shape, generator=draw)
            return torch.where(moved, (labels.long() + drawn) % classes, labels.long()).to(labels.dtype)

        return _relabelled(rows, other)

    return change


def annotated(times: int, rows: Rows) -> Rows:
    """Each training row as often as there were annotators."""
    return replace(
        rows, train=(rows.train[0].repeat_interleave(times, 0), rows.train[1].repeat_interleave(times, 0))
    )


def conflicting(times: int, share: float, classes: int) -> Change:
    """Each row as often as there were annotators, who disagree."""

    def change(rows: Rows, draw: torch.Generator) -> Rows:
        inputs, targets = annotated(times, rows).train
        moved = torch.rand(targets.shape, generator=draw) < share
        drawn = torch.randint(1, classes, targets.shape, generator=draw)
        mixed = torch.where(moved, (targets.long() + drawn) % classes, targets.long()).to(targets.dtype)
        return replace(rows, train=(inputs, mixed))

    return change


def sorted_by_label(rows: Rows, draw: torch.Generator) -> Rows:
    """As read folder by folder, class by class."""
    order = torch.from_numpy(np.argsort(rows.train[1].reshape(-1).numpy(), kind="stable"))
    return replace(rows, train=(rows.train[0][order], rows.train[1][order]))


def trimmed(n: int) -> Change:
    """The first `n` training rows only."""
    return lambda rows, draw: replace(rows, train=(rows.train[0][:n], rows.train[1][:n]))


def without_axis(rows: Rows, draw: torch.Generator) -> Rows:
    """Targets [N] where the network says [N, 1]."""
    return _all(rows, lambda part: (part[0], part[1][:, 0]))


def closed_days(rows: Rows, draw: torch.Generator) -> Rows:
    """Small targets are exactly 0, as sales on a closed day are."""
    return _all(rows, lambda part: (part[0], part[1] * (part[1].abs() > 0.1)))


def valid_trimmed(n: int) -> Change:
    """The first `n` validation rows only: its loss is noisy."""
    return lambda rows, draw: replace(rows, valid=(rows.valid[0][:n], rows.valid[1][:n]))
