"""The column that says which task a row belongs to: a school, a shop, a patient."""

from collections import Counter

import numpy as np

from profunda.data.inference import Inferred
from profunda.data.raw import RawColumn, listed
from profunda.data.schema import UNSEEN, Feature
from profunda.data.table import Column, Kind
from profunda.data.words import task_words
from profunda.errors import DataError, Notice

__all__ = ["tasks_found"]

FEW = 5  # rows, below which a split may leave a task none to train on


def tasks_found(column: RawColumn, keep: np.ndarray, test: np.ndarray) -> tuple[Inferred, tuple[Notice, ...]]:
    """The tasks that rows with a target (mask `keep` bool [N]) name, and what a reader should know of them.

    Tasks are counted over the rows to learn from, those not in the source's own test part (mask `test` bool
    [N]), and numbered by falling number (ties in alphabetical order); others are unseen. Raises DataError for
    free texts, and where a row to learn from has no task, all have the same one, or rows have no company in
    theirs: two rows a task on average.
    """
    if column.form == "prose":
        raise DataError(
            f"the task column {column.name!r} holds free texts; name a column of a few words or numbers, one "
            "for each task"
        )
    words = np.array(task_words(column).fill_null("").to_list(), object)
    name, learned = column.name, words[keep & ~test].tolist()
    ranked = sorted(Counter(learned).items(), key=lambda pair: (-pair[1], pair[0]))
    _check_counts(name, learned, len(ranked))
    vocabulary, counts = tuple(word for word, _ in ranked), tuple(count for _, count in ranked)
    feature = Feature(name, Kind.TASK, 0, len(ranked), vocabulary, counts)
    reason = f"says which of {len(ranked):,} tasks a row belongs to"
    codes = np.nan_to_num(feature.codes(column.take(keep)), nan=UNSEEN)  # a test row may name no task
    found = Inferred(Column(name, Kind.TASK, 0, len(ranked), True, reason), feature, codes)
    told = [
        *_without_target(name, set(words[~test]) - set(vocabulary) - {""}),
        *_tested_only(name, words[keep & test][codes[test[keep]] == UNSEEN].tolist()),
        *_small(name, [word for word, count in ranked if count < FEW]),
    ]
    return found, tuple(told)


def _check_counts(name: str, words: list[str], tasks: int) -> None:
    """Refuse a column by which rows to learn from would not be of several tasks, with company in each."""
    if lacking := words.count(""):
        raise DataError(
            f"{lacking:,} of {len(words):,} rows have no value in the task column {name!r}; fill them in, or "
            "give them a task of their own"
        )
    if tasks < 2 or 2 * tasks > len(words):
        raise DataError(
            f"the task column {name!r} has {tasks:,} task(s) in {len(words):,} rows; at least 2 are needed, "
            "with two rows each on average. Is another column meant?"
        )


def _without_target(name: str, lost: set[str]) -> list[Notice]:
    if not lost:
        return []
    text = (
        f"{len(lost):,} task(s) of {name!r} have no row with a target and are not learned: "
        f"{listed(sorted(lost))}. Their rows are predicted as those of a task that nobody has seen."
    )
    return [Notice("tasks-without-target", text)]


def _tested_only(name: str, words: list[str]) -> list[Notice]:
    """Of the test rows whose task no row to learn from has, by what they say."""
    if not words:
        return []
    told = sorted(set(words) - {""}) + ["rows without a task"] * ("" in words)
    text = (
        f"{len(words):,} rows of the source's own test part belong to no task of {name!r} that was learned: "
        f"{listed(told)}. They are predicted, and scored, as those of a task that nobody has seen."
    )
    return [Notice("unseen-tasks", text)]


def _small(name: str, few: list[str]) -> list[Notice]:
    if not few:
        return []
    text = (
        f"{len(few):,} task(s) of {name!r} have fewer than {FEW} rows: {listed(few)}. Where a fold trains on "
        "none of a task's rows, its network answers by what all tasks share."
    )
    return [Notice("small-tasks", text)]
