"""Beam search: the most probable sentences of a model that says one word after the other."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from profunda.errors import ArgumentError

__all__ = ["STOP", "Hypothesis", "beam_search"]

STOP = 0
"""The word that ends a sentence; as an input, the one that begins it."""

State = tuple[Tensor, ...]
"""What a model keeps of K sentences: tensors [K, …]."""

Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""Next words int64 [K] and the state to log p of the words after them [K, V], and the state there."""


@dataclass(frozen=True)
class Hypothesis:
    """A sentence without its stop, log p of its words and the stop, and the score that ranks it."""

    words: tuple[int, ...]
    log_p: float
    score: float


def beam_search(
    log_p: Tensor, state: State, step: Step, *, width: int = 20, longest: int = 20, power: float = 0.0
) -> tuple[Hypothesis, ...]:
    """The best sentences found, best first, at most `width` of them; none where none can end.

    Of all continuations of the `width` beginnings kept, the `width` most probable are kept; those that
    stop leave the beam (Vinyals et al. 2015, section 3.1). After `longest` words a sentence is stopped.
    Width 1 is greedy; a width of all beginnings is exhaustive. `log_p` [1, V] and `state` (tensors [1, …])
    are of the first word. Sentences are ranked by log p/n^`power`, n words and the stop: power 0 by the
    probability, which favours short ones, 1 by its mean a word. The search ends early once no beginning can
    get ahead of the hypotheses found. Raises ArgumentError for a width or longest below 1, a power that is
    negative, and where log p is NaN.
    """
    if width < 1 or longest < 1 or not power >= 0.0:
        raise ArgumentError(
            f"width = {width}, longest = {longest} and power = {power}: a search keeps 1 beginning or more, "
            "of 1 word or more, and its power is 0 or more."
        )
    beginnings: list[tuple[int, ...]] = [()]
    totals, found = log_p.new_zeros(1), list[Hypothesis]()
    for count in range(longest + 1):
        reached = totals[:, None] + log_p
        if count == longest:
            reached = reached[:, : STOP + 1]
        rows, words, totals = _most_probable(reached, width)
        stops = words == STOP
        found += [
            _ended(beginnings[row], total, power)
            for row, total in zip(rows[stops].tolist(), totals[stops].tolist(), strict=True)
        ]
        rows, words, totals = rows[~stops], words[~stops], totals[~stops]
        found = _best(found, width)
        # A total only falls and divides by (longest + 1)^power at most: what no beginning can exceed.
        reachable = totals.max().item() / (longest + 1) ** power if len(totals) else -torch.inf
        if not len(totals) or (len(found) == width and found[-1].score >= reachable):
            break
        beginnings = [
            (*beginnings[row], word) for row, word in zip(rows.tolist(), words.tolist(), strict=True)
        ]
        log_p, state = step(words, tuple(part[rows] for part in state))
    return tuple(_best(found, width))


def _most_probable(reached: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, words and log p of the `width` largest of `reached` [K, V], without the impossible."""
    if broken := int(reached.isnan().any(1).sum()):
        raise ArgumentError(
            f"log p of the next word is NaN for {broken} of {len(reached)} beginnings: the model's training "
            "has diverged, or what it describes is not finite. Look for NaN in its weights and its inputs."
        )
    totals, places = reached.flatten().topk(min(width, reached.numel()))
    possible = totals > -torch.inf
    totals, places = totals[possible], places[possible]
    return places // reached.shape[1], places % reached.shape[1], totals


def _ended(words: tuple[int, ...], total: float, power: float) -> Hypothesis:
    return Hypothesis(words, total, total / (len(words) + 1) ** power)


def _best(found: list[Hypothesis], width: int) -> list[Hypothesis]:
    return sorted(found, key=lambda each: -each.score)[:width]
