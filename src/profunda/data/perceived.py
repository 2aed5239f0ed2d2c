"""Columns of pictures and of free texts: what is read of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.pixels import off_scale, usual_span
from profunda.data.schema import Feature
from profunda.data.table import Column, Kind
from profunda.data.tokens import UNKNOWN, ByteTokenizer, Tokenizer, WordTokenizer
from profunda.errors import DataError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["LONGEST", "MOST_WORDS", "picture_found", "text_found"]

LONGEST = 256
"""Words of a text that are read at most: attention pays for the square of them."""
WHOLE_SHARE = 0.99
"""Share of the texts that are read to their end, where `LONGEST` allows it."""
MOST_WORDS = 20_000
"""Words that are known at most, the commonest ones."""
LEAST_SEEN = 2
"""A word that one text has once can be learned by heart only: it counts as unknown."""
MOSTLY_UNKNOWN = 0.5
"""Share of unknown words, marks aside, above which texts are read byte by byte."""

Remark = Callable[[str, str], None]
"""A notice's code, and the column's name with a number behind it."""
Found = tuple[Column, Feature | None, np.ndarray | None]


def picture_found(name: str, pixels: np.ndarray, remark: Remark) -> Found:
    """A column of pictures [N, channels, height, width] as an input."""
    rows, *shape = pixels.shape
    flat = pixels.reshape(rows, -1)
    blank = int((flat == flat[:, :1]).all(1).sum())
    if blank == rows:
        raise DataError(
            f"all {rows:,} pictures of {name!r} are of one colour all over; they may have been read wrongly, "
            "or scaled to nothing"
        )
    if blank:
        remark("blank-pictures", f"{name} ({blank:,})")
    channels, height, width = shape
    span, usual = (float(flat.min()), float(flat.max())), usual_span(pixels)
    dim, far, _ = off_scale(pixels, usual)
    shape = channels, height, width
    feature = Feature(name, Kind.PICTURE, 0, rows, shape=shape, span=span, usual=usual, strays=dim + far)
    planes = "grey" if channels == 1 else f"{channels} channels"
    reason = f"pictures of {height} × {width} pixels, {planes}, from {span[0]:g} to {span[1]:g}"
    return Column(name, Kind.PICTURE, 0, rows, True, reason), feature, flat.astype(np.float32)


def text_found(name: str, texts: "pl.Series", learn: np.ndarray, remark: Remark) -> Found:
    """A column of free texts as an input; words and length come from the rows `learn` (mask bool [N]).

    These are all rows but a test part that the source brings. Splits are drawn later, so that rows held out
    then have a say in which words are known and how many of a text are read; their targets have none.
    """
    missing, distinct = texts.null_count(), texts.drop_nulls().n_unique()
    words = texts.fill_null("").to_list()
    own = [text for text, known in zip(words, learn, strict=True) if known]
    try:
        tokenizer = _tokenizer(own)
    except DataError:
        remark("wordless", name)
        return Column(name, Kind.TEXT, missing, distinct, False, "texts without a single word"), None, None
    length = int(min(LONGEST, max(1, np.quantile(tokenizer.lengths(own), WHOLE_SHARE, method="higher"))))
    codes = tokenizer.encode(words, length)
    for notice in tokenizer.notices(words, length):
        if notice.code in ("empty-texts", "texts-cut", "one-word"):
            remark(notice.code, name)
    if isinstance(tokenizer, ByteTokenizer):
        remark("text-bytes", name)
        feature = Feature(name, Kind.TEXT, missing, distinct, format="bytes", shape=(length,))
        reason = f"free text: the first {length} bytes, as hardly a word occurs twice"
    else:
        remark("text", f"{name} ({len(tokenizer.vocabulary):,} words)")
        counts = np.bincount(codes[learn].ravel(), minlength=tokenizer.size)[UNKNOWN + 1 :]
        vocabulary, counted = tokenizer.vocabulary, tuple(counts.tolist())
        feature = Feature(name, Kind.TEXT, missing, distinct, vocabulary, counted, shape=(length,))
        reason = f"free text: the first {length} words, {len(vocabulary):,} different ones known"
    return Column(name, Kind.TEXT, missing, distinct, True, reason), feature, codes.astype(np.float32)


def _tokenizer(texts: list[str]) -> Tokenizer:
    """By the word; by the byte where most words would be unknown, as in texts without spaces between them.

    Marks do not count: even where each word is the whole of a sentence, the full stop behind it is known.
    Raises DataError where there is no word at all.
    """
    try:
        found = WordTokenizer.fit(texts, least=LEAST_SEEN, most=MOST_WORDS)
    except DataError:
        WordTokenizer.fit(texts)
        return ByteTokenizer()
    codes = found.encode(texts, LONGEST)
    words = [number for number, word in enumerate(found.vocabulary, UNKNOWN + 1) if word[0].isalnum()]
    unknown, known = int((codes == UNKNOWN).sum()), int(np.isin(codes, words).sum())
    return ByteTokenizer() if unknown > MOSTLY_UNKNOWN * (unknown + known) else found
