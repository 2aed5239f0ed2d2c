"""What a member's arithmetic depends on: its Design and its data, never the fleet around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from profunda.fleet.member import Member
from profunda.fleet.source import FleetData
from profunda.space.design import Optimiser

__all__ = ["Shape", "canonical_width", "shape_of"]

_WIDTHS = (8, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224, 256)


def canonical_width(width: int) -> int:
    """The width a layer is computed at: the next of 8, 16, 24, 32, 48, 64, 96, …, 256, then multiples of 64.

    Nearby widths share a pack this way; padded units have zero weights in and out and stay so.

    >>> canonical_width(20), canonical_width(64), canonical_width(300)
    (24, 64, 320)
    """
    return next((w for w in _WIDTHS if w >= width), -(-width // 64) * 64)


@dataclass(frozen=True, order=True)
class Shape:
    """The compute shape of a member; members of equal shape may share a pack."""

    widths: tuple[int, ...]
    n_features: int
    n_outputs: int
    classes: bool
    weighted: bool
    batch: int
    n_train: int
    n_valid: int
    optimiser: Optimiser

    @property
    def steps(self) -> int:
        """Optimiser steps of an epoch, the smaller last batch included."""
        return -(-self.n_train // self.batch)

    @property
    def tail(self) -> int:
        """Rows of the last batch where it is smaller, otherwise 0."""
        return self.n_train % self.batch

    @property
    def parameters(self) -> int:
        """Parameters at canonical widths."""
        sizes: Sequence[int] = (self.n_features, *self.widths, self.n_outputs)
        return sum((a + 1) * b for a, b in pairwise(sizes))


def shape_of(member: Member, data: FleetData) -> Shape:
    """The compute shape of `member` on `data`."""
    source, design = data.source(member), member.design
    return Shape(
        tuple(canonical_width(width) for width in design.widths),
        source.x.shape[1],
        data.n_outputs,
        data.classes,
        source.weight is not None,
        min(design.batch_size, len(source.train)),
        len(source.train),
        len(source.valid),
        design.optimiser,
    )
