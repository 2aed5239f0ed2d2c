"""Classes or numbers: the rule, its override, and what is told."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from profunda.data.reading import read
from profunda.data.task import Task
from profunda.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.standard_normal((120, 3))


@pytest.mark.parametrize(
    ("y", "kind", "classes"),
    [
        (np.arange(120) % 2, "binary", ("0", "1")),
        (np.arange(120) % 2 * 2 - 1, "binary", ("-1", "1")),
        (np.arange(120) % 2 == 1, "binary", ("False", "True")),
        (np.arange(120) % 3, "multiclass", ("0", "1", "2")),
        (np.arange(120) % 3 + 1.0, "multiclass", ("1", "2", "3")),
        (np.arange(120) % 20, "multiclass", tuple(map(str, range(20)))),
        (np.arange(120) % 21, "regression", ()),
        (np.arange(120) % 7 + 3, "regression", ()),
        (np.arange(120) % 3 * 10, "regression", ()),
        (X[:, 0], "regression", ()),
        (np.arange(120) % 4 / 2, "regression", ()),
        (np.array(["b", "a", "c"] * 40), "multiclass", ("a", "b", "c")),
        (np.array(["10", "9", "1"] * 40), "multiclass", ("1", "9", "10")),
        (["yes", "no"] * 60, "binary", ("no", "yes")),
        (pd.Series([0.5, 1.25] * 60), "binary", ("0.5", "1.25")),
    ],
)
def test_the_rule(y: object, kind: str, classes: tuple[str, ...]) -> None:
    task = read(X, y).task
    assert (task.kind, task.classes) == (kind, classes)
    assert task.n_outputs == max(1, len(classes))


def test_few_rows_a_value_make_a_number() -> None:
    assert read(X[:40], np.arange(40) % 10).task.kind == "regression"
    assert read(X[:50], np.arange(50) % 10).task.kind == "multiclass"


def test_whole_numbers_are_remarked_on_either_way() -> None:
    amounts = read(X, np.arange(120) % 7 + 3)
    assert "taken for numbers; pass task='classification'" in amounts.notices[0].text
    codes = read(X, np.arange(120) % 7)
    assert "taken for classes; pass task='regression'" in codes.notices[0].text
    assert read(X, np.arange(120) % 7 + 3, task="classification").notices == ()


def test_the_choice_overrides_the_rule() -> None:
    y = np.arange(120) % 7 + 3
    dataset = read(X, y, task="classification")
    assert dataset.task == Task("multiclass", "target", tuple("3456789"), "integer")
    np.testing.assert_array_equal(dataset.task.labels[dataset.y], y)
    assert read(X, np.arange(120) % 2, task="regression").task.kind == "regression"
    texts = read(pl.DataFrame(X), pl.Series("t", ["1,5", "2,5", "x"] + ["3,25"] * 117), task="regression")
    assert texts.n_rows == 119
    assert any(notice.code == "text-in-numbers" for notice in texts.notices)


@pytest.mark.parametrize(
    "y",
    [
        np.arange(120) % 3,
        np.arange(120) % 2 == 0,
        np.array([0.5, 1.5, 2.5])[np.arange(120) % 3],
        np.array(["u", "v", "w"])[np.arange(120) % 3],
    ],
)
def test_labels_give_the_target_back_in_its_type(y: np.ndarray) -> None:
    dataset = read(X, y, task="classification")
    np.testing.assert_array_equal(dataset.task.labels[dataset.y], y)
    assert dataset.task.labels.dtype.kind == (y.dtype.kind if y.dtype.kind != "U" else "O")


def test_a_numeric_target_with_odd_cells_stays_numeric(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,y\n" + "".join(f"{i * 1.5},{'broken' if i == 3 else i * 0.37}\n" for i in range(60)))
    dataset = read(path, "y")
    assert dataset.task.kind == "regression"
    assert dataset.n_rows == 59
    path.write_text("a;y\n" + "".join(f"{i * 1.5};{i},25\n" for i in range(60)))
    np.testing.assert_allclose(read(path, "y").y, np.arange(60) + 0.25)


def test_a_skewed_target_is_remarked_on() -> None:
    y = np.exp(2 * RNG.standard_normal(120))
    assert "skewness" in next(n.text for n in read(X, y).notices if n.code == "skewed-target")
    assert read(X, RNG.standard_normal(120)).notices == ()


@pytest.mark.parametrize("task", [Task("binary", "y", ("a", "b")), Task("regression", "größe", (), "number")])
def test_tasks_survive_json(task: Task) -> None:
    assert Task.from_json(task.to_json()) == task


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind": "binary", "target": "y", "classes": ["a"], "dtype": "text"}',
        '{"kind": "ranking", "target": "y", "classes": [], "dtype": "text"}',
        '{"kind": "binary", "target": "y", "classes": [1, 2], "dtype": "integer"}',
        '{"kind": "binary", "target": "y", "classes": ["a", "b"], "dtype": "complex"}',
    ],
)
def test_damaged_tasks_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"not the JSON of a task|cannot be; its JSON was changed"):
        Task.from_json(text)


def test_nested_targets_are_refused() -> None:
    with pytest.raises(DataError, match="holds lists or records"):
        read(pl.DataFrame({"a": range(9), "y": [[1]] * 9}), "y")
