"""The tasks that rows belong to: how well each is predicted, and what sharing did to it."""

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
    """A table with a line for each task, those that sharing serves worst first; nothing without tasks."""
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
    columns = (
        "task", "rows to learn from", "held-out rows", "the model", "linear, all tasks pooled",
        "linear, this task alone", "loss saved by sharing", "its interval", "sharing",
    )  # fmt: skip
    table = Table(
        "Task by task",
        columns,
        lines,
        f"Each task's own {metric.title} ({better} is better). What sharing saves is the mean loss of a row "
        "(squared error, or log-loss) of a linear model fitted to the task alone, less the model's; the "
        "intervals hold for all tasks together with 95 %.",
        folded=len(lines) > 20,
    )
    return table, Text(_told(tasks), "note")


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(one: TaskScore) -> str:
    return "" if math.isnan(one.gain) else f"{one.low:.4g} … {one.high:.4g}"


def _told(tasks: Sequence[TaskScore]) -> str:
    count = {word: sum(one.verdict == word for one in tasks) for word in ("helps", "hurts")}
    gains = [one.gain for one in tasks if not math.isnan(one.gain)]
    if not gains:
        return "No task has enough rows for a model of its own, so what sharing does to each is not told."
    mean = paired_change(np.array(gains), 0.0)
    return (
        f"Beside a linear model of its own, sharing helps {count['helps']} and hurts {count['hurts']} of "
        f"{len(gains)} tasks for certain; for the others their own rows cannot tell. The mean task saves "
        f"{number(mean.mean)} ({number(mean.low)} … {number(mean.high)}, by the spread between tasks)."
    )
