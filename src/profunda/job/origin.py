"""Where a run's data come from, so that a resumed run reads the very same rows again."""

import os
from dataclasses import dataclass
from pathlib import Path

from profunda.data.dataset import Dataset
from profunda.data.files import is_archive
from profunda.data.labels import TaskChoice
from profunda.data.memory import default_limit
from profunda.data.reading import read
from profunda.data.table import Kind
from profunda.errors import ArgumentError

__all__ = ["Origin"]

READING_RATE = 13_000_000  # bytes of a table a second of budget: reading then takes about a sixth of it
LEAST_READ = 300_000_000  # bytes that are read whatever the budget


@dataclass(frozen=True)
class Origin:
    """What `read` was asked: the source as text (empty for data in memory), the target's name or the names of
    several, the task and the column of tasks ("" where there is none).

    The memory that a table may take is fixed when a run starts, since a sample's size depends on it.
    """

    source: str
    target: str | tuple[str, ...]
    task: TaskChoice | None
    memory_limit: int | None
    task_column: str = ""

    @classmethod
    def of(
        cls,
        data: object,
        target: object,
        task: TaskChoice | None,
        seconds: float | None,
        task_column: str | None = None,
    ) -> "Origin":
        """The origin of what a user hands over; under a budget in `seconds` a huge file is sampled."""
        column = task_column or ""
        names = _named(target)
        if names is None:
            return cls("", "", task, None, column)  # targets in memory: the file alone cannot be read again
        if isinstance(data, str) and data.startswith("bundled:"):
            source = data
        elif isinstance(data, str | os.PathLike):
            source = os.path.abspath(os.path.expanduser(data))  # as `read` expands it
        else:
            return cls("", "", task, None, column)
        limit = default_limit()
        if seconds is not None and not is_archive(Path(source)):
            limit = min(limit, max(LEAST_READ, int(seconds * READING_RATE)))
        return cls(source, names, task, limit, column)

    def read(self, data: object = None, target: object = None) -> Dataset:
        """The data set: `data` and `target` as they were handed over, or read again where they are None."""
        if isinstance(data, Dataset):
            self._check_read(data)
            return data
        if data is None:
            data, target = self.source, self.target or None
        return read(
            data,
            target,
            task=self.task,
            task_column=self.task_column or None,
            memory_limit=self.memory_limit,
        )

    def _check_read(self, dataset: Dataset) -> None:
        """Refuse a task column that what was read already does not have."""
        named = [column.name for column in dataset.columns if column.kind is Kind.TASK]
        if self.task_column and self.task_column not in named:
            raise ArgumentError(
                f"task_column={self.task_column!r} comes too late for a Dataset, which was read without it; "
                "name it there: profunda.read(..., task_column=...)."
            )


def _named(target: object) -> str | tuple[str, ...] | None:
    """The column or columns that `target` names ("": the source's own); None where it is values in memory.

    `read` tells texts that are values by their number; they repeat, while a column can be named only once.
    """
    if target is None or isinstance(target, str):
        return target or ""
    texts = isinstance(target, list | tuple) and all(isinstance(one, str) for one in target)
    return tuple(target) if texts and len(set(target)) == len(target) else None
