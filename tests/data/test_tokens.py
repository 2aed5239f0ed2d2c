"""Tokenizers: nothing is lost but what they say, and a file of theirs is checked when it is read."""

import json
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.tokens import naive_bytes, naive_words

from profunda.data.bundled import running_text
from profunda.data.tokens import ByteTokenizer, WordTokenizer, tokenizer_from_json
from profunda.errors import ArgumentError, DataError

WHOLE = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)  # any text but half surrogate pairs
MARKED = st.text(st.sampled_from("aé1'’ .\u0301\u0308\u093f\u094dहकE❤\ufe0f\u20e3\u0e31ก"), max_size=12)
LISTS = st.lists(WHOLE, max_size=6)
WRITTEN = LISTS.filter(lambda texts: any(text.strip() for text in texts))


@given(LISTS)
def test_bytes_give_every_text_back(texts: list[str]) -> None:
    tokens = ByteTokenizer()
    longest = max(1, int(tokens.lengths(texts).max(initial=0)))
    ids = tokens.encode(texts, longest)
    assert ids.shape == (len(texts), longest)
    assert tokens.decode(ids) == texts
    assert tokens.notices(texts, longest) == tuple(
        notice for notice in tokens.notices(texts, longest) if notice.code == "empty-texts"
    )


@given(LISTS, st.integers(1, 12))
def test_bytes_are_those_of_a_loop(texts: list[str], length: int) -> None:
    np.testing.assert_array_equal(ByteTokenizer().encode(texts, length), naive_bytes(texts, length))


@settings(max_examples=200)
@given(WRITTEN | st.lists(MARKED, min_size=1, max_size=4), st.booleans(), st.integers(1, 8))
def test_words_are_those_of_a_loop(texts: list[str], lower: bool, length: int) -> None:
    try:
        tokens = WordTokenizer.fit(texts, lower=lower)
    except DataError:
        assert not naive_words(texts, lower)
        return
    assert list(tokens.vocabulary) == naive_words(texts, lower)
    ids = tokens.encode(texts, length)
    again = tokens.encode(tokens.decode(ids), length)
    np.testing.assert_array_equal(again, ids)  # what is decoded is read as the same words
    assert tokenizer_from_json(tokens.to_json()) == tokens


def test_the_loop_would_see_a_wrong_order() -> None:
    assert naive_words(["b a", "b"], True) == ["b", "a"] != sorted(["b", "a"])
    assert not np.array_equal(naive_bytes(["ab"], 2), naive_bytes(["ba"], 2))


def test_a_vocabulary_is_sorted_by_count_then_alphabet() -> None:
    texts = ["The cat, the dog.", "the CAT don't"]
    tokens = WordTokenizer.fit(texts)
    assert tokens.vocabulary == ("the", "cat", ",", ".", "dog", "don't")
    assert WordTokenizer.fit(texts, least=2).vocabulary == ("the", "cat")
    assert WordTokenizer.fit(texts, most=3).vocabulary == ("the", "cat", ",")
    assert WordTokenizer.fit(texts, lower=False).vocabulary[0] == "the"
    assert "CAT" in WordTokenizer.fit(texts, lower=False).vocabulary
    np.testing.assert_array_equal(tokens.encode(["a cat", ""], 3), [[1, 3, 0], [0, 0, 0]])
    assert tokens.decode(np.array([[1, 3, 0], [0, 0, 0]])) == ["\ufffd cat", ""]
    assert (tokens.size, ByteTokenizer().size) == (8, 257)
    np.testing.assert_array_equal(tokens.lengths(texts), [6, 3])


def test_marks_belong_to_what_they_follow():
    tokens = WordTokenizer.fit(["हिन्दी में लिखना", "ก็ดี ❤\ufe0f!", "\u0301lone"])
    assert set(tokens.vocabulary) == {"हिन्दी", "में", "लिखना", "ก็ดี", "❤\ufe0f", "!", "\u0301", "lone"}
    assert tokenizer_from_json(tokens.to_json()) == tokens


def test_both_spellings_of_an_accent_are_one_word():
    composed = "Élan d'été"
    apart = unicodedata.normalize("NFD", composed)
    assert apart != composed
    for lower in (True, False):
        tokens = WordTokenizer.fit([composed], lower=lower)
        np.testing.assert_array_equal(tokens.encode([apart], 3), tokens.encode([composed], 3))
        assert WordTokenizer.fit([apart], lower=lower) == tokens
    text = ByteTokenizer()
    assert text.decode(text.encode([apart], 30)) == [apart]  # bytes are given back as they were


def test_the_loop_would_see_a_word_in_pieces():
    assert naive_words(["हिन्दी"], True) == ["हिन्दी"] != [*"हन्द"]
    assert naive_words(["e\u0301"], True) == ["é"]


