"""A score on rows that no choice has seen, a model's or a baseline's."""

from dataclasses import dataclass

__all__ = ["Baseline", "Score", "TaskScore"]


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


@dataclass(frozen=True)
class TaskScore:
    """One task of grouped rows on its `rows` held-out rows, `trained` more being there to learn from.

    `value` is the Model's score, `pooled` and `alone` those of a linear model of all tasks and of this one's
    rows only. `gain` is the mean loss of a row (squared error, log-loss) of the latter less the Model's, in
    [`low`, `high`] for all tasks at once; NaN where there are too few rows. What differs between the two is
    the company and the kind of model: who gains from whom in equal networks, `profunda.relations` tells.
    """

    name: str
    trained: int
    rows: int
    value: float
    pooled: float
    alone: float
    gain: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """The Model beside a linear one of the task alone: "better", "worse", "no difference seen" or "not
        compared"."""
        if self.gain != self.gain:
            return "not compared"
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no difference seen"
