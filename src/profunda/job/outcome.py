"""Everything one run of the main job produced: what the report tells and `summary.json` keeps."""

from dataclasses import dataclass
from pathlib import Path

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.errors import Notice
from profunda.model.model import Model
from profunda.model.optimism import Optimism
from profunda.model.score import Baseline, Score, TaskScore
from profunda.tuning.ablation import Attribution
from profunda.tuning.result import SearchResult

__all__ = ["Outcome", "Timing"]


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of one stage, in the order of the run.

    "earlier calls" of a run that was resumed; "read" (with the split, and with measuring the engines where
    this machine's speeds are not known yet), "baselines", "train" (the engines at work
    in the search), "search" (the rest of it: inputs, draws, plans, judgements, the journal), "select",
    "refit", "score", "ablate", "tasks", "save" and "report".
    """

    stage: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """One finished run.

    `scores` holds every metric of the task on the held-out rows, `score` the one that was optimised, `single`
    that of one network alone (all empty without held-out rows). `run` is None for a run kept in memory.
    `engine` trained: "native", "torch" or "native and torch"; `instruction_set` is the native one's, or "".
    `interrupted` says that the user ended the search early, so that the run can be resumed. `optimism` tells
    by how much the validation rows' score flatters, as they chose; `validation` whether held-out rows
    ("holdout") or outer folds ("nested") told the score. `attribution` is what each ingredient of the best
    design is worth, where that was asked for and the time allowed it. `tasks` are the
    scores of each task where rows belong to some, beside linear models that share less or more.
    """

    run: Path | None
    dataset: Dataset
    splits: Splits
    search: SearchResult
    model: Model
    score: Score | None
    scores: tuple[tuple[str, float], ...]
    single: Score | None
    baselines: tuple[Baseline, ...]
    timings: tuple[Timing, ...]
    engine: str
    instruction_set: str
    notices: tuple[Notice, ...]
    seed: int
    interrupted: bool
    optimism: Optimism | None = None
    validation: str = "holdout"
    attribution: Attribution | None = None
    tasks: tuple[TaskScore, ...] = ()
