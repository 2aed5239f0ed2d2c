"""Which tasks to train together: parts of a set of tasks, by the gains of its pairs.

Source: Standley et al. (2020), "Which tasks should be learned together in multi-task learning?", section 3.3,
where what a task gains in a group is taken to be the mean of what it gains with each of its members alone.
"""

from itertools import combinations

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["MOST_EXACT", "group_tasks", "group_worth"]

MOST_EXACT = 10
"""Tasks up to which all partitions are weighed (3^T steps); of more, groups are merged greedily."""
_EQUAL = 1e-12


def group_worth(gains: np.ndarray, barred: np.ndarray, group: tuple[int, ...]) -> float:
    """Sum of the gains that the members of a group should have; −∞ where one would lose, or a pair is barred.

    `gains` [T, T] of a row's task trained with a column's, `barred` [T, T] who must not meet. A task alone is
    worth 0.
    """
    if len(group) == 1:
        return 0.0
    inside = list(group)
    if barred[np.ix_(inside, inside)].any():
        return -np.inf
    block = gains[np.ix_(inside, inside)]
    means = (block.sum(axis=1) - block.diagonal()) / (len(group) - 1)
    return float(means.sum()) if (means >= 0.0).all() else -np.inf


def group_tasks(gains: np.ndarray, barred: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """The partition of T tasks with the largest sum of `group_worth`, in the order of their first tasks.

    Of equals that with larger groups, which are fewer networks. Exact up to `MOST_EXACT` tasks; of more, the
    two groups whose union adds most are merged as long as it takes nothing away. Raises ArgumentError for
    gains that are no square matrix of finite numbers.
    """
    gains, barred = np.asarray(gains, np.float64), np.asarray(barred, bool)
    if gains.ndim != 2 or gains.shape != gains.T.shape or barred.shape != gains.shape:
        raise ArgumentError(f"gains {gains.shape} and barred {barred.shape} must both be [T, T].")
    apart = ~np.eye(len(gains), dtype=bool)
    if not np.isfinite(gains[apart & ~barred]).all():
        raise ArgumentError("A gain is not finite: bar the pair whose networks diverged.")
    gains, barred = np.where(apart & ~barred, gains, 0.0), barred & apart
    found = _exact(gains, barred) if len(gains) <= MOST_EXACT else _greedy(gains, barred)
    return tuple(sorted(found))


def _exact(gains: np.ndarray, barred: np.ndarray) -> list[tuple[int, ...]]:
    """By sets as bits: the best partition of a set has a group with its first task, and a best rest."""
    n = len(gains)
    members = [tuple(t for t in range(n) if code >> t & 1) for code in range(1 << n)]
    worth = [group_worth(gains, barred, group) if group else 0.0 for group in members]
    best, choice = [0.0] * (1 << n), [0] * (1 << n)
    for code in range(1, 1 << n):
        first = code & -code
        rest = code ^ first
        part, best[code] = rest, -np.inf
        while True:  # every subset of the rest beside the first, the larger ones before their parts
            told = worth[part | first] + best[rest ^ part]
            if told > best[code] + _EQUAL:
                best[code], choice[code] = told, part | first
            if not part:
                break
            part = (part - 1) & rest
    groups, left = [], (1 << n) - 1
    while left:
        groups.append(members[choice[left]])
        left ^= choice[left]
    return groups


def _greedy(gains: np.ndarray, barred: np.ndarray) -> list[tuple[int, ...]]:
    groups: list[tuple[int, ...]] = [(t,) for t in range(len(gains))]
    while len(groups) > 1:
        most, pair = -_EQUAL, None
        for a, b in combinations(groups, 2):
            alone = group_worth(gains, barred, a) + group_worth(gains, barred, b)
            added = group_worth(gains, barred, tuple(sorted(a + b))) - alone
            if added > most:
                most, pair = added, (a, b)
        if pair is None:
            return groups
        groups = [group for group in groups if group not in pair] + [tuple(sorted(pair[0] + pair[1]))]
    return groups
