"""Small real data that come with the package, each with a datasheet beside it.

``read("bundled:adult")`` reads one of them; `path` says where it lies. `running_text` is for language models.
"""

import gzip
from pathlib import Path

from profunda.errors import DataError

__all__ = ["BUNDLED", "PREFIX", "datasheet", "path", "running_text", "target_of"]

PREFIX = "bundled:"

# name → (file, target)
BUNDLED = {
    "adult": ("adult.parquet", "income"),
    "concrete": ("concrete.csv", "strength"),
    "digits": ("digits.parquet", "digit"),
    "fashion": ("fashion.npz", "y"),
    "sms": ("sms.parquet", "kind"),
}


def path(name: str) -> Path:
    """Where the bundled table `name` lies; DataError naming them all if there is none of this name."""
    return Path(__file__).parent / _entry(name)[0]


def target_of(name: str) -> str:
    """The target's column in the bundled table `name`."""
    return _entry(name)[1]


def datasheet(name: str) -> Path:
    """Where the datasheet of the bundled table `name` lies."""
    return path(name).with_suffix(".md")


def running_text() -> str:
    """The bundled text: the first 200,000 characters of Shakespeare's plays as gathered by Karpathy."""
    file = Path(__file__).parent / "shakespeare.txt.gz"
    return gzip.decompress(file.read_bytes()).decode("ascii")


def _entry(name: str) -> tuple[str, str]:
    if name not in BUNDLED:
        raise DataError(f"there is no bundled table {name!r}; there are {', '.join(BUNDLED)}")
    return BUNDLED[name]
