"""Files as raw columns: what a path holds, and whether memory suffices for it."""

import difflib
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.delimited import delimited_table
from profunda.data.frames import frame_table
from profunda.data.image_files import IMAGES
from profunda.data.memory import Budget
from profunda.data.raw import RawTable, listed
from profunda.errors import DataError, Notice

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Archive", "archive", "checked_path", "file_table", "is_archive"]

DELIMITED = (".csv", ".tsv", ".txt")
PARQUET = (".parquet", ".pq")
KNOWN = (*DELIMITED, *PARQUET, ".npz")
_HINTS = {
    ".xlsx": "export the sheet as CSV",
    ".xls": "export the sheet as CSV",
    ".json": "turn the records into CSV, or into a data frame and pass that",
    ".gz": "unpack it first (gunzip)",
    ".zip": "unpack it first (unzip)",
    ".npy": "save inputs and target together: numpy.savez(path, x=…, y=…)",
    ".pkl": "pickled files can run foreign code and are never opened",
    ".pickle": "pickled files can run foreign code and are never opened",
}
# Of one value in memory at the peak: as read, as float64, and once more while the codes are assembled.
CELL_BYTES = 40


def checked_path(path: Path) -> Path:
    """The path if a file of a known kind is there; else DataError with the likely cause."""
    if path.is_dir():
        inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in KNOWN)
        found = f"; it holds {listed(inside)}" if inside else ""
        raise DataError(f"{path} is a folder; name the file to read{found}")
    if not path.exists():
        if path.parts[0] in ("http:", "https:", "ftp:", "s3:"):
            raise DataError(f"{path} is an address, and nothing is fetched: download the file and name it")
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=3, cutoff=0.6)
        meant = (
            f"; did you mean {' or '.join(near)}?" if near else "; check the path and the folder you are in"
        )
        raise DataError(f"there is no file {path}{meant}")
    if path.suffix.lower() not in KNOWN:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        single = "pictures are read from a folder: put it into one, and name that"
        other = single if path.suffix.lower() in IMAGES else "if it is a table, convert it to one of these"
        hint = _HINTS.get(path.suffix.lower(), other)
        raise DataError(f"{path.name} {ending}, which is not read; known are {', '.join(KNOWN)}: {hint}")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise DataError(
            f"{path} is not a file that you may read; check its permissions (chmod u+r), or copy it"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path.name} is empty (0 bytes); the program that wrote it may have failed")
    return path


def is_archive(path: Path) -> bool:
    """Whether the path is a file of NumPy arrays."""
    return path.suffix.lower() == ".npz"


def file_table(path: Path, limit: int | None) -> RawTable:
    """Raw columns of a CSV or Parquet file; only a sample of its rows where all need over `limit` bytes."""
    if path.suffix.lower() in PARQUET:
        return _parquet_table(path, limit)
    return delimited_table(path, limit)


def _parquet_table(path: Path, limit: int | None) -> RawTable:
    import polars as pl

    with path.open("rb") as file:
        start = file.read(4)
        file.seek(max(0, path.stat().st_size - 4))
        end = file.read(4)
    if start != b"PAR1" or end != b"PAR1":
        cause = "it is cut off" if start == b"PAR1" else "it is another kind of file"
        raise DataError(f"{path.name} is not a whole Parquet file: {cause}; write or copy it again")
    try:
        scan = pl.scan_parquet(path)
        width = len(scan.collect_schema())
        rows = int(scan.select(pl.len()).collect().item())
        budget = Budget.of(path.name, rows, rows * width * CELL_BYTES, limit)
        notices: tuple[Notice, ...] = ()
        if budget.share < 1:
            frame, notices = _sampled_rows(scan, rows, budget)
        else:
            frame = scan.collect()
    except pl.exceptions.PolarsError as error:
        first = str(error).strip().splitlines()[0][:160]
        raise DataError(f"{path.name} is a broken Parquet file ({first}); write or copy it again") from error
    table = frame_table(frame)
    return RawTable(table.columns, table.rows, notices + table.notices)


