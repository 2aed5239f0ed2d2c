"""What the rows of a table are: sizes of columns, rows that occur twice, rows that validation shares."""

import math

import numpy as np

from profunda.diagnosis.coarseness import is_coarse, within
from profunda.diagnosis.givens import Rows
from profunda.diagnosis.held import held_of
from profunda.diagnosis.tables import Table

__all__ = ["rows_of"]

NEAR = 0.05
"""A validation row that lies nearer to a training row than this part of the usual distance between
neighbours is nearly that row: a copy that was rounded or slightly disturbed."""

NEAR_ROWS, NEAR_COLUMNS = 2048, 256
"""For near copies only, whose search grows with the square of the rows."""

SERIAL_COLUMNS = 64

BESIDE, PLACES, DOUBLED = 0.1, 2, 64
"""A different row stands beside another where they differ in at most this part of the columns, or so many:
rows that coincide in all columns by chance have far more neighbours that coincide in all but one. It is
asked of at most so many rows that occur twice."""

LEANS, BY_CHANCE = (0.5, 0.6, 0.7, 0.8, 0.9), 0.25
"""Exponents of Chernoff's bound that are tried, and rows that chance may bring as near as a half."""

ALL_SHARE = 0.9
"""Share of rows that occur twice of which another row has half: where parts coincide by nature they do so of
all rows, while of copied rows some have no other near them."""

COVERED = 0.02
"""Share of rows that occur once, below which hardly a row that could occur has not."""

ALIKE = 128
"""Rows that two columns must agree in: no columns of different meaning do."""

SPREAD = 3.0
"""Standard errors of a number of rows: no table of independent rows in a thousand is beyond that."""


def rows_of(
    table: Table, validation: Table | None = None, n: int = 0, labels: np.ndarray | None = None
) -> Rows:
    """What the rows of `table` are, and which rows of `validation` they share.

    Parameters
    ----------
    n
        Rows of the whole data set; those of the table where it is not known.
    labels
        One label a row [N'] in order of arrival; the table's targets where None.
    """
    numbers = table.numbers
    mean, std, least, most, bad = _columns(numbers)
    doubled, groups = _doubles(table.groups)
    conflicts, by_chance = _conflicts(table)
    common, close, compared = _common(table, validation)
    shape = table.parts[0].shape[1:] if len(table.parts) == 1 else (numbers.shape[1],)
    targets = table.targets if labels is None else np.asarray(labels)
    return Rows(
        kind=table.kind,
        n=max(n, table.n),
        seen=table.n,
        shape=tuple(int(size) for size in shape),
        mean=mean,
        std=std,
        least=least,
        most=most,
        bad=bad,
        doubles=doubled,
        conflicts=conflicts,
        groups=groups,
        by_chance=by_chance,
        within=within(table),
        coarse=is_coarse(table),
        common=common,
        close=close,
        compared=compared,
        finest=_finest(table),
        copied=_copied(table.groups) and not _exhausted(table),
        crowded=_crowded(table),
        serial=_serial(numbers),
        ordered=_ordered(targets, table.batch),
        repeated=_repeated(table),
        held=held_of(table, validation, max(n, table.n)),
    )


