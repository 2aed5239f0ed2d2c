"""A Markdown text in the sections of a standard: which there are, in which order, and which say nothing."""

import re
from collections.abc import Iterator

from profunda.reporting.cards.questions import Form

__all__ = ["is_empty", "sections_of"]

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)\s*#*\s*")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_IDLE = re.compile(r"\[?(?:more information needed|to ?do|tbd|fixme)\]?[.:]?", re.IGNORECASE)
_SPELT = {"labeling": "labelling"}


def sections_of(body: str, form: Form) -> dict[str, str]:
    """The text below the heading of each chapter of `form` that `body` has, in the order of `body`."""
    known = {_plain(chapter.title): chapter.key for chapter in form.chapters}
    found: dict[str, str] = {}
    lines, key, level = [], "", 0
    for line, depth, title in _headings(body):
        chapter = known.get(_plain(title)) if depth else None
        if depth and (chapter is not None or depth <= level):
            if key:
                found.setdefault(key, "\n".join(lines).strip())
            lines, key, level = [], chapter or "", depth if chapter else 0
        elif key:
            lines.append(line)
    if key:
        found.setdefault(key, "\n".join(lines).strip())
    return found


def _headings(body: str) -> Iterator[tuple[str, int, str]]:
    """Each line with its depth and title where it is a heading (0 and "" elsewhere, as inside code)."""
    fence = ""
    for line in body.splitlines():
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence == mark[1] else fence or mark[1]
        heading = None if fence or mark else _HEADING.fullmatch(line)
        yield line, len(heading[1]) if heading else 0, heading[2] if heading else ""


def _plain(title: str) -> tuple[str, ...]:
    """The words of a heading without numbering, case, "and", and spelling that differs."""
    words = re.findall(r"[^\W\d_]+", title.casefold())
    return tuple(_SPELT.get(word, word) for word in words if word != "and")


def is_empty(text: str) -> bool:
    """Whether a section says nothing: no word beside comments, headings and "more information needed"."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    said = [line for line in text.splitlines() if not _HEADING.fullmatch(line)]
    return not re.sub(r"[\s>*_\-|.:]+", "", _IDLE.sub("", "\n".join(said)))
