"""How well a model does for parts of the held-out rows: one class, one group, where two groups meet.

A model card asks for it: "unitary" and "intersectional" results (Mitchell et al. 2019, §4.7).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import numpy as np

from profunda.data.dataset import Dataset
from profunda.data.table import Kind
from profunda.data.task import Task
from profunda.metrics.score import Metric

__all__ = ["ClassScore", "Slice", "class_scores", "slices"]

LEAST_ROWS = 30  # a slice of fewer tells chance more than anything
MOST_LEVELS = 8  # of a column, the most frequent ones
MOST_COLUMNS = 12  # categories before numbers: those name groups
QUARTERS = 4  # of a numeric column
CROSSED = 0.75  # of the crossings of two columns that must hold enough rows: else one column tells the other
MOST_CROSSED = 4  # levels of each of them
MOST_DRAWS, LEAST_DRAWS = 200, 100  # of the bootstrap: of 200, five lie beyond either end of a 95 % interval
DRAWN = 400_000  # weights of rows drawn in all, between these bounds: half a second for all parts


@dataclass(frozen=True)
class ClassScore:
    """A class on the held-out rows: how many are of it, found (recall), and right when said (precision)."""

    name: str
    rows: int
    recall: float
    precision: float


@dataclass(frozen=True)
class Slice:
    """The metric on the `rows` where `columns` have these `levels`, with a 95 % interval [`low`, `high`]."""

    columns: tuple[str, ...]
    levels: tuple[str, ...]
    rows: int
    value: float
    low: float
    high: float


def class_scores(task: Task, y: np.ndarray, prediction: np.ndarray) -> tuple[ClassScore, ...]:
    """Recall and precision of each class, or of each label's second class; () for numbers.

    y int64 [N] with prediction [N, C] probabilities of classes; or y [N, C] with NaN for gaps and prediction
    [N, C] probabilities of labels, which are said above one half, as `Model.predict` does. NaN where there is
    no row, or where it is never said.
    """
    prediction = np.asarray(prediction)
    if task.single:
        said = prediction.argmax(axis=1)
        return tuple(_class_score(name, y == k, said == k) for k, name in enumerate(task.classes))
    if task.numeric:
        return ()
    known = ~np.isnan(y)
    return tuple(
        _class_score(name, y[known[:, k], k] == 1, prediction[known[:, k], k] > 0.5)
        for k, name in enumerate(task.names)
    )


def _class_score(name: str, true: np.ndarray, said: np.ndarray) -> ClassScore:
    right, rows, told = int((true & said).sum()), int(true.sum()), int(said.sum())
    return ClassScore(name, rows, right / rows if rows else np.nan, right / told if told else np.nan)


def slices(
    dataset: Dataset, rows: np.ndarray, prediction: np.ndarray, metric: Metric, seed: int = 0
) -> tuple[Slice, ...]:
    """The metric on parts of the held-out `rows` [N], `prediction` [N] or [N, C].

    Parts are the levels of columns (a number's: its quarters), then the crossings of two columns of
    categories, each of at least 30 rows: the two between whose levels the metric differs most and that do not
    nearly tell each other. Intervals are percentiles of Poisson bootstraps of the rows, one set of
    weights for all parts (Hanley and MacGibbon 2006); they do not know that many parts were looked at.
    """
    if not len(rows):
        return ()
    draws = min(MOST_DRAWS, max(LEAST_DRAWS, DRAWN // len(rows)))
    weights = np.random.default_rng(seed).poisson(1.0, (draws, len(rows))).astype(np.float64)
    y, prediction = dataset.y[rows], np.asarray(prediction, np.float64)

    def scored(columns: tuple[str, ...], levels: tuple[str, ...], inside: np.ndarray) -> Slice:
        value = metric.value(y[inside], prediction[inside])
        drawn = metric.function(y[inside], prediction[inside], weights[:, inside])
        known = drawn[np.isfinite(drawn)]
        low, high = np.quantile(known, (0.025, 0.975)) if len(known) else (np.nan, np.nan)
        return Slice(columns, levels, int(inside.sum()), value, float(low), float(high))

    factors = list(_factors(dataset, rows))[:MOST_COLUMNS]
    single = [[scored((one.column,), (name,), m) for name, m in one.levels] for one in factors]
    crossed = [
        scored((one.column, two.column), (a, b), inside)
        for one, two in _widest(factors, single)
        for (a, left), (b, right) in product(one.levels[:MOST_CROSSED], two.levels[:MOST_CROSSED])
        if (inside := left & right).sum() >= LEAST_ROWS
    ]
    return (*(part for parts in single for part in parts), *crossed)


@dataclass(frozen=True, eq=False)
class _Factor:
    """A column and the rows of each of its levels, bool [N]; `named` for categories, not for quarters."""

    column: str
    levels: tuple[tuple[str, np.ndarray], ...]
    named: bool


def _factors(dataset: Dataset, rows: np.ndarray) -> Iterator[_Factor]:
    """The columns that part the rows in two at least, those of categories first."""
    later = []
    for place, feature in zip(dataset.schema.starts, dataset.schema.features, strict=True):
        codes = dataset.codes[rows, place]
        if feature.kind in (Kind.CATEGORICAL, Kind.TASK):
            factor = _Factor(feature.name, tuple(_levels(codes, feature.vocabulary)), True)
        elif feature.kind is Kind.BOOLEAN:
            factor = _Factor(feature.name, tuple(_levels(codes, ("no", "yes"))), True)
        elif feature.kind is Kind.NUMERIC:
            later.append(_Factor(feature.name, tuple(_quarters(codes)), False))
            continue
        else:
            continue
        if len(factor.levels) > 1:
            yield factor
    yield from (factor for factor in later if len(factor.levels) > 1)


def _levels(codes: np.ndarray, names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    # A vocabulary stands by falling frequency, so that its first words are the most frequent ones.
    for code, name in enumerate(names[:MOST_LEVELS]):
        inside = codes == code
        if inside.sum() >= LEAST_ROWS:
            yield name, inside
    if np.isnan(codes).sum() >= LEAST_ROWS:
        yield "missing", np.isnan(codes)


def _quarters(codes: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    known = codes[np.isfinite(codes)]
    if not len(known):
        return
    edges = np.unique(np.quantile(known, np.linspace(0, 1, QUARTERS + 1), method="inverted_cdf"))
    for k, (low, high) in enumerate(pairwise(edges)):
        inside = (codes <= high) & ((codes > low) if k else (codes >= low))
        if inside.sum() >= LEAST_ROWS:
            yield (f"{low:.4g} to {high:.4g}" if not k else f"above {low:.4g}, to {high:.4g}"), inside


def _widest(factors: Sequence[_Factor], scores: Sequence[Sequence[Slice]]) -> list[tuple[_Factor, _Factor]]:
    """The two columns of categories to cross, if any: the metric differs most between their levels."""
    spreads = {one.column: _spread(parts) for one, parts in zip(factors, scores, strict=True) if one.named}
    pairs = combinations((one for one in factors if one.named), 2)
    ranked = sorted(pairs, key=lambda pair: -sum(spreads[one.column] for one in pair))
    return next(([pair] for pair in ranked if _cross(*pair)), [])


def _spread(parts: Sequence[Slice]) -> float:
    """Standard deviation of the metric between a column's levels, weighted by their rows."""
    values, rows = np.array([part.value for part in parts]), np.array([part.rows for part in parts])
    known = np.isfinite(values)
    if not known.any():
        return 0.0
    mean = np.average(values[known], weights=rows[known])
    return float(np.sqrt(np.average((values[known] - mean) ** 2, weights=rows[known])))


def _cross(one: _Factor, two: _Factor) -> bool:
    pairs = product(one.levels[:MOST_CROSSED], two.levels[:MOST_CROSSED])
    cells = [(left & right).sum() >= LEAST_ROWS for (_, left), (_, right) in pairs]
    return sum(cells) >= CROSSED * len(cells)
