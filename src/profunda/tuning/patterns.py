"""The simplest conjunction of conditions that explains which trials met one fate, or none beyond chance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import gammaln, xlogy

from profunda.tuning.conditions import Condition, Conditions, conditions_of

__all__ = ["CHANCE", "MOST_CONDITIONS", "Pattern", "gain", "pattern_of", "tail"]

MOST_CONDITIONS = 3
"""A sentence with more is no longer read, and their number grows too fast for a search's few trials."""

CHANCE = 0.01
"""Patterns told where there is nothing: one in a hundred searches, however many conditions were looked at."""


@dataclass(frozen=True)
class Pattern:
    """`conditions`, all of which `inside` of `rows` trials meet; of the `failed` ones `hits` are among them.

    `chance` bounds how likely any conjunction of as many conditions would set failures apart so well if they
    had been dealt out at random.
    """

    conditions: tuple[Condition, ...]
    inside: int
    hits: int
    failed: int
    rows: int
    chance: float

    @property
    def precision(self) -> float:
        """The share of failures where it holds."""
        return self.hits / self.inside

    @property
    def elsewhere(self) -> float:
        """The share of failures where it does not hold."""
        return (self.failed - self.hits) / (self.rows - self.inside)

    @property
    def coverage(self) -> float:
        """The share of the failures that it covers."""
        return self.hits / self.failed

    @property
    def words(self) -> str:
        """The conditions, as a sentence says them."""
        first, *others = [one.words for one in self.conditions]
        return first + (f" with {' and '.join(others)}" if others else "")


def pattern_of(configurations: Sequence[Mapping[str, object]], failed: np.ndarray) -> Pattern | None:
    """What sets the `failed` [N] of `configurations` apart; None where nothing does beyond chance.

    Of each number of conditions, on as many hyperparameters, the conjunction with the largest likelihood
    ratio (`gain`) is looked for. Its chance is Fisher's exact test times the number of all conjunctions of
    as many conditions, times MOST_CONDITIONS: a union bound, which needs no independence, and makes each
    condition pay for itself. The one with the least chance is told where that is at most CHANCE.

    >>> rates = [{"lr": rate} for rate in (0.001, 0.002, 0.003, 0.1, 0.2, 0.3) * 4]
    >>> found = pattern_of(rates, np.array([rate["lr"] > 0.05 for rate in rates]))
    >>> found.words if found else None
    'lr > 0.05'
    """
    rows, count = len(failed), int(np.sum(failed))
    if not 0 < count < rows:
        return None
    known = conditions_of(configurations)
    if not known.of:
        return None
    best: Pattern | None = None
    for among, places in _levels(known, np.asarray(failed, bool)):
        if MOST_CONDITIONS * among * tail(count, count, count, rows) > CHANCE:
            break  # not even if it set all failures apart, and nothing else
        met = known.met[list(places)].all(0)
        inside, hits = int(met.sum()), int((met & failed).sum())
        chance = min(1.0, MOST_CONDITIONS * among * tail(hits, inside, count, rows))
        if best is None or chance < best.chance:
            ordered = _by_weight(known, places, np.asarray(failed, bool))
            best = Pattern(ordered, inside, hits, count, rows, chance)
    return best if best is not None and best.chance <= CHANCE else None


def gain(hits: np.ndarray, inside: np.ndarray, failed: int, rows: int) -> np.ndarray:
    """Logarithm of the likelihood ratio of two rates of failure, inside and outside, against one; 0 where
    fewer fail inside than outside. `hits` and `inside` are whole numbers.
    """
    hits, inside = np.asarray(hits).astype(np.int64), np.asarray(inside).astype(np.int64)
    numbers = np.arange(rows + 1, dtype=float)
    of = xlogy(numbers, numbers)  # looked up: a logarithm for each of a million rules takes long
    within = of[hits] + of[inside - hits] - of[inside]
    beyond = of[failed - hits] + of[rows - inside - failed + hits] - of[rows - inside]
    whole = of[failed] + of[rows - failed] - of[rows]
    return np.where(hits * rows > inside * failed, within + beyond - whole, 0.0)


