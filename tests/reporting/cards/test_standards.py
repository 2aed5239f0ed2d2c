"""The standards beside similar papers: the tables are whole, and the page in the docs is made from them."""

from pathlib import Path

import pytest

from profunda.reporting.cards.questions import DATASHEET, MODEL_CARD
from profunda.reporting.cards.sections import sections_of
from profunda.reporting.cards.standards import COMPARISONS, Comparison, markdown, only

PAGE = Path(__file__).parents[3] / "docs" / "cards.md"


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda one: one.title)
def test_every_section_of_every_paper_stands_in_a_theme_and_no_other(comparison: Comparison) -> None:
    for place, paper in enumerate(comparison.papers):
        assert {section for theme in comparison.themes for section in theme.asked[place]} == set(
            paper.sections
        )
        assert paper.source.rpartition("https://")[2]
    assert all(len(theme.asked) == len(comparison.papers) for theme in comparison.themes)
    assert all(any(theme.asked) for theme in comparison.themes)


def test_the_cards_have_the_sections_of_the_standards_they_follow() -> None:
    for form, comparison, count in zip((DATASHEET, MODEL_CARD), COMPARISONS, (7, 9), strict=True):
        sections = comparison.papers[0].sections
        body = "\n".join(f"## {title}\n\nx\n" for title in sections)
        assert list(sections_of(body, form)) == [chapter.key for chapter in form.chapters]
        assert len(sections) == count


def test_each_chosen_standard_is_set_against_two_and_one_papers_that_ask_something_else() -> None:
    assert [len(comparison.papers) for comparison in COMPARISONS] == [3, 2]
    for comparison in COMPARISONS:
        assert all(only(comparison, place) for place in range(len(comparison.papers)))


def test_what_one_alone_asks() -> None:
    data = COMPARISONS[0]
    assert "Language and dialect" in only(data, 1)
    assert "Notice, consent, ethical review" in only(data, 0)
    assert "Why the data were made and chosen" not in only(data, 0)


def test_the_page_holds_the_tables() -> None:
    assert markdown() in PAGE.read_text("utf-8")
