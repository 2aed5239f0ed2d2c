"""Texts as whole numbers, and back: by the byte, or by the word.

A tokenizer is a value: `to_json` writes it, `tokenizer_from_json` reads it. A saved model keeps none; its
schema has the vocabulary, from which `Feature.tokenizer` makes one. Id 0 is padding in all of them, so that
texts of different lengths stand in one array [N, T].
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from itertools import chain

import numpy as np

from profunda.errors import ArgumentError, DataError, Notice

__all__ = [
    "PADDING",
    "UNKNOWN",
    "ByteTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "id_rows",
    "padded",
    "some_texts",
    "tokenizer_from_json",
    "utf8",
]

PADDING = 0
UNKNOWN = 1
"""The id of every word outside a WordTokenizer's vocabulary."""

UNKNOWN_SIGN = "\ufffd"
"""What an unknown word is decoded to: a sign that no vocabulary holds, so that it is unknown again."""

_FORMAT = 1
_PIECES = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
_MARKED = (range(0x300, 0x20000), range(0xE0100, 0xE01F0))
"""Where Unicode has its combining marks (category M): looking everywhere would take ten times as long."""
_MANY = 0.2  # share of unknown words above which the reader is told


@dataclass(frozen=True)
class ByteTokenizer:
    """A text's UTF-8 bytes, byte b as id b + 1: nothing is unknown, and `decode` gives the text back.

    >>> ByteTokenizer().encode(["né", ""], length=4)
    array([[111, 196, 170,   0],
           [  0,   0,   0,   0]])
    """

    @classmethod
    def fit(cls, texts: Iterable[str]) -> "ByteTokenizer":
        """The tokenizer; DataError where there is nothing to read: no texts, or empty ones only."""
        some_texts(list(texts))
        return cls()

    @property
    def size(self) -> int:
        """The number of ids, padding included: 257."""
        return 257

    def lengths(self, texts: Sequence[str]) -> np.ndarray:
        """Bytes in each text, int64 [N]."""
        return np.array([len(text) for text in utf8(texts)], np.int64)

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """Ids int64 [N, T]: each text's first T = `length` bytes, then padding.

        `notices` tells how many texts that cuts. Raises DataError for what is no text or holds half a
        surrogate pair, ArgumentError for a length below 1.
        """
        pieces = utf8(texts)
        flat = np.frombuffer(b"".join(pieces), np.uint8).astype(np.int64) + 1
        return padded(flat, np.array([len(piece) for piece in pieces], np.int64), length)

    def decode(self, ids: np.ndarray) -> list[str]:
        """The texts of `ids` [N, T], without padding; a character that was cut apart becomes U+FFFD."""
        rows = id_rows(ids, self.size)
        return [(row[row > 0] - 1).astype(np.uint8).tobytes().decode("utf-8", "replace") for row in rows]

    def notices(self, texts: Sequence[str], length: int) -> tuple[Notice, ...]:
        """What `encode` passes over: texts without a byte, and texts longer than `length`."""
        return _shape_notices(self.lengths(texts), length, "bytes")

    def to_json(self) -> str:
        """The tokenizer as JSON text, for `tokenizer_from_json`."""
        return json.dumps({"format": _FORMAT, "kind": "bytes"})