def test_every_mark_of_unicode_is_known():
    marks = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] == "M"]
    texts = ["क" + mark for mark in marks]
    assert (WordTokenizer.fit(texts).lengths(texts) == 1).all()


def test_what_is_cut_empty_or_unknown_is_told() -> None:
    tokens = WordTokenizer.fit(["one two three"])
    told = {notice.code: notice.text for notice in tokens.notices(["one two three", "", "four"], 2)}
    assert told["texts-cut"] == (
        "1 of 3 texts are longer than 2 words and were cut: 1 of 4 words are not read."
    )
    assert told["empty-texts"] == "1 of 3 texts are empty: padding alone stands for them."
    assert "1 of 4 words are not among the 3" in told["unknown-words"]
    assert tokens.notices(["one two"], 2) == ()
    single = WordTokenizer.fit(["yes yes"]).notices(["yes"], 2)
    assert [notice.code for notice in single] == ["one-word"]
    assert "'yes'" in single[0].text
    assert [notice.code for notice in ByteTokenizer().notices(["abc"], 2)] == ["texts-cut"]


def test_a_character_cut_apart_is_decoded_to_a_sign() -> None:
    assert ByteTokenizer().decode(ByteTokenizer().encode(["né"], 2)) == ["n\ufffd"]


@pytest.mark.parametrize("fit", [ByteTokenizer.fit, WordTokenizer.fit])
def test_nothing_to_read_is_refused(fit) -> None:
    with pytest.raises(DataError, match="there are no texts to learn a vocabulary from"):
        fit([])
    with pytest.raises(DataError, match="all 2 texts are empty"):
        fit(["", " \n"])
    with pytest.raises(DataError, match="text 1 is None, not a text"):
        fit(["a", None])
    with pytest.raises(DataError, match="one text of 3 characters was given"):
        fit(["a"]).encode("abc", 2)
    with pytest.raises(ArgumentError, match="length = 0 ids a text"):
        fit(["a"]).encode(["a"], 0)
    with pytest.raises(DataError, match=r"not whole numbers \[N, T\]"):
        fit(["a"]).decode(np.array([1, 2]))
    with pytest.raises(DataError, match="the ids reach from 999 to 999"):
        fit(["a"]).decode(np.array([[999]]))


def test_half_a_surrogate_pair_is_refused_with_a_way_out() -> None:
    torn = "a\ud83d"
    with pytest.raises(DataError, match=r"text 1 holds half a surrogate pair \(U\+D83D at character 1\)"):
        ByteTokenizer().encode(["fine", torn], 4)
    mended = torn.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert ByteTokenizer().decode(ByteTokenizer().encode([mended], 8)) == ["a\ufffd"]


def test_words_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match="none of the 2 different words in 1 texts occurs 3 times"):
        WordTokenizer.fit(["a b"], least=3)
    with pytest.raises(ArgumentError, match="least = 0 and most = None"):
        WordTokenizer.fit(["a"], least=0)
    with pytest.raises(DataError, match="'two words' cannot be a word of this vocabulary"):
        WordTokenizer(("two words",))
    with pytest.raises(DataError, match="2 words, 1 of them different"):
        WordTokenizer(("a", "a"))


def test_json_is_checked_when_it_is_read() -> None:
    words = WordTokenizer(("naïve", "b"), lower=False)
    assert tokenizer_from_json(words.to_json()) == words
    assert tokenizer_from_json(ByteTokenizer().to_json()) == ByteTokenizer()
    sheet = json.loads(words.to_json())
    with pytest.raises(DataError, match="the tokenizer has format 9, known is 1; a newer version wrote it"):
        tokenizer_from_json(json.dumps(sheet | {"format": 9}))
    for damage in ({"kind": "letters"}, {"vocabulary": [1]}, {"vocabulary": "ab"}, {"lower": "yes"}):
        with pytest.raises(DataError, match="this is not the JSON of a tokenizer"):
            tokenizer_from_json(json.dumps(sheet | damage))
    for text in (words.to_json()[:-9], "[]", '{"kind": "words"}'):
        with pytest.raises(DataError, match="this is not the JSON of a tokenizer"):
            tokenizer_from_json(text)
    with pytest.raises(DataError, match="2 words, 1 of them different"):
        tokenizer_from_json(json.dumps(sheet | {"vocabulary": ["b", "b"]}))


def test_ten_thousand_sentences_take_a_moment() -> None:
    text = running_text()
    sentences = [text[start : start + 120] for start in range(0, len(text) - 120, 18)][:10_662]
    assert len(sentences) == 10_662
    start = time.process_time()
    ByteTokenizer.fit(sentences).encode(sentences, 128)
    WordTokenizer.fit(sentences, most=5000).encode(sentences, 40)
    assert time.process_time() - start < 3.0  # about 0.6 s; the rest is for a busy machine
