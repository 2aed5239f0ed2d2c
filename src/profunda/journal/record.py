"""The journal of a run: a folder with `journal.jsonl`, to which records are only ever appended.

A record is on disk when `append` returns. If the process is killed at any moment, opening the folder again
gives every record that was acknowledged, in order, and at most one torn line is dropped, with a notice. The
first line is the header: what must be equal for the run to be resumed.
"""

import os
import stat
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from profunda.errors import ArgumentError, Notice, RunError
from profunda.journal.arrays import discard_arrays, load_arrays, store_arrays, stored
from profunda.journal.durable import sync_folder, temporary, write_all, write_durably
from profunda.journal.line import MAX_LINE, BadLine, Record, decode, encode
from profunda.journal.lock import LOCK_NAME, FolderLock

__all__ = ["FORMAT", "JOURNAL_NAME", "Journal", "Reading", "Record", "check_empty", "kind_of", "read_journal"]

FORMAT: Final = 1
JOURNAL_NAME: Final = "journal.jsonl"
ARRAYS_NAME: Final = "arrays"


@dataclass(frozen=True)
class Reading:
    """What a journal says: `header`, `records` without it, and `notices` of a dropped line.

    `end` is the length in bytes of the good lines, `digest` the checksum of the last of them.
    """

    header: Mapping[str, Any]
    records: tuple[Record, ...]
    notices: tuple[Notice, ...]
    end: int
    digest: str


@dataclass(frozen=True)
class _Tail:
    """Where the next record goes: the one truth about how far the journal reaches."""

    count: int
    end: int
    digest: str


