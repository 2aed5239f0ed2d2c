"""The exported module, against the Model, against the naive formula, and where Profunda is not installed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.exporting.making import drawn
from tests.model.making import make_frame, make_model
from tests.oracles.model import mixture

from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.errors import ModelError
from profunda.exporting.module import export
from profunda.exporting.preprocessing import Encoder
from profunda.model.parts import Network, Part
from profunda.model.saving import load
from profunda.networks.layout import layout
from profunda.space.design import Design

KINDS = ("binary", "multiclass", "regression", "multilabel", "multioutput")


def codes_of(kind: str) -> tuple[object, np.ndarray]:
    model = make_model(kind)
    return model, model.schema.codes(make_frame(kind, rows=40, seed=9))


@pytest.mark.parametrize("kind", KINDS)
def test_the_module_is_the_model(kind: str) -> None:
    model, codes = codes_of(kind)
    module = export(model)
    found = module(torch.from_numpy(codes))
    assert found.dtype == torch.float64
    expected = model.predict_codes(codes)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)
    # Negative control: the module of other parameters is another one.
    assert not np.allclose(export(make_model(kind, seed=1))(torch.from_numpy(codes)), expected, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_in_float64_it_is_the_formula_tightly(kind: str) -> None:
    """Only rounding inputs to float32 remains, which the oracle shares and the module does not."""
    model, codes = codes_of(kind)
    module = export(model).double()
    expected = mixture(model, codes)
    found = module(torch.from_numpy(codes)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_in_float32_it_is_near(kind: str) -> None:
    model, codes = codes_of(kind)
    found = export(model).float()(torch.from_numpy(codes).float())
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), model.predict_codes(codes), rtol=1e-2, atol=1e-3)


def test_float32_codes_are_taken() -> None:
    model, codes = codes_of("binary")
    found = export(model)(torch.from_numpy(codes).float())
    np.testing.assert_allclose(found.numpy(), model.predict_codes(codes.astype(np.float32)), rtol=1e-5)


def strange_table(rows: int = 300) -> pl.DataFrame:
    """Ties, outliers, gaps, truth values with gaps, clocked dates, rare and many categories."""
    rng = np.random.default_rng(5)
    gap = rng.uniform(size=rows) < 0.1
    return pl.DataFrame(
        {
            "tied": np.round(rng.exponential(1, rows)),
            "wild": rng.standard_cauchy(rows) * 1e3,
            "mostly": np.where(rng.uniform(size=rows) < 0.9, 0.0, rng.normal(size=rows)),
            "gaps": [None if lost else value for value, lost in zip(rng.normal(size=rows), gap, strict=True)],
            "flag": [
                None if lost else bool(lost) or value > 0
                for value, lost in zip(rng.normal(size=rows), gap, strict=True)
            ],
            "when": pl.Series(rng.integers(0, 10**9, rows)).cast(pl.Int64) * 1_000_000,
            "town": [f"t{number}" for number in rng.integers(0, 60, rows)],
            "kind": [f"k{number}" for number in rng.zipf(2.0, rows) % 8],
            "y": rng.normal(size=rows),
        }
    ).with_columns(pl.col("when").cast(pl.Datetime("us")))


@pytest.mark.parametrize("encoding", ["robust", "quantile", "piecewise", "embedded"])
@pytest.mark.parametrize("categories", ["onehot", "ordinal"])
def test_the_encoder_is_the_preprocessing(encoding: str, categories: str) -> None:
    data = read(strange_table(), target="y")
    train = np.arange(0, 300, 2)
    fitted = fit_preprocessing(
        data.codes, data.y, train, data.schema, encoding, data.task, categories=categories
    )
    layout = fitted.layout
    used = [layout.numeric, layout.boolean, layout.cycles, layout.gaps]
    coded = [layout.ordinals] if categories == "ordinal" or encoding == "embedded" else [layout.frequencies]
    used += coded + ([layout.onehots] if categories == "onehot" else [])
    assert all(used)
    # Every row of the table, knots and edges themselves, unseen categories, extremes, and nothing at all.
    odd = np.stack(
        [data.codes.min(0), np.full(data.codes.shape[1], np.nan), np.nan_to_num(data.codes[0]) * 0 - 1]
    )
    far = np.where(np.isin(np.arange(data.codes.shape[1]), layout.numeric), 1e15, data.codes[0])
    codes = np.concatenate([data.codes, odd, far[None], -np.abs(far)[None]])
    found = Encoder(fitted)(torch.from_numpy(codes))
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.float().numpy(), fitted.transform(codes), rtol=1e-6, atol=1e-6)


def test_dropout_is_left_out_even_in_training_mode() -> None:
    model, codes = codes_of("binary")
    parts = tuple(replace(p, design=replace(p.design, dropout=0.5, input_dropout=0.5)) for p in model.parts)
    module = export(replace(model, parts=parts)).train()
    np.testing.assert_allclose(module(torch.from_numpy(codes)), model.predict_codes(codes), rtol=1e-5)


def with_norm(model, norm: str, place: str) -> object:
    """The same model with norms whose vectors are drawn."""
    rng = np.random.default_rng(2)

    def parts() -> Iterator[Part]:
        for part in model.parts:
            design = replace(part.design, norm=norm, norm_place=place)
            networks = []
            for network in part.networks:
                blocks = layout(design.widths, network.preprocessing.D, model.task.n_outputs, norm)
                params = rng.uniform(0.2, 1.5, blocks[-1].end) * rng.choice([-1, 1], blocks[-1].end)
                for block in blocks:
                    block.norm_of(params)[3:] **= 2
                networks.append(Network(network.preprocessing, params.astype(np.float32)))
            yield replace(part, design=design, networks=tuple(networks))

    return replace(model, parts=tuple(parts()))


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_norms_are_the_models_in_training_mode_too(norm: str, place: str) -> None:
    model, codes = codes_of("multiclass")
    normed = with_norm(model, norm, place)
    module = export(normed).train()
    expected = normed.predict_codes(codes)
    np.testing.assert_allclose(module(torch.from_numpy(codes)), expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(expected, model.predict_codes(codes), rtol=1e-2)
    names = {type(child).__name__ for child in module.modules()}
    assert ("LayerNorm" in names, "BatchNorm1d" in names) == (norm == "layer", False)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_models_with_norms_are_saved_and_loaded(norm: str, tmp_path: Path) -> None:
    model, codes = codes_of("binary")
    normed = with_norm(model, norm, "before")
    normed.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict_codes(codes), normed.predict_codes(codes))


def test_a_negative_variance_is_refused(tmp_path: Path) -> None:
    normed = with_norm(codes_of("binary")[0], "batch", "before")
    part = normed.parts[0]
    layout(part.design.widths, part.networks[0].preprocessing.D, 2, "batch")[0].norm_of(
        part.networks[0].params
    )[3, 0] = -0.1
    normed.save(tmp_path / "model")
    with pytest.raises(ModelError, match="network 0 of part 0 has a negative variance in a batch norm"):
        load(tmp_path / "model")


def test_one_linear_network_without_a_temperature() -> None:
    model, codes = codes_of("binary")
    part = model.parts[1]
    assert part.design.widths == ()
    single = replace(model, parts=(Part(1.0, part.design, part.networks[:1]),), temperature=1.0)
    found = export(single)(torch.from_numpy(codes))
    np.testing.assert_allclose(found, single.predict_codes(codes), rtol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "elu", "silu", "softplus"])
def test_every_activation(activation: str) -> None:
    model, codes = codes_of("regression")
    parts = tuple(replace(p, design=replace(p.design, activation=activation)) for p in model.parts)
    other = replace(model, parts=parts)
    np.testing.assert_allclose(export(other)(torch.from_numpy(codes)), mixture(other, codes), rtol=1e-5)


def test_it_is_one_module_with_everything_inside() -> None:
    model, _ = codes_of("multiclass")
    module = export(model)
    assert sum(p.numel() for p in module.parameters()) == sum(
        network.params.size for part in model.parts for network in part.networks
    )
    assert not any(p.requires_grad for p in module.parameters())
    assert not module.training
    assert {type(child).__module__.split(".")[0] for child in module.modules()} == {"torch"}


def test_making_it_draws_no_random_number() -> None:
    model, _ = codes_of("binary")
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    export(model)
    assert torch.equal(torch.rand(3), expected)


def test_it_runs_where_profunda_is_not_installed(tmp_path: Path) -> None:
    model, codes = codes_of("multiclass")
    torch.save(export(model), tmp_path / "module.pt")
    np.save(tmp_path / "codes.npy", codes)
    script = (
        "import sys; sys.modules['profunda'] = None\n"
        "import numpy as np, torch\n"
        "module = torch.load('module.pt', weights_only=False)\n"
        "print(module(torch.from_numpy(np.load('codes.npy'))).numpy().tobytes().hex())"
    )
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert np.frombuffer(bytes.fromhex(done.stdout)).reshape(40, 3) == pytest.approx(
        model.predict_codes(codes)
    )


def test_it_goes_through_torch_export_with_any_number_of_rows() -> None:
    model, codes = codes_of("regression")
    rows = torch.export.Dim("rows", min=2)
    program = torch.export.export(export(model), (torch.from_numpy(codes),), dynamic_shapes=({0: rows},))
    found = program.module()(torch.from_numpy(codes[:7]))
    np.testing.assert_allclose(found.numpy(), model.predict_codes(codes[:7]), rtol=1e-5)


@pytest.mark.parametrize(("table", "body", "norm"), [("fashion", "conv", "batch"), ("sms", "lstm", "none")])
def test_bodies_are_the_model_row_by_row(table: str, body: str, norm: str) -> None:
    """A batch norm that went by the batch would give a row alone another answer than a row in company."""
    data = read(f"bundled:{table}")
    model = drawn(Design((), body=body, body_width=4, body_depth=1, norm=norm), data)
    codes = data.codes[:16]
    module = export(model)
    expected = model.predict_codes(codes)
    np.testing.assert_allclose(module(torch.from_numpy(codes)).numpy(), expected, rtol=1e-4, atol=1e-5)
    alone = np.concatenate([module(torch.from_numpy(row[None])).numpy() for row in codes])
    np.testing.assert_allclose(alone, expected, rtol=1e-4, atol=1e-5)
    assert expected.std(axis=0).max() > 1e-3  # rows do differ
