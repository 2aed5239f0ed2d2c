"""The tasks that rows belong to: how well each is predicted, and whether its own rows do better."""

import math
from collections.abc import Sequence

import numpy as np

from profunda.metrics.score import Metric
from profunda.model.score import TaskScore
from profunda.reporting.blocks import Block, Table, Text
from profunda.reporting.words import number, shorten
from profunda.tuning.paired import paired_change

__all__ = ["task_blocks"]


def task_blocks(tasks: Sequence[TaskScore], metric: Metric) -> tuple[Block, ...]:
    """A table with a line for each task, those that the model serves worst first; nothing without tasks."""
    if not tasks:
        return ()
    ranked = sorted(tasks, key=lambda one: (math.isnan(one.gain), one.gain))
    lines = tuple(
        (
            shorten(one.name, 40), one.trained, one.rows, _cell(one.value), _cell(one.pooled),
            _cell(one.alone), _cell(one.gain), _interval(one), one.verdict,
        )
        for one in ranked
    )  # fmt: skip
    better = "higher" if metric.greater_is_better else "lower"
    columns = ("task", "rows", "held out", "model", "pooled", "alone", "saved", "interval", "the model is")
    table = Table(
        "Task by task",
        columns,
        lines,
        f"Rows to learn from and held-out ones; on these each task's {metric.title} ({better} is better) of "
        "the model, of a linear model of all tasks pooled, and of one of this task alone. Saved is the mean "
        "loss of a row (squared error, or log-loss) of the last, less the model's; the intervals hold for "
        "all tasks together with 95 %.",
        folded=len(lines) > 20,
    )
    return table, Text(_told(tasks), "note")


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(one: TaskScore) -> str:
    return "" if math.isnan(one.gain) else f"{one.low:.4g} … {one.high:.4g}"


def _told(tasks: Sequence[TaskScore]) -> str:
    count = {word: sum(one.verdict == word for one in tasks) for word in ("better", "worse")}
    gains = [one.gain for one in tasks if not math.isnan(one.gain)]
    if not gains:
        return "No task has enough rows for a linear model of its own to be set beside this one."
    told = (
        f"Of {len(gains)} task(s) this model predicts {count['better']} better and {count['worse']} worse "
        "than a linear model of the task alone, for certain; for the others their held-out rows cannot "
        "tell. It differs from those in company and in kind: who gains from whom in equal networks, "
        "profunda.relations tells."
    )
    if len(gains) > 1:
        mean = paired_change(np.array(gains), 0.0)
        told += f" The mean task saves {number(mean.mean)} ({number(mean.low)} … {number(mean.high)})."
    return told
