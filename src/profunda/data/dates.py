"""Texts that are dates, as days since 1970-01-01."""

from typing import TYPE_CHECKING

import numpy as np

from profunda.data.numerals import MOSTLY, to_float

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DAY_MICROSECONDS", "date_format", "parse_dates"]

DAY_MICROSECONDS = 86_400_000_000

# Tried in this order; of those that read most texts the first wins, so day-month-year in a tie.
FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%#z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_SAMPLE = 200
_EARLIEST = -365_243.0  # days: the year 970; a two-digit year read as one of four lies before it
_LOOKS_LIKE_DATE = r"^\s*(\d{1,4}[-/. ]([\d]{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4}|[A-Za-z]{3,9} \d{1,2}, \d{4})"


def parse_dates(texts: "pl.Series", style: str) -> np.ndarray:
    """Cleaned texts as days since 1970-01-01, float64 [N], NaN where one is no date of this format."""
    import polars as pl

    if style.endswith("z"):
        parsed = texts.str.strptime(pl.Datetime("us", "UTC"), style, strict=False)
    elif "%H" in style:
        parsed = texts.str.strptime(pl.Datetime("us"), style, strict=False)
    else:
        parsed = texts.str.strptime(pl.Date, style, strict=False).cast(pl.Datetime("us"))
    days = to_float(parsed.dt.epoch("us")) / DAY_MICROSECONDS
    days[days < _EARLIEST] = np.nan
    return days


def date_format(texts: "pl.Series") -> tuple[str, bool] | None:
    """The format that reads most of the cleaned texts, and whether day and month could be swapped.

    None where less than nine tenths of the texts are dates.
    """
    present = texts.drop_nulls()
    head = present.head(_SAMPLE)
    if len(head) == 0 or head.str.contains(_LOOKS_LIKE_DATE).mean() < MOSTLY:  # pyrefly: ignore
        return None
    promising = [style for style in FORMATS if np.isfinite(parse_dates(head, style)).mean() >= MOSTLY / 2]
    shares = {style: float(np.isfinite(parse_dates(present, style)).mean()) for style in promising}
    if not shares or max(shares.values()) < MOSTLY:
        return None
    best = max(shares, key=lambda style: shares[style])
    swapped = best.replace("%d", "%§").replace("%m", "%d").replace("%§", "%m")
    return best, best != swapped and shares.get(swapped, 0.0) >= shares[best]
