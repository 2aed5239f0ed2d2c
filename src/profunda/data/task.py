"""What is to be predicted."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from profunda.errors import DataError

__all__ = ["TargetType", "Task", "TaskKind"]

TaskKind = Literal["binary", "multiclass", "regression"]
TargetType = Literal["text", "integer", "number", "boolean"]


@dataclass(frozen=True)
class Task:
    """The target's name and kind, and its classes as text in the order of their codes (empty for numbers).

    `dtype` is what the target was before its classes became text, so that predictions can be given back in
    kind. Of two classes the second one is the positive one.
    """

    kind: TaskKind
    target: str
    classes: tuple[str, ...] = ()
    dtype: TargetType = "text"

    @property
    def n_outputs(self) -> int:
        """C: the number of classes (2 for binary), or 1 for a number."""
        return 1 if self.kind == "regression" else len(self.classes)

    @property
    def labels(self) -> np.ndarray:
        """The classes [C] in the type the target had: text, integers, numbers or booleans."""
        if self.dtype == "integer":
            return np.array([int(text) for text in self.classes], np.int64)
        if self.dtype == "number":
            return np.array([float(text) for text in self.classes], np.float64)
        if self.dtype == "boolean":
            return np.array([text.lower() in {"true", "1"} for text in self.classes], bool)
        return np.array(self.classes, object)

    def to_json(self) -> str:
        """The task as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """The task from its JSON text; DataError where it is none."""
        try:
            found = json.loads(text)
            task = cls(found["kind"], found["target"], tuple(found["classes"]), found["dtype"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"this is not the JSON of a task ({error}); it may be cut off or from elsewhere"
            ) from error
        task.check()
        return task

    def check(self) -> None:
        """Raise DataError unless kind, classes and dtype fit together."""
        least, most = {"binary": (2, 2), "multiclass": (3, 10**6), "regression": (0, 0)}.get(
            self.kind, (1, 0)
        )
        words = isinstance(self.target, str) and all(isinstance(text, str) for text in self.classes)
        known = self.dtype in ("text", "integer", "number", "boolean")
        if not (words and known and least <= len(self.classes) <= most):
            raise DataError(
                f"a task of kind {self.kind!r} with {len(self.classes)} classes of type {self.dtype!r} "
                "cannot be; its JSON was changed or comes from elsewhere"
            )
