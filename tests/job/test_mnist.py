"""Handwritten digits above 98 % with one hidden layer (Nielsen 2015, chapter 5)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from profunda.job.fitting import fit

TEST_IMAGES = 10_000


@pytest.mark.slow
def test_one_hidden_layer_reads_digits(shared_data: Callable[[str], Path]) -> None:
    """On the test images that the file brings itself, which no choice has seen."""
    fixed = {"body": "dense", "depth": 1}
    outcome = fit(shared_data("mnist.npz"), trials=2, fix=fixed, baselines=False, progress=False)
    assert outcome.score is not None
    assert outcome.score.rows == len(outcome.splits.test) == TEST_IMAGES
    assert {part.design.depth for part in outcome.model.parts} == {1}
    assert dict(outcome.scores)["accuracy"] > 0.98
