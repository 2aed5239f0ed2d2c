"""Everything the parts of a run's report may speak of, gathered once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.errors import Notice
from profunda.metrics.score import Metric, metric_for
from profunda.model.model import Model
from profunda.model.optimism import Optimism
from profunda.model.parts import Part
from profunda.model.score import Baseline, Score, TaskScore
from profunda.tuning.ablation import Attribution
from profunda.tuning.dosage import Dosage
from profunda.tuning.result import SearchResult, Trial
from profunda.tuning.robustness import Robustness

__all__ = ["Evidence", "Stage"]


class Stage(Protocol):
    """A stage of the run and its wall-clock seconds."""

    @property
    def stage(self) -> str: ...

    @property
    def seconds(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Evidence:
    """One finished run, in pieces. `held_y` [N] and `held_prediction` ([N, C] probabilities or [N] numbers,
    [N, C] of several)
    are the targets and the model's predictions on the rows that judge; None where they were not kept.
    `single` is the score of the best single network on the same rows. `engine` says which trained ("native",
    "torch", "native and torch"), `instruction_set` which instructions the native one used, "" without it, and
    `engine_reason`, a clause, why. `optimism` tells how much the validation score flatters; `attribution`,
    `dosages` and `robustness` are what experiments around the champion found, where they were made; `tasks`
    the scores of each task that rows belong to.
    """

    dataset: Dataset
    splits: Splits
    search: SearchResult
    model: Model
    score: Score
    scores: tuple[tuple[str, float], ...]
    baselines: tuple[Baseline, ...]
    timings: Sequence[Stage]
    engine: str
    instruction_set: str
    engine_reason: str
    notices: tuple[Notice, ...]
    seed: int
    command: str
    run: Path
    held_y: np.ndarray | None = None
    held_prediction: np.ndarray | None = None
    single: Score | None = None
    optimism: Optimism | None = None
    attribution: Attribution | None = None
    dosages: tuple[Dosage, ...] = ()
    robustness: Robustness | None = None
    tasks: tuple[TaskScore, ...] = ()

    @cached_property
    def metric(self) -> Metric:
        """The metric that was optimised."""
        return metric_for(self.dataset.task.kind, self.score.metric)

    @property
    def classes(self) -> bool:
        """Whether classes or labels are predicted, not numbers."""
        return not self.dataset.task.numeric

    @cached_property
    def main_part(self) -> Part:
        """The part of the model with the largest weight, the first of equals."""
        return max(self.model.parts, key=lambda part: part.weight)

    @cached_property
    def champion(self) -> Trial | None:
        """The trial the model's main part came from; the search's best where it cannot be traced."""
        same = [t for t in self.search.trials if t.design == self.main_part.design and t.value == t.value]
        sign = -1.0 if self.search.greater_is_better else 1.0
        return min(same, key=lambda t: (-t.rung, sign * t.value, t.number), default=self.search.best)

    @cached_property
    def champion_members(self) -> tuple[int, ...]:
        """Positions of the champion's members in the search's history, one a fold; empty without one."""
        if self.champion is None or self.search.history is None:
            return ()
        start = self.search.trials.index(self.champion) * self.search.folds
        return tuple(range(start, min(start + self.search.folds, len(self.search.history.curves))))

    @property
    def trivial(self) -> Baseline | None:
        """The first baseline: the constant prediction; None if it has no score."""
        return self.baselines[0] if self.baselines and self.baselines[0].score is not None else None

    @property
    def strong(self) -> Baseline | None:
        """The best-scoring of the other baselines; None if none has a score."""
        scored = [b for b in self.baselines[1:] if b.score is not None]
        sign = -1.0 if self.score.greater_is_better else 1.0
        return min(scored, key=lambda b: sign * b.score.value, default=None)  # type: ignore[union-attr]
