"""The door: a file, a frame or arrays in, a Dataset out."""

import difflib
import hashlib
import os
import reprlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from profunda.data.bundled import PREFIX, path, target_of
from profunda.data.dataset import Dataset
from profunda.data.files import archive, checked_path, file_table, is_archive
from profunda.data.folders import CLASS, folder_inputs, folder_table, is_folder
from profunda.data.frames import array_table, in_memory_table, target_columns
from profunda.data.inference import Inferred, Remarks, infer
from profunda.data.labels import Labels, TaskChoice
from profunda.data.leakage import copies_target, determines_target
from profunda.data.raw import RawColumn, RawTable, listed
from profunda.data.schema import Schema
from profunda.data.table import Column, Kind
from profunda.data.targets import decide_all
from profunda.data.tasks import tasks_found
from profunda.data.words import row_words
from profunda.errors import ArgumentError, DataError, Notice

__all__ = ["read", "read_inputs"]

FEWEST_ROWS = 5  # with a target: fewer cannot be split into rows that train and rows that choose


@dataclass(frozen=True, eq=False)
class _Source:
    """A table and its targets apart from it; the last `test_rows` rows are a test part of the source's."""

    table: RawTable
    targets: tuple[RawColumn, ...]
    test_rows: int
    name: str


def read(
    source: object,
    target: object = None,
    *,
    task: TaskChoice | None = None,
    group: str | None = None,
    time: str | None = None,
    task_column: str | None = None,
    memory_limit: int | None = None,
) -> Dataset:
    """Read inputs and target, find out what each column is, and say what was found.

    `source` is a path (CSV, TSV, Parquet, ``.npz``, a folder of pictures or texts with one folder a class),
    ``"bundled:NAME"``, a pandas, polars or pyarrow table,
    an array [N, D] or images [N, H, W(, C)], or a pair (inputs, target). `target` names the target's column,
    or is the target itself, one value a row; ``.npz`` files with x and y, pairs and bundled tables need none.
    Several targets are a list of names (or one text, "a,b,c", where no column is called so), an array [N, C]
    or a frame: each of two classes, or each a number; gaps are allowed (see `targets.decide_all`).
    `task` overrides the rule that tells classes from numbers (see `labels.decide`). Rows with equal values in
    the column `group` stay on one side of every split; with `time` no row is judged by a model that saw later
    ones; neither column is an input. `task_column` says which of several tasks a row belongs to, such as its
    school: a Design says what they share, and splits keep tasks in their shares. `memory_limit` is in
    bytes (half of the free memory); of a table in a file that would need more, a random sample of rows is
    read, and a notice says so; an ``.npz`` or a folder that would is refused.

    Raises DataError where the data cannot be used, ArgumentError where the arguments contradict each other.
    """
    if task not in (None, "classification", "regression"):
        raise ArgumentError(f"task is {task!r}; it can be 'classification' or 'regression'")
    if group is not None and time is not None:
        raise ArgumentError(
            "give group or time, not both: rows in order of time cannot also be kept together by group"
        )
    _check_texts(("group", group), ("time", time), ("task_column", task_column))
    if task_column is not None and task_column in (group, time):
        raise ArgumentError(
            f"{task_column!r} is named as the task column and for splitting rows; each task must be on both "
            "sides of a split to be learned and judged, so name it once"
        )
    origin = _open(source, target, memory_limit)
    _check_names(origin, group, time, task_column)
    _check_rows(origin.name, origin.table.rows)
    labels = decide_all(origin.targets, task)
    table = origin.table if labels.keep.all() else origin.table.take(labels.keep)
    _check_rows(origin.name, table.rows)
    tasks, told = (None, ())
    if task_column is not None:
        tasks, told = tasks_found(origin.table.column(task_column), labels.keep, _own_test(origin, labels))
    dataset = _understood(origin, table, labels, group, time, tasks)
    return replace(dataset, notices=(*dataset.notices, *told))


def _check_rows(name: str, rows: int) -> None:
    if rows < FEWEST_ROWS:
        raise DataError(
            f"{name} has {rows} row(s) with a target (n_samples={rows}); at least {FEWEST_ROWS} are needed "
            "to train on some and judge by others, and a network wants hundreds"
        )


