"""The Model's predictions, against its formula spelled out in float64 and against what it promises."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.model.making import make_frame, make_model
from tests.oracles.model import mixture

import profunda
from profunda.errors import DataError
from profunda.model import model as models
from profunda.model.folder import read_folder
from profunda.model.saving import load


def in_a_fresh_process(script: str, folder: Path) -> str:
    """What a script prints, run in `folder` with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(profunda.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


KINDS = ("binary", "multiclass", "regression", "multilabel", "multioutput")


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_the_formula(kind: str) -> None:
    model, table = make_model(kind), make_frame(kind, seed=9)
    codes = model.schema.codes(table)
    found, expected = model.predict_codes(codes), mixture(model, codes)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    # Negative control: equal weights, or other parameters, are told apart.
    equal = replace(model, parts=tuple(replace(part, weight=0.25) for part in model.parts))
    assert not np.allclose(found, mixture(equal, codes), rtol=1e-3)
    assert not np.allclose(found, mixture(make_model(kind, seed=1), codes), rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_do_not_depend_on_the_chunks(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, table = make_model(kind), make_frame(kind, seed=9)
    whole = model.predict_codes(model.schema.codes(table))
    monkeypatch.setattr(models, "CELLS", 7 * model.preprocessings[-1].D)
    assert model._chunk() == 7
    np.testing.assert_allclose(model.predict_codes(model.schema.codes(table)), whole, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_are_no_predictions(kind: str) -> None:
    model = make_model(kind)
    found = model.predict_codes(np.empty((0, 5)))
    assert found.shape == ((0,) if kind == "regression" else (0, model.task.n_outputs))


def test_classes_come_back_in_the_type_they_had() -> None:
    texts = make_model("binary").predict(make_frame("binary"))
    assert set(texts) <= {"no", "yes"}
    numbers = make_model("multiclass").predict(make_frame("multiclass"))
    assert numbers.dtype == np.int64
    assert set(numbers) <= {1, 2, 3}
    assert make_model("regression").predict(make_frame("regression")).dtype == np.float64
    labels = make_model("multilabel").predict(make_frame("multilabel"))
    assert (labels.shape, labels.dtype) == ((60, 2), object)
    assert set(labels[:, 0].tolist()) == {"no", "yes"}
    assert set(labels[:, 1].tolist()) == {False, True}
    assert make_model("multioutput").predict(make_frame("multioutput")).shape == (60, 2)


def test_a_label_is_said_where_its_probability_is_above_one_half() -> None:
    model, table = make_model("multilabel"), make_frame("multilabel")
    p, said = model.predict_proba(table), model.predict(table)
    assert (p.shape, p.min() > 0, p.max() < 1) == ((60, 2), True, True)
    np.testing.assert_array_equal(said[:, 0] == "yes", p[:, 0] > 0.5)


def test_the_most_probable_class_is_predicted() -> None:
    model, table = make_model("multiclass"), make_frame("multiclass", seed=3)
    probabilities = model.predict_proba(table)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (model.task.labels[probabilities.argmax(axis=1)] == model.predict(table)).all()


def test_columns_are_found_by_name_in_any_source(tmp_path: Path) -> None:
    model, table = make_model("binary"), make_frame("binary", seed=4)
    expected = model.predict_proba(table)
    shuffled = table.select(pl.lit(3).alias("other"), "since", "known", "colour", "rate", "size")
    shuffled.write_csv(tmp_path / "table.csv")
    assert (model.predict_proba(shuffled) == expected).all()
    assert (model.predict_proba(shuffled.to_pandas()) == expected).all()
    np.testing.assert_allclose(model.predict_proba(tmp_path / "table.csv"), expected)
    with pytest.raises(DataError, match="rate"):
        model.predict(table.drop("rate"))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_never_seen_gives_finite_predictions_in_range(kind: str) -> None:
    model = make_model(kind)
    strange = pl.DataFrame(
        {
            "size": [None, 1e300, -1e300],
            "rate": [None, -5.0, 1e12],
            "colour": [None, "mauve", "red"],
            "known": [None, True, False],
            "since": [None, "1899-01-01", "2950-12-31"],
        }
    )
    found = model.predict_codes(model.schema.codes(strange))
    assert np.isfinite(found).all()
    if model.clamp:
        low, high = np.array(model.clamp)
        assert ((found >= low) & (found <= high)).all()


def test_the_clamp_holds_each_network() -> None:
    """The mean of clamped networks, not the clamped mean: one far outside cannot outweigh the others."""
    model, table = make_model("regression"), make_frame("regression", seed=2)
    middle = float(np.median(model.predict(table)))
    tight = replace(model, clamp=(middle - 0.5, middle + 0.5))
    codes = model.schema.codes(table)
    np.testing.assert_allclose(tight.predict_codes(codes), mixture(tight, codes), rtol=1e-5)
    assert not np.allclose(tight.predict_codes(codes), np.clip(model.predict_codes(codes), *tight.clamp))


def test_a_temperature_moves_no_row_to_another_class() -> None:
    table = make_frame("multiclass", seed=6)
    cold, hot = (make_model("multiclass", temperature=T) for T in (0.5, 3.0))
    assert (cold.predict(table) == hot.predict(table)).all()
    assert cold.predict_proba(table).max() > hot.predict_proba(table).max()


def test_predicting_leaves_torch_as_it_was_and_does_not_depend_on_its_threads() -> None:
    model = make_model("binary", rows=400)
    codes = model.schema.codes(make_frame("binary", rows=400, seed=2))
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            torch.manual_seed(5)
            found.append(model.predict_codes(codes))
            assert torch.get_num_threads() == threads
            assert torch.initial_seed() == 5
            drawn = torch.rand(2)
            torch.manual_seed(5)
            assert torch.equal(drawn, torch.rand(2))
    finally:
        torch.set_num_threads(before)
    assert found[0].tobytes() == found[1].tobytes()


def test_refusals() -> None:
    numbers, classes = make_model("regression"), make_model("binary")
    with pytest.raises(DataError, match="predicts the number 'y': it has no classes; use predict"):
        numbers.predict_proba(make_frame("regression"))
    with pytest.raises(DataError, match=r"codes \[N, 5\], as its schema gives them, got \[3, 4\]"):
        classes.predict_codes(np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"got \[5\]"):
        classes.predict_codes(np.zeros(5))


def test_a_model_says_what_it_is() -> None:
    assert str(make_model("multiclass")).startswith(
        "Model of y (multiclass, 3 classes): 4 designs, 8 networks, "
    )
    assert str(make_model("regression")).startswith("Model of y (regression): 4 designs")


def test_shared_preprocessings_are_stored_once(tmp_path: Path) -> None:
    model = make_model("binary")
    assert len(model.preprocessings) == 6  # three encodings on two folds, for eight networks
    content, arrays = read_folder(model.save(tmp_path / "model"))
    assert len(content["preprocessings"]) == 6
    assert [part["networks"] for part in content["parts"]] == [[0, 1], [2, 3], [0, 1], [4, 5]]
    assert sum(name.endswith("/fill") for name in arrays) == 6
    again = load(tmp_path / "model")
    assert again.parts[0].networks[1].preprocessing is again.parts[2].networks[1].preprocessing


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_is_the_same_model(kind: str, tmp_path: Path) -> None:
    model, table = make_model(kind), make_frame(kind, seed=8)
    again = load(model.save(tmp_path / "model"))
    assert (again.predict(table) == model.predict(table)).all()
    codes = model.schema.codes(table)
    assert again.predict_codes(codes).tobytes() == model.predict_codes(codes).tobytes()
    assert again.task == model.task
    assert again.schema == model.schema
    assert [part.design for part in again.parts] == [part.design for part in model.parts]
    assert (again.temperature, again.clamp) == (model.temperature, model.clamp)
    assert repr(again.provenance) == repr(model.provenance)  # by text: the score's interval has a NaN
    second = again.save(tmp_path / "second")
    for path in (tmp_path / "model").iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_a_saved_model_predicts_the_same_bits_in_a_fresh_process(tmp_path: Path) -> None:
    model, table = make_model("multiclass"), make_frame("multiclass", seed=8)
    model.save(tmp_path / "model")
    table.write_parquet(tmp_path / "table.parquet")
    script = "import profunda; print(profunda.load('model').predict_proba('table.parquet').tobytes().hex())"
    shown = in_a_fresh_process(script, tmp_path)
    assert shown == model.predict_proba(tmp_path / "table.parquet").tobytes().hex()


def test_loading_alone_needs_no_torch(tmp_path: Path) -> None:
    """`profunda info` and the like name a model without waiting for torch."""
    make_model("binary").save(tmp_path / "model")
    script = "import sys, profunda; print(profunda.load('model')); assert 'torch' not in sys.modules"
    assert in_a_fresh_process(script, tmp_path).startswith("Model of y")
