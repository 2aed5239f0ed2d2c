"""Columns of any source before anybody has said what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from profunda.errors import Notice

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Form", "RawColumn", "RawTable", "listed", "unique_names"]

Form = Literal["number", "boolean", "date", "text", "category", "nested", "picture", "prose"]


@dataclass(frozen=True, eq=False)
class RawColumn:
    """One column: float64 [N] `numbers` (NaN: missing; dates as days since 1970-01-01), `texts` (null), or
    `pixels` [N, channels, height, width].

    `form` is what the source declared; a "text" may still turn out to hold numbers or dates, a "category" or
    "prose" (free text) may not.
    """

    name: str
    form: Form
    numbers: np.ndarray | None = None
    texts: "pl.Series | None" = None
    pixels: np.ndarray | None = None

    def take(self, keep: np.ndarray) -> "RawColumn":
        """The rows where the mask `keep` bool [N] is true."""
        if self.numbers is not None:
            return replace(self, numbers=self.numbers[keep])
        if self.pixels is not None:
            return replace(self, pixels=self.pixels[keep])
        assert self.texts is not None
        return replace(self, texts=self.texts.filter(keep))

    def __len__(self) -> int:
        held = next(each for each in (self.numbers, self.pixels, self.texts) if each is not None)
        return len(held)


@dataclass(frozen=True, eq=False)
class RawTable:
    """All columns of a source. `positional` tells that the names were made up here, as an array has none."""

    columns: tuple[RawColumn, ...]
    rows: int
    notices: tuple[Notice, ...] = ()
    positional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, each once."""
        return tuple(column.name for column in self.columns)

    def take(self, keep: np.ndarray) -> "RawTable":
        """The rows where the mask `keep` bool [N] is true."""
        return replace(self, columns=tuple(c.take(keep) for c in self.columns), rows=int(keep.sum()))

    def without(self, names: Sequence[str]) -> "RawTable":
        """All columns but the named ones."""
        return replace(self, columns=tuple(c for c in self.columns if c.name not in names))

    def column(self, name: str) -> RawColumn:
        """The column called `name`, which must exist."""
        return next(c for c in self.columns if c.name == name)


def unique_names(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[Notice, ...]]:
    """Names that are neither empty nor repeated, with a notice where some had to change."""
    taken = set(names)
    seen: set[str] = set()
    unique, renamed = [], []
    for position, given in enumerate(names):
        name = given or f"column_{position + 1}"
        number = 2
        while name in seen or (name != given and name in taken):
            name, number = f"{given or 'column'}_{number}", number + 1
        if name != given and given:
            renamed.append(f"{given} → {name}")
        seen.add(name)
        unique.append(name)
    if not renamed:
        return tuple(unique), ()
    text = (
        f"{len(renamed)} column name(s) occur more than once; the later ones were renamed: {listed(renamed)}."
    )
    return tuple(unique), (Notice("duplicate-names", text),)


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few names in words: ``a, b, c and 7 more``."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
