"""The rivals: scored on the held-out rows, within their allowance, never fatal."""

import numpy as np
import pytest
from tables import numbers, two_classes

from profunda.data.dataset import Dataset
from profunda.data.splits import split
from profunda.job import baselines
from profunda.job.baselines import fit_baselines
from profunda.metrics.score import metric_for


def fitted(data: Dataset, seconds: float | None = None) -> dict[str, baselines.Baseline]:
    metric = metric_for(data.task.kind)
    return {b.name: b for b in fit_baselines(data, split(data), metric, seconds=seconds, seed=0)}


@pytest.mark.parametrize("data", [two_classes(300), numbers(300)], ids=["classes", "numbers"])
def test_the_trivial_one_is_the_worst(data: Dataset) -> None:
    found = fitted(data)
    trivial, linear, trees = found.values()
    assert [b.score.rows for b in found.values() if b.score] == [60, 60, 60]
    assert min(linear.score.value, trees.score.value) < trivial.score.value  # type: ignore[union-attr]


def test_without_time_they_are_left_out_and_say_so() -> None:
    found = fitted(two_classes(300), seconds=1e-9)
    assert found["majority"].score is not None
    for name in ("linear", "trees"):
        assert found[name].score is None
        assert "left out: the baselines' share of the time budget was used up" in found[name].note


def test_with_little_time_a_subsample_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    data = numbers(1500)
    monkeypatch.setattr(baselines, "_cost", lambda rival, shuffled, few: (0.0, 5.0 / 1200))
    note = fitted(data, seconds=3.0)["linear"].note
    assert note.startswith("fitted on ")
    assert note.endswith(" of 1,200 rows to stay within the time budget")


def test_with_too_little_time_for_a_subsample_it_says_what_was_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baselines, "_cost", lambda rival, shuffled, few: (0.0, 1.0))
    assert "left out: about 240.0 s needed" in fitted(two_classes(300), seconds=5.0)["trees"].note


def test_an_error_in_a_rival_costs_nothing_but_the_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(baselines, "_trees", broken)
    found = fitted(two_classes(200))
    assert found["trees"].score is None
    assert found["trees"].note == "left out: MemoryError: no room"
    assert found["linear"].score is not None


def test_they_play_no_part_in_the_random_numbers_of_others() -> None:
    state = np.random.get_state()[1].copy()
    fitted(two_classes(200))
    assert np.array_equal(state, np.random.get_state()[1])
