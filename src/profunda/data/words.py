"""What the rows of a column say, in words: the same ones from a file and from a frame of it."""

from typing import TYPE_CHECKING

from profunda.data.dates import DAY_MICROSECONDS
from profunda.data.numerals import clean, number_text
from profunda.data.raw import RawColumn

if TYPE_CHECKING:
    import polars as pl

__all__ = ["row_words", "task_words"]

_LAST_ZEROS = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d*?[1-9])?\.?0*$"
_MIDNIGHT = r"^(\d{4}-\d\d-\d\d) 00:00:00$"


def row_words(column: RawColumn) -> "pl.Series":
    """What each row of a column says, null where nothing.

    Texts stay as they are. A number is called as a class is, a truth value True or False, and a date
    2020-01-31, with a time of day behind it where it has one, as in 2020-01-31 10:30:00.5.
    """
    import polars as pl

    if column.texts is not None:
        return column.texts
    assert column.numbers is not None
    if column.form == "date":
        moments = (pl.Series(column.numbers).fill_nan(None) * DAY_MICROSECONDS).round().cast(pl.Int64)
        return _short(moments.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S%.6f"))
    called = (lambda value: str(bool(value))) if column.form == "boolean" else number_text
    words = [None if value != value else called(value) for value in column.numbers.tolist()]
    return clean(pl.Series(words, dtype=pl.String))


def task_words(column: RawColumn) -> "pl.Series":
    """`row_words`, where a text that is a truth value or an ISO date is called as a typed one is.

    So rows belong to the same tasks whichever program wrote the file, and whether its reader parsed them.
    """
    words = row_words(column).str.replace(r"(?i)^true$", "True").str.replace(r"(?i)^false$", "False")
    return _short(words.str.replace(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)", "$1 $2"))


def _short(moments: "pl.Series") -> "pl.Series":
    """Times of day without the last zeros of a fraction, and none at midnight."""
    return moments.str.replace(_LAST_ZEROS, "${1}${2}").str.replace(_MIDNIGHT, "$1")
