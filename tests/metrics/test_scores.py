"""The scores are scikit-learn's numbers, ties, absent classes and all, under any row weights."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from tests.oracles import metrics as naive

from profunda.errors import ArgumentError
from profunda.metrics.score import METRICS, all_scores, metric_for

CLASS_METRICS = [metric for metric in METRICS if "binary" in metric.kinds]
NUMBER_METRICS = [metric for metric in METRICS if "regression" in metric.kinds]
OF_ONE = [*CLASS_METRICS, *NUMBER_METRICS]


def classes(n: int, c: int, seed: int, *, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(c, 0.7), size=n)
    if ties:
        p = np.round(p * 4) / 4 + 1e-3
        p /= p.sum(axis=1, keepdims=True)
    return rng.integers(0, c, n), p


def reference(name: str, y: np.ndarray, p: np.ndarray) -> float:
    """What scikit-learn says of the same predictions."""
    c = p.shape[1] if p.ndim == 2 else 0
    guess = p.argmax(axis=1) if c else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes that are absent
        match name:
            case "log_loss":
                return sk.log_loss(y, p, labels=range(c))
            case "accuracy":
                return sk.accuracy_score(y, guess)
            case "balanced_accuracy":
                return sk.balanced_accuracy_score(y, guess)
            case "f1":
                return sk.f1_score(y, guess, average="binary" if c == 2 else "macro", zero_division=0.0)
            case "auc" if c == 2:
                return sk.roc_auc_score(y, p[:, 1])
            case "auc":
                return float(np.nanmean([sk.roc_auc_score(y == code, p[:, code]) for code in range(c)]))
            case "brier":
                return (
                    sk.brier_score_loss(y, p[:, 1])
                    if c == 2
                    else ((p - np.eye(c)[y]) ** 2).sum(axis=1).mean()
                )
            case "rmse":
                return sk.root_mean_squared_error(y, p)
            case "mae":
                return sk.mean_absolute_error(y, p)
            case "r2":
                return sk.r2_score(y, p)
            case "median_ae":
                return sk.median_absolute_error(y, p)
    raise AssertionError(name)


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=lambda m: m.name)
@pytest.mark.parametrize("c", [2, 3, 7])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("n", [7, 40, 501])
def test_class_scores_are_scikit_learns(metric, c, ties, n):
    for seed in range(3):
        y, p = classes(n, c, seed, ties=ties)
        assert metric.value(y, p) == pytest.approx(
            reference(metric.name, y, p), abs=1e-12, rel=1e-12, nan_ok=True
        )


@pytest.mark.parametrize("metric", CLASS_METRICS, ids=lambda m: m.name)
@pytest.mark.parametrize("c", [2, 4])
def test_absent_classes(metric, c):
    y, p = classes(60, c, 0)
    y = np.minimum(y, c - 2)  # the last class has no row
    assert metric.value(y, p) == pytest.approx(reference(metric.name, y, p), abs=1e-12, nan_ok=True)
    p[:, c - 1] = 0.0  # nor is it ever predicted
    p /= p.sum(axis=1, keepdims=True)
    assert metric.value(y, p) == pytest.approx(reference(metric.name, y, p), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("metric", NUMBER_METRICS, ids=lambda m: m.name)
@pytest.mark.parametrize("n", [2, 3, 40, 501])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_number_scores_are_scikit_learns(metric, n, offset):
    rng = np.random.default_rng(n)
    y = rng.normal(size=n) + offset
    p = y + rng.normal(size=n)
    assert metric.value(y, p) == pytest.approx(reference(metric.name, y, p), rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30))
def test_number_scores_with_many_ties(pairs):
    y, p = np.array(pairs, dtype=np.float64).T
    for metric in NUMBER_METRICS:
        assert metric.value(y, p) == pytest.approx(reference(metric.name, y, p), rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=25))
def test_auc_counts_pairs(rows):
    y = np.array([int(up) for up, _ in rows])
    score = np.array([level / 4 for _, level in rows])
    value = metric_for("binary", "auc").value(y, np.stack([1 - score, score], axis=1))
    assert value == pytest.approx(naive.auc(y == 1, score), abs=1e-12, nan_ok=True)


def test_auc_by_a_naive_count_without_half_ties_would_differ():
    y, score = np.array([0, 1]), np.array([0.5, 0.5])
    assert metric_for("binary", "auc").value(y, np.stack([1 - score, score], axis=1)) == 0.5 != 0.0


@pytest.mark.parametrize("metric", OF_ONE, ids=lambda m: m.name)
@pytest.mark.parametrize("c", [2, 4])
def test_weights_are_repeated_rows(metric, c):
    rng = np.random.default_rng(3)
    if metric in NUMBER_METRICS:
        y, p = rng.normal(size=30), rng.normal(size=30)
    else:
        y, p = classes(30, c, 3, ties=True)
    w = rng.integers(0, 4, size=(20, 30)).astype(np.float64)
    values = metric.function(y, p, w)
    assert values.shape == (20,)
    for one, counts in zip(values, w, strict=True):
        assert one == pytest.approx(metric.value(*naive.resample(y, p, counts)), rel=1e-10, abs=1e-12)
    # Negative control: the weights matter.
    assert np.ptp(values) > 1e-3


def test_a_certain_mistake_costs_36_nats_not_infinity():
    assert metric_for("binary").value(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(36.04, abs=0.01)
    assert metric_for("binary").value(np.array([1]), np.array([[0.0, 1.0]])) == pytest.approx(0.0, abs=1e-12)


def test_no_meaning_is_nan():
    one_class = np.zeros(5, dtype=np.int64), np.full((5, 2), 0.5)
    assert np.isnan(metric_for("binary", "auc").value(*one_class))
    assert np.isnan(metric_for("multiclass", "auc").value([0], np.ones((1, 3)) / 3))
    assert np.isnan(metric_for("regression", "r2").value(np.array([1.0]), np.array([2.0])))


@pytest.mark.parametrize("metric", OF_ONE, ids=lambda m: m.name)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_prediction_that_is_not_finite_makes_the_score_nan(metric, bad):
    y = np.array([0, 1, 1])
    p = np.array([0.1, 0.5, 0.4]) if metric in NUMBER_METRICS else np.full((3, 2), 0.5)
    p[1] = bad
    assert np.isnan(metric.value(y, p))


@pytest.mark.parametrize("metric", OF_ONE, ids=lambda m: m.name)
def test_loss_is_lower_for_the_better(metric):
    y = np.array([0, 1, 0, 1])
    good = np.array([0.1, 0.8, 0.2, 0.7]) if metric in NUMBER_METRICS else np.eye(2)[y] * 0.8 + 0.1
    worse = 1 - good
    assert metric.loss(y, good) < metric.loss(y, worse)
    assert abs(metric.loss(y, good)) == abs(metric.value(y, good))


@pytest.mark.parametrize(
    ("kind", "default", "names"),
    [
        ("binary", "log_loss", ["log_loss", "accuracy", "balanced_accuracy", "f1", "auc", "brier"]),
        ("multiclass", "log_loss", ["log_loss", "accuracy", "balanced_accuracy", "f1", "auc", "brier"]),
        ("regression", "rmse", ["rmse", "mae", "r2", "median_ae"]),
    ],
)
def test_every_kind_has_its_metrics(kind, default, names):
    assert metric_for(kind).name == default
    y, p = (np.array([0.0, 1.0]), np.array([0.0, 2.0])) if kind == "regression" else classes(50, 3, 0)
    assert [name for name, _ in all_scores(kind, y, p)] == names
    assert dict(all_scores(kind, y, p))[default] == metric_for(kind).value(y, p)
    assert metric_for(kind, default.replace("_", "-").upper()).name == default


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: metric_for("binary", "rmse"),
            "'rmse' is not a metric of a binary task.* log_loss, accuracy",
        ),
        (lambda: metric_for("binary", "acuracy"), "Did you mean accuracy"),
        (lambda: metric_for("ranking"), "no task of kind 'ranking': it is binary, multiclass, regression"),
        (
            lambda: metric_for("binary").value([0], [0.5]),
            r"log_loss needs probabilities \[N, C\], got the shape \[1\]",
        ),
        (
            lambda: metric_for("regression").value([0.0], [[0.5]]),
            r"rmse needs numbers \[N\], got the shape \[1, 1\]",
        ),
        (lambda: metric_for("regression").value([0.0], [0.5, 1]), r"targets \[1\] do not fit 2 predictions"),
        (lambda: metric_for("regression").value([], []), "rmse of 0 rows is not defined"),
        (lambda: metric_for("binary").value([2], [[0.5, 0.5]]), "class codes run from 2 to 2.* 2 columns"),
        (lambda: metric_for("binary").value([-1], [[0.5, 0.5]]), "class codes run from -1 to -1"),
    ],
)
def test_refusals(call, text):
    with pytest.raises(ArgumentError, match=text):
        call()
