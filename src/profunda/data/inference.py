"""What each column is: found from its values, said in words."""

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from profunda.data.dates import date_format, parse_dates
from profunda.data.numerals import MOSTLY, booleans, number_style
from profunda.data.perceived import picture_found, text_found
from profunda.data.raw import Form, RawColumn, RawTable, listed
from profunda.data.schema import Feature
from profunda.data.table import Column, Kind
from profunda.errors import Notice

__all__ = ["Inferred", "Remarks", "infer"]

FEWEST_ROWS = 20  # below this, that all values differ says nothing
WORDY = 4  # words a value has on average in free text
_BREAK = r"\s+|[\p{Han}\p{Hiragana}]{2}|[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]{8}"
"""What counts as the end of a word: blanks, and in scripts without them as many signs as a word takes."""
CROWDED = 0.5  # distinct share above which wordy texts are free text
ALMOST_ALL = 0.9  # distinct share above which texts name rows rather than groups
HIGH_CARDINALITY = 50  # distinct categories from which a column is remarked on
_INDEX = re.compile(r"__index_level_\d+__")
_UNNAMED = re.compile(r"(Unnamed: 0|column_1|)")

_TEXTS = {
    "pandas-index": "The stored pandas index is not an input: {names}.",
    "row-names": "Row numbers or row names written by the exporting program are not an input: {names}.",
    "identifier": "Each row has its own value, so these columns name rows and are not inputs: {names}.",
    "text": "Free texts are read word by word, and the words that are known come from all rows but a test "
    "part of the source's own, without a look at the targets: {names}.",
    "further-text": "Of several columns of free text only that with the most words is read; not read: "
    "{names}.",
    "text-bytes": "Hardly a word of these texts occurs twice, so that they are read byte by byte: {names}.",
    "empty-texts": "Texts without a word; nothing stands for them: {names}.",
    "texts-cut": "Texts that are longer than is read were cut: {names}.",
    "one-word": "The texts have one word only in common; they differ by their length at most: {names}.",
    "wordless": "Texts without a single word are not an input: {names}.",
    "blank-pictures": "Pictures of one colour all over, from which nothing can be told: {names}.",
    "nested": "Lists and records inside a column are not read: {names}.",
    "constant": "Columns with one value only are not inputs: {names}.",
    "empty-column": "Columns without any value are not inputs: {names}.",
    "infinite-values": "Infinite values were taken for missing: {names}.",
    "text-in-numbers": "Texts in columns of numbers were taken for missing: {names}.",
    "decimal-comma": "Numbers are written with a decimal comma or grouped thousands and were read so: "
    "{names}.",
    "dates": "Texts were read as dates: {names}.",
    "ambiguous-dates": "Day and month could be either way round; day first was assumed: {names}.",
    "bad-dates": "Texts in columns of dates were taken for missing: {names}.",
    "high-cardinality": "Columns with many categories; rare ones share an input: {names}.",
}


