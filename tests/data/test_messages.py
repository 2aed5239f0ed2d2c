"""What is said of data that cannot be used, word for word where a user reads it first."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from profunda.data.layout import lay_out
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.data.schema import Schema
from profunda.data.splits import split
from profunda.errors import ArgumentError, DataError

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X[:, 0] * 2 + X[:, 1]
DATA = read(X, target=Y)


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    return path


def test_arrays_that_are_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x has shape \(30, 2\) and y has shape \(29,\); each row of inputs"):
        read(saved(tmp_path, x=X, y=Y[:29]))
    with pytest.raises(DataError, match=r"has x but no y: without a target there is nothing to learn"):
        read(saved(tmp_path, x=X))
    with pytest.raises(DataError, match=r"array 'x' in .* has type complex128; store numbers"):
        read(saved(tmp_path, x=X * 1j, y=Y))
    with pytest.raises(DataError, match="arrays of type complex128 are not read"):
        read(X * 1j, target=Y)
    with pytest.raises(
        DataError, match=r"an array of 1 dimension\(s\) is no table: expected inputs of shape"
    ):
        read(X[:, 0], target=Y)


def test_arguments_out_of_range() -> None:
    with pytest.raises(ArgumentError, match="task is 'ranking'; it can be 'classification' or 'regression'"):
        read(X, target=Y, task="ranking")  # pyrefly: ignore
    with pytest.raises(ArgumentError, match="folds is 0 and repeats 1; both start at 1"):
        split(DATA, folds=0)
    with pytest.raises(ArgumentError, match="encoding is 'rank'; it can be one of robust"):
        fit_preprocessing(DATA.codes, DATA.y, np.arange(30), DATA.schema, "rank", DATA.task)  # pyrefly: ignore
    with pytest.raises(DataError, match="there are no rows to fit the preprocessing on"):
        fit_preprocessing(DATA.codes, DATA.y, np.arange(0), DATA.schema, "robust", DATA.task)


def test_a_layout_that_contradicts_itself() -> None:
    layout = lay_out(DATA.schema, "piecewise", "onehot")
    with pytest.raises(ValueError, match="positions outside 0 … 1"):
        replace(layout, numeric=(0, 2)).check()
    with pytest.raises(ValueError, match="sizes that are no counts"):
        replace(layout, bins=(-1, 3)).check()


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"rows": 30', '"rows": -1', "-1 is no count"),
        ('"source": ["x0", "x1"]', '"source": [0, 1]', "0 is no text"),
        ('"vocabulary": []', '"vocabulary": "ab"', "'ab' is no list"),
    ],
)
def test_a_schema_whose_json_was_changed(old: str, new: str, text: str) -> None:
    changed = DATA.schema.to_json().replace(old, new)
    assert changed != DATA.schema.to_json()
    with pytest.raises(DataError, match=f"this is not the JSON of a schema .*{text}"):
        Schema.from_json(changed)
