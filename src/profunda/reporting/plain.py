"""Sections as plain text for terminals and logs: no colours, no boxes, at most `WIDTH` columns."""

import textwrap
from collections.abc import Sequence

from profunda.reporting.blocks import (
    Architecture,
    Bars,
    BigNumber,
    Block,
    Chain,
    Checks,
    Code,
    Contents,
    Example,
    Facts,
    Figure,
    Figures,
    Gallery,
    Questions,
    Ruling,
    Section,
    Table,
    Text,
)
from profunda.reporting.words import number

__all__ = ["render"]

WIDTH = 96
ROWS = 12  # of a table; the page and the JSON hold all
SIGNS = {"ok": "[good]   ", "warn": "[warning]", "bad": "[PROBLEM]", "not applicable": "[n/a]    "}


def render(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """Everything that can be said without drawing; a figure is named with what to see in it."""
    lines = [title, "=" * min(WIDTH, len(title))]
    if subtitle:
        lines.append(subtitle)
    for section in sections:
        lines += ["", section.title, "-" * len(section.title)]
        for block in section.blocks:
            lines += _lines(block)
    # A user's column name may hold a terminal's control codes: they are shown, not obeyed.
    return "\n".join(_visible(line.rstrip()) for line in lines) + "\n"


def _visible(line: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent) or [""]


def _lines(block: Block) -> list[str]:
    match block:
        case Text():
            return _wrap(block.text)
        case BigNumber():
            rivals = [f"  {rival.value}  {rival.title}: {rival.verdict}" for rival in block.rivals]
            return [f"{block.value}  {block.label}; {block.interval}", *_wrap(block.sentence), *rivals]
        case Facts():
            return [f"  {name}: {value}" for name, value in block.items]
        case Table():
            return _table(block)
        case Figure():
            return _wrap(f"({block.title}: {block.alt})", "  ")
        case Figures():
            return _wrap(f"({block.title}: {block.what})", "  ")
        case Bars():
            width = min(40, max((len(bar.label) for bar in block.bars), default=0))
            return [block.title, *(f"  {bar.label:<{width}}  {bar.text}" for bar in block.bars)]
        case Gallery():
            return [block.title, *(line for one in block.examples for line in _example(one))]
        case Architecture():
            return [
                block.title,
                *(f"  {layer.units} {layer.label}  {layer.detail}" for layer in block.layers),
            ]
        case Chain():
            width = min(32, max((len(link.name) for link in block.links), default=0))
            signs = {"ok": ".", "warn": "!", "bad": "X", "not applicable": " "}
            return [
                f"{block.title} ({block.moment} {', '.join(block.moments)}; . good, ! warning, X problem)",
                *(
                    f"  {link.name[:width]:<{width}}  [{''.join(signs[state] for state in link.states)}]"
                    f"  {link.detail}"
                    for link in block.links
                ),
            ]
        case Checks():
            lines: list[str] = []
            for check in block.checks:
                lines += [f"{SIGNS[check.state]} {check.what}"]
                if check.mend and check.state in ("warn", "bad"):
                    lines += [f"          {check.mend}"]
            return lines
        case Ruling():
            return [
                block.word,
                *(line for name, text in block.lines for line in _wrap(f"{name}: {text}", "  ")),
            ]
        case Questions():
            return [
                line
                for item in block.items
                for line in (
                    *_wrap(item.question + (f"  [{item.mark}]" if item.mark else "")),
                    *(_wrap(item.answer, "  ") if item.answer else ()),
                )
            ]
        case Contents():
            return [block.title, *(f"  {item.word:<22}  {item.title}" for item in block.items)]
        case Code():
            return [block.title, *(f"  {line}" for line in block.text.splitlines())]


def _example(example: Example) -> list[str]:
    told = f"{example.true}, {example.said}" + (f": {example.text}" if example.text else "")
    return _wrap(told, "  ")


def _table(table: Table) -> list[str]:
    texts = [[_text(value) for value in row] for row in table.rows[:ROWS]]
    widths = [
        min(30, max(len(name), *(len(row[k]) for row in texts), 1)) if texts else len(name)
        for k, name in enumerate(table.columns)
    ]
    lines = [table.title] if table.title else []
    for row in [list(table.columns), *texts]:
        lines.append(
            "  " + "  ".join(f"{text[:width]:<{width}}" for text, width in zip(row, widths, strict=True))
        )
    if len(table.rows) > ROWS:
        lines.append(f"  … and {len(table.rows) - ROWS:,} more rows")
    return lines


def _text(value: str | float | int | None) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else number(value)