def tail(hits: int, inside: int, failed: int, rows: int) -> float:
    """Fisher's exact test: the chance of so many `hits` or more among `inside` drawn from all `rows`.

    >>> round(tail(3, 3, 3, 6), 4)
    0.05
    """
    k = np.arange(hits, min(inside, failed) + 1, dtype=float)
    logs = _choose(failed, k) + _choose(rows - failed, inside - k) - _choose(rows, np.array(float(inside)))
    return float(min(1.0, np.exp(logs).sum()))


def _choose(n: int, k: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where((k < 0) | (k > n), -np.inf, gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _levels(known: Conditions, failed: np.ndarray) -> Iterator[tuple[int, tuple[int, ...]]]:
    """For one, two, three conditions: how many conjunctions there are, and the places of the best one."""
    names = known.names
    sums = _symmetric(np.bincount(names).tolist())
    search = _Search(known.met.astype(np.float32), names, failed)
    yield sums[1], search.one()
    if sums[2]:
        pairs = search.pairs()
        yield sums[2], pairs[0]
        if sums[3]:
            yield sums[3], search.three(pairs)


class _Search:
    """Conjunctions of the largest gain among K conditions `met` [K, N] on hyperparameters `names` [K]."""

    def __init__(self, met: np.ndarray, names: np.ndarray, failed: np.ndarray) -> None:
        self.met, self.names = met, names
        self.weights = met * failed
        self.count, self.rows = int(failed.sum()), len(failed)

    def _gains(self, held: np.ndarray) -> np.ndarray:
        """Of each of the rules `held` [R, N] with each condition: [R, K]."""
        return gain(held @ self.weights.T, held @ self.met.T, self.count, self.rows)

    def one(self) -> tuple[int]:
        """The best condition."""
        return (int(np.argmax(self._gains(np.ones((1, self.rows), np.float32)))),)

    def pairs(self) -> list[tuple[int, int]]:
        """The best pair of each two hyperparameters, the best of all first."""
        score, found = self._gains(self.met), []
        parts = [np.flatnonzero(self.names == name) for name in range(int(self.names.max()) + 1)]
        for rows, columns in combinations(parts, 2):
            block = score[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # a name's stand together
            at, beside = np.unravel_index(int(np.argmax(block)), block.shape)
            found.append((float(block[at, beside]), int(rows[at]), int(columns[beside])))
        found.sort(key=lambda one: -one[0])
        return [(first, second) for _, first, second in found]

    def three(self, pairs: list[tuple[int, int]]) -> tuple[int, ...]:
        """The best extension of one of `pairs`, each of its conditions then chosen anew given the others,
        while that gains.

        All triples would be millions; those whose every pair is a poor one are missed.
        """
        left, right = np.array(pairs).T
        score = self._gains(self.met[left] * self.met[right])
        score[(self.names[left][:, None] == self.names) | (self.names[right][:, None] == self.names)] = -1.0
        at, third = np.unravel_index(int(np.argmax(score)), score.shape)
        places, best = [*pairs[at], int(third)], float(score[at, third])
        turn = 0
        while turn < MOST_CONDITIONS:
            others = places[:turn] + places[turn + 1 :]
            score = self._gains(self.met[others].prod(0, keepdims=True))[0]
            score[np.isin(self.names, self.names[others])] = -1.0
            if score.max() > best:
                places[turn], best, turn = int(np.argmax(score)), float(score.max()), 0
            else:
                turn += 1
        return tuple(places)


def _symmetric(counts: Sequence[int]) -> list[int]:
    """How many ways there are to take 0, 1, 2, 3 conditions, each on another hyperparameter."""
    sums = [1, 0, 0, 0]
    for count in counts:
        for size in range(MOST_CONDITIONS, 0, -1):
            sums[size] += sums[size - 1] * count
    return sums


def _by_weight(known: Conditions, places: tuple[int, ...], failed: np.ndarray) -> tuple[Condition, ...]:
    """The conditions, the one that tells most by itself first."""
    rows, count = len(failed), int(failed.sum())

    def alone(place: int) -> float:
        met = known.met[place]
        return -gain((met & failed).sum(), met.sum(), count, rows).item()

    return tuple(known.of[place] for place in sorted(places, key=alone))