def read_inputs(source: object, schema: Schema, *, memory_limit: int | None = None) -> np.ndarray:
    """Inputs to predict on as codes [N, F] of `schema.dtype`: `read` without a target, for known columns.

    `source` is anything `read` takes; of an ``.npz`` file with a test part that part is meant. DataError
    where a used column is lacking, or the source cannot be read or needs more than `memory_limit` bytes.
    """
    file = _as_path(source)
    if file is None:
        return schema.codes(source)
    if file.is_dir():
        return schema.codes(folder_inputs(file, schema, memory_limit))
    if is_archive(file):
        stored = archive(file, memory_limit)
        inputs = stored.inputs[-stored.test_rows :] if stored.test_rows else stored.inputs
        return schema.codes(array_table(inputs))
    table = file_table(file, memory_limit)
    if any(notice.code == "sampled" for notice in table.notices):  # every row must get its prediction
        raise DataError(
            f"{file.name} needs more memory than is allowed, and rows to predict on cannot be sampled; split "
            "the file and predict part by part, or raise memory_limit"
        )
    return schema.codes(table)


def _as_path(source: object) -> Path | None:
    """The path that `source` is, or None for data in memory."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    text = os.fspath(source)
    if text.startswith(PREFIX):
        return path(text[len(PREFIX) :])
    place = Path(text).expanduser()
    return place if is_folder(place) else checked_path(place)


def _open(source: object, target: object, limit: int | None) -> _Source:
    file = _as_path(source)
    if file is None:
        return _open_memory(source, target)
    text = os.fspath(source)  # type: ignore[call-overload]  # pyrefly: ignore
    if file.is_dir():
        return _open_folder(file, target, limit)
    if is_archive(file):
        return _open_archive(file, target, limit, text)
    if target is None and text.startswith(PREFIX):
        target = target_of(text[len(PREFIX) :])
    return _with_target(file_table(file, limit), target, str(source))


def _open_folder(folder: Path, target: object, limit: int | None) -> _Source:
    found = folder_table(folder, limit)
    if target not in (None, CLASS):
        raise ArgumentError(
            f"target is {target!r}, but the classes of {folder} are its folders; leave the target out"
        )
    return _Source(found.table, (found.target,), found.test_rows, str(folder))


def _open_archive(file: Path, target: object, limit: int | None, name: str) -> _Source:
    stored = archive(file, limit)
    if stored.target is None:
        raise DataError(
            f"{file.name} has x but no y: without a target there is nothing to learn; store it under the "
            "key y"
        )
    if target not in (None, "y"):
        raise ArgumentError(
            f"target is {target!r}, but {file.name} brings its own target, y; leave the target out"
        )
    return _Source(array_table(stored.inputs), target_columns(stored.target, "y"), stored.test_rows, name)


def _open_memory(source: object, target: object) -> _Source:
    if isinstance(source, tuple) and len(source) == 2 and target is None:
        source, target = source
    table = in_memory_table(source)
    shape = f"{table.rows:,} × {len(table.columns):,}"
    return _with_target(table, target, f"{type(source).__name__} of {shape}")


def _with_target(table: RawTable, target: object, name: str) -> _Source:
    if target is None:
        raise DataError(f"no target was named; name the column to predict: {listed(table.names, 12)}")
    names = _target_names(table, target)
    if not names:
        columns = target_columns(target, "target")
        if len(columns[0]) != table.rows:
            raise DataError(
                f"the inputs have {table.rows:,} rows and the target {len(columns[0]):,}; each row needs one "
                "target"
            )
        return _Source(table, columns, 0, name)
    for one in names:
        _find(table, one, "target")
    if len(set(names)) < len(names):
        twice = next(one for one in names if names.count(one) > 1)
        raise DataError(f"the target {twice!r} is named twice; name each column once")
    return _Source(table.without(names), tuple(map(table.column, names)), 0, name)


def _target_names(table: RawTable, target: object) -> list[str]:
    """The columns that `target` names; none where it is the values themselves."""
    if isinstance(target, str):
        parts = [part.strip() for part in target.split(",")]
        several = target not in table.names and len(parts) > 1 and set(parts) & set(table.names)
        return parts if several else [target]
    if isinstance(target, list | tuple) and len(target) != table.rows:
        names = list(target) if all(isinstance(one, str) for one in target) else []
        if len(names) > 1 and not set(names) & set(table.names):
            raise DataError(
                f"the target is a list of {len(names):,} texts beside {table.rows:,} rows, not one value a "
                f"row, and no column is called {names[0]!r} or any other of them; there are "
                f"{listed(table.names, 12)}"
            )
        return names
    return []


def _find(table: RawTable, name: str, what: str) -> None:
    if name not in table.names:
        near = difflib.get_close_matches(name, table.names, n=3, cutoff=0.5)
        folded = [other for other in table.names if other.lower() == name.lower()]
        meant = f"did you mean {' or '.join(map(repr, folded or near))}?" if folded or near else ""
        raise DataError(
            f"there is no column {name!r} for the {what}; {meant or 'there are ' + listed(table.names, 12)}"
        )


def _check_texts(*named: tuple[str, object]) -> None:
    for word, name in named:
        if not isinstance(name, str | None):
            given = " ".join(reprlib.repr(name).split())  # arrays are written in several lines
            raise ArgumentError(
                f"{word} is {given}; it is the name of a column, a text (the columns of an "
                "array are called x0, x1, … in their order)"
            )


def _check_names(origin: _Source, group: str | None, time: str | None, task_column: str | None) -> None:
    named = (("group", group, "groups"), ("time", time, "times"), ("task_column", task_column, "tasks"))
    for word, name, what in named:
        if name is None:
            continue
        if name not in origin.table.names and name in [target.name for target in origin.targets]:
            raise ArgumentError(
                f"{word} is {name!r}, which is the target: no column can be both; name another one"
            )
        _find(origin.table, name, what)
        if word != "task_column" and origin.test_rows:
            raise ArgumentError(
                f"{origin.name} brings its own test part; a {what[:-1]} column cannot be given with it"
            )
        _check_wordy(origin.table.column(name), word)


def _check_wordy(column: RawColumn, word: str) -> None:
    """Refuse columns whose rows say no word that `word` could go by."""
    if column.form in ("nested", "picture"):
        held = "pictures" if column.form == "picture" else "lists or records"
        raise DataError(
            f"{word} is {column.name!r}, a column that holds {held}; name one of texts, numbers or dates, "
            "one a row"
        )


def _own_test(origin: _Source, labels: Labels) -> np.ndarray:
    """Which rows are of the source's own test part, bool [N]."""
    return np.arange(len(labels.keep)) >= len(labels.keep) - origin.test_rows


