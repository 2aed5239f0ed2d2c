"""Bad input through the whole command line: refused in one message, nothing written; or accepted and told.

The pieces are tested where they live; here stands what the user sees: exit code, standard error, the folder.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load as arrays_of
from safetensors.numpy import save as bytes_of

from profunda.cli.app import main
from profunda.data import memory
from profunda.model.folder import MODEL_FILE, WEIGHTS_FILE, _digest

ROWS = 60
QUICK = "--trials 2 --fix depth=1 --fix epochs=3 --folds 2 --out run"


def rows_of(label: Callable[[int], object] = lambda i: "yes" if i % 2 else "no") -> list[list[object]]:
    """Two numbers, a colour, and a label."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(ROWS, 2)).round(4)
    colours = draw.choice(["red", "blue", "grün"], ROWS)
    return [[a, b, c, label(i)] for i, ((a, b), c) in enumerate(zip(numbers, colours, strict=True))]


def text_of(rows: list[list[object]], header: str = "a,b,colour,label", separator: str = ",") -> str:
    lines = [header.replace(",", separator), *(separator.join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


GOOD = text_of(rows_of())
RUBBISH = np.random.default_rng(0).bytes(4000)


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """Each file with its content, each folder: what must be the same after a refusal."""
    found = (path for path in sorted(folder.rglob("*")) if path.name != "journal.lock")
    return {str(path): path.read_bytes() if path.is_file() else None for path in found}


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Runs a command that must be refused: exit code 2, one message, nothing written; returns the message."""

    def run(words: str) -> str:
        before = everything_in(folder)
        capsys.readouterr()
        assert main(words.split()) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("Error: ")
        assert "Traceback" not in said.err
        assert said.err.count("\n") == 1
        assert everything_in(folder) == before
        return said.err

    return run


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (None, "table.csv", "there is no file table.csv"),
        (None, "nowhere/table.csv", "check the path"),
        ("", "table.csv", "is empty (0 bytes)"),
        ("", "table.parquet", "is empty (0 bytes)"),
        ("", "table.npz", "is empty (0 bytes)"),
        ("a,b,label\n", "table.csv", "has a header but no rows"),
        (RUBBISH, "table.csv", "is not text"),
        (RUBBISH, "table.parquet", "is not a whole Parquet file: it is another kind of file"),
        (RUBBISH, "table.npz", "never opened|damaged|not a whole .npz"),
        (GOOD, "table.xlsx", "export the sheet as CSV"),
        (GOOD, "table.foo", "ends in '.foo', which is not read"),
        (GOOD, "table", "has no ending"),
        (GOOD.replace("label", "lable", 1), "table.csv", "did you mean 'lable'?"),
        (text_of(rows_of(lambda i: "yes")), "table.csv", "has one class only, 'yes'"),
        (text_of(rows_of(lambda i: 3.5)), "table.csv", "has the value 3.5 in all 60 rows"),
        (text_of(rows_of(lambda i: "")), "table.csv", "has no value in any of 60 rows"),
        ("label\n" + "yes\nno\n" * 30, "table.csv", "no input column is left"),
        (text_of(rows_of()[:1]), "table.csv", "has 1 row(s) with a target"),
        (text_of(rows_of()[:3]), "table.csv", "has 3 row(s) with a target"),
    ],
)
def test_files_that_cannot_be_used(
    content: str | bytes | None, name: str, said: str, folder: Path, refused: Callable[[str], str]
) -> None:
    if content is not None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    message = refused(f"fit {name} --target label --out run")
    assert any(part in message for part in said.split("|"))


def test_a_folder_is_refused_and_what_lies_in_it_named(folder: Path, refused: Callable[[str], str]) -> None:
    (folder / "tables").mkdir()
    (folder / "tables" / "good.csv").write_text(GOOD)
    assert "is a folder; name the file to read; it holds good.csv" in refused("fit tables --target label")


def test_no_target_is_refused_and_the_columns_named(folder: Path, refused: Callable[[str], str]) -> None:
    (folder / "good.csv").write_text(GOOD)
    assert "name the column to predict: a, b, colour, label" in refused("fit good.csv")


@pytest.mark.parametrize(
    ("start", "stop", "said"),
    [
        (0, 400, "it is cut off"),
        (4, None, "it is another kind of file"),
        (None, None, "is a broken Parquet file"),
    ],
)
def test_broken_parquet(
    start: int | None, stop: int | None, said: str, folder: Path, refused: Callable[[str], str]
) -> None:
    whole = parquet_bytes(folder)
    broken = whole[start:stop] if start is not None else whole[:-300] + RUBBISH[:292] + whole[-8:]
    (folder / "table.parquet").write_bytes(broken)
    assert said in refused("fit table.parquet --target label")


def parquet_bytes(folder: Path) -> bytes:
    """A small table as Parquet."""
    path = folder / "whole.parquet"
    pl.DataFrame({"a": range(ROWS), "label": ["yes", "no"] * (ROWS // 2)}).write_parquet(path)
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--out mine", "nothing was overwritten"),
        ("--out mine/notes.txt", "nothing was overwritten"),
        ("--metric rmse", "'rmse' is not a metric of a binary task. Its metrics are: log_loss"),
        ("--metric beauty", "'beauty' is not a metric"),
        ("--fix depht=1", "Did you mean depth?"),
        ("--fix depth=99", "depth: '99' is not one of 0, 1, 2, 3, 4"),
        ("--fix lr=fast", "lr: 'fast' is not a number from"),
        ("--fix lr=nan", "lr: 'nan' is not a number from"),
        ("--time 0", "must be a positive number"),
        ("--time -1", "must be a positive number"),
        ("--time nan", "must be a positive number"),
        ("--time inf", "must be a positive number"),
        ("--trials 0", "must be a positive number"),
        ("--trials -1", "must be a positive number"),
        ("--epochs 0", "must be a positive number"),
        ("--time 5 --trials 3", "give exactly one budget"),
        ("--folds -2", "folds is -2"),
        ("--folds 1000", "folds is 1000, but there are"),
        ("--test-size 1.5", "test is 1.5; it is the share of rows held out"),
        ("--seed -1", "seed=-1 must be a whole number"),
    ],
)
def test_words_that_cannot_be_used(
    words: str, said: str, folder: Path, refused: Callable[[str], str]
) -> None:
    (folder / "good.csv").write_text(GOOD)
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").write_text("mine")
    assert said in refused(f"fit good.csv --target label {words}")


@pytest.mark.parametrize(
    "words", ["--trials 1.5", "--epochs 2.5", "--folds 2.5", "--seed 0.5", "--workers 1.5"]
)
def test_halves_are_no_whole_numbers(words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.csv").write_text(GOOD)
    assert main(f"fit good.csv --target label {words}".split()) == 2
    assert f"'{words.split()[1]}' is not a whole number" in capsys.readouterr().err
    assert not (folder / "good-run").exists()


def _rows_with(change: Callable[[int, list[object]], list[object]]) -> list[list[object]]:
    return [change(i, row) for i, row in enumerate(rows_of())]


ACCEPTED = {
    "separator": (GOOD.replace(",", ";"), "separated by a semicolon"),
    "empty-column": (
        text_of(_rows_with(lambda i, r: [*r[:3], "", r[3]]), "a,b,colour,gone,label"),
        "Columns without any value are not inputs: gone.",
    ),
    "text-in-numbers": (
        text_of(_rows_with(lambda i, r: r if i % 20 else ["oops", *r[1:]])),
        "Texts in columns of numbers were taken for missing: a (3: 'oops').",
    ),
    "infinite-values": (
        text_of(_rows_with(lambda i, r: r if i % 20 else ["-inf" if i else "inf", *r[1:]])),
        "Infinite values were taken for missing: a (3).",
    ),
    "duplicate-names": (text_of(rows_of(), "a,a,colour,label"), "a → a_2"),
    "missing-target": (
        text_of(_rows_with(lambda i, r: r if i % 20 else [*r[:3], ""])),
        "3 of 60 rows have no usable target and were left out.",
    ),
    "single-class-rows": (
        text_of(rows_of(lambda i: "maybe" if i == 7 else "yes" if i % 2 else "no")),
        "Classes seen once only cannot be checked; their rows are used for training alone: maybe.",
    ),
    "target-copy": (
        text_of(_rows_with(lambda i, r: [*r[:3], int(r[3] == "yes"), r[3]]), "a,b,colour,twin,label"),
        "are not inputs: twin.",
    ),
    "encoding": (GOOD.encode("latin-1"), "was read as Latin-1"),
}


@pytest.mark.parametrize("code", ACCEPTED)
def test_what_is_accepted_is_told_on_the_terminal_and_in_the_report(
    code: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, said = ACCEPTED[code]
    (folder / "odd.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(f"fit odd.csv --target label {QUICK}".split()) == 0
    told = capsys.readouterr().out
    assert told.startswith("Noticed:\n")
    assert said in told
    assert "rows that no choice has seen" in told
    assert code in report_notices(folder / "run")


def test_a_table_with_nothing_odd_has_no_notice(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.csv").write_text(GOOD)
    assert main(f"fit good.csv --target label {QUICK}".split()) == 0
    assert "Noticed" not in capsys.readouterr().out
    assert report_notices(folder / "run") == ()


def test_5_000_columns_are_accepted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = np.random.default_rng(0).normal(size=(40, 5000)).round(2)
    rows = [[*row, "yes" if row[0] > 0 else "no"] for row in numbers.tolist()]
    (folder / "wide.csv").write_text(text_of(rows, ",".join([*(f"c{i}" for i in range(5000)), "label"])))
    assert main(f"fit wide.csv --target label {QUICK} --fix width=32".split()) == 0
    assert "rows that no choice has seen" in capsys.readouterr().out
    assert (folder / "run" / "report.html").stat().st_size < 4_000_000


def test_a_file_over_the_memory_limit_is_sampled_and_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [[f"{i % 97}.{i}", f"{i * 7 % 31}", "yes" if i * 7 % 31 > 15 else "no"] for i in range(4000)]
    (folder / "large.csv").write_text(text_of(rows, "a,b,label"))
    monkeypatch.setattr(memory, "available_bytes", lambda: 1_200_000)
    assert main(f"fit large.csv --target label {QUICK}".split()) == 0
    assert "of its about 4,0" in capsys.readouterr().out
    assert "sampled" in report_notices(folder / "run")


def test_a_file_far_over_the_memory_limit_is_refused(
    folder: Path, refused: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "good.csv").write_text(GOOD)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2_000)
    assert "Free memory, raise memory_limit" in refused("fit good.csv --target label")


def report_notices(run: Path) -> tuple[str, ...]:
    """Codes of the notices that the run's report tells."""
    sections = json.loads((run / "report.json").read_text())["sections"]
    tables = [b for s in sections for b in s["blocks"] if b.get("title") == "What was noticed"]
    return tuple(row[1] for table in tables for row in table["rows"])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good.csv and a finished run of it, not to be changed."""
    place = tmp_path_factory.mktemp("finished")
    (place / "good.csv").write_text(GOOD)
    assert (
        main(f"fit {place / 'good.csv'} --target label {QUICK.replace('run', str(place / 'run'))}".split())
        == 0
    )
    return place


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("predict {run} lacking.csv -o out.csv", "2 of 3 input columns are lacking: b, colour."),
        ("predict {run} good.csv -o good.csv", "good.csv exists already and is not overwritten"),
        ("predict {run} good.csv -o nowhere/out.csv", "cannot write nowhere/out.csv"),
        ("predict {run} nothing.csv -o out.csv", "there is no file nothing.csv"),
        ("predict nowhere good.csv -o out.csv", "nowhere does not exist; give the folder of a run"),
        ("resume nowhere", "holds no run"),
        ("resume good.csv", "holds no run"),
        ("report nowhere", "holds no run"),
    ],
)
def test_what_a_finished_run_refuses(
    words: str, said: str, folder: Path, finished: Path, refused: Callable[[str], str]
) -> None:
    (folder / "good.csv").write_text(GOOD)
    (folder / "lacking.csv").write_text("a,label\n1,yes\n2,no\n")
    assert said in refused(words.format(run=finished / "run"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD.replace("blue", "red", 1), "the run began with other data"),
        ("a,b\n1,2\n3,4\n", "there is no column 'label'"),
        (None, "there is no file"),
    ],
)
def test_a_run_is_not_resumed_with_other_data(
    content: str | None, said: str, folder: Path, refused: Callable[[str], str]
) -> None:
    table = folder / "good.csv"
    table.write_text(GOOD)
    assert main(f"fit good.csv --target label {QUICK}".split()) == 0
    if content is None:
        table.unlink()
    else:
        table.write_text(content)
    assert said in refused("resume run")


def _flipped(model: Path) -> None:
    content = bytearray((model / WEIGHTS_FILE).read_bytes())
    content[-5] ^= 255
    (model / WEIGHTS_FILE).write_bytes(content)


def _linked(model: Path) -> None:
    (model / WEIGHTS_FILE).unlink()
    (model / WEIGHTS_FILE).symlink_to("/etc/passwd")


def _forged(change: Callable[[dict, dict], None]) -> Callable[[Path], None]:
    """Someone who means harm makes the digest fit what was changed."""

    def forge(model: Path) -> None:
        sheet = json.loads((model / MODEL_FILE).read_text())
        arrays = {
            name: array.copy() for name, array in arrays_of((model / WEIGHTS_FILE).read_bytes()).items()
        }
        change(sheet["content"], arrays)
        weights = bytes_of(arrays)
        sheet["digest"] = _digest(sheet["content"], weights)
        (model / MODEL_FILE).write_text(json.dumps(sheet))
        (model / WEIGHTS_FILE).write_bytes(weights)

    return forge


def _not_finite(content: dict, arrays: dict) -> None:
    for array in arrays.values():
        if array.dtype == np.float32:
            array[...] = np.nan


def _huge(content: dict, arrays: dict) -> None:
    content["parts"][0]["design"]["widths"] = [60_000] * 12


def _traversing(content: dict, arrays: dict) -> None:
    content["parts"][0]["networks"][0] = "../../etc/passwd"


HOSTILE = {
    "a flipped byte": (_flipped, "is damaged"),
    "cut off": (lambda m: (m / WEIGHTS_FILE).write_bytes((m / WEIGHTS_FILE).read_bytes()[:99]), "is damaged"),
    "half a sheet": (lambda m: (m / MODEL_FILE).write_text((m / MODEL_FILE).read_text()[:500]), "cut short"),
    "no weights": (lambda m: (m / WEIGHTS_FILE).unlink(), "holds no weights.safetensors"),
    "weights pickled": (lambda m: (m / WEIGHTS_FILE).write_bytes(pickle.dumps([1])), "is damaged"),
    "a pickle beside": (lambda m: (m / "model.pkl").write_bytes(pickle.dumps([1])), "also holds 'model.pkl'"),
    "a link": (_linked, "is a link"),
    "not finite": (_forged(_not_finite), "parameters that are not finite"),
    "huge": (_forged(_huge), "parameters"),
    "traversing": (_forged(_traversing), "names preprocessing '../../etc/passwd'"),
    "nested": (lambda m: (m / MODEL_FILE).write_text("[" * 100_000), "is not the JSON of a model"),
}


@pytest.mark.parametrize("harm", HOSTILE)
def test_a_damaged_or_hostile_model_is_refused(
    harm: str, folder: Path, finished: Path, refused: Callable[[str], str]
) -> None:
    model = folder / "model"
    model.mkdir()
    for name in (MODEL_FILE, WEIGHTS_FILE):
        (model / name).write_bytes((finished / "run" / "model" / name).read_bytes())
    (folder / "good.csv").write_text(GOOD)
    spoil, said = HOSTILE[harm]
    spoil(model)
    assert said in refused("predict model good.csv -o out.csv")


def test_the_model_is_accepted_before_it_was_harmed(finished: Path, folder: Path) -> None:
    assert (
        main(["predict", str(finished / "run" / "model"), str(finished / "good.csv"), "-o", "out.csv"]) == 0
    )
    assert len((folder / "out.csv").read_text().splitlines()) == ROWS + 1