@dataclass(frozen=True)
class WordTokenizer:
    """Words and punctuation marks by their place in `vocabulary`; the word at place i has id i + 2.

    A word is a run of letters, digits and underscores, with apostrophes inside; any other sign that is no
    space stands alone. Combining marks, such as the vowel signs of Hindi, belong to the letter or sign that
    they follow, and letters with accents are the same in either of Unicode's spellings (normal form NFC).
    Raises DataError for a vocabulary that is empty, or holds what is no word or a word twice.
    """

    vocabulary: tuple[str, ...]
    lower: bool = True

    def __post_init__(self) -> None:
        odd = [word for word in self.vocabulary if self._pieces(word) != [word] or word == UNKNOWN_SIGN]
        if odd:
            raise DataError(
                f"{odd[0]!r} cannot be a word of this vocabulary: it would be read as "
                f"{self._pieces(odd[0])}; `WordTokenizer.fit` makes a vocabulary from texts"
            )
        if not self.vocabulary or len(set(self.vocabulary)) < len(self.vocabulary):
            raise DataError(
                f"a vocabulary of {len(self.vocabulary)} words, {len(set(self.vocabulary))} of them "
                "different, cannot be used; it needs one word at least, and each once"
            )

    @classmethod
    def fit(
        cls, texts: Iterable[str], *, lower: bool = True, least: int = 1, most: int | None = None
    ) -> "WordTokenizer":
        """The words that occur `least` times or more in `texts`, the `most` frequent of them.

        Falling counts, equal ones in the alphabet's order. Raises DataError where that leaves no word: no
        texts, empty texts only, or none frequent enough; ArgumentError for `least` or `most` below 1.
        """
        if least < 1 or (most is not None and most < 1):
            raise ArgumentError(f"least = {least} and most = {most} count words: 1 or more.")
        found = some_texts(list(texts))
        counts = Counter(chain.from_iterable(_pieces(text, lower) for text in found))
        del counts[UNKNOWN_SIGN]
        kept = sorted(
            (word for word in counts if counts[word] >= least), key=lambda word: (-counts[word], word)
        )
        if not kept:
            raise DataError(
                f"none of the {len(counts):,} different words in {len(found):,} texts occurs {least} times; "
                "lower `least`, or use a ByteTokenizer if the texts have no words"
            )
        return cls(tuple(kept[:most]), lower)

    @property
    def size(self) -> int:
        """The number of ids: the vocabulary's, padding and unknown."""
        return len(self.vocabulary) + 2

    def lengths(self, texts: Sequence[str]) -> np.ndarray:
        """Words in each text, int64 [N]."""
        return np.array([len(words) for words in map(self._pieces, _texts(texts))], np.int64)

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """Ids int64 [N, T]: each text's first T = `length` words, then padding.

        `notices` tells how many texts that cuts, and how many words are unknown. Raises DataError for what is
        no text, ArgumentError for a length below 1.
        """
        flat, counts = self._flat(texts)
        return padded(flat, counts, length)

    def decode(self, ids: np.ndarray) -> list[str]:
        """The words of `ids` [N, T] with a space between each two, U+FFFD for unknown ones, no padding."""
        words = np.array(["", UNKNOWN_SIGN, *self.vocabulary], object)
        return [" ".join(words[row[row > 0]]) for row in id_rows(ids, self.size)]

    def notices(self, texts: Sequence[str], length: int) -> tuple[Notice, ...]:
        """What a reader of `encode`'s ids should know: empty and cut texts, unknown words, a single word."""
        flat, counts = self._flat(texts)
        told = list(_shape_notices(counts, length, "words"))
        unknown = int((flat == UNKNOWN).sum())
        if unknown > _MANY * max(len(flat), 1):
            text = (
                f"{unknown:,} of {len(flat):,} words are not among the {len(self.vocabulary):,} that were "
                "learned; they are all read as one unknown word."
            )
            told.append(Notice("unknown-words", text))
        if len(self.vocabulary) == 1:
            text = (
                f"The vocabulary has one word only, {self.vocabulary[0]!r}: texts differ by their length "
                "and by unknown words alone."
            )
            told.append(Notice("one-word", text))
        return tuple(told)

    def to_json(self) -> str:
        """The tokenizer as JSON text, for `tokenizer_from_json`."""
        return json.dumps({"format": _FORMAT, "kind": "words", **asdict(self)}, ensure_ascii=False)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.vocabulary, UNKNOWN + 1)}

    def _pieces(self, text: str) -> list[str]:
        return _pieces(text, self.lower)

    def _flat(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all texts one after the other, and how many each has, [N]."""
        ids = self._ids
        rows = [[ids.get(word, UNKNOWN) for word in self._pieces(text)] for text in _texts(texts)]
        counts = np.array([len(row) for row in rows], np.int64)
        return np.fromiter(chain.from_iterable(rows), np.int64, int(counts.sum())), counts


Tokenizer = ByteTokenizer | WordTokenizer


def tokenizer_from_json(text: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote; DataError where it is none or was made by a newer version."""
    try:
        found = json.loads(text)
        if found["format"] != _FORMAT:
            raise DataError(
                f"the tokenizer has format {found['format']!r}, known is {_FORMAT}; a newer version wrote it"
            )
        if found["kind"] == "bytes":
            return ByteTokenizer()
        words, lower = found["vocabulary"], found["lower"]
        if found["kind"] != "words" or not isinstance(words, list) or not isinstance(lower, bool):
            raise TypeError(f"kind {found['kind']!r} with lower = {lower!r}")
        if not all(isinstance(word, str) for word in words):
            raise TypeError("a word that is no text")
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise DataError(
            f"this is not the JSON of a tokenizer ({error}); it may be cut off or from elsewhere"
        ) from error
    return WordTokenizer(tuple(words), lower)


def _pieces(text: str, lower: bool) -> list[str]:
    text = text.lower() if lower else text
    if text.isascii():
        return _PIECES.findall(text)
    return _marked_pieces().findall(unicodedata.normalize("NFC", text))


@cache
def _marked_pieces() -> re.Pattern[str]:
    """`_PIECES` with combining marks, which `re` knows no name for."""
    signs = (chr(code) for codes in _MARKED for code in codes)
    marks = "".join(sign for sign in signs if unicodedata.category(sign)[0] == "M")
    word = rf"\w[\w{marks}]*"
    return re.compile(rf"{word}(?:['’]{word})*|[^\w\s][{marks}]*")


def _texts(texts: Sequence[str]) -> Sequence[str]:
    """The texts, once it is sure that they are."""
    if isinstance(texts, str):
        raise DataError(f"one text of {len(texts):,} characters was given, not several; put it in a list")
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"text {place} is {text!r}, not a text; leave such rows out, or put '' for a missing one"
            )
    return texts


