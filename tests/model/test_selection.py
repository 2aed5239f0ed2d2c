"""The rules that choose, against a naive loop and against what they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.model import greedy_weights, log_loss

from profunda.errors import ArgumentError
from profunda.metrics.score import metric_for
from profunda.model.selection import best, blend, greedy, one_standard_error

LOG_LOSS = metric_for("multiclass")
RMSE = metric_for("regression")


def crowd(seed: int, K: int = 12, N: int = 40, C: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """K candidates of differing skill on N rows of C classes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, C, N)
    skill = rng.uniform(0, 2.5, (K, 1, 1))
    logits = rng.normal(size=(K, N, C)) + skill * (np.arange(C) == y[:, None])
    powers = np.exp(logits)
    return powers / powers.sum(-1, keepdims=True), y


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1, 4, 25])
def test_greedy_is_the_naive_loop(seed: int, size: int) -> None:
    predictions, y = crowd(seed)
    expected = greedy_weights(list(predictions), lambda p: log_loss(y, p), size, library=50)
    np.testing.assert_allclose(greedy(predictions, y, LOG_LOSS, size=size), expected, atol=1e-12)


def test_the_naive_loop_can_disagree() -> None:
    """Negative control: without replacement, or with a small library, the weights differ."""
    predictions, y = crowd(3)
    full = greedy_weights(list(predictions), lambda p: log_loss(y, p), 25, library=50)
    small = greedy_weights(list(predictions), lambda p: log_loss(y, p), 25, library=1)
    assert not np.allclose(full, small)
    assert not np.allclose(greedy(predictions, y, LOG_LOSS), small)


@given(seed=st.integers(0, 10_000), K=st.integers(1, 15), size=st.integers(1, 30), library=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_greedy_is_never_worse_than_the_best(seed: int, K: int, size: int, library: int) -> None:
    predictions, y = crowd(seed, K=K, N=15)
    weights = greedy(predictions, y, LOG_LOSS, size=size, library=library)
    assert weights.shape == (K,)
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).sum() <= min(size, library)
    lowest = min(LOG_LOSS.loss(y, p) for p in predictions)
    assert LOG_LOSS.loss(y, blend(weights, predictions)) <= lowest + 1e-12


@pytest.mark.parametrize("name", ["rmse", "r2", "mae"])
def test_greedy_of_numbers_finds_the_complementary_pair(name: str) -> None:
    """Two candidates that err in opposite directions together beat a better single one."""
    y = np.linspace(-1, 1, 30)
    predictions = np.stack([y + 0.3, y - 0.3, y + 0.25 * np.sin(40 * y)])
    weights = greedy(predictions, y, metric_for("regression", name), size=25)
    assert weights[:2] == pytest.approx([weights[0]] * 2, abs=0.05)
    assert weights[:2].sum() > 0.6


def test_greedy_takes_one_candidate_several_times() -> None:
    """Errors 1 and −1.5: the mean errs by −1/4, with the first one twice by 1/6, and no fourth one helps."""
    y = np.linspace(0, 1, 20)
    weights = greedy(np.stack([y + 1, y - 1.5]), y, RMSE, size=25)
    assert weights == pytest.approx([2 / 3, 1 / 3])


def test_greedy_does_not_depend_on_the_type_of_the_predictions() -> None:
    predictions, y = crowd(1)
    narrow = predictions.astype(np.float32)
    assert (greedy(narrow, y, LOG_LOSS) == greedy(narrow.astype(np.float64), y, LOG_LOSS)).all()


@pytest.mark.parametrize("rule", [greedy, best])
def test_candidates_that_are_not_finite_are_never_chosen(rule) -> None:
    predictions, y = crowd(2, K=5)
    predictions[[0, 3], 4] = np.nan
    weights = rule(predictions, y, LOG_LOSS)
    assert (weights[[0, 3]] == 0).all()
    assert np.isfinite(blend(weights, predictions)).all()


@pytest.mark.parametrize("rule", [greedy, best])
def test_a_crowd_of_broken_candidates_is_refused(rule) -> None:
    predictions, y = crowd(2, K=5)
    with pytest.raises(ArgumentError, match="none of 5 candidates has a finite loss"):
        rule(predictions * np.nan, y, LOG_LOSS)


@pytest.mark.parametrize("arguments", [{"size": 0}, {"library": 0}])
def test_an_empty_ensemble_is_refused(arguments: dict[str, int]) -> None:
    predictions, y = crowd(2)
    with pytest.raises(ArgumentError, match="is empty; give both at least 1"):
        greedy(predictions, y, LOG_LOSS, **arguments)


def test_ties_go_to_the_earlier_candidate() -> None:
    predictions, y = crowd(5, K=4)
    twins = np.concatenate([predictions, predictions])
    assert best(twins, y, LOG_LOSS)[:4].sum() == 1
    assert greedy(twins, y, LOG_LOSS, size=1)[:4].sum() == 1


def test_the_best_is_the_best_in_the_metrics_own_direction() -> None:
    predictions, y = crowd(7)
    for name in ("log_loss", "accuracy", "auc"):
        metric = metric_for("multiclass", name)
        values = [metric.value(y, p) for p in predictions]
        chosen = int(best(predictions, y, metric).argmax())
        assert values[chosen] == (max(values) if metric.greater_is_better else min(values))


def test_one_standard_error_by_hand() -> None:
    """Means 1.00, 1.05, 1.30; the best one's standard error over 4 folds is 0.0577: the second is in."""
    losses = np.array([[0.9, 1.1, 0.9, 1.1], [1.05, 1.05, 1.05, 1.05], [1.3, 1.3, 1.3, 1.3]])
    assert one_standard_error(losses, np.array([500, 100, 10])).tolist() == [0, 1, 0]
    # With a mean of 1.06 the second is out again.
    losses[1] = 1.06
    assert one_standard_error(losses, np.array([500, 100, 10])).tolist() == [1, 0, 0]


def test_one_standard_error_prefers_the_better_of_equally_small_ones() -> None:
    losses = np.array([[0.0, 2.0], [1.2, 1.2], [1.1, 1.1], [1.1, 1.1]])
    assert one_standard_error(losses, np.array([9, 5, 5, 5])).tolist() == [0, 0, 1, 0]


def test_one_standard_error_of_a_single_fold_is_the_best() -> None:
    assert one_standard_error(np.array([[1.0], [0.9], [0.91]]), np.array([1, 9, 2])).tolist() == [0, 1, 0]


def test_one_standard_error_leaves_out_what_failed_on_a_fold() -> None:
    losses = np.array([[np.nan, 0.1], [0.5, 0.6], [np.inf, 0.1]])
    assert one_standard_error(losses, np.array([1, 9, 1])).tolist() == [0, 1, 0]
    with pytest.raises(ArgumentError, match="none of 2 candidates has a finite loss"):
        one_standard_error(losses[[0, 2]], np.array([1, 1]))


def test_blend_by_hand() -> None:
    predictions = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 6.0]], dtype=np.float32)
    assert blend(np.array([0.25, 0.0, 0.75]), predictions).tolist() == [2.5, 5.0]
