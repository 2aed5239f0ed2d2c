"""Cards as one page: the sections of a Document, which becomes a file of HTML, JSON or text."""

import re
from collections.abc import Iterator, Sequence

from profunda.reporting.blocks import Asked, Block, Check, Checks, Facts, Questions, Section, State
from profunda.reporting.cards.card import Answer, Card, Part
from profunda.reporting.cards.findings import Finding
from profunda.reporting.document import Document

__all__ = ["document_of"]

_MARKS: dict[str, tuple[str, State]] = {
    "missing": ("Missing", "warn"),
    "not recorded": ("Not recorded", "not applicable"),
    "not applicable": ("Not applicable", "not applicable"),
}


def document_of(cards: Sequence[Card], findings: Sequence[Finding]) -> Document:
    """The cards one after the other, after what is missing and what a check of the files found."""
    sections = [_overview(cards, findings)]
    for card in cards:
        sections += [_section(card, number, part) for number, part in enumerate(card.parts, start=1)]
    titles = " and ".join(card.form.title.lower() for card in cards)
    return Document(
        f"The papers of {cards[0].name}", f"{titles.capitalize()}. {cards[0].lead}", tuple(sections)
    )


def _overview(cards: Sequence[Card], findings: Sequence[Finding]) -> Section:
    facts = tuple((f"{card.form.title}: still open", _open(card)) for card in cards)
    checks = tuple(Check(one.code, "warn", f"{one.text[0].upper()}{one.text[1:]}.", "") for one in findings)
    lead = "What only a person can say is marked as missing until somebody says it."
    return Section("open", "What is open", lead, (Facts(facts), *((Checks(checks),) if checks else ())))


def _open(card: Card) -> str:
    return f"{len(card.missing)} of {len(list(card.answers))} questions"


def _section(card: Card, number: int, part: Part) -> Section:
    lead = f"{card.form.title}, {number} of {len(card.parts)}"
    return Section(f"{card.form.key}-{part.chapter.key}", part.chapter.title, lead, tuple(_blocks(part)))


def _blocks(part: Part) -> Iterator[Block]:
    """Questions, interrupted where an answer has tables or code, which follow it."""
    items = [Asked("As a whole", _flowing(part.said))] if part.said else []
    for answer in part.answers:
        items.append(_asked(answer))
        if answer.blocks:
            yield Questions(tuple(items))
            yield from answer.blocks
            items = []
    if items:
        yield Questions(tuple(items))


def _asked(answer: Answer) -> Asked:
    mark, state = _MARKS.get(answer.state, ("", "ok"))
    text = f"Only a person can say this: {answer.key}" if answer.state == "missing" else _flowing(answer.text)
    return Asked(answer.question.text, text, mark, state)


def _flowing(text: str) -> str:
    """A person's Markdown as plain text: without the breaks of its editor (empty lines and lists stay), and
    without marks of emphasis and code."""
    bare = re.sub(r"(\*\*|\*|`)(?=\S)(.+?)(?<=\S)\1", r"\2", text, flags=re.DOTALL)
    return re.sub(r"(?<!\n)\n(?!\n|\s*[-*+|>]\s|\s*\d+[.)]\s)", " ", bare)