def _columns(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Mean, standard deviation, least and most [D] of finite numbers, and the share of rows with others."""
    if not numbers.size:
        none = np.empty(0)
        return none, none, none, none, 0.0
    good = np.isfinite(numbers)
    if good.all():
        mean = numbers.mean(0, dtype=np.float64)
        std = numbers.std(0, dtype=np.float64)
        least, most = numbers.min(0).astype(np.float64), numbers.max(0).astype(np.float64)
        return mean, np.where(least == most, 0.0, std), least, most, 0.0
    filled = np.where(good, numbers, 0.0).astype(np.float64)
    count = np.maximum(good.sum(0), 1)
    mean = filled.sum(0) / count
    std = np.sqrt(np.where(good, (filled - mean) ** 2, 0.0).sum(0) / count)
    least = np.where(good, numbers, np.inf).min(0).astype(np.float64)
    most = np.where(good, numbers, -np.inf).max(0).astype(np.float64)
    empty = ~good.any(0)
    least[empty], most[empty] = math.nan, math.nan
    return mean, np.where(least == most, 0.0, std), least, most, float(1.0 - good.all(1).mean())


def _doubles(groups: np.ndarray) -> tuple[float, int]:
    if not len(groups):
        return 0.0, 0
    counts = np.bincount(groups)
    return float((counts[groups] > 1).mean()), int((counts > 1).sum())


def _copied(groups: np.ndarray) -> bool:
    """Whether rows occur as often as they do because they were copied, and not by coincidence.

    Rows drawn from cells of any chances are each drawn a Poisson number of times, so of the numbers f_j of
    different rows that occur j times, j! f_j are moments, and f_j² j/(j + 1) ≤ f_(j-1) f_(j+1). Where rows
    stand twice or thrice each, that is broken. Each is given SPREAD standard errors.
    """
    if not len(groups):
        return False
    often = np.bincount(np.bincount(groups)).astype(np.float64)
    often = np.append(often, 0.0)
    often[0] = np.inf  # rows that might have occurred and did not
    most = np.arange(2, len(often) - 1)
    least = np.maximum(0.0, often[most] - SPREAD * np.sqrt(often[most])) ** 2 * most / (most + 1.0)
    sides = often + SPREAD * np.sqrt(often + 1.0)
    sides[0] = np.inf
    return bool((least > sides[most - 1] * sides[most + 1]).any())


def _exhausted(table: Table) -> bool:
    """Whether half of all rows that the columns' levels allow are there: a truth table, a plan of trials."""
    if not table.n or not table.numbers.shape[1]:
        return False
    first = np.unique(table.groups, return_index=True)[1]
    room = 2.0 * len(first)
    for column in np.nan_to_num(table.numbers[first]).T:
        room /= len(np.unique(column))
        if room < 1.0:
            return False
    return True


def _crowded(table: Table) -> float:
    """Share of rows that occur twice, some of them, beside which a different row stands; 1 where hardly a row
    occurs once, and NaN where none occurs twice.
    """
    if not table.n or not table.numbers.shape[1]:
        return math.nan
    counts = np.bincount(table.groups)
    if not (counts > 1).any():
        return math.nan
    if (counts == 1).sum() < COVERED * table.n and not _copied(table.groups):
        return 1.0
    rows = np.nan_to_num(table.numbers[np.unique(table.groups, return_index=True)[1]])
    rows = rows[:, (rows != rows[:1]).any(0)]
    if not rows.shape[1]:
        return math.nan
    twice = np.flatnonzero(counts > 1)
    twice = twice[np.unique(np.linspace(0, len(twice) - 1, DOUBLED).astype(int))]
    other = np.sort(np.concatenate([twice, np.flatnonzero(counts == 1)[:NEAR_ROWS]]))
    most = max(PLACES, BESIDE * rows.shape[1])
    beside = [int((_differing(rows[other], rows[at]) <= most).sum()) > 1 for at in twice]  # itself is one
    told = _told_by(rows)
    halves = float(np.mean([_shares_half(rows, told, at) for at in twice]))
    return max(float(np.mean(beside)), halves if halves >= ALL_SHARE else 0.0)


def _told_by(rows: np.ndarray) -> np.ndarray:
    """Binary digits [N, D] that each number tells of its row: -log of the share of rows that have it."""
    told = np.empty(rows.shape)
    for at, column in enumerate(rows.T):
        _, which, counts = np.unique(column, return_inverse=True, return_counts=True)
        told[:, at] = -np.log2(counts[which] / len(rows))
    return told


def _shares_half(rows: np.ndarray, told: np.ndarray, at: int) -> bool:
    """Whether another of the different rows has half of what tells row `at` from the others, where hardly one
    of them would if its places were independent: such rows come from one source, and coincide in part or as a
    whole.

    What chance makes is bounded by Chernoff: log2 P ≤ Σ log2(1 - p + p^(1 - s)) - s half, for any s.
    """
    half = 0.5 * told[at].sum()
    p = 2.0 ** -told[at]
    chance = min(float(np.log2(1.0 - p + p ** (1.0 - s)).sum()) - s * half for s in LEANS)
    if chance + math.log2(len(rows)) > math.log2(BY_CHANCE):
        return False
    return int((np.where(rows == rows[at], told[at], 0.0).sum(1) >= half).sum()) > 1  # itself is one


def _differing(rows: np.ndarray, row: np.ndarray) -> np.ndarray:
    """In how many columns each of `rows` differs from `row`."""
    return (rows != row).sum(1)


def _conflicts(table: Table) -> tuple[float, float]:
    """Mean over rows of the share of their doubles with another label; and what strangers would give."""
    targets = table.targets
    if targets is None or not table.n:
        return 0.0, math.nan
    sizes = np.bincount(table.groups)[table.groups]
    twice = sizes > 1
    if not twice.any():
        return 0.0, math.nan
    labels = kinds_of(targets)
    pairs = np.stack([table.groups, labels], 1)
    _, inverse, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    alike = counts[inverse.reshape(-1)]
    share = (sizes - alike)[twice] / (sizes - 1)[twice]
    among = np.bincount(labels[twice])
    total = among.sum()
    chance = 1.0 - float((among * (among - 1.0)).sum() / (total * max(total - 1.0, 1.0)))
    return float(share.sum() / table.n), chance * float(twice.mean())


def kinds_of(targets: np.ndarray) -> np.ndarray:
    """[N] whole numbers: equal where targets are; real ones count as equal within a tenth of their spread."""
    flat = targets.reshape(len(targets), -1)
    if flat.dtype.kind == "f":
        flat = np.where(np.isfinite(flat), flat, 0.0)
        few = len(np.unique(flat[:, 0])) <= max(20, len(flat) // 50)
        width = np.maximum(flat.std(0), 1e-30) / 10.0
        flat = flat if few else np.round(flat / width)
    return np.unique(flat, axis=0, return_inverse=True)[1].reshape(-1)


def _finest(table: Table) -> float:
    """Most different numbers in a column, of SERIAL_COLUMNS, over the number of different rows."""
    if not table.n or not table.numbers.shape[1]:
        return math.nan
    first = np.unique(table.groups, return_index=True)[1]
    some = np.unique(np.linspace(0, table.numbers.shape[1] - 1, SERIAL_COLUMNS).astype(int))
    ordered = np.sort(np.nan_to_num(table.numbers[first][:, some]), axis=0)
    return float(((ordered[1:] != ordered[:-1]).sum(0).max(initial=0) + 1) / len(first))


def _common(table: Table, validation: Table | None) -> tuple[float, float, int]:
    if validation is None or not validation.n or not table.n:
        return math.nan, math.nan, 0
    known = set(table.keys)
    same = np.array([key in known for key in validation.keys])
    return float(same.mean()), _close(table, validation, ~same), len(same)


def _close(table: Table, validation: Table, new: np.ndarray) -> float:
    """Share of validation rows, without the equal ones, that lie at nearly no distance from a training row.

    Distances are in standard deviations of the columns. The usual distance is that between a training row and
    the nearest other one that is not its equal, the median of them. On a line many neighbours are that near,
    and rows that are mostly nought agree in the columns looked at: what different training rows are to each
    other is taken off.
    """
    if table.kind == "tokens" or table.numbers.shape[1] != validation.numbers.shape[1]:
        return math.nan
    if not new.any():
        return 0.0
    some = np.unique(np.linspace(0, table.numbers.shape[1] - 1, NEAR_COLUMNS).astype(int))
    different = np.sort(np.unique(table.groups, return_index=True)[1])[:NEAR_ROWS]
    known = np.nan_to_num(table.numbers[different][:, some])
    asked = np.nan_to_num(validation.numbers[new][:NEAR_ROWS][:, some])
    mean, std = known.mean(0), known.std(0)
    keep = std > 0
    if len(known) < 3 or not keep.any():
        return math.nan
    known, asked = ((each[:, keep].astype(np.float64) - mean[keep]) / std[keep] for each in (known, asked))
    own = np.sqrt(_nearest(known, known, True))
    limit = NEAR * float(np.median(own[own > 0])) if (own > 0).any() else 0.0
    found = float((np.sqrt(_nearest(asked, known, False)) < limit).mean())
    natural = float((own < limit).mean())
    return max(0.0, found - natural) * float(new.mean())


def _nearest(rows: np.ndarray, known: np.ndarray, own: bool) -> np.ndarray:
    """[N] squared distance to the nearest of `known`; not to itself where both are the same (`own`)."""
    square = (known**2).sum(1)
    found = np.empty(len(rows))
    for start in range(0, len(rows), 512):
        part = rows[start : start + 512]
        far = (part**2).sum(1)[:, None] + square - 2.0 * part @ known.T
        if own:
            far[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        found[start : start + 512] = np.maximum(far.min(1), 0.0)
    return found


def _serial(numbers: np.ndarray) -> float:
    """Share of a row's variance that goes along with the row before it, beyond chance, 0 to 1.

    The mean over columns of the summed squared correlations with all columns of the row before, less D/N
    which independent rows would have: windows that slide over a series share all but one number.
    """
    n = len(numbers)
    if n < 32 or not numbers.shape[1]:
        return 0.0
    some = np.unique(np.linspace(0, numbers.shape[1] - 1, SERIAL_COLUMNS).astype(int))
    wide = np.nan_to_num(numbers[:, some].astype(np.float64), posinf=0.0, neginf=0.0)
    std = wide.std(0)
    wide = ((wide - wide.mean(0))[:, std > 0]) / std[std > 0]
    if not wide.shape[1]:
        return 0.0
    left, axes, _ = np.linalg.svd(wide, full_matrices=False)
    left = left[:, axes > 1e-4 * axes[0]] * math.sqrt(n)
    one = left[:-1].T @ left[1:] / (n - 1)
    excess = float((one**2).sum()) / left.shape[1] - left.shape[1] / n
    return min(1.0, max(0.0, excess))


def _ordered(targets: np.ndarray | None, batch: int) -> float:
    """Share of neighbours in order of arrival with one label, beyond chance; of real numbers the share of
    their variance that lies between batches.
    """
    if targets is None or len(targets) < 3 or targets[0].size != 1:
        return 0.0
    flat = np.nan_to_num(targets.reshape(-1).astype(np.float64))
    if targets.dtype.kind == "f" and len(np.unique(flat)) > max(20, len(flat) // 50):
        return _between(flat, batch)
    shares = np.unique(flat, return_counts=True)[1] / len(flat)
    chance = float((shares**2).sum())
    same = float((flat[1:] == flat[:-1]).mean())
    return 0.0 if chance >= 1.0 else max(0.0, (same - chance) / (1.0 - chance))


def _between(values: np.ndarray, batch: int) -> float:
    """Share of the variance of `values` that lies between runs of `batch` of them, beyond chance, 0 to 1; 0
    where there are fewer than three such runs, or runs of one.
    """
    runs = len(values) // max(1, batch)
    if batch < 2 or runs < 3:
        return 0.0
    rows = values[: runs * batch].reshape(runs, batch)
    within, means = float(rows.var(1, ddof=1).mean()), float(rows.mean(1).var(ddof=1))
    between = max(0.0, means - within / batch)
    return between / (between + within) if between > 0.0 else 0.0


def _repeated(table: Table) -> float:
    """Share of the columns that differ between rows which are another one, but for unit and offset."""
    if table.kind != "numbers" or len(table.parts) != 1 or table.parts[0].ndim != 2 or table.n < ALIKE:
        return 0.0
    few = np.nan_to_num(table.numbers[:ALIKE]).astype(np.float64)
    few = few[:, few.std(0) > 0]
    if few.shape[1] < 2:
        return 0.0
    unit = (few - few.mean(0)) / few.std(0)
    seen = np.random.default_rng(0).standard_normal((3, ALIKE)) @ unit / math.sqrt(ALIKE)
    seen = seen * np.where(seen[0] < 0.0, -1.0, 1.0)
    ranked = seen[:, np.argsort(seen[0], kind="stable")]
    return float((np.abs(np.diff(ranked, axis=1)).max(0) < 1e-4).sum()) / few.shape[1]