def _sampled_rows(
    scan: "pl.LazyFrame", rows: int, budget: Budget
) -> tuple["pl.DataFrame", tuple[Notice, ...]]:
    import polars as pl

    # The mask costs one byte a row; the same rows are drawn every time.
    keep = pl.Series("keep", np.random.default_rng(rows).random(rows) < budget.share)
    chosen = pl.LazyFrame({"number": keep.arg_true()}).with_columns(pl.col("number").cast(pl.UInt32))
    numbered = scan.with_row_index("\0row")
    frame = numbered.join(chosen, left_on="\0row", right_on="number", how="semi").collect(engine="streaming")
    return frame.sort("\0row").drop("\0row"), (budget.notice(frame.height),)


@dataclass(frozen=True, eq=False)
class Archive:
    """Arrays of an .npz file: inputs [N, …], target [N] or [N, C]; the last `test_rows` are its test part."""

    inputs: np.ndarray
    target: np.ndarray | None
    test_rows: int


_PAIR = ("x", "y")
_PARTED = ("x_train", "y_train", "x_test", "y_test")
_DAMAGES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, RuntimeError)
"""What a damaged file raises; RuntimeErrors where its flags tell of a password or an unknown method."""


def archive(path: Path, limit: int | None) -> Archive:
    """Arrays of an .npz file under the keys x, y or x_train, y_train, x_test, y_test; never unpickles."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            keys = {key.lower(): key for key in stored.files}
            wanted = _PARTED if set(_PARTED) <= set(keys) else _PAIR if set(_PAIR) <= set(keys) else ("x",)
            if not set(wanted) <= set(keys):
                raise DataError(
                    f"{path.name} holds the arrays {listed(sorted(stored.files)) or 'none at all'}; expected "
                    "are x and y, or x_train, y_train, x_test and y_test"
                )
            _check_size(path, limit)
            arrays = [_numbers_or_texts(path.name, key, stored[keys[key]]) for key in wanted]
    except _DAMAGES as error:
        raise DataError(f"{path.name} is not a whole .npz file ({error}); write or copy it again") from error
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{path.name} holds an array of Python objects or a damaged one ({error}); store plain numbers "
            "or texts, since objects would have to be unpickled, which can run foreign code"
        ) from error
    if wanted == ("x",):
        return Archive(arrays[0], None, 0)
    _check_pairs(path.name, wanted, arrays)
    if wanted == _PAIR:
        return Archive(arrays[0], arrays[1], 0)
    x = np.concatenate([arrays[0], arrays[2]])
    return Archive(x, np.concatenate([_columns(arrays[1]), _columns(arrays[3])]), len(arrays[2]))


def _check_size(path: Path, limit: int | None) -> None:
    with zipfile.ZipFile(path) as stored:
        unpacked = sum(entry.file_size for entry in stored.infolist())
    # Bytes grow eightfold as float64, floats are copied twice; which it is, the file does not say cheaply.
    if Budget.of(path.name, 10**9, unpacked * 2, limit).share < 1:
        raise DataError(
            f"{path.name} unpacks to {unpacked / 1e6:,.0f} MB, more than memory allows; store fewer rows, "
            "or write a Parquet file, of which a sample can be read"
        )


def _numbers_or_texts(name: str, key: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "biufSU":
        raise DataError(f"array {key!r} in {name} has type {array.dtype}; store numbers, booleans or texts")
    return array


def _columns(target: np.ndarray) -> np.ndarray:
    """A target [N, C]; one that is given as [N] or in another shape of N values is [N, 1]."""
    return target if target.ndim == 2 else target.reshape(-1, 1)


def _check_pairs(name: str, keys: tuple[str, ...], arrays: list[np.ndarray]) -> None:
    for i in range(0, len(keys), 2):
        if arrays[i].ndim == 0 or len(arrays[i]) != len(_columns(arrays[i + 1])):
            raise DataError(
                f"{name}: {keys[i]} has shape {arrays[i].shape} and {keys[i + 1]} has shape "
                f"{arrays[i + 1].shape}; each row of inputs needs exactly one target"
            )
    if len(keys) == 4 and _columns(arrays[1]).shape[1] != _columns(arrays[3]).shape[1]:
        raise DataError(
            f"{name}: y_train has shape {arrays[1].shape} and y_test {arrays[3].shape}; both parts need the "
            "same targets"
        )
    if len(keys) == 4 and arrays[0].shape[1:] != arrays[2].shape[1:]:
        raise DataError(
            f"{name}: a row of x_train has shape {arrays[0].shape[1:]} but one of x_test "
            f"{arrays[2].shape[1:]}; "
            "both parts need the same inputs"
        )
