"""Rules on what passes through the network in a loop: in which mode, which rows, and in which order."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.givens import Anatomy, Rows
from profunda.diagnosis.record import Course, Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.readings import MEDIOCRE, after, progress
from profunda.diagnosis.rules.rule import clear, not_applicable, too_little

__all__ = ["batch_norms", "evaluated_in_training", "in_order", "same_batch", "trained_in_evaluation"]

FEWEST = 3
"""Passes, or steps, that must have been seen: the first one may prepare something."""

RESTING = 0.2
"""Share of training passes in evaluation mode: a loop that never goes back has (E − 1)/E of E epochs."""

EVALUATED = 0.02
"""Share of all passes: fewer in the wrong mode are not what scores come from."""

NEARLY_ALL = 0.9
"""Of the steps with the batch of the step before: batches used a few times on purpose stay below."""

WHOLE = 0.9
"""A batch of so many of the different rows is the whole set."""

SORTED = 0.5
"""Half of the way from chance to a perfect order."""

PURE = 1.0
"""A batch shorter than a class's run holds, when sorted, at most two classes, and mostly one."""

FOLLOWS = 0.5
"""Rows that follow from the row before to this share of their variance are a series, whose order is its own:
that its batches differ is a question only where it did harm. In a sorted table of several columns they are
below."""

FORGOTTEN = 0.25
"""By so much of the constant's loss is the loss over all rows above the one seen in the steps."""


def batch_norms(anatomy: Anatomy) -> bool:
    """Whether a norm takes mean and variance over rows."""
    return any(op.kind == "norm" and "batch" in op.what for op in anatomy.ops)


def _has_modes(anatomy: Anatomy) -> bool:
    dropped = any(op.kind == "dropout" for op in anatomy.ops) or any(
        layer.dropout > 0 for layer in anatomy.layers
    )
    return dropped or batch_norms(anatomy)


def trained_in_evaluation(record: Record) -> Answer:
    """Training passes of a network whose modes differ, in evaluation mode."""
    code, course = "evaluation-mode-in-training", record.course
    if course is None or record.anatomy.why:
        return not_applicable(code, "no loop, or no look inside the network")
    if not _has_modes(record.anatomy):
        return clear(code, "nothing in this network differs between the modes")
    passes = course.backwards
    if passes < FEWEST:
        return too_little(code, f"{passes:g} backward passes")
    share = min(1.0, course.in_evaluation / passes)
    if course.in_evaluation < FEWEST or share < RESTING:
        return clear(code)
    parts = f" of {', '.join(course.stuck[:3])}" if course.stuck else ""
    return (
        Finding(
            code,
            "hint" if course.stuck else "fault",
            course.stuck[0] if course.stuck else "",
            (Evidence("training passes in evaluation mode", share, RESTING, "share"),),
            f"Weights were fitted in the evaluation mode{parts} in {share:.0%} of the passes: dropout does "
            "nothing there, and batch norms use collected statistics that then never follow the weights.",
            "Call model.train() at the begin of each epoch, after any model.eval().",
            explains=("overfitting", "norm-statistics-stale", "rate-too-high", "plateau", "no-learning"),
        ),
    )


def evaluated_in_training(record: Record) -> Answer:
    """Passes without gradients in training mode, or dropout that has none but it."""
    code, course, anatomy = "training-mode-in-evaluation", record.course, record.anatomy
    if anatomy.sleepless:
        return (_sleepless(code, anatomy.sleepless),)
    if course is None or anatomy.why:
        return not_applicable(code, "no loop, or no look inside the network")
    if record.task is None or record.task.kind == "unknown":
        return not_applicable(code, "passes without gradients may be another player's, not evaluations")
    if not _has_modes(anatomy):
        return clear(code, "nothing in this network differs between the modes")
    share = course.evaluated_in_training / max(1, course.forwards)
    least = FEWEST if course.finished else 1
    if course.evaluated_in_training < least or share < EVALUATED:
        return clear(code)
    which = "batch norms use" if batch_norms(anatomy) else "dropout deletes"
    what = "the statistics of whatever rows are in the batch" if batch_norms(anatomy) else "units at random"
    return (
        Finding(
            code,
            "fault" if course.evaluated_in_training >= FEWEST else "hint",
            "",
            (
                Evidence("passes without gradients in training mode", float(course.evaluated_in_training)),
                Evidence("of all passes", share, EVALUATED, "share"),
            ),
            f"{course.evaluated_in_training:g} passes without gradients were made in training mode, where "
            f"{which} {what}: the scores that come from them are not those of the network.",
            "Call model.eval() before evaluating and model.train() after it.",
            harm=0.5,
            explains=("norm-statistics-stale",),
        ),
    )


def _sleepless(code: str, names: tuple[str, ...]) -> Finding:
    return Finding(
        code,
        "fault",
        "",
        (Evidence("dropouts that delete in evaluation mode", float(len(names))),),
        f"{', '.join(names[:3])}: units are deleted at random whatever the network's mode, so that what it "
        "predicts is another thing each time.",
        "Hand functional dropout the mode: F.dropout(x, p, training=self.training); and make modules of "
        "dropout in __init__, not in forward, where model.eval() does not reach them.",
        harm=0.5,
    )


