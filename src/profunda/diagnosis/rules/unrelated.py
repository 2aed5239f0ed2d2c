"""Labels that have nothing to do with their rows: shuffled apart, or nothing to be told of them."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.givens import Targets
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.reached import Reached, reached
from profunda.diagnosis.rules.readings import LEAST_STEPS
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["BARREN", "DOUBLE_SIDED", "PART", "RULE"]

DOUBLE_SIDED = 2.0
"""Standard errors of an interval."""

SEEN = 0.03
"""A skill above this would have been seen, else there are too few rows: the best simple predictor's skill is
below it even two standard errors further up."""

FAINT = 0.1
"""Likewise where there are too few rows for that: labels that inputs tell by less are a question."""

SIGNIFICANT = 1.6
"""Skill over its standard error, as large as one normal number z = 3.3 makes it: 1 in 2,000, and there are
six predictors."""

REMEMBERED = 0.1
"""Share of the constant's loss taken away on training rows that shows that the network fits what it is
given."""

NO_SKILL = 0.02
"""Share of the constant's loss on validation rows that is nothing."""

PART = 0.25
"""Labels of one kind are told less than a quarter as well as those of the other."""

RENAMED, SURELY = 0.15, 2.0
"""Share of validation rows that other names of classes would put right, and four standard errors of it, times
the root of the rows: classes that nothing tells apart gain by chance, and less."""

MOVED_WEIGHTS = 0.01
"""Part of its length by which some layer moved: the network had its chance."""

_TOGETHER = (
    "Check that inputs and labels are read, sorted and shuffled together: look at some rows beside their "
    "labels."
)

BARREN = ("overfitting", "labels-noisy", *STALLED)
"""What labels that cannot be told bring about."""


def _labels_unrelated(record: Record) -> Answer:
    code = "labels-unrelated"
    targets = record.targets
    if targets is None or not math.isfinite(targets.skill):
        return not_applicable(code, "Whether inputs tell targets was not measured.")
    one_sided = _one_sided(code, targets)
    if one_sided is not None:
        return (one_sided,)
    gain = targets.renamed - targets.named
    if _told_on_both(targets) and gain > max(RENAMED, SURELY / math.sqrt(max(1, targets.naming_rows))):
        return (_named_otherwise(code, targets),)
    if targets.skill > SIGNIFICANT * targets.skill_error:
        return clear(code)
    most = targets.skill + DOUBLE_SIDED * targets.skill_error
    if most > FAINT:
        return too_little(code, f"With {targets.rows} rows a skill of {FAINT:.0%} might not be seen.")
    got = reached(record)
    if _generalises(record, got):
        return clear(code, "Only the network tells them.")
    if not got.known or got.broken:
        over = got.broken or (record.course is not None and record.course.finished)
        if over:
            return too_little(code, "Neighbours and a linear model tell nothing; a network may.")
        return (_asked_first(code, targets, most),)
    return _unrelated(code, record, targets, got)


def _asked_first(code: str, targets: Targets, most: float) -> Finding:
    """Before anybody knows what the network tells: a question."""
    return Finding(
        code,
        "hint",
        "",
        (Evidence("skill of neighbours and a linear model, at most", most, FAINT),),
        f"On {targets.rows} rows neighbours and a linear model tell labels no better than a constant does: "
        "either only a network can, or labels were shuffled apart from their rows.",
        _TOGETHER,
        harm=0.1,
    )


def _told_on_both(targets: Targets) -> bool:
    """Whether inputs surely tell labels within training rows and within validation rows: of rows in a few
    heaps, labels that mean nothing suit some heaps, and so other names, by chance.
    """
    ours = targets.skill > max(FAINT, SURELY * SIGNIFICANT * targets.skill_error)
    return ours and targets.held > max(FAINT, SURELY * SIGNIFICANT * targets.held_error)


def _named_otherwise(code: str, targets: Targets) -> Finding:
    return Finding(
        code,
        "fault",
        "",
        (
            Evidence("validation rows told by predictors fitted on training rows", targets.named),
            Evidence("the same with classes named otherwise", targets.renamed, targets.named + RENAMED),
        ),
        f"Simple predictors fitted on training rows tell {targets.named:.0%} of validation rows' classes, "
        f"and {targets.renamed:.0%} if classes are named otherwise: a number means another class there.",
        "Make one table of classes from the training rows and use it for both: look for a label encoder that "
        "was fitted twice, or folders read in another order.",
        explains=BARREN,
    )


