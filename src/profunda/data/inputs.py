"""What the D inputs of a network are: numbers, codes of categories, and the columns they come from."""

from dataclasses import dataclass
from functools import cached_property

__all__ = ["Inputs"]


@dataclass(frozen=True)
class Inputs:
    """The D inputs of a network.

    `columns` [D] says which column of the table each input comes from; `numeric` are the inputs that hold a
    number of the table, one each, not a bin or a flag; `codes` are (input, number of codes K): it holds 0 …
    K − 1, to be looked up in an embedding.
    """

    columns: tuple[int, ...]
    numeric: tuple[int, ...] = ()
    codes: tuple[tuple[int, int], ...] = ()

    @staticmethod
    def plain(n_features: int) -> "Inputs":
        """So many numbers, each a column of its own."""
        everything = tuple(range(n_features))
        return Inputs(everything, everything)

    @staticmethod
    def of(found: "Inputs | int") -> "Inputs":
        """`found` itself, or `plain` of a number."""
        return Inputs.plain(found) if isinstance(found, int) else found

    def __len__(self) -> int:
        return len(self.columns)

    @cached_property
    def kept(self) -> tuple[int, ...]:
        """The inputs that enter the network as they are: all but codes."""
        coded = {place for place, _ in self.codes}
        return tuple(place for place in range(len(self)) if place not in coded)
