"""A score on rows that no choice has seen, a model's or a baseline's."""

from dataclasses import dataclass

__all__ = ["Baseline", "Score"]


@dataclass(frozen=True)
class Score:
    """`value` of `metric` on `rows` held-out rows, with a bootstrap interval [`low`, `high`] at `level`."""

    metric: str
    value: float
    low: float
    high: float
    level: float
    rows: int
    greater_is_better: bool


@dataclass(frozen=True)
class Baseline:
    """An honest rival on the same held-out rows; `score` is None where left out, and `note` says why.

    `targets` are the scores of each of several targets by itself.
    """

    name: str
    title: str
    score: Score | None
    seconds: float
    note: str = ""
    targets: tuple[float, ...] = ()