def _one_sided(code: str, targets: Targets) -> Finding | None:
    """Labels that the same predictors tell in one of training and validation, and not at all in the other."""
    skill, error = targets.skill, DOUBLE_SIDED * targets.skill_error
    held, held_error = targets.held, DOUBLE_SIDED * targets.held_error
    if not math.isfinite(held):
        return None
    train = skill <= SIGNIFICANT * targets.skill_error and skill + error < PART * (held - held_error)
    valid = held <= SIGNIFICANT * targets.held_error and held + held_error < PART * (skill - error)
    if not (train or valid):
        return None
    where, other = ("training", "validation") if train else ("validation", "training")
    low, high = (skill, held) if train else (held, skill)
    return Finding(
        code,
        "fault",
        "",
        (
            Evidence(f"skill of neighbours and a linear model on {where} rows", low, PART * high),
            Evidence(f"the same on {other} rows", high),
        ),
        f"Neighbours and a linear model tell {high:.0%} of the labels' variance within the {other} rows, and "
        f"nothing within the {where} rows: there, labels were shuffled apart from their rows.",
        f"Check that inputs and labels of the {where} rows are read, sorted and shuffled together: look at "
        "some rows beside their labels.",
        explains=BARREN,
    )


def _unrelated(code: str, record: Record, targets: Targets, got: Reached) -> Answer:
    """Nobody tells labels: a fault if the network did learn rows by heart, for then it was well."""
    learnt, judged = got.train > REMEMBERED, math.isfinite(got.valid)
    if learnt and not judged:
        return too_little(
            code, "The network fits its rows; without validation nobody knows whether by heart."
        )
    rows = record.rows
    plain = rows is not None and rows.kind in ("numbers", "images") and len(rows.shape) != 2
    sure = targets.skill + DOUBLE_SIDED * targets.skill_error <= SEEN
    if not learnt and (not sure or not _moved(record)):
        return too_little(code, "Neither the network nor simple predictors learnt; that may be its fault.")
    explained = (BARREN if plain or learnt else ()) if sure else STALLED
    return (
        Finding(
            code,
            "fault" if learnt and sure else "hint",
            "",
            (
                Evidence("skill of neighbours and a linear model", targets.skill, SEEN if sure else FAINT),
                *((Evidence("the network's on validation rows", got.valid, NO_SKILL),) if judged else ()),
                Evidence("the network's on training rows", got.train, REMEMBERED),
            ),
            f"On {targets.rows} rows neither neighbours nor a linear model"
            f"{' nor, on validation rows, the network' * judged} tell labels better than a constant"
            f"{': it learns rows by heart' * learnt}. Labels were shuffled apart from their rows, or inputs "
            "do not hold what is asked.",
            _TOGETHER,
            step=record.surveys[-1].step if record.surveys else 0,
            explains=explained,
        ),
    )


def _moved(record: Record) -> bool:
    """Whether weights moved, so that the network had its chance."""
    last = record.surveys[-1] if record.surveys else None
    if last is None or last.step < LEAST_STEPS or not np.isfinite(last.moved).any():
        return False
    return float(np.nanmax(last.moved)) > MOVED_WEIGHTS


def _generalises(record: Record, got: Reached) -> bool:
    n = record.rows.compared if record.rows is not None else 0
    error = 1.0 / math.sqrt(n) if n else 0.0
    scores = [one.valid_score for one in record.surveys if one.step > 0]
    scores += [] if record.course is None else list(record.course.valid_score)
    best = max((score for score in scores if math.isfinite(score)), default=math.nan)
    targets, task = record.targets, record.task
    if task is None or targets is None or not math.isfinite(best):
        return got.valid > NO_SKILL + error
    if task.kind in ("classes", "binary") and targets.counts.sum() > 0:
        constant = float(targets.counts.max() / targets.counts.sum())
        return best > constant + 3.0 * 0.5 * error + 0.01 or got.valid > NO_SKILL + error
    if task.kind == "values":  # beside the validation rows' own mean: they may vary less than others
        return best > NO_SKILL + error
    return got.valid > NO_SKILL + error


RULE = Rule("labels-unrelated", _labels_unrelated)
