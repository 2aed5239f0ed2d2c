"""Which input of a network comes from which column: decided by schema and encoding alone, never by rows."""

from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any, Literal, get_args

from profunda.data.inputs import Inputs, Picture, Tokens
from profunda.data.schema import Feature, Schema
from profunda.data.table import Kind

__all__ = ["KNOTS", "Categories", "Encoding", "Layout", "OneHot", "lay_out"]

Encoding = Literal["robust", "quantile", "piecewise", "embedded"]
Categories = Literal["onehot", "ordinal"]

KNOTS = 100  # quantiles kept a column by the quantile encoding
MOST_BINS = 16  # bins a column in the piecewise encoding …
ALL_BINS = 1_024  # … and in all columns together, as far as one bin a column allows
EMBEDDED_FROM = 10  # one-hot inputs from which on the embedded encoding looks a column up instead
ONE_HOT_MOST = 32  # inputs a categorical column may take, the shared one for rare categories included
RARE_SHARE = 2_000  # a category is rare if seen in less than one row in so many, or once only
YEAR, WEEK, DAY = 365.2425, 7.0, 1.0  # periods in days


@dataclass(frozen=True)
class OneHot:
    """A categorical column at `position` of the codes: an input for each of its `kept` commonest values.

    With `rare`, one more input is on for the others and for unseen ones; `size` is the length of the
    vocabulary.
    """

    position: int
    kept: int
    rare: bool
    size: int


