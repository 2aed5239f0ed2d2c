"""The command line with everything behind it: a small table from fit to predict, and each refusal."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from profunda.cli.app import main
from profunda.journal.record import Journal


def write_table(path: Path, rows: int = 120) -> Path:
    """Two classes, one number that tells them apart, one category with missing values."""
    draw = np.random.default_rng(0)
    number = draw.normal(size=rows)
    kind = np.where(number + 0.3 * draw.normal(size=rows) > 0, "good, old", "bad")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "colour", "kind"])
        for i in range(rows):
            writer.writerow([f"{number[i]:.4f}", ("red", "blue", "")[draw.integers(3)], kind[i]])
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def test_from_a_table_to_predictions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"
    write_table(folder / "table.csv")
    words = (
        "fit table.csv --target kind --trials 4 --fix depth=1 --fix epochs=10 --folds 2 --seed 1 --out run"
    )
    assert main(words.split()) == 0
    said = capsys.readouterr().out
    assert "rows that no choice has seen" in said
    assert "profunda predict run DATA -o predictions.csv" in said
    assert (run / "report.html").exists()
    kept = (
        "score interval metric baselines networks member_steps seconds sampler_share endings engine members"
    )
    assert set(kept.split()) <= set(json.loads((run / "summary.json").read_text()))
    table = read_rows(run.parent / "table.csv")
    assert main(["predict", "run", "table.csv", "-o", "said.csv"]) == 0
    assert main(["predict", "run", "table.csv", "-o", "sure.csv", "--proba"]) == 0
    predictions = read_rows(run.parent / "said.csv")
    chances = read_rows(run.parent / "sure.csv")
    assert [list(row) for row in predictions] == [["prediction"]] * len(table)
    assert [set(row) for row in chances] == [{"bad", "good, old"}] * len(table)
    for said_row, chance in zip(predictions, chances, strict=True):
        assert sum(map(float, chance.values())) == pytest.approx(1)
        assert said_row["prediction"] == max(chance, key=lambda name: float(chance[name]))
    hits = [a["prediction"] == b["kind"] for a, b in zip(predictions, table, strict=True)]
    assert np.mean(hits) > 0.7
    assert main(["report", "run"]) == 0
    assert capsys.readouterr().out.endswith("report.html\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("fit nowhere.csv --target kind", "nowhere.csv"),
        ("fit table.csv --target knid", "kind"),
        ("fit table.csv --target kind --out run", "nothing was overwritten"),
        ("fit table.csv --target kind --metric beauty", "beauty"),
        ("fit table.csv --target kind --fix depht=1", "depth"),
        ("fit table.csv --target kind --trials -1", "-1"),
        ("resume table-run", "holds no run"),
        ("report table-run", "holds no run"),
        ("resume mine", "profunda.search"),
        ("predict nothing table.csv -o out.csv", "nothing"),
    ],
)
def test_refusals_are_one_message_exit_2_and_touch_nothing(
    words: str, said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(folder / "table.csv")
    (folder / "run").mkdir()
    (folder / "run" / "notes.txt").write_text("mine")
    Journal.create(folder / "mine", {"kind": "objective"}).close()
    before = sorted(path for path in folder.rglob("*") if path.suffix != ".lock")
    assert main(words.split()) == 2
    message = capsys.readouterr().err
    assert message.startswith("Error: ")
    assert said in message
    assert "Traceback" not in message
    assert sorted(path for path in folder.rglob("*") if path.suffix != ".lock") == before
    assert (folder / "run" / "notes.txt").read_text() == "mine"
