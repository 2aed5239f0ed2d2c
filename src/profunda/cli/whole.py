"""Whole numbers of the command line: 1.5 trials are refused, where the parser alone would round them."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter, Token

__all__ = ["Whole"]


def _whole(kind: type, tokens: Sequence[Token]) -> int:
    """The number that one word says; ValueError, which the parser tells with the option's name, if none."""
    word = tokens[0].value
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a whole number") from None


Whole = Annotated[int, Parameter(converter=_whole)]
