"""Honest rivals: a constant, a linear model and boosted trees, scored on the Model's own held-out rows.

They are fitted on the development rows after the search has ended and never influence the Model. Under a
budget in seconds they get an allowance in all, the cheapest first; what does not fit is fitted on a subsample
of rows, or left out, and its note says so.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.splits import Splits
from profunda.data.table import Kind
from profunda.metrics.score import Metric, interval
from profunda.model.score import Baseline, Score

__all__ = ["fit_baselines", "score_on"]

SMALLEST_SAMPLE = 500  # rows: a rival fitted on fewer says more about the sample than about the method
PROBE_ROWS = 1_000  # rows of the smaller timing probe; the larger has four times as many
MOST_CATEGORIES = 254  # the trees sort a column into 255 bins, one of them for missing values
TREE_ROUNDS = 300  # with early stopping; scikit-learn's default of 100 is often too few for a strong rival


@dataclass(frozen=True)
class _Rival:
    """A baseline before it is fitted: `fit(rows, draft)` returns a function codes → predictions.

    With `draft` the estimator does a small, known share of its work, from which the cost of the whole is
    extrapolated.
    """

    name: str
    title: str
    fit: Callable[[np.ndarray, bool], Callable[[np.ndarray], np.ndarray]]
    draft_share: float
    probed: bool


def score_on(metric: Metric, y: np.ndarray, prediction: np.ndarray, seed: int, level: float = 0.95) -> Score:
    """The metric on held-out rows with its bootstrap interval."""
    value = metric.value(y, prediction)
    low, high = interval(metric, y, prediction, level=level, seed=seed)
    return Score(metric.name, value, low, high, level, len(y), metric.greater_is_better)


def fit_baselines(
    dataset: Dataset, splits: Splits, metric: Metric, *, seconds: float | None, seed: int
) -> tuple[Baseline, ...]:
    """Fit and score every rival on `splits.development` and `splits.test`.

    `seconds` is the allowance for all of them together (None: no limit). An estimator that fails is
    reported as left out with its message: a rival's trouble must not cost the user the Model.
    """
    started = time.perf_counter()
    results = []
    for rival in _rivals(dataset, seed):
        left = None if seconds is None else seconds - (time.perf_counter() - started)
        results.append(_score_rival(rival, dataset, splits, metric, left, seed))
    return tuple(results)


def _score_rival(
    rival: _Rival, dataset: Dataset, splits: Splits, metric: Metric, left: float | None, seed: int
) -> Baseline:
    started = time.perf_counter()
    rows, note = _affordable_rows(rival, splits.development, left, seed)
    score = None
    if rows is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # convergence warnings of a rival are not the user's concern
                predict = rival.fit(rows, False)
                prediction = predict(dataset.codes[splits.test])
            score = score_on(metric, dataset.y[splits.test], prediction, seed)
        except Exception as error:  # any failure of a third-party estimator: said in the report
            note = f"left out: {type(error).__name__}: {error}"
    return Baseline(rival.name, rival.title, score, time.perf_counter() - started, note)


def _affordable_rows(
    rival: _Rival, development: np.ndarray, left: float | None, seed: int
) -> tuple[np.ndarray | None, str]:
    """All rows, a subsample that fits the time left, or None, with the sentence that says which."""
    if left is None or not rival.probed:
        return development, ""
    if left <= 0:
        return None, "left out: the baselines' share of the time budget was used up"
    started = time.perf_counter()
    shuffled = np.random.default_rng([seed, 1]).permutation(development)
    few = min(PROBE_ROWS, len(development) // 4)
    try:
        fixed, per_row = _cost(rival, shuffled, few)
    except Exception:
        return development, ""  # the full fit meets the same error and reports it
    left -= time.perf_counter() - started
    needed = fixed + per_row * len(development)
    if needed <= left:
        return development, ""
    affordable = int((left - fixed) / per_row) if per_row > 0 else 0
    if affordable < min(SMALLEST_SAMPLE, len(development)):
        return None, f"left out: about {needed:.1f} s needed, {max(left, 0.0):.1f} s of the time budget left"
    return np.sort(shuffled[:affordable]), (
        f"fitted on {affordable:,} of {len(development):,} rows to stay within the time budget"
    )


def _cost(rival: _Rival, shuffled: np.ndarray, few: int) -> tuple[float, float]:
    """Seconds of a whole fit as (fixed, per row): a line through drafts on `few` and 4 · `few` rows."""
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in (few, few, 4 * few):  # the first one warms up
            started = time.perf_counter()
            rival.fit(np.sort(shuffled[:rows]), True)
            seconds.append(time.perf_counter() - started)
    per_row = max(0.0, (seconds[2] - seconds[1]) / (3 * few))
    fixed = max(0.0, seconds[1] - per_row * few)
    return fixed / rival.draft_share, per_row / rival.draft_share


def _rivals(dataset: Dataset, seed: int) -> Sequence[_Rival]:
    if dataset.task.kind == "regression":
        return (
            _Rival("mean", "the mean, always", lambda rows, draft: _constant_mean(dataset, rows), 1.0, False),
            _Rival("linear", "linear model (ridge)", lambda rows, draft: _ridge(dataset, rows), 1.0, True),
            _Rival(
                "trees", "boosted trees", lambda rows, draft: _trees(dataset, rows, draft, seed), 0.1, True
            ),
        )
    return (
        _Rival(
            "majority",
            "class frequencies, always",
            lambda rows, draft: _frequencies(dataset, rows),
            1.0,
            False,
        ),
        _Rival(
            "linear",
            "linear model (logistic)",
            lambda rows, draft: _logistic(dataset, rows, draft),
            0.1,
            True,
        ),
        _Rival("trees", "boosted trees", lambda rows, draft: _trees(dataset, rows, draft, seed), 0.1, True),
    )


Predictor = Callable[[np.ndarray], np.ndarray]


def _constant_mean(dataset: Dataset, rows: np.ndarray) -> Predictor:
    mean = float(dataset.y[rows].mean())
    return lambda codes: np.full(len(codes), mean)


def _frequencies(dataset: Dataset, rows: np.ndarray) -> Predictor:
    shares = np.bincount(dataset.y[rows], minlength=dataset.task.n_outputs) / len(rows)
    return lambda codes: np.tile(shares, (len(codes), 1))


def _ridge(dataset: Dataset, rows: np.ndarray) -> Predictor:
    scaling = fit_preprocessing(dataset.codes, dataset.y, rows, dataset.schema, "robust", dataset.task)
    model = RidgeCV(alphas=np.logspace(-3, 4, 15)).fit(
        scaling.transform(dataset.codes[rows]), dataset.y[rows]
    )
    return lambda codes: model.predict(scaling.transform(codes))


def _logistic(dataset: Dataset, rows: np.ndarray, draft: bool) -> Predictor:
    scaling = fit_preprocessing(dataset.codes, dataset.y, rows, dataset.schema, "robust", dataset.task)
    model = LogisticRegression(C=1.0, max_iter=20 if draft else 200)
    model.fit(scaling.transform(dataset.codes[rows]), dataset.y[rows])
    return lambda codes: _spread(
        model.predict_proba(scaling.transform(codes)), model.classes_, dataset.task.n_outputs
    )


def _trees(dataset: Dataset, rows: np.ndarray, draft: bool, seed: int) -> Predictor:
    regression = dataset.task.kind == "regression"
    method = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    rounds = TREE_ROUNDS // 10 if draft else TREE_ROUNDS
    model = method(
        max_iter=rounds,
        early_stopping=not draft and len(rows) >= 200,
        n_iter_no_change=20,
        categorical_features=_categories(dataset),
        random_state=seed,
    )
    model.fit(dataset.codes[rows], dataset.y[rows])
    if regression:
        return model.predict
    return lambda codes: _spread(model.predict_proba(codes), model.classes_, dataset.task.n_outputs)


def _categories(dataset: Dataset) -> list[int]:
    """Columns that the trees split by category; unseen categories count as missing."""
    features = enumerate(dataset.schema.features)
    return [i for i, f in features if f.kind is Kind.CATEGORICAL and len(f.vocabulary) <= MOST_CATEGORIES]


def _spread(probabilities: np.ndarray, present: np.ndarray, n_classes: int) -> np.ndarray:
    """Probabilities over all classes: a class without a training row has probability zero."""
    full = np.zeros((len(probabilities), n_classes))
    full[:, present] = probabilities
    return full
