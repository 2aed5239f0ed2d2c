"""Rows that belong to tasks: the column is read, kept in every split, and told to the network."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profunda.data.layout import Layout, lay_out
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
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


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(3, 40), min_size=2, max_size=12),
    folds=st.integers(2, 5),
    classes=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_each_task_trains_in_every_fold_in_its_share(sizes, folds, classes, seed) -> None:
    rng = np.random.default_rng(seed)
    task = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    y = rng.permutation(np.arange(len(task)) % 2) if classes else rng.normal(size=len(task))
    table = pd.DataFrame({"a": rng.normal(size=len(task)), "t": task, "y": y})
    data = read(table, "y", task_column="t")
    found = split(data, test=0.0, folds=folds, seed=seed)
    assert found.how.startswith("no test rows; split stratified by task")
    each = np.bincount(data.tasks)
    for fold in found.folds:
        inside = np.bincount(data.tasks[fold.valid], minlength=len(each))
        # Two runs of neighbours for a task with each class: each is off by less than a row at either end.
        assert (np.abs(inside - each / folds) < (4 if classes else 2)).all()
        if not classes:
            assert (each - inside > 0).all()
    held = split(data, test=0.25, folds=2, seed=seed).test
    assert (
        np.abs(np.bincount(data.tasks[held], minlength=len(each)) - each / 4) < (4 if classes else 2)
    ).all()


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
    with pytest.raises(DataError, match="holds pictures or free texts"):
        read((np.zeros((6, 4, 4), np.uint8), np.arange(6.0)), task_column="picture")
