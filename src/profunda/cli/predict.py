"""`profunda predict`: a table in, one CSV row for each of its rows out, in the same order."""

import csv
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from profunda.cli.run_folder import finished_model
from profunda.errors import ArgumentError

if TYPE_CHECKING:
    from profunda.data.schema import Schema

__all__ = ["predict", "write_new"]


def predict(
    run: Path,
    data: str,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    proba: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Predict a table, pictures or texts with a finished run.

    Parameters
    ----------
    run
        The run's folder, or a saved model's.
    data
        A CSV or Parquet file with the columns the model was trained on; others are ignored. Of pictures or
        texts an .npz of arrays, or a folder of files, with or without folders inside.
    output
        The CSV to write: a column `prediction`, or of several targets one named by each, in the order of the
        rows; of a folder, the files stand before it by their paths in alphabetical order, in a column
        `file`. A file that exists stays as it is.
    proba
        Write probabilities instead: one column for each class, named by the class; of several labels
        one for each, named by the target, with the probability of its second class.
    """
    _refuse_existing(output)
    model = finished_model(run)
    task = model.task
    if not proba:
        rows = model.predict(data).reshape(-1, len(task.names)).tolist()
        _write(output, data, model.schema, task.names if task.parts else ["prediction"], rows)
        return
    if task.numeric:
        what = "numbers" if task.parts else "number"
        raise ArgumentError(
            f"--proba needs classes, but this model predicts the {what} {task.target!r}; leave it out"
        )
    _write(output, data, model.schema, task.classes or task.names, model.predict_proba(data).tolist())


def _write(
    output: Path, data: str, schema: "Schema", header: Sequence[str], rows: list[list[object]]
) -> None:
    """One line a row, that of a file with its path inside the folder `data` in front."""
    from profunda.data.folders import input_files, is_folder

    folder = Path(data).expanduser()
    if is_folder(folder):
        files = [str(file) for file in input_files(folder, schema)]
        rows = [[file, *row] for file, row in zip(files, rows, strict=True)]
        header = ["file", *header]
    write_new(output, header, rows)


def write_new(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV that does not exist yet; it appears whole or not at all (ArgumentError)."""
    _refuse_existing(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("x", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
        _refuse_existing(path)  # someone may have made it meanwhile
        draft.replace(path)
    except OSError as error:
        raise ArgumentError(f"cannot write {path}: {error.strerror}; choose another file for -o") from error
    finally:
        draft.unlink(missing_ok=True)


def _refuse_existing(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise ArgumentError(
            f"{path} exists already and is not overwritten; remove it or choose another file for -o"
        )
