"""Robustness: how a finished model fares on rows with noise, on shifted rows, and at the edge of a range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from profunda._seeds import key
from profunda.data.dataset import Dataset
from profunda.data.reading import read
from profunda.data.schema import Feature, Schema
from profunda.data.table import Kind
from profunda.data.task import Task
from profunda.errors import ArgumentError, DataError
from profunda.metrics.score import Metric, metric_for
from profunda.tuning.corruption import Corruption, CorruptionKind, spreads_of

__all__ = ["STRENGTHS", "Beyond", "Point", "Predictor", "Robustness", "stress", "stress_rows"]

STRENGTHS = (0.1, 0.2, 0.5, 1.0)
DRAWS = 3  # corrupted copies of the rows, whose scores are averaged
RESAMPLES = 200
EXTREME = 0.1  # share of the rows that lie beyond the quantile
FEWEST = 20  # rows on either side of the quantile
MOST_ROWS = 4_000  # drawn of more: intervals of a change are narrow there
MOST_COLUMNS = 24  # permuted: those that go with the predictions most


class Predictor(Protocol):
    """A Model, as far as it is needed here."""

    @property
    def task(self) -> Task: ...

    @property
    def schema(self) -> Schema: ...

    def predict_codes(self, codes: np.ndarray) -> np.ndarray:
        """Probabilities [N, C] or numbers [N] for codes [N, F]."""
        ...


@dataclass(frozen=True)
class Point:
    """The score under one corruption; `worse` is how much worse than without, with its 95 % interval."""

    kind: CorruptionKind
    strength: float
    value: float
    worse: float
    low: float
    high: float


@dataclass(frozen=True)
class Beyond:
    """The score on the `rows` whose `column` is above (or below) `edge`, and on the others.

    `worse` is the difference, with its 95 % interval: above 0 where the outer rows are predicted worse.
    """

    column: str
    above: bool
    edge: float
    rows: int
    value: float
    inside: float
    worse: float
    low: float
    high: float


@dataclass(frozen=True)
class Robustness:
    """How a model's score changes with the strength of noise and shift, and at the edge of a column's range.

    `value` is the score on the rows as they are. `beyond` speaks of the numeric column whose exchange costs
    the model most, the outer tenth at its longer tail; None where no numeric column has enough rows.
    """

    metric: str
    greater_is_better: bool
    value: float
    rows: int
    points: tuple[Point, ...]
    beyond: Beyond | None

    def __str__(self) -> str:
        better = "higher" if self.greater_is_better else "lower"
        lines = [f"{self.metric} {self.value:.4g} ({better} is better) on {self.rows:,} rows as they are"]
        for one in self.points:
            lines.append(
                f"{one.kind} of {one.strength:g} standard deviations: {one.value:.4g}, worse by "
                f"{one.worse:.3g} [{one.low:.3g}, {one.high:.3g}]"
            )
        if (edge := self.beyond) is not None:
            side = "above" if edge.above else "below"
            lines.append(
                f"where {edge.column} is {side} {edge.edge:.4g} ({edge.rows:,} rows): {edge.value:.4g}, "
                f"elsewhere {edge.inside:.4g}"
            )
        return "\n".join(lines)


def stress(
    model: Predictor,
    data: object,
    target: object = None,
    *,
    metric: str | None = None,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> Robustness:
    """How `model` fares on rows with noise and shift of several strengths, in standard deviations.

    `data` is a Dataset or what `profunda.read` takes with its `target`: rows that the model has not learned
    from, or they look better than they are; of more than 4,000 so many are drawn. See
    `Corruption` for what noise and shift are.

    Raises:
        ArgumentError: an unknown metric, or a strength below 0.
        DataError: the data have other columns or classes than the model learned from.
    """
    dataset = data if isinstance(data, Dataset) else read(data, target, task_column=model.schema.task_column)
    if dataset.schema.columns != model.schema.columns or dataset.task.classes != model.task.classes:
        raise DataError(
            f"the data have {len(dataset.schema.columns)} input columns and {len(dataset.task.classes)} "
            f"classes, the model learned from {len(model.schema.columns)} and {len(model.task.classes)}, or "
            "their names differ: read rows of the same table, with all classes in them."
        )
    chosen = metric_for(model.task.kind, metric)
    codes = _recoded(dataset, model.schema)
    return stress_rows(model, codes, dataset.y, chosen, strengths=strengths, seed=seed)


def _recoded(dataset: Dataset, schema: Schema) -> np.ndarray:
    """Codes by the model's vocabulary: a category's number depends on how often it was read."""
    pairs = zip(schema.features, dataset.schema.features, dataset.schema.starts, strict=True)
    return schema.assembled(
        [
            _retold(ours, theirs, dataset.codes[:, start : start + theirs.size])
            for ours, theirs, start in pairs
        ]
    )


def _retold(ours: Feature, theirs: Feature, codes: np.ndarray) -> np.ndarray:
    """One column's codes [N, size] in the numbers of `ours`."""
    if ours.kind is Kind.TEXT and (ours.vocabulary, ours.shape) != (theirs.vocabulary, theirs.shape):
        texts = theirs.tokenizer.decode(codes.astype(np.int64))
        return ours.tokenizer.encode(texts, ours.shape[0])
    if ours.kind not in (Kind.CATEGORICAL, Kind.TASK) or ours.vocabulary == theirs.vocabulary:
        return codes
    places = {word: float(k) for k, word in enumerate(ours.vocabulary)}
    table = np.array([*(places.get(word, -1.0) for word in theirs.vocabulary), -1.0])
    known = ~np.isnan(codes)
    return np.where(known, table[np.where(known, codes, 0.0).astype(np.int64)], np.nan)