def _understood(
    origin: _Source,
    table: RawTable,
    labels: Labels,
    group: str | None,
    time: str | None,
    tasks: Inferred | None,
) -> Dataset:
    test = _own_test(origin, labels)[labels.keep]
    kept_out = [
        _kept_out(name, what) for name, what in ((group, "groups"), (time, "times")) if name is not None
    ]
    remarks = Remarks()
    named = [column.name for column in kept_out] + ([tasks.name] if tasks is not None else [])
    found = infer(table.without(named), ~test, remarks)
    found, leaking = _settle(found, labels, remarks)
    found += [tasks] if tasks is not None else []
    used = [one for one in found if one.column.used]
    schema = _schema(table, used, int((~test).sum()), [column.name for column in kept_out])
    codes = schema.assembled([one.codes for one in used if one.codes is not None])
    dataset = Dataset(
        task=labels.task,
        schema=schema,
        columns=tuple(one.column for one in found) + tuple(kept_out),
        codes=codes,
        y=labels.y,
        test_rows=np.flatnonzero(test) if origin.test_rows else None,
        groups=None if group is None else _group_numbers(table.column(group)),
        times=None if time is None else _time_numbers(table.column(time)),
        notices=(*table.notices, *labels.notices, *remarks.notices(), *leaking),
        source=origin.name,
        fingerprint="",
    )
    return replace(dataset, fingerprint=_fingerprint(dataset))


def _kept_out(name: str, what: str) -> Column:
    kind = Kind.IDENTIFIER if what == "groups" else Kind.DATE
    return Column(name, kind, 0, 0, False, f"the {what} that rows are split by")


