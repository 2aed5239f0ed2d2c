"""Texts that are numbers, yes or no, or nothing at all."""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "FALSE_WORDS",
    "MISSING_WORDS",
    "MOSTLY",
    "TRUE_WORDS",
    "NumberStyle",
    "booleans",
    "clean",
    "number_style",
    "number_text",
    "parse_numbers",
    "to_float",
]

NumberStyle = Literal["", "comma", "thousands"]

# Written forms of "no value". "none" is sometimes a category of its own; as a missing value it keeps its
# information, since missing values get an input of their own.
_NOTHING = ("", "?", "na", "n/a", "nan", "null", "none", "#n/a", "<na>")
MISSING_WORDS = (*dict.fromkeys(f for w in _NOTHING for f in (w, w.upper(), w.title())), "NaN")
TRUE_WORDS = ("true", "yes", "y", "t", "on")
FALSE_WORDS = ("false", "no", "n", "f", "off")
MOSTLY = 0.9  # share of the present values that must parse before a text column is taken for numbers or dates

_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?([eE][+-]?\d+)?$"
_THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$"


def clean(texts: "pl.Series") -> "pl.Series":
    """The texts without blanks around them, null where they say that nothing is there."""
    import polars as pl

    stripped = texts.cast(pl.String).str.strip_chars()
    return stripped.set(stripped.is_in(MISSING_WORDS), None)


def to_float(numbers: "pl.Series") -> np.ndarray:
    """A numeric series as float64 [N], NaN where null."""
    import polars as pl

    return numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()


def parse_numbers(texts: "pl.Series", style: NumberStyle = "") -> np.ndarray:
    """Cleaned texts as float64 [N], NaN where one is no number.

    Styles: ``""`` for 1234.5, ``"comma"`` for 1.234,5 or 1234,5, ``"thousands"`` for 1,234.5.
    """
    import polars as pl

    if style == "comma":
        texts = texts.set(~texts.str.contains(_COMMA).fill_null(True), None)
        texts = texts.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    elif style == "thousands":
        grouped = texts.str.contains(_THOUSANDS).fill_null(False)
        bare = texts.str.replace_all(",", "", literal=True)
        texts = bare.set(~grouped & texts.str.contains(",", literal=True).fill_null(False), None)
    return to_float(texts.cast(pl.Float64, strict=False))


def number_style(texts: "pl.Series") -> tuple[NumberStyle, np.ndarray, float]:
    """The style that reads most cleaned texts as numbers, the numbers, and their share of the present."""
    present = len(texts) - texts.null_count()
    if present == 0:
        return "", np.full(len(texts), np.nan), 0.0

    def attempt(style: NumberStyle) -> tuple[NumberStyle, np.ndarray, float]:
        numbers = parse_numbers(texts, style)
        return style, numbers, float((~np.isnan(numbers)).sum()) / present

    best = attempt("")
    if best[2] >= MOSTLY or not texts.str.contains(r"^[+-]?[\d.]*,\d").any():
        return best
    with_comma = texts.filter(texts.str.contains(",", literal=True).fill_null(False))
    style: NumberStyle = "thousands" if with_comma.str.contains(_THOUSANDS).all() else "comma"
    return max(best, attempt(style), key=lambda found: found[2])


def booleans(texts: "pl.Series") -> np.ndarray | None:
    """Cleaned texts as 0/1 float64 [N] (NaN: missing) if all say yes or no in one form, else None."""
    lowered = texts.str.to_lowercase()
    distinct = set(lowered.drop_nulls().unique().to_list())
    pairs = zip(TRUE_WORDS, FALSE_WORDS, strict=True)
    if not any(distinct == {true, false} for true, false in pairs):
        return None
    return to_float(
        lowered.replace_strict({**dict.fromkeys(TRUE_WORDS, 1.0), **dict.fromkeys(FALSE_WORDS, 0.0)})
    )


def number_text(value: float) -> str:
    """A number as a class or a category is called: 3 rather than 3.0."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
