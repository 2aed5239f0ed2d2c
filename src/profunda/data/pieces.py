"""Texts as pieces of words that are learned from them: byte-pair encoding, by the library `tokenizers`.

Optional: it is there where `pip install "profunda[text]"` was asked for. Frequent words become one piece,
rare ones several, and none is unknown (Sennrich, Haddow and Birch 2016, "Neural machine translation of rare
words with subword units").
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from profunda.data.tokens import id_rows, padded, some_texts, utf8
from profunda.errors import ArgumentError, DataError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["PieceTokenizer"]

_PADDING = "[PAD]"
_SMALLEST = 257
"""Padding and one piece for each byte."""


@dataclass(frozen=True)
class PieceTokenizer:
    """Pieces of UTF-8 text by their numbers, 0 being padding; `rules` is the library's own JSON.

    Raises DataError where the library is not installed, or the JSON is none of its.
    """

    rules: str

    def __post_init__(self) -> None:
        if self._own.token_to_id(_PADDING) != 0:
            raise DataError(f"the piece number 0 of this tokenizer is not {_PADDING}: it was made elsewhere")

    @classmethod
    def fit(cls, texts: Iterable[str], *, size: int = 8_000) -> "PieceTokenizer":
        """At most `size` pieces, padding included, learned from `texts` by merging frequent pairs.

        Raises DataError for no texts, empty ones and what is no text, and where the library is not installed;
        ArgumentError for fewer pieces than padding and the bytes take.
        """
        library, given = _library(), some_texts(list(texts))
        utf8(given)  # as in `_ids`
        if size < _SMALLEST:
            raise ArgumentError(
                f"size = {size} pieces are fewer than padding and 256 bytes: {_SMALLEST} or more."
            )
        made = library.Tokenizer(library.models.BPE())
        made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=[_PADDING],
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        made.train_from_iterator(given, trainer)
        return cls(made.to_str())

    @property
    def size(self) -> int:
        """The number of pieces, padding included."""
        return self._own.get_vocab_size()

    def lengths(self, texts: Sequence[str]) -> np.ndarray:
        """Pieces in each text, int64 [N]."""
        return np.array([len(ids) for ids in self._ids(texts)], np.int64)

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """Numbers int64 [N, T]: each text's first T = `length` pieces, then padding.

        Raises DataError for what is no text or holds half a surrogate pair, ArgumentError for a length below
        1.
        """
        rows = self._ids(texts)
        flat = np.fromiter(chain.from_iterable(rows), np.int64)
        return padded(flat, np.array([len(row) for row in rows], np.int64), length)

    def decode(self, ids: np.ndarray) -> list[str]:
        """The texts of numbers [N, T], without padding; DataError for what is none of this tokenizer's."""
        rows = [row[row > 0].tolist() for row in id_rows(ids, self.size)]
        return self._own.decode_batch(rows, skip_special_tokens=True)

    def to_json(self) -> str:
        """The library's JSON, from which `PieceTokenizer(text)` makes an equal one."""
        return self.rules

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        utf8(texts)  # refuses what is no text, of which the library would say something else
        return [one.ids for one in self._own.encode_batch(list(texts))]

    @cached_property
    def _own(self) -> "Tokenizer":
        library = _library()
        try:
            made = library.Tokenizer.from_str(self.rules)
        except Exception as error:  # the library raises plain Exceptions
            raise DataError(f"this is not the JSON of a tokenizer of pieces ({error})") from error
        made.encode_special_tokens = True  # a text that says [PAD] is no padding; the JSON does not keep it
        return made


def _library():
    try:
        import tokenizers
    except ImportError as error:
        raise DataError(
            "pieces of words need the library tokenizers, which is not installed: pip install "
            '"profunda[text]"; WordTokenizer and ByteTokenizer need nothing'
        ) from error
    return tokenizers
