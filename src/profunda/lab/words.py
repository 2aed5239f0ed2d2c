"""A text in the two languages of the book."""

from dataclasses import dataclass
from numbers import Integral
from typing import Literal

from profunda.reporting.words import number

__all__ = ["LANGUAGES", "Language", "Words", "localised", "said"]

Language = Literal["en", "pt"]
LANGUAGES: tuple[Language, ...] = ("en", "pt")

_COMMA = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Words:
    """The same thing said in English and in Portuguese (of Brazil)."""

    en: str
    pt: str

    def to(self, language: Language) -> str:
        """The text in `language`."""
        return self.en if language == "en" else self.pt


def said(en: str, pt: str, *values: float | str) -> Words:
    """Two sentences with `values` in their places {0}, {1} …, written as each language writes numbers.

    Floats get three significant digits, whole numbers their separators; texts are left as they are.

    >>> said("slope {0} of {1}", "inclinação {0} de {1}", -0.9477, 12000).pt
    'inclinação −0,948 de 12.000'
    """
    texts = [_text(value) for value in values]
    local = [localised(text) if not isinstance(value, str) else text
             for text, value in zip(texts, values, strict=True)]  # fmt: skip
    return Words(en.format(*texts), pt.format(*local))


def localised(text: str) -> str:
    """A number written in English ("1,234.5") as Portuguese writes it ("1.234,5")."""
    return text.translate(_COMMA)


def _text(value: float | str) -> str:
    if isinstance(value, str):
        return value
    whole = isinstance(value, Integral)  # NumPy's, too
    return f"{value:,}".replace("-", "−") if whole else number(float(value))
