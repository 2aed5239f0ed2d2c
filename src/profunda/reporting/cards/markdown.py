"""A card as Markdown: headings, questions, answers, tables; whatever the user's columns are called."""

import re
from collections.abc import Iterator, Mapping

from profunda.reporting.blocks import Block, Code, Table
from profunda.reporting.cards.card import Answer, Card, Part
from profunda.reporting.cards.checking import MISSING
from profunda.reporting.cards.front_matter import FENCE, Node, write
from profunda.reporting.words import number

__all__ = ["markdown"]

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w)|^(?=[#+=-]|\d+[.)] )", re.MULTILINE)


def markdown(card: Card, header: Mapping[str, Node] | None = None) -> str:
    """The card's text; `header` becomes its YAML head."""
    head = [FENCE, write(header).rstrip("\n"), FENCE, ""] if header is not None else []
    lines = [*head, f"# {escaped(card.title)}", "", escaped(card.lead), "", _count(card), ""]
    for part in card.parts:
        lines += _part_lines(part)
    lines += _missing_lines(card)
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """`text` so that no letter of it is Markdown or HTML."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)


def _count(card: Card) -> str:
    total, open_ = len(list(card.answers)), len(card.missing)
    source = f"Sections and questions follow {card.form.source}, in our words."
    if not open_:
        return f"{source} Nothing is left open."
    return f"{source} **{open_} of {total} questions are still open**: only a person can answer them."


def _part_lines(part: Part) -> Iterator[str]:
    yield f"## {part.chapter.title}"
    yield ""
    if part.said:
        yield _quoted(part.said)
        yield ""
    for answer in part.answers:
        yield f"**{answer.question.text}**"
        yield ""
        yield from _answer_lines(answer)


def _answer_lines(answer: Answer) -> Iterator[str]:
    if answer.state == "missing":
        yield f"> {MISSING} Only a person can say this (`{answer.key}`)."
        yield ""
        return
    if answer.text:
        yield _quoted(answer.text) if answer.state == "person" else escaped(answer.text)
        yield ""
    for block in answer.blocks:
        yield from _block_lines(block)


def _quoted(text: str) -> str:
    """A person's own Markdown, in which no line is a heading: those are the card's."""
    return re.sub(r"^( {0,3})(#|=+ *$|-+ *$)", r"\1\\\2", text, flags=re.MULTILINE)


def _block_lines(block: Block) -> Iterator[str]:
    if isinstance(block, Code):
        yield f"{block.title}:"
        yield ""
        fence = "```" if "```" not in block.text else "~~~~"
        yield f"{fence}{block.language}"
        yield block.text
        yield fence
    elif isinstance(block, Table):
        if block.title:
            yield f"{escaped(block.title)}:"
            yield ""
        yield _row(block.columns)
        yield "|" + "---|" * len(block.columns)
        yield from (_row(tuple(_text(value) for value in row)) for row in block.rows)
        if block.what:
            yield ""
            yield escaped(block.what)
    yield ""


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(escaped(' '.join(cell.split())) for cell in cells)} |"


def _text(value: str | float | int | None) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else number(value)


def _missing_lines(card: Card) -> Iterator[str]:
    if not card.missing:
        return
    yield "## Still missing"
    yield ""
    yield "Answer in the file of `profunda card RUN --template FILE`; then `profunda card RUN --fill FILE`."
    yield ""
    for answer in card.missing:
        yield f"- `{answer.key}`: {answer.question.text}"
