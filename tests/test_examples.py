"""The examples run, in a fresh process, with warnings as errors, and tell the truth about themselves."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(name: str, *words: str, folder: Path) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / name), *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "arning" not in done.stderr  # on a busy machine a line of progress may stand there
    return done.stdout


def trials(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_random_search(tmp_path: Path) -> None:
    text = run("random_search.py", "--trials", "3", "--out", "one", folder=tmp_path)
    assert "3 of 243 combinations" in text
    test = re.search(r"Accuracy on 200 test rows: (0\.\d+)", text)
    assert test is not None
    assert 0.7 < float(test[1]) < 0.95
    rows = trials(tmp_path / "one")
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert all(float(row[f"scores_{name}"]) > 0 for row in rows for name in ("accuracy", "loss", "f1"))
    assert all(row["params_hidden_size"] in {"32", "64", "128"} for row in rows)
    # Networks and all: the numbers do not depend on who trains them.
    run("random_search.py", "--trials", "3", "--workers", "2", "--out", "two", folder=tmp_path)
    assert trials(tmp_path / "one") == trials(tmp_path / "two")


def test_bayesian_search(tmp_path: Path) -> None:
    text = run("bayesian_search.py", "--trials", "4", "--out", "run", folder=tmp_path)
    assert "in choosing parameters (tpe)" in text
    rows = trials(tmp_path / "run")
    assert len(rows) == 4
    assert all(1e-4 <= float(row["params_learning_rate"]) <= 1e-2 for row in rows)
    assert all(0.1 <= float(row["params_dropout_rate"]) <= 0.5 for row in rows)
    assert all(5 <= int(row["params_num_epochs"]) <= 15 for row in rows)
