"""What can go wrong, as one tree of exceptions.

ProfundaError
├── ArgumentError   a call's words are off: an unknown metric, a negative budget
├── DataError       the data cannot be used: no such file, one class, no input column
├── SpaceError      a domain, a Space or a Design contradicts itself
├── RunError        a run folder: it exists, is damaged, or belongs to other data
└── ModelError      a model folder is damaged, foreign or hostile

Every text says what is wrong with the numbers, the likely cause, and what to do.
The command line prints it and ends with exit code 2.
"""

from dataclasses import dataclass

__all__ = ["ArgumentError", "DataError", "ModelError", "Notice", "ProfundaError", "RunError", "SpaceError"]


class ProfundaError(Exception):
    """Any error that Profunda raises on purpose."""


class ArgumentError(ProfundaError, ValueError):
    """A call's arguments cannot be used."""


class DataError(ProfundaError, ValueError):
    """The data cannot be used as they are."""


class SpaceError(ProfundaError, ValueError):
    """A domain, a Space or a Design contradicts itself."""


class RunError(ProfundaError, RuntimeError):
    """A run folder cannot be used."""


class ModelError(ProfundaError, RuntimeError):
    """A model folder cannot be trusted or read."""


@dataclass(frozen=True)
class Notice:
    """Something accepted, but not silently.

    `code` is a stable word such as ``"infinite-values"``; `text` is one sentence that names
    the column or the number concerned and says what was done.
    """

    code: str
    text: str
