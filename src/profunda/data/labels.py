"""The target: classes or numbers, and the rows that have one."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from profunda.data.numerals import MOSTLY, booleans, number_style, number_text
from profunda.data.raw import RawColumn, listed
from profunda.data.task import TargetType, Task
from profunda.errors import DataError, Notice

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Labels", "TaskChoice", "decide"]

TaskChoice = Literal["classification", "regression"]

MOST_CODES = 20  # integers with more distinct values than this are a number
ROWS_PER_CODE = 5  # rows a code must have on average to be a class
MOST_CLASSES = 0.5  # classes per row above which a text target names rows
SKEWED = 2.0  # |skewness| from which a numeric target is remarked on


@dataclass(frozen=True, eq=False)
class Labels:
    """The task, its target (int64 or float64 [n]), which rows have one (bool [N]), and remarks."""

    task: Task
    y: np.ndarray
    keep: np.ndarray
    notices: tuple[Notice, ...]


def decide(column: RawColumn, choice: TaskChoice | None) -> Labels:
    """Classes or numbers? The rule:

    texts and booleans are classes; numbers with a fraction are numbers; two distinct values are two classes;
    integers 0…K−1 or 1…K with K ≤ 20 and five rows a value on average are classes; any other integers are
    numbers. `choice` overrides it. DataError for a target without values, with one value, or with almost as
    many classes as rows.
    """
    if column.form == "nested":
        raise DataError(f"target {column.name!r} holds lists or records; one text or number a row is needed")
    column, told = _readable(column, choice)
    numbers = column.numbers
    missing = np.isnan(numbers) if numbers is not None else _words(column).is_null().to_numpy()
    if missing.all():
        raise DataError(
            f"target {column.name!r} has no value in any of {len(column):,} rows; name another column"
        )
    notices = list(told)
    if missing.any():
        lost = f"{int(missing.sum()):,} of {len(column):,} rows have no usable target and were left out."
        notices.append(Notice("missing-target", lost))
    kept = column.take(~missing)
    if kept.numbers is not None and _is_number(kept, kept.numbers, choice, notices):
        return _number_labels(column.name, kept.numbers, ~missing, notices)
    return _class_labels(kept, ~missing, notices)


def _words(column: RawColumn) -> "pl.Series":
    assert column.texts is not None
    return column.texts


def _readable(column: RawColumn, choice: TaskChoice | None) -> tuple[RawColumn, tuple[Notice, ...]]:
    """The target as numbers where it is numeric or must be, else as texts."""
    name = column.name
    if column.numbers is not None:
        endless = int(np.isinf(column.numbers).sum())
        told = (
            (Notice("infinite-values", f"{endless:,} infinite targets were taken for missing."),)
            if endless
            else ()
        )
        return replace(column, numbers=np.where(np.isinf(column.numbers), np.nan, column.numbers)), told
    texts = _words(column)
    if choice == "classification" or (
        choice is None and (column.form == "category" or booleans(texts) is not None)
    ):
        return column, ()
    style, numbers, share = number_style(texts)
    if choice == "regression" and share == 0 and texts.null_count() < len(texts):
        raise DataError(
            f"target {name!r} holds texts ({listed(texts.drop_nulls().unique().sort().head(4).to_list())}), "
            "not numbers; leave out task='regression' or name another column"
        )
    amounts = len(np.unique(numbers[~np.isnan(numbers)])) > MOST_CODES
    # Numbers stored as text in a frame are codes of classes; in a file a comma or odd cells made them text.
    if choice is None and not (share >= MOSTLY and (style or (share < 1 and amounts))):
        return column, ()
    odd = int((np.isnan(numbers) & ~texts.is_null().to_numpy()).sum())
    told = (Notice("text-in-numbers", f"{odd:,} texts in the target were taken for missing."),) if odd else ()
    return RawColumn(name, "number", numbers), told


def _is_number(column: RawColumn, y: np.ndarray, choice: TaskChoice | None, notices: list[Notice]) -> bool:
    distinct = np.unique(y)
    if choice is not None:
        return choice == "regression"
    if column.form == "boolean" or len(distinct) == 2:
        return False
    if (y % 1 != 0).any():
        return True
    consecutive = distinct[0] in (0, 1) and distinct[-1] - distinct[0] == len(distinct) - 1
    classes = consecutive and len(distinct) <= MOST_CODES and len(y) >= ROWS_PER_CODE * len(distinct)
    span = f"{len(distinct)} different whole numbers from {distinct[0]:.0f} to {distinct[-1]:.0f}"
    if classes and len(distinct) > 2:
        text = (
            f"Target {column.name!r} has {span}: taken for classes; pass task='regression' if they are "
            "amounts."
        )
        notices.append(Notice("target-kind", text))
    elif len(distinct) <= MOST_CODES and len(distinct) > 2:
        text = (
            f"Target {column.name!r} has {span}: taken for numbers; pass task='classification' if they are "
            "codes."
        )
        notices.append(Notice("target-kind", text))
    return not (classes and len(distinct) > 1)


def _number_labels(name: str, y: np.ndarray, keep: np.ndarray, notices: list[Notice]) -> Labels:
    if np.all(y == y[0]):
        raise DataError(
            f"target {name!r} has the value {y[0]:g} in all {len(y):,} rows: nothing is to be learned; name "
            "another"
        )
    centred = y - y.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    skewness = float(np.mean((centred / spread) ** 3)) if spread > 0 else 0.0
    if abs(skewness) > SKEWED:
        text = (
            f"Target {name!r} is skewed (skewness {skewness:.1f}): a few large values weigh most in the "
            "squared error."
        )
        notices.append(Notice("skewed-target", text))
    return Labels(Task("regression", name, (), "number"), y.astype(np.float64), keep, tuple(notices))


def _in_order(words: list[str], codes: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Classes that are called 1, 2, … 10 in that order rather than in the alphabet's."""
    if not all(word.isdecimal() for word in words):
        return words, codes
    order = np.argsort([int(word) for word in words], kind="stable")
    return [words[i] for i in order], np.argsort(order)[codes]


