"""Rules of the area labels: whether they belong to their rows."""

import math
from statistics import NormalDist

import numpy as np

from profunda.diagnosis.finding import Answer, Change, Evidence, Finding
from profunda.diagnosis.givens import Targets
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.reached import Reached, reached
from profunda.diagnosis.rules.readings import LEAST_STEPS
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["RULES", "wilson"]

SEEN = 0.03
"""A skill above this would have been seen, else there are too few rows: the best simple predictor's skill is
below it even two standard errors further up."""

SIGNIFICANT = 1.6
"""Skill over its standard error, as large as one normal number z = 3.3 makes it: 1 in 2,000, and there are
six predictors."""

REMEMBERED = 0.1
"""Share of the constant's loss taken away on training rows that shows that the network fits what it is
given."""

NO_SKILL = 0.02
"""Share of the constant's loss on validation rows that is nothing."""

ALPHA = 1e-3
"""Once in a thousand programs whose labels are right, over all moves together (Bonferroni)."""

PART, MOVED = 0.25, 0.03
"""The given labels are told less than a quarter as well as the moved ones, and these to some use."""

MOVED_WEIGHTS = 0.01
"""Part of its length by which some layer moved: the network had its chance."""

SERIAL = 0.1
"""Rows that follow from the row before to this share of their variance: series and sliding windows, in which
a neighbour's label may be known for good reasons."""

NOISY = 0.04
"""One label in 25, by the lower end of Wilson's interval: with fewer, the border between classes is as
much."""

CONSISTENT = 0.6
"""Wrong labels leave (1 - noise)² of the skill. Where classes overlap as much that even their midst is mixed,
less than half of that is there."""

AMOUNTS = 0.02
"""Share of orders of the labels that suit inputs as well as that of numbers: of five, one and its reverse."""

CONFLICT_FAULT, CONFLICT_HINT, GROUPS = 0.05, 0.01, 10
"""Shares of all rows with a double of another label, and how many different rows must occur twice."""

FINE = 0.5
"""Where a column tells so many of the rows apart, none are equal by coincidence."""

DOUBLE_SIDED = 2.0
"""Standard errors of an interval."""

_BARREN = ("overfitting", "labels-noisy", *STALLED)


def wilson(share: float, n: int, z: float = DOUBLE_SIDED) -> tuple[float, float]:
    """Wilson's interval for a share seen on `n` rows.

    >>> [round(end, 3) for end in wilson(0.5, 96)]
    [0.4, 0.6]
    """
    if n < 1:
        return 0.0, 1.0
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


# Unrelated ------------------------------------------------------------------------------------------


