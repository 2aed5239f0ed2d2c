"""Delimited text: separator, encoding, header and ragged rows, as they come rather than as they should be."""

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profunda.data.memory import Budget
from profunda.data.numerals import MISSING_WORDS
from profunda.data.raw import RawColumn, RawTable, unique_names
from profunda.errors import DataError, Notice

__all__ = ["delimited_table"]

SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
HEAD = 1 << 18  # bytes looked at before the whole is read
# Of one value in memory at the peak: as text, as float64, and once more while the codes are assembled.
CELL_BYTES = 64
_SNIFFED = 200  # records
_MAGIC = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a zip archive or an Excel sheet",
    b"\x1f\x8b": "a gzip file",
}


@dataclass(frozen=True)
class _Form:
    """How the text is written: separator, cells of the header, number of cells in most rows."""

    separator: str
    header: tuple[str, ...]
    width: int
    numeric_header: bool


def delimited_table(path: Path, limit: int | None) -> RawTable:
    """Raw columns of a CSV, TSV or similar file; DataError where it is no such thing."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    _check_text(path.name, head)
    content, drawn = _content(path, head, limit)
    text, recoded = _decode(content)
    form = _form(path.name, text)
    columns, rows, ragged = _parse(path.name, text, form)
    if rows == 0:
        raise DataError(
            f"{path.name} has a header but no rows; the query or program that wrote it may have found nothing"
        )
    names, renamed = unique_names(_names(form))
    columns = tuple(RawColumn(n, c.form, c.numbers, c.texts) for n, c in zip(names, columns, strict=True))
    told = (*drawn, *recoded, *_separator_notice(path, form), *_header_notice(form), *renamed, *ragged)
    return RawTable(columns, rows, told)


def _check_text(name: str, head: bytes) -> None:
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            raise DataError(f"{name} is {kind}, not delimited text; rename it or convert it to CSV")
    if not head.strip():
        raise DataError(
            f"{name} is empty (only blanks and line ends); the program that wrote it may have failed"
        )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return  # UTF-16 with its mark; half of its bytes are zero
    codes = np.frombuffer(head, np.uint8)
    control = (codes < 9) | ((codes > 13) & (codes < 32)) | (codes == 127)
    if (codes == 0).any() or control.mean() > 0.01:
        raise DataError(
            f"{name} is not text: {int(control.sum()):,} of its first {len(codes):,} bytes are control "
            "characters; it may be a binary file with the wrong ending"
        )


def _content(path: Path, head: bytes, limit: int | None) -> tuple[bytes, tuple[Notice, ...]]:
    """The file's bytes, or its header and a random sample of records where memory is too small."""
    size = path.stat().st_size
    lines = max(1, head.count(b"\n"))
    rows = max(1, int(size / len(head) * lines))
    cells = lines + max(head.count(separator.encode()) for separator in SEPARATORS)
    need = size * 3 + int(rows * cells / lines * CELL_BYTES)
    budget = Budget.of(path.name, rows, need, limit)
    if budget.share == 1:
        return path.read_bytes(), ()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            f"{path.name} is UTF-16 and too large for memory; convert it to UTF-8, of which a sample can be "
            "read"
        )
    records = _sampled_records(path, budget.share)
    return b"".join(records), (budget.notice(len(records) - 1),)


def _sampled_records(path: Path, share: float) -> list[bytes]:
    """Header and each record with probability `share`, in order; always the same ones.

    A record ends at the end of a line outside quotes. One pass, of which only the drawn records are held.
    """
    draws = np.random.default_rng(path.stat().st_size)
    kept: list[bytes] = []
    chosen, position, quoted, keep = draws.random(1 << 16) < share, 0, False, True
    with path.open("rb") as file:
        for line in file:
            if keep:
                kept.append(line)
            if b'"' in line and line.count(b'"') % 2:
                quoted = not quoted
            if quoted:
                continue
            if position == len(chosen):
                chosen, position = draws.random(1 << 16) < share, 0
            keep, position = bool(chosen[position]), position + 1
    return kept


def _decode(content: bytes) -> tuple[str, tuple[Notice, ...]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), (
            Notice("encoding", "The file is UTF-16 and was read as such."),
        )
    try:
        return content.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        told = Notice(
            "encoding",
            f"The file is not UTF-8 (byte {error.start:,} is {content[error.start]:#04x}) and was read as "
            "Latin-1; save it as UTF-8 if letters with accents look wrong.",
        )
        return content.decode("latin-1"), (told,)


def _form(name: str, text: str) -> _Form:
    text = text.lstrip("\r\n")
    head = text[:HEAD]
    if len(text) > HEAD and "\n" in head:
        head = head[: head.rindex("\n")]
    found = {separator: _records(head, separator) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda candidate: _consistency(found[candidate]))
    records = found[separator] if _consistency(found[separator])[2] > 1 else found[","]
    header = tuple(cell.strip() for cell in records[0])
    widths = Counter(len(record) for record in records[1:]) or Counter([len(header)])
    numeric = all(_is_number(cell) for cell in header)
    if not any(header):
        raise DataError(
            f"{name}: the first line names no column; a header line with the columns' names is needed"
        )
    return _Form(separator, header, max(len(header), widths.most_common(1)[0][0]), numeric)


