"""Data that are accepted, but not silently: each case with its notice, and the values that come out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from profunda.data.dataset import Dataset
from profunda.data.reading import read, read_inputs
from profunda.data.table import Kind
from profunda.errors import DataError

N = 60


def notice(dataset: Dataset, code: str) -> str:
    """The text of the one notice with this code."""
    found = [one.text for one in dataset.notices if one.code == code]
    assert len(found) == 1, (code, dataset.notices)
    return found[0]


def column(dataset: Dataset, name: str) -> np.ndarray:
    return dataset.codes[:, dataset.schema.columns.index(name)]


def kinds(dataset: Dataset) -> dict[str, Kind]:
    return {found.name: found.kind for found in dataset.columns}


def table(header: str, row: Callable[[int], str], rows: int = N) -> str:
    return header + "\n" + "".join(row(i) + "\n" for i in range(rows))


def test_a_plain_table_has_no_notice(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,b,y", lambda i: f"{i * 1.5},{'pqr'[i % 3]},{['no', 'yes'][i % 2]}")), "y")
    assert dataset.notices == ()
    assert dataset.task.classes == ("no", "yes")
    assert dataset.schema.columns == ("a", "b")
    np.testing.assert_array_equal(column(dataset, "a"), np.arange(N) * 1.5)
    np.testing.assert_array_equal(dataset.y, np.arange(N) % 2)


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")])
def test_another_separator(write: Callable[..., Path], separator: str, name: str) -> None:
    text = table("a,b,y", lambda i: f"{i * 1.5},{i * i % 11},{'uv'[i % 2]}").replace(",", separator)
    dataset = read(write(text), "y")
    assert name in notice(dataset, "separator")
    np.testing.assert_array_equal(column(dataset, "b"), np.arange(N) ** 2 % 11)


def test_a_tsv_needs_no_notice_for_its_tabs(write: Callable[..., Path]) -> None:
    text = table("a\tb\ty", lambda i: f"{i * 1.5}\t{i * i % 11}\t{'uv'[i % 2]}")
    assert read(write(text, "table.tsv"), "y").notices == ()


def test_a_decimal_comma(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a;b;y", lambda i: f"{i},5;1.{i:03},25;{'uv'[i % 2]}")), "y")
    assert "a" in notice(dataset, "decimal-comma")
    np.testing.assert_allclose(column(dataset, "a"), np.arange(N) + 0.5)
    np.testing.assert_allclose(column(dataset, "b"), 1000.25 + np.arange(N))
    again = read_inputs(write("a;b\n3,5;1.007,25\n3;7\n", "new.csv"), dataset.schema)
    np.testing.assert_allclose(again, [[3.5, 1007.25], [3, 7]])


def test_grouped_thousands(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,y", lambda i: f'"{i + 1},{i:03}.5",{"uv"[i % 2]}')), "y")
    assert "a" in notice(dataset, "decimal-comma")
    np.testing.assert_allclose(column(dataset, "a"), [(i + 1) * 1000 + i + 0.5 for i in range(N)])


def test_an_all_missing_and_a_constant_column(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,b,c,d,y", lambda i: f"{i * 1.5},,7,same,{'uv'[i % 2]}")), "y")
    assert notice(dataset, "empty-column").endswith("not inputs: b.")
    assert notice(dataset, "constant").endswith("not inputs: c, d.")
    assert kinds(dataset) == {"a": Kind.NUMERIC, "b": Kind.EMPTY, "c": Kind.CONSTANT, "d": Kind.CONSTANT}
    assert dataset.schema.columns == ("a",)


def test_some_text_in_a_numeric_column(write: Callable[..., Path]) -> None:
    dataset = read(
        write(table("a,y", lambda i: f"{'broken' if i in (3, 9) else i * 1.5},{'uv'[i % 2]}")), "y"
    )
    assert "a (2: 'broken')" in notice(dataset, "text-in-numbers")
    assert np.flatnonzero(np.isnan(column(dataset, "a"))).tolist() == [3, 9]
    assert dataset.columns[0].missing == 2


def test_infinite_values(write: Callable[..., Path]) -> None:
    odd = {2: "inf", 5: "-Infinity", 7: "1e999"}
    dataset = read(write(table("a,y", lambda i: f"{odd.get(i, i * 1.5)},{'uv'[i % 2]}")), "y")
    assert "a (3)" in notice(dataset, "infinite-values")
    assert np.flatnonzero(np.isnan(column(dataset, "a"))).tolist() == [2, 5, 7]


def test_duplicate_and_empty_names(write: Callable[..., Path]) -> None:
    dataset = read(
        write(table("a,b,a,,a_2,y", lambda i: f"{i * 1.5},{i % 4},{i % 5},{i % 9},{i % 3},{'uv'[i % 2]}")),
        "y",
    )
    assert "a → a_3" in notice(dataset, "duplicate-names")
    assert dataset.schema.columns == ("a", "b", "a_3", "column_4", "a_2")
    np.testing.assert_array_equal(column(dataset, "a_3"), np.arange(N) % 5)


def test_missing_targets_are_left_out(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,y", lambda i: f"{i * 1.5},{'' if i % 10 == 0 else 'uv'[i % 2]}")), "y")
    assert notice(dataset, "missing-target").startswith("6 of 60 rows have no usable target")
    np.testing.assert_array_equal(column(dataset, "a"), [i * 1.5 for i in range(N) if i % 10])


def test_an_infinite_target_is_missing() -> None:
    y = np.r_[np.linspace(0.1, 9.9, 30), np.inf]
    dataset = read(np.random.default_rng(0).random((31, 2)), y)
    assert dataset.n_rows == 30
    assert "1 infinite targets" in notice(dataset, "infinite-values")


def test_a_class_seen_once(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,y", lambda i: f"{i * 1.5},{'w' if i == 7 else 'uv'[i % 2]}")), "y")
    assert notice(dataset, "single-class-rows").endswith("alone: w.")
    assert dataset.task.classes == ("u", "v", "w")


def test_columns_that_copy_the_target(write: Callable[..., Path]) -> None:
    def row(i: int) -> str:
        return f"{i * 1.5},{'uv'[i % 2]},{i % 2},{['left', 'right'][i % 2]},{i * 7 % 10},{'uv'[i % 2]}"

    dataset = read(write(table("a,same,number,renamed,b,y", row)), "y")
    assert notice(dataset, "target-copy").endswith("not inputs: same, number, renamed.")
    assert dataset.schema.columns == ("a", "b")
    assert kinds(dataset)["renamed"] is Kind.LEAK


def test_an_affine_copy_of_a_number() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal(N)
    frame = pl.DataFrame(
        {"a": rng.random(N), "fahrenheit": 1.8 * y + 32, "close": y + 1e-3 * rng.random(N), "y": y}
    )
    dataset = read(frame, "y")
    assert notice(dataset, "target-copy").endswith("not inputs: fahrenheit.")
    assert dataset.schema.columns == ("a", "close")


def test_a_copy_that_is_the_only_input_is_kept() -> None:
    x = np.linspace(0, 1, N)
    dataset = read(x[:, None], 3 * x - 1)
    assert "kept, as there is no other input" in notice(dataset, "target-copy")
    assert dataset.schema.columns == ("x0",)


def test_a_column_that_determines_the_class_is_suspected() -> None:
    rng = np.random.default_rng(0)
    reason = rng.integers(0, 6, 200)
    frame = pl.DataFrame(
        {"a": rng.random(200), "reason": [f"r{r}" for r in reason], "y": [f"c{r // 3}" for r in reason]}
    )
    dataset = read(frame, "y")
    assert notice(dataset, "leak-suspect").endswith("beforehand? reason.")
    assert "reason" in dataset.schema.columns
    noisy = frame.with_columns(y=pl.Series(["c0" if i == 5 else c for i, c in enumerate(frame["y"])]))
    if frame["y"][5] != "c0":
        assert all(one.code != "leak-suspect" for one in read(noisy, "y").notices)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "utf-8"])
def test_encodings(write: Callable[..., Path], encoding: str) -> None:
    text = table("größe,ort,y", lambda i: f"{i * 1.5},{['Köln', 'São Paulo'][i % 3 == 0]},{'uv'[i % 2]}")
    dataset = read(write(text.encode(encoding)), "y")
    assert dataset.schema.columns == ("größe", "ort")
    assert dataset.schema.features[1].vocabulary == ("Köln", "São Paulo")
    assert [one.code for one in dataset.notices] == (
        ["encoding"] if encoding in ("latin-1", "utf-16") else []
    )


def test_ragged_rows_are_filled_up_or_cut(write: Callable[..., Path]) -> None:
    text = table("a,b,y", lambda i: f"{i * 1.5},{i % 7},{'uv'[i % 2]}" + (",9,9" if i == 4 else ""))
    text = text + "90\n"
    dataset = read(write(text), "y")
    assert notice(dataset, "ragged-rows").startswith("1 row(s) have fewer than 3 cells")
    assert dataset.n_rows == N  # the short row has no target
    quoted = read(write(text.replace("a,b,y", '"a",b,y')), "y")
    assert notice(quoted, "ragged-rows") == notice(dataset, "ragged-rows")


def test_quoted_separators_and_line_ends(write: Callable[..., Path]) -> None:
    text = table(
        "a,place,y",
        lambda i: f'{i * 1.5},"{["Lisbon, PT", "two" + chr(10) + "lines"][i % 3 == 0]}",{"uv"[i % 2]}',
    )
    dataset = read(write(text), "y")
    assert dataset.n_rows == N
    assert set(dataset.schema.features[1].vocabulary) == {"Lisbon, PT", "two\nlines"}


def test_blank_lines_and_crlf(write: Callable[..., Path]) -> None:
    text = table("a,y", lambda i: f"{i * 1.5},{'uv'[i % 2]}" + ("\n" if i % 7 == 0 else "")).replace(
        "\n", "\r\n"
    )
    dataset = read(write("\r\n" + text + "\r\n\r\n"), "y")
    assert dataset.n_rows == N
    assert dataset.notices == ()


def test_a_row_without_any_value_is_a_row_when_predicting(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,b,y", lambda i: f"{i * 1.5},{i % 7},{'uv'[i % 2]}")), "y")
    codes = read_inputs(write("a,b\n1,2\n,\n3,4\n", "new.csv"), dataset.schema)
    np.testing.assert_array_equal(codes, [[1, 2], [np.nan, np.nan], [3, 4]])


def test_row_names_before_the_header(write: Callable[..., Path]) -> None:
    dataset = read(write(table("a,y", lambda i: f"{i + 1},{i * 1.5},{'uv'[i % 2]}")), "y")
    assert "column_1" in notice(dataset, "row-names")
    assert dataset.schema.columns == ("a",)


def test_a_header_of_numbers_is_remarked_on(write: Callable[..., Path]) -> None:
    dataset = read(write(table("0.5,1", lambda i: f"{i * 1.5},{i % 2}")), "1")
    assert "holds numbers only" in notice(dataset, "numeric-header")


def test_the_stored_pandas_index_is_no_input(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": np.arange(N) * 1.5, "y": ["u", "v"] * (N // 2)}, index=np.arange(N)[::-1] * 2)
    frame.to_parquet(tmp_path / "t.parquet")
    dataset = read(tmp_path / "t.parquet", "y")
    assert "__index_level_0__" in notice(dataset, "pandas-index")
    assert kinds(dataset)["__index_level_0__"] is Kind.INDEX


def test_running_numbers_and_names_of_rows(write: Callable[..., Path]) -> None:
    dataset = read(
        write(table("id,name,a,y", lambda i: f"{1000 + i},n{i * 7 % 97},{i * 1.5},{'uv'[i % 2]}")), "y"
    )
    assert notice(dataset, "identifier").endswith("not inputs: name, id.") or "id" in notice(
        dataset, "identifier"
    )
    assert dataset.schema.columns == ("a",)
    assert kinds(dataset) == {"id": Kind.IDENTIFIER, "name": Kind.IDENTIFIER, "a": Kind.NUMERIC}


def test_a_running_number_alone_is_an_input() -> None:
    frame = pl.DataFrame({"t": range(N), "y": np.sin(np.arange(N) / 5)})
    dataset = read(frame, "y")
    assert dataset.schema.columns == ("t",)
    assert dataset.columns[0].kind is Kind.NUMERIC


def test_many_columns_are_fast(write: Callable[..., Path]) -> None:
    import time

    values = np.random.default_rng(0).standard_normal((500, 5000)).round(3)
    names = [f"c{i}" for i in range(5000)]
    frame = pl.from_numpy(values, names).with_columns(y=pl.Series((values[:, 0] > 0).astype(int)))
    path = write("", "wide.csv")
    frame.write_csv(path)
    started = time.process_time()
    dataset = read(path, "y")
    assert dataset.codes.shape == (500, 5000)
    assert time.process_time() - started < 8
    np.testing.assert_array_equal(dataset.codes[:, 4321], values[:, 4321])


def test_a_csv_that_does_not_fit_is_sampled(write: Callable[..., Path]) -> None:
    path = write(table("a,b,y", lambda i: f'{i * 1.5},"x\ny{i % 3}",{"uv"[i % 2]}', 20_000))
    whole = read(path, "y")
    dataset = read(path, "y", memory_limit=1_500_000)
    assert "drawn at random, are used" in notice(dataset, "sampled")
    assert 1_000 < dataset.n_rows < 12_000
    rows = (column(dataset, "a") / 1.5).astype(int)
    assert (np.diff(rows) > 0).all()
    assert rows.min() < 1_000  # from the whole file, not from an end of it
    assert rows.max() > 19_000
    np.testing.assert_array_equal(dataset.y, rows % 2)
    assert dataset.schema.features[1].vocabulary == whole.schema.features[1].vocabulary
    assert read(path, "y", memory_limit=1_500_000).fingerprint == dataset.fingerprint
    with pytest.raises(DataError, match=r"not even 1,000 of its about .* rows fit"):
        read(path, "y", memory_limit=50_000)


def test_rows_to_predict_on_are_never_sampled(write: Callable[..., Path]) -> None:
    path = write(table("a,b,y", lambda i: f"{i * 1.5},{i % 7},{'uv'[i % 2]}", 20_000))
    schema = read(path, "y").schema
    assert len(read_inputs(path, schema)) == 20_000
    with pytest.raises(DataError, match="rows to predict on cannot be sampled"):
        read_inputs(path, schema, memory_limit=1_500_000)


def test_a_parquet_file_that_does_not_fit_is_sampled(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pl.DataFrame({"a": np.arange(20_000) * 1.5, "b": [f"x{i % 3}" for i in range(20_000)]})
    frame.with_columns(y=pl.Series(["u", "v"] * 10_000)).write_parquet(path)
    dataset = read(path, "y", memory_limit=800_000)
    assert "drawn at random" in notice(dataset, "sampled")
    rows = (column(dataset, "a") / 1.5).astype(int)
    assert 1_000 < len(rows) < 10_000
    assert (np.diff(rows) > 0).all()
    assert rows.max() > 19_000
    np.testing.assert_array_equal(dataset.y, rows % 2)
    with pytest.raises(DataError, match="not even 1,000"):
        read(path, "y", memory_limit=50_000)


def test_an_archive_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((1000, 100)), y=np.arange(1000) % 2)
    with pytest.raises(DataError, match="more than memory allows"):
        read(tmp_path / "a.npz", memory_limit=100_000)


def test_a_huge_file_is_not_loaded_to_be_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(table("a,b,y", lambda i: f"{i * 1.5},{i % 7},{'uv'[i % 2]}", 2_000).encode())
        file.truncate(2_000_000_000)  # sparse: takes no room on disk
    with pytest.raises(DataError, match=r"not text|not even 1,000 of its about"):
        read(path, "y", memory_limit=50_000)
