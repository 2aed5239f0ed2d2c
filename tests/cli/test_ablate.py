"""`profunda ablate`: the finding on the terminal, the page where it is asked for, and what is refused."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from profunda.cli.app import main
from profunda.journal.record import JOURNAL_NAME
from profunda.model import saving
from profunda.space.design import Design


@pytest.fixture
def champion(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved model whose design is known, beside a table it may be trained on again."""
    design = Design(widths=(8,), dropout=0.2, lr=1e-2, epochs=6)
    model = SimpleNamespace(
        parts=(SimpleNamespace(weight=1.0, design=design),),
        task=SimpleNamespace(target="y", parts=()),
        schema=SimpleNamespace(task_column=None),
    )
    monkeypatch.setattr(saving, "load", lambda path: model)
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{2 * a - b:.3f}" for a, b in rng.normal(size=(90, 2))]
    (folder / "table.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    return folder


def test_the_finding_is_told_and_written(champion: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ablate", "run", "table.csv", "--folds", "2", "--seeds", "1", "--doses", "-o", "page.html"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "rmse" in told
    assert "Dropout" in told
    assert "L2 (weight decay): " in told
    assert "Page:     page.html" in told
    assert "One change at a time" in (champion / "page.html").read_text()


def test_what_exists_is_not_overwritten(champion: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (champion / "page.html").write_text("mine")
    assert main(["ablate", "run", "table.csv", "-o", "page.html"]) == 2
    assert "page.html exists already and is not overwritten" in capsys.readouterr().err
    assert (champion / "page.html").read_text() == "mine"


def test_a_run_that_was_not_finished_is_refused(champion: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (champion / "run").mkdir()
    (champion / "run" / JOURNAL_NAME).write_text("{}")
    assert main(["ablate", "run", "table.csv"]) == 2
    assert "run has no model yet: it was not finished" in capsys.readouterr().err


def test_bad_words_are_told_in_one_message(champion: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ablate", "run", "table.csv", "--folds", "1"]) == 2
    assert "folds=1 must be a whole number of at least 2" in capsys.readouterr().err
    assert main(["ablate", "run", "table.csv", "--time", "1e-9"]) == 2
    assert "are too few: one repetition of 5 folds" in capsys.readouterr().err
