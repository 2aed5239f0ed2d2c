"""Loading a folder that was made up: whatever it says, it is a working model or a ModelError.

The digest guards against accidents only, so here every folder has one that fits, as its forger would see to.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.model.making import make_model

from profunda.errors import ModelError
from profunda.model.folder import read_folder, write_folder
from profunda.model.model import Model
from profunda.model.saving import load

Sheet, Arrays = dict[str, Any], dict[str, np.ndarray]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Sheet, Arrays]]:
    folder = tmp_path_factory.mktemp("honest")
    return {
        kind: read_folder(make_model(kind).save(folder / kind))
        for kind in ("binary", "regression", "multilabel", "multioutput")
    }


def forged(honest: tuple[Sheet, Arrays], folder: Path, edit: Callable[[Sheet, Arrays], None]) -> Path:
    sheet, arrays = copy.deepcopy(honest[0]), dict(honest[1])
    edit(sheet, arrays)
    return write_folder(folder, sheet, arrays)


def setting(*path: str | int, to: object) -> Callable[[Sheet, Arrays], None]:
    def edit(sheet: Sheet, arrays: Arrays) -> None:
        place: Any = sheet
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return edit


def dropping(*path: str | int) -> Callable[[Sheet, Arrays], None]:
    def edit(sheet: Sheet, arrays: Arrays) -> None:
        place: Any = sheet
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return edit


def array(name: str, change: Callable[[np.ndarray], np.ndarray] | None) -> Callable[[Sheet, Arrays], None]:
    def edit(sheet: Sheet, arrays: Arrays) -> None:
        if change is None:
            del arrays[name]
        else:
            arrays[name] = change(arrays[name]) if name in arrays else change(np.zeros(3))

    return edit


def spoiled(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(found: np.ndarray) -> np.ndarray:
        found = found.copy()
        found.flat[0] = value
        return found

    return change


FORGERIES = [
    ("binary", setting("code", to="import os"), r"unknown keys \['code'\]"),
    ("binary", dropping("temperature"), r"missing keys \['temperature'\]"),
    ("binary", setting("task", to="binary"), "the task is str where a mapping belongs"),
    ("binary", setting("task", "classes", to=["a"]), "the task cannot be read"),
    ("binary", setting("task", "classes", to=["a", "b", "c"]), "the task cannot be read"),
    ("binary", setting("schema", to=None), "the schema is NoneType where a mapping belongs"),
    ("binary", setting("schema", "features", to=[]), "preprocessing 0 does not work"),
    ("binary", setting("schema", "features", 0, "kind", to="text"), "the schema cannot be read"),
    ("binary", setting("temperature", to=0), "a temperature of 0 does not fit a binary task"),
    ("binary", setting("temperature", to=True), "the temperature is 'True', not a finite number"),
    ("binary", setting("temperature", to="1"), "the temperature is '1', not a finite number"),
    ("regression", setting("temperature", to=2.0), "a temperature of 2 does not fit a regression task"),
    ("binary", setting("clamp", to=[0, 1]), "not two numbers of a regression"),
    ("regression", setting("clamp", to=[0]), "not two numbers of a regression"),
    ("regression", setting("clamp", to=[2, 1]), "the clamp runs from 2 down to 1"),
    ("regression", setting("clamp", to=[None, 1]), "a bound of the clamp is 'None'"),
    ("binary", setting("preprocessings", to=[]), "preprocessings are not a list with something in it"),
    ("binary", setting("preprocessings", 0, to=3), "preprocessing 0 is int where a mapping belongs"),
    ("binary", setting("preprocessings", 0, "layout", "inputs", to=10**9), "preprocessing 0 does not work"),
    ("binary", setting("preprocessings", 0, "layout", "numeric", to=[0]), "preprocessing 0 does not work"),
    ("binary", setting("parts", to=[]), "parts are not a list with something in it"),
    ("binary", setting("parts", 0, "weight", to=0.5), "weights of its 4 parts sum to 1.1, not to 1"),
    ("binary", setting("parts", 0, "weight", to=-1), "the weight of part 0 is -1, not above 0"),
    ("binary", setting("parts", 0, "networks", to=[]), "networks of part 0 are not a list"),
    ("binary", setting("parts", 0, "networks", 0, to=99), "network 0 of part 0 names preprocessing 99 of 6"),
    ("binary", setting("parts", 0, "networks", 0, to=-1), "names preprocessing -1 of 6"),
    (
        "binary",
        setting("parts", 0, "networks", 0, to="../../etc/passwd"),
        "names preprocessing '../../etc/passwd'",
    ),
    ("binary", setting("parts", 0, "design", "widths", to=[10**12]), "the design of part 0 cannot be read"),
    (
        "binary",
        setting("parts", 0, "design", "widths", to=[8, 5]),
        r"has float32 parameters \[\d+\], its design has",
    ),
    (
        "binary",
        setting("parts", 0, "design", "activation", to="__import__"),
        "the design of part 0 cannot be read",
    ),
    ("binary", setting("parts", 3, "networks", to=[4, 4]), "6 preprocessings are stored, but 5 are used"),
    ("binary", dropping("parts", 3), "belongs to no part of the model"),
    ("binary", array("parts/0/0/params", None), "the array 'parts/0/0/params' is missing"),
    (
        "binary",
        array("parts/0/0/params", spoiled(np.nan)),
        r"network 0 of part 0 has 1 of \d+ parameters that are not",
    ),
    ("binary", array("parts/1/0/params", spoiled(-np.inf)), "parameters that are not finite"),
    (
        "binary",
        array("parts/0/0/params", lambda a: a[:-1]),
        r"has float32 parameters \[\d+\], its design has",
    ),
    ("binary", array("parts/0/0/params", lambda a: a[None]), r"has float32 parameters \[1, \d+\]"),
    ("binary", array("parts/0/0/params", lambda a: a.astype(np.float64)), "has float64 parameters"),
    ("binary", array("parts/0/0/params", lambda a: a.astype(np.int32)), "has int32 parameters"),
    ("binary", array("../evil", lambda a: a), r"the array '\.\./evil' belongs to no part of the model"),
    ("binary", array("preprocessing/0/fill", None), "preprocessing 0 does not work"),
    ("binary", array("preprocessing/0/centre", spoiled(np.nan)), "preprocessing 0 does not work"),
    ("binary", array("preprocessing/2/knots", lambda a: a[:, 1:]), "preprocessing 2 does not work"),
    ("regression", array("preprocessing/1/target", lambda a: a[:1]), "preprocessing 1 does not work"),
    ("multioutput", array("preprocessing/1/target", lambda a: a[:, :1]), "preprocessing 1 does not work"),
    ("multioutput", setting("clamp", to=[1.0, 2.0]), r"not bounds of 2 target\(s\)"),
    ("multioutput", setting("clamp", to=[[1.0, 2.0], [3.0, 1.0]]), "the clamp runs from 2 down to 1"),
    ("multilabel", setting("clamp", to=[[0.0, 0.0], [1.0, 1.0]]), "not two numbers of a regression"),
    ("multilabel", setting("task", "parts", to=[]), "a task of kind 'multilabel' with 0 targets"),
    ("binary", setting("provenance", "seed", to="0"), "whole number for its seed or rows"),
    ("binary", setting("provenance", "source", to=[]), "another value than text"),
    ("binary", setting("provenance", "versions", to={"a": "b"}), "versions that are not pairs of texts"),
    ("binary", setting("provenance", "score", "value", to="good"), "the score has a value of the wrong type"),
    ("binary", setting("provenance", "score", to=[]), "the score is list where a mapping belongs"),
    ("binary", dropping("provenance", "select"), r"the provenance has missing keys \['select'\]"),
]


@pytest.mark.parametrize(("kind", "edit", "text"), FORGERIES, ids=[text[:40] for _, _, text in FORGERIES])
def test_forgeries_are_refused_with_the_reason(honest, tmp_path: Path, kind: str, edit, text: str) -> None:
    with pytest.raises(ModelError, match=text) as found:
        load(forged(honest[kind], tmp_path / "model", edit))
    assert str(tmp_path / "model") in str(found.value)


@pytest.mark.parametrize("kind", ["binary", "regression", "multilabel", "multioutput"])
def test_forging_nothing_gives_a_model(honest, tmp_path: Path, kind: str) -> None:
    """Negative control: the way of the forger is not itself refused."""
    model = load(forged(honest[kind], tmp_path / "model", lambda sheet, arrays: None))
    assert isinstance(model, Model)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value."""
    if isinstance(value, dict):
        return [path] * bool(path) + [
            place for key, inner in value.items() for place in places(inner, (*path, key))
        ]
    if isinstance(value, list):
        return [path] + [place for key, inner in enumerate(value) for place in places(inner, (*path, key))]
    return [path]


@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_anywhere_is_a_model_or_a_model_error(
    honest, tmp_path_factory, data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from(["binary", "regression"]))
    path = data.draw(st.sampled_from(places(honest[kind][0])))
    edit = dropping(*path) if data.draw(st.booleans()) else setting(*path, to=data.draw(JSON_VALUES))
    folder = forged(honest[kind], tmp_path_factory.mktemp("fuzz") / "model", edit)
    try:
        model = load(folder)
    except ModelError:
        return
    with np.errstate(all="ignore"):
        assert len(model.predict_codes(np.zeros((2, len(model.schema.columns))))) == 2
