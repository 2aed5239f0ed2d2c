"""Metadata for machines: the structure that Croissant 1.0 asks for, and what is named when it lacks."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profunda.reporting.cards.croissant import REQUIRED, check_croissant
from profunda.reporting.cards.making import card

FILL = """
[data]
name = "people"
description = "Who bought."
url = "https://example.org/people"
published = "2026-01-31"
citation = "Nobody 2026"
[datasheet.motivation]
creators = "Nobody"
[datasheet.distribution]
licence = "CC BY 4.0"
"""


@pytest.fixture
def told(run: Path, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "card.toml").write_text(FILL)
    return json.loads(dict(card(run, tmp_path / "card.toml").texts)["croissant.json"])


def test_it_tells_the_file_and_every_column(told: dict[str, Any], made: Path) -> None:
    assert check_croissant(json.dumps(told)) == ()
    assert (told["@type"], told["conformsTo"]) == ("sc:Dataset", "http://mlcommons.org/croissant/1.0")
    assert told["license"] == "https://spdx.org/licenses/CC-BY-4.0"
    (file,) = told["distribution"]
    assert (file["contentUrl"], file["encodingFormat"]) == ("people.csv", "text/csv")
    assert file["contentSize"] == f"{(made.parent / 'people.csv').stat().st_size} B"
    (records,) = told["recordSet"]
    assert {one["name"]: one["dataType"] for one in records["field"]} == {
        "town": "sc:Text", "kind": "sc:Text", "amount": "sc:Float", "same": "sc:Text", "bought": "sc:Text",
    }  # fmt: skip
    assert {one["source"]["extract"]["column"] for one in records["field"]} == {
        "town", "kind", "amount", "same", "bought",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # what it depends on warns
def test_mlcroissant_takes_it_and_reads_the_rows(told: dict[str, Any], made: Path, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    shutil.copy(made.parent / "people.csv", tmp_path / "people.csv")
    (tmp_path / "croissant.json").write_text(json.dumps(told))
    dataset = mlcroissant.Dataset(jsonld=str(tmp_path / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert sum(1 for _ in dataset.records("rows")) == 400


def test_what_nobody_said_is_left_out_and_named(made: Path) -> None:
    made_cards = card(made)
    tree = json.loads(dict(made_cards.texts)["croissant.json"])
    assert not {"license", "url", "creator", "datePublished"} & set(tree)
    assert [one.code for one in made_cards.findings()] == [
        "croissant-license", "croissant-url", "croissant-creator", "croissant-datePublished",
    ]  # fmt: skip


def drop(*path: object) -> Callable[[dict[str, Any]], None]:
    def act(tree: Any) -> None:
        for key in path[:-1]:
            tree = tree[key]
        del tree[path[-1]]

    return act


FIELD = ("recordSet", 0, "field", 0)


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (drop("@context"), "croissant-context"),
        (drop("@type"), "croissant-type"),
        (drop("conformsTo"), "croissant-conformsTo"),
        *((drop(key), f"croissant-{key}") for key in REQUIRED),
        (drop("distribution", 0, "name"), "croissant-name"),
        (drop("distribution", 0, "encodingFormat"), "croissant-encodingFormat"),
        (drop("distribution", 0, "contentUrl"), "croissant-contentUrl"),
        (drop("distribution", 0, "sha256"), "croissant-sha256"),
        (drop("distribution", 0, "@type"), "croissant-distribution"),
        (drop("recordSet", 0, "@id"), "croissant-recordSet"),
        (drop("recordSet", 0, "field"), "croissant-recordSet"),
        (drop(*FIELD, "@id"), "croissant-field"),
        (drop(*FIELD, "dataType"), "croissant-dataType"),
        (drop(*FIELD, "source"), "croissant-source"),
    ],
)  # fmt: skip
def test_whatever_is_taken_away_is_named(
    harm: Callable[[Any], None], code: str, told: dict[str, Any]
) -> None:
    tree = copy.deepcopy(told)
    harm(tree)
    assert [one.code for one in check_croissant(json.dumps(tree))] == [code]


def test_what_refers_to_nothing_is_named(told: dict[str, Any]) -> None:
    told["recordSet"][0]["field"][0]["source"]["fileObject"]["@id"] = "gone.csv"
    told["recordSet"][0]["field"][1]["@id"] = told["recordSet"][0]["field"][0]["@id"]
    assert [one.text for one in check_croissant(json.dumps(told))] == [
        "the field rows/town comes from 'gone.csv', which is no file of it",
        "two fields have the @id rows/town",
    ]


def test_it_may_conform_to_further_standards(told: dict[str, Any]) -> None:
    told["conformsTo"] = [told["conformsTo"], "http://mlcommons.org/croissant/RAI/1.0"]
    assert check_croissant(json.dumps(told)) == ()
    told["conformsTo"] = ["https://schema.org/"]
    assert [one.code for one in check_croissant(json.dumps(told))] == ["croissant-conformsTo"]


def test_a_file_too_large_to_be_hashed_is_told(told: dict[str, Any]) -> None:
    del told["distribution"][0]["sha256"]
    (finding,) = check_croissant(json.dumps(told))
    assert "has no sha256" in finding.text
    assert "none above 4 GB: write it in by hand" in finding.text


def test_a_set_of_files_says_what_it_includes(told: dict[str, Any]) -> None:
    told["distribution"][0] = {
        "@type": "cr:FileSet",
        "@id": "people.csv",
        "name": "x",
        "encodingFormat": "*/*",
    }
    assert [one.code for one in check_croissant(json.dumps(told))] == ["croissant-includes"]


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_what_is_no_metadata(text: str) -> None:
    assert [one.code for one in check_croissant(text)] == ["croissant"]
