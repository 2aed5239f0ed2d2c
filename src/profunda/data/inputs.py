"""What the D inputs of a network are: numbers, codes of categories, pixels, words, and their columns."""

from dataclasses import dataclass
from functools import cached_property

__all__ = ["Inputs", "Picture", "Tokens"]


@dataclass(frozen=True)
class Picture:
    """The inputs from `start` on are the pixels of one picture, channel by channel and row by row."""

    channels: int
    height: int
    width: int
    start: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        return self.channels, self.height, self.width

    @property
    def places(self) -> range:
        """The inputs that are its pixels."""
        return range(self.start, self.start + self.channels * self.height * self.width)


@dataclass(frozen=True)
class Tokens:
    """The `length` inputs from `start` on are the tokens of one text: 1 … `size` − 1, then 0 to the end."""

    length: int
    size: int
    start: int = 0

    @property
    def places(self) -> range:
        """The inputs that are its tokens."""
        return range(self.start, self.start + self.length)


@dataclass(frozen=True)
class Inputs:
    """The D inputs of a network.

    `columns` [D] says which column of the table each input comes from; `numeric` are the inputs that hold a
    number of the table, one each, not a bin or a flag; `codes` are (input, number of codes K): it holds 0 …
    K − 1, to be looked up in an embedding. `picture` and `tokens` say which inputs are pixels, which words.
    `task` is (input, number of tasks T): it holds the row's task 0 … T − 1, or T for one that nobody has
    seen.
    """

    columns: tuple[int, ...]
    numeric: tuple[int, ...] = ()
    codes: tuple[tuple[int, int], ...] = ()
    picture: Picture | None = None
    tokens: Tokens | None = None
    task: tuple[int, int] | None = None

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
        """The inputs that enter the network as they are: all but codes, tokens and the task."""
        coded = {place for place, _ in self.codes} | set(self.tokens.places if self.tokens else ())
        coded |= set(self.task[:1] if self.task else ())
        return tuple(place for place in range(len(self)) if place not in coded)
