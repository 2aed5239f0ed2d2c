"""A table that was read and understood."""

from dataclasses import dataclass

import numpy as np

from profunda.data.schema import Schema
from profunda.data.table import Column, Kind
from profunda.data.task import Task
from profunda.errors import Notice

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and target of N rows, with what was inferred on the way.

    `codes` [N, F] are the used columns as `Schema.codes` gives them, float64, or float32 of pictures or texts
    alone: numbers as they are, dates as days since 1970-01-01, booleans 0/1, categories as their index in the
    vocabulary, NaN where missing; the pixels of a picture; the words of a text by their numbers. `y` is int64
    [N] (index into `task.classes`), float64 [N], or of several targets float64 [N, C], 0 and 1 or numbers,
    NaN where missing. `test_rows` are the rows of a test part that came with the source (None if none did),
    `groups` int64 [N] and `times` float64 [N] what rows must be kept together or in order by. `columns` lists
    every input column of the source, also those that are not used. `fingerprint` is the blake2b (32 hex
    digits) of schema, task, codes and target.
    """

    task: Task
    schema: Schema
    columns: tuple[Column, ...]
    codes: np.ndarray
    y: np.ndarray
    test_rows: np.ndarray | None
    groups: np.ndarray | None
    times: np.ndarray | None
    notices: tuple[Notice, ...]
    source: str
    fingerprint: str

    @property
    def n_rows(self) -> int:
        """N."""
        return len(self.codes)

    @property
    def tasks(self) -> np.ndarray | None:
        """The task of each row, int64 [N], by its place in `task_names`; None where no column says it.

        Test rows that came with the source may have −1: no row to learn from is of their task.
        """
        for place, feature in zip(self.schema.starts, self.schema.features, strict=True):
            if feature.kind is Kind.TASK:
                return self.codes[:, place].astype(np.int64)
        return None

    @property
    def task_names(self) -> tuple[str, ...]:
        """The T tasks that rows belong to, the one with most rows first; () where no column says it."""
        return next((f.vocabulary for f in self.schema.features if f.kind is Kind.TASK), ())

    @property
    def n_features(self) -> int:
        """F, the columns of the codes (a network's input is D wide, which depends on the encoding)."""
        return self.codes.shape[1]