@dataclass(frozen=True)
class Layout:
    """The D inputs of a network, block after block, in the order of the fields.

    `numeric`: positions of numbers and dates in the codes, each one input (`bins[i]` inputs in the piecewise
    encoding). `boolean`: positions of booleans, each one input, −1 or +1. `cycles`: (position, period in
    days), each a sine and a cosine. `onehots`: as they say. `frequencies`: positions and vocabulary sizes of
    columns with many categories, each one input more. `ordinals`: positions and numbers of kept categories K,
    each one input that holds 0 (rare or unseen), 1 … K, or K + 1 (missing), to be looked up in an embedding.
    `gaps`: positions of columns with missing values, each an input that is 1 where the value is missing.
    `task`: position and number of tasks T of the column that says which task a row belongs to, one input that
    holds 0 … T − 1, or T (unseen or missing); () where there is none.
    `pixels`: (position, channels, height, width) of pictures, an input for each pixel; `words`: (position,
    length, size) of texts, an input that holds 0 … size − 1 for each word; () where there are none. `names`
    are those of all inputs but pixels and words.
    """

    encoding: Encoding
    inputs: int
    numeric: tuple[int, ...]
    bins: tuple[int, ...]
    boolean: tuple[int, ...]
    cycles: tuple[tuple[int, float], ...]
    onehots: tuple[OneHot, ...]
    frequencies: tuple[tuple[int, int], ...]
    ordinals: tuple[tuple[int, int], ...]
    gaps: tuple[int, ...]
    names: tuple[str, ...]
    pixels: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    task: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """D."""
        return (
            (sum(self.bins) if self.encoding == "piecewise" else len(self.numeric))
            + len(self.boolean)
            + 2 * len(self.cycles)
            + sum(block.kept + block.rare for block in self.onehots)
            + len(self.frequencies)
            + len(self.ordinals)
            + len(self.gaps)
            + bool(self.task)
            + prod(self.pixels[1:]) * bool(self.pixels)
            + sum(self.words[1:2])
        )

    @property
    def entering(self) -> Inputs:
        """What the D inputs are; ends of a cycle and flags of gaps belong to their column."""
        piecewise = self.encoding == "piecewise"
        each = self.bins if piecewise else (1,) * len(self.numeric)
        columns = [position for position, n in zip(self.numeric, each, strict=True) for _ in range(n)]
        columns += [*self.boolean, *(position for position, _ in self.cycles for _ in range(2))]
        columns += [block.position for block in self.onehots for _ in range(block.kept + block.rare)]
        columns += [position for position, _ in self.frequencies]
        first = len(columns)
        columns += [*(position for position, _ in self.ordinals), *self.gaps]
        task = (len(columns), self.task[1]) if self.task else None
        columns += self.task[:1]
        codes = tuple((first + n, kept + 2) for n, (_, kept) in enumerate(self.ordinals))
        numeric = () if piecewise else tuple(range(len(self.numeric)))
        picture = tokens = None
        if self.pixels:
            position, channels, height, width = self.pixels
            picture = Picture(channels, height, width, len(columns))
            numeric += tuple(picture.places)
            columns += [position] * len(picture.places)
        if self.words:
            position, length, size = self.words
            tokens = Tokens(length, size, len(columns))
            columns += [position] * length
        return Inputs(tuple(columns), numeric, codes, picture, tokens, task)

    def plain(self) -> dict[str, object]:
        """The layout as values that JSON knows; those of `_LATER` only where there are some."""
        return {name: value for name, value in asdict(self).items() if value or name not in _LATER}

    @classmethod
    def from_plain(cls, found: dict[str, object]) -> "Layout":
        """The layout from `plain`, or from its JSON; KeyError, TypeError or ValueError where it is none."""
        names = [entry.name for entry in fields(cls) if entry.name in found or entry.name not in _LATER]
        values: dict[str, Any] = {name: _frozen(found[name]) for name in names}
        values["onehots"] = tuple(OneHot(**entry) for entry in values["onehots"])
        layout = cls(**values)
        layout.check()
        return layout

    def check(self) -> None:
        """Raise ValueError unless positions, sizes and names fit together."""
        positions = [*self.numeric, *self.boolean, *self.gaps, *(block.position for block in self.onehots)]
        positions += [position for position, _ in (*self.cycles, *self.frequencies, *self.ordinals)]
        sizes = [*self.bins, *(size for _, size in (*self.frequencies, *self.ordinals))]
        sizes += [block.kept for block in self.onehots] + [block.size - block.kept for block in self.onehots]
        if self.encoding not in get_args(Encoding) or type(self.inputs) is not int:
            raise ValueError(f"encoding {self.encoding!r} of {self.inputs!r} columns")
        if any(type(position) is not int or not 0 <= position < self.inputs for position in positions):
            raise ValueError(f"positions outside 0 … {self.inputs - 1}")
        if any(type(size) is not int or not 0 <= size < 10**7 for size in sizes):
            raise ValueError("sizes that are no counts")
        self._check_wide()
        named = len(self.names) + prod(self.pixels[1:]) * bool(self.pixels) + sum(self.words[1:2])
        if (
            len(self.bins) != (len(self.numeric) if self.encoding == "piecewise" else 0)
            or named != self.width
        ):
            raise ValueError(f"{len(self.names)} names for {self.width} inputs")

    def _check_wide(self) -> None:
        known = ((self.pixels, 4, "pixels"), (self.words, 3, "words"), (self.task, 2, "task"))
        for found, most, what in known:
            wrong = any(type(number) is not int or not 0 <= number < 10**7 for number in found)
            if len(found) not in (0, most) or wrong or 0 in found[1:]:
                raise ValueError(f"{what} {list(found)}")
        ends = [self.pixels[0] + prod(self.pixels[1:])] if self.pixels else []
        ends += [self.words[0] + self.words[1]] if self.words else []
        ends += [self.task[0] + 1] if self.task else []
        if max(ends, default=0) > self.inputs:
            raise ValueError(f"pixels, words or tasks up to column {max(ends)} of {self.inputs}")


_LATER = ("pixels", "words", "task")
"""Fields that layouts written before them lack."""


def _frozen(value: object) -> object:
    """Lists as tuples, all the way down; dicts stay."""
    return tuple(_frozen(item) for item in value) if isinstance(value, (list, tuple)) else value


