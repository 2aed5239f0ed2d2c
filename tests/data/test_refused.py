"""Data that cannot be used: each case a DataError that says what, why and what to do."""

import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from profunda.data.files import archive
from profunda.data.reading import read, read_inputs
from profunda.data.schema import Schema
from profunda.errors import ArgumentError, DataError

ROWS = "\n".join(f"{i},{i % 7},{'ab'[i % 2]}" for i in range(30))
GOOD = f"p,q,y\n{ROWS}\n"


def test_the_good_table_is_read(write: Callable[..., Path]) -> None:
    assert read(write(GOOD), "y").codes.shape == (30, 1)  # p is a running number


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        ("", "table.csv", r"table\.csv is empty \(0 bytes\)"),
        (" \n\n", "table.csv", "is empty .only blanks"),
        ("p,q,y\n", "table.csv", "has a header but no rows"),
        ("p,q,y", "table.csv", "has a header but no rows"),
        (",,\n1,2,3\n", "table.csv", "names no column"),
        (bytes(range(256)) * 9, "table.csv", "is not text: .* control characters"),
        (b"\x00" * 5000, "table.csv", "is not text"),
        (b"PAR1" + b"\x01" * 50, "table.csv", "is a Parquet file, not delimited text"),
        (b"PK\x03\x04" + b"\x01" * 50, "table.csv", "is a zip archive or an Excel sheet"),
        ('p,y\n1,"a\n2,b\n3,c\n', "table.csv", "cannot be read as delimited text"),
        (b"PAR1" + b"\x01" * 50, "table.parquet", "not a whole Parquet file: it is cut off"),
        (b"nonsense" * 9, "table.parquet", "not a whole Parquet file: it is another kind"),
        (b"PAR1" + b"\x01" * 50 + b"PAR1", "table.parquet", "is a broken Parquet file"),
        (GOOD, "table.xlsx", r"ends in '\.xlsx', which is not read; .*export the sheet as CSV"),
        (GOOD, "table.pkl", "pickled files can run foreign code"),
        (GOOD, "table", r"table has no ending, which is not read"),
        (GOOD, "table.weird", "convert it to one of these"),
        (b"rubbish", "table.npz", "is not a whole .npz file|Python objects or a damaged one"),
        (b"PK\x03\x04 cut off", "table.npz", "is not a whole .npz file"),
    ],
)
def test_bad_files(write: Callable[..., Path], content: str | bytes, name: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read(write(content, name), "y")


def test_a_missing_file_is_told_with_near_misses(write: Callable[..., Path], tmp_path: Path) -> None:
    write(GOOD, "people.csv")
    with pytest.raises(DataError, match=r"there is no file .*; did you mean people\.csv\?"):
        read(tmp_path / "peple.csv", "y")
    with pytest.raises(DataError, match="check the path"):
        read(tmp_path / "nowhere" / "zzz.csv", "y")


def test_an_address_is_not_fetched() -> None:
    with pytest.raises(DataError, match="is an address, and nothing is fetched: download the file"):
        read("https://example.org/table.csv", "y")


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")  # to open it would wait for ever
    with pytest.raises(DataError, match="is not a file that you may read; check its permissions"):
        read(tmp_path / "pipe.csv", "y")


def test_a_folder_is_no_file(write: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder; name the file to read$"):
        read(tmp_path, "y")
    write(GOOD)
    with pytest.raises(DataError, match=r"is a folder; .* it holds table\.csv"):
        read(tmp_path, "y")


@pytest.mark.parametrize(
    ("content", "target", "text"),
    [
        (GOOD, "Y", "no column 'Y' for the target; did you mean 'y'"),
        ("age,label\n1,2\n", "lable", "did you mean 'label'"),
        (GOOD, "nothing_like_it", "there are p, q, y"),
        (GOOD, None, "no target was named; name the column to predict: p, q, y"),
        ("p,y\n" + "1,a\n2,a\n" * 10, "y", "one class only, 'a', in all 20 rows"),
        ("p,y\n" + "1,7.5\n2,7.5\n" * 10, "y", "has the value 7.5 in all 20 rows"),
        ("p,y\n" + "1,\n2,NA\n" * 10, "y", "has no value in any of 20 rows"),
        ("y\n" + "1\n0\n" * 10, "y", "no input column is left"),
        ("p,y\n" + "5,1\n5,0\n" * 10, "y", "no input column is left .*p: every row has the value 5"),
        ("p,y\n1,a\n", "y", r"has 1 row\(s\) with a target \(n_samples=1\)"),
        ("p,y\n1,a\n2,b\n3,a\n", "y", "has 3 row.s. with a target"),
        ("p,y\n1,0.5\n2,0.25\n3,0.125\n", "y", "has 3 row.s. with a target"),
        ("p,y\n1,a\n2,b\n3,a\n" + "4,\n" * 9, "y", "has 3 row.s. with a target"),
        (
            "p,y\n" + "".join(f"{i % 3},name{i}\n" for i in range(40)),
            "y",
            "40 classes in 40 rows, so it names rows",
        ),
        (
            "p,y\n" + "".join(f"same,{i % 2}\n" for i in range(40)),
            "y",
            "no input column is left .*p: every row has the value 'same'",
        ),
    ],
)
def test_bad_targets_and_inputs(write: Callable[..., Path], content: str, target: str, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read(write(content), target)


def test_a_constant_numeric_target_is_refused() -> None:
    with pytest.raises(DataError, match=r"has the value 2.5 in all 30 rows"):
        read(np.random.default_rng(0).random((30, 2)), np.full(30, 2.5), task="regression")


def test_texts_are_no_amounts(write: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match=r"holds texts \(a, b\), not numbers"):
        read(write(GOOD), "y", task="regression")


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"a": np.ones(3)}, "holds the arrays a; expected are x and y"),
        ({"x": np.ones((9, 2)), "y": np.array([{}] * 9, object)}, "Python objects"),
        ({"x": np.ones((9, 2)), "y": np.ones(8)}, r"x has shape \(9, 2\) and y has shape \(8,\)"),
        ({"x": np.ones((9, 2))}, "has x but no y"),
        ({"x": np.ones((9, 2), complex), "y": np.arange(9)}, "has type complex128"),
        (
            {
                "x_train": np.ones((9, 2)),
                "y_train": np.ones(9),
                "x_test": np.ones((4, 3)),
                "y_test": np.ones(4),
            },
            r"a row of x_train has shape \(2,\) but one of x_test \(3,\)",
        ),
    ],
)
def test_bad_archives(tmp_path: Path, arrays: dict[str, np.ndarray], text: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=text):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives_are_refused_or_read(tmp_path: Path, save: Callable[..., None]) -> None:
    path, refused = tmp_path / "a.npz", set()
    save(path, x=np.random.default_rng(0).integers(0, 3, (12, 2)), y=np.arange(12) % 2)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 33]) + whole[place + 1 :])
        try:
            archive(path, None)
        except DataError as error:
            refused.add(type(error.__cause__))
    assert {zipfile.BadZipFile, NotImplementedError} <= refused  # a wrong sum, a method that nobody knows
    assert (zlib.error in refused) == (save is np.savez_compressed)


