"""`profunda export`: from a finished run to a file, and what is refused before any work."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.model.making import make_frame, make_model

from profunda.cli.app import main
from profunda.exporting import onnx
from profunda.journal.record import Journal


def test_a_run_becomes_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = make_model("binary")
    model.save(folder / "run" / "model")
    assert main(["export", "run", "-o", "model.pt2"]) == 0
    assert capsys.readouterr().out.startswith("Written: model.pt2 (0.")
    codes = model.schema.codes(make_frame("binary", seed=9))
    found = torch.export.load(folder / "model.pt2").module()(torch.from_numpy(codes))
    np.testing.assert_allclose(found, model.predict_codes(codes), atol=1e-6)


def test_an_existing_file_is_refused_before_the_run_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "model.pt2").write_text("mine")
    assert main(["export", "nowhere", "-o", "model.pt2"]) == 2
    assert "model.pt2 exists already and is not overwritten" in capsys.readouterr().err
    assert (folder / "model.pt2").read_text() == "mine"
    make_model("regression").save(folder / "run")
    assert main(["export", "run", "-o", "model.pt2", "--force"]) == 0
    assert (folder / "model.pt2").stat().st_size > 10_000


def test_a_missing_extra_is_told_before_the_run_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnx, "find_spec", lambda name: None)
    assert main(["export", "nowhere", "-o", "model.onnx"]) == 2
    assert "pip install 'profunda[onnx]'" in capsys.readouterr().err


def test_a_run_without_a_model_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Journal.create(folder / "run", {"kind": "fit"}).close()
    assert main(["export", "run", "-o", "model.pt2"]) == 2
    assert "run has no model yet: it was not finished" in capsys.readouterr().err
    assert main(["export", "run", "-o", "model.txt"]) == 2
    assert "ends in '.txt', but a model is exported to .onnx" in capsys.readouterr().err
