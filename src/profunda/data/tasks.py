"""The column that says which task a row belongs to: a school, a shop, a patient."""

from collections import Counter

import numpy as np

from profunda.data.inference import Inferred
from profunda.data.numerals import number_text
from profunda.data.raw import RawColumn, listed
from profunda.data.schema import Feature
from profunda.data.table import Column, Kind
from profunda.errors import DataError, Notice

__all__ = ["tasks_found"]

FEW = 5  # rows, below which a split may leave a task none on one of its sides


def tasks_found(column: RawColumn, keep: np.ndarray) -> tuple[Inferred, tuple[Notice, ...]]:
    """The tasks that the rows `keep` (mask bool [N]) of a column name, and what a reader should know of them.

    Tasks are numbered by falling number of rows (ties in alphabetical order). Raises DataError where a row
    has no task, all have the same one, or rows have no company in theirs: two rows a task on average.
    """
    words = _words(column)
    kept = [word for word, is_kept in zip(words, keep.tolist(), strict=True) if is_kept]
    name, lacking = column.name, kept.count("")
    if lacking:
        raise DataError(
            f"{lacking:,} of {len(kept):,} rows have no value in the task column {name!r}; fill them in, or "
            "give them a task of their own"
        )
    ranked = sorted(Counter(kept).items(), key=lambda pair: (-pair[1], pair[0]))
    if len(ranked) < 2 or 2 * len(ranked) > len(kept):
        raise DataError(
            f"the task column {name!r} has {len(ranked):,} task(s) in {len(kept):,} rows; at least 2 are "
            "needed, with two rows each on average. Is another column meant?"
        )
    vocabulary, counts = tuple(word for word, _ in ranked), tuple(count for _, count in ranked)
    feature = Feature(name, Kind.TASK, 0, len(ranked), vocabulary, counts)
    reason = f"says which of {len(ranked):,} tasks a row belongs to"
    found = Inferred(
        Column(name, Kind.TASK, 0, len(ranked), True, reason), feature, feature.codes(column.take(keep))
    )
    lost = sorted(set(words) - set(vocabulary) - {""})
    return found, tuple(_told(name, lost, [word for word, count in ranked if count < FEW]))


def _words(column: RawColumn) -> list[str]:
    """What each row says, "" where nothing; DataError for pictures and free texts, which name no task."""
    if column.pixels is not None or column.form == "prose":
        raise DataError(
            f"the task column {column.name!r} holds pictures or free texts; name a column of a few words or "
            "numbers, one for each task"
        )
    if column.numbers is not None:
        return ["" if value != value else number_text(value) for value in column.numbers.tolist()]
    assert column.texts is not None
    return column.texts.fill_null("").to_list()


def _told(name: str, lost: list[str], few: list[str]) -> list[Notice]:
    told = []
    if lost:
        text = (
            f"{len(lost):,} task(s) of {name!r} have no row with a target and are not learned: "
            f"{listed(lost)}. Their rows are predicted as those of a task that nobody has seen."
        )
        told.append(Notice("tasks-without-target", text))
    if few:
        text = (
            f"{len(few):,} task(s) of {name!r} have fewer than {FEW} rows: {listed(few)}. Where a fold "
            "trains on none of a task's rows, its network answers by what all tasks share."
        )
        told.append(Notice("small-tasks", text))
    return told
