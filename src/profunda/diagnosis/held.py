"""What validation rows are beside training rows: of another scale, of other classes, or altered copies."""

import math
from collections.abc import Iterator

import numpy as np

from profunda.diagnosis.givens import Held
from profunda.diagnosis.tables import Table

__all__ = ["held_of"]

COLUMNS, KNOWN, ASKED = 256, 2048, 512
"""Columns, training rows and validation rows that are looked at: distances grow with the product."""

FEWEST = 100
"""Training rows from which forty neighbours are near."""

NEXT, FAR = 10, 40
"""Neighbours from whose distances the dimensions are read in which rows lie: r^D of them within r. There are
fewer copies of a row than NEXT."""

HALF, CHANCE = 0.5, 0.01
"""A copy is at less than half of the distance to the tenth neighbour, which a row is by chance once in a
hundred times."""

FINE = 0.2
"""Different numbers of a column over rows: of categories there are fewer, and rows alike in most of them are
near by nature."""

WORDS = 4
"""Different numbers in what two rows share: with fewer they may agree by coincidence."""

VALUES = 20
"""Different numbers from which targets are sizes and no names."""


def held_of(table: Table, validation: Table | None, n: int) -> Held | None:
    """Of rows whose inputs are real numbers; None without such. `n`: rows of the whole data set."""
    if validation is None or not validation.n or not table.n:
        return None
    unseen, outside = _unseen(table, validation, n), _outside(table.targets, validation.targets)
    known, asked = table.numbers, validation.numbers
    if table.kind == "tokens" or known.shape[1] != asked.shape[1] or not known.shape[1]:
        return Held(unseen=unseen, outside=outside)
    beyond = max(_beyond(known, asked), _beyond(asked, known))
    near, wide = _near(known, asked) if table.kind == "images" or _fine(known) else (0.0, math.nan)
    return Held(beyond, outside, unseen, _altered(table, validation), _moved(table, validation), near, wide)


def _some(numbers: np.ndarray) -> np.ndarray:
    """Evenly spread columns."""
    at = np.unique(np.linspace(0, numbers.shape[1] - 1, COLUMNS).astype(int))
    return np.nan_to_num(numbers[:, at]).astype(np.float64)


# Other scales, other classes ------------------------------------------------------------------------


def _beyond(known: np.ndarray, asked: np.ndarray) -> float:
    """Share of numbers of `asked` that lie outside of the range of `known` by more than its width, of columns
    that differ within both.
    """
    known, asked = _some(known), _some(asked)
    low, high = known.min(0), known.max(0)
    live = (high > low) & (asked.max(0) > asked.min(0))
    if not live.any():
        return 0.0
    width = (high - low)[live]
    part = asked[:, live]
    return float(((part > high[live] + width) | (part < low[live] - width)).mean())


def _outside(known: np.ndarray | None, asked: np.ndarray | None) -> float:
    """Share of real targets of validation rows outside of the range of training rows'; NaN for others."""
    if known is None or asked is None or known.dtype.kind != "f" or asked.dtype.kind != "f":
        return math.nan
    if known[0].size != 1 or asked[0].size != 1 or len(np.unique(known)) < VALUES:
        return math.nan
    return float(((asked > np.nanmax(known)) | (asked < np.nanmin(known))).mean())


def _unseen(table: Table, validation: Table, n: int) -> float:
    """Share of validation rows of a class that no training row has, where all of these were seen."""
    known, asked = table.targets, validation.targets
    if known is None or asked is None or known.dtype.kind != "i" or asked.dtype.kind != "i":
        return math.nan
    if n > table.n or known[0].size != 1 or asked[0].size != 1:
        return math.nan
    return float((~np.isin(asked, known) & (asked >= 0)).mean())


# Altered copies -------------------------------------------------------------------------------------


def _prints(rows: np.ndarray) -> list[bytes]:
    """A fingerprint of each row; b"" where too few different numbers are in it."""
    flat = np.ascontiguousarray(rows.reshape(len(rows), -1))
    rich = np.array([len(np.unique(row)) >= WORDS for row in flat], bool)
    return [row.tobytes() if good else b"" for row, good in zip(flat, rich, strict=True)]


