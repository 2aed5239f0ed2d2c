"""What became of a trial at a rung: its scores over folds, and why it ended if it did."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from profunda.fleet.forward import outputs
from profunda.fleet.history import Status
from profunda.fleet.snapshots import voters
from profunda.fleet.state import MemberState
from profunda.metrics.score import Metric, all_scores
from profunda.networks.prediction import predicted
from profunda.space.design import Design
from profunda.training.sources import Prepared
from profunda.vitals.causes import is_dead, is_vanished

__all__ = ["TROUBLES", "Verdict", "cause_of_dropping", "judge", "validation_predictions"]

# A member's own trouble tells more than the fact that others were better.
TROUBLES = (Status.FAILED, Status.DIVERGED, Status.DEAD, Status.VANISHED)


@dataclass(frozen=True)
class Verdict:
    """Scores averaged over folds at each fold's best epoch; `value` is the one that is optimised.

    `spread` is the standard error of `value` over folds (NaN for one fold). `status` is `RUNNING`
    while some fold has epochs left.
    """

    scores: tuple[tuple[str, float], ...]
    value: float
    spread: float
    status: Status
    epochs: int
    rung: int

    def to_json(self) -> dict[str, object]:
        """As the journal keeps it."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Verdict":
        """The inverse of `to_json`."""
        return Verdict(
            tuple((str(name), float(value)) for name, value in data["scores"]),
            float(data["value"]),
            float(data["spread"]),
            Status(data["status"]),
            int(data["epochs"]),
            int(data["rung"]),
        )


def validation_predictions(
    design: Design, states: Sequence[MemberState], sources: Prepared
) -> tuple[np.ndarray, ...]:
    """Each fold's predictions for its validation rows: [v, C], or clamped numbers [v].

    By its best weights, and the mean with its snapshots' where the design takes some.

    Computed one network at a time and never taken from a pack, so that a resumed run, which has the
    weights but not the packs, sees the same bits.
    """
    predictions = []
    for fold, state in enumerate(states):
        source = sources[design.encoding, fold]
        fitted, clamp = sources.preprocessing(design.encoding, fold), sources.clamp(source.train)
        votes = [
            predicted(
                outputs(design, params, source.x[source.valid], source.inputs),
                sources.dataset.task,
                fitted,
                clamp,
            )
            for params in voters(design, state)
        ]
        predictions.append(np.mean(votes, axis=0))
    return tuple(predictions)


def judge(
    design: Design, states: Sequence[MemberState], sources: Prepared, metric: Metric, rung: int
) -> Verdict:
    """The verdict on a trial whose folds have all reached a rung; NaN unless each has a best epoch."""
    status = _status([state.status for state in states])
    epochs = max(state.epoch for state in states)
    if any(state.best_epoch == 0 for state in states):
        return Verdict((), float("nan"), float("nan"), status, epochs, rung)
    kind, y = sources.dataset.task.kind, sources.dataset.y
    predictions = validation_predictions(design, states, sources)
    folds = [
        dict(all_scores(kind, y[sources.folds[fold].valid], prediction))
        for fold, prediction in enumerate(predictions)
    ]
    means = {name: float(np.mean([scores[name] for scores in folds])) for name in folds[0]}
    values = [scores[metric.name] for scores in folds]
    spread = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return Verdict(tuple(means.items()), means[metric.name], spread, status, epochs, rung)


def cause_of_dropping(states: Sequence[MemberState]) -> Status:
    """Why a trial left behind at a rung was so bad: its own trouble, if a fold's signs show one."""
    if any(is_dead(state.signs) for state in states):
        return Status.DEAD
    if any(is_vanished(state.signs) for state in states):
        return Status.VANISHED
    return Status.OUTCOMPETED


def _status(folds: Sequence[Status]) -> Status:
    """One word for several folds: running while one runs, else the gravest trouble, else the commonest."""
    for trouble in TROUBLES:
        if trouble in folds:
            return trouble
    if Status.RUNNING in folds:
        return Status.RUNNING
    return Counter(folds).most_common(1)[0][0]
