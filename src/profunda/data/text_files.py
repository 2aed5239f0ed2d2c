"""Files of text, one text a file."""

from collections.abc import Sequence
from pathlib import Path

from profunda.data.memory import check_fits
from profunda.data.raw import listed
from profunda.errors import DataError, Notice

__all__ = ["TEXTS", "texts_of"]

TEXTS = (".txt", ".md")
# Of one byte in memory at the peak: as text, twice in columns, and as words while they are counted.
BYTES = 8


def texts_of(
    files: Sequence[Path], folder: Path, limit: int | None = None
) -> tuple[list[str], tuple[Notice, ...]]:
    """The texts of `files`, and notices of those that are no UTF-8, which are read as Windows-1252.

    Raises DataError for a file that cannot be read, or is no text at all: one with bytes of 0 in it; and
    where the texts need over `limit` bytes (None: half of the free memory).
    """
    size = sum(file.stat().st_size for file in files)
    check_fits(f"{len(files):,} texts of {folder}", size * BYTES, limit)
    texts, odd = [], []
    for file in files:
        try:
            found = file.read_bytes()
        except OSError as error:
            raise DataError(
                f"{file.relative_to(folder)} cannot be read ({error.strerror}); check its permissions "
                "(chmod u+r), or take it out"
            ) from error
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
