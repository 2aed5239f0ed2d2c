"""Draws that fill the space evenly: Halton's sequence with random digits.

Coordinate j of point i mirrors the digits of i, in the j-th prime as base, at the radix point (Halton 1960),
after each digit went through a random permutation of its own place (Owen 2017, "A randomized Halton algorithm
in R"): every point alone is uniform, together they leave no gaps, and no two seeds agree.
"""

from collections.abc import Sequence

import numpy as np

from profunda.space.space import Params, Space
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.random import stream

__all__ = ["QuasiRandomSampler", "halton"]

_PRECISION = 2.0**-53


class QuasiRandomSampler:
    """Point i of a space is a function of (seed, i)."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._digits = _permutations(space.dimensions, seed)
        self._drawn = 0

    def propose(self, n: int) -> list[Params]:
        u = halton(self._digits, np.arange(self._drawn, self._drawn + n))
        self._drawn += n
        return self._space.sample(u)

    def repeat(self, batch: Sequence[Params]) -> None:
        self._drawn += len(batch)

    def tell(self, params: Params, outcome: Outcome) -> None:
        """Nothing to learn: the sequence was fixed at the start."""


def halton(digits: Sequence[np.ndarray], index: np.ndarray) -> np.ndarray:
    """Points [N, d] of the sequence at `index` int64 [N], by one table of digits [places, base] a column."""
    columns = np.zeros((len(index), len(digits)))
    for column, table in enumerate(digits):
        base, rest, weight = table.shape[1], index.copy(), 1.0
        for place in table:
            rest, digit = np.divmod(rest, base)
            weight /= base
            columns[:, column] += place[digit] * weight
    # The sum of all places may round up to 1.
    return np.minimum(columns, np.nextafter(1.0, 0.0))


def _permutations(dimensions: int, seed: int) -> list[np.ndarray]:
    """For each dimension the permuted digits of each place, as far as a float64 reaches."""
    tables = []
    for prime in _primes(dimensions):
        places = int(np.ceil(np.log(1 / _PRECISION) / np.log(prime)))
        tables.append(stream(seed, f"halton/{prime}", 0, places, prime).argsort(axis=1, kind="stable"))
    return tables


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found if prime * prime <= number):
            found.append(number)
        number += 1
    return found
