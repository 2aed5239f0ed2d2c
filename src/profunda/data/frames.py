"""Frames and arrays in memory as raw columns."""

from typing import TYPE_CHECKING, Any

import numpy as np

from profunda.data.dates import DAY_MICROSECONDS
from profunda.data.numerals import clean
from profunda.data.pixels import picture_column
from profunda.data.raw import RawColumn, RawTable, unique_names
from profunda.errors import DataError

if TYPE_CHECKING:
    import narwhals as nw
    import polars as pl

__all__ = ["array_table", "frame_table", "in_memory_table", "target_columns"]


def in_memory_table(source: object) -> RawTable:
    """Raw columns of a frame (pandas, polars, pyarrow, anything narwhals knows) or of an array."""
    if isinstance(source, RawTable):
        return source
    if isinstance(source, (np.ndarray, list, tuple)):
        return array_table(np.asarray(source))
    if type(source).__module__.startswith(("scipy.sparse",)):
        raise DataError("sparse matrices are not read; pass X.toarray() if it fits into memory")
    if _is_frame(source):
        return frame_table(source)
    if "__array__" in dir(type(source)):
        return array_table(np.asarray(source))
    raise DataError(
        f"cannot read data from a {type(source).__module__}.{type(source).__qualname__}; pass a path to a "
        "CSV, Parquet or .npz file, a pandas, polars or pyarrow table, or a NumPy array"
    )


def _is_frame(source: object) -> bool:
    import narwhals as nw

    # pandas is asked by name because narwhals refuses a pandas frame whose column names are repeated
    return type(source).__module__.startswith("pandas") or isinstance(
        nw.from_native(source, pass_through=True),  # type: ignore[call-overload]
        (nw.DataFrame, nw.LazyFrame),
    )


def array_table(array: np.ndarray) -> RawTable:
    """An array [N, D] as columns x0 … x{D−1}; pictures [N, H, W], [N, H, W, K] or [N, K, H, W] as one."""
    if array.ndim in (3, 4):
        return RawTable((picture_column(array),), len(array), positional=True)
    if array.ndim == 2:
        names = [f"x{number}" for number in range(array.shape[1])]
    else:
        raise DataError(
            f"an array of {array.ndim} dimension(s) is no table: expected inputs of shape (N, D), or images "
            "of shape (N, H, W) or (N, H, W, C). Reshape your data: X.reshape(-1, 1) if it has a single "
            "feature, X.reshape(1, -1) if it is a single row"
        )
    return RawTable(_array_columns(array, names), len(array), positional=True)


def _array_columns(array: np.ndarray, names: list[str]) -> tuple[RawColumn, ...]:
    if array.dtype.kind in "biuf":
        matrix = np.asarray(array, dtype=np.float64, order="F")
        form = "boolean" if array.dtype.kind == "b" else "number"
        return tuple(RawColumn(name, form, matrix[:, i]) for i, name in enumerate(names))
    if array.dtype.kind in "OSU":
        return tuple(_listed_column(name, array[:, i].tolist()) for i, name in enumerate(names))
    raise DataError(
        f"arrays of type {array.dtype} are not read (complex data not supported); pass numbers, booleans or "
        "texts"
    )


def _listed_column(name: str, values: list[Any]) -> RawColumn:
    """A column of Python objects: numbers if all are numbers, else texts."""
    present = [value for value in values if not _absent(value)]
    if present and all(isinstance(value, (int, float, np.number)) for value in present):
        form = "boolean" if all(isinstance(value, (bool, np.bool_)) for value in present) else "number"
        numbers = [float("nan") if _absent(value) else float(value) for value in values]
        return RawColumn(name, form, np.array(numbers, np.float64))
    if any(isinstance(value, (dict, list, tuple, set, np.ndarray)) for value in present):
        return RawColumn(name, "nested", np.full(len(values), np.nan))
    return RawColumn(name, "text", texts=_cleaned(name, values))


def _cleaned(name: str, values: list[Any]) -> "pl.Series":
    """What the values say, null where nothing; DataError for half a surrogate pair."""
    import polars as pl

    texts = [_text_of(value) for value in values]
    try:
        return clean(pl.Series(name, texts, dtype=pl.String))
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise DataError(
            f"a text of column {name!r} holds half a surrogate pair (U+{half:04X}), which is no "
            "character; a wrong encoding was used: read the source anew with the right one"
        ) from error


def _text_of(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if _absent(value) else str(value)


def _absent(value: Any) -> bool:
    # pandas.NA refuses to be compared, and pandas may not be there to name it
    return (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and value != value)
    )


def frame_table(frame: Any) -> RawTable:
    """Columns of a data frame that narwhals knows."""
    import narwhals as nw

    names, notices = None, ()
    if type(frame).__module__.startswith("pandas"):
        # pandas allows names that are repeated or are no texts; narwhals does not
        names, notices = unique_names([str(name) for name in frame.columns])
        frame = frame.set_axis(list(names), axis=1)
    table = nw.from_native(frame)
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    columns = tuple(_frame_column(table.get_column(name)) for name in table.columns)
    return RawTable(columns, len(table), notices)


def target_columns(values: object, name: str) -> tuple[RawColumn, ...]:
    """Targets given beside their inputs: a list, an array [N], a series; several as [N, C] or a frame."""
    import narwhals as nw

    series = nw.from_native(values, series_only=True, pass_through=True)  # type: ignore[call-overload]
    if isinstance(series, nw.Series):
        return (_frame_column(series.alias(series.name or name)),)
    if not isinstance(values, (np.ndarray, list, tuple)) and _is_frame(values):
        return frame_table(values).columns
    array = np.asarray(values)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.shape[1]:
        raise DataError(
            f"the target has shape {array.shape}: one value a row is needed, shape (N,), or one for each of "
            "several targets, shape (N, C)"
        )
    width = array.shape[1]
    return _array_columns(array, [name] if width == 1 else [f"{name}{number}" for number in range(width)])


def _frame_column(series: "nw.Series") -> RawColumn:
    import narwhals as nw
    import polars as pl

    name, dtype = str(series.name), series.dtype
    if dtype == nw.Boolean:
        values = [np.nan if _absent(value) else float(value) for value in series.to_list()]
        return RawColumn(name, "boolean", np.array(values, np.float64))
    if dtype.is_numeric():
        return RawColumn(name, "number", _floats(series.cast(nw.Float64)))
    if dtype in (nw.Date, nw.Datetime):
        return RawColumn(name, "date", _floats(series.dt.timestamp("us").cast(nw.Float64)) / DAY_MICROSECONDS)
    if dtype == nw.Duration:
        return RawColumn(
            name, "number", _floats(series.dt.total_microseconds().cast(nw.Float64)) / DAY_MICROSECONDS
        )
    if dtype.is_nested():
        return RawColumn(name, "nested", np.full(len(series), np.nan))
    native = series.to_native()
    if isinstance(native, pl.Series) and native.dtype in (pl.String, pl.Categorical, pl.Enum):
        texts = clean(native)
    elif dtype in (nw.Categorical, nw.Enum, nw.String):
        texts = _cleaned(name, series.to_list())
    else:
        return _listed_column(name, series.to_list())
    return RawColumn(name, "category" if dtype in (nw.Categorical, nw.Enum) else "text", texts=texts)


def _floats(series: "nw.Series") -> np.ndarray:
    values = series.to_numpy()
    return (
        np.array([np.nan if _absent(v) else v for v in values], np.float64)
        if values.dtype == object
        else values + 0.0
    )
