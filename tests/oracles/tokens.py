"""Tokenizers written as loops over characters."""

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


def _split(text: str) -> list[str]:
    words, word = [], ""
    for place, sign in enumerate(text):
        after = text[place + 1] if place + 1 < len(text) else ""
        if _letter(sign) or (sign in "'’" and word and _letter(after)):
            word += sign
            continue
        words += [word] if word else []
        word = ""
        if not sign.isspace():
            words.append(sign)
    return words + ([word] if word else [])
