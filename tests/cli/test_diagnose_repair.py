"""`profunda diagnose --repair`: what proved better, as lines to paste."""

import json
from pathlib import Path

import pytest

from profunda.cli.app import main

NET = """
import torch
from torch import nn

X = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()

def wild():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    sgd = lambda p: torch.optim.SGD(p, 100.0)
    return net, (X[:200], Y[:200]), nn.CrossEntropyLoss(), sgd, (X[200:], Y[200:])
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_repair_is_printed(folder: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    (folder / "own_wild_program.py").write_text(NET)
    words = ["diagnose", "own_wild_program.py:wild", "--epochs", "6", "--repair"]
    assert main([*words, "--json"] if form == "json" else words) == 0
    shown = capsys.readouterr().out
    if form == "json":
        assert json.loads(shown)["changes"][0]["kind"] == "learning rate"
    else:
        assert "Diagnosis of Sequential" in shown
        assert "- optimizer = torch.optim.SGD(model.parameters(), lr=100)" in shown
