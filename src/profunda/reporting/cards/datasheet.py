"""The datasheet of the data that a run read."""

from collections.abc import Callable, Mapping

from profunda.reporting.blocks import Table
from profunda.reporting.cards.answering import Said, answered, unrecorded
from profunda.reporting.cards.card import Card
from profunda.reporting.cards.filling import Filling
from profunda.reporting.cards.questions import DATASHEET
from profunda.reporting.cards.run import FinishedRun
from profunda.reporting.record import Record
from profunda.reporting.words import count, moment, number, share

__all__ = ["MOST_ROWS", "datasheet_of", "target_tables"]

MOST_ROWS = 300  # of a table; the metadata for machines list all columns


def datasheet_of(run: FinishedRun, filling: Filling) -> Card:
    """The datasheet: what the run knows, what a person said, what is missing."""
    name = filling["data.name"] or run.name
    told = run.model.provenance
    lead = (
        f"On {_source_name(run)} as a run of Profunda read it on {moment(told.created)}; fingerprint "
        f"{told.fingerprint}."
    )
    return Card(DATASHEET, name, lead, answered(DATASHEET, run, filling, TOLD))


def _source_name(run: FinishedRun) -> str:
    record = run.record
    if record is not None and record.file is not None:
        return record.file.name
    # Folders above the file are nobody's business who reads the sheet.
    return run.model.provenance.source.replace("\\", "/").rpartition("/")[2] or "data in memory"


def _record(run: FinishedRun) -> Record:
    assert run.record is not None
    return run.record


def _count(run: FinishedRun) -> Said:
    return f"{count(_record(run).rows)} rows.", ()


def _features(run: FinishedRun) -> Said:
    columns = _record(run).columns
    used = sum(column.used for column in columns)
    rows = tuple(
        (c.name, c.kind.value, "yes" if c.used else "no", c.missing, c.distinct, c.reason)
        for c in columns[:MOST_ROWS]
    )
    names = ("column", "kind", "used", "missing", "distinct", "what was found")
    text = f"{count(len(columns))} columns beside the target, of which {count(used)} were used as inputs."
    if len(columns) > MOST_ROWS:
        text += f" The first {MOST_ROWS} are listed; croissant.json has all."
    return text, (Table("Columns" if len(rows) > 40 else "", names, rows, folded=len(rows) > 40),)


def _label(run: FinishedRun) -> Said:
    task = run.model.task
    what = (
        "numbers" if task.numeric else f"{len(task.classes)} classes" if task.single else "two classes each"
    )
    return f"{task.target}: {what} ({task.kind}).", target_tables(_record(run))


def target_tables(record: Record) -> tuple[Table, ...]:
    """How the targets are distributed over all rows: rows of each class, or the range of numbers."""
    tables = []
    classes = [(target, name, rows) for target in record.targets for name, rows in target.classes]
    if classes:
        ranked = sorted(classes, key=lambda one: -one[2]) if len(record.targets) == 1 else classes
        rows = tuple((t.name, c, n, share(n / max(1, t.rows))) for t, c, n in ranked[:MOST_ROWS])
        tables.append(Table("", ("target", "class", "rows", "share"), rows))
    spreads = [(target, target.spread) for target in record.targets if target.spread is not None]
    if spreads:
        found = tuple(
            (t.name, t.rows, *(number(v, 4) for v in (s.least, s.median, s.mean, s.most)))
            for t, s in spreads[:MOST_ROWS]
        )
        names = ("target", "rows", "least", "median", "mean", "greatest")
        tables.append(Table("", names, found))
    return tuple(tables)


def _missing(run: FinishedRun) -> Said:
    record = _record(run)
    lacking = [
        (c.name, c.missing, share(c.missing / max(1, record.rows))) for c in record.columns if c.missing
    ]
    if not lacking:
        return "No value is missing.", ()
    cells = share(sum(n for _, n, _ in lacking) / max(1, record.rows * len(record.columns)))
    text = f"{len(lacking)} of {len(record.columns)} columns lack values, {cells} of all; why, no run knows."
    ranked = sorted(lacking, key=lambda one: -one[1])
    return text, (Table("", ("column", "rows without", "share"), tuple(ranked[:MOST_ROWS])),)


def _relationships(run: FinishedRun) -> Said:
    record = _record(run)
    told = [
        *(["a column tells which rows belong together"] if record.grouped else []),
        *(["a column tells their order in time"] if record.ordered else []),
    ]
    return (
        f"Yes: {' and '.join(told)}." if told else "None was told to this run: it took rows as independent."
    ), ()


def _splits(run: FinishedRun) -> Said:
    record = _record(run)
    return (
        f"In this run: {record.split.rstrip('.')}. {count(record.test)} rows judged and had no part in any "
        "choice.",
        (),
    )


def _errors(run: FinishedRun) -> Said:
    notices = _record(run).notices
    if not notices:
        return (
            "Reading, splitting and looking for repeated rows and copies of the target noticed nothing.",
            (),
        )
    rows = tuple((notice.text, notice.code) for notice in notices[:MOST_ROWS])
    return "What reading and splitting noticed:", (Table("", ("notice", "code"), rows),)


def _copy(run: FinishedRun) -> Said:
    file, told = _record(run).file, run.model.provenance
    rows = [("fingerprint of columns and target (BLAKE2b)", told.fingerprint)]
    if file is not None:
        rows += [("file", file.name), ("bytes", count(file.bytes))]
        rows += [("SHA-256", file.sha256 or "not taken, the file is too large")]
    return "By these, which change with any value:", (Table("", ("what", "value"), tuple(rows)),)


def _by_run(run: FinishedRun) -> Said:
    left_out = [column for column in _record(run).columns if not column.used]
    encodings = sorted({part.design.encoding for part in run.model.parts})
    told = [
        f"Nothing was changed in the data themselves. {count(len(left_out))} columns were left out"
        + (
            f" ({', '.join(c.name for c in left_out[:10])}{' …' if len(left_out) > 10 else ''})."
            if left_out
            else "."
        )
    ]
    told.append(
        f"Within the model, inputs are encoded ({', '.join(encodings)}); what that is fitted to, medians for "
        "missing values included, comes from training rows alone."
    )
    return " ".join(told), ()


def _this_run(run: FinishedRun) -> Said:
    return f"To predict {run.model.task.target} ({run.model.task.kind}); the model card tells how well.", ()


TOLD: Mapping[str, Callable[[FinishedRun], Said]] = {
    "composition.count": unrecorded(_count),
    "composition.features": unrecorded(_features),
    "composition.label": unrecorded(_label),
    "composition.missing": unrecorded(_missing),
    "composition.relationships": unrecorded(_relationships),
    "composition.splits": unrecorded(_splits),
    "composition.errors": unrecorded(_errors),
    "composition.copy": unrecorded(_copy),
    "preprocessing.by_run": unrecorded(_by_run),
    "uses.this_run": _this_run,
}