def _class_labels(column: RawColumn, keep: np.ndarray, notices: list[Notice]) -> Labels:
    import polars as pl

    dtype: TargetType = "text"
    if column.numbers is not None:
        values, codes = np.unique(column.numbers, return_inverse=True)
        dtype = "boolean" if column.form == "boolean" else "integer" if (values % 1 == 0).all() else "number"
        classes = [str(bool(value)) if dtype == "boolean" else number_text(value) for value in values]
    else:
        words = _words(column).unique().sort()
        places = pl.int_range(len(words), eager=True)
        codes = _words(column).replace_strict(words, places, return_dtype=pl.Int64).to_numpy()
        classes, codes = _in_order(words.to_list(), codes)
    if len(classes) == 1:
        raise DataError(
            f"target {column.name!r} has one class only, {classes[0]!r}, in all {len(codes):,} rows: nothing "
            "is to be learned; name another column"
        )
    if len(classes) > max(MOST_CODES, MOST_CLASSES * len(codes)):
        raise DataError(
            f"target {column.name!r} has {len(classes):,} classes in {len(codes):,} rows, so it names rows "
            "rather than classes; name another column, or pass task='regression' if it holds amounts"
        )
    counts = np.bincount(codes)
    single = [name for name, count in zip(classes, counts, strict=True) if count == 1]
    if single:
        text = (
            f"Classes seen once only cannot be checked; their rows are used for training alone: "
            f"{listed(single)}."
        )
        notices.append(Notice("single-class-rows", text))
    kind = "binary" if len(classes) == 2 else "multiclass"
    return Labels(
        Task(kind, column.name, tuple(classes), dtype), codes.astype(np.int64), keep, tuple(notices)
    )
