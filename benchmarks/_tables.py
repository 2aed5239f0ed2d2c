"""What the benchmarks on real tables share: command line, tables, rows of a seed, finished records.

The tables are a folder with an `index.json` (name, file, task, n, d of each) and one Parquet file a table,
its target in the column `target`. It is not part of the project: `--data` names it.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.splits import Fold, Splits, split
from profunda.data.table import Kind

__all__ = ["Given", "Record", "Records", "Table", "capped", "categories", "dataset_of", "options", "tables"]

FOLDER = Path(os.environ.get("PROFUNDA_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True)
class Given:
    """What the command line said. `chosen` are names of tables; empty: the benchmark's own."""

    quick: bool
    json: Path | None
    out: Path | None
    data: Path
    chosen: tuple[str, ...]


def options(description: str, words: Sequence[str] | None = None) -> Given:
    """Read ``--quick --json FILE --out FILE.jsonl --data FOLDER --tables NAME,NAME``."""
    reader = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--quick", action="store_true", help="fewer tables, less time each")
    reader.add_argument(
        "--json", type=Path, metavar="FILE", help="overwrite FILE with the results at the end"
    )
    reader.add_argument(
        "--out",
        "--cells",
        dest="out",
        type=Path,
        metavar="FILE.jsonl",
        help="append what is finished, and skip what stands there with the same settings",
    )
    reader.add_argument(
        "--data", type=Path, default=FOLDER, metavar="FOLDER", help="a folder with index.json"
    )
    reader.add_argument("--tables", default="", metavar="NAME,NAME", help="these tables only")
    given = reader.parse_args(words)
    for path in (given.json, given.out):
        if path is not None and not path.resolve().parent.is_dir():  # better now than after an hour
            reader.error(f"the folder of {path} does not exist; make it first")
    names = tuple(name for name in given.tables.split(",") if name)
    return Given(given.quick, given.json, given.out, given.data, names)


@dataclass(frozen=True)
class Table:
    """One table: its name, file, N rows, F input columns, and whether its target is a number."""

    name: str
    path: Path
    rows: int
    columns: int
    regression: bool


def tables(folder: Path, chosen: Sequence[str] = ()) -> list[Table]:
    """The tables of `folder` in the order `chosen`, or all by the number of their cells.

    Empty, with a line that says so, where there is no such folder. Raises ValueError for unknown names.
    """
    index = folder / "index.json"
    if not index.exists():
        print(f"There is no {index}: name a folder of tables with --data. Nothing was measured.")
        return []
    found = {
        entry["name"]: Table(
            entry["name"], folder / entry["file"], entry["n"], entry["d"], entry["task"] == "regression"
        )
        for entry in json.loads(index.read_text("utf-8"))
        if entry["file"].startswith("tab/")
    }
    unknown = [name for name in chosen if name not in found]
    if unknown:
        raise ValueError(f"{folder} has no tables {unknown}; it has {sorted(found)}.")
    ordered = sorted(found.values(), key=lambda table: (table.rows * table.columns, table.name))
    return [found[name] for name in chosen] if chosen else ordered


def dataset_of(table: Table) -> Dataset:
    """The table as the package reads it."""
    return read(table.path, "target", task="regression" if table.regression else "classification")


def categories(dataset: Dataset) -> list[int]:
    """Positions of the categorical columns."""
    return [place for place, found in enumerate(dataset.schema.features) if found.kind is Kind.CATEGORICAL]


def capped(dataset: Dataset, seed: int, train: int, valid: int, test: int) -> Splits:
    """A hold-out of `seed` with at most so many rows to train, to validate and to test on.

    A fifth of the rows (a third of tables below 2,000 rows) test, a fifth of the others validates.
    """
    share = 0.2 if dataset.n_rows >= 2000 else 1 / 3
    whole = split(dataset, test=share, folds=1, seed=seed)
    draw = np.random.default_rng((seed, len(dataset.y)))

    def some(rows: np.ndarray, most: int) -> np.ndarray:
        return rows if len(rows) <= most else np.sort(draw.choice(rows, most, replace=False))

    fold = Fold(some(whole.folds[0].train, train), some(whole.folds[0].valid, valid))
    development = np.sort(np.concatenate([fold.train, fold.valid]))
    return Splits(development, some(whole.test, test), (fold,), whole.how)


@dataclass(frozen=True)
class Record:
    """One finished piece of work: an arm on a table from a seed; `values` are its numbers by name."""

    table: str
    arm: str
    seed: int
    seconds: float
    values: Mapping[str, float | Sequence[float] | str | None]


class Records:
    """Finished records, in a JSONL file where one is given; those of other settings do not count."""

    def __init__(self, path: Path | None, settings: Mapping[str, object]) -> None:
        self.path, self.settings = path, json.loads(json.dumps(settings))
        self.found: dict[tuple[str, str, int], Record] = {}
        if path is not None and path.exists():
            for line in path.read_text("utf-8").splitlines():
                self._take(line)
        self.reused = len(self.found)

    def _take(self, line: str) -> None:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the line that an interrupted run was writing
            return
        if entry.pop("settings") == self.settings:
            record = Record(**entry)
            self.found[record.table, record.arm, record.seed] = record

    def get(self, table: str, arm: str, seed: int = 0) -> Record | None:
        """The record of this piece of work, or None where it is still to be done."""
        return self.found.get((table, arm, seed))

    def add(self, record: Record) -> Record:
        """Keep `record`, on disk at once."""
        self.found[record.table, record.arm, record.seed] = record
        if self.path is not None:
            torn = self.path.exists() and not (self.path.read_text("utf-8") or "\n").endswith("\n")
            line = json.dumps({"settings": self.settings, **asdict(record)})
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n" * torn + line + "\n")
        return record
