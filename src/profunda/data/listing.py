"""What lies in a folder: its files, its folders, and what is neither."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from profunda.errors import DataError

__all__ = ["Listing", "listing"]


@dataclass(frozen=True)
class Listing:
    """Paths from `folder` on, at any depth, in the order of the alphabet, without the hidden ones.

    Hidden is what has a part that begins with a dot: notes of file managers and notebooks, not data. `dead`
    are links to nothing, pipes, and whatever else is neither a file nor a folder.
    """

    folder: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    dead: tuple[Path, ...]

    def ending(self, endings: tuple[str, ...]) -> list[Path]:
        """The files with one of the endings, in capitals or not."""
        return [file for file in self.files if file.suffix.lower() in endings]


def listing(folder: Path) -> Listing:
    """Everything in `folder` and below; links are followed. DataError where a folder may not be listed."""
    files, folders, dead = [], [], []
    try:
        for path in sorted(_below(folder, ())):
            kind = folders if path.is_dir() else files if path.is_file() else dead
            kind.append(path.relative_to(folder))
    except OSError as error:
        raise DataError(
            f"{error.filename or folder} cannot be listed ({error.strerror}); check its permissions "
            "(chmod u+rx), or name a folder without it"
        ) from error
    return Listing(folder, tuple(files), tuple(folders), tuple(dead))


def _below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:  # a link to a folder that it lies in, which is being listed already
        return
    for path in folder.iterdir():
        if not path.name.startswith("."):
            yield path
            if path.is_dir():
                yield from _below(path, (*above, real))