def _records(head: str, separator: str) -> list[list[str]]:
    csv.field_size_limit(max(HEAD * 2, 131_072))
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(head), delimiter=separator):
            if record:
                records.append(record)
            if len(records) > _SNIFFED:
                break
    except csv.Error:
        pass  # judged by the records before
    return records or [[""]]


def _consistency(records: list[list[str]]) -> tuple[float, bool, int]:
    """How well a separator explains the records: share as wide as most, header among them, width."""
    widths = Counter(len(record) for record in records)
    width, count = widths.most_common(1)[0]
    if width == 1:
        return 0.0, False, 1
    return count / len(records), len(records[0]) == width, width


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _names(form: _Form) -> list[str]:
    lacking = form.width - len(form.header)
    if lacking == 1:
        return ["", *form.header]  # written by R or pandas: row names stand before the named columns
    return [*form.header, *[""] * lacking]


def _separator_notice(path: Path, form: _Form) -> tuple[Notice, ...]:
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    if form.separator == usual or form.width == 1 or path.suffix.lower() == ".txt":
        return ()
    return (
        Notice(
            "separator", f"Columns are separated by a {SEPARATOR_NAMES[form.separator]} and were read so."
        ),
    )


def _header_notice(form: _Form) -> tuple[Notice, ...]:
    if not form.numeric_header:
        return ()
    told = (
        f"The first line ({', '.join(form.header[:3])}…) was taken for the header but holds numbers "
        "only; add a header."
    )
    return (Notice("numeric-header", told),)


def _parse(name: str, text: str, form: _Form) -> tuple[tuple[RawColumn, ...], int, tuple[Notice, ...]]:
    """Columns (numbers where every present cell is one), number of rows, notices about ragged rows."""
    import polars as pl

    body = _without_blank_lines(text.lstrip("\r\n").encode())
    columns = [f"{number}" for number in range(form.width)]
    try:
        frame = pl.read_csv(
            io.BytesIO(body),
            has_header=False,
            skip_rows=1,
            separator=form.separator,
            schema=dict.fromkeys(columns, pl.String),
            truncate_ragged_lines=True,
        )
    except pl.exceptions.NoDataError:
        return (), 0, ()
    except pl.exceptions.PolarsError as error:
        first = str(error).strip().splitlines()[0][:160]
        raise DataError(
            f"{name} cannot be read as delimited text ({first}); a quotation mark may be left open"
        ) from error
    present = pl.when(pl.all().is_in(MISSING_WORDS)).then(None).otherwise(pl.all()).name.keep()
    frame = frame.select(pl.all().str.strip_chars()).select(present)
    numbers = frame.cast(pl.Float64, strict=False)
    unread = (numbers.null_count().row(0), frame.null_count().row(0))
    numeric = [c for c, a, b in zip(columns, *unread, strict=True) if a == b and b < frame.height]
    matrix = numbers.select(numeric).fill_null(float("nan")).to_numpy(order="fortran")
    found = {c: RawColumn(c, "number", matrix[:, i]) for i, c in enumerate(numeric)}
    parsed = tuple(found[c] if c in found else RawColumn(c, "text", texts=frame[c]) for c in columns)
    return parsed, frame.height, _ragged_notice(body, form)


def _without_blank_lines(body: bytes) -> bytes:
    """Lines of blanks only are no rows; inside quotes they are kept, as they belong to a text."""
    body = body.rstrip(b"\r\n ") + b"\n"
    suspects = (b"\n\n", b"\n\r", b"\n ")  # found much faster than the pattern
    if b'"' in body or not any(suspect in body for suspect in suspects):
        return body
    return re.sub(rb"(\r?\n)(?: *\r?\n)+", rb"\1", body)


def _ragged_notice(body: bytes, form: _Form) -> tuple[Notice, ...]:
    """Rows with more or fewer cells than the header: filled up with missing values, or cut."""
    if b'"' in body:
        widths = [
            len(record)
            for record in csv.reader(io.StringIO(body.decode()), delimiter=form.separator)
            if record
        ]
        cells = np.array(widths[1:])
    else:
        codes = np.frombuffer(body, np.uint8)
        ends = np.flatnonzero(codes == 10)
        ends = ends if len(ends) and ends[-1] == len(codes) - 1 else np.append(ends, len(codes))
        starts = np.concatenate([[0], ends[:-1] + 1])
        separators = np.flatnonzero(codes == ord(form.separator))
        cells = np.searchsorted(separators, ends) - np.searchsorted(separators, starts) + 1
        cells = cells[1:][(ends - starts)[1:] > 1]
    short, long = int((cells < form.width).sum()), int((cells > form.width).sum())
    if not short + long:
        return ()
    told = f"{short:,} row(s) have fewer than {form.width} cells and were filled up with missing values; "
    return (Notice("ragged-rows", f"{told}{long:,} have more and were cut."),)
