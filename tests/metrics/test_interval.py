"""Bootstrap intervals: the naive resampling's numbers, seeded, and covering what they should."""

import time
from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.metrics import bootstrap

from profunda.errors import ArgumentError
from profunda.metrics.score import METRICS, interval, metric_for


def example(metric, n: int = 80, seed: int = 0):
    rng = np.random.default_rng(seed)
    if metric.several:
        y = np.where(rng.random((n, 3)) < 0.1, np.nan, rng.integers(0, 2, (n, 3)))
        return y, rng.random((n, 3))
    if metric.kinds == ("regression",):
        y = rng.normal(size=n)
        return y, y + rng.normal(size=n)
    return rng.integers(0, 3, n), rng.dirichlet(np.ones(3), n)


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{m.kinds[0]}-{m.name}")
def test_is_the_naive_bootstrap(metric):
    y, p = example(metric)
    assert interval(metric, y, p, seed=5) == pytest.approx(bootstrap(metric, y, p, 0.95, 5, 1000), rel=1e-9)


def test_chunks_change_nothing(monkeypatch):
    metric = metric_for("regression")
    y, p = example(metric)
    whole = interval(metric, y, p, seed=5)
    monkeypatch.setattr("profunda.metrics.score._CELLS", 80 * 37)
    assert interval(metric, y, p, seed=5) == whole


@pytest.mark.parametrize(
    ("rows", "draws"), [(1, 1000), (20_000, 1000), (40_000, 500), (200_000, 100), (400_000, 100)]
)
def test_more_rows_mean_fewer_resamples(rows, draws):
    counted = []

    def constant(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> np.ndarray:
        counted.append(len(w))
        return np.zeros(len(w))

    metric = replace(metric_for("regression"), function=constant)
    assert interval(metric, np.zeros(rows), np.zeros(rows), seed=0) == (0.0, 0.0)
    assert sum(counted) == draws


def test_is_seeded():
    metric = metric_for("regression")
    y, p = example(metric)
    assert interval(metric, y, p, seed=1) == interval(metric, y, p, seed=1) != interval(metric, y, p, seed=2)


def test_holds_the_score_and_narrows_with_rows_and_level():
    metric = metric_for("regression")
    widths = []
    for n in (100, 2500):
        y, p = example(metric, n)
        low, high = interval(metric, y, p, seed=0)
        assert low < metric.value(y, p) < high
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(5, rel=0.3)
    y, p = example(metric)
    inner, outer = interval(metric, y, p, level=0.5, seed=0), interval(metric, y, p, level=0.99, seed=0)
    assert outer[0] < inner[0] < inner[1] < outer[1]


def test_covers_the_truth_about_as_often_as_it_says():
    metric, truth = metric_for("binary", "accuracy"), 0.8
    rng, hits = np.random.default_rng(0), 0
    for trial in range(200):
        right = rng.random(150) < truth
        y = rng.integers(0, 2, 150)
        guess = np.where(right, y, 1 - y)
        low, high = interval(metric, y, np.eye(2)[guess], level=0.9, seed=trial)
        hits += low <= truth <= high
    assert 0.83 <= hits / 200 <= 0.96


def test_resamples_without_meaning_are_left_out():
    y = np.array([0, 0, 0, 1])
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    low, high = interval(metric_for("binary", "auc"), y, p, seed=0)
    assert 0 <= low <= high <= 1
    assert np.isnan(interval(metric_for("binary", "auc"), y * 0, p, seed=0)).all()
    assert np.isnan(interval(metric_for("binary"), y, p * np.nan, seed=0)).all()


def test_ten_thousand_rows_take_seconds_not_minutes():
    metric = metric_for("binary")
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    interval(metric, rng.integers(0, 2, 10_000), rng.dirichlet(np.ones(2), 10_000), seed=0)
    assert time.perf_counter() - start < 3


@pytest.mark.parametrize("level", [0, 1, 95, -0.5])
def test_refuses_levels_that_are_no_share(level):
    metric = metric_for("regression")
    with pytest.raises(ArgumentError, match="must lie between 0 and 1"):
        interval(metric, *example(metric), level=level, seed=0)
