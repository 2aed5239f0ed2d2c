"""Models of networks with more than layers: predicted, saved, loaded and exported alike."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.exporting.making import DESIGNS, made

from profunda.errors import ModelError
from profunda.exporting.module import export
from profunda.model.saving import load


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