class Remarks:
    """What was accepted but not silently, gathered by column and told once a kind."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = defaultdict(list)

    def add(self, code: str, column: str) -> None:
        """Remark on a column, possibly with a number behind its name."""
        self._found[code].append(column)

    def extend(self, others: "Remarks") -> None:
        """Add all that was remarked elsewhere."""
        for code, columns in others._found.items():
            self._found[code] += columns

    def notices(self) -> tuple[Notice, ...]:
        """One notice a kind, in the order of the table of texts."""
        return tuple(
            Notice(code, text.format(names=listed(self._found[code])))
            for code, text in _TEXTS.items()
            if code in self._found
        )


@dataclass(frozen=True, eq=False)
class Inferred:
    """A column as found; where it is an input, its feature and codes [N], of pictures or texts [N, F]."""

    column: Column
    feature: Feature | None = None
    codes: np.ndarray | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name


def infer(table: RawTable, learn: np.ndarray, remarks: Remarks) -> list[Inferred]:
    """Say of each column what it is. Vocabularies and counts come from the rows `learn` (mask bool [N]).

    Of several columns of free text the one with the most words is an input, the first of equals.
    """
    told = [Remarks() for _ in table.columns]
    found = [
        _infer_column(column, table, number, learn, told[number])
        for number, column in enumerate(table.columns)
    ]
    texts = [at for at, one in enumerate(found) if one.column.kind is Kind.TEXT and one.column.used]
    read = max(texts, key=lambda at: _words_read(found[at]), default=None)
    for at in texts:
        if at != read and read is not None:
            found[at], told[at] = _unread(found[at], found[read].name), Remarks()
            told[at].add("further-text", found[at].name)
    for own in told:
        remarks.extend(own)
    return found


def _words_read(text: Inferred) -> tuple[bool, int]:
    """Whether it is read by the word, and how many; what is read by the byte comes after all others."""
    assert text.feature is not None
    assert text.codes is not None
    return text.feature.format != "bytes", int(np.count_nonzero(text.codes))


def _unread(text: Inferred, other: str) -> Inferred:
    reason = f"free text, but one column of it can be read, and {other!r} has more words"
    return Inferred(replace(text.column, used=False, reason=reason))


def _infer_column(
    raw: RawColumn, table: RawTable, position: int, learn: np.ndarray, remarks: Remarks
) -> Inferred:
    if raw.form == "nested":
        remarks.add("nested", raw.name)
        return _unused(raw.name, Kind.TEXT, 0, 0, "holds lists or records")
    if _INDEX.fullmatch(raw.name):
        remarks.add("pandas-index", raw.name)
        return _unused(raw.name, Kind.INDEX, 0, table.rows, "the index of the pandas frame that was stored")
    if raw.pixels is not None:
        return Inferred(*picture_found(raw.name, raw.pixels, remarks.add))
    if raw.form == "prose" and raw.texts is not None:
        return Inferred(*text_found(raw.name, raw.texts, learn, remarks.add))
    form, style = raw.form, ""
    if raw.numbers is None and form == "text":
        raw, style = _read_texts(raw, remarks)
        form = raw.form
    if raw.numbers is None:
        return _infer_texts(raw, learn, remarks)
    row_names = position == 0 and not table.positional and _UNNAMED.fullmatch(raw.name) is not None
    return _infer_numbers(raw, style, table.positional, row_names, remarks)


def _read_texts(raw: RawColumn, remarks: Remarks) -> tuple[RawColumn, str]:
    """The column as numbers, booleans or dates with its format, where its texts are such; else unchanged."""
    texts, name = raw.texts, raw.name
    assert texts is not None
    present = len(texts) - texts.null_count()
    if present == 0:
        return RawColumn(name, "number", np.full(len(texts), np.nan)), ""
    answers = booleans(texts)
    if answers is not None:
        return RawColumn(name, "boolean", answers), ""
    style, numbers, share = number_style(texts)
    if share >= MOSTLY:
        if style:
            remarks.add("decimal-comma", name)
        if share < 1:
            odd = texts.filter(np.isnan(numbers)).drop_nulls()
            remarks.add(
                "text-in-numbers",
                f"{name} ({len(odd):,}: {listed([repr(t) for t in odd.unique().sort()], 2)})",
            )
        return RawColumn(name, "number", numbers), style
    found = date_format(texts)
    if found is None:
        return raw, ""
    form, ambiguous = found
    days = parse_dates(texts, form)
    remarks.add("dates", f"{name} ({form})")
    if ambiguous:
        remarks.add("ambiguous-dates", name)
    if np.isfinite(days).sum() < present:
        remarks.add("bad-dates", f"{name} ({present - int(np.isfinite(days).sum()):,})")
    return RawColumn(name, "date", days), form


def _unused(name: str, kind: Kind, missing: int, distinct: int, reason: str) -> Inferred:
    return Inferred(Column(name, kind, missing, distinct, False, reason))


def _infer_numbers(
    raw: RawColumn, style: str, positional: bool, row_names: bool, remarks: Remarks
) -> Inferred:
    name, numbers = raw.name, raw.numbers
    assert numbers is not None
    numbers = _finite(name, numbers, remarks)
    present = numbers[~np.isnan(numbers)]
    missing = len(numbers) - len(present)
    ordered = np.sort(present)
    distinct = int((ordered[1:] != ordered[:-1]).sum()) + 1 if len(ordered) else 0
    if distinct == 0:
        remarks.add("empty-column", name)
        return _unused(name, Kind.EMPTY, missing, 0, "no row has a value")
    if distinct == 1 and missing == 0:
        remarks.add("constant", name)
        return _unused(name, Kind.CONSTANT, 0, 1, f"every row has the value {ordered[0]:g}")
    running = (
        distinct == len(numbers)
        and ordered[-1] - ordered[0] == distinct - 1
        and bool((ordered % 1 == 0).all())
    )
    if row_names and running:
        remarks.add("row-names", name)
        return _unused(name, Kind.INDEX, 0, distinct, "row numbers without a name of their own")
    kind = _number_kind(raw.form, ordered, distinct)
    clock = kind is Kind.DATE and bool((ordered % 1 != 0).any())
    feature = Feature(name, kind, missing, distinct, format=style, clock=clock)
    if running and not positional and kind is Kind.NUMERIC and len(numbers) >= FEWEST_ROWS:
        # still with its feature and codes, since it is kept where it is the only input
        column = Column(
            name,
            Kind.IDENTIFIER,
            0,
            distinct,
            False,
            f"a running number from {ordered[0]:.0f} to {ordered[-1]:.0f}",
        )
        return Inferred(column, feature, numbers)
    return Inferred(
        Column(name, kind, missing, distinct, True, _reason(kind, ordered, missing)), feature, numbers
    )


def _finite(name: str, numbers: np.ndarray, remarks: Remarks) -> np.ndarray:
    endless = int(np.isinf(numbers).sum())
    if not endless:
        return numbers
    remarks.add("infinite-values", f"{name} ({endless:,})")
    return np.where(np.isinf(numbers), np.nan, numbers)


def _number_kind(form: Form, ordered: np.ndarray, distinct: int) -> Kind:
    if form == "date":
        return Kind.DATE
    return Kind.BOOLEAN if distinct == 2 and ordered[0] == 0 and ordered[-1] == 1 else Kind.NUMERIC


def _reason(kind: Kind, ordered: np.ndarray, missing: int) -> str:
    gaps = f"; {missing:,} missing" if missing else ""
    if kind is Kind.BOOLEAN:
        return f"yes or no{gaps}"
    if kind is Kind.DATE:
        first, last = (np.datetime64(int(day), "D") for day in (ordered[0] // 1, ordered[-1] // 1))
        return f"dates from {first} to {last}{gaps}"
    return f"numbers from {ordered[0]:.6g} to {ordered[-1]:.6g}{gaps}"


def _infer_texts(raw: RawColumn, learn: np.ndarray, remarks: Remarks) -> Inferred:
    name, texts = raw.name, raw.texts
    assert texts is not None
    missing, distinct = texts.null_count(), texts.drop_nulls().n_unique()
    present = len(texts) - missing
    if distinct == 0:
        remarks.add("empty-column", name)
        return _unused(name, Kind.EMPTY, missing, 0, "no row has a value")
    if distinct == 1 and missing == 0:
        remarks.add("constant", name)
        return _unused(name, Kind.CONSTANT, 0, 1, f"every row has the value {texts[0]!r}")
    if raw.form == "text" and present >= FEWEST_ROWS and distinct > CROWDED * present:
        breaks = texts.str.count_matches(_BREAK).mean()
        if float(breaks or 0) + 1 >= WORDY:  # type: ignore[arg-type]  # pyrefly: ignore
            return Inferred(*text_found(name, texts, learn, remarks.add))
        if distinct > ALMOST_ALL * present:
            remarks.add("identifier", name)
            return _unused(
                name, Kind.IDENTIFIER, missing, distinct, f"{distinct:,} different values in {present:,} rows"
            )
    seen = texts.alias("value").filter(learn).drop_nulls().value_counts(sort=False)
    words, counts = seen["value"].to_list(), seen["count"].to_list()
    ranked = sorted(zip(words, counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    if distinct > HIGH_CARDINALITY:
        remarks.add("high-cardinality", f"{name} ({distinct:,})")
    gaps = f"; {missing:,} missing" if missing else ""
    feature = Feature(
        name, Kind.CATEGORICAL, missing, distinct, tuple(w for w, _ in ranked), tuple(c for _, c in ranked)
    )
    column = Column(name, Kind.CATEGORICAL, missing, distinct, True, f"{distinct:,} categories{gaps}")
    return Inferred(column, feature, feature.codes(raw))