def lay_out(schema: Schema, encoding: Encoding, categories: Categories) -> Layout:
    """The layout of a schema's columns in an encoding."""
    numbered = list(zip(schema.starts, schema.features, strict=True))
    numeric = [(i, f) for i, f in numbered if f.kind in (Kind.NUMERIC, Kind.DATE)]
    bins = _bins([feature for _, feature in numeric]) if encoding == "piecewise" else ()
    boolean = [(i, f) for i, f in numbered if f.kind is Kind.BOOLEAN]
    cycles = [(i, f, period) for i, f in numbered if f.kind is Kind.DATE for period in _periods(f)]
    grouped = [(i, f, _frequent(f, schema.rows)) for i, f in numbered if f.kind is Kind.CATEGORICAL]
    coded = {i for i, f, frequent in grouped if _is_coded(_one_hot(i, f, frequent), encoding, categories)}
    onehots = tuple(_one_hot(i, f, frequent) for i, f, frequent in grouped if i not in coded)
    crowded = [(i, f) for i, f, frequent in grouped if i not in coded and frequent > ONE_HOT_MOST]
    ordinals = [(i, f, frequent) for i, f, frequent in grouped if i in coded]
    gaps = [(i, f) for i, f in numbered if f.missing and not f.shape]
    task = next(((i, f) for i, f in numbered if f.kind is Kind.TASK), None)
    at = dict(numbered)
    names = (
        *_numeric_names([f for _, f in numeric], bins),
        *(f.name for _, f in boolean),
        *(f"{f.name}:{wave}({period:g} d)" for _, f, period in cycles for wave in ("sin", "cos")),
        *(name for block in onehots for name in _one_hot_names(block, at[block.position])),
        *(f"{f.name}:frequency" for _, f in crowded),
        *(f"{f.name}:code" for _, f, _ in ordinals),
        *(f"{f.name}:missing" for _, f in gaps),
        *(f"{f.name}:task" for _, f in ([task] if task else [])),
    )
    return Layout(
        encoding=encoding,
        inputs=schema.width,
        numeric=tuple(i for i, _ in numeric),
        bins=bins,
        boolean=tuple(i for i, _ in boolean),
        cycles=tuple((i, period) for i, _, period in cycles),
        onehots=onehots,
        frequencies=tuple((i, len(f.vocabulary)) for i, f in crowded),
        ordinals=tuple((i, frequent) for i, _, frequent in ordinals),
        gaps=tuple(i for i, _ in gaps),
        names=tuple(names),
        pixels=next(((i, *f.shape) for i, f in numbered if f.kind is Kind.PICTURE), ()),
        words=next(((i, *f.shape, f.tokenizer.size) for i, f in numbered if f.kind is Kind.TEXT), ()),
        task=(task[0], len(task[1].vocabulary)) if task else (),
    )


def _bins(features: list[Feature]) -> tuple[int, ...]:
    most = max(1, min(MOST_BINS, ALL_BINS // max(1, len(features))))
    return tuple(max(1, min(most, feature.distinct - 1)) for feature in features)


def _periods(feature: Feature) -> tuple[float, ...]:
    return (YEAR, WEEK, DAY) if feature.clock else (YEAR, WEEK)


def _frequent(feature: Feature, rows: int) -> int:
    """How many categories are not rare. They come first, as the vocabulary is sorted by frequency."""
    return sum(count >= max(2, rows // RARE_SHARE) for count in feature.counts)


def _one_hot(position: int, feature: Feature, frequent: int) -> OneHot:
    kept = frequent if frequent <= ONE_HOT_MOST else ONE_HOT_MOST - 1
    size = len(feature.vocabulary)
    if kept == size - 1 and size <= ONE_HOT_MOST:
        kept = size  # a rare category alone would share its input with nobody
    return OneHot(position, kept, kept < size, size)


def _is_coded(block: OneHot, encoding: Encoding, categories: Categories) -> bool:
    """Whether a column is one input, to be looked up, and not one-hot."""
    return categories == "ordinal" or (encoding == "embedded" and block.kept + block.rare >= EMBEDDED_FROM)


def _numeric_names(features: list[Feature], bins: tuple[int, ...]) -> list[str]:
    if not bins:
        return [feature.name for feature in features]
    return [
        f"{feature.name}:bin{number + 1}"
        for feature, count in zip(features, bins, strict=True)
        for number in range(count)
    ]


def _one_hot_names(block: OneHot, feature: Feature) -> list[str]:
    named = [f"{feature.name}={category}" for category in feature.vocabulary[: block.kept]]
    return [*named, f"{feature.name}:rare"] if block.rare else named
