"""What the linear rival is given of texts, and what it says of the rest."""

import numpy as np
import polars as pl
import pytest

from profunda.data.reading import read
from profunda.data.splits import split
from profunda.job.baselines import fit_baselines
from profunda.job.rivals import TextLogistic
from profunda.metrics.score import metric_for

RNG = np.random.default_rng(0)
Y = np.arange(120) % 2


def texts(words: int, count: int = 120) -> list[str]:
    """Half of them as long as told, the others half as long; what they are about stands at the end."""
    lengths = [words // (1 + n // 2 % 2) for n in range(count)]
    filler = [RNG.choice(["some", "of", "the", "words"], length) for length in lengths]
    return [" ".join([*each, ("bad", "good")[n % 2]]) for n, each in enumerate(filler)]


def rival(frame: pl.DataFrame, seconds: float | None = None):
    dataset = read(frame, "y")
    metric = metric_for("binary")
    return fit_baselines(dataset, split(dataset), metric, seconds=seconds, seed=0)[1]


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_a_rival_that_reads_a_part_of_the_texts_says_so(seconds):
    found = rival(pl.DataFrame({"note": texts(300), "y": Y}), seconds)
    assert found.note == (
        "reads as much of a text as the networks do, the first 256 words; 50 % are as long or longer"
    )
    assert found.score.value > 0.3  # the last word of half of them is beyond


def test_a_rival_that_reads_all_says_nothing():
    found = rival(pl.DataFrame({"note": texts(8), "y": Y}))
    assert found.note == ""
    assert found.score.value < 0.3


def test_each_target_has_the_same_note():
    frame = pl.DataFrame({"note": texts(300), "a": Y, "b": np.arange(120) // 2 % 2})
    dataset = read(frame, ["a", "b"])
    found = fit_baselines(dataset, split(dataset), metric_for("multilabel"), seconds=None, seed=0)[1]
    assert found.note.startswith("reads as much of a text as the networks do")


def test_texts_read_by_the_byte_are_weighed_by_letters():
    """A letter of Chinese is three bytes, so that pairs of bytes would be less than one."""
    signs = [chr(0x4E00 + n) for n in range(300)]
    halves = ["".join(RNG.choice(signs, 12)) for _ in range(240)]
    lines = [halves[2 * n] + "好坏"[n % 2] + halves[2 * n + 1] for n in range(120)]
    dataset = read(pl.DataFrame({"note": lines, "y": Y}), "y")
    assert dataset.schema.features[0].format == "bytes"
    made = TextLogistic(dataset, np.arange(90), 0)
    held = {one for line in lines[:90] for k in (1, 2, 3) for one in (line[i : i + k] for i in range(26 - k))}
    assert made.width == len(held)
    made.grow(50)
    assert (made.predict(dataset.codes)[90:].argmax(1) == dataset.y[90:]).mean() > 0.8
