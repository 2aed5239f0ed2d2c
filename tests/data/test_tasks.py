"""Rows that belong to tasks: the column is read, kept in every split, and told to the network."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profunda.data.layout import Layout, lay_out
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read, read_inputs
from profunda.data.schema import Schema
from profunda.data.splits import split
from profunda.data.table import Kind
from profunda.errors import ArgumentError, DataError


def frame(rows=120, tasks=4, seed=0, classes=False):
    rng = np.random.default_rng(seed)
    task = np.concatenate([np.arange(tasks), rng.integers(0, tasks, rows - tasks)])
    x = rng.normal(size=(rows, 2))
    y = x[:, 0] * (task - 1) + rng.normal(size=rows)
    y = np.where(y > 0, "yes", "no") if classes else y
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "school": task, "y": y})


def test_tasks_are_numbered_by_falling_rows() -> None:
    table = pd.DataFrame({"a": np.arange(9.0) ** 2, "school": [*"ccbaabccc"], "y": np.arange(9.0) % 4 * 1.5})
    found = read(table, "y", task_column="school")
    assert found.task_names == ("c", "a", "b")
    assert found.tasks.tolist() == [0, 0, 2, 1, 1, 2, 0, 0, 0]
    assert found.columns[-1].kind is Kind.TASK
    assert [feature.name for feature in found.schema.features] == ["a", "school"]
    assert [notice.code for notice in found.notices if "tasks" in notice.code] == ["small-tasks"]
    plain = read(table.drop(columns="school"), "y")
    assert plain.tasks is None
    assert plain.task_names == ()


@pytest.mark.parametrize("encoding", ["robust", "quantile", "piecewise", "embedded"])
def test_the_task_is_one_input_in_every_encoding(encoding) -> None:
    data = read(frame(), "y", task_column="school")
    made = fit_preprocessing(data.codes, data.y, np.arange(90), data.schema, encoding, data.task)
    place, tasks = made.inputs.task
    assert tasks == 4
    assert made.names[place] == "school:task"
    assert place not in made.inputs.kept
    codes = data.schema.codes(frame().assign(school=[*data.tasks[:118].tolist(), 99, np.nan]))
    found = made.transform(codes)[:, place]
    # What nobody has seen, or nobody tells, is task T.
    assert found[-2:].tolist() == [4, 4]
    assert np.array_equal(made.transform(data.codes)[:, place], data.tasks)
    assert Schema.from_json(data.schema.to_json()) == data.schema
    layout = lay_out(data.schema, encoding, "onehot")
    assert Layout.from_plain(layout.plain()) == layout
    with pytest.raises(ValueError, match="pixels, words or tasks up to column 10"):
        Layout.from_plain(layout.plain() | {"task": [9, 4]})


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=12),
    folds=st.integers(2, 5),
    classes=st.booleans(),
    test=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 1000),
)
def test_each_task_has_its_share_of_every_split(sizes, folds, classes, test, seed) -> None:
    rng = np.random.default_rng(seed)
    sizes = [*sizes, 40]
    task = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    y = rng.normal(size=len(task))
    if classes:  # three rows of one class, rarer than most tasks; one of another
        y = np.where(y > 0, "yes", "no").astype("<U5")
        y[rng.choice(len(task), 4, replace=False)] = ["rare", "rare", "rare", "once"]
    table = pd.DataFrame({"a": rng.normal(size=len(task)), "t": task, "y": y})
    data = read(table, "y", task_column="t")
    found = split(data, test=test, folds=folds, seed=seed)
    assert "split stratified by task" in found.how
    once = np.flatnonzero(y == "once") if classes else np.array([], int)

    def rows_of_tasks(rows):
        return np.bincount(data.tasks[rows], minlength=len(sizes))

    judged = rows_of_tasks(np.setdiff1d(np.arange(len(task)), once))
    tested, developed = rows_of_tasks(found.test), rows_of_tasks(found.development)
    assert (np.abs(tested - len(found.test) / judged.sum() * judged) < 2).all()
    assert test == 0 or (tested[judged >= 12] > 0).all()
    dealt = np.setdiff1d(found.development, once)
    if classes:  # what is left of the rare class may be one row
        left = dealt[y[dealt] == "rare"]
        dealt = np.setdiff1d(dealt, left) if len(left) == 1 else dealt
    for fold in found.folds:
        assert np.abs(rows_of_tasks(fold.valid) - rows_of_tasks(dealt) / folds).max() < 2
        trained = rows_of_tasks(fold.train)
        assert (trained[developed >= 3] > 0).all()
        assert (trained[rows_of_tasks(np.arange(len(task))) >= 5] > 0).all()
        assert np.isin(once, fold.train).all()


def test_a_task_whose_rows_lack_the_target_is_told() -> None:
    table = frame()
    table.loc[table.school == 3, "y"] = np.nan
    found = read(table, "y", task_column="school")
    told = {notice.code: notice.text for notice in found.notices}
    assert (
        "1 task(s) of 'school' have no row with a target and are not learned: 3"
        in told["tasks-without-target"]
    )
    assert len(found.task_names) == 3
    assert found.schema.codes(table)[table.school == 3, -1].tolist() == [-1.0] * int(
        (table.school == 3).sum()
    )


def days(rows):
    return pd.to_datetime("2020-01-01") + pd.to_timedelta(np.arange(rows) % 3, unit="D")


@pytest.mark.parametrize(
    ("named", "names", "writer"),
    [
        (np.arange(60) % 3 > 0, ("True", "False"), "pandas"),
        (np.arange(60) % 3 > 0, ("True", "False"), "polars"),  # writes true
        (np.arange(60) % 3 > 0, ("True", "False"), "shouting"),
        (days(60), ("2020-01-01", "2020-01-02", "2020-01-03"), "pandas"),
        (days(60), ("2020-01-01", "2020-01-02", "2020-01-03"), "polars"),  # writes 2020-01-01T00:00:00.000000
        (days(60) + pd.to_timedelta("10:30:00.5"), (*(f"2020-01-0{d} 10:30:00.5" for d in "123"),), "polars"),
        (days(60) + pd.to_timedelta("10:30:00"), (*(f"2020-01-0{d} 10:30:00" for d in "123"),), "pandas"),
        (np.arange(60) % 3 + 1.0, ("1", "2", "3"), "pandas"),
        (np.arange(60) % 3 / 4, ("0", "0.25", "0.5"), "polars"),
    ],
)
def test_a_file_and_a_frame_of_it_name_the_same_tasks(named, names, writer, tmp_path) -> None:
    table = frame(60).assign(school=named)
    file = tmp_path / "tasks.csv"
    text = pl.from_pandas(table).write_csv() if writer == "polars" else table.to_csv(index=False)
    file.write_text(text.replace("True", "TRUE").replace("False", "FALSE") if writer == "shouting" else text)
    parsed = pd.read_csv(file, parse_dates=["school"] if table.school.dtype.kind == "M" else [])
    first = read(table, "y", task_column="school")
    assert first.task_names == names
    for source in (table, pl.from_pandas(table), file, pd.read_csv(file), pl.read_csv(file), parsed):
        assert read(source, "y", task_column="school").task_names == names
        assert read_inputs(source, first.schema)[:, -1].tolist() == first.tasks.tolist()
    # A part of the rows is called as all are.
    alike = table[table.school == table.school[1]]
    assert set(read_inputs(alike, first.schema)[:, -1]) == {float(first.tasks[1])}


def test_truth_values_stand_for_what_a_file_calls_zero_and_one() -> None:
    table = frame(60).assign(school=np.arange(60) % 2)
    data = read(table, "y", task_column="school")
    assert data.schema.codes(table.assign(school=table.school == 1))[:, -1].tolist() == data.tasks.tolist()


def test_categories_are_called_as_ever() -> None:
    words = [*["1", "0", "a"] * 20]
    schema = read(frame(60).assign(school=words), "y").schema
    assert schema.features[-1].vocabulary == ("0", "1", "a")
    for typed in (np.arange(60) % 2, np.arange(60) % 2 == 1):
        assert set(schema.codes(frame(60).assign(school=typed))[:, -1]) == {0.0, 1.0}
    schema = read(frame(60).assign(school=[*["true", "True", "2020-01-01T00:00:00"] * 20]), "y").schema
    assert set(schema.features[-1].vocabulary) == {"true", "True", "2020-01-01T00:00:00"}
    assert Schema.from_json(schema.to_json()) == schema


def test_the_json_has_a_newer_format_only_for_tasks() -> None:
    with_tasks, without = read(frame(), "y", task_column="school").schema, read(frame(), "y").schema
    assert json.loads(with_tasks.to_json())["format"] == 3
    assert json.loads(without.to_json())["format"] == 1
    assert Schema.from_json(with_tasks.to_json()) == with_tasks
    # As it was written before the format had a number of its own for tasks.
    assert Schema.from_json(with_tasks.to_json().replace('"format": 3', '"format": 1', 1)) == with_tasks


def test_a_test_part_of_the_source_names_no_tasks(tmp_path) -> None:
    rng = np.random.default_rng(0)
    x, held = rng.normal(size=(60, 3)), rng.normal(size=(20, 3))
    x[:, 2], held[:, 2] = np.arange(60) % 5 > 0, [0, 1, 9, 9, np.nan] * 4
    np.savez(tmp_path / "parts.npz", x_train=x, y_train=x[:, 0], x_test=held, y_test=held[:, 0])
    data = read(tmp_path / "parts.npz", task_column="x2")
    assert data.task_names == ("1", "0")
    assert data.schema.features[-1].counts == (48, 12)
    assert data.tasks[60:].tolist() == [1, 0, -1, -1, -1] * 4
    told = {notice.code: notice.text for notice in data.notices}
    assert (
        "12 rows of the source's own test part belong to no task of 'x2' that was learned: "
        "9, rows without a task" in told["unseen-tasks"]
    )
    assert "tasks-without-target" not in told
    found = split(data, folds=2)
    assert found.test.tolist() == [*range(60, 80)]
    made = fit_preprocessing(data.codes, data.y, found.development, data.schema, "robust", data.task)
    assert made.transform(data.codes)[60:65, made.inputs.task[0]].tolist() == [1, 0, 2, 2, 2]
    x[0, 2] = np.nan
    np.savez(tmp_path / "gap.npz", x_train=x, y_train=x[:, 0], x_test=held, y_test=held[:, 0])
    with pytest.raises(DataError, match="1 of 60 rows have no value in the task column 'x2'"):
        read(tmp_path / "gap.npz", task_column="x2")


def test_rows_of_a_class_seen_once_only_train() -> None:
    for seed in range(20):
        table = frame(60, seed=seed, classes=True)
        table.loc[7, "y"] = "maybe"
        data = read(table, "y", task_column="school")
        for folds in (1, 5):
            found = split(data, folds=folds, seed=seed)
            assert all(7 in fold.train for fold in found.folds)
    table["y"] = [*["a", "b"] * 2, *(f"c{row}" for row in range(4)), *["d", "e"] * 26]
    table = table[:20].assign(y=[f"c{row // 2}" for row in range(20)])
    with pytest.raises(DataError, match="no class of 20 rows has three rows"):
        split(read(table, "y", task_column="school"))


def test_what_names_no_tasks_is_refused() -> None:
    table = frame()
    with pytest.raises(DataError, match="no column 'schol' for the tasks; did you mean 'school'"):
        read(table, "y", task_column="schol")
    with pytest.raises(DataError, match="'school' has 1 task"):
        read(table.assign(school="x"), "y", task_column="school")
    with pytest.raises(DataError, match="'school' has 120 task"):
        read(table.assign(school=np.arange(120)), "y", task_column="school")
    with pytest.raises(DataError, match="1 of 120 rows have no value in the task column"):
        read(table.assign(school=[None, *table.school[1:]]), "y", task_column="school")
    with pytest.raises(ArgumentError, match="named as the task column and for splitting rows"):
        read(table, "y", task_column="school", group="school")
    with pytest.raises(ArgumentError, match="task_column is 'y', which is the target"):
        read(table, "y", task_column="y")
    with pytest.raises(ArgumentError, match="task_column is 'b', which is the target"):
        read(table, ["y", "b"], task_column="b")
    for other in ("group", "time"):
        with pytest.raises(ArgumentError, match=f"{other} is 'y', which is the target"):
            read(table, "y", **{other: "y"})
    for name, shown in ((2, "2"), (["school"], r"\['school'\]"), (np.zeros(120), r"array\(")):
        with pytest.raises(
            ArgumentError, match=f"task_column is {shown}.*a text .the columns of an array are"
        ):
            read(table, "y", task_column=name)
    with pytest.raises(ArgumentError, match="group is 3; it is the name of a column"):
        read(table, "y", group=3)
    nested = table.assign(school=[[1], [2]] * 60)
    with pytest.raises(DataError, match="task_column is 'school', a column that holds lists or records"):
        read(nested, "y", task_column="school")
    with pytest.raises(DataError, match="group is 'school', a column that holds lists or records"):
        read(nested, "y", group="school")
    with pytest.raises(DataError, match="task_column is 'picture', a column that holds pictures"):
        read((np.zeros((6, 4, 4), np.uint8), np.arange(6.0)), task_column="picture")


def test_free_texts_name_no_tasks(tmp_path) -> None:
    for kind in ("ham", "spam"):
        (tmp_path / kind).mkdir()
        for number in range(4):
            (tmp_path / kind / f"{number}.txt").write_text(f"{kind} and a few more words {number}")
    with pytest.raises(DataError, match="the task column 'text' holds free texts"):
        read(tmp_path, task_column="text")
