"""The data as they were read: columns, what was inferred and why, splits, notices."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.errors import Notice
from profunda.reporting.blocks import Bar, Bars, Block, Facts, Figure, Table, Text
from profunda.reporting.figures import axis, hover, label, numbers, spec
from profunda.reporting.palette import ACCENT
from profunda.reporting.perceived import rows_words
from profunda.reporting.targets import target_values
from profunda.reporting.words import count, share, shorten

__all__ = ["data_blocks", "notice_table"]

MOST_COLUMNS = 300
MOST_CLASSES = 30


def data_blocks(dataset: Dataset, splits: Splits, notices: Sequence[Notice]) -> tuple[Block, ...]:
    """Facts, the target, the columns, the splits and everything that was accepted with a notice."""
    used = sum(column.used for column in dataset.columns)
    facts = Facts((
        ("Rows", _rows(dataset)),
        ("Columns used", f"{count(used)} of {count(len(dataset.columns))}"),
        ("To search with", f"{count(len(splits.development))} rows"),
        ("To judge with", f"{count(len(splits.test))} rows"),
        ("Folds", str(len(splits.folds))),
    ))  # fmt: skip
    how = Text(f"Read from {dataset.source}. How the rows were split: {splits.how.rstrip('.')}.")
    told = notice_table((*dataset.notices, *notices))
    blocks = (facts, how, _target(dataset), told, _columns(dataset))
    return tuple(block for block in blocks if block is not None)


def _rows(dataset: Dataset) -> str:
    if not any(feature.shape for feature in dataset.schema.features):
        return count(dataset.n_rows)
    return rows_words(dataset.schema, dataset.n_rows)


def notice_table(notices: Sequence[Notice]) -> Table | None:
    """What was accepted, but not silently; None where there was nothing."""
    rows = tuple(dict.fromkeys((notice.text, notice.code) for notice in notices))
    return Table("What was noticed", ("notice", "code"), rows[:100]) if rows else None


def _target(dataset: Dataset) -> Block:
    task = dataset.task
    if task.parts:
        return target_values(task, dataset.y)
    if task.numeric:
        return _distribution(task.target, dataset.y)
    counts = np.bincount(dataset.y, minlength=len(task.classes))
    ranked = np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist()
    bars = tuple(
        Bar(
            shorten(task.classes[k], 40),
            (float(counts[k]),),
            f"{counts[k]:,}  ({share(counts[k] / len(dataset.y))})",
        )
        for k in ranked
    )
    cut = f", the {len(ranked)} most frequent drawn" if len(ranked) < len(task.classes) else ""
    return Bars(
        f"The target: {task.target}", bars, f"{len(task.classes)} classes{cut}, by their number of rows."
    )


def _distribution(target: str, y: np.ndarray) -> Figure:
    """A histogram of the target; its bars are counts, never rows."""
    counts, edges = np.histogram(y, bins=min(60, max(10, round(np.sqrt(len(y))))))
    bars = {
        "type": "bar", "x": numbers((edges[:-1] + edges[1:]) / 2), "y": counts.tolist(),
        "width": numbers(np.diff(edges)),
        "marker": {"color": ACCENT, "opacity": 0.75}, "hovertemplate": hover("about %{x:.4g}: %{y} rows"),
    }  # fmt: skip
    layout = {"bargap": 0.04, "xaxis": axis(label(target)), "yaxis": axis("rows")}
    what = f"From {y.min():.4g} to {y.max():.4g}, mean {y.mean():.4g}, median {np.median(y):.4g}."
    why = "Counts of rows in bins of equal width over all rows that have a target."
    return Figure(
        f"The target: {target}", spec([bars], layout), what, why, f"Histogram of {target}. {what}", height=260
    )


def _columns(dataset: Dataset) -> Table:
    """Columns with their kinds; those left out come first, since they are what a reader must check."""
    ranked = sorted(dataset.columns, key=lambda column: column.used)
    rows = tuple(
        (
            shorten(column.name, 60), column.kind.value, "yes" if column.used else "no",
            share(column.missing / max(1, dataset.n_rows)), column.distinct, column.reason,
        )
        for column in ranked[:MOST_COLUMNS]
    )  # fmt: skip
    kinds = Counter(column.kind.value for column in dataset.columns if column.used)
    what = "Inputs by kind: " + ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common()) + "."
    if len(ranked) > MOST_COLUMNS:
        what += f" Listed are {MOST_COLUMNS} of {len(ranked):,} columns, those left out first."
    columns = ("column", "kind", "used", "missing", "distinct", "what was inferred, and why")
    return Table("Columns", columns, rows, what, folded=len(rows) > 20)
