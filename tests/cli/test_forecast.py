"""`profunda forecast`: a network of the user's own, told, as JSON and as a page; what is refused."""

import json
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from profunda.cli.app import main

NET = """
from torch import nn
from profunda import Design

NUMBER = 3

def design():
    return Design(widths=(12, 12))

def module():
    return nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1))

def sized(width):
    return Design(widths=(width,))

def nothing():
    return None
"""


@pytest.fixture
def nets(folder: Path) -> Path:
    (folder / "own_net.py").write_text(NET)
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{a - b:.3f}" for a, b in rng.normal(size=(60, 2))]
    (folder / "table.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    return folder


def test_a_design_is_forecast_on_a_table(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["forecast", "own_net.py:design", "--data", "table.csv", "--target", "y", "--html", "page.html"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "Learnability: Can training get there?" in told
    assert "60 rows" in told
    assert "Page:     page.html" in told
    assert "Layer by layer" in (nets / "page.html").read_text()


def test_json_alone_is_printed(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forecast", "own_net:module", "--json", "--seed", "3", "--html", "page.html"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["networks"] == 1
    assert "Page:     page.html" in shown.err


def test_a_page_is_overwritten_only_when_told(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (nets / "page.html").write_text("mine")
    assert main(["forecast", "own_net.py:design", "--html", "page.html"]) == 2
    assert "page.html exists already and is not overwritten" in capsys.readouterr().err
    assert (nets / "page.html").read_text() == "mine"
    assert main(["forecast", "own_net.py:design", "--html", "page.html", "--force"]) == 0
    assert "A forecast" in (nets / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["own_net.py"], "'own_net.py' is not MODULE:FUNCTION"),
        (["lost.py:design"], "there is no file lost.py"),
        (["lost_module:design"], "Python finds no module 'lost_module'"),
        (
            ["own_net.py:lost"],
            "own_net.py has no function 'lost'; it has Design, design, module, nothing, sized",
        ),
        (["own_net.py:NUMBER"], "own_net.py has no function 'NUMBER'"),
        (["own_net.py:sized"], "cannot be called without arguments"),
        (["own_net.py:nothing"], "not of a NoneType"),
        (["math:hypot"], "not of a float"),
        (["math:sqrt"], "math:sqrt cannot be called without arguments"),
        (["time:mktime"], "time:mktime raised TypeError"),
        (["..own_net:design"], "..own_net cannot be imported: TypeError"),
        (["own_net.py:design", "--seed", "-1"], "--seed -1 is below 0"),
        (["own_net.py:design", "--target", "y"], "--target y names a column, but no --data was given"),
        (
            ["own_net.py:module", "--data", "table.csv", "--target", "y"],
            "The table's 2 columns are 2 numbers",
        ),
    ],
)
def test_what_cannot_be_forecast_is_told(
    nets: Path, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["forecast", *words]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_file_may_import_what_stands_beside_it(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (nets / "inner").mkdir()
    (nets / "inner/beside_own_net.py").write_text("WIDTH = 7\n")
    text = "from beside_own_net import WIDTH\nfrom profunda import Design\n"
    (nets / "inner/net.py").write_text(f"{text}\ndef design():\n    return Design(widths=(WIDTH,))\n")
    before = list(sys.path)
    assert main(["forecast", "inner/net.py:design"]) == 0
    assert "network of 7, he" in capsys.readouterr().out
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "def build():\n    return len(5)\n",
            "raised TypeError: object of type 'int' has no len(), at line 2 of",
        ),
        ("import sys\n\ndef build():\n    sys.exit(3)\n", "raised SystemExit: 3, at line 4 of"),
        ("def build():\n    return build()\n", "raised RecursionError: maximum recursion depth exceeded"),
        ("import torch\n\ndef build():\n    return torch.eye(2) @ torch.ones(3)\n", "at line 4 of"),
        ("1 / 0\n", "ZeroDivisionError: division by zero, at line 1 of"),
        ("def build(:\n", "SyntaxError: invalid syntax (wrong"),
        ("\nimport lost_package\n", "ModuleNotFoundError: No module named 'lost_package', at line 2 of"),
    ],
)
@pytest.mark.parametrize("ending", [".py", ""])
def test_what_a_strangers_code_raises_is_told_with_its_place(
    nets: Path, text: str, told: str, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"wrong_{crc32(text.encode())}{'_' * len(ending)}"  # Python imports a module of one name once
    (nets / f"{name}.py").write_text(text)
    before = list(sys.path)
    assert main(["forecast", f"{name}{ending}:build"]) == 2
    shown = capsys.readouterr()
    assert told in " ".join(shown.err.split())
    assert shown.out == ""
    assert sys.path == before


def test_ctrl_c_within_a_strangers_code_is_one(nets: Path) -> None:
    (nets / "stops.py").write_text("def build():\n    raise KeyboardInterrupt\n")
    assert main(["forecast", "stops.py:build"]) == 130


def test_pages_that_cannot_be_are_told_before_anything_is_computed(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nets / "folder").mkdir()
    for words, told in (
        (["--html", "folder", "--force"], "folder is a folder; name a file in it"),
        (["--html", "long" * 100], "File name too long"),
        (["--force"], "--force overwrites the page of --html"),
    ):
        assert main(["forecast", "own_net.py:design", *words]) == 2
        shown = capsys.readouterr()
        assert told in " ".join(shown.err.split())
        assert shown.out == ""