def some_texts(texts: list[str]) -> Sequence[str]:
    """The texts, once it is sure that one of them holds something to read; DataError where none does."""
    if not texts:
        raise DataError("there are no texts to learn a vocabulary from; the column or the folder is empty")
    if not any(text.strip() for text in _texts(texts)):
        raise DataError(
            f"all {len(texts):,} texts are empty; another column may hold them, or reading lost them"
        )
    return texts


def utf8(texts: Sequence[str]) -> list[bytes]:
    """The bytes of each text; DataError for what is no text or holds half a surrogate pair."""
    try:
        return [text.encode() for text in _texts(texts)]
    except UnicodeEncodeError:
        pass
    for place, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            sign = ord(text[error.start])
            raise DataError(
                f"text {place} holds half a surrogate pair (U+{sign:04X} at character {error.start}), which "
                "is no character; a wrong encoding was used: read the file anew with the right one, or pass "
                "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
            ) from error
    raise AssertionError("one of the texts cannot be encoded")


def padded(flat: np.ndarray, counts: np.ndarray, length: int) -> np.ndarray:
    """Rows [N, T] of the ids `flat`, of which each text has `counts` [N]; ArgumentError for T below 1."""
    if length < 1:
        raise ArgumentError(f"length = {length} ids a text leave nothing to read: 1 or more.")
    starts = np.cumsum(counts) - counts
    within = np.arange(len(flat)) - np.repeat(starts, counts)
    ids = np.full((len(counts), length), PADDING, np.int64)
    kept = within < length
    ids[np.repeat(np.arange(len(counts)), counts)[kept], within[kept]] = flat[kept]
    return ids


def id_rows(ids: np.ndarray, size: int) -> np.ndarray:
    """The ids as an array [N, T]; DataError where they are none of this tokenizer's."""
    rows = np.asarray(ids)
    if rows.ndim != 2 or (rows.size and not np.issubdtype(rows.dtype, np.integer)):
        raise DataError(f"ids of shape {rows.shape} and type {rows.dtype} are not whole numbers [N, T]")
    if rows.size and not (rows.min() >= 0 and rows.max() < size):
        raise DataError(
            f"the ids reach from {rows.min()} to {rows.max()}, but this tokenizer has 0 to {size - 1}; they "
            "come from another one"
        )
    return rows


def _shape_notices(counts: np.ndarray, length: int, unit: str) -> tuple[Notice, ...]:
    told = []
    if empty := int((counts == 0).sum()):
        text = f"{empty:,} of {len(counts):,} texts are empty: padding alone stands for them."
        told.append(Notice("empty-texts", text))
    if cut := int((counts > length).sum()):
        lost = int(np.maximum(counts - length, 0).sum())
        text = (
            f"{cut:,} of {len(counts):,} texts are longer than {length:,} {unit} and were cut: {lost:,} of "
            f"{int(counts.sum()):,} {unit} are not read."
        )
        told.append(Notice("texts-cut", text))
    return tuple(told)
