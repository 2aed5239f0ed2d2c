"""The temperature, against a grid and against what it promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.model import temperature_by_grid

from profunda.errors import ArgumentError
from profunda.metrics.probabilities import softmax
from profunda.model.calibration import (
    COLDEST,
    HOTTEST,
    fit_label_temperature,
    fit_temperature,
    tempered,
    tempered_labels,
)


def honest(seed: int, N: int, C: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are the truth: each row's class is drawn from its own probabilities."""
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(size=(N, C)) * 1.5)
    y = (rng.uniform(size=(N, 1)) > p.cumsum(axis=1)).sum(axis=1)
    return p, np.minimum(y, C - 1)


@pytest.mark.parametrize("twist", [0.4, 1.0, 2.5])
def test_the_temperature_undoes_a_twist(twist: float) -> None:
    """Probabilities made too sharp by p^twist ask for T = twist."""
    p, y = honest(0, 20_000, 3)
    assert fit_temperature(tempered(p, 1 / twist), y) == pytest.approx(twist, rel=0.05)


@pytest.mark.parametrize("seed", range(4))
def test_the_temperature_is_the_best_on_a_grid(seed: int) -> None:
    p, y = honest(seed, 60, 4)
    grid = np.geomspace(0.3, 4, 400)
    found = fit_temperature(p, y)
    assert found == pytest.approx(temperature_by_grid(p, y, grid), rel=0.01)
    # Negative control: the grid tells temperatures of other labels apart.
    assert temperature_by_grid(p, (y + 1) % 4, grid) != pytest.approx(found, rel=0.05)


def test_rows_that_are_all_right_do_not_ask_for_certainty() -> None:
    """Unsmoothed, they push T to its bound; by Laplace's rule ten rows of two classes ask for 11/12."""
    y = np.array([0, 1] * 5)
    p = np.where(np.arange(2) == y[:, None], 0.8, 0.2)
    warmed = tempered(p, fit_temperature(p, y))
    assert warmed.max() == pytest.approx(11 / 12, abs=1e-9)


def test_bounds() -> None:
    y = np.array([0, 1] * 50)
    wrong = np.where(np.arange(2) == y[:, None], 0.1, 0.9)
    assert fit_temperature(wrong, y) == HOTTEST
    timid = np.where(np.arange(2) == y[:, None], 0.501, 0.499)
    assert fit_temperature(timid, y) == COLDEST


def test_a_certain_zero_does_not_break_the_fit() -> None:
    p, y = honest(0, 50, 3)
    p[:3] = [1.0, 0.0, 0.0]
    assert COLDEST <= fit_temperature(p, y) <= HOTTEST


@given(
    seed=st.integers(0, 1000),
    C=st.integers(2, 6),
    temperature=st.floats(COLDEST, HOTTEST),
    scale=st.floats(0.1, 300),
)
@settings(max_examples=60, deadline=None)
def test_tempering_keeps_probabilities_and_their_order(
    seed: int, C: int, temperature: float, scale: float
) -> None:
    p = softmax(np.random.default_rng(seed).normal(size=(20, C)) * scale)
    q = tempered(p, temperature)
    assert np.isfinite(q).all()
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-12)
    assert (q.argmax(axis=1) == p.argmax(axis=1)).all()


def test_tempering_a_softmax_divides_its_logits() -> None:
    logits = np.random.default_rng(0).normal(size=(10, 4))
    np.testing.assert_allclose(tempered(softmax(logits), 2.5), softmax(logits / 2.5), rtol=1e-12)


def test_a_temperature_of_one_changes_no_bit() -> None:
    p, _ = honest(0, 10, 3)
    assert tempered(p, 1.0) is p


def test_refusals() -> None:
    p, y = honest(0, 10, 3)
    with pytest.raises(ArgumentError, match="got 10 rows of probabilities and 9 targets"):
        fit_temperature(p, y[:9])
    with pytest.raises(ArgumentError, match="got 0 rows of probabilities"):
        fit_temperature(p[:0], y[:0])
    with pytest.raises(ArgumentError, match="negative or not finite"):
        fit_temperature(p * np.nan, y)
    with pytest.raises(ArgumentError, match="negative or not finite"):
        fit_temperature(p - 0.5, y)


def test_labels_share_one_temperature_and_gaps_have_no_say():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, size=(300, 3))
    y = (rng.random(p.shape) < p).astype(np.float64)
    y[rng.random(y.shape) < 0.2] = np.nan
    sharp = tempered_labels(p, 0.4)
    found = fit_label_temperature(sharp, y)
    pairs = np.stack([1 - sharp, sharp], axis=-1)[~np.isnan(y)]
    assert found == fit_temperature(pairs, y[~np.isnan(y)].astype(np.int64))
    assert found == pytest.approx(2.5, rel=0.25)
    np.testing.assert_allclose(tempered_labels(sharp, 2.5), p, rtol=1e-9)
    np.testing.assert_allclose(
        tempered_labels(p, 2.0), np.sqrt(p) / (np.sqrt(p) + np.sqrt(1 - p)), rtol=1e-12
    )
    assert tempered_labels(p, 1.0) is p
