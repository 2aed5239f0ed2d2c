"""BLEU: how many of a sentence's runs of words stand in reference sentences."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from profunda.errors import ArgumentError, DataError

__all__ = ["Bleu", "bleu"]

Words = Sequence[str]


@dataclass(frozen=True)
class Bleu:
    """BLEU-1 … BLEU-K in `scores`, made of modified `precisions` of runs of 1 … K words and the `brevity`
    penalty.
    """

    scores: tuple[float, ...]
    precisions: tuple[float, ...]
    brevity: float


def bleu(candidates: Sequence[Words], references: Sequence[Sequence[Words]], longest: int = 4) -> Bleu:
    """BLEU-1 … BLEU-`longest` of N sentences, each a list of words, with one or more references each.

    Papineni et al. (2002), section 2.3: BLEU-K = BP·exp(Σ ln pₙ/K), n = 1 … K, over the whole corpus. pₙ
    is the share of the candidates' runs of n words that stand in a reference, each run counted at most as
    often as in the one reference that has it most. BP = min(1, exp(1 − r/c)), c words in all candidates, r
    in the references closest in length (the shorter of two). A precision without any run, since all
    candidates are shorter, is 0. Raises DataError for no sentence, or one without a reference,
    ArgumentError for `longest` below 1.

    >>> said = "the the the the the the the".split()
    >>> written = ["the cat is on the mat".split(), "there is a cat on the mat".split()]
    >>> bleu([said], [written]).precisions[0] == 2 / 7
    True
    """
    if longest < 1:
        raise ArgumentError(f"longest = {longest}: runs have one word or more.")
    if not candidates or len(candidates) != len(references) or not all(map(len, references)):
        raise DataError(
            f"{len(candidates)} candidates and {len(references)} lists of references, of which "
            f"{sum(not len(each) for each in references)} are empty: give one list a candidate, each with a "
            "reference or more (a list of lists of words)"
        )
    precisions = tuple(_precision(candidates, references, n) for n in range(1, longest + 1))
    said = sum(map(len, candidates))
    written = sum(_closest(len(one), each) for one, each in zip(candidates, references, strict=True))
    brevity = 1.0 if said >= written else math.exp(1 - written / said) if said else 0.0
    scores = tuple(_score(precisions[:n], brevity) for n in range(1, longest + 1))
    return Bleu(scores, precisions, brevity)


def _score(precisions: tuple[float, ...], brevity: float) -> float:
    if min(precisions) == 0.0:
        return 0.0
    return brevity * math.exp(math.fsum(map(math.log, precisions)) / len(precisions))


def _precision(candidates: Sequence[Words], references: Sequence[Sequence[Words]], n: int) -> float:
    found = total = 0
    for candidate, each in zip(candidates, references, strict=True):
        runs, most = _runs(candidate, n), Counter[tuple[str, ...]]()
        for reference in each:
            most |= _runs(reference, n)
        found += (runs & most).total()
        total += runs.total()
    return found / total if total else 0.0


def _runs(words: Words, n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))


def _closest(length: int, references: Sequence[Words]) -> int:
    return min((len(each) for each in references), key=lambda other: (abs(other - length), other))
