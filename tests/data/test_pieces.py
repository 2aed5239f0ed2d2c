"""Pieces of words, by a library that may be absent."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profunda.data.bundled import running_text
from profunda.data.pieces import PieceTokenizer
from profunda.errors import ArgumentError, DataError


@pytest.fixture(scope="module")
def made() -> PieceTokenizer:
    pytest.importorskip("tokenizers", reason="the extra [text] is not installed")
    return PieceTokenizer.fit(running_text().splitlines(), size=600)


def test_texts_come_back_and_frequent_words_are_short(made):
    line = "Before we proceed any further, hear me speak."
    ids = made.encode([line, ""], 60)
    assert made.decode(ids) == [line, ""]
    assert made.size == 600
    assert made.lengths([line])[0] < 0.6 * len(line)
    assert (ids[1] == 0).all()
    assert PieceTokenizer(made.to_json()) == made


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_text_comes_back(text):
    pytest.importorskip("tokenizers", reason="the extra [text] is not installed")
    tokenizer = _cached()
    assert tokenizer.decode(tokenizer.encode([text], 200)) == [text]


def _cached() -> PieceTokenizer:
    if not hasattr(_cached, "made"):
        _cached.made = PieceTokenizer.fit(["a few words only"], size=260)
    return _cached.made


def test_long_texts_are_cut(made):
    ids = made.encode(["to be or not to be"], 3)
    assert ids.shape == (1, 3)
    assert np.all(ids > 0)
    with pytest.raises(ArgumentError, match="length = 0 ids a text"):
        made.encode(["a"], 0)


def test_a_text_that_says_the_name_of_padding_is_no_padding(made):
    text = "a [PAD] b"
    again = PieceTokenizer(made.to_json())
    for tokenizer in (made, again):
        ids = tokenizer.encode([text], 20)
        assert (ids[0, : tokenizer.lengths([text])[0]] > 0).all()
        assert tokenizer.decode(ids) == [text]


def test_what_is_no_text_is_refused(made):
    with pytest.raises(DataError, match="one text of 3 characters was given"):
        made.encode("abc", 3)
    with pytest.raises(DataError, match="text 1 is None, not a text"):
        made.encode(["a", None], 3)
    with pytest.raises(DataError, match="text 1 is None, not a text"):
        PieceTokenizer.fit(["a", None])
    torn = "a\ud83d"
    for read in (lambda: made.lengths([torn]), lambda: PieceTokenizer.fit([torn])):
        with pytest.raises(DataError, match="text 0 holds half a surrogate pair"):
            read()
    with pytest.raises(DataError, match="the ids reach from 999 to 999"):
        made.decode(np.array([[999]]))
    with pytest.raises(DataError, match=r"not whole numbers \[N, T\]"):
        made.decode(np.array([1, 2]))


@pytest.mark.parametrize(
    ("texts", "size", "error", "message"),
    [
        ([], 300, DataError, "there are no texts to learn a vocabulary from"),
        (["", " "], 300, DataError, "all 2 texts are empty"),
        (["a"], 256, ArgumentError, "size = 256 pieces are fewer"),
    ],
)
def test_what_cannot_be_learned_from(texts, size, error, message):
    pytest.importorskip("tokenizers", reason="the extra [text] is not installed")
    with pytest.raises(error, match=message):
        PieceTokenizer.fit(texts, size=size)


def test_rules_from_elsewhere_are_refused(made):
    with pytest.raises(DataError, match="not the JSON of a tokenizer of pieces"):
        PieceTokenizer("{}")
    with pytest.raises(DataError, match="the piece number 0 of this tokenizer is not"):
        PieceTokenizer(made.rules.replace("[PAD]", "[ELSE]"))


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(DataError, match=r"pip install \"profunda\[text\]\""):
        PieceTokenizer.fit(["a b"])
