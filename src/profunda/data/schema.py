"""Which columns are inputs and how their values become numbers."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import isfinite, prod
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.dates import date_format, parse_dates
from profunda.data.frames import in_memory_table
from profunda.data.numerals import FALSE_WORDS, TRUE_WORDS, parse_numbers, to_float
from profunda.data.pixels import off_scale
from profunda.data.raw import RawColumn, RawTable, listed
from profunda.data.table import Kind
from profunda.data.tokens import ByteTokenizer, Tokenizer, WordTokenizer
from profunda.data.words import row_words, task_words
from profunda.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["INPUT_KINDS", "UNSEEN", "Feature", "Schema"]

INPUT_KINDS = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATE, Kind.PICTURE, Kind.TEXT, Kind.TASK)
UNSEEN = -1.0  # code of a category that is not in the vocabulary
_FORMAT = 3  # version of the JSON; 1 knew neither pictures nor texts, 2 no tasks


@dataclass(frozen=True)
class Feature:
    """One input column.

    `missing` and `distinct` were counted over the rows that were read. A categorical column's `vocabulary`
    holds its categories by falling frequency (ties in alphabetical order) and `counts` how often each was
    seen; so do those of the column of tasks. `format` is how texts are to be read: ``""``, ``"comma"`` or
    ``"thousands"`` for numbers, a strptime format for dates. `clock` tells that dates come with a time of
    day. Of pictures, `shape` is channels, height and width, `span` the lowest and highest number of a
    pixel, `usual` those of a usual picture, and `strays` counts the ones that are on another scale by far. Of
    texts, `vocabulary` are the words that are known and `shape` is (T,), the words of a text that are read;
    with ``"bytes"`` as `format` it is bytes that are read, and there is no vocabulary.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    vocabulary: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    format: str = ""
    clock: bool = False
    shape: tuple[int, ...] = ()
    span: tuple[float, ...] = ()
    usual: tuple[float, ...] = ()
    strays: int = 0

    @property
    def size(self) -> int:
        """How many columns of the codes are its own."""
        return prod(self.shape)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """What reads texts."""
        return ByteTokenizer() if self.format == "bytes" else WordTokenizer(self.vocabulary)

    def codes(self, column: RawColumn) -> np.ndarray:
        """The column as float64 [N]: NaN where missing or unreadable, `UNSEEN` for a new category.

        Pictures are float32 [N, channels · height · width], texts the numbers of their words [N, T].
        """
        if self.kind is Kind.PICTURE:
            return self._pixels(column)
        if self.kind is Kind.TEXT:
            return self._words(column)
        if column.pixels is not None:
            raise DataError(f"column {self.name!r} holds pictures, but {self.kind.value} values were learned")
        if self.kind in (Kind.CATEGORICAL, Kind.TASK):
            return self._category_codes(column)
        if column.numbers is not None:
            numbers = np.where(np.isfinite(column.numbers), column.numbers, np.nan)
            return (
                np.where(np.isin(numbers, (0.0, 1.0)), numbers, np.nan)
                if self.kind is Kind.BOOLEAN
                else numbers
            )
        assert column.texts is not None
        if self.kind is Kind.BOOLEAN:
            return _yes_or_no(column)
        if self.kind is Kind.DATE:
            return self._days(column.texts)
        numbers = parse_numbers(column.texts, self.format)  # type: ignore[arg-type]  # pyrefly: ignore
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def _pixels(self, column: RawColumn) -> np.ndarray:
        if column.pixels is None:
            raise DataError(
                f"{self.name!r} should be pictures of {_size(self.shape)}, as an array [N, H, W(, K)], "
                f"but is a "
                f"column of {column.form}s"
            )
        if column.pixels.shape[1:] != self.shape:
            raise DataError(
                f"the pictures are {_size(column.pixels.shape[1:])}, but {_size(self.shape)} were "
                f"learned; bring "
                "them to that size and those channels first"
            )
        self._check_scale(column.pixels)
        return column.pixels.reshape(len(column.pixels), self.size).astype(np.float32)

    def _check_scale(self, pixels: np.ndarray) -> None:
        """Refuse pictures that are on another scale: most of them, and more than were learned from."""
        span = self.usual or self.span  # older models know the latter only, or neither
        if not span or not pixels.size:
            return
        dim, far, told = off_scale(pixels, span)
        off = far if pixels.dtype == np.uint8 else dim + far  # bytes are what they are, dark or not
        if off > max(self.strays, told / 2):
            least, most = float(pixels.min()), float(pixels.max())
            raise DataError(
                f"the pixels of {self.name!r} run from {least:g} to {most:g}, but from {span[0]:g} to "
                f"{span[1]:g} in a usual picture of those that were learned from; were they divided by "
                "255 on one side only? Bring them to the scale that was learned"
            )

    def _words(self, column: RawColumn) -> np.ndarray:
        texts = column.texts
        if (
            column.numbers is not None and np.isnan(column.numbers).all()
        ):  # as frames hold what is all missing
            return np.zeros((len(column), self.size), np.float32)
        if texts is None:
            raise DataError(f"{self.name!r} should be texts, but is a column of {column.form}s")
        return self.tokenizer.encode(texts.fill_null("").to_list(), self.shape[0]).astype(np.float32)

    def _days(self, texts: "pl.Series") -> np.ndarray:
        if self.format:
            return parse_dates(texts, self.format)
        found = date_format(texts)  # learned from typed dates: their written form is seen here first
        return parse_dates(texts, found[0]) if found else np.full(len(texts), np.nan)

    def _category_codes(self, column: RawColumn) -> np.ndarray:
        import polars as pl

        if column.form == "boolean" and not {"True", "False"} & set(self.vocabulary):
            column = replace(column, form="number")  # what a file calls 0 and 1 may be typed in a frame
        texts = task_words(column) if self.kind is Kind.TASK else row_words(column)
        known = pl.Series(self.vocabulary, dtype=pl.String)
        found = texts.replace_strict(
            known, pl.int_range(len(known), eager=True), default=int(UNSEEN), return_dtype=pl.Int64
        )
        return to_float(found.set(texts.is_null(), None))


