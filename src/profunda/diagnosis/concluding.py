"""From what was seen of a loop to a diagnosis: look, measure, judge, and tell since when it could be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.finding import Finding
from profunda.diagnosis.givens import Optimiser
from profunda.diagnosis.ingredients import Making
from profunda.diagnosis.judging import Judgement, judge
from profunda.diagnosis.looking import Looker
from profunda.diagnosis.partial import until
from profunda.diagnosis.passage import PLAIN, Passage
from profunda.diagnosis.record import Course, Record, Sharpness
from profunda.diagnosis.rules.all import RULES
from profunda.diagnosis.rules.sizes import may_be_wasteful
from profunda.diagnosis.snapshots import Snapshot
from profunda.diagnosis.standing import Standing, Standings, placed
from profunda.diagnosis.suspicions import suspected, telling

__all__ = ["EARLY", "Seen", "conclude", "judged", "looker_of"]

EARLY = (0.0, 0.01, 0.05, 0.25)
"""Parts of all steps at which the record so far is judged, to tell since when a finding could be told."""


_FEWEST = 512
"""Rows on which a network is judged after a loop, or as many as make it cost half of the loop's own forward
passes, whichever is more."""


@dataclass(frozen=True)
class Seen:
    """All that a loop showed.

    Parameters
    ----------
    module, loss_fn
        As they are at the end; only copies of them run.
    optimiser
        Its settings before the first step.
    course
        Gives the Course with columns for the layers of these names.
    first
        The first batch trained on; None where there was none.
    sample
        Batches of rows to look at, in the data set's own order where that is known; `rows` is the number of
        all rows, 0 where unknown.
    validation
        Batches of validation rows.
    labels
        Labels in order of arrival, one number a row.
    snapshots
        Weights at some steps, the first before training.
    making
        Makes an optimiser such as the loop's; without it no training is made for comparison.
    epochs
        Times that the loop went over the data, as far as known.
    sharpness
        As far as it was measured on the way.
    standings
        At ends of epochs; those of `snapshots` are taken where there are none.
    planned
        Steps that were planned, 0 where unknown.
    training, stuck
        Mode of the module, and of its parts, when it was handed over.
    passage
        What the loop does between the network and the loss, which `module` does too; None where unread.
    """

    module: nn.Module
    loss_fn: Callable[..., Any]
    optimiser: Optimiser
    course: Callable[[Sequence[str]], Course]
    first: Batch | None
    sample: Sequence[Batch]
    rows: int
    validation: Sequence[Batch]
    labels: Tensor | None
    snapshots: tuple[Snapshot, ...]
    making: Making | None = None
    epochs: int = 1
    sharpness: tuple[Sharpness, ...] = ()
    standings: tuple[Standing, ...] = ()
    planned: int = 0
    finished: bool = True
    training: bool = True
    stuck: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    passage: Passage | None = PLAIN


def looker_of(seen: Seen) -> Looker:
    """One for the module as it was at the first snapshot."""
    begun = copy_of(seen.module)
    if seen.snapshots:
        placed(begun, seen.snapshots[0].state)
    return Looker(begun, seen.loss_fn, seen.first, seen.sample, seen.validation, seen.passage)


def conclude(seen: Seen, looker: Looker) -> Diagnosis:
    """What `seen` means, with measurements of `looker`."""
    anatomy = replace(looker.anatomy, training=seen.training, stuck=seen.stuck)
    looked = looker.looks(seen.labels, seen.rows)
    bare = Record(anatomy, looked.task, looked.loss, seen.optimiser, looked.rows, looked.targets)
    course = seen.course([layer.name for layer in anatomy.layers])
    standings = seen.standings
    if not standings:
        most = max(_FEWEST, int(course.rows.sum()) // (2 * max(1, len(seen.snapshots))))
        few, held = _some(seen.sample, most), _some(seen.validation, most)
        take = Standings(seen.module, seen.loss_fn, seen.first, few, held)
        standings = tuple(take.of(one.state, one.step) for one in seen.snapshots if one.step)
    course = _with_epochs(course, standings, seen)
    surveys = looker.surveys(seen.snapshots, seen.module, course.steps)
    record = replace(
        bare,
        surveys=surveys,
        course=course,
        sharpness=seen.sharpness,
        kernel=looker.kernel(seen.module) if course.steps else None,
    )
    if seen.making is not None:
        told = judge(record, RULES)
        changes = suspected(record, told)
        tried = looker.trials(changes, seen.making, course.rate, seen.epochs)
        record = replace(record, trials=telling(record, tried))
        if may_be_wasteful(record) and not any(one.severity == "fault" for one in told.findings):
            record = replace(record, narrower=looker.narrower(seen.module, seen.making, course.steps))
    judgement, findings = judged(record)
    return Diagnosis(
        type(seen.module).__name__,
        list(findings),
        judgement.symptoms,
        judgement.silences,
        record,
        (*dict.fromkeys((*seen.notes, *looker.notes)),),
    )


def judged(record: Record) -> tuple[Judgement, tuple[Finding, ...]]:
    """What the rules say of `record`, each finding with the earliest step at which it could be told."""
    whole = judge(record, RULES)
    steps = 0 if record.course is None else record.course.steps
    early: list[tuple[int, frozenset[str]]] = []
    for step in sorted({int(part * steps) for part in EARLY} - {steps}):
        told = judge(until(record, step), RULES)
        early.append((step, frozenset(one.code for one in (*told.findings, *told.symptoms))))
    return whole, tuple(replace(one, step=_since(one, early, steps)) for one in whole.findings)


def _since(finding: Finding, early: Sequence[tuple[int, frozenset[str]]], steps: int) -> int:
    """The first step from which on the finding never went away again; its own where that is earlier."""
    since = steps
    for step, codes in reversed(early):
        if finding.code not in codes:
            break
        since = step
    return min(since, finding.step) if finding.step else since


def _some(batches: Sequence[Batch], rows: int) -> Sequence[Batch]:
    """Of all, evenly spread, as many as hold `rows` rows."""
    every = -(-sum(one.rows for one in batches) // rows)
    return batches[::every] if every > 1 else batches


def _with_epochs(course: Course, standings: Sequence[Standing], seen: Seen) -> Course:
    return replace(
        course,
        epoch_step=np.array([one.step for one in standings], np.int64),
        train_loss=np.array([one.train_loss for one in standings]),
        valid_loss=np.array([one.valid_loss for one in standings]),
        train_score=np.array([one.train_score for one in standings]),
        valid_score=np.array([one.valid_score for one in standings]),
        planned=seen.planned,
        finished=course.finished and seen.finished,
    )
