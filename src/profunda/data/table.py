"""What the columns of a table are, and what was decided about each."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Column", "Kind"]


class Kind(StrEnum):
    """What a column was found to be; the first seven are inputs, the others are kept out.

    `TASK` is the column that says which task a row belongs to: only its user can name it.
    """

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATE = "date"
    PICTURE = "picture"
    TEXT = "text"
    TASK = "task"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"
    EMPTY = "empty"
    INDEX = "index"
    LEAK = "leak"


@dataclass(frozen=True)
class Column:
    """One column of the source as it was found.

    `missing` counts rows without a usable value, `distinct` the different values among the others.
    `used` says whether the column is an input, `reason` why (or why not), as a sentence for people.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    used: bool
    reason: str
