"""A running text in columns and windows: every token once, in its order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.data.streams import columns, windows
from profunda.errors import ArgumentError, DataError


@given(st.integers(2, 300), st.integers(1, 9))
def test_columns_are_consecutive_parts(count: int, batch: int) -> None:
    if count < 2 * batch:
        with pytest.raises(DataError, match=f"do not fill {batch} columns of two steps each"):
            columns(np.arange(count), batch)
        return
    made = columns(np.arange(count), batch)
    steps = count // batch
    assert made.shape == (steps, batch)
    for column in range(batch):
        assert made[:, column].tolist() == list(range(column * steps, (column + 1) * steps))


@given(st.integers(2, 500), st.integers(1, 90), st.none() | st.integers(0, 10**6))
def test_windows_cover_every_step_that_has_a_target(steps: int, length: int, seed: int | None) -> None:
    generator = None if seed is None else np.random.default_rng(seed)
    found = windows(steps, length, generator)
    covered = [step for window in found for step in range(window.start, window.stop)]
    assert covered == list(range(steps - 1))
    for window in found:
        expected = 1.0 if seed is None else (window.stop - window.start) / length
        assert window.scale == pytest.approx(expected)
    if seed is None:
        assert all(window.stop - window.start == length for window in found[:-1])
    else:
        assert all(window.stop - window.start >= 5 for window in found[:-1])


def test_lengths_are_drawn_as_published() -> None:
    found = windows(400_000, 70, np.random.default_rng(0))
    lengths = np.array([window.stop - window.start for window in found[:-1]])
    short = lengths < 52  # 35 and 70 lie 3.5 standard deviations of 5 apart from it
    assert short.mean() == pytest.approx(0.05, abs=0.01)
    assert lengths[~short].mean() == pytest.approx(69.5, abs=0.5)  # truncated to whole steps
    assert lengths[~short].std() == pytest.approx(5.0, abs=0.3)
    assert lengths[short].mean() == pytest.approx(34.5, abs=1.0)
    assert windows(400_000, 70, np.random.default_rng(0)) == found
    assert windows(400_000, 70, np.random.default_rng(1)) != found


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ArgumentError, match="batch = 0 columns"):
        columns(np.arange(9), 0)
    with pytest.raises(DataError, match=r"ids of shape \(2, 2\)"):
        columns(np.ones((2, 2)), 1)
    with pytest.raises(ArgumentError, match="1 steps in windows of 70"):
        windows(1)
    with pytest.raises(ArgumentError, match="9 steps in windows of 0"):
        windows(9, 0)
