"""The validator: what is in order passes, whatever is taken away is named."""

from pathlib import Path

import pytest

from profunda.data import bundled
from profunda.errors import ArgumentError
from profunda.reporting.cards.checking import check_file, check_text
from profunda.reporting.cards.making import card
from profunda.reporting.cards.questions import DATASHEET, MODEL_CARD, Form
from profunda.reporting.cards.sections import sections_of

SHEETS = sorted(Path(bundled.__file__).parent.glob("*.md"))
HEAD = "---\nlicense: mit\nlibrary_name: profunda\n---\n"


def text_of(form: Form) -> str:
    sections = "\n\n".join(f"## {chapter.title}\n\nSomething." for chapter in form.chapters)
    return (HEAD if form is MODEL_CARD else "") + "# A title\n\n" + sections + "\n"


def codes(text: str, *, strict: bool = False) -> list[str]:
    return [finding.code for finding in check_text(text, strict=strict)]


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.stem)
def test_our_own_datasheets_are_in_order(sheet: Path) -> None:
    assert check_file(sheet, strict=True) == ()


def test_there_are_own_datasheets() -> None:
    assert len(SHEETS) >= 6


@pytest.mark.parametrize("form", [DATASHEET, MODEL_CARD], ids=lambda form: form.key)
def test_each_section_counts(form: Form) -> None:
    whole = text_of(form)
    assert codes(whole, strict=True) == []
    for chapter in form.chapters:
        section = f"## {chapter.title}\n\nSomething."
        missing = check_text(whole.replace(section, ""))
        assert [(one.code, chapter.title in one.text) for one in missing] == [("section-missing", True)]
        empty = check_text(whole.replace(section, f"## {chapter.title}\n"))
        assert [(one.code, chapter.title in one.text) for one in empty] == [("section-empty", True)]


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        "<!-- say it -->",
        "[More Information Needed]",
        "TODO",
        "### A heading\n\n- \n",
        "> **TBD.**",
        "---",
    ],
)
def test_what_says_nothing_is_empty(nothing: str) -> None:
    whole = text_of(DATASHEET).replace("## Uses\n\nSomething.", f"## Uses\n\n{nothing}\n")
    assert codes(whole) == ["section-empty"]


@pytest.mark.parametrize("something", ["n/a to these data", "3", "No.", "| a |\n|---|\n| b |", "```\nx\n```"])
def test_what_says_something_is_not(something: str) -> None:
    whole = text_of(DATASHEET).replace("## Uses\n\nSomething.", f"## Uses\n\n{something}\n")
    assert codes(whole) == []


def test_another_order_is_named() -> None:
    whole = text_of(DATASHEET)
    turned = (
        whole.replace("## Uses", "## X").replace("## Motivation", "## Uses").replace("## X", "## Motivation")
    )
    found = check_text(turned)
    assert [one.code for one in found] == ["section-order"]
    assert "“Uses” is out of order" in found[0].text


@pytest.mark.parametrize(
    "title",
    [
        "## 4. Preprocessing/cleaning/labeling",
        "# preprocessing, cleaning and labelling",
        "### PREPROCESSING / CLEANING / LABELING ##",
    ],
)
def test_a_heading_is_known_however_it_is_written(title: str) -> None:
    assert codes(text_of(DATASHEET).replace("## Preprocessing, cleaning, labelling", title)) == []


def test_headings_inside_code_are_none() -> None:
    text = text_of(DATASHEET).replace("## Uses\n\nSomething.", "```\n## Uses\nSomething.\n```")
    assert codes(text) == ["section-missing"]
    assert sections_of("## Uses\n\n```\n# a comment\n```\n", DATASHEET) == {"uses": "```\n# a comment\n```"}


def test_a_section_ends_at_the_next_heading_of_its_depth() -> None:
    body = "## Uses\n\na\n\n### more\n\nb\n\n## Elsewhere\n\nc\n"
    assert sections_of(body, DATASHEET) == {"uses": "a\n\n### more\n\nb"}


def test_strict_names_sections_with_open_questions(made: Path) -> None:
    text = dict(card(made).texts)["model_card.md"]
    assert codes(text) == []
    found = check_text(text, strict=True)
    assert {one.code for one in found} == {"section-unanswered"}
    assert any("“Intended use” has 3 questions that nobody has answered" in one.text for one in found)
    assert any("“Factors” has a question that nobody has answered" in one.text for one in found)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("", "header-missing"),
        ("---\nlicense: mit\n", "header"),
        ("---\nlicense: {a: 1}\n---\n", "header"),
        ("---\njust words\n---\n", "header"),
        ("---\nlibrary_name: profunda\n---\n", "header-license"),
        ("---\nlicense: other\nlibrary_name: profunda\n---\n", "header-license"),
        ("---\nlicense: mit\n---\n", "header-library_name"),
        (HEAD.replace("mit", "mit\ntags: one"), "header-tags"),
        (HEAD.replace("mit", "mit\nmetrics: [1]"), "header-metrics"),
        (HEAD.replace("mit", "mit\ndatasets: [a b/c]"), "header-datasets"),
        (HEAD.replace("mit", "mit\nmodel-index: x"), "header-model-index"),
        (HEAD.replace("mit", "mit\nmodel-index:\n- results: []"), "header-model-index"),
    ],
)
def test_a_header_that_the_hub_would_refuse(head: str, code: str) -> None:
    assert codes(text_of(MODEL_CARD).replace(HEAD, head)) == [code]


def test_a_datasheet_needs_no_header() -> None:
    assert codes(HEAD + text_of(DATASHEET)) == []


def test_files_that_are_no_cards(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"gone\.md cannot be read"):
        check_file(tmp_path / "gone.md")
    (tmp_path / "card.txt").write_text("x")
    with pytest.raises(ArgumentError, match=r"neither Markdown \(\.md\) nor JSON"):
        check_file(tmp_path / "card.txt")
    (tmp_path / "none.md").write_text("# Nothing\n")
    with pytest.raises(ArgumentError, match=r"neither of a datasheet .* nor of a model card"):
        check_file(tmp_path / "none.md")