def _settle(
    found: list[Inferred], labels: Labels, remarks: Remarks
) -> tuple[list[Inferred], tuple[Notice, ...]]:
    """Decide on running numbers and on columns that give the target away, and that an input is left."""
    notices: list[Notice] = []
    used = [one for one in found if one.column.used]
    copies = [one for one in used if copies_target(one, labels.y, labels.task)]
    running = [one for one in found if one.feature is not None and not one.column.used]
    rest = [one for one in used if one not in copies]
    suspects = [one.name for one in rest if determines_target(one, labels.y, labels.task)]
    if copies and not rest:
        notices.append(
            Notice("target-copy", f"{_names(copies)} copies the target; kept, as there is no other input.")
        )
        copies = []
    elif copies:
        text = (
            f"Columns that copy the target (equal to it, or a one-to-one map of it) are not inputs: "
            f"{_names(copies)}."
        )
        notices.append(Notice("target-copy", text))
    if suspects:
        text = (
            f"Each value of these columns goes with one class only; are they known beforehand? "
            f"{listed(suspects)}."
        )
        notices.append(Notice("leak-suspect", text))
    keep_running = not used
    for one in running:
        if not keep_running:
            remarks.add("identifier", one.name)
    settled = [_relabelled(one, one in copies, keep_running) for one in found]
    if not any(one.column.used for one in settled):
        why = "; ".join(f"{one.name}: {one.column.reason}" for one in settled[:5])
        raise DataError(
            f"no input column is left besides the target {labels.task.target!r} "
            f"({why or 'it is the only one'})"
        )
    return settled, tuple(notices)


def _relabelled(one: Inferred, copy: bool, keep_running: bool) -> Inferred:
    if copy:
        reason = "copies the target: equal to it, or a one-to-one map of it"
        return Inferred(replace(one.column, kind=Kind.LEAK, used=False, reason=reason))
    if one.feature is not None and not one.column.used and keep_running:
        return replace(one, column=replace(one.column, kind=one.feature.kind, used=True))
    return one


def _names(found: list[Inferred]) -> str:
    return listed([one.name for one in found])


def _schema(table: RawTable, used: list[Inferred], rows: int, kept_out: list[str]) -> Schema:
    features = tuple(one.feature for one in used if one.feature is not None)
    # columns that split rows are asked for neither by name nor by position when predicting
    names = tuple(name for name in table.names if name not in kept_out)
    return Schema(features, names, rows, table.positional)


def _group_numbers(column: RawColumn) -> np.ndarray:
    """Groups as 0…G−1, int64 [N]; DataError where a row has none or all have the same."""
    words = row_words(column).fill_null("").to_numpy().astype(str)
    lacking = int((words == "").sum())
    if lacking:
        raise DataError(
            f"{lacking:,} of {len(words):,} rows have no value in the group column {column.name!r}; fill "
            "them in"
        )
    names, groups = np.unique(words, return_inverse=True)
    if len(names) < 3:
        raise DataError(
            f"the group column {column.name!r} has {len(names)} group(s); at least 3 are needed, one each to "
            "train, to choose and to judge"
        )
    return groups.astype(np.int64)


def _time_numbers(column: RawColumn) -> np.ndarray:
    """Times as float64 [N]: numbers, or days since 1970-01-01; DataError where a row has none."""
    remarks = Remarks()
    found = infer(RawTable((column,), len(column), positional=True), np.ones(len(column), bool), remarks)[0]
    if found.codes is None or found.feature is None or found.feature.kind not in (Kind.NUMERIC, Kind.DATE):
        raise DataError(
            f"the time column {column.name!r} holds neither different numbers nor dates "
            f"({found.column.reason})"
        )
    lacking = int(np.isnan(found.codes).sum())
    if lacking:
        raise DataError(
            f"{lacking:,} of {len(column):,} rows have no time in {column.name!r}; fill them in or leave "
            "them out"
        )
    return found.codes


def _fingerprint(dataset: Dataset) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(dataset.schema.to_json().encode())
    digest.update(dataset.task.to_json().encode())
    for array in (dataset.codes, dataset.y, dataset.test_rows, dataset.groups, dataset.times):
        digest.update(b"|")
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
