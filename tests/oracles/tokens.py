"""Tokenizers written as loops over characters."""

import unicodedata

import numpy as np

__all__ = ["naive_bytes", "naive_words"]


def naive_bytes(texts: list[str], length: int) -> np.ndarray:
    """Byte ids [N, T], one at a time."""
    ids = np.zeros((len(texts), length), int)
    for row, text in enumerate(texts):
        for place, byte in enumerate(text.encode("utf-8")):
            if place < length:
                ids[row, place] = byte + 1
    return ids


def naive_words(texts: list[str], lower: bool) -> list[str]:
    """The vocabulary: every word and mark, by falling count, then by the alphabet."""
    counts: dict[str, int] = {}
    for text in texts:
        for word in _split(text.lower() if lower else text):
            counts[word] = counts.get(word, 0) + 1
    counts.pop("\ufffd", None)
    return sorted(counts, key=lambda word: (-counts[word], word))


def _letter(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _mark(sign: str) -> bool:
    return unicodedata.category(sign).startswith("M")


def _split(text: str) -> list[str]:
    pieces: list[str] = []
    inside = ""  # what the next character could go on with: "word", "sign", or nothing
    composed = unicodedata.normalize("NFC", text)
    for sign, after in zip(composed, [*composed[1:], " "], strict=False):
        if sign.isspace():
            inside = ""
        elif (_mark(sign) and inside) or (
            inside == "word" and (_letter(sign) or (sign in "'’" and _letter(after)))
        ):
            pieces[-1] += sign
        else:
            pieces.append(sign)
            inside = "word" if _letter(sign) else "sign"
    return pieces
