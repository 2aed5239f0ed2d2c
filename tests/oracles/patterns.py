"""Slow and obvious versions of what finds patterns among trials."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, log

from profunda.tuning.conditions import Condition

__all__ = ["at_least", "best_chances", "likelihood_ratio"]


def at_least(hits: int, inside: int, failed: int, rows: int) -> Fraction:
    """Of all ways to deal `failed` marks out to `rows`, the share with so many or more on `inside` rows."""
    ways = sum(
        comb(inside, k) * comb(rows - inside, failed - k)
        for k in range(hits, min(inside, failed) + 1)
        if failed - k <= rows - inside
    )
    return Fraction(ways, comb(rows, failed))


def likelihood_ratio(hits: int, inside: int, failed: int, rows: int) -> float:
    """Of a rate inside and a rate outside against one rate, in logarithms; 0 where fewer fail inside."""
    if hits * rows <= inside * failed:
        return 0.0

    def fitted(k: int, n: int) -> float:
        return sum(c * log(c / n) for c in (k, n - k) if c)

    return fitted(hits, inside) + fitted(failed - hits, rows - inside) - fitted(failed, rows)


def best_chances(
    configurations: Sequence[Mapping[str, object]], conditions: Sequence[Condition], failed: Sequence[bool]
) -> list[tuple[float, float]]:
    """For one, two, three conditions: the least and the largest chance among those of the largest likelihood
    ratio, each times three times the number of conjunctions; every one of them is looked at.
    """
    levels = []
    for size in (1, 2, 3):
        found = []
        for some in combinations(conditions, size):
            if len({one.name for one in some}) < size:
                continue
            met = [all(one.holds(config) for one in some) for config in configurations]
            hits = sum(m and f for m, f in zip(met, failed, strict=True))
            numbers = (hits, sum(met), sum(failed), len(failed))
            found.append((likelihood_ratio(*numbers), numbers))
        if found:
            top = max(ratio for ratio, _ in found)
            chances = [
                min(1.0, 3 * len(found) * float(at_least(*numbers)))
                for ratio, numbers in found
                if ratio >= top - 1e-9
            ]
            levels.append((min(chances), max(chances)))
    return levels
