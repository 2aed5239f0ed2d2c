"""Which changes to try where training fails and several causes, or none, would explain it."""

from dataclasses import replace

from profunda.diagnosis.codes import Area
from profunda.diagnosis.finding import Change, Finding
from profunda.diagnosis.judging import Judgement
from profunda.diagnosis.record import Record, Trial
from profunda.diagnosis.rules.readings import poor, relief

__all__ = ["SEEDS", "SHARE", "steps_for", "suspected", "telling"]

SHARE, SEEDS = 1.5, 2
"""All trials together make at most so many times the steps of the run; each is made so often."""

MOST = 2
"""Changes: with more, each trial would be too short to tell anything."""

SETTLED: tuple[Area, ...] = ("data", "labels", "loop", "loss", "output")
"""Faults of these areas are certain by themselves, and no other step or weight would mend them."""

LONG = 0.5
"""Of the run: a trial of fewer steps that shows no gain says nothing, for the run itself had more time."""

TRIED = (
    "initialisation",
    "activation",
    "norm",
    "skips",
    "width",
    "depth",
    "learning rate",
    "batch size",
    "schedule",
)
"""Kinds of changes that rules ask about, from cause to effect."""

ALWAYS = (Change("learning rate", value=0.1), Change("learning rate", value=10.0))


def suspected(record: Record, judgement: Judgement) -> tuple[Change, ...]:
    """What the findings and symptoms of a poor run propose, the earlier cause first; steps of another length
    where nothing else is suspected. () where the run does well, one cause is settled, or nothing was trained.
    """
    if record.course is None or not record.course.steps or not poor(record):
        return ()
    if any(one.severity == "fault" and one.area in SETTLED for one in judgement.findings):
        return ()
    found = _proposed((*judgement.findings, *judgement.symptoms))
    if len(found) == 1:
        return ()
    return found[:MOST] or ALWAYS


def _proposed(findings: tuple[Finding, ...]) -> tuple[Change, ...]:
    """Of each kind and direction one."""
    known: dict[tuple[str, bool], Change] = {}
    for one in findings:
        for change in one.changes:
            if change.kind in TRIED:
                known.setdefault((change.kind, change.value > 1.0), change)
    return tuple(sorted(known.values(), key=lambda change: TRIED.index(change.kind)))


def telling(record: Record, trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Those that end clearly better than the run, and those that are long enough to refute a cause."""
    steps = 0 if record.course is None else record.course.steps
    return tuple(
        one
        for one in trials
        if one.steps >= LONG * steps or relief(replace(record, trials=(one,)), one.what) is not None
    )


def steps_for(changes: int, steps: int) -> int:
    """Steps of each trial after a run of `steps`, the control's included."""
    return max(1, min(steps, int(SHARE * steps / ((changes + 1) * SEEDS))))