def usual_rows(course: Course) -> float:
    """Rows of a usual step."""
    return float(np.median(course.rows)) if len(course.rows) else math.nan


def same_batch(record: Record) -> Answer:
    """Steps on the batch of the step before, where the data hold more."""
    code, course, rows = "same-batch", record.course, record.rows
    if course is None:
        return not_applicable(code, "no loop was seen")
    if course.steps - 1 < FEWEST:
        return too_little(code, f"{course.steps} steps")
    share = course.repeated / (course.steps - 1)
    if share < NEARLY_ALL:
        return clear(code)
    if rows is None:
        return too_little(code, "every step has the same rows, and how many there are is not known")
    different, batch = _different(record), usual_rows(course)
    if not batch < WHOLE * different:
        return clear(code, "each step has all rows")
    return (
        Finding(
            code,
            "fault",
            "",
            (
                Evidence("steps with the batch of the step before", share, NEARLY_ALL, "share"),
                Evidence("rows in a step", batch, unit="rows"),
                Evidence("different rows", different, unit="rows"),
            ),
            f"Every step has the same {batch:.0f} rows of at least {different:.0f}: the network learns these "
            "by heart and never sees the others.",
            "Let the loop advance: iterate over the loader itself instead of calling next(iter(loader)).",
            explains=(
                "overfitting",
                "rows-in-order",
                "norm-statistics-stale",
                "class-imbalance",
                "too-large",
                "rate-too-high",
                *STALLED,
            ),
        ),
    )


def _different(record: Record) -> float:
    """A lower bound of the number of different rows."""
    rows = record.rows
    return math.nan if rows is None else rows.n * (1.0 - min(1.0, max(0.0, rows.doubles)))


def in_order(record: Record) -> Answer:
    """Rows sorted by what is asked: batches of hardly more than one class, or of nearly one value."""
    code, course, rows, task = "rows-in-order", record.course, record.rows, record.task
    if rows is None or task is None or task.kind not in ("classes", "binary", "values"):
        return not_applicable(code, "order matters where rows have one label, or one value")
    if not rows.ordered >= SORTED:
        return clear(code)
    if course is None or not len(course.rows):
        return too_little(code, "rows come in order, and the batches are not known")
    batch, run = usual_rows(course), rows.n / max(2, task.n_classes)
    if task.kind != "values" and not batch < PURE * run:
        return clear(code, "a batch holds several classes all the same")
    excess, got = _forgotten(record, course), progress(record)
    forgets = excess >= FORGOTTEN or (course.finished and got.learnt < MEDIOCRE)
    if task.kind == "values":
        if not forgets and rows.serial >= FOLLOWS:
            return clear(code, "rows are a series, and come in its order")
        return (_by_size(rows, batch, excess, forgets),)
    return (
        Finding(
            code,
            "fault" if forgets else "hint",
            "",
            (
                Evidence("neighbours that share a label, beyond chance", rows.ordered, SORTED),
                Evidence("loss over all rows above that of the steps", excess, FORGOTTEN, "constant's loss"),
            ),
            f"Rows come sorted by label, and a batch of {batch:.0f} is shorter than a class's run of about "
            f"{run:.0f}: each step pulls towards one class and away from those before.",
            "Shuffle the rows anew in each epoch: DataLoader(..., shuffle=True).",
            harm=float(np.clip(np.fmax(excess, 0.1), 0.1, 1.0)),
            explains=("norm-statistics-stale", "rate-too-high", "overfitting", *STALLED),
        ),
    )


def _by_size(rows: Rows, batch: float, excess: float, forgets: bool) -> Finding:
    return Finding(
        "rows-in-order",
        "fault" if forgets else "hint",
        "",
        (
            Evidence("share of the targets' variance between batches", rows.ordered, SORTED),
            Evidence("loss over all rows above that of the steps", excess, FORGOTTEN, "constant's loss"),
        ),
        f"Rows come sorted by their targets: {rows.ordered:.0%} of what these differ by lies between batches "
        f"of {batch:.0f}, so that each step pulls towards one size and away from those before.",
        "Shuffle the rows anew in each epoch: DataLoader(..., shuffle=True).",
        harm=float(np.clip(np.fmax(excess, 0.1), 0.1, 1.0)),
        explains=("norm-statistics-stale", "rate-too-high", "overfitting", *STALLED),
    )


def _forgotten(record: Record, course: Course) -> float:
    """By how much the loss over all rows ends above that of the last steps, in the constant's; NaN before
    both were seen.
    """
    last, got = after(record), progress(record)
    late = course.loss[-max(1, len(course.loss) // 3) :]
    late = late[np.isfinite(late)]
    if last is None or not len(late):
        return math.nan
    return (last.train_loss - float(np.median(late))) / got.trivial
