"""The tables that come with the package, and development tables where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from profunda.data.bundled import BUNDLED, datasheet, path, target_of
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.reading import read, read_inputs
from profunda.data.splits import split
from profunda.errors import DataError

FACTS = {
    "adult": ("binary", (8000, 14), 1105),
    "concrete": ("regression", (1030, 8), 0),
    "digits": ("multiclass", (1797, 61), 0),
    "fashion": ("multiclass", (3000, 784), 0),
    "sms": ("binary", (5574, 70), 0),
}
PREDICTED = {"fashion": 600}
"""Rows of those that bring a test part."""
SECTIONS = (
    "Motivation",
    "Composition",
    "Collection process",
    "Preprocessing",
    "Uses",
    "Distribution",
    "Maintenance",
)


@pytest.mark.parametrize("name", BUNDLED)
def test_each_is_read_as_its_datasheet_says(name: str) -> None:
    dataset = read(f"bundled:{name}")
    kind, shape, missing = FACTS[name]
    assert (dataset.task.kind, dataset.codes.shape) == (kind, shape)
    assert dataset.task.target == target_of(name)
    assert sum(column.missing for column in dataset.columns) == missing
    assert all(column.used for column in dataset.columns)
    assert read(f"bundled:{name}", target_of(name)).fingerprint == dataset.fingerprint
    predicted = (PREDICTED.get(name, shape[0]), shape[1])
    assert read_inputs(f"bundled:{name}", dataset.schema).shape == predicted
    splits = split(dataset)
    p = fit_preprocessing(
        dataset.codes, dataset.y, splits.folds[0].train, dataset.schema, "robust", dataset.task
    )
    assert p.transform(dataset.codes).shape == (shape[0], p.D)
    text = datasheet(name).read_text()
    count = len(dataset.schema.columns)
    assert f"{shape[0]:,} rows, {count} input{'s' * (count > 1)}, target `{dataset.task.target}`" in text


@pytest.mark.parametrize("name", BUNDLED)
def test_each_is_small_and_has_a_datasheet_of_seven_sections(name: str) -> None:
    assert path(name).stat().st_size < 1_400_000
    text = datasheet(name).read_text()
    assert [f"## {section}" in text for section in SECTIONS] == [True] * 7
    assert "CC BY 4.0" in text or "MIT" in text
    assert "doi.org" in text


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(
        DataError, match="no bundled table 'iris'; there are adult, concrete, digits, fashion, sms"
    ):
        read("bundled:iris")


@pytest.mark.parametrize(
    ("name", "kind", "features"),
    [
        ("titanic", "binary", 3),
        ("wine_white", "regression", 11),
        ("vehicle", "multiclass", 18),
        ("ames", "regression", 73),
    ],
)
def test_development_tables(shared_data: Callable[[str], Path], name: str, kind: str, features: int) -> None:
    dataset = read(shared_data(f"tab/{name}.parquet"), "target")
    assert (dataset.task.kind, dataset.n_features) == (kind, features)
