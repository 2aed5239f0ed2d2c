"""Several targets at once: how they are named, what they become, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profunda.data.dealing import dealt, drawn
from profunda.data.reading import read
from profunda.data.splits import split
from profunda.data.targets import targets_of
from profunda.data.task import Task
from profunda.errors import DataError

RNG = np.random.default_rng(0)
N = 60
FRAME = pd.DataFrame(
    {
        "x": RNG.standard_normal(N),
        "rain": np.arange(N) % 2 == 0,
        "snow": ["yes", "no", "no"] * (N // 3),
        "heat": RNG.standard_normal(N),
        "cold": RNG.standard_normal(N),
        "kind": ["a", "b", "c"] * (N // 3),
    }
)


def test_columns_of_two_classes_are_a_multilabel_task() -> None:
    found = read(FRAME, ["rain", "snow"])
    assert (found.task.kind, found.task.names, found.task.n_outputs) == ("multilabel", ("rain", "snow"), 2)
    assert [part.classes for part in found.task.parts] == [("False", "True"), ("no", "yes")]
    wanted = np.stack([FRAME["rain"], FRAME["snow"] == "yes"], axis=1).astype(float)
    np.testing.assert_array_equal(found.y, wanted)
    assert {column.name for column in found.columns} == {"x", "heat", "cold", "kind"}


def test_columns_of_numbers_are_a_multioutput_task() -> None:
    found = read(FRAME, "heat, cold")  # as on the command line
    assert (found.task.kind, found.task.target, found.task.numeric) == ("multioutput", "heat, cold", True)
    np.testing.assert_array_equal(found.y, FRAME[["heat", "cold"]].to_numpy())


def test_targets_may_be_arrays_frames_or_archives(tmp_path: Path) -> None:
    y, x = FRAME[["heat", "cold"]], FRAME[["x"]].to_numpy()
    for given_y in (y, y.to_numpy(), y.to_numpy().tolist()):
        np.testing.assert_array_equal(read(x, given_y).y, y.to_numpy())
    assert read(x, y).task.names == ("heat", "cold")
    assert read(x, y.to_numpy()).task.names == ("target0", "target1")
    np.savez(tmp_path / "a.npz", x=x, y=y.to_numpy())
    assert read(tmp_path / "a.npz").task.names == ("y0", "y1")
    half = {"x_train": x[:40], "y_train": y.to_numpy()[:40], "x_test": x[40:], "y_test": y.to_numpy()[40:]}
    np.savez(tmp_path / "b.npz", **half)
    np.testing.assert_array_equal(read(tmp_path / "b.npz").y, y.to_numpy())
    np.savez(tmp_path / "c.npz", **half | {"y_test": np.ones((20, 3))})
    with pytest.raises(DataError, match=r"y_train has shape \(40, 2\) and y_test \(20, 3\)"):
        read(tmp_path / "c.npz")


def test_a_name_with_a_comma_is_a_column_where_there_is_one() -> None:
    frame = FRAME.rename(columns={"heat": "heat, cold"})
    assert read(frame, "heat, cold").task.kind == "regression"
    assert read(frame, ["heat, cold", "cold"]).task.names == ("heat, cold", "cold")


def test_two_values_are_numbers_where_the_user_says_so() -> None:
    frame = FRAME.assign(rain=FRAME["rain"].astype(int))
    assert read(frame, ["rain", "heat"], task="regression").task.kind == "multioutput"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (["rain", "heat"], r"'rain' has 2 classes, 'heat' has numbers; .* pass task='regression' if all"),
        (["rain", "kind"], "'kind' has 3 classes; .* a column of yes and no for each class"),
        (["rain", "rain"], "the target 'rain' is named twice"),
        (["rain", "sno"], "there is no column 'sno' for the target; did you mean 'snow'"),
        ("rain,sno", "there is no column 'sno' for the target"),
        (["yes", "no"] * 29, r"a list of 58 texts beside 60 rows, .* no column is called 'yes' or any other"),
        (["rian", "snwo"], r"a list of 2 texts beside 60 rows, .*; there are x, rain, snow"),
        (["rian"], "there is no column 'rian' for the target; did you mean 'rain'"),
    ],
)
def test_what_does_not_go_together_is_refused(target: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read(FRAME, target)


def test_gaps_are_kept_and_told_and_rows_without_any_target_left_out() -> None:
    y = FRAME[["heat", "cold"]].to_numpy().copy()
    y[:3], y[5, 0] = np.nan, np.nan
    found = read(FRAME[["x"]], y)
    assert found.y.shape == (N - 3, 2)
    assert np.isnan(found.y).sum() == 1
    told = {notice.code: notice.text for notice in found.notices}
    assert told["missing-target"].startswith("3 of 60 rows")
    assert "target0 (1)" in told["missing-targets"]
    first, second = targets_of(found.task, found.y)
    assert (len(first.rows), len(second.rows)) == (N - 4, N - 3)
    np.testing.assert_array_equal(second.y, found.y[:, 1])


@pytest.mark.parametrize(
    ("gap", "text"), [(np.nan, "has no value in any of 60 rows"), (2.5, "has the value 2.5")]
)
def test_a_target_of_which_nothing_can_be_learned_is_refused(gap: float, text: str) -> None:
    y = FRAME[["heat", "cold"]].to_numpy().copy()
    y[:, 1] = gap
    with pytest.raises(DataError, match=text):
        read(FRAME[["x"]], y)


def test_a_copy_of_any_target_is_no_input() -> None:
    frame = FRAME.assign(copy=2 * FRAME["cold"] + 1)
    found = read(frame, ["heat", "cold"])
    assert "copy" in next(notice.text for notice in found.notices if notice.code == "target-copy")


def test_a_target_without_a_value_to_train_on_is_refused() -> None:
    y = FRAME[["heat", "cold"]].to_numpy().copy()
    y[:-20, 1] = np.nan  # it began to be measured late
    timed = FRAME[["x"]].assign(day=np.arange(N))
    with pytest.raises(DataError, match=r"'target1' has a value in 20 row\(s\) only, and in none of the 10"):
        split(read(timed, y, time="day"), test=0.0, folds=5)


def test_json_of_one_target_is_what_it_was() -> None:
    text = '{"kind": "binary", "target": "rain", "classes": ["no", "yes"], "dtype": "text"}'
    assert Task.from_json(text).to_json() == text


def test_json_of_several_comes_back_equal() -> None:
    for names in (["rain", "snow"], ["heat", "cold"]):
        task = read(FRAME, names).task
        assert Task.from_json(task.to_json()) == task


@pytest.mark.parametrize(
    "change",
    [
        ("multilabel", "multioutput"),
        ("multilabel", "binary"),
        ('"binary", "target": "snow"', '"regression", "target": "snow"'),
    ],
)
def test_json_of_parts_that_do_not_fit_is_refused(change: tuple[str, str]) -> None:
    text = read(FRAME, ["rain", "snow"]).task.to_json()
    assert change[0] in text
    with pytest.raises(DataError, match="cannot be; its JSON was changed"):
        Task.from_json(text.replace(*change, 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_dealing_keeps_the_shares_of_every_label(seed: int, folds: int) -> None:
    rng = np.random.default_rng(seed)
    states = (rng.random((200, 3)) < (0.05, 0.3, 0.5)).astype(np.int64)
    of_row = dealt(states, folds, rng)
    sizes = np.bincount(of_row, minlength=folds)
    assert np.ptp(sizes) <= 1
    counts = np.stack([states[of_row == fold].sum(axis=0) for fold in range(folds)])
    assert (np.ptp(counts, axis=0) <= (2, 4, 8)).all()
    taken = drawn(states, 50, rng)
    assert len(np.unique(taken)) == 50
    assert np.abs(states[taken].sum(axis=0) - states.sum(axis=0) / 4).max() <= 4


def test_splits_keep_rare_labels_on_both_sides() -> None:
    rare = np.zeros((N, 2))
    rare[::10, 0], rare[::2, 1] = 1, 1
    dataset = read(FRAME[["x"]], rare)
    found = split(dataset, folds=3)
    assert "stratified by all targets" in found.how
    for fold in found.folds:
        assert dataset.y[fold.valid][:, 0].sum() >= 1
    again = split(dataset, folds=3)
    np.testing.assert_array_equal(found.test, again.test)
