"""The same table in any wrapping gives the same codes, and new data are coded as the first were."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from profunda.data.frames import in_memory_table
from profunda.data.reading import read, read_inputs
from profunda.data.schema import Schema
from profunda.data.table import Kind
from profunda.errors import DataError

N = 60
DAYS = [dt.datetime(2024, 1, 1) + dt.timedelta(days=3 * i % 50, hours=i % 24) for i in range(N)]
COLUMNS = {
    "number": [None if i % 10 == 3 else i * 1.5 for i in range(N)],
    "whole": [None if i % 11 == 3 else i * i % 17 for i in range(N)],
    "flag": [None if i % 9 == 1 else i % 4 == 0 for i in range(N)],
    "place": [None if i % 8 == 0 else "pqr"[i % 3] for i in range(N)],
    "when": [None if i % 7 == 5 else day for i, day in enumerate(DAYS)],
    "y": ["uv"[i % 2] for i in range(N)],
}


def frames(tmp_path: Path) -> dict[str, object]:
    polars = pl.DataFrame(COLUMNS)
    polars.write_parquet(tmp_path / "t.parquet")
    polars.write_csv(tmp_path / "t.csv")
    pandas = pd.DataFrame(COLUMNS)
    nullable = pandas.astype({"number": "Float64", "whole": "Int64", "flag": "boolean", "place": "category"})
    return {
        "polars": polars,
        "polars lazy": polars.lazy(),
        "polars categorical": polars.with_columns(pl.col("place").cast(pl.Categorical)),
        "pandas": pandas,
        "pandas nullable": nullable,
        "pyarrow": polars.to_arrow(),
        "parquet": tmp_path / "t.parquet",
        "csv": str(tmp_path / "t.csv"),
    }


def test_every_wrapping_gives_the_same_codes(tmp_path: Path) -> None:
    found = {name: read(frame, "y") for name, frame in frames(tmp_path).items()}
    first = found["polars"]
    assert [f.kind for f in first.schema.features] == [
        Kind.NUMERIC,
        Kind.NUMERIC,
        Kind.BOOLEAN,
        Kind.CATEGORICAL,
        Kind.DATE,
    ]
    assert first.schema.features[4].clock
    for name, dataset in found.items():
        np.testing.assert_allclose(dataset.codes, first.codes, rtol=1e-12, err_msg=name)
        np.testing.assert_array_equal(dataset.y, first.y)
        for other in found.values():  # a schema learned from one wrapping reads every other
            np.testing.assert_allclose(
                other.schema.codes(_frame(frames(tmp_path)[name])), first.codes, rtol=1e-12
            )


def _frame(source: object) -> object:
    if isinstance(source, Path):
        return pl.read_parquet(source)
    return pl.read_csv(source, infer_schema=False) if isinstance(source, str) else source


def test_schemas_survive_json(tmp_path: Path) -> None:
    for source in frames(tmp_path).values():
        schema = read(source, "y").schema
        assert Schema.from_json(schema.to_json()) == schema


def test_unseen_and_missing_categories() -> None:
    schema = read(pl.DataFrame(COLUMNS), "y").schema
    new = pl.DataFrame({"number": [1.0, None], "whole": ["3", "x"], "flag": ["Yes", "maybe"]})
    new = new.with_columns(place=pl.Series(["zzz", None]), when=pl.Series(["1970-01-02", "no"]))
    codes = schema.codes(new)
    np.testing.assert_array_equal(codes[:, :4], [[1, 3, 1, -1], [np.nan] * 4])
    assert np.isnan(codes[1, 4])


def test_categories_that_are_numbers_later() -> None:
    frame = pd.DataFrame(
        {"code": pd.Categorical(["1", "2", "3"] * 20), "a": np.arange(60) * 1.5, "y": ["u", "v"] * 30}
    )
    schema = read(frame, "y").schema
    assert schema.features[0].kind is Kind.CATEGORICAL
    np.testing.assert_array_equal(
        schema.codes(pl.DataFrame({"code": [3, 1, 9], "a": [1, 2, 3]}))[:, 0], [2, 0, -1]
    )


def test_images_are_one_column_of_pixels_channel_by_channel() -> None:
    images = np.random.default_rng(0).integers(0, 255, (30, 4, 5), dtype=np.uint8)
    dataset = read(images, np.arange(30) % 2)
    assert dataset.schema.features[0].shape == (1, 4, 5)
    assert dataset.codes.dtype == np.float32
    np.testing.assert_array_equal(dataset.codes, images.reshape(30, 20))
    colours = np.random.default_rng(0).random((30, 5, 6, 3)).astype(np.float32)
    for given in (colours, colours.transpose(0, 3, 1, 2)):
        coloured = read(given, np.arange(30) % 2)
        assert coloured.schema.features[0].shape == (3, 5, 6)
        np.testing.assert_array_equal(coloured.codes, colours.transpose(0, 3, 1, 2).reshape(30, 90))
    np.testing.assert_array_equal(read_inputs(images, dataset.schema), dataset.codes)


def test_archives_with_and_without_a_test_part(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 3)), np.arange(50) % 2
    np.savez(tmp_path / "a.npz", x=x, y=y)
    whole = read(tmp_path / "a.npz")
    assert whole.test_rows is None
    np.savez(tmp_path / "b.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    parted = read(tmp_path / "b.npz")
    np.testing.assert_array_equal(parted.test_rows, np.arange(40, 50))
    np.testing.assert_array_equal(parted.codes, whole.codes)
    np.testing.assert_array_equal(read_inputs(tmp_path / "b.npz", parted.schema), x[40:])
    np.testing.assert_array_equal(read_inputs(tmp_path / "a.npz", parted.schema), x)


def test_a_test_part_does_not_teach_the_vocabulary(tmp_path: Path) -> None:
    x = np.array([["a", "1"], ["b", "2"]] * 20 + [["c", "3"]] * 10)
    y = np.r_[np.arange(40) // 2 % 2, np.arange(10) % 2]
    np.savez(tmp_path / "a.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    dataset = read(tmp_path / "a.npz")
    assert dataset.schema.features[0].vocabulary == ("a", "b")
    assert dataset.schema.rows == 40
    assert (dataset.codes[40:, 0] == -1).all()


def test_a_dropped_row_moves_the_test_part(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((50, 3)), np.random.default_rng(1).random(50)
    y[[3, 45]] = np.nan
    np.savez(tmp_path / "a.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    dataset = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(dataset.test_rows, np.arange(39, 48))


@pytest.mark.parametrize(
    "pair",
    [
        (np.random.default_rng(0).random((30, 2)), [0, 1] * 15),
        (pl.DataFrame({"a": range(30)}), pd.Series([0, 1] * 15)),
    ],
)
def test_pairs(pair: tuple[object, object]) -> None:
    assert read(pair).task.kind == "binary"
    assert read(*pair).fingerprint == read(pair).fingerprint


def test_objects_lists_and_odd_names() -> None:
    frame = pd.DataFrame([[1, "a", [1]], [2.5, None, [2]]] * 15, columns=["n", 7, "nested"])
    frame["y"] = ["u", "v"] * 15
    frame["n"] = frame["n"].astype(object)
    dataset = read(pd.concat([frame, frame[["n"]] * 2], axis=1), "y")
    found = {column.name: column for column in dataset.columns}
    assert found["nested"].kind is Kind.TEXT
    assert "n_2" in found
    assert found["7"].missing == 15
    bytes_too = in_memory_table(pd.DataFrame({"b": [b"x", b"y"]})).columns[0]
    assert bytes_too.texts is not None
    assert bytes_too.texts.to_list() == ["x", "y"]


def test_durations_and_plain_dates() -> None:
    frame = pl.DataFrame(
        {
            "d": [dt.timedelta(hours=6 * i * i) for i in range(9)],
            "t": [dt.date(1970, 1, 1 + i) for i in range(9)],
        }
    )
    raw = in_memory_table(frame)
    np.testing.assert_allclose(raw.columns[0].numbers, [0.25 * i * i for i in range(9)])
    np.testing.assert_allclose(raw.columns[1].numbers, range(9))


@pytest.mark.parametrize(
    ("form", "notices"),
    [
        ("%Y-%m-%d", {"dates"}),
        ("%d/%m/%Y", {"dates"}),
        ("%m/%d/%Y", {"dates"}),
        ("%d.%m.%Y %H:%M", {"dates"}),
        ("%d %b %Y", {"dates"}),
        ("%B %d, %Y", {"dates"}),
        ("%Y-%m-%dT%H:%M:%SZ", {"dates"}),
    ],
)
def test_written_dates(form: str, notices: set[str]) -> None:
    days = [dt.datetime(2023, 5, 20) + dt.timedelta(days=i) for i in range(N)]
    frame = pl.DataFrame(
        {
            "when": [day.strftime(form) for day in days],
            "a": [i * i % 13 for i in range(N)],
            "y": ["u", "v"] * 30,
        }
    )
    dataset = read(frame, "y")
    assert {notice.code for notice in dataset.notices} == notices
    expected = [(day - dt.datetime(1970, 1, 1)).days for day in days]
    np.testing.assert_allclose(dataset.codes[:, 0], expected)


def test_dates_that_could_be_either_way_round_and_bad_ones() -> None:
    texts = [f"{i % 12 + 1:02}/{(i + 3) % 12 + 1:02}/2020" for i in range(N)]
    texts[5] = "soon"
    frame = pl.DataFrame({"when": texts, "y": ["u"] * 31 + ["v"] * 29})
    dataset = read(frame, "y")
    codes = {notice.code for notice in dataset.notices}
    assert codes == {"dates", "ambiguous-dates", "bad-dates"}
    assert np.isnan(dataset.codes[5, 0])


def test_groups_and_times_are_no_inputs() -> None:
    frame = pl.DataFrame(COLUMNS).with_columns(
        g=pl.Series([f"s{i % 6}" for i in range(N)]), t=pl.Series(range(N))
    )
    grouped = read(frame.drop("t"), "y", group="g")
    assert "g" not in grouped.schema.columns
    assert "g" not in grouped.schema.source
    np.testing.assert_array_equal(grouped.groups, np.arange(N) % 6)
    timed = read(frame.drop("g"), "y", time="t")
    np.testing.assert_array_equal(timed.times, np.arange(N))
    dated = read(frame.drop("g", "t").fill_null(strategy="forward"), "y", time="when")
    assert dated.times is not None
    assert dated.times[0] == 19723.0


def test_the_fingerprint_tells_contents() -> None:
    frame = pl.DataFrame(COLUMNS)
    same = read(frame, "y").fingerprint
    assert read(frame.to_pandas(), "y").fingerprint == same
    changed = frame.with_columns(number=pl.Series([9.25, *COLUMNS["number"][1:]]))
    flipped = frame.with_columns(y=pl.Series([*COLUMNS["y"][1:], "u"]))
    renamed = frame.rename({"number": "n"})
    prints = {same, *(read(other, "y").fingerprint for other in (changed, flipped, renamed))}
    assert len(prints) == 4


def test_half_a_surrogate_pair_is_refused() -> None:
    array = np.array([[f"\ud83d of text {n}"] for n in range(6)], object)
    with pytest.raises(DataError, match=r"column 'x0' holds half a surrogate pair \(U\+D83D\)"):
        in_memory_table(array)


@pytest.mark.parametrize(
    "dtype",
    [object, pd.StringDtype("python"), pd.StringDtype("python", na_value=np.nan)],  # the last is called str
)
def test_half_a_surrogate_pair_in_a_frame_is_refused(dtype) -> None:
    texts = pd.Series(["fine"] * 59 + ["torn \ud83d"], dtype=dtype)
    frame = pd.DataFrame({"a": texts, "y": ["u", "v"] * 30})
    with pytest.raises(DataError, match=r"a text of column 'a' holds half a surrogate pair \(U\+D83D\)"):
        read(frame, "y")
    with pytest.raises(DataError, match="a text of column 'y' holds half a surrogate pair"):
        read(frame.rename(columns={"a": "y", "y": "a"}), "y")
