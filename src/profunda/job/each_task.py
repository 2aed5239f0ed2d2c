"""Task by task: the Model beside linear models of all tasks pooled, and of each task alone.

A task is served badly where a model of its own, even a linear one, predicts its held-out rows better by more
than chance, be it what is shared or the network that is to blame. With d the rows' losses of the own model
minus those of the Model, and K tasks compared, the interval is mean ± t(1 − 0.05/2K)·s/√n, so that all K hold
together with 95 % (Bonferroni; Dunn 1961, "Multiple comparisons among means").
"""

import math
import time
import warnings
from collections.abc import Iterator

import numpy as np
from scipy.special import stdtrit
from sklearn.linear_model import LogisticRegression, RidgeCV

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.raw import listed
from profunda.data.splits import Splits
from profunda.data.table import Kind
from profunda.errors import Notice
from profunda.metrics.score import Metric
from profunda.model.score import TaskScore

__all__ = ["each_task", "task_notices"]

MOST_TASKS = 300  # the ones with most rows are compared
FEWEST_TRAIN, FEWEST_JUDGE = 20, 5  # rows of a task, below which a model of its own tells nothing
SAMPLE = 2_000  # rows by which the time of a longer fit is told
LEVEL = 0.95
_ALPHAS = np.logspace(-3, 4, 15)  # as those of the baseline
_LEAST = 1e-15  # probability, so that no row has an infinite loss


def each_task(
    dataset: Dataset, splits: Splits, metric: Metric, prediction: np.ndarray, deadline: float | None = None
) -> tuple[TaskScore, ...]:
    """The scores of tasks with rows among `splits.test`, for which `prediction` is the Model's.

    At most 300 tasks, those with most rows first. A linear model that would not be fitted by `deadline` (of
    `time.perf_counter`) is left out. Nothing where rows belong to no tasks, several targets are predicted, or
    texts are read, which these linear models are not made for.
    """
    tasks = dataset.tasks
    texts = any(feature.kind is Kind.TEXT for feature in dataset.schema.features)
    if tasks is None or texts or dataset.task.parts:
        return ()
    x = _inputs(dataset, splits.development)
    pooled = _linear_by(deadline, dataset, x, splits.development, splits.test)
    found = [task for task in range(len(dataset.task_names)) if (tasks[splits.test] == task).any()]
    alone: dict[int, np.ndarray] = {}
    for task in found[:MOST_TASKS]:
        rows, held = _rows(tasks, splits.development, task), _rows(tasks, splits.test, task)
        if len(rows) < FEWEST_TRAIN or len(held) < FEWEST_JUDGE:
            continue
        own = _linear_by(deadline, dataset, x, rows, held)
        if own is not None:
            alone[task] = own
    level = 1 - (1 - LEVEL) / max(1, len(alone))
    return tuple(
        _scored(dataset, splits, metric, task, prediction, pooled, alone.get(task), level)
        for task in found[:MOST_TASKS]
    )


def _rows(tasks: np.ndarray, rows: np.ndarray, task: int) -> np.ndarray:
    return rows[tasks[rows] == task]


def _inputs(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """What the linear models read, [N, D], without the task; scaled by `rows`."""
    made = fit_preprocessing(dataset.codes, dataset.y, rows, dataset.schema, "robust", dataset.task)
    assert made.inputs.task is not None
    return np.delete(made.transform(dataset.codes), made.inputs.task[0], axis=1).astype(np.float64)


def _linear_by(
    deadline: float | None, dataset: Dataset, x: np.ndarray, rows: np.ndarray, held: np.ndarray
) -> np.ndarray | None:
    """What `_linear` says, or None where a sample of many rows tells that it would come after `deadline`."""
    if deadline is not None:
        started, needed = time.perf_counter(), 0.0
        if len(rows) > SAMPLE and started < deadline:
            _linear(dataset, x, rows[:: len(rows) // SAMPLE], held)
            needed = (time.perf_counter() - started) * len(rows) / SAMPLE
        if time.perf_counter() + needed > deadline:
            return None
    return _linear(dataset, x, rows, held)


def _linear(dataset: Dataset, x: np.ndarray, rows: np.ndarray, held: np.ndarray) -> np.ndarray | None:
    """What a linear model of `rows` predicts for `held`; None where they have one class only."""
    y = dataset.y[rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: a rival's, not the user's concern
        if dataset.task.numeric:
            return RidgeCV(alphas=_ALPHAS).fit(x[rows], y).predict(x[held])
        if len(np.unique(y)) < 2:
            return None
        model = LogisticRegression(max_iter=200).fit(x[rows], y)
    # One row more, of all classes alike, so that a class that the task has not shown yet is not impossible.
    made = np.full((len(held), dataset.task.n_outputs), 1 / dataset.task.n_outputs)
    made[:, model.classes_] += len(rows) * model.predict_proba(x[held])
    return made / (len(rows) + 1)


def _scored(
    dataset: Dataset,
    splits: Splits,
    metric: Metric,
    task: int,
    prediction: np.ndarray,
    pooled: np.ndarray | None,
    alone: np.ndarray | None,
    level: float,
) -> TaskScore:
    assert dataset.tasks is not None
    inside = dataset.tasks[splits.test] == task
    y = dataset.y[splits.test[inside]]
    gain, low, high = math.nan, math.nan, math.nan
    if alone is not None:
        lost = _losses(dataset, y, alone) - _losses(dataset, y, prediction[inside])
        half = stdtrit(len(lost) - 1, (1 + level) / 2) * lost.std(ddof=1) / math.sqrt(len(lost))
        gain = float(lost.mean())
        low, high = gain - float(half), gain + float(half)
    return TaskScore(
        name=dataset.task_names[task],
        trained=len(_rows(dataset.tasks, splits.development, task)),
        rows=len(y),
        value=float(metric.value(y, prediction[inside])),
        pooled=math.nan if pooled is None else float(metric.value(y, pooled[inside])),
        alone=math.nan if alone is None else float(metric.value(y, alone)),
        gain=gain,
        low=low,
        high=high,
    )


def _losses(dataset: Dataset, y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Squared errors, or −log of the true class's probability, of each row."""
    if dataset.task.numeric:
        return (y - prediction) ** 2
    return -np.log(np.maximum(prediction[np.arange(len(y)), y], _LEAST))


def task_notices(tasks: tuple[TaskScore, ...]) -> Iterator[Notice]:
    """Which tasks are better off alone, where some are."""
    compared = [one for one in tasks if not math.isnan(one.gain)]
    worse = sorted((one for one in compared if one.verdict == "worse"), key=lambda one: one.high)
    if worse:
        named = listed([f"{one.name} ({one.gain:.3g}, at most {one.high:.3g})" for one in worse], 8)
        yield Notice(
            "negative-transfer",
            f"{len(worse):,} of {len(compared):,} tasks are worse off with this model: a linear model of "
            f"their rows alone has the smaller loss on their held-out rows: {named}. The intervals hold for "
            "all tasks together with 95 %. Predict these by models of their own, or let them share less.",
        )
