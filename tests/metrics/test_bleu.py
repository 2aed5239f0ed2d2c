"""BLEU against sentences counted by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profunda.errors import ArgumentError, DataError
from profunda.metrics.bleu import bleu

# Papineni et al. (2002), examples 1 and 2.
FIRST = "It is a guide to action which ensures that the military always obeys the commands of the party"
SECOND = "It is to insure the troops forever hearing the activity guidebook that party direct"
REFERENCES = [
    "It is a guide to action that ensures that the military will forever heed Party commands",
    "It is the guiding principle which guarantees the military forces always being under the command of the "
    "Party",
    "It is the practical guide for the army always to heed the directions of the party",
]
SENTENCES = st.lists(st.sampled_from("abcd"), min_size=1, max_size=8)


def words(*sentences: str) -> list[list[str]]:
    return [sentence.lower().split() for sentence in sentences]


def test_the_papers_examples() -> None:
    """Its text tells 17/18 and 8/14 of single words, 10/17 and 1/13 of pairs."""
    first, second = (bleu(words(one), [words(*REFERENCES)]) for one in (FIRST, SECOND))
    assert first.precisions[:2] == pytest.approx((17 / 18, 10 / 17))
    assert second.precisions[:2] == pytest.approx((8 / 14, 1 / 13))


def test_by_hand() -> None:
    """Five words beside six: 5/5, 3/4, 2/3 and 1/2 of the runs match; BP = exp(1 − 6/5)."""
    found = bleu(words("the cat sat on mat"), [words("the cat sat on the mat")])
    assert found.precisions == pytest.approx((1.0, 3 / 4, 2 / 3, 1 / 2))
    assert found.brevity == pytest.approx(math.exp(-0.2))
    expected = [math.exp(-0.2) * value for value in (1, 0.75**0.5, 0.5 ** (1 / 3), 0.25**0.25)]
    assert found.scores == pytest.approx(expected)


def test_a_word_counts_as_often_as_in_one_reference() -> None:
    found = bleu(words("the the the the"), [words("the cat", "the mat the")])
    assert found.precisions == (0.5, 0.0, 0.0, 0.0)
    assert found.scores[1:] == (0.0, 0.0, 0.0)


def test_the_corpus_is_one_text() -> None:
    """Not the mean of sentences: one matching word of 1 and none of 3 are 1/4; lengths 4 to 2 + 3."""
    found = bleu(words("a", "x y z"), [words("a b"), words("c d e")], longest=1)
    assert found.precisions == (0.25,)
    assert found.brevity == pytest.approx(math.exp(1 - 5 / 4))


def test_the_closest_reference_counts_the_shorter_of_two() -> None:
    assert bleu(words("a b c"), [words("a b", "a b c d")]).brevity == 1.0
    assert bleu(words("a b c"), [words("a b c d", "a b c d e")]).brevity == pytest.approx(math.exp(1 - 4 / 3))
    assert bleu([[]], [words("a")]).scores == (0.0, 0.0, 0.0, 0.0)


@given(st.lists(SENTENCES, min_size=1, max_size=5))
def test_what_is_written_is_perfect(sentences: list[list[str]]) -> None:
    found = bleu(sentences, [[one] for one in sentences], longest=1)
    assert found.scores == pytest.approx((1.0,))
    assert found.brevity == 1.0


@given(SENTENCES, SENTENCES, SENTENCES)
def test_another_reference_adds_matches(said: list[str], one: list[str], other: list[str]) -> None:
    alone, both = bleu([said], [[one]]), bleu([said], [[one, other]])
    assert all(b >= a - 1e-12 for a, b in zip(alone.precisions, both.precisions, strict=True))


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(DataError, match="0 candidates and 0 lists of references"):
        bleu([], [])
    with pytest.raises(DataError, match="1 candidates and 1 lists of references, of which 1 are empty"):
        bleu([["a"]], [[]])
    with pytest.raises(DataError, match="1 candidates and 2 lists"):
        bleu([["a"]], [[["a"]], [["b"]]])
    with pytest.raises(ArgumentError, match="longest = 0"):
        bleu([["a"]], [[["a"]]], longest=0)