def stress_rows(
    model: Predictor,
    codes: np.ndarray,
    y: np.ndarray,
    metric: Metric,
    *,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> Robustness:
    """`stress` on codes float64 [N, F] of the model's own schema and targets `y` [N]."""
    if len(codes) == 0:
        raise ArgumentError(
            "robustness of 0 rows is not defined: hold out some rows that the model has not seen."
        )
    if len(codes) > MOST_ROWS:
        keep = np.sort(np.random.default_rng(key("stress", seed, "rows")).permutation(len(codes))[:MOST_ROWS])
        codes, y = codes[keep], y[keep]
    corruptions = [Corruption(kind, float(s)) for kind in ("noise", "shift") for s in strengths]
    spreads = spreads_of(codes, model.schema)
    weights = _resamples(len(codes), seed)
    prediction = model.predict_codes(codes)
    base = metric.function(y, prediction, weights)
    sign = -1.0 if metric.greater_is_better else 1.0
    points = []
    for corruption in corruptions:
        found = [
            model.predict_codes(corruption(codes, spreads, key("stress", seed, k))) for k in range(DRAWS)
        ]
        scores = np.mean([metric.function(y, one, weights) for one in found], axis=0)
        worse = sign * (scores - base)
        low, high = _middle(worse[1:])
        points.append(
            Point(corruption.kind, corruption.strength, float(scores[0]), float(worse[0]), low, high)
        )
    beyond = _beyond(model, codes, y, prediction, metric, weights, seed)
    value = float(base[0])
    return Robustness(metric.name, metric.greater_is_better, value, len(codes), tuple(points), beyond)


def _resamples(rows: int, seed: int) -> np.ndarray:
    """Weights [1 + R, N]: first every row once, then how often each occurs in R resamples."""
    generator = np.random.default_rng(key("stress", seed, "resamples"))
    drawn = [np.bincount(generator.integers(rows, size=rows), minlength=rows) for _ in range(RESAMPLES)]
    return np.stack([np.ones(rows), *drawn]).astype(np.float64)


def _middle(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return math.nan, math.nan
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _beyond(
    model: Predictor,
    codes: np.ndarray,
    y: np.ndarray,
    prediction: np.ndarray,
    metric: Metric,
    weights: np.ndarray,
    seed: int,
) -> Beyond | None:
    column = _foremost(model, codes, y, prediction, metric, seed)
    if column is None:
        return None
    values = codes[:, column]
    low, middle, high = np.nanquantile(values, [EXTREME, 0.5, 1 - EXTREME])
    above = bool(high - middle >= middle - low)
    edge = float(high if above else low)
    outer = values > edge if above else values < edge
    inner = ~outer & ~np.isnan(values)
    if min(outer.sum(), inner.sum()) < FEWEST:
        return None
    sign = -1.0 if metric.greater_is_better else 1.0
    scores = [metric.function(y[part], prediction[part], weights[:, part]) for part in (outer, inner)]
    worse = sign * (scores[0] - scores[1])
    return Beyond(
        model.schema.columns[model.schema.starts.index(column)],
        above,
        edge,
        int(outer.sum()),
        float(scores[0][0]),
        float(scores[1][0]),
        float(worse[0]),
        *_middle(worse[1:]),
    )


def _foremost(
    model: Predictor, codes: np.ndarray, y: np.ndarray, prediction: np.ndarray, metric: Metric, seed: int
) -> int | None:
    """The numeric column whose permutation costs the model most (Breiman 2001, §10); None without one."""
    order = np.random.default_rng(key("stress", seed, "permutation")).permutation(len(codes))
    found: tuple[float, int] | None = None
    pairs = zip(model.schema.starts, model.schema.features, strict=True)
    numeric = [start for start, feature in pairs if feature.kind is Kind.NUMERIC]
    told = [k for k in numeric if len(np.unique(codes[:, k])) >= FEWEST]
    told.sort(key=lambda k: -_association(codes[:, k], prediction))
    for column in told[:MOST_COLUMNS]:
        mixed = codes.copy()
        mixed[:, column] = codes[order, column]
        cost = metric.loss(y, model.predict_codes(mixed)) - metric.loss(y, prediction)
        if found is None or cost > found[0]:
            found = (cost, column)
    return None if found is None else found[1]


def _association(values: np.ndarray, prediction: np.ndarray) -> float:
    """The largest |correlation| of a column with one of the predictions; 0 where either is constant."""
    known = ~np.isnan(values)
    x = values[known] - values[known].mean()
    outputs = prediction.reshape(len(prediction), -1)[known]
    outputs = outputs - outputs.mean(axis=0)
    scale = np.sqrt((x**2).sum() * (outputs**2).sum(axis=0))
    return float(np.max(np.abs(x @ outputs) / np.where(scale > 0, scale, np.inf)))
