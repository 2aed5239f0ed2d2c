"""What is to be predicted."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from profunda.errors import DataError

__all__ = ["TargetType", "Task", "TaskKind"]

TaskKind = Literal["binary", "multiclass", "regression", "multilabel", "multioutput"]
TargetType = Literal["text", "integer", "number", "boolean"]

_PARTS = {"multilabel": "binary", "multioutput": "regression"}
"""Kinds of several targets, and the kind that each of these has."""


@dataclass(frozen=True)
class Task:
    """The target's name and kind, and its classes as text in the order of their codes (empty for numbers).

    `dtype` is what the target was before its classes became text, so that predictions can be given back in
    kind. Of two classes the second one is the positive one. Several targets, each of two classes
    ("multilabel") or each a number ("multioutput"), are the `parts`, a task each; `target` then lists their
    names.
    """

    kind: TaskKind
    target: str
    classes: tuple[str, ...] = ()
    dtype: TargetType = "text"
    parts: tuple["Task", ...] = ()

    @staticmethod
    def of_parts(parts: tuple["Task", ...]) -> "Task":
        """The task of several targets, all of two classes or all numbers."""
        kind: TaskKind = "multioutput" if parts[0].kind == "regression" else "multilabel"
        dtypes = {part.dtype for part in parts}
        names = ", ".join(part.target for part in parts)
        return Task(kind, names, (), dtypes.pop() if len(dtypes) == 1 else "text", parts)

    @property
    def n_outputs(self) -> int:
        """C: the number of classes (2 for binary), 1 for a number, or the number of targets."""
        return len(self.parts) or (1 if self.numeric else len(self.classes))

    @property
    def numeric(self) -> bool:
        """Whether numbers are predicted, not classes."""
        return self.kind in ("regression", "multioutput")

    @property
    def single(self) -> bool:
        """Whether the target is one class of several, the outputs being its classes."""
        return self.kind in ("binary", "multiclass")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the targets."""
        return tuple(part.target for part in self.parts) or (self.target,)

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
        """The task as JSON text; `parts` are told only where there are some."""
        return json.dumps(_plain(asdict(self)), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """The task from its JSON text; DataError where it is none."""
        try:
            task = _task(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"this is not the JSON of a task ({error}); it may be cut off or from elsewhere"
            ) from error
        task.check()
        return task

    def check(self) -> None:
        """Raise DataError unless kind, classes and dtype fit together."""
        least, most = {
            "binary": (2, 2),
            "multiclass": (3, 10**6),
            "regression": (0, 0),
            "multilabel": (0, 0),
            "multioutput": (0, 0),
        }.get(self.kind, (1, 0))
        words = isinstance(self.target, str) and all(isinstance(text, str) for text in self.classes)
        known = self.dtype in ("text", "integer", "number", "boolean")
        if not (words and known and least <= len(self.classes) <= most):
            raise DataError(
                f"a task of kind {self.kind!r} with {len(self.classes)} classes of type {self.dtype!r} "
                "cannot be; its JSON was changed or comes from elsewhere"
            )
        self._check_parts()

    def _check_parts(self) -> None:
        wanted = _PARTS.get(self.kind)
        kinds = sorted({part.kind for part in self.parts})
        if (wanted is None and self.parts) or (
            wanted is not None and (len(self.parts) < 2 or kinds != [wanted])
        ):
            raise DataError(
                f"a task of kind {self.kind!r} with {len(self.parts)} targets of kind "
                f"{' and '.join(kinds) or 'none'} cannot be; its JSON was changed or comes from elsewhere"
            )
        for part in self.parts:
            part.check()


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    parts = [_plain(part) for part in fields.pop("parts")]
    return {**fields, "parts": parts} if parts else fields


def _task(found: Mapping[str, Any]) -> Task:
    parts = tuple(_task(part) for part in found.get("parts", ()))
    return Task(found["kind"], found["target"], tuple(found["classes"]), found["dtype"], parts)
