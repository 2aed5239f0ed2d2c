"""Models of networks with more than layers: predicted, saved, loaded and exported alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.model.making import make_model

from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.errors import ModelError
from profunda.exporting.module import export
from profunda.model.model import Model
from profunda.model.parts import Network, Part
from profunda.model.saving import load
from profunda.networks.layout import layout_of
from profunda.space.design import Design

DESIGNS = {
    "codes": Design((6, 6), encoding="embedded"),
    "front": Design((6, 6), encoding="embedded", input_scaling=True, numeric_embedding="periodic"),
    "skip": Design((6, 6, 6), skip=True, parametric=True, activation="silu", norm="group"),
    "batch": Design((6, 6), skip=True, norm="batch", norm_place="after", encoding="embedded"),
    "before": Design((6, 6), skip=True, parametric=True, norm="batch", numeric_embedding="periodic"),
}


def frame(rows: int = 80, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "size": rng.normal(50, 10, rows),
            "rate": [None if lost else 1.0 * lost for lost in rng.integers(0, 9, rows)],
            "town": [None if t == 3 else f"t{t:02d}" for t in rng.integers(0, 15, rows)],
            "y": rng.choice(["a", "b", "c"], rows),
        }
    )


def made(design: Design, rows: int = 80) -> tuple[Model, np.ndarray]:
    """A Model of one drawn network, and codes with rows that were never seen."""
    data = read(frame(rows), target="y")
    fitted = fit_preprocessing(
        data.codes, data.y, np.arange(0, rows, 2), data.schema, design.encoding, data.task
    )
    rng, layout = np.random.default_rng(1), layout_of(design, fitted.inputs, 3)
    params = rng.normal(size=layout.size) * 0.6
    for block in layout.blocks:
        block.norm_of(params)[3:] = rng.uniform(0.2, 2.0, block.norm_of(params)[3:].shape)
    part = Part(1.0, design, (Network(fitted, params.astype(np.float32)),))
    model = replace(make_model("multiclass"), task=data.task, schema=data.schema, parts=(part,))
    strange = np.array([[np.nan] * 3, [1.0, 2.0, -1.0]])
    return model, np.concatenate([data.schema.codes(frame(40, seed=9)), strange])


@pytest.mark.parametrize("name", DESIGNS)
def test_the_module_is_the_model(name: str) -> None:
    model, codes = made(DESIGNS[name])
    expected = model.predict_codes(codes)
    module = export(model).train()  # the same in training mode
    np.testing.assert_allclose(module(torch.from_numpy(codes)).numpy(), expected, rtol=2e-4, atol=1e-6)
    assert {type(child).__module__.split(".")[0] for child in module.modules()} == {"torch"}
    other = replace(
        model.parts[0],
        networks=(replace(model.parts[0].networks[0], params=model.parts[0].networks[0].params * 1.1),),
    )
    assert not np.allclose(replace(model, parts=(other,)).predict_codes(codes), expected, rtol=1e-2)


def test_codes_have_a_say() -> None:
    model, codes = made(DESIGNS["codes"])
    moved = codes.copy()
    moved[:, 2] = np.nan
    assert not np.allclose(model.predict_codes(moved), model.predict_codes(codes), rtol=1e-2)


@pytest.mark.parametrize("name", ["front", "batch"])
def test_it_goes_through_torch_export(name: str) -> None:
    model, codes = made(DESIGNS[name])
    rows = torch.export.Dim("rows", min=2)
    program = torch.export.export(export(model), (torch.from_numpy(codes),), dynamic_shapes=({0: rows},))
    found = program.module()(torch.from_numpy(codes[:7]))
    np.testing.assert_allclose(found.numpy(), model.predict_codes(codes[:7]), rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", DESIGNS)
def test_saved_and_loaded_it_is_the_same(name: str, tmp_path: Path) -> None:
    model, codes = made(DESIGNS[name])
    model.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.parts[0].design == DESIGNS[name]
    np.testing.assert_array_equal(again.predict_codes(codes), model.predict_codes(codes))


def test_a_network_of_another_size_is_refused(tmp_path: Path) -> None:
    model, _ = made(DESIGNS["front"])
    part = replace(model.parts[0], design=replace(DESIGNS["front"], input_scaling=False))
    replace(model, parts=(part,)).save(tmp_path / "model")
    with pytest.raises(
        ModelError, match=r"network 0 of part 0 has float32 parameters \[.*\], its design has"
    ):
        load(tmp_path / "model")
