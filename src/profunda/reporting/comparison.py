"""One score against another, in words that a reader can hold us to."""

from typing import Literal

from profunda.model.score import Score
from profunda.reporting.words import number

__all__ = ["Standing", "advantage", "compare", "verdict"]

Standing = Literal["better", "ahead", "level", "behind", "worse"]


def advantage(ours: Score, theirs: Score) -> float:
    """By how much `ours` is better, in the metric's own unit; negative where it is worse."""
    difference = ours.value - theirs.value
    return difference if ours.greater_is_better else -difference


def compare(ours: Score, theirs: Score) -> Standing:
    """ "better" and "worse" where the two intervals do not overlap; otherwise "ahead", "level" or "behind".

    Intervals that overlap do not prove a tie (both scores are on the same rows, so their difference is surer
    than either): the words for that case stay careful on purpose.
    """
    gain = advantage(ours, theirs)
    apart = ours.low > theirs.high or ours.high < theirs.low
    if apart:
        return "better" if gain > 0 else "worse"
    if gain == 0:
        return "level"
    return "ahead" if gain > 0 else "behind"


def verdict(ours: Score, theirs: Score) -> str:
    """The comparison as a sentence."""
    gap = number(abs(advantage(ours, theirs)), 2)
    return {
        "better": f"The model is better by {gap}, beyond both intervals.",
        "ahead": f"The model is ahead by {gap}, but the intervals overlap: take it as no proof.",
        "level": "The model scores the same.",
        "behind": f"The model is behind by {gap}; the intervals overlap, so it may be chance.",
        "worse": f"The model is worse by {gap}, beyond both intervals.",
    }[compare(ours, theirs)]
