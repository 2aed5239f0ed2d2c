"""A Document: the tree that the page, the JSON and the terminal are made of."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from profunda.errors import ArgumentError, RunError
from profunda.journal.durable import write_durably
from profunda.reporting import page, plain
from profunda.reporting.blocks import Section, decode, encode

__all__ = ["FORMAT", "Document"]

FORMAT = 1  # of the JSON; grows when a block's fields change


@dataclass(frozen=True)
class Document:
    """A report as a value: a title, a subtitle and sections of blocks."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    def html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML file (about 2 MB), replacing an earlier one; its path.

        Raises RunError where `path` is a folder or cannot be written.
        """
        return _write(Path(path), page.render(self.title, self.subtitle, self.sections))

    def json(self, path: str | os.PathLike[str]) -> Path:
        """Write the tree as JSON, which `Document.from_json` reads back; raises as `html` does."""
        return _write(Path(path), self.to_json())

    def text(self) -> str:
        """What can be said without figures, for a terminal."""
        return plain.render(self.title, self.subtitle, self.sections)

    def to_json(self) -> str:
        """The tree as JSON text; numbers that JSON lacks are null."""
        tree = {
            "format": FORMAT,
            "title": self.title,
            "subtitle": self.subtitle,
            "sections": encode(self.sections),
        }
        return json.dumps(tree, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Document":
        """The Document that `to_json` wrote.

        Raises ArgumentError where the text is not one: no JSON, another format, an unknown block.
        """
        try:
            tree = json.loads(text)
        except json.JSONDecodeError as error:
            raise ArgumentError(f"a report's JSON cannot be read: {error}; write the report again") from None
        if not isinstance(tree, dict) or tree.get("format") != FORMAT:
            found = tree.get("format") if isinstance(tree, dict) else None
            raise ArgumentError(
                f"a report's JSON has format {found!r} where {FORMAT} is read; it is another file or from "
                "another version: write the report again"
            )
        sections = decode(tree.get("sections"))
        if not isinstance(sections, tuple) or not all(isinstance(section, Section) for section in sections):
            raise ArgumentError("a report's JSON holds no sections; it is damaged: write the report again")
        return cls(str(tree.get("title", "")), str(tree.get("subtitle", "")), sections)


def _write(path: Path, text: str) -> Path:
    if path.is_dir():
        raise RunError(f"the report cannot be written to {path}: it is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, text.encode())
    except OSError as error:
        raise RunError(
            f"the report cannot be written to {path}: {error.strerror or error}; choose a folder you may "
            "write to, with room on its disk"
        ) from None
    return path
