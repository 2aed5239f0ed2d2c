"""The optimism of a choice, on made-up candidates whose truth is known."""

import numpy as np
import pytest

from profunda.metrics.score import metric_for
from profunda.model.optimism import bias_corrected, optimism_of, tibshirani_bias
from profunda.model.selection import best, greedy

RMSE = metric_for("regression", "rmse")
ACCURACY = metric_for("binary", "accuracy")


def noise(candidates: int = 40, rows: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Candidates that know nothing: whoever looks best was lucky. Accuracy is a half in truth."""
    generator = np.random.default_rng(seed)
    p = generator.random((candidates, rows))
    return np.stack([1 - p, p], axis=2), generator.integers(0, 2, rows)


def folds_of(predictions: np.ndarray, y: np.ndarray, metric, folds: int = 5) -> np.ndarray:
    parts = np.array_split(np.arange(len(y)), folds)
    return np.array([[metric.loss(y[part], each[part]) for part in parts] for each in predictions])


@pytest.mark.parametrize("rule", [best, greedy])
def test_luck_among_candidates_that_know_nothing_is_seen_through(rule) -> None:
    plain, corrected = [], []
    for seed in range(6):
        predictions, y = noise(seed=seed)
        weigh = lambda rows, p=predictions, t=y: rule(p[:, rows], t[rows], ACCURACY)  # noqa: E731
        found = optimism_of(weigh, predictions, y, folds_of(predictions, y, ACCURACY), ACCURACY, seed)
        assert found.low <= found.corrected <= found.high
        assert found.gap > 0.03
        plain.append(found.plain)
        corrected.append(found.corrected)
    assert np.mean(plain) > 0.6
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.06)


def test_a_choice_without_alternatives_hardly_flatters() -> None:
    """Negative control: where one candidate is right and the rest are far off, nothing is left to luck."""
    generator = np.random.default_rng(1)
    y = generator.normal(size=300)
    crowd = np.stack([y + 0.1 * generator.normal(size=300), *(generator.normal(size=(20, 300)) * 5)])
    found = optimism_of(
        lambda rows: best(crowd[:, rows], y[rows], RMSE), crowd, y, folds_of(crowd, y, RMSE), RMSE, 0
    )
    assert abs(found.gap) < 0.01
    assert found.best_corrected == pytest.approx(found.best)
    assert "300 rows that chose among 21 designs" in found.text


def test_an_interval_is_told_of_five_resamples_at_least() -> None:
    predictions, y = noise()
    weigh = lambda rows: best(predictions[:, rows], y[rows], ACCURACY)  # noqa: E731
    losses = folds_of(predictions, y, ACCURACY)
    hurried = optimism_of(weigh, predictions, y, losses, ACCURACY, 0, seconds=0.0)
    assert np.isfinite(hurried.corrected)
    assert np.isnan([hurried.low, hurried.high]).all()
    assert hurried.text.endswith(f"corrected for the choice: {hurried.corrected:.4g}")
    assert "…" in optimism_of(weigh, predictions, y, losses, ACCURACY, 0).text


def test_tibshiranis_bias_by_hand() -> None:
    losses = np.array([[1.0, 3.0, 2.0], [2.0, 1.0, 4.0]])  # means 2 and 7/3: the first is best
    assert tibshirani_bias(losses) == pytest.approx(np.mean([1 - 1, 3 - 1, 2 - 2]))
    assert np.isnan(tibshirani_bias(losses[:, :1]))
    assert np.isnan(tibshirani_bias(losses * np.nan))
    assert tibshirani_bias(np.array([[np.nan, 1.0], [1.0, 2.0]])) == 0.0


def test_resamples_are_the_seeds_and_those_without_a_choice_are_left_out() -> None:
    predictions, y = noise(rows=40)
    weigh = lambda rows: best(predictions[:, rows], y[rows], ACCURACY)  # noqa: E731
    one, two = (bias_corrected(weigh, predictions, y, ACCURACY, seed) for seed in (0, 0))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, bias_corrected(weigh, predictions, y, ACCURACY, 1))
    hurried = bias_corrected(weigh, predictions, y, ACCURACY, 0, seconds=0.0)
    assert np.array_equal(hurried, one[:1])
    auc = metric_for("binary", "auc")
    rare = np.zeros(40, np.int64)
    rare[0] = 1
    few = bias_corrected(lambda rows: best(predictions[:, rows], rare[rows], auc), predictions, rare, auc, 0)
    assert len(few) < len(one)
