"""Effective model complexity: on how many rows a training procedure still reaches (nearly) no training error.

Source: Nakkiran, Kaplun, Bansal, Yang, Barak and Sutskever (2019), "Deep double descent", definition 1 and
hypothesis 1. The test error peaks *where* the complexity equals the number of rows, and falls beyond.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from profunda.errors import ArgumentError

__all__ = ["EffectiveComplexity", "effective_complexity"]


@dataclass(frozen=True)
class EffectiveComplexity:
    """The largest n tried whose training error is at most ε, and every (n, error) looked at, in order of n.

    `capped`: even the most rows allowed were learnt, so the complexity is at least `rows`. `rows` is 0 where
    the fewest rows were not learnt. `monotone`: the errors seen grew with n, as the bisection supposes.
    """

    rows: int
    capped: bool
    seen: tuple[tuple[int, float], ...]

    @property
    def monotone(self) -> bool:
        """Whether no more rows had a smaller error than fewer."""
        errors = [error for _, error in self.seen]
        return all(low <= high for low, high in pairwise(errors))


def effective_complexity(
    training_error: Callable[[int], float],
    epsilon: float,
    most_rows: int,
    fewest_rows: int = 1,
) -> EffectiveComplexity:
    """max{n : E training error on n rows ≤ ε} between the two limits, in about 2·log₂ n trainings.

    `training_error(n)` trains on n rows and returns the error, best as a mean over several samples of rows; a
    NaN or infinity counts as not learnt. n doubles from `fewest_rows` on until the error exceeds ε, then is
    bisected, which supposes that the error does not fall with n. Raises ArgumentError for limits in the
    wrong order and a negative ε.

    >>> effective_complexity(lambda n: max(0.0, 1 - 40 / n), 0.0, 1000).rows
    40
    """
    if not 1 <= fewest_rows <= most_rows:
        raise ArgumentError(
            f"Nothing lies between {fewest_rows} and {most_rows} rows; give 1 ≤ least ≤ most."
        )
    if not 0.0 <= epsilon < math.inf:
        raise ArgumentError(f"An ε of {epsilon} is no error: it must be finite and at least 0.")
    seen: dict[int, float] = {}

    def learns(n: int) -> bool:
        error = float(training_error(n))
        seen[n] = error if math.isfinite(error) else math.inf
        return seen[n] <= epsilon

    learnt, over = 0, fewest_rows
    while learns(over):
        learnt = over
        if over == most_rows:
            return EffectiveComplexity(over, True, tuple(sorted(seen.items())))
        over = min(2 * over, most_rows)
    while learnt and over - learnt > 1:
        middle = (learnt + over) // 2
        learnt, over = (middle, over) if learns(middle) else (learnt, middle)
    return EffectiveComplexity(learnt, False, tuple(sorted(seen.items())))
