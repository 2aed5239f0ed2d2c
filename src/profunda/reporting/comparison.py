"""One score against another, in words that a reader can hold us to."""

import math
from typing import Literal

from profunda.model.score import Baseline, Score
from profunda.reporting.words import number

__all__ = ["Standing", "advantage", "advised", "compare", "verdict"]

Standing = Literal["better", "ahead", "level", "behind", "worse", "unknown"]


def advantage(ours: Score, theirs: Score) -> float:
    """By how much `ours` is better, in the metric's own unit; negative where it is worse."""
    difference = ours.value - theirs.value
    return difference if ours.greater_is_better else -difference


def compare(ours: Score, theirs: Score) -> Standing:
    """How `ours` stands: "better" and "worse" where chance does not explain the difference.

    That is where the difference exceeds √(a² + b²), a and b being the halves of the two intervals that face
    each other: the test of two independent scores at the intervals' level. Both are in truth scored on the
    same rows, which makes their difference surer than that: the words err on the careful side.
    """
    gain = advantage(ours, theirs)
    if not math.isfinite(gain):
        return "unknown"
    above, below = (ours, theirs) if ours.value > theirs.value else (theirs, ours)
    noise = math.hypot(above.value - above.low, below.high - below.value)
    if abs(gain) > noise:  # false where an interval is not finite
        return "better" if gain > 0 else "worse"
    return "level" if gain == 0 else "ahead" if gain > 0 else "behind"


def verdict(ours: Score, theirs: Score) -> str:
    """The comparison as a sentence."""
    gap = number(abs(advantage(ours, theirs)), 2)
    return {
        "better": f"The model is better by {gap}, more than chance explains.",
        "ahead": f"The model is ahead by {gap}, which may be chance.",
        "level": "The model scores the same.",
        "behind": f"The model is behind by {gap}, which may be chance.",
        "worse": f"The model is worse by {gap}, more than chance explains.",
        "unknown": "They cannot be compared: a score is not finite.",
    }[compare(ours, theirs)]


def advised(ours: Score, rival: Baseline) -> str:
    """To take the rival, where the model is not ahead of it; "" where it is, or none can tell."""
    standing = "unknown" if rival.score is None else compare(ours, rival.score)
    why = {
        "level": "the model scores the same, and it is the simpler method",
        "behind": "the model is not ahead of it, and it is the simpler method",
        "worse": "the model is worse, by more than chance explains",
    }.get(standing)
    return f"Recommended here is not this model but “{rival.title}”: {why}." if why else ""