def _size(shape: tuple[int, ...]) -> str:
    """Channels, height and width in words."""
    channels, height, width = shape
    return f"{height} × {width} pixels in {channels} channel(s)"


def _yes_or_no(column: RawColumn) -> np.ndarray:
    import polars as pl

    assert column.texts is not None
    words = {**dict.fromkeys((*TRUE_WORDS, "1"), 1.0), **dict.fromkeys((*FALSE_WORDS, "0"), 0.0)}
    lowered = column.texts.str.to_lowercase()
    return to_float(lowered.replace_strict(words, default=None, return_dtype=pl.Float64))


@dataclass(frozen=True)
class Schema:
    """The F used columns in order.

    `source` names all input columns of the source in their order, used or not, so that an array can be read
    by position; `positional` tells that the source was an array. `rows` is the number of rows the counts are
    over.
    """

    features: tuple[Feature, ...]
    source: tuple[str, ...]
    rows: int
    positional: bool = False

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the used columns, in the order of the codes."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each used column begins among those of the codes."""
        return (0, *accumulate(feature.size for feature in self.features))[:-1]

    @cached_property
    def task_column(self) -> str | None:
        """The column that says which of several tasks a row belongs to; None where there is none."""
        return next((feature.name for feature in self.features if feature.kind is Kind.TASK), None)

    @cached_property
    def width(self) -> int:
        """F, the columns of the codes: one for each used column, more for pictures and texts."""
        return sum(feature.size for feature in self.features)

    @cached_property
    def perceives(self) -> bool:
        """Whether there are pictures or texts, which networks with a body read."""
        return any(feature.shape for feature in self.features)

    @cached_property
    def dtype(self) -> np.dtype:
        """The type of codes: float32 of pictures or texts alone, whose numbers it holds exactly in half the
        memory, else float64, as dates with a clock and large numbers need."""
        exact = self.perceives and all(feature.shape for feature in self.features)
        return np.dtype(np.float32 if exact else np.float64)

    def codes(self, source: object) -> np.ndarray:
        """Inputs [N, F] of type `dtype` from a frame or an array with the same columns.

        Numbers stay as they are, dates become days since 1970-01-01, booleans 0/1, categories their index in
        the vocabulary, −1 for an unseen one; NaN where a value is missing, infinite or not of the column's
        kind. Columns that were not used are not looked at. DataError where a used column is lacking.
        """
        table = in_memory_table(source)
        found = self._matched(table)
        return self.assembled(
            [feature.codes(column) for feature, column in zip(self.features, found, strict=True)]
        )

    def assembled(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The codes [N, F] of all used columns from those of each, [N] or [N, size]."""
        if len(parts) == 1 and self.features[0].shape:
            return parts[0].astype(self.dtype, copy=False)  # no copy of what may be most of the memory
        codes = np.empty((len(parts[0]), self.width), self.dtype)
        for start, feature, part in zip(self.starts, self.features, parts, strict=True):
            codes[:, start : start + feature.size] = part.reshape(len(part), feature.size)
        return codes

    def _matched(self, table: RawTable) -> list[RawColumn]:
        if table.positional:
            if len(table.columns) != len(self.source):
                raise DataError(
                    f"the array has {len(table.columns)} columns, but {len(self.source)} were there when the "
                    f"columns were learned ({listed(self.source)}); pass the same columns in the same order, "
                    "without the target"
                )
            by_name = dict(zip(self.source, table.columns, strict=True))
        else:
            by_name = {column.name: column for column in table.columns}
        lacking = [name for name in self.columns if name not in by_name]
        if lacking:
            near = difflib.get_close_matches(lacking[0], list(by_name), n=1, cutoff=0.6)
            hint = f"; is {near[0]!r} meant for {lacking[0]!r}?" if near else ""
            raise DataError(
                f"{len(lacking)} of {len(self.columns)} input columns are lacking: {listed(lacking)}{hint}. "
                "The data to predict on need the columns that were learned from, under the same names"
            )
        return [by_name[name] for name in self.columns]

    def to_json(self) -> str:
        """The schema as JSON text, from which `from_json` makes an equal one."""
        plain = asdict(self)
        later = ("usual", "strays") if self.perceives else ("shape", "span", "usual", "strays")
        for entry in plain["features"]:  # as the formats began, so that what was read before stays equal
            for name in later:
                if not entry[name]:
                    del entry[name]
        # the oldest format that can hold it
        told = 1 + self.perceives if self.task_column is None else _FORMAT
        return json.dumps({"format": told, **plain}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Schema":
        """The schema from its JSON text; DataError where it is none or was made by a newer version."""
        try:
            found = json.loads(text)
            if found["format"] not in range(1, _FORMAT + 1):
                raise DataError(
                    f"the schema has format {found['format']!r}, known is {_FORMAT}; a newer version wrote it"
                )
            features = tuple(_feature(entry) for entry in found["features"])
            names = tuple(_text(name) for name in found["source"])
            return cls(features, names, _whole(found["rows"]), bool(found["positional"]))
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise DataError(
                f"this is not the JSON of a schema ({error}); it may be cut off or from elsewhere"
            ) from error


def _feature(entry: dict[str, object]) -> Feature:
    try:
        kind = Kind(_text(entry["kind"]))
    except ValueError:
        kind = Kind.EMPTY
    vocabulary = tuple(_text(word) for word in _items(entry["vocabulary"]))
    counts = tuple(_whole(count) for count in _items(entry["counts"]))
    if kind not in INPUT_KINDS or len(counts) != len(vocabulary) or len(set(vocabulary)) != len(vocabulary):
        raise DataError(
            f"the schema's column {entry['name']!r} has kind {entry['kind']!r}, {len(vocabulary)} "
            f"categories and {len(counts)} "
            "counts, which cannot be; its JSON was changed or comes from elsewhere"
        )
    shape = tuple(_whole(side) for side in _items(entry.get("shape", [])))
    if len(shape) != {Kind.PICTURE: 3, Kind.TEXT: 1}.get(kind, 0) or 0 in shape:
        raise DataError(
            f"the schema's column {entry['name']!r} of kind {kind.value} has the shape {list(shape)}, which "
            "cannot be; its JSON was changed or comes from elsewhere"
        )
    span, usual = (tuple(_number(end) for end in _items(entry.get(name, []))) for name in ("span", "usual"))
    if {len(span), len(usual)} - ({0, 2} if kind is Kind.PICTURE else {0}):
        raise DataError(
            f"the schema's column {entry['name']!r} of kind {kind.value} runs over {list(span)}, usually "
            f"{list(usual)}, which cannot be; its JSON was changed or comes from elsewhere"
        )
    missing, distinct = _whole(entry["missing"]), _whole(entry["distinct"])
    feature = Feature(
        _text(entry["name"]),
        kind,
        missing,
        distinct,
        vocabulary,
        counts,
        _text(entry["format"]),
        bool(entry["clock"]),
        shape,
        span,
        usual,
        _whole(entry.get("strays", 0)),
    )
    if kind is Kind.TEXT:
        _ = feature.tokenizer  # refuses a vocabulary that is none
    return feature


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise TypeError(f"{value!r} is no finite number")
    return float(value)
