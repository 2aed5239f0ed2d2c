"""Handwritten digits above 98 % with one hidden layer (Nielsen 2015, chapter 5), within a minute."""

from collections.abc import Callable
from pathlib import Path

import pytest

from profunda.job.fitting import fit

SECONDS = 60.0
TEST_IMAGES = 10_000


@pytest.mark.slow
def test_one_hidden_layer_reads_digits_in_a_minute(shared_data: Callable[[str], Path]) -> None:
    """On the test images that the file brings itself, which no choice has seen."""
    outcome = fit(shared_data("mnist.npz"), seconds=SECONDS, fix={"depth": 1}, progress=False)
    assert outcome.score is not None
    assert outcome.score.rows == len(outcome.splits.test) == TEST_IMAGES
    assert {part.design.depth for part in outcome.model.parts} == {1}
    assert dict(outcome.scores)["accuracy"] > 0.98
