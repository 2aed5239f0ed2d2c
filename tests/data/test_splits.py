"""Splits: laws that hold for any data, and the leak check against its naive twin."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from tests.oracles.data import shared_rows

from profunda.data.dataset import Dataset
from profunda.data.leakage import row_hashes
from profunda.data.reading import read
from profunda.data.schema import Schema
from profunda.data.splits import Splits, leaks, split
from profunda.data.task import Task
from profunda.errors import ArgumentError, DataError

SEEDS = st.integers(0, 2**31)


def dataset(
    y: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    times: np.ndarray | None = None,
    codes: np.ndarray | None = None,
    test_rows: np.ndarray | None = None,
) -> Dataset:
    """A dataset with a given target and nothing to infer."""
    classes = tuple(map(str, range(int(y.max()) + 1))) if y.dtype.kind == "i" else ()
    kind = "regression" if not classes else "binary" if len(classes) == 2 else "multiclass"
    codes = np.arange(len(y), dtype=float)[:, None] if codes is None else codes
    return Dataset(
        task=Task(kind, "y", classes),
        schema=Schema((), (), len(y)),
        columns=(),
        codes=codes,
        y=y,
        test_rows=test_rows,
        groups=groups,
        times=times,
        notices=(),
        source="made up",
        fingerprint="",
    )


def check_common(data: Dataset, splits: Splits) -> None:
    """What holds for every split: sorted int64 rows, nothing shared, nothing lost."""
    for rows in (
        splits.development,
        splits.test,
        *(part for fold in splits.folds for part in (fold.train, fold.valid)),
    ):
        assert rows.dtype == np.int64
        assert (np.diff(rows) > 0).all()
    both = np.concatenate([splits.development, splits.test])
    np.testing.assert_array_equal(np.sort(both), np.arange(data.n_rows))
    for fold in splits.folds:
        assert len(np.intersect1d(fold.train, fold.valid)) == 0
        assert np.isin(np.concatenate([fold.train, fold.valid]), splits.development).all()
        assert len(fold.train) >= 2
        assert len(fold.valid) >= 1


def possible_split(data: Dataset, folds: int, seed: int) -> Splits:
    """A split; where the draw has too few groups or times for these folds, another is drawn."""
    try:
        return split(data, folds=folds, seed=seed)
    except (ArgumentError, DataError):
        reject()


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(8, 300),
    seed=SEEDS,
    folds=st.integers(1, 4),
    repeats=st.integers(1, 3),
    test=st.sampled_from([0, 0.2, 0.5]),
)
def test_folds_of_numbers_partition_the_development_rows(
    n: int, seed: int, folds: int, repeats: int, test: float
) -> None:
    data = dataset(np.linspace(0, 1, n))
    held_out = 0 if test == 0 else max(1, round(test * n))
    folds = min(folds, (n - held_out) // 2)
    splits = split(data, test=test, folds=folds, repeats=repeats, seed=seed)
    check_common(data, splits)
    assert len(splits.folds) == folds * repeats
    assert len(splits.test) == held_out
    if folds > 1:
        for start in range(0, len(splits.folds), folds):
            part = splits.folds[start : start + folds]
            np.testing.assert_array_equal(
                np.sort(np.concatenate([f.valid for f in part])), splits.development
            )
            sizes = [len(f.valid) for f in part]
            assert max(sizes) - min(sizes) <= 1


@settings(max_examples=60, deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=2, max_size=6), seed=SEEDS, folds=st.integers(1, 4))
def test_classes_keep_their_shares(counts: list[int], seed: int, folds: int) -> None:
    if max(counts) < 20:
        counts[0] += 20
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    data = dataset(y)
    splits = split(data, folds=folds, seed=seed)
    check_common(data, splits)
    wanted = round(0.2 * len(y)) / len(y)
    tested = np.bincount(y[splits.test], minlength=len(counts))
    for count, drawn in zip(counts, tested, strict=True):
        assert count - drawn >= min(count, 2)  # every class keeps rows to train and to choose by
        if min(counts) >= 12:
            assert abs(drawn - wanted * count) <= 1
    here = np.bincount(y[splits.development], minlength=len(counts))
    for fold in splits.folds:
        assert (np.bincount(y[fold.train], minlength=len(counts)) >= 1).all()
        if folds > 1:
            parts = np.bincount(y[fold.valid], minlength=len(counts))
            assert (np.abs(parts - np.where(here > 1, here / folds, 0)) < 1).all()


def test_a_class_seen_once_only_trains() -> None:
    y = np.r_[np.zeros(20, int), np.ones(20, int), 2]
    for folds in (1, 2, 5):
        splits = split(dataset(y), folds=folds)
        assert 40 not in splits.test
        assert all(40 in fold.train for fold in splits.folds)


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=4, max_size=15), seed=SEEDS, folds=st.integers(1, 5))
def test_groups_never_straddle(sizes: list[int], seed: int, folds: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    data = dataset(np.linspace(0, 1, len(groups)), groups=groups)
    splits = possible_split(data, folds, seed)
    check_common(data, splits)
    assert len(np.intersect1d(groups[splits.test], groups[splits.development])) == 0
    for fold in splits.folds:
        assert len(np.intersect1d(groups[fold.train], groups[fold.valid])) == 0


def test_group_folds_partition_and_are_balanced() -> None:
    groups = np.repeat(np.arange(40), np.random.default_rng(0).integers(5, 15, 40))
    splits = split(dataset(np.linspace(0, 1, len(groups)), groups=groups), folds=4)
    np.testing.assert_array_equal(
        np.sort(np.concatenate([f.valid for f in splits.folds])), splits.development
    )
    sizes = [len(fold.valid) for fold in splits.folds]
    assert max(sizes) - min(sizes) <= 15


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(0, 40), min_size=12, max_size=200),
    folds=st.integers(1, 4),
    classes=st.booleans(),
    seed=SEEDS,
)
def test_nothing_is_judged_by_a_model_that_saw_the_future(
    times: list[int], folds: int, classes: bool, seed: int
) -> None:
    when = np.array(times, float)
    y = np.arange(len(when)) % 2 if classes else np.linspace(0, 1, len(when))
    data = dataset(y, times=when)
    splits = possible_split(data, folds, seed)
    check_common(data, splits)
    assert when[splits.test].min() > when[splits.development].max()
    assert len(splits.folds) == folds
    for fold in splits.folds:
        assert when[fold.valid].min() > when[fold.train].max()
    for earlier, later in zip(splits.folds, splits.folds[1:], strict=False):
        assert when[later.valid].min() > when[earlier.valid].max()


def test_time_order_could_be_broken() -> None:
    when = np.random.default_rng(0).permutation(100).astype(float)
    splits = split(dataset(np.linspace(0, 1, 100)), folds=3)
    assert any(when[fold.valid].min() < when[fold.train].max() for fold in splits.folds)


@pytest.mark.parametrize(
    ("n", "test", "folds", "valid"),
    [(1000, 200, 5, 160), (10_000, 2_000, 3, 2667), (15_000, 3_000, 1, 2_400), (80_000, 10_000, 1, 5_000)],
)
def test_the_defaults(n: int, test: int, folds: int, valid: int) -> None:
    for y in (np.linspace(0, 1, n), np.arange(n) % 4):
        splits = split(dataset(y))
        assert (len(splits.test), len(splits.folds), len(splits.folds[0].valid)) == (test, folds, valid)


def test_a_given_test_part_is_the_test() -> None:
    rows = np.arange(30, 50)
    splits = split(dataset(np.arange(50) % 2, test_rows=rows))
    np.testing.assert_array_equal(splits.test, rows)
    np.testing.assert_array_equal(splits.development, np.arange(30))
    assert "own test part of 20 rows" in splits.how


def test_the_seed_decides() -> None:
    data = dataset(np.arange(200) % 3)
    first, again, other = split(data, seed=1), split(data, seed=1), split(data, seed=2)
    np.testing.assert_array_equal(first.test, again.test)
    assert all(np.array_equal(a.valid, b.valid) for a, b in zip(first.folds, again.folds, strict=True))
    assert not np.array_equal(first.test, other.test)
    twice = split(data, seed=1, repeats=2)
    assert np.array_equal(
        twice.folds[0].valid, first.folds[0].valid
    )  # a further repeat changes no earlier one
    assert not np.array_equal(twice.folds[5].valid, first.folds[0].valid)
    assert "5 folds, 2 times" in twice.how


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"test": -0.1}, "test is -0.1"),
        ({"test": 0.95}, "from 0 to 0.9"),
        ({"folds": 0}, "folds is 0"),
        ({"repeats": 0}, "repeats 0"),
        (
            {"folds": 30},
            "folds is 30, but there are 20 development rows to part|folds is 30, but there are 16",
        ),
    ],
)
def test_impossible_arguments(arguments: dict[str, float], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        split(dataset(np.linspace(0, 1, 40)), **arguments)  # type: ignore[arg-type]


def test_impossible_data() -> None:
    with pytest.raises(ArgumentError, match="time has one order only"):
        split(dataset(np.linspace(0, 1, 40), times=np.arange(40.0)), repeats=2)
    with pytest.raises(DataError, match="have the same time"):
        split(dataset(np.linspace(0, 1, 40), times=np.zeros(40)))
    with pytest.raises(DataError, match=r"2 group.s. cannot be parted"):
        split(dataset(np.linspace(0, 1, 40), groups=np.arange(40) % 2))
    with pytest.raises(ArgumentError, match="folds is 9, but there are 3 groups to part"):
        split(dataset(np.linspace(0, 1, 40), groups=np.arange(40) % 4), folds=9)
    with pytest.raises(DataError, match=r"no class of 6 rows has three rows"):
        split(dataset(np.arange(6) % 3))
    with pytest.raises(DataError, match=r"leave . to train on and 0 to validate on"):
        split(dataset(np.arange(6)), test=0)


@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, values=st.integers(1, 4), columns=st.integers(1, 3))
def test_equal_rows_across_splits_are_counted_as_the_naive_twin_does(
    seed: int, values: int, columns: int
) -> None:
    rng = np.random.default_rng(seed)
    choices = np.array([0.0, -0.0, np.nan, 1.5, -1.0])[: values + 1]
    data = dataset(
        np.linspace(0, 1, 60), codes=rng.choice(choices, (60, columns)) + rng.integers(0, 9, (60, 1))
    )
    splits = split(data, folds=1, seed=seed)
    found = {notice.code: notice.text for notice in leaks(data, splits)}
    parts = {
        "duplicate-test": (splits.test, splits.development),
        "duplicate-folds": (splits.folds[0].valid, splits.folds[0].train),
    }
    for code, (left, right) in parts.items():
        count = shared_rows(data.codes[left].tolist(), data.codes[right].tolist())
        assert (code in found) == (count > 0)
        if count:
            assert found[code].startswith(f"{count} of {len(left)} ")


def test_hashes_tell_rows_apart() -> None:
    grid = np.stack(np.meshgrid(np.arange(60.0), np.arange(60.0)), -1).reshape(-1, 2)
    assert len(np.unique(row_hashes(grid))) == 3600
    assert (row_hashes(np.array([[0.0, np.nan]])) == row_hashes(np.array([[-0.0, -np.nan]]))).all()


def test_copies_of_the_target_are_among_the_leaks() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.random(60), "copy": ["l", "r"] * 30, "y": ["u", "v"] * 30})
    data = read(frame, "y")
    assert [notice.code for notice in leaks(data, split(data))] == ["target-copy"]
    clean = read(frame.drop("copy"), "y")
    assert leaks(clean, split(clean)) == ()
