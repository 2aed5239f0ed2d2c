"""Everything one run of the main job produced: what the report tells and `summary.json` keeps."""

from dataclasses import dataclass
from pathlib import Path

from profunda.data.dataset import Dataset
from profunda.data.splits import Splits
from profunda.errors import Notice
from profunda.model.model import Model
from profunda.model.score import Baseline, Score
from profunda.tuning.result import SearchResult

__all__ = ["Outcome", "Timing"]


@dataclass(frozen=True)
class Timing:
    """Wall-clock seconds of one stage: read, split, search, select, baselines, report."""

    stage: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Outcome:
    """One finished run.

    `scores` holds every metric of the task on the held-out rows, `score` the one that was optimised, `single`
    that of one network alone (all empty without held-out rows). `run` is None for a run kept in memory.
    `interrupted` says that the user ended the search early, so that the run can be resumed.
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
    notices: tuple[Notice, ...]
    seed: int
    interrupted: bool
