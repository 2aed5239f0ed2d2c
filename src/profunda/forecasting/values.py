"""A forecast as a value."""

import json
import math
from dataclasses import dataclass, fields

import numpy as np

from profunda.forecasting.learnability import Concern, Trainability
from profunda.forecasting.lines import Head, LayerForecast, Line, Recommendation
from profunda.forecasting.writing import text

__all__ = ["Forecast"]


@dataclass(frozen=True)
class Forecast:
    """What theory says about one network on one data set, before training.

    `subject` names the network, `networks` is how many draws of its first weights were measured, `rows` how
    many rows. `notes` tell what was assumed, and which parts of a module were not understood. `trainability`
    is a score from 0 to 1 with its reasons: below ½ the network is not expected to train.
    """

    subject: str
    networks: int
    rows: int
    lines: tuple[Line, ...]
    layers: tuple[LayerForecast, ...]
    recommendation: Recommendation
    trainability: Trainability
    summary: tuple[tuple[Head, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()

    @property
    def trainable(self) -> bool:
        """Whether the network is expected to learn more than a constant."""
        return self.trainability.trainable

    def line(self, code: str, name: str = "") -> Line:
        """The first line of that code and, where given, of that name; KeyError where there is none."""
        for one in self.lines:
            if one.code == code and name in ("", one.name):
                return one
        raise KeyError(f"no line {code} {name}".strip())

    def text(self) -> str:
        """All of it for a terminal."""
        rows = f"{self.rows} rows" if self.rows else "no data: 64 rows of standard normal inputs"
        drawn = "as it is" if self.networks == 1 else f"{self.networks} draws"
        title = f"Forecast of {self.subject} · {rows} · {drawn}"
        return text(
            title, self.summary, self.recommendation, self.trainability.concerns, self.lines, self.notes
        )

    def json(self) -> str:
        """All of it as JSON text; numbers that JSON lacks are null."""
        return json.dumps(_plain(self), ensure_ascii=False, allow_nan=False, indent=1)

    def __str__(self) -> str:
        return self.text()


def _plain(value: object) -> object:
    if isinstance(value, Forecast | Line | LayerForecast | Recommendation | Trainability | Concern):
        found = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if isinstance(value, Line):
            found["agrees"] = value.agrees
        if isinstance(value, Forecast | Trainability):
            found["trainable"] = value.trainable
        if isinstance(value, Trainability):
            found |= {"score": _plain(value.score), "verdict": value.verdict}
        return found
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value
