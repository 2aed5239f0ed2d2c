"""`profunda predict`: what is written, in which order, and that nothing is ever overwritten."""

from pathlib import Path

import numpy as np
import pytest

from profunda.cli.app import main
from profunda.cli.predict import write_new
from profunda.data.schema import Schema
from profunda.data.task import Task
from profunda.errors import ArgumentError
from profunda.journal.record import Journal
from profunda.model import saving


class FakeModel:
    schema = Schema((), (), 0)

    def __init__(self, classes: tuple[str, ...], parts: tuple[Task, ...] = ()) -> None:
        self.task = Task("binary" if classes else "regression", "y", classes)
        self.task = Task.of_parts(parts) if parts else self.task

    def predict(self, data: str) -> np.ndarray:
        if self.task.parts:
            return np.array([["no", True], ["yes", False]], object)
        return np.array(["no", "yes, sir", "no"]) if self.task.classes else np.array([1.5, 0.1, -2.0])

    def predict_proba(self, data: str) -> np.ndarray:
        return np.array([[0.75, 0.25], [0.1, 0.9], [1.0, 0.0]])


LABELS = (Task("binary", "rain", ("no", "yes")), Task("binary", "wind, strong", ("False", "True"), "boolean"))
AMOUNTS = (Task("regression", "heat", (), "number"), Task("regression", "cold", (), "number"))


@pytest.fixture
def loaded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that models were loaded from."""
    seen: list[Path] = []

    def load(path: Path) -> FakeModel:
        seen.append(path)
        if path.name in ("labels", "amounts"):
            return FakeModel((), LABELS if path.name == "labels" else AMOUNTS)
        return FakeModel(() if "numbers" in str(path) else ("no", "yes, sir"))

    monkeypatch.setattr(saving, "load", load)
    return seen


def test_predictions_keep_the_order_of_the_rows(loaded: list[Path], folder: Path) -> None:
    (folder / "run" / "model").mkdir(parents=True)
    assert main(["predict", "run", "new.csv", "-o", "out.csv"]) == 0
    assert (folder / "out.csv").read_text() == 'prediction\nno\n"yes, sir"\nno\n'
    assert loaded == [Path("run/model")]


def test_probabilities_have_one_column_a_class_and_no_other(loaded: list[Path], folder: Path) -> None:
    assert main(["predict", "model", "new.csv", "--output", "out.csv", "--proba"]) == 0
    assert (folder / "out.csv").read_text() == 'no,"yes, sir"\n0.75,0.25\n0.1,0.9\n1.0,0.0\n'
    assert loaded == [Path("model")]


def test_several_targets_have_a_column_each_named_by_them(loaded: list[Path], folder: Path) -> None:
    assert main(["predict", "labels", "new.csv", "-o", "out.csv"]) == 0
    assert (folder / "out.csv").read_text() == 'rain,"wind, strong"\nno,True\nyes,False\n'
    assert main(["predict", "labels", "new.csv", "-o", "proba.csv", "--proba"]) == 0
    assert (folder / "proba.csv").read_text().startswith('rain,"wind, strong"\n0.75,0.25\n')


def test_several_numbers_have_no_probabilities(
    loaded: list[Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "amounts", "new.csv", "-o", "out.csv", "--proba"]) == 2
    assert "predicts the numbers 'heat, cold'; leave it out" in " ".join(capsys.readouterr().err.split())


def test_numbers_are_written_so_that_they_read_back_the_same(loaded: list[Path], folder: Path) -> None:
    assert main(["predict", "numbers", "new.csv", "-o", "out.csv"]) == 0
    assert (folder / "out.csv").read_text() == "prediction\n1.5\n0.1\n-2.0\n"


def test_numbers_have_no_probabilities(
    loaded: list[Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "numbers", "new.csv", "-o", "out.csv", "--proba"]) == 2
    assert "--proba needs classes, but this model predicts the number 'y'" in capsys.readouterr().err
    assert not (folder / "out.csv").exists()


def test_an_existing_file_is_refused_before_anything_is_done(
    loaded: list[Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "out.csv").write_text("mine")
    assert main(["predict", "run", "new.csv", "-o", "out.csv"]) == 2
    assert "out.csv exists already and is not overwritten" in capsys.readouterr().err
    assert (folder / "out.csv").read_text() == "mine"
    assert loaded == []


def test_a_run_that_was_not_finished_has_no_model_yet(
    loaded: list[Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Journal.create(folder / "run", {"kind": "fit"}).close()
    assert main(["predict", "run", "new.csv", "-o", "out.csv"]) == 2
    assert "run has no model yet: it was not finished" in capsys.readouterr().err
    assert loaded == []


def test_a_folder_that_is_not_there_is_said(loaded: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "run", "new.csv", "-o", "nowhere/out.csv"]) == 2
    assert "cannot write nowhere/out.csv: No such file or directory" in capsys.readouterr().err


def test_a_file_that_appears_meanwhile_is_kept(folder: Path) -> None:
    target = folder / "out.csv"

    def rows() -> object:
        yield [1]
        target.write_text("mine")
        yield [2]

    with pytest.raises(ArgumentError, match="exists already"):
        write_new(target, ["prediction"], rows())
    assert target.read_text() == "mine"
    assert [path.name for path in folder.iterdir()] == ["out.csv"]


def test_an_interrupted_writing_leaves_nothing(folder: Path) -> None:
    def rows() -> object:
        yield [1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_new(folder / "out.csv", ["prediction"], rows())
    assert list(folder.iterdir()) == []