def _share(known: Iterator[np.ndarray], asked: Iterator[np.ndarray]) -> float:
    """Share of rows of which some form of `asked` is the same form of a `known` one."""
    found: np.ndarray | None = None
    for one, other in zip(known, asked, strict=True):
        prints = set(_prints(one)) - {b""}
        hits = np.array([each in prints for each in _prints(other)], bool)
        found = hits if found is None else found | hits
    return 0.0 if found is None or not len(found) else float(found.mean())


def _altered(table: Table, validation: Table) -> float:
    """Share of validation pictures that are training pictures mirrored, turned or moved by one pixel."""
    if table.kind != "images":
        return 0.0
    known, asked = table.parts[0][:KNOWN], validation.parts[0][:ASKED]
    if known.shape[1:] != asked.shape[1:]:
        return 0.0
    down, across = (2, 3) if known.shape[1] <= known.shape[3] else (1, 2)

    def turned(ours: bool) -> Iterator[np.ndarray]:
        square = known.shape[down] == known.shape[across]
        for times in range(4) if square else (0, 2):
            for mirrored in (False, True):
                if times or mirrored:
                    made = np.rot90(known if ours else asked, 0 if ours else times, (down, across))
                    yield np.flip(made, across) if mirrored and not ours else made
        for axis in (down, across):
            for forwards in (False, True):
                yield _without(known if ours else asked, axis, forwards == ours)

    return _share(turned(True), turned(False))


def _moved(table: Table, validation: Table) -> float:
    """Share of validation rows that are all but one place of a training row, a place further: windows of one
    series.
    """
    known, asked = table.parts[0], validation.parts[0]
    if table.kind != "numbers" or len(table.parts) != 1 or known.shape[1:] != asked.shape[1:]:
        return 0.0
    if known.ndim not in (2, 3) or known.shape[1] <= WORDS:
        return 0.0

    def cut(rows: np.ndarray, ours: bool) -> Iterator[np.ndarray]:
        for forwards in (False, True):
            yield _without(rows, 1, forwards == ours)

    return _share(cut(known, True), cut(asked, False))


def _without(rows: np.ndarray, axis: int, first: bool) -> np.ndarray:
    """Without their first place on `axis`, or without their last."""
    return np.take(rows, range(1, rows.shape[axis]) if first else range(rows.shape[axis] - 1), axis)


# Near copies ----------------------------------------------------------------------------------------


def _fine(known: np.ndarray) -> bool:
    """Whether the usual column hardly gives two rows one number, as noise leaves it."""
    known = _some(known[:KNOWN])
    return float(np.median([len(np.unique(column)) for column in known.T])) > FINE * len(known)


def _near(known: np.ndarray, asked: np.ndarray) -> tuple[float, float]:
    """Share of validation rows far nearer to a training row than the density of these allows, equal ones left
    out, and the number of dimensions in which they lie; (0, NaN) for fewer than FEWEST rows.
    """
    known, asked = _some(known[:KNOWN]), _some(asked[:ASKED])
    mean, std = known.mean(0), known.std(0)
    if len(known) < FEWEST or not (std > 0).any():
        return 0.0, math.nan
    known, asked = ((each - mean)[:, std > 0] / std[std > 0] for each in (known, asked))
    square = (known**2).sum(1) - 2.0 * asked @ known.T + (asked**2).sum(1)[:, None]
    ranked = np.partition(np.sqrt(np.maximum(square, 0.0)), (0, NEXT - 1, FAR - 1), axis=1)
    one, some, far = ranked[:, 0], ranked[:, NEXT - 1], ranked[:, FAR - 1]
    good = some > 0.0
    if not good.any():
        return 0.0, math.nan
    growth = float(np.median(np.log(far[good] / some[good])))
    if not growth > 0.0:
        return 0.0, math.nan
    wide = math.log(FAR / NEXT) / growth
    ratio = one[good] / some[good]
    by_chance = 1.0 - (1.0 - np.minimum(ratio, 1.0) ** wide) ** (NEXT - 1)
    same = one[good] <= 1e-6 * some[good]
    copies = (ratio < HALF) & (by_chance < CHANCE) & ~same
    return float(copies.sum()) / len(asked), wide
