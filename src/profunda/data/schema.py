"""Which columns are inputs and how their values become numbers."""

import difflib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.dates import date_format, parse_dates
from profunda.data.frames import in_memory_table
from profunda.data.numerals import FALSE_WORDS, TRUE_WORDS, clean, number_text, parse_numbers, to_float
from profunda.data.raw import RawColumn, RawTable, listed
from profunda.data.table import Kind
from profunda.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["INPUT_KINDS", "UNSEEN", "Feature", "Schema"]

INPUT_KINDS = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN, Kind.DATE)
UNSEEN = -1.0  # code of a category that is not in the vocabulary
_FORMAT = 1  # version of the JSON


@dataclass(frozen=True)
class Feature:
    """One input column.

    `missing` and `distinct` were counted over the rows that were read. A categorical column's `vocabulary`
    holds its categories by falling frequency (ties in alphabetical order) and `counts` how often each was
    seen. `format` is how texts are to be read: ``""``, ``"comma"`` or ``"thousands"`` for numbers, a strptime
    format for dates. `clock` tells that dates come with a time of day.
    """

    name: str
    kind: Kind
    missing: int
    distinct: int
    vocabulary: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    format: str = ""
    clock: bool = False

    def codes(self, column: RawColumn) -> np.ndarray:
        """The column as float64 [N]: NaN where missing or unreadable, `UNSEEN` for a new category."""
        if self.kind is Kind.CATEGORICAL:
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

    def _days(self, texts: "pl.Series") -> np.ndarray:
        if self.format:
            return parse_dates(texts, self.format)
        found = date_format(texts)  # learned from typed dates: their written form is seen here first
        return parse_dates(texts, found[0]) if found else np.full(len(texts), np.nan)

    def _category_codes(self, column: RawColumn) -> np.ndarray:
        import polars as pl

        texts = column.texts
        if texts is None:
            assert column.numbers is not None
            words = [None if value != value else number_text(value) for value in column.numbers.tolist()]
            texts = clean(pl.Series(words, dtype=pl.String))
        known = pl.Series(self.vocabulary, dtype=pl.String)
        found = texts.replace_strict(
            known, pl.int_range(len(known), eager=True), default=int(UNSEEN), return_dtype=pl.Int64
        )
        return to_float(found.set(texts.is_null(), None))


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

    def codes(self, source: object) -> np.ndarray:
        """Inputs as float64 [N, F] from a frame or an array with the same columns.

        Numbers stay as they are, dates become days since 1970-01-01, booleans 0/1, categories their index in
        the vocabulary, −1 for an unseen one; NaN where a value is missing, infinite or not of the column's
        kind. Columns that were not used are not looked at. DataError where a used column is lacking.
        """
        table = in_memory_table(source)
        found = self._matched(table)
        codes = np.empty((table.rows, len(self.features)), np.float64)
        for position, (feature, column) in enumerate(zip(self.features, found, strict=True)):
            codes[:, position] = feature.codes(column)
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
        return json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Schema":
        """The schema from its JSON text; DataError where it is none or was made by a newer version."""
        try:
            found = json.loads(text)
            if found["format"] != _FORMAT:
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
    missing, distinct = _whole(entry["missing"]), _whole(entry["distinct"])
    return Feature(
        _text(entry["name"]),
        kind,
        missing,
        distinct,
        vocabulary,
        counts,
        _text(entry["format"]),
        bool(entry["clock"]),
    )


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