def _labels_unrelated(record: Record) -> Answer:
    code = "labels-unrelated"
    targets = record.targets
    if targets is None or not math.isfinite(targets.skill):
        return not_applicable(code, "Whether inputs tell targets was not measured.")
    one_sided = _one_sided(code, targets)
    if one_sided is not None:
        return (one_sided,)
    if targets.skill > SIGNIFICANT * targets.skill_error:
        return clear(code)
    if targets.skill + DOUBLE_SIDED * targets.skill_error > SEEN:
        return too_little(code, f"With {targets.rows} rows a skill of {SEEN:.0%} might not be seen.")
    got = reached(record)
    if not got.known or got.broken:
        return too_little(code, "Neighbours and a linear model tell nothing; a network may.")
    if _generalises(record, got):
        return clear(code, "Only the network tells them.")
    return _unrelated(code, record, targets, got)


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
        explains=_BARREN,
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
    if not learnt and (not plain or not _moved(record)):
        return too_little(code, "Neither the network nor simple predictors learnt; that may be its fault.")
    return (
        Finding(
            code,
            "fault" if learnt else "hint",
            "",
            (
                Evidence("skill of neighbours and a linear model", targets.skill, SEEN),
                *((Evidence("the network's on validation rows", got.valid, NO_SKILL),) if judged else ()),
                Evidence("the network's on training rows", got.train, REMEMBERED),
            ),
            f"On {targets.rows} rows neither neighbours nor a linear model"
            f"{' nor, on validation rows, the network' * judged} tell labels better than a constant"
            f"{': it learns rows by heart' * learnt}. Labels were shuffled apart from their rows, or inputs "
            "do not hold what is asked.",
            "Check that inputs and labels are read, sorted and shuffled together: look at some rows beside "
            "their labels.",
            step=record.surveys[-1].step if record.surveys else 0,
            explains=_BARREN,
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


# Shifted --------------------------------------------------------------------------------------------


def _labels_shifted(record: Record) -> Answer:
    code = "labels-shifted"
    targets, rows = record.targets, record.rows
    if targets is None:
        return not_applicable(code, "No targets were seen.")
    if _counted_from_one(record, targets):
        return (_from_one(code, targets),)
    if not math.isfinite(targets.shifted) or targets.moves < 1 or rows is None:
        return not_applicable(code, "Whether moved labels fit better was not measured.")
    if not targets.skill < PART * targets.shifted:
        return clear(code)
    if rows.serial > SERIAL:
        return too_little(
            code, "Rows follow from one another: neighbours' labels may be known for good reasons."
        )
    limit = NormalDist().inv_cdf(1.0 - ALPHA / targets.moves)
    error = max(1e-12, math.hypot(targets.shifted_error, targets.skill_error))
    errors = (targets.shifted - targets.skill) / error
    if errors <= limit or targets.shifted < MOVED:
        return clear(code)
    rows_moved = "1 row" if abs(targets.shift) == 1 else f"{abs(targets.shift)} rows"
    by = f"{rows_moved} {'earlier' if targets.shift < 0 else 'later'}"
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("skill with labels moved", targets.shifted, targets.skill),
                Evidence("standard errors between them", errors, limit),
                Evidence("moved by", float(targets.shift), unit="rows"),
            ),
            f"Inputs tell {targets.skill:.0%} of the labels' variance as they stand, and "
            f"{targets.shifted:.0%} if each label is moved {by}: rows and labels are out of step.",
            f"Look for the roll, shift or lost first line between them, and move labels {by}.",
            explains=("labels-unrelated", "labels-noisy", "labels-conflicting", *_BARREN),
        ),
    )


def _counted_from_one(record: Record, targets: Targets) -> bool:
    task = record.task
    if (
        task is None
        or task.kind not in ("classes", "sequence")
        or len(task.outputs) < 2
        or targets.outside <= 0
    ):
        return False
    width = task.outputs[1]
    none = len(targets.counts) > 0 and targets.counts[0] == 0
    return task.kind == "classes" and bool(none) and targets.least == 1.0 and targets.most == float(width)


def _from_one(code: str, targets: Targets) -> Finding:
    return Finding(
        code,
        "fault",
        "",
        (
            Evidence("least label", targets.least, 0.0),
            Evidence("most", targets.most, targets.most - 1.0),
            Evidence("share of rows outside of the classes", targets.outside, 0.0),
        ),
        f"Labels are counted from 1 to {targets.most:.0f}, and outputs from 0: every row asks for its "
        "neighbour's output, and the last class for one that there is not.",
        "Subtract 1 from the labels.",
        explains=("output-width", "targets-not-finite", "loss-not-finite"),
    )


# Conflicts and noise --------------------------------------------------------------------------------