def test_an_archive_brings_its_own_target(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).random((20, 2)), y=np.arange(20) % 2)
    with pytest.raises(ArgumentError, match="brings its own target"):
        read(tmp_path / "a.npz", "label")


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        (np.ones(5), np.ones(5), "an array of 1 dimension"),
        (np.ones((5, 2, 2, 2, 2)), np.ones(5), "an array of 5 dimension"),
        (np.ones((9, 2)), np.ones(8), "the inputs have 9 rows and the target 8"),
        (np.ones((9, 2)), np.ones((9, 2, 2)), r"the target has shape \(9, 2, 2\)"),
        (np.ones((9, 2), complex), np.ones(9), "complex"),
        (object(), None, "cannot read data from a builtins.object"),
        (3, None, "cannot read data from a builtins.int"),
    ],
)
def test_bad_arrays(source: object, target: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read(source, target)


def test_sparse_matrices_are_refused_by_name() -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(DataError, match=r"pass X\.toarray\(\)"):
        read(csr_matrix(np.eye(9)), np.arange(9) % 2)


def test_arguments_that_contradict_each_other(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(20), "g": [i % 4 for i in range(20)], "y": [i % 2 for i in range(20)]})
    with pytest.raises(ArgumentError, match="task is 'ranking'"):
        read(frame, "y", task="ranking")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="group or time, not both"):
        read(frame, "y", group="g", time="a")
    with pytest.raises(DataError, match="no column 'grp' for the groups"):
        read(frame, "y", group="grp")
    rng = np.random.default_rng(0)
    parts = {"x_train": rng.random((20, 2)), "y_train": np.arange(20) % 2}
    np.savez(tmp_path / "a.npz", **parts, x_test=rng.random((6, 2)), y_test=np.arange(6) % 2)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="brings its own test part"):
        read(tmp_path / "a.npz", group="x0")


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([1, 1, 2, 2] * 5, "has 2 group"),
        ([None, 1, 2, 3] * 5, "5 of 20 rows have no value in the group column"),
    ],
)
def test_bad_groups(groups: list[int | None], text: str) -> None:
    frame = pl.DataFrame({"a": [i * 1.5 % 4 for i in range(20)], "g": groups, "y": ["a", "b"] * 10})
    with pytest.raises(DataError, match=text):
        read(frame, "y", group="g")


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (["noon", "midnight"] * 10, "holds neither different numbers nor dates"),
        ([None, *range(19)], "1 of 20 rows have no time"),
    ],
)
def test_bad_times(times: list[object], text: str) -> None:
    frame = pl.DataFrame({"a": [i * 1.5 % 4 for i in range(20)], "t": times, "y": ["a", "b"] * 10})
    with pytest.raises(DataError, match=text):
        read(frame, "y", time="t")


def test_inputs_that_lack_a_column(write: Callable[..., Path]) -> None:
    schema = read(
        write("height,q,y\n" + "".join(f"{i * 1.5},{i % 7},{'ab'[i % 2]}\n" for i in range(30))), "y"
    ).schema
    with pytest.raises(
        DataError, match=r"1 of 2 input columns are lacking: height; is 'hight' meant for 'height'\?"
    ):
        read_inputs(write("hight,q\n1,2\n", "new.csv"), schema)
    with pytest.raises(DataError, match="the array has 3 columns, but 2 were there"):
        read_inputs(np.ones((4, 3)), schema)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not the JSON of a schema"),
        ("[]", "not the JSON of a schema"),
        (
            '{"format": 1, "features": [], "source": [1], "rows": 3, "positional": false}',
            "not the JSON of a schema",
        ),
        ('{"format": 9}', "has format 9, known is 3"),
        (
            '{"format": 1, "rows": 3, "positional": false, "source": ["a"], "features": [{"name": "a", '
            '"kind": "leak", '
            '"missing": 0, "distinct": 3, "vocabulary": [], "counts": [], "format": "", "clock": false}]}',
            "which cannot be",
        ),
    ],
)
def test_bad_schemas(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Schema.from_json(text)
