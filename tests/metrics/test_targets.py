"""Scores of several targets: scikit-learn's where all is there, and gaps that count nowhere."""

import numpy as np
import pytest
from sklearn import metrics as sk
from tests.oracles import metrics as naive

from profunda.errors import ArgumentError
from profunda.metrics.score import METRICS, all_scores, metric_for

SEVERAL = [metric for metric in METRICS if metric.several]
IDS = [f"{metric.kinds[0]}-{metric.name}" for metric in SEVERAL]


def example(kind: str, n: int = 60, c: int = 3, gaps: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    if kind == "multilabel":
        y, p = (rng.random((n, c)) < (0.2, 0.5, 0.7)).astype(np.float64), rng.random((n, c))
        p = np.round(0.3 * y + 0.7 * p, 1) * 0.98 + 0.01  # better than chance, with ties
    else:
        y = rng.standard_normal((n, c)) * (1.0, 10.0, 0.1)
        p = y + rng.standard_normal((n, c)) * (0.5, 2.0, 0.2)
    return np.where(rng.random((n, c)) < gaps, np.nan, y), p


def reference(kind: str, name: str, y: np.ndarray, p: np.ndarray) -> float:
    said = (p > 0.5).astype(np.float64)
    match kind, name:
        case "multilabel", "log_loss":
            return float(np.mean([sk.log_loss(a, b) for a, b in zip(y.T, p.T, strict=True)]))
        case _, "hamming_loss":
            return sk.hamming_loss(y, said)
        case _, "subset_accuracy":
            return sk.accuracy_score(y, said)
        case _, "micro_f1":
            return sk.f1_score(y, said, average="micro")
        case _, "macro_f1":
            return sk.f1_score(y, said, average="macro")
        case _, "auc":
            return sk.roc_auc_score(y, p, average="macro")
        case _, "rrmse":
            return float(np.mean(np.sqrt(1 - sk.r2_score(y, p, multioutput="raw_values"))))
        case _, "r2":
            return sk.r2_score(y, p)
        case _, "rmse":
            return sk.root_mean_squared_error(y, p)
        case _, "mae":
            return sk.mean_absolute_error(y, p)
    raise AssertionError(name)


@pytest.mark.parametrize("metric", SEVERAL, ids=IDS)
def test_is_scikit_learns_number(metric):
    y, p = example(metric.kinds[0])
    assert metric.value(y, p) == pytest.approx(reference(metric.kinds[0], metric.name, y, p), rel=1e-10)


@pytest.mark.parametrize("metric", SEVERAL, ids=IDS)
def test_weights_are_repeated_rows_with_gaps_too(metric):
    y, p = example(metric.kinds[0], 30, gaps=0.3)
    w = np.random.default_rng(0).integers(0, 4, size=(20, 30)).astype(np.float64)
    values = metric.function(y, p, w)
    for one, counts in zip(values, w, strict=True):
        assert one == pytest.approx(metric.value(*naive.resample(y, p, counts)), rel=1e-10, abs=1e-12)
    assert np.ptp(values) > 1e-3


@pytest.mark.parametrize("metric", SEVERAL, ids=IDS)
def test_what_is_predicted_for_a_gap_counts_nowhere(metric):
    y, p = example(metric.kinds[0], gaps=0.3)
    other = np.where(np.isnan(y), np.random.default_rng(1).random(y.shape), p)
    assert metric.value(y, other) == metric.value(y, p)
    there = np.where(np.isnan(y), p, 1 - p)
    assert metric.value(y, there) != metric.value(y, p)  # negative control


@pytest.mark.parametrize(
    "metric", [one for one in SEVERAL if "subset" not in one.name and "micro" not in one.name]
)
def test_each_target_by_itself_makes_the_mean(metric):
    y, p = example(metric.kinds[0], gaps=0.2)
    assert metric.value(y, p) == pytest.approx(np.mean(metric.each(y, p)), rel=1e-12)


def test_a_target_without_a_row_has_no_score_and_leaves_the_mean_alone():
    y, p = example("multioutput")
    y[:, 1] = np.nan
    metric = metric_for("multioutput")
    each = metric.each(y, p)
    assert np.isnan(each[1])
    assert metric.value(y, p) == pytest.approx((each[0] + each[2]) / 2)


def test_a_label_without_a_row_counts_in_no_score():
    y, p = example("multilabel")
    y[:, 1] = np.nan
    for metric in SEVERAL:
        if metric.kinds == ("multilabel",):
            assert metric.value(y, p) == pytest.approx(metric.value(y[:, [0, 2]], p[:, [0, 2]]), rel=1e-12)
    y, p = np.array([[1, np.nan], [0, np.nan], [1, np.nan]]), np.array([[0.9, 0.2], [0.1, 0.9], [0.8, 0.7]])
    assert metric_for("multilabel", "macro_f1").value(y, p) == 1.0
    assert metric_for("multilabel", "auc").each(y, p)[0] == 1.0
    assert np.isnan(metric_for("multilabel", "auc").each(y, p)[1])


def test_no_meaning_is_nan():
    flat = np.ones((5, 2))
    assert np.isnan(metric_for("multioutput").value(flat, flat))
    assert np.isnan(metric_for("multilabel", "auc").value(flat, flat / 2))


def test_defaults_and_names():
    assert metric_for("multilabel").name == "log_loss"
    assert metric_for("multioutput").name == "rrmse"
    names = [name for name, _ in all_scores("multilabel", *example("multilabel"))]
    assert names == ["log_loss", "hamming_loss", "subset_accuracy", "micro_f1", "macro_f1", "auc"]
    assert [name for name, _ in all_scores("multioutput", *example("multioutput"))] == [
        "rrmse",
        "r2",
        "rmse",
        "mae",
    ]


@pytest.mark.parametrize(
    ("y", "p", "text"),
    [
        (np.ones((4, 2)), np.ones((4, 3)), r"of one shape \[N, C\], got \[4, 2\] and \[4, 3\]"),
        (np.ones(4), np.ones((4, 2)), r"of one shape \[N, C\], got \[4\] and \[4, 2\]"),
        (np.ones((0, 2)), np.ones((0, 2)), "of 0 rows is not defined"),
    ],
)
def test_what_does_not_fit_is_refused(y, p, text):
    with pytest.raises(ArgumentError, match=text):
        metric_for("multilabel").value(y, p)