def _labels_conflicting(record: Record) -> Answer:
    code = "labels-conflicting"
    rows, targets, task = record.rows, record.targets, record.task
    if rows is None or targets is None or task is None or task.kind not in ("classes", "binary", "values"):
        return not_applicable(code, "Rows have no single label.")
    if rows.conflicts <= CONFLICT_HINT or not rows.doubles > 0.0:
        return clear(code)
    if rows.groups < GROUPS or not rows.by_chance > 0.0:
        return too_little(code, f"Only {rows.groups} rows occur twice.")
    chance = rows.by_chance / rows.doubles
    share, error = rows.conflicts / rows.doubles, 0.5 / math.sqrt(rows.groups)
    skill = (
        max(0.0, targets.skill - DOUBLE_SIDED * targets.skill_error) if math.isfinite(targets.skill) else 0.0
    )
    expected = chance * (1.0 - skill) if task.kind != "values" else chance
    low = wilson(share, rows.groups)[0]
    natural = low <= expected + (0.0 if skill > 0.0 else DOUBLE_SIDED * error)
    made = (rows.copied or rows.finest > FINE) and task.kind != "values"
    if natural and not made:
        return clear(code, "Doubles disagree no more often than the task's own noise makes them.")
    fault = rows.conflicts > CONFLICT_FAULT and task.kind != "values" and not natural
    return (
        Finding(
            code,
            "fault" if fault else "hint",
            "",
            (
                Evidence(
                    "share of rows whose double has another label",
                    rows.conflicts,
                    CONFLICT_HINT if natural else expected * rows.doubles,
                ),
                Evidence("share of doubles that disagree", share, math.nan if natural else expected),
            ),
            f"{rows.conflicts:.0%} of the rows occur again with another label, {share:.0%} of those that "
            f"occur again; {_beside(natural, expected)} No function fits both.",
            "Find out which label is right and drop the others, or add the input that tells such rows apart.",
            harm=min(1.0, rows.conflicts),
            explains=("labels-noisy", "too-small", "plateau", "overfitting"),
        ),
    )


def _beside(natural: bool, expected: float) -> str:
    if natural:
        return "that is no coincidence of inputs, for such rows are copies, with labels that were given anew."
    return f"where inputs tell as much as here {expected:.0%} would."


def _labels_noisy(record: Record) -> Answer:
    code = "labels-noisy"
    targets = record.targets
    if targets is None or not math.isfinite(targets.noisy) or targets.agreeing < 1:
        return not_applicable(code, "Targets are no classes, or nothing tells them.")
    low, high = wilson(targets.noisy, targets.agreeing)
    if low <= NOISY:
        return clear(code)
    present = int((targets.counts > 0).sum())
    left = max(0.0, 1.0 - targets.noisy * present / max(1, present - 1)) ** 2
    if targets.order <= AMOUNTS:
        return clear(code, "Labels are amounts: those between others have no midst of their own.")
    apart = DOUBLE_SIDED * math.hypot(targets.skill_error, targets.held_error)  # NaN without validation
    cleaner = targets.held - targets.skill > apart
    if _outdone(record, low) and not cleaner:
        return clear(code, "The network tells more validation labels than are right by that.")
    far = cleaner and targets.held - apart > 2.0 * targets.skill  # clean validation rows show what there is
    if (targets.skill < CONSISTENT * left and not far) or left < 0.02:
        return clear(code, "Classes overlap, and so do their labels.")
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("share of surely told rows with another label", targets.noisy, NOISY),
                Evidence("at least", low, NOISY),
                Evidence("at most", high),
            ),
            f"{targets.noisy:.0%} of the labels are not what neighbours and a linear model surely say, in "
            "the midst of every class: a large network will learn them by heart.",
            "Look at these rows; where they cannot be put right, stop early or smooth labels.",
            changes=(Change("loss", value=round(min(0.2, targets.noisy), 2), word="label smoothing"),),
            harm=min(1.0, targets.noisy),
            explains=("overfitting",),
        ),
    )


def _outdone(record: Record, noise: float) -> bool:
    """Whether the network is right on more validation rows than it could if so many labels were wrong."""
    scores = [one.valid_score for one in record.surveys if one.step > 0]
    scores += [] if record.course is None else list(record.course.valid_score)
    best = max((score for score in scores if math.isfinite(score)), default=math.nan)
    n = record.rows.compared if record.rows is not None else 0
    return n > 0 and wilson(best, n)[0] > 1.0 - noise if math.isfinite(best) else False


RULES: tuple[Rule, ...] = (
    Rule("labels-unrelated", _labels_unrelated),
    Rule("labels-shifted", _labels_shifted),
    Rule("labels-conflicting", _labels_conflicting),
    Rule("labels-noisy", _labels_noisy),
)
"""Of all codes of the area, in their order."""
