"""Which columns are inputs and how their values become numbers."""

from dataclasses import dataclass

import numpy as np

from profunda.data.table import Kind

__all__ = ["Feature", "Schema"]


@dataclass(frozen=True)
class Feature:
    """One input column (see Schema)."""

    name: str
    kind: Kind
    missing: int
    distinct: int
    vocabulary: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    format: str = ""


@dataclass(frozen=True)
class Schema:
    """The used columns in order; `source` are all input columns of the source, used or not."""

    features: tuple[Feature, ...]
    source: tuple[str, ...]
    rows: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the used columns, in the order of the codes."""
        return tuple(feature.name for feature in self.features)

    def codes(self, source: object) -> np.ndarray: ...

    def to_json(self) -> str: ...

    @classmethod
    def from_json(cls, text: str) -> "Schema": ...
