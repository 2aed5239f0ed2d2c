"""Names, directions and intervals of the scores."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from profunda.errors import ArgumentError
from profunda.metrics import classes, labels, numbers, targets

__all__ = ["METRICS", "Kind", "Metric", "all_scores", "interval", "metric_for"]

Kind = Literal["binary", "multiclass", "regression", "multilabel", "multioutput"]
Weighted = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]

_FEWEST_DRAWS, _MOST_DRAWS = 100, 1000
_DRAWN_ROWS = 20_000_000
"""Rows drawn in all by a bootstrap, between the two bounds: about a second."""
_CELLS = 4_000_000
"""Weights held at once by a bootstrap: 32 MB."""


@dataclass(frozen=True)
class Metric:
    """One score: its name, its title for people, its direction, the kinds of task it is for, and its formula.

    `function(y, p, w)` takes row weights w float64 [R, N] and returns float64 [R]; `value` is the everyday
    form.
    """

    name: str
    title: str
    greater_is_better: bool
    kinds: tuple[Kind, ...]
    function: Weighted

    def value(self, y: np.ndarray, prediction: np.ndarray) -> float:
        """The score of predictions.

        y int64 [N] with probabilities float [N, C], or y float [N] with numbers float [N] on the target's
        scale; of several targets y float [N, C], NaN where missing, with probabilities of 1 or numbers float
        [N, C]. NaN if a prediction is not finite, or where the score has no meaning (AUC of a single class).
        Raises ArgumentError for shapes that do not fit.
        """
        y, prediction = self._checked(y, prediction)
        if not np.isfinite(prediction).all():
            return float("nan")
        return float(self.function(y, prediction, np.ones((1, len(y))))[0])

    def loss(self, y: np.ndarray, prediction: np.ndarray) -> float:
        """`value`, negated where greater is better: always to be minimised."""
        value = self.value(y, prediction)
        return -value if self.greater_is_better else value

    def each(self, y: np.ndarray, prediction: np.ndarray) -> tuple[float, ...]:
        """The score of each of several targets by itself, in their order: `value` on its column alone.

        NaN where a target has no row.
        """
        y, prediction = self._checked(y, prediction)
        there = ~np.isnan(y)
        return tuple(
            self.value(y[rows, c : c + 1], prediction[rows, c : c + 1]) if rows.any() else float("nan")
            for c, rows in enumerate(there.T)
        )

    @property
    def several(self) -> bool:
        """Whether it scores several targets at once."""
        return not set(self.kinds).isdisjoint((*_LABELS, *_TARGETS))

    def _checked(self, y: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        y, prediction = np.asarray(y), np.asarray(prediction, dtype=np.float64)
        if self.several:
            return self._checked_targets(np.asarray(y, dtype=np.float64), prediction)
        dimensions = 1 if self.kinds == ("regression",) else 2
        if prediction.ndim != dimensions:
            wanted = "numbers [N]" if dimensions == 1 else "probabilities [N, C]"
            raise ArgumentError(f"{self.name} needs {wanted}, got the shape {list(prediction.shape)}.")
        if y.ndim != 1 or len(y) != len(prediction):
            raise ArgumentError(
                f"{self.name}: targets {list(y.shape)} do not fit {len(prediction)} predictions."
            )
        if len(y) == 0:
            raise ArgumentError(f"{self.name} of 0 rows is not defined. Give at least one row.")
        if dimensions == 2 and (y.min() < 0 or y.max() >= prediction.shape[1]):
            raise ArgumentError(
                f"{self.name}: class codes run from {y.min()} to {y.max()}, "
                f"but the probabilities have {prediction.shape[1]} columns (0 to {prediction.shape[1] - 1})."
            )
        return (y.astype(np.float64) if dimensions == 1 else y.astype(np.int64)), prediction

    def _checked_targets(self, y: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if y.ndim != 2 or y.shape != prediction.shape:
            raise ArgumentError(
                f"{self.name} needs targets and predictions of one shape [N, C], got {list(y.shape)} and "
                f"{list(prediction.shape)}."
            )
        if len(y) == 0:
            raise ArgumentError(f"{self.name} of 0 rows is not defined. Give at least one row.")
        return y, prediction


_CLASSES: tuple[Kind, ...] = ("binary", "multiclass")
_NUMBERS: tuple[Kind, ...] = ("regression",)
_LABELS: tuple[Kind, ...] = ("multilabel",)
_TARGETS: tuple[Kind, ...] = ("multioutput",)

METRICS: tuple[Metric, ...] = (
    Metric("log_loss", "log-loss", False, _CLASSES, classes.log_loss),
    Metric("accuracy", "accuracy", True, _CLASSES, classes.accuracy),
    Metric("balanced_accuracy", "balanced accuracy", True, _CLASSES, classes.balanced_accuracy),
    Metric("f1", "F1", True, _CLASSES, classes.f1),
    Metric("auc", "area under the ROC curve", True, _CLASSES, classes.auc),
    Metric("brier", "Brier score", False, _CLASSES, classes.brier),
    Metric("rmse", "root mean squared error", False, _NUMBERS, numbers.rmse),
    Metric("mae", "mean absolute error", False, _NUMBERS, numbers.mae),
    Metric("r2", "R²", True, _NUMBERS, numbers.r2),
    Metric("median_ae", "median absolute error", False, _NUMBERS, numbers.median_ae),
    Metric("log_loss", "mean log-loss of the labels", False, _LABELS, labels.log_loss),
    Metric("hamming_loss", "share of wrong labels", False, _LABELS, labels.hamming_loss),
    Metric("subset_accuracy", "rows with all labels right", True, _LABELS, labels.subset_accuracy),
    Metric("micro_f1", "F1 over all labels", True, _LABELS, labels.micro_f1),
    Metric("macro_f1", "mean F1 of the labels", True, _LABELS, labels.macro_f1),
    Metric("auc", "mean area under the ROC curve", True, _LABELS, labels.auc),
    Metric("rrmse", "average relative root mean squared error", False, _TARGETS, targets.rrmse),
    Metric("r2", "mean R²", True, _TARGETS, targets.r2),
    Metric("rmse", "mean root mean squared error", False, _TARGETS, targets.rmse),
    Metric("mae", "mean absolute error over all targets", False, _TARGETS, targets.mae),
)
"""All scores; the first one of a kind is its default. A name means what suits the kind."""


def metric_for(kind: Kind, name: str | None = None) -> Metric:
    """The metric `name` of a task of this kind; without a name the default (log_loss; rmse; rrmse).

    Raises ArgumentError for a name that this kind of task does not have.
    """
    fitting = [metric for metric in METRICS if kind in metric.kinds]
    if not fitting:
        raise ArgumentError(f"there is no task of kind {kind!r}: it is {', '.join(get_args(Kind))}.")
    if name is None:
        return fitting[0]
    for metric in fitting:
        if metric.name == name.strip().lower().replace("-", "_"):
            return metric
    names = [metric.name for metric in fitting]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ArgumentError(
        f"{name!r} is not a metric of a {kind} task.{hint} Its metrics are: {', '.join(names)}."
    )


def all_scores(kind: Kind, y: np.ndarray, prediction: np.ndarray) -> tuple[tuple[str, float], ...]:
    """Every metric of this kind of task, as (name, value), the default first."""
    return tuple((metric.name, metric.value(y, prediction)) for metric in METRICS if kind in metric.kinds)


def interval(
    metric: Metric, y: np.ndarray, prediction: np.ndarray, *, level: float = 0.95, seed: int
) -> tuple[float, float]:
    """Percentile bootstrap interval of a score over rows (Efron and Tibshirani 1993, §13.3).

    1,000 resamples up to 20,000 rows, then 20 million divided by the rows, 100 at least: more rows make the
    interval narrower and each resample dearer. It speaks of the rows drawn, with the model held fixed.
    Resamples without meaning (one class for AUC) are left out; (NaN, NaN) if none has one or a prediction is
    not finite. Raises ArgumentError for a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ArgumentError(
            f"the level of an interval must lie between 0 and 1, got {level!r}. Usual is 0.95."
        )
    y, prediction = metric._checked(y, prediction)
    if not np.isfinite(prediction).all():
        return float("nan"), float("nan")
    rng, rows, values = np.random.default_rng(seed), len(y), []
    draws = min(max(_DRAWN_ROWS // rows, _FEWEST_DRAWS), _MOST_DRAWS)
    chunk = max(1, min(draws, _CELLS // rows))
    for start in range(0, draws, chunk):
        values.append(metric.function(y, prediction, _resamples(rng, min(chunk, draws - start), rows)))
    known = np.concatenate(values)
    known = known[~np.isnan(known)]
    if len(known) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resamples(rng: np.random.Generator, draws: int, rows: int) -> np.ndarray:
    """How often each row occurs in each of `draws` resamples, float64 [draws, rows]."""
    picks = rng.integers(0, rows, size=(draws, rows)) + np.arange(draws)[:, None] * rows
    return np.bincount(picks.ravel(), minlength=draws * rows).reshape(draws, rows).astype(np.float64)
