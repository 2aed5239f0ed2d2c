"""Files of a Model: where they may be written, what is refused and why, and torch's own `.pt2`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.exporting.making import DESIGNS, drawn, made
from tests.model.making import make_model

import profunda
from profunda.data.reading import read
from profunda.errors import ArgumentError, ModelError
from profunda.exporting import onnx
from profunda.exporting.checking import difference, probe
from profunda.exporting.writing import export_file
from profunda.space.design import Design


def test_torchs_file_runs_where_profunda_is_not_installed(tmp_path: Path) -> None:
    model, codes = made(DESIGNS["front"])
    written = profunda.export_file(model, tmp_path / "model.pt2")
    assert written.difference is not None
    assert written.difference < 1e-5
    np.save(tmp_path / "codes.npy", codes)
    script = (
        "import sys; sys.modules['profunda'] = None\n"
        "import numpy as np, torch\n"
        "told = {'profunda.json': ''}\n"
        "module = torch.export.load('model.pt2', extra_files=told).module()\n"
        "codes = torch.from_numpy(np.load('codes.npy'))\n"
        "print(told['profunda.json'])\n"
        "for rows in (1, 7, len(codes)): print(module(codes[:rows]).numpy().tobytes().hex())"
    )
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told, *found = done.stdout.splitlines()
    assert [column["name"] for column in json.loads(told)["input"]["columns"]] == list(model.schema.columns)
    for rows, line in zip((1, 7, len(codes)), found, strict=True):
        answers = np.frombuffer(bytes.fromhex(line)).reshape(rows, 3)
        np.testing.assert_allclose(answers, model.predict_codes(codes[:rows]), rtol=2e-4, atol=1e-6)
    assert b"site-packages" not in written.path.read_bytes()
    assert str(written).startswith(f"{written.path} (0.")
    assert "read by torch, its answers to batches of 1, 7 and 64 rows differ" in str(written)


def test_a_file_is_overwritten_by_force_alone(tmp_path: Path) -> None:
    model, _ = made(Design(()))
    path = tmp_path / "model.pt2"
    path.write_text("mine")
    with pytest.raises(ArgumentError, match=r"model.pt2 exists already and is not overwritten; .*--force"):
        export_file(model, path)
    assert path.read_text() == "mine"
    assert export_file(model, path, force=True).size == path.stat().st_size
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.pt2"]


def test_a_folder_is_refused_even_by_force(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"is a folder; name a file in it, such as .*model.onnx"):
        export_file(make_model("binary"), tmp_path, force=True)


@pytest.mark.parametrize("name", ["model.pb", "model", "model.ONNXX"])
def test_another_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"ends in '.*', but a model is exported to .onnx, .* or to .pt2"):
        export_file(make_model("binary"), tmp_path / name)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ArgumentError, match=r"cannot write .*model.pt2: Not a directory; choose another file"
    ):
        export_file(made(Design(()))[0], tmp_path / "file" / "model.pt2")


@pytest.mark.parametrize("lacking", [("onnx",), ("onnxscript",), ("onnx", "onnxscript")])
def test_a_missing_extra_is_told_with_the_way_to_it(
    lacking: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name in lacking else object())
    words = rf"ONNX files need {' and '.join(lacking)}, not installed here:  pip install 'profunda\[onnx\]'"
    with pytest.raises(ArgumentError, match=words):
        export_file(make_model("binary"), tmp_path / "model.onnx")


def test_a_torch_that_is_too_old_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.6.0+cpu")
    with pytest.raises(ArgumentError, match=r"ONNX files need torch 2.9 or newer, but this is 2.6.0\+cpu"):
        export_file(make_model("binary"), tmp_path / "model.onnx")


def test_without_the_runtime_there_is_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "find_spec", lambda name: None)
    assert onnx.onnx_runtime(b"") is None


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_differences_are_seen_and_beyond_rounding_refused(kind: str) -> None:
    model = make_model(kind)
    unit = model.preprocessings[0].numbers.target[1] if kind == "regression" else 1.0

    def off_by(by: float) -> float:
        return difference(model, lambda codes: model.predict_codes(codes) + by * unit, "model.onnx")

    assert off_by(0.0) == 0.0
    assert off_by(1e-6) == pytest.approx(1e-6, rel=1e-3)
    for by in (2e-3, float("nan"), float("inf")):
        with pytest.raises(ModelError, match=r"model.onnx was not written: its answers differ .* by up to"):
            off_by(by)


@pytest.mark.parametrize("encoding", ["robust", "quantile", "piecewise", "embedded"])
def test_rows_to_try_have_all_there_is(encoding: str) -> None:
    """Numbers on both sides of their middle and outside of most, every category, unseen ones, gaps."""
    data = read("bundled:adult", "income")
    rows = probe(drawn(Design((4,), encoding=encoding), data))
    assert rows.shape == (64, len(data.schema.columns))
    assert np.isnan(rows[-2]).all()
    for column, feature, seen in zip(rows[:-2].T, data.schema.features, data.codes.T, strict=True):
        present = column[~np.isnan(column)]
        assert len(present) < 62
        if feature.vocabulary:
            assert set(present) <= {-1.0, *range(len(feature.vocabulary))}
            assert -1.0 in present
            assert len(set(present)) > 0.6 * len(feature.vocabulary)
        else:
            assert present.min() <= np.nanmedian(seen) <= present.max()
            assert present.max() - present.min() < 6 * (np.nanmax(seen) - np.nanmin(seen))


def few_words(rows: int = 80) -> pl.DataFrame:
    """Texts of 40 words, all but the first ones, of a vocabulary of 4."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["one", "two", "six", "ten"], 40)) for _ in range(rows)]
    return pl.DataFrame({"said": ["", "one", *texts[2:]], "y": rng.choice(["a", "b"], rows)})


@pytest.mark.parametrize("body", ["bag", "attention"])
def test_texts_of_few_words_are_tried_as_a_tokenizer_makes_them(body: str, tmp_path: Path) -> None:
    data = read(few_words(), "y")
    model = drawn(Design((), body=body, body_width=8, body_depth=1), data)
    rows = probe(model)
    assert rows.shape == (64, 40)
    there, lengths = rows > 0, (rows > 0).sum(axis=1)
    assert (there[:, :-1] >= there[:, 1:]).all()  # nothing but padding behind a text's end
    assert lengths[-2:].tolist() == [0, 40]
    assert len(set(lengths)) > 20
    assert (set(rows[-1]), set(rows.ravel())) == ({1}, {0, 1, 2, 3, 4, 5})
    written = export_file(model, tmp_path / "model.pt2")
    assert written.difference is not None
    assert written.difference < 1e-5


def test_making_a_file_draws_no_random_number(tmp_path: Path) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    export_file(made(Design((3,)))[0], tmp_path / "model.pt2")
    assert torch.equal(torch.rand(3), expected)
