"""Loading a folder of a model of pictures or texts that was made up: a working model, or a ModelError."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.making import make_model
from tests.model.test_saving import JSON_VALUES, dropping, forged, places, setting

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read
from profunda.errors import ModelError
from profunda.model.folder import read_folder
from profunda.model.model import Model
from profunda.model.parts import Network, Part
from profunda.model.saving import load
from profunda.networks.initial import initial_params
from profunda.networks.layout import layout_of
from profunda.space.design import Design

DESIGNS = {
    "pictures": Design((3,), body="conv", body_width=2, body_depth=2, norm="batch"),
    "texts": Design((3,), body="attention", body_width=4, body_depth=1),
}


def dataset(kind: str) -> Dataset:
    rng, y = np.random.default_rng(0), np.arange(40) % 2
    if kind == "pictures":
        return read(rng.integers(0, 256, (40, 6, 5), dtype=np.uint8), y)
    texts = [f"word{n % 7} and {'bright' if n % 2 else 'dark'} things of day {n}" for n in range(40)]
    return read(pl.DataFrame({"age": rng.normal(size=40), "note": texts, "y": y}), "y")


def model_of(kind: str) -> Model:
    data, design = dataset(kind), DESIGNS[kind]
    made = fit_preprocessing(data.codes, data.y, np.arange(40), data.schema, "robust", data.task)
    params = initial_params(design, 1, made.inputs, 2).astype(np.float32)
    part = Part(1.0, design, (Network(made, params),))
    return Model(data.task, data.schema, (part,), make_model("binary").provenance)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("honest")
    return {kind: read_folder(model_of(kind).save(folder / kind)) for kind in DESIGNS}


def one_word_more(sheet, arrays) -> None:
    feature = sheet["schema"]["features"][1]
    feature["vocabulary"].append("more")
    feature["counts"].append(1)


def narrower(sheet, arrays) -> None:
    sheet["schema"]["features"][0]["shape"] = [1, 5, 6]


def negative_variance(sheet, arrays) -> None:
    front = layout_of(DESIGNS["pictures"], model_of("pictures").preprocessings[0].inputs, 2).front
    place = next(place for place in front.places if place.slot.role == "collected")
    params = arrays["parts/0/0/params"].copy()
    place.weights_of(params)[1] = -1.0
    arrays["parts/0/0/params"] = params


@pytest.mark.parametrize(
    ("kind", "edit", "text"),
    [
        ("pictures", negative_variance, "has a negative variance in a batch norm"),
        ("pictures", setting("parts", 0, "design", "body", to="lstm"), "cannot be made .*reads texts"),
        ("pictures", narrower, r"reads pixels \[0, 1, 6, 5\] .*, the schema has \[0, 1, 5, 6\]"),
        ("texts", one_word_more, r"reads pixels \[\] and words .*, the schema has"),
        ("texts", setting("preprocessings", 0, "layout", "words", 0, to=0), "reads pixels"),
    ],
)
def test_forgeries_are_refused_with_the_reason(honest, tmp_path: Path, kind: str, edit, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        load(forged(honest[kind], tmp_path / "model", edit))


@pytest.mark.parametrize("kind", DESIGNS)
def test_forging_nothing_gives_a_model(honest, tmp_path: Path, kind: str) -> None:
    """Negative control: the way of the forger is not itself refused."""
    model, codes = (
        load(forged(honest[kind], tmp_path / "model", lambda sheet, arrays: None)),
        dataset(kind).codes,
    )
    np.testing.assert_array_equal(model.predict_codes(codes), model_of(kind).predict_codes(codes))


@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_anywhere_is_a_model_or_a_model_error(
    honest, tmp_path_factory, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(list(DESIGNS)))
    path = data.draw(st.sampled_from(places(honest[kind][0])))
    edit = dropping(*path) if data.draw(st.booleans()) else setting(*path, to=data.draw(JSON_VALUES))
    try:
        model = load(forged(honest[kind], tmp_path_factory.mktemp("fuzz") / "model", edit))
    except ModelError:
        return
    with np.errstate(all="ignore"):
        assert len(model.predict_codes(np.zeros((2, model.schema.width)))) == 2
