"""The rule about what a loss leaves out: rows, numbers of a row, places, or a class."""

import math

import numpy as np

from profunda.diagnosis.finding import Answer, Evidence, Finding
from profunda.diagnosis.givens import Loss
from profunda.diagnosis.record import Record
from profunda.diagnosis.rules.consequences import STALLED
from profunda.diagnosis.rules.readings import NOTHING, after, is_mature
from profunda.diagnosis.rules.rule import Rule, clear, not_applicable, too_little

__all__ = ["NEARLY_ALL", "RULE", "seen_loss"]

HALF = 0.5
"""Where less of the batch moves the loss, most of the data is paid for and not used."""

NEARLY_ALL = 0.9
"""Above it what is left out may be rows without a target."""

SHIFTED = 1.5
"""Places of a row: a loss that moves targets by one place itself leaves the last one out."""

MIDST = 0.5
"""Share of a class's places that lie amid others: what fills up short rows stands at their ends."""

UNASKED, MANY = 0.5, 20
"""Where so many places are passed over, of so many classes, the loss asks only what was masked."""


def seen_loss(code: str, record: Record) -> Loss | Answer:
    """The loss, or why nothing can be said of it."""
    if record.loss is None:
        return not_applicable(code, "no loss was seen")
    if record.loss.why and math.isnan(record.loss.value):
        return too_little(code, record.loss.why)
    return record.loss


def _ignores(record: Record) -> Answer:
    code = "loss-ignores-rows"
    loss = seen_loss(code, record)
    if not isinstance(loss, Loss):
        return loss
    if not loss.attached or math.isnan(loss.compared[1]):
        return not_applicable(code, "no gradient tells which rows it compares")
    if loss.pooled and not loss.endless > 0.0:
        return (_pooled(),)
    numbers, rows = loss.compared
    kind = "" if record.task is None else record.task.kind
    unasked = kind == "sequence" and len(loss.passed_over) > 0  # a row may hold nothing but such places
    if rows < NEARLY_ALL and not unasked:
        return _left_out(code, "fault" if rows <= HALF else "hint", "rows", rows)
    if kind in ("values", "multilabel", "copy") and loss.kind and numbers < NEARLY_ALL:
        return _left_out(code, "fault" if numbers <= HALF else "hint", "outputs of a row", numbers)
    if kind == "sequence" and _places_left(record, numbers) > SHIFTED:
        return _left_out(code, "fault" if _guesses(record) else "hint", "places of a row", numbers)
    return _passed_over(code, record, loss)


def _passed_over(code: str, record: Record, loss: Loss) -> Answer:
    """A class that no gradient comes from: `ignore_index`, a weight or a mask meant for filling."""
    task, targets = record.task, record.targets
    counts = targets.counts if targets is not None else np.empty(0)
    if task is None or not loss.passed_over or max(loss.passed_over) >= len(counts):
        return clear(code)
    share = float(sum(counts[c] for c in loss.passed_over) / max(1, counts.sum()))
    if task.kind == "sequence" and not loss.amid > MIDST:
        return clear(code, "What is left out stands at the ends of rows.")
    if share > UNASKED and task.n_classes > MANY:
        return clear(code, "Only some places are asked for.")
    named = ", ".join(str(c) for c in loss.passed_over)
    return (
        Finding(
            code,
            "hint",
            "",
            (
                Evidence("share of the places that are of such a class", share),
                Evidence("of these, amid others that count", loss.amid, MIDST),
            ),
            f"Class {named}, of {share:.0%} of the targets, never moves the loss (ignore_index, a weight of "
            "0 or a mask), and is no filling at the ends of rows: the network is never asked to say it.",
            "If it is a class, keep it in the loss, and mark what is to be left out by another number, such "
            "as -100.",
            harm=share,
            explains=("class-imbalance", "no-learning", "output-width"),
        ),
    )


def _places_left(record: Record, share: float) -> float:
    task = record.task
    return 0.0 if task is None else (1.0 - share) * math.prod(task.targets[1:])


def _guesses(record: Record) -> bool:
    """Whether, of all places, hardly more are told than the most frequent class has."""
    last, targets = after(record), record.targets
    if last is None or targets is None or not targets.counts.sum() > 0 or not is_mature(record):
        return False
    most = float(targets.counts.max() / targets.counts.sum())
    return last.train_score - most < NOTHING * (1.0 - most)


def _pooled() -> Finding:
    return Finding(
        "loss-ignores-rows",
        "fault",
        "",
        (Evidence("difference between the gradients of two rows", 0.0, 0.0),),
        "Each row gets the same gradient, whatever its output and its target are: only sums over the batch "
        "are compared, as where errors are averaged before they are squared, and nothing of a single row is "
        "learnt.",
        "Compare row by row, and average last: ((outputs - targets) ** 2).mean().",
        explains=(*STALLED, "labels-unrelated", "lazy"),
    )


def _left_out(code: str, severity: str, what: str, share: float) -> Answer:
    return (
        Finding(
            code,
            "fault" if severity == "fault" else "hint",
            "",
            (Evidence(f"share of the {what} that move the loss", share, NEARLY_ALL),),
            f"Only {share:.0%} of the {what} move the loss: the others are computed and nothing is learnt "
            "from them.",
            "Compare all outputs with all targets: look for an index, a slice or a mask that cuts too much.",
            explains=(*STALLED, "part-unused"),
        ),
    )


RULE = Rule("loss-ignores-rows", _ignores)
"""Of its one code."""
