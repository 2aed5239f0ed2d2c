"""Which rows train, which choose, and which judge."""

import hashlib
from dataclasses import dataclass

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.dealing import common, dealt, drawn, strata
from profunda.data.leakage import row_hashes
from profunda.errors import ArgumentError, DataError, Notice

__all__ = ["Fold", "Splits", "leaks", "split"]

TEST_MOST = 10_000  # rows: beyond, a score's interval hardly narrows
VALID_SHARE = 0.2  # of the development rows, where a single fold is held out
VALID_MOST = 5_000  # rows of such a fold
FEW, SOME = 3_000, 10_000  # development rows below which five, or three, folds are worth their time
WIDER = 6  # times as many count as rows of pictures or texts, whose networks take so much longer
FEWEST_TRAIN = 2  # rows a fold must leave to train on


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows that train and rows that validate: sorted int64 arrays without a common row."""

    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True, eq=False)
class Splits:
    """`development` rows, for every choice; `test` rows, which no choice sees; folds of the former.

    All are sorted int64 arrays of row numbers. `how` says in words what was done.
    """

    development: np.ndarray
    test: np.ndarray
    folds: tuple[Fold, ...]
    how: str


def split(
    dataset: Dataset, *, test: float = 0.2, folds: int | None = None, repeats: int = 1, seed: int = 0
) -> Splits:
    """Split the rows of a dataset.

    `test` is the share held out for the final score (0: none; at most 10,000 rows), unless the source brought
    its own test part. `folds` is the number of folds of cross-validation; 1 holds out a fifth (at most 5,000
    rows) once. By default 5 below 3,000 development rows, 3 below 10,000, else 1. `repeats` draws that many
    sets of folds.

    With times, test and validation rows are later than every row trained on, in blocks: fold k of K trains on
    the first k of K + 1 blocks and validates on the next. With groups, no group is on both sides. For classes
    shares are kept equal (stratified); rows of a class seen once only train. Of several targets the shares of
    each label, and of missing values, are kept (see `dealing`). Tasks come first: folds and test part have
    n/k of a task's n rows to within less than two, and classes as well as that allows, so that a small task
    may lack a side. A task with three development rows trains in every fold; with `test` = 0.2 five rows are
    enough for that, and twelve for a test row. Groups and times alone decide where they are given.

    The same seed gives the same splits.

    Raises ArgumentError for a share outside [0, 0.9] or impossible counts, DataError where there are too few
    rows, groups, or different times, or a target without a value to train on.
    """
    if not 0 <= test <= 0.9:
        raise ArgumentError(f"test is {test}; it is the share of rows held out, from 0 to 0.9")
    if repeats < 1 or (folds is not None and folds < 1):
        raise ArgumentError(f"folds is {folds} and repeats {repeats}; both start at 1")
    if dataset.times is not None and repeats > 1:
        raise ArgumentError(f"repeats is {repeats}, but time has one order only; leave repeats at 1")
    development, held, how = _hold_out(dataset, test, seed)
    count = _fold_count(dataset, development, folds)
    made = tuple(
        fold
        for repeat in range(repeats)
        for fold in _folds(dataset, development, count, _generator(seed, "folds", repeat))
    )
    for fold in made:
        if len(fold.train) < FEWEST_TRAIN or len(fold.valid) == 0:
            raise DataError(
                f"{len(development):,} development rows in {count} fold(s) leave {len(fold.train)} to train "
                f"on and {len(fold.valid)} to validate on; give more rows, fewer folds or a smaller test "
                "share"
            )
        _check_targets(dataset, fold)
    many = f"{count} folds" if count > 1 else "one held-out fold"
    again = f", {repeats} times" if repeats > 1 else ""
    return Splits(development, held, made, f"{how}; {len(development):,} development rows in {many}{again}")


def _check_targets(dataset: Dataset, fold: Fold) -> None:
    """Refuse a fold that has nothing to train one of several targets on."""
    if not dataset.task.parts:
        return
    empty = np.isnan(dataset.y[fold.train]).all(axis=0)
    if empty.any():
        name = dataset.task.names[int(empty.argmax())]
        there = int((~np.isnan(dataset.y[:, empty.argmax()])).sum())
        raise DataError(
            f"target {name!r} has a value in {there:,} row(s) only, and in none of the {len(fold.train):,} "
            "that one fold trains on; give more rows that have it, or leave this target out"
        )


def _manner(dataset: Dataset) -> str:
    """How rows are parted, in words."""
    if dataset.times is not None:
        return "by time"
    if dataset.groups is not None:
        return "by group"
    if dataset.tasks is not None:
        return "stratified by task" if dataset.task.kind == "regression" else "stratified by task and target"
    if dataset.task.single:
        return "stratified by class"
    return "at random" if strata(dataset, np.arange(dataset.n_rows)) is None else "stratified by all targets"


def _generator(seed: int, *names: str | int) -> np.random.Generator:
    """A generator seeded by names, so that no draw depends on how many were made before."""
    text = "/".join(map(str, ("splits", seed, *names)))
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest()))


def _hold_out(dataset: Dataset, share: float, seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    rows = np.arange(dataset.n_rows, dtype=np.int64)
    if dataset.test_rows is not None:
        held = np.sort(dataset.test_rows.astype(np.int64))
        development = np.setdiff1d(rows, held)
        return development, held, f"the source's own test part of {len(held):,} rows"
    if share == 0:
        return rows, rows[:0], f"no test rows; split {_manner(dataset)}"
    wanted = min(TEST_MOST, max(1, round(share * len(rows))))
    held = _draw(dataset, rows, wanted, 2, _generator(seed, "test"))  # one group trains, one validates
    if len(held) == 0:
        raise DataError(
            f"no class of {dataset.n_rows:,} rows has three rows, so none can be held out; give test=0 or "
            "more rows"
        )
    return np.setdiff1d(rows, held), held, f"{len(held):,} test rows, split {_manner(dataset)}"


def _draw(
    dataset: Dataset, rows: np.ndarray, wanted: int, stay: int, generator: np.random.Generator
) -> np.ndarray:
    """About `wanted` of `rows`, sorted: the latest, groups (`stay` are left), stratified, or any."""
    if dataset.times is not None:
        return np.sort(rows[dataset.times[rows] >= _cut(dataset.times[rows], len(rows) - wanted)])
    if dataset.groups is not None:
        return np.sort(rows[_draw_groups(dataset.groups[rows], wanted, stay, generator)])
    shared = rows[common(dataset, rows, 3)]  # one to judge by, and two that train and choose
    states = strata(dataset, shared)
    if states is not None:
        wanted = min(len(shared), max(1, round(wanted * len(shared) / len(rows))))
        return np.sort(shared[drawn(states, wanted, generator)])
    if not dataset.task.single:
        return np.sort(generator.choice(rows, wanted, replace=False))
    return np.sort(rows[_draw_classes(dataset.y[rows], wanted, generator)])


def _cut(times: np.ndarray, place: int) -> float:
    """The time nearest to `place` in order at which rows can be parted with equal times kept together."""
    ordered = np.sort(times)
    places = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    if len(places) == 0:
        raise DataError(
            f"all {len(times):,} rows that are to be parted by time have the same time; name another time "
            "column"
        )
    return float(ordered[places[np.argmin(np.abs(places - place))]])


def _draw_groups(groups: np.ndarray, wanted: int, stay: int, generator: np.random.Generator) -> np.ndarray:
    """A mask of whole groups with about `wanted` rows in all; at least `stay` groups stay."""
    names, sizes = np.unique(groups, return_counts=True)
    if len(names) <= stay:
        raise DataError(f"{len(names)} group(s) cannot be parted into test and folds; at least 3 are needed")
    order = generator.permutation(len(names))
    total = np.cumsum(sizes[order])
    count = int(np.argmin(np.abs(total - wanted))) + 1
    return np.isin(groups, names[order[: min(count, len(names) - stay)]])


def _draw_classes(y: np.ndarray, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """Places of `wanted` rows, each class in its share (largest remainders) and keeping a row or two."""
    classes, counts = np.unique(y, return_counts=True)
    ideal = counts * (wanted / len(y))
    # a class of two or three rows is worth more in training than in the score
    most = np.where(counts >= 4, counts - 2, np.maximum(counts - 2, 0))
    take = np.minimum(np.floor(ideal).astype(np.int64), most)
    for place in np.argsort(take - ideal, kind="stable"):
        if take.sum() < wanted and take[place] < most[place]:
            take[place] += 1
    drawn = [generator.permutation(np.flatnonzero(y == c))[:n] for c, n in zip(classes, take, strict=True)]
    return np.concatenate(drawn)


def _fold_count(dataset: Dataset, development: np.ndarray, folds: int | None) -> int:
    n = len(development)
    worth = n * (WIDER if dataset.schema.perceives else 1)
    count = folds if folds is not None else 5 if worth < FEW else 3 if worth < SOME else 1
    limit, what = n // 2, "development rows"
    if dataset.task.single:
        sizes = np.bincount(dataset.y[development])
        limit = int(sizes[sizes > 1].sum()) // 2  # rows of a class seen once are in no fold
    if dataset.groups is not None:
        limit, what = len(np.unique(dataset.groups[development])), "groups"
    elif dataset.times is not None:
        limit, what = len(np.unique(dataset.times[development])) - 1, "steps of time"
    if folds is not None and count > max(limit, 1):
        raise ArgumentError(
            f"folds is {folds}, but there are {limit} {what} to part; give at most as many folds"
        )
    return max(1, min(count, limit))


def _folds(dataset: Dataset, rows: np.ndarray, count: int, generator: np.random.Generator) -> list[Fold]:
    if dataset.times is not None:
        return _time_folds(dataset.times, rows, count)
    if count == 1:
        valid = _draw(dataset, rows, min(VALID_MOST, max(1, round(VALID_SHARE * len(rows)))), 1, generator)
        return [Fold(np.setdiff1d(rows, valid), valid)]
    if dataset.groups is not None:
        of_row = _group_folds(dataset.groups[rows], count, generator)
    elif (states := strata(dataset, rows)) is not None:
        shared = common(dataset, rows, 2)
        of_row = np.full(len(rows), -1, np.int64)
        of_row[shared] = dealt(states[shared], count, generator)
    elif not dataset.task.single:
        of_row = np.empty(len(rows), np.int64)
        of_row[generator.permutation(len(rows))] = np.arange(len(rows)) % count
    else:
        of_row = _class_folds(dataset.y[rows], count, generator)
    return [Fold(rows[of_row != fold], rows[of_row == fold]) for fold in range(count)]


def _time_folds(times: np.ndarray, rows: np.ndarray, count: int) -> list[Fold]:
    if count == 1:
        cut = _cut(times[rows], len(rows) - min(VALID_MOST, max(1, round(VALID_SHARE * len(rows)))))
        return [Fold(rows[times[rows] < cut], rows[times[rows] >= cut])]
    distinct = np.unique(times[rows])
    ideal = [len(rows) * k // (count + 1) for k in range(1, count + 1)]
    cuts = sorted({_cut(times[rows], place) for place in ideal})
    if len(cuts) < count:  # many equal times: part the times themselves evenly
        cuts = [float(part[0]) for part in np.array_split(distinct, count + 1)[1:]]
    ends = [*cuts[1:], np.inf]
    return [
        Fold(rows[times[rows] < cut], rows[(times[rows] >= cut) & (times[rows] < end)])
        for cut, end in zip(cuts, ends, strict=True)
    ]


def _group_folds(groups: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """The fold of each row: groups from the largest on, each to the fold with the fewest rows."""
    names, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = generator.permutation(len(names))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    load, fold = np.zeros(count, np.int64), np.empty(len(names), np.int64)
    for group in order:
        fold[group] = np.argmin(load)
        load[fold[group]] += sizes[group]
    return fold[place]


def _class_folds(y: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """The fold of each row, −1 for rows that only train: classes in turn are dealt out like cards.

    So folds differ by at most one row, in all and within each class.
    """
    shuffled = generator.permutation(len(y))
    dealt = shuffled[np.argsort(y[shuffled], kind="stable")]
    sizes = np.bincount(y)
    dealt = dealt[sizes[y[dealt]] > 1]
    of_row = np.full(len(y), -1, np.int64)
    of_row[dealt] = np.arange(len(dealt)) % count
    return of_row


def leaks(dataset: Dataset, splits: Splits) -> tuple[Notice, ...]:
    """What may flatter scores: equal rows on both sides of a split, copies of the target.

    Rows are compared by all their used inputs. Codes of the notices: "duplicate-test", "duplicate-folds",
    "target-copy" and "leak-suspect" (the latter two as found when the data were read).
    """
    hashes = row_hashes(dataset.codes)
    found = [notice for notice in dataset.notices if notice.code in ("target-copy", "leak-suspect")]
    shared = np.isin(hashes[splits.test], hashes[splits.development])
    if shared.any():
        text = (
            f"{_share(shared)} test rows equal a development row in all inputs; scores on them may be too "
            "good."
        )
        found.append(Notice("duplicate-test", text))
    doubles = [np.isin(hashes[fold.valid], hashes[fold.train]) for fold in splits.folds]
    if any(mask.any() for mask in doubles):
        text = f"{_share(np.concatenate(doubles))} validation rows equal a row trained on in all inputs."
        found.append(
            Notice("duplicate-folds", f"{text} Early stopping and selection may trust them too much.")
        )
    return tuple(found)


def _share(mask: np.ndarray) -> str:
    return f"{int(mask.sum()):,} of {len(mask):,} ({100 * mask.mean():.1f} %)"
