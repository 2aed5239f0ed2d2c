"""What is wrong with a card's file, anybody's: sections missing, empty or out of order, metadata that lack.

Three kinds of file: a datasheet or a model card in Markdown, and Croissant in JSON.
"""

from collections.abc import Iterator
from pathlib import Path

from profunda.errors import ArgumentError
from profunda.reporting.cards.croissant import check_croissant
from profunda.reporting.cards.findings import Finding
from profunda.reporting.cards.front_matter import read, split
from profunda.reporting.cards.header import check_header
from profunda.reporting.cards.questions import DATASHEET, MODEL_CARD, Form
from profunda.reporting.cards.sections import is_empty, sections_of

__all__ = ["MISSING", "check_file", "check_text", "form_of"]

MISSING = "**Missing.**"
"""How a question is marked that nobody has answered."""


def check_file(path: Path, *, strict: bool = False) -> tuple[Finding, ...]:
    """What is wrong with the card in a file: `check_text` on Markdown, `check_croissant` on JSON.

    Raises ArgumentError where the file cannot be read, or is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} cannot be read ({error}); give a card in Markdown or JSON") from None
    if path.suffix.lower() in (".json", ".jsonld"):
        return check_croissant(text)
    if path.suffix.lower() not in (".md", ".markdown"):
        raise ArgumentError(
            f"{path} is neither Markdown (.md) nor JSON (.json), which datasheets, model cards and "
            "Croissant are"
        )
    return check_text(text, strict=strict)


def check_text(text: str, *, strict: bool = False) -> tuple[Finding, ...]:
    """What is wrong with a datasheet or a model card in Markdown; () where nothing is.

    Sections are missing, empty (nothing, or "more information needed") or not in the standard's order;
    with `strict` a section with a question that is marked missing is a finding as well. Of a model card
    the header is checked too.

    Raises ArgumentError where it is neither of both.
    """
    try:
        head, body = split(text)
    except ArgumentError as error:
        return (Finding("header", str(error)),)
    form = form_of(text)
    found = list(_section_findings(body, form, strict))
    if form is MODEL_CARD or head is not None:
        found += _header_findings(head, required=form is MODEL_CARD)
    return tuple(found)


def form_of(text: str) -> Form:
    """Which standard a Markdown text follows: the one whose sections it has more of.

    Raises ArgumentError where it has none of either.
    """
    body = split(text)[1]
    counts = [(len(sections_of(body, form)), form) for form in (MODEL_CARD, DATASHEET)]
    most, form = max(counts, key=lambda one: one[0])
    if most == 0:
        titles = [", ".join(chapter.title for chapter in one.chapters) for one in (DATASHEET, MODEL_CARD)]
        raise ArgumentError(
            f"it has a section neither of a datasheet ({titles[0]}) nor of a model card ({titles[1]}); give "
            "each its heading, as in `## Motivation`"
        )
    return form


def _section_findings(body: str, form: Form, strict: bool) -> Iterator[Finding]:
    found = sections_of(body, form)
    titles = {chapter.key: chapter.title for chapter in form.chapters}
    for key, title in titles.items():
        if key not in found:
            yield Finding("section-missing", f"the section “{title}” is missing; add it as `## {title}`")
        elif is_empty(found[key]):
            yield Finding(
                "section-empty", f"the section “{title}” is empty; say what it asks, or that nobody knows"
            )
        elif strict and (unanswered := found[key].count(MISSING)):
            many = (
                f"{unanswered} questions that nobody has" if unanswered > 1 else "a question that nobody has"
            )
            yield Finding("section-unanswered", f"the section “{title}” has {many} answered")
    order = [key for key in titles if key in found]
    if list(found) != order:
        wrong = next(title for title, key in zip(found, order, strict=True) if title != key)
        yield Finding(
            "section-order",
            f"the section “{titles[wrong]}” is out of order; the standard's is "
            f"{', '.join(titles[key] for key in order)}",
        )


def _header_findings(head: str | None, *, required: bool) -> Iterator[Finding]:
    if head is None:
        if required:
            yield Finding(
                "header-missing",
                "there is no YAML header; the hub reads licence, library and results between two lines ---",
            )
        return
    try:
        tree = read(head)
    except ArgumentError as error:
        yield Finding("header", str(error))
        return
    if required:
        yield from check_header(tree)