class Journal:
    """A run's journal, open for writing by this process alone until `close`; also a context manager.

    Make one with `Journal.create` or `Journal.open`; `read_journal` reads without locking.
    """

    def __init__(self, folder: Path, lock: FolderLock, reading: Reading) -> None:
        self.folder = folder
        self.header = reading.header
        self.notices = reading.notices
        self._records = list(reading.records)
        self._tail = _Tail(len(reading.records), reading.end, reading.digest)
        self._guard = threading.Lock()
        self._lock = lock
        self._file: int | None = os.open(folder / JOURNAL_NAME, os.O_WRONLY | os.O_APPEND)

    @classmethod
    def create(cls, folder: str | os.PathLike[str], header: Mapping[str, Any]) -> "Journal":
        """A new run in `folder`, which must not exist or be empty; `header["kind"]` says what runs.

        Raises:
            ArgumentError: the header has no kind, or JSON cannot hold it.
            RunError: the folder holds something already (nothing is overwritten), or cannot be written.
        """
        if not isinstance(header.get("kind"), str):
            raise ArgumentError(
                f"the header of a journal needs a text as its kind; got {header.get('kind')!r}."
            )
        line, _ = encode(0, Record("header", {**header, "format": FORMAT}), "")
        folder = Path(folder)
        check_empty(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
        except OSError as error:
            raise RunError(
                f"{folder} cannot be made: {error.strerror}. Choose another place for the run."
            ) from error
        lock = FolderLock(folder)
        try:
            check_empty(folder)  # again: another process may have been quicker
            # The header appears whole or not at all: a run killed at its start can be started again.
            write_durably(folder / JOURNAL_NAME, line)
            return cls(folder, lock, read_journal(folder))
        except OSError as error:
            lock.release()
            raise RunError(
                f"{folder} cannot be written: {error.strerror}. Free space or check the rights."
            ) from error
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Journal":
        """The journal of an existing run, to go on with it.

        Raises:
            RunError: there is no run, it is damaged before its last line, another process writes it, or it
                cannot be written.
        """
        folder = Path(folder)
        _journal_file(folder)
        lock = FolderLock(folder)
        try:
            return cls(folder, lock, read_journal(folder))
        except OSError as error:
            lock.release()
            raise RunError(
                f"{folder} cannot be written: {error.strerror}. Check the folder's rights."
            ) from error
        except BaseException:
            lock.release()
            raise

    def append(self, kind: str, /, **data: Any) -> None:
        """Add one record; it is on disk when this returns. NaN is kept, tuples come back as lists.

        Raises:
            ArgumentError: JSON cannot hold the data.
            RunError: the journal is closed, or the disk is full; the record is then not in the journal.
        """
        with self._guard:
            if self._file is None:
                raise RunError(f"the journal of {self.folder} is closed. Open it again to go on.")
            tail = self._tail
            record = Record(kind, data)
            line, digest = encode(tail.count + 1, record, tail.digest)
            # What lies beyond the tail was never acknowledged: a torn line, or an interrupted append.
            if os.fstat(self._file).st_size != tail.end:
                os.ftruncate(self._file, tail.end)
            del self._records[tail.count :]
            try:
                write_all(self._file, line)
                os.fsync(self._file)
            except OSError as error:
                os.ftruncate(self._file, tail.end)
                raise RunError(
                    f"a record could not be written to {self.folder / JOURNAL_NAME}: {error.strerror}. Free "
                    "space and resume; what was recorded before is safe."
                ) from error
            # Read back from its own line, so that a resumed run sees the very same values as this one.
            self._records.append(decode(line[:-1], tail.count + 1, tail.digest)[0])
            self._tail = _Tail(tail.count + 1, tail.end + len(line), digest)

    def records(self) -> tuple[Record, ...]:
        """Every record in order, without the header."""
        return tuple(self._records[: self._tail.count])

    def store(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep arrays beside the journal under `name`, durably; append a record that names them afterwards.

        Raises:
            ArgumentError: something is no array of numbers.
            RunError: the name is not plain, or the disk is full.
        """
        store_arrays(self.folder / ARRAYS_NAME, name, arrays)

    def load(self, name: str) -> dict[str, np.ndarray]:
        """The arrays stored under `name`.

        Raises:
            RunError: there are none, they are damaged, or the name is not plain.
        """
        return load_arrays(self.folder / ARRAYS_NAME, name)

    def has(self, name: str) -> bool:
        """Whether arrays are stored under `name`."""
        return stored(self.folder / ARRAYS_NAME, name)

    def discard(self, name: str) -> None:
        """Delete the arrays stored under `name`, which no later record may speak of."""
        discard_arrays(self.folder / ARRAYS_NAME, name)

    def close(self) -> None:
        """Let others write the run; a second call does nothing."""
        with self._guard:
            if self._file is not None:
                os.close(self._file)
                self._file = None
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(folder: str | os.PathLike[str]) -> Reading:
    """What the journal in `folder` says now. Nothing is locked or changed: a live run can be watched.

    A damaged last line is dropped with the notice ``torn-record``: the process was killed while writing it.

    Raises:
        RunError: there is no run, or its journal is damaged before the last line, which is named.
    """
    path = _journal_file(Path(folder))
    good: list[Record] = []
    end, digest, fault = 0, "", ""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            if fault:
                raise _damaged(path, len(good) + 1, fault)
            try:
                if len(line) > MAX_LINE:
                    raise BadLine(f"it is longer than {MAX_LINE:,} bytes")
                if not line.endswith(b"\n"):
                    raise BadLine("it breaks off")
                record, digest = decode(line[:-1], len(good), digest)
            except BadLine as error:
                fault = str(error)
                continue
            good.append(record)
            end += len(line)
    if not good:
        raise _damaged(path, 1, fault or "the file is empty")
    notices = ()
    if fault:
        where = f"the last record of {path}, line {len(good) + 1},"
        text = f"{where} was dropped: {fault}. The run was killed in writing it."
        notices = (Notice("torn-record", text),)
    return Reading(_header(path, good[0]), tuple(good[1:]), notices, end, digest)


def kind_of(folder: str | os.PathLike[str]) -> str:
    """What `folder` holds: "fit" (the main job) or "objective" (a search of a user's own function).

    Raises:
        RunError: there is no run, or its header is damaged.
    """
    path = _journal_file(Path(folder))
    with path.open("rb") as file:
        line = file.readline(MAX_LINE + 1)
    try:
        record, _ = decode(line.removesuffix(b"\n"), 0, "")
    except BadLine as error:
        raise _damaged(path, 1, str(error)) from None
    return _header(path, record)["kind"]


def _header(path: Path, record: Record) -> Mapping[str, Any]:
    number = record.data.get("format")
    if record.kind != "header" or type(number) is not int or not isinstance(record.data.get("kind"), str):
        raise _damaged(path, 1, "it is no header")
    if number > FORMAT:
        raise RunError(
            f"{path} has format {number}, this version of Profunda reads up to {FORMAT}. "
            "The run was written by a newer version: upgrade Profunda."
        )
    return record.data


def _journal_file(folder: Path) -> Path:
    path = folder / JOURNAL_NAME
    try:
        mode = path.stat().st_mode
    except OSError:
        why = f"it has no {JOURNAL_NAME}" if folder.is_dir() else "there is no such folder"
        raise RunError(f"{folder} holds no run: {why}. Check the path.") from None
    if not stat.S_ISREG(mode):
        raise RunError(f"{path} is no ordinary file, so {folder} holds no run. Check the path.")
    return path


def check_empty(folder: Path) -> None:
    """Refuse a folder for a new run that holds anything.

    Raises:
        RunError: it does, or it is a file.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise RunError(
            f"{folder} is a file, not a folder. Choose another folder for the run; nothing was overwritten."
        )
    # What a run that was killed before its header leaves behind is as good as nothing.
    debris = {LOCK_NAME, temporary(folder / JOURNAL_NAME).name}
    names = sorted(entry.name for entry in folder.iterdir() if entry.name not in debris)
    if JOURNAL_NAME in names:
        raise RunError(
            f"{folder} holds a run already. Resume it, or choose another folder; nothing was overwritten."
        )
    if names:
        raise RunError(
            f"{folder} is not empty (it holds {', '.join(names[:3])}{', …' if len(names) > 3 else ''}). "
            "Choose a new or an empty folder for the run; nothing was overwritten."
        )


def _damaged(path: Path, line: int, why: str) -> RunError:
    return RunError(
        f"{path} is damaged at line {line}: {why}. It was changed after it was written, or the disk failed. "
        "Restore the file from a copy, or start a new run."
    )
