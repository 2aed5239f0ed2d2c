"""Numbers, durations and settings as people write them."""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import numpy as np

__all__ = [
    "brief",
    "cell",
    "count",
    "duration",
    "interval",
    "moment",
    "number",
    "plain",
    "setting",
    "settings",
    "share",
    "shorten",
]

MOST_DIGITS = 5  # of a number with its interval: more tell of its width alone, and nobody reads them
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` significant digits; powers of ten only where zeros would hide the number."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    # Rounding first: 9.999 has an exponent of 1 when it is written as 10.0.
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if -4 <= exponent < 6:
        return f"{value:,.{max(0, digits - 1 - exponent)}f}".replace("-", "−")
    return f"{mantissa}·10{str(exponent).translate(_SUPERSCRIPT)}".replace("-", "−")


def brief(value: float) -> str:
    """`value` with at most three significant digits and no idle zeros: "0.05", "2·10⁻⁵"."""
    text = number(value)
    head, mark, power = text.partition("·")
    if "." in head:
        head = head.rstrip("0").rstrip(".")
    return head + mark + power


def interval(value: float, low: float, high: float, digits: int = 3) -> tuple[str, str, str]:
    """Three numbers with the same decimals: as many as show its width with two digits, and one more where
    `value` has `digits` only then, but no more than five digits of a number."""
    width = abs(high - low)
    largest = max(abs(value), abs(low), abs(high))
    if not all(map(math.isfinite, (value, low, high))) or width == 0 or largest >= 1e6 or largest < 1e-3:
        return number(value, digits), number(low, digits), number(high, digits)
    decimals = 1 - math.floor(math.log10(width))
    if value and digits - 1 - math.floor(math.log10(abs(value))) > decimals:
        decimals += 1  # no more: what lies near 0 has no digits that its interval leaves it
    decimals = max(0, min(6, decimals, MOST_DIGITS - 1 - math.floor(math.log10(largest))))
    # A rounded −0.0 plus 0 is 0.
    rounded = (round(v, decimals) + 0.0 for v in (value, low, high))
    return tuple(f"{v:,.{decimals}f}".replace("-", "−") for v in rounded)  # type: ignore[return-value]


def count(value: float) -> str:
    """A whole number with separators; from a million on, in millions or billions."""
    for size, word in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"{value / size:.3g} {word}"
    return f"{round(value):,}"


def share(value: float) -> str:
    """A fraction as a percentage: "12 %", "0.4 %", "under 0.1 %"."""
    percent = 100.0 * value
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.5 <= percent < 100:
        return "over 99.9 %" if percent > 99.9 else f"{percent:.1f} %"
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def duration(seconds: float) -> str:
    """Seconds as people say them: "85 ms", "4.2 s", "2 min 05 s", "3 h 07 min"."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def shorten(text: str, length: int = 28) -> str:
    """`text` cut to `length` characters, the cut shown."""
    return text if len(text) <= length else text[: length - 1] + "…"


def moment(created: str) -> str:
    """An ISO 8601 time as "2026-01-02 03:04 UTC"; other text as it is."""
    try:
        time = datetime.fromisoformat(created)
    except ValueError:
        return created
    return f"{time:%Y-%m-%d %H:%M} UTC" if time.utcoffset() == timedelta(0) else f"{time:%Y-%m-%d %H:%M}"


def setting(value: object) -> str:
    """A hyperparameter's value as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return brief(value)
    if isinstance(value, (tuple, list)):
        return "–".join(setting(v) for v in value) if value else "none"
    return str(value)


def settings(params: Mapping[str, object], names: Iterable[str] | None = None) -> str:
    """Hyperparameters on one line: "depth 2, lr 0.00125"."""
    chosen = params if names is None else [name for name in names if name in params]
    return ", ".join(f"{name} {setting(params[name])}" for name in chosen)


def plain(value: object) -> object:
    """NumPy numbers as Python's, numbers that JSON lacks as None."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value


def cell(value: object) -> str | float | int | None:
    """A table's cell: numbers stay numbers (None where not finite), everything else becomes text."""
    value = plain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if value is None or isinstance(value, (str, int, float)) else setting(value)
