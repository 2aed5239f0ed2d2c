"""The benchmark's area under the ROC curve against pairs, and whether the score tells who fails."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def bench(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark("forecast")


def test_the_area_counts_pairs(bench: ModuleType) -> None:
    rng = np.random.default_rng(0)
    risk, failed = rng.integers(0, 6, 40).astype(float), rng.random(40) < 0.4
    pairs = [(a > b) + 0.5 * (a == b) for a in risk[failed] for b in risk[~failed]]
    assert bench.area(risk, failed) == pytest.approx(np.mean(pairs))
    assert bench.area(failed.astype(float), failed) == 1.0
    assert np.isnan(bench.area(risk, np.zeros(40, bool)))


def test_designs_are_those_of_their_seed(bench: ModuleType) -> None:
    assert bench.designs(5, 1) == bench.designs(5, 1)
    assert bench.designs(5, 1) != bench.designs(5, 2)


@pytest.mark.slow
def test_the_score_tells_who_fails(bench: ModuleType) -> None:
    found = bench.outcomes(bench.designs(60, bench.SEED), bench.SEED)
    risk = np.array([one.beyond for one in found])
    failed = np.array([one.failed for one in found])
    assert 5 < failed.sum() < 55
    assert bench.area(risk, failed) > 0.8  # of 60; the benchmark's 300 are to reach 0.9
