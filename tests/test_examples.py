"""The examples run as scripts, with warnings as errors, and tell the truth about themselves."""

import csv
import re
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """``run("random_search.py", "--trials", "3")`` in an empty folder: what it printed."""
    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)

    def script(name: str, *words: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *words])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    yield script
    torch.set_num_threads(threads)
    sys.modules.pop("simple_network", None)


def trials(folder: str) -> list[dict[str, str]]:
    with (Path(folder) / "trials.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_random_search(run: Run) -> None:
    text = run("random_search.py", "--trials", "3", "--out", "one")
    assert "3 of 243 combinations" in text
    test = re.search(r"Accuracy on 200 test rows: (0\.\d+)", text)
    assert test is not None
    assert 0.7 < float(test[1]) < 0.95
    rows = trials("one")
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert all(float(row[f"scores_{name}"]) > 0 for row in rows for name in ("accuracy", "loss", "f1"))
    assert all(row["params_hidden_size"] in {"32", "64", "128"} for row in rows)


@pytest.mark.slow
def test_trained_networks_do_not_depend_on_the_number_of_workers(run: Run) -> None:
    run("random_search.py", "--trials", "3", "--out", "one")
    run("random_search.py", "--trials", "3", "--workers", "2", "--out", "two")
    assert trials("one") == trials("two")


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_bayesian_search(sampler: str, run: Run) -> None:
    text = run("bayesian_search.py", "--trials", "4", "--sampler", sampler, "--out", "run")
    assert f"in choosing parameters ({sampler})" in text
    rows = trials("run")
    assert len(rows) == 4
    assert all(1e-4 <= float(row["params_learning_rate"]) <= 1e-2 for row in rows)
    assert all(0.1 <= float(row["params_dropout_rate"]) <= 0.5 for row in rows)
    assert all(5 <= int(row["params_num_epochs"]) <= 15 for row in rows)


def test_the_scaler_has_seen_training_rows_only(run: Run) -> None:
    """Means of the inputs are 0 on the rows to learn from, and not on the rows to score on."""
    parts = runpy.run_path(str(EXAMPLES / "simple_network.py"))["parts"]
    for final, sizes in ((False, (600, 200)), (True, (800, 200))):
        learn, score = parts(final)
        assert (len(learn.classes), len(score.classes)) == sizes
        assert learn.inputs.mean(0).abs().max() < 1e-6
        assert score.inputs.mean(0).abs().max() > 1e-2
