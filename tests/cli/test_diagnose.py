"""`profunda diagnose`: a program of the user's own, as text, as JSON and as a page; what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from profunda.cli.app import main

NET = """
import torch
from torch import nn
from profunda.diagnosis.program import Program

X = torch.randn(120, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()

def net(inputs=4):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, 2))

def good():
    return net(), (X, Y), nn.CrossEntropyLoss()

def spoilt():
    return net(), (X / 0.0, Y), nn.CrossEntropyLoss(), lambda params: torch.optim.SGD(params, 0.1), (X, Y)

def whole():
    return Program(net(), (X, Y), nn.CrossEntropyLoss())

def tabled():
    return net(2), nn.CrossEntropyLoss()

def values():
    torch.manual_seed(0)
    return nn.Linear(2, 1), nn.MSELoss()

def alone():
    return net()

def broken():
    return nn.Linear(3, 2), (X, Y), nn.CrossEntropyLoss()
"""


@pytest.fixture
def programs(folder: Path) -> Path:
    (folder / "own_program.py").write_text(NET)
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{'up' if a > b else 'down'},{a - b:.3f}" for a, b in rng.normal(size=(90, 2))]
    (folder / "table.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")
    classes = [line.rpartition(",")[0] for line in lines]
    (folder / "classes.csv").write_text("\n".join(["a,b,c", *classes]) + "\n")
    return folder


def test_findings_are_told_and_shown(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "own_program.py:spoilt", "--epochs", "2", "--html", "page.html"]) == 0
    shown = capsys.readouterr()
    assert "FAULT · data · Inputs hold NaN or infinity" in shown.out
    assert "Page:     page.html" in shown.out
    assert shown.err == ""  # no progress where nobody watches
    assert "The network, step by step" in (programs / "page.html").read_text()


def test_json_alone_is_printed(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--json", "--seed", "3", "--epochs", "2", "--batch-size", "40", "--html", "page.html"]
    assert main(["diagnose", "own_program:whole", *words]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["record"]["course"]["steps"] == 6
    assert "Page:     page.html" in shown.err


@pytest.mark.parametrize(
    ("function", "table", "target"), [("tabled", "classes.csv", "c"), ("values", "values.csv", "y")]
)
def test_a_table_takes_the_place_of_the_data(
    programs: Path, capsys: pytest.CaptureFixture[str], function: str, table: str, target: str
) -> None:
    rows = [line.split(",") for line in (programs / "table.csv").read_text().splitlines()]
    (programs / "values.csv").write_text("\n".join(",".join((r[0], r[1], r[3])) for r in rows) + "\n")
    words = ["--data", table, "--target", target, "--epochs", "2", "--json"]
    assert main(["diagnose", f"own_program.py:{function}", *words]) == 0
    record = json.loads(capsys.readouterr().out)["record"]
    assert record["rows"]["n"] == 72
    assert record["rows"]["compared"] == 18
    assert record["task"]["targets"] == ([32] if target == "c" else [32, 1])
    assert max(abs(each) for each in record["rows"]["most"]) < 8


def test_a_page_is_overwritten_only_when_told(programs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (programs / "page.html").write_text("mine")
    words = ["diagnose", "own_program.py:good", "--epochs", "1", "--html", "page.html"]
    assert main(words) == 2
    assert "page.html exists already and is not overwritten" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    assert "A diagnosis" in (programs / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["own_program.py"], "'own_program.py' is not MODULE:FUNCTION"),
        (["own_program.py:net", "--seed", "-1"], "--seed -1 is below 0"),
        (["own_program.py:good", "--target", "y"], "--target y names a column, but no --data was given"),
        (["own_program.py:alone"], "The function returned a Sequential; return (model, data, loss)"),
        (["own_program.py:tabled"], "The function returned a tuple of 2; return (model, data, loss)"),
        (["own_program.py:broken"], "Linear raised RuntimeError on the first batch"),
        (["own_program.py:good", "--epochs", "0"], "epochs is 0; it is a whole number of at least 1"),
    ],
)
def test_what_is_refused(
    programs: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert main(["diagnose", *words]) == 2
    assert told in capsys.readouterr().err.replace("\n", " ")
