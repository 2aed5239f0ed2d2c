"""Roots of functions of one number."""

from collections.abc import Callable

__all__ = ["bracketed_root"]


def bracketed_root(f: Callable[[float], float], low: float, high: float) -> float:
    """A root of f between `low` and `high`, where f has different signs, to 14 digits.

    The Illinois form of the false position (Dowell and Jarratt 1971).

    >>> round(bracketed_root(lambda x: x * x - 2.0, 1.0, 2.0), 12)
    1.414213562373
    """
    at_low, at_high = f(low), f(high)
    for _ in range(200):
        if at_high == at_low:
            break
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        at_middle = f(middle)
        done = abs(middle - high) <= 1e-14 * abs(middle)
        if at_middle * at_high < 0.0:
            low, at_low = high, at_high
        else:
            at_low *= 0.5
        high, at_high = middle, at_middle
        if done or at_middle == 0.0 or abs(high - low) <= 1e-14 * abs(high):
            break
    return high
