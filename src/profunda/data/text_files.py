"""Files of text, one text a file."""

from collections.abc import Sequence
from pathlib import Path

from profunda.data.raw import listed
from profunda.errors import DataError, Notice

__all__ = ["TEXTS", "texts_of"]

TEXTS = (".txt", ".md")


def texts_of(files: Sequence[Path], folder: Path) -> tuple[list[str], tuple[Notice, ...]]:
    """The texts of `files`, and notices of those that are no UTF-8, which are read as Windows-1252.

    Raises DataError for a file that is no text at all: one with bytes of 0 in it.
    """
    texts, odd = [], []
    for file in files:
        found = file.read_bytes()
        if b"\0" in found:
            raise DataError(
                f"{file.relative_to(folder)} holds bytes of 0: it is no text, or text in UTF-16; save it "
                f"as UTF-8"
            )
        try:
            texts.append(found.decode("utf-8-sig"))
        except UnicodeDecodeError:
            odd.append(str(file.relative_to(folder)))
            texts.append(found.decode("cp1252", "replace"))
    if not odd:
        return texts, ()
    text = (
        f"{len(odd):,} of {len(files):,} texts are not valid UTF-8 and were read as Windows-1252: "
        f"{listed(odd)}. "
        "If letters with accents look wrong, save them as UTF-8."
    )
    return texts, (Notice("text-encoding", text),)
