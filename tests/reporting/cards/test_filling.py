"""The file that a person fills in: its template, what is read from it, and what is refused."""

import tomllib
from pathlib import Path

import pytest

from profunda.data.bundled import BUNDLED
from profunda.data.bundled import path as bundled_path
from profunda.errors import ArgumentError
from profunda.reporting.cards.filling import (
    Filling,
    read_filling,
    template,
    told_by_datasheet,
    write_template,
)
from profunda.reporting.cards.questions import DATASHEET, MODEL_CARD


def filled(tmp_path: Path, text: str) -> Filling:
    (tmp_path / "card.toml").write_text(text, encoding="utf-8")
    return read_filling(tmp_path / "card.toml")


def test_the_template_asks_every_question_of_a_person_and_nothing_else() -> None:
    tree = tomllib.loads(template())
    for form in (DATASHEET, MODEL_CARD):
        assert list(tree[form.key]) == [chapter.key for chapter in form.chapters]
        for chapter in form.chapters:
            asked = [one.key for one in chapter.questions if one.by == "person"]
            assert list(tree[form.key][chapter.key]) == ["text", *asked]


def test_the_template_as_it_is_says_nothing(tmp_path: Path) -> None:
    found = filled(tmp_path, template())
    assert dict(found.texts) == {}
    assert found.about_people is None


def test_what_is_known_stands_in_the_template(tmp_path: Path) -> None:
    known = Filling(
        {"datasheet.motivation.funding": 'a "b" \\ c\nd\x7f', "data.name": "été"}, about_people=False
    )
    again = filled(tmp_path, template(filled=known))
    assert dict(again.texts) == dict(known.texts)
    assert again.about_people is False


def test_answers_are_read_and_what_is_empty_is_none(tmp_path: Path) -> None:
    found = filled(
        tmp_path,
        '[data]\nname = "x"\nabout_people = true\npublished = "2026-01-31"\n'
        '[datasheet.motivation]\nfunding = """\n nobody \n"""\npurpose = " "\n',
    )
    assert found["datasheet.motivation.funding"] == "nobody"
    assert found["datasheet.motivation.purpose"] == ""
    assert found.about_people is True


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[datasheet.motivation]\nfundin = 'x'", r"asks for; is 'datasheet\.motivation\.funding' meant\?"),
        ("[model]\nauthor = 'x'", r"'model\.author', which no card asks for"),
        ("zzz = 1", r"'zzz', which no card asks for\. All keys"),
        ("[data]\nname = 3", r"has 3 for 'data\.name', which is no text; write it between quotes"),
        ("[data]\nabout_people = 'yes'", r"'yes' for 'data\.about_people'; write true or false"),
        ("[data]\npublished = 'May'", r"'May' for 'data\.published', which is no day; .* 2026-01-31"),
        ("[data", r"is not TOML"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=why):
        filled(tmp_path, text)


def test_a_file_that_is_not_there_names_the_template(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"cannot be read .* profunda card --template"):
        read_filling(tmp_path / "gone.toml")


def test_a_template_never_replaces_anything(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text("mine")
    with pytest.raises(ArgumentError, match="never overwritten"):
        write_template(tmp_path / "card.toml")
    assert (tmp_path / "card.toml").read_text() == "mine"
    with pytest.raises(ArgumentError, match="cannot be written"):
        write_template(tmp_path / "card.toml" / "below.toml")


def test_what_is_added_to_what_the_run_tells_stands_in_the_template(tmp_path: Path) -> None:
    known = Filling({"datasheet.composition.count": "Of a million."})
    assert dict(filled(tmp_path, template(filled=known)).texts) == dict(known.texts)


def test_what_one_filling_says_beyond_another() -> None:
    mine, other = (
        Filling({"data.name": "a", "data.url": "u"}, about_people=False),
        Filling({"data.name": "b"}),
    )
    assert mine.beyond(other) == ("data.url", "data.about_people")
    assert other.beyond(mine) == ()


def test_one_filling_over_another() -> None:
    mine, other = Filling({"data.name": "a"}), Filling({"data.name": "b", "data.url": "u"}, about_people=True)
    over = mine.over(other)
    assert (over["data.name"], over["data.url"], over.about_people) == ("a", "u", True)


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_data_bring_their_answers(name: str) -> None:
    found = told_by_datasheet(f"bundled:{name}")
    assert told_by_datasheet(str(bundled_path(name))) == found
    for chapter in DATASHEET.chapters:
        assert found[f"datasheet.{chapter.key}.text"]
    assert found["datasheet.distribution.licence"] in {"CC BY 4.0", "MIT", "CC0 1.0"}
    assert found["data.url"].startswith("https://doi.org/")
    assert found["datasheet.motivation.creators"]


def test_other_data_bring_none() -> None:
    assert dict(told_by_datasheet("people.csv").texts) == {}
