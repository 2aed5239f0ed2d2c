"""Comparing ways of learning over many tables: ranks, critical differences, paired differences.

Demšar, "Statistical comparisons of classifiers over multiple data sets" (2006): mean ranks with Friedman's
test (section 3.2.2), Nemenyi's critical difference (equation for CD there), and Wilcoxon's signed-rank test
(section 3.1.3) with Holm's correction (section 3.2.3) against one way.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["Difference", "Ranking", "difference", "holm", "ranking"]

LEVEL = 0.05


@dataclass(frozen=True)
class Ranking:
    """Mean ranks (1 is best) over `tables` tables, best first, with Friedman's p and Nemenyi's distance.

    Two ways whose mean ranks are nearer than `critical` cannot be told apart at 5 %. `holm` are p-values of
    Wilcoxon's test of every other way against the first, corrected by Holm.
    """

    mean_rank: Mapping[str, float]
    tables: int
    friedman_p: float
    critical: float
    holm: Mapping[str, float]

    def __str__(self) -> str:
        best = next(iter(self.mean_rank))
        lines = [
            f"mean ranks over {self.tables} tables (Friedman p {self.friedman_p:.2g}; "
            f"critical difference {self.critical:.2f}):"
        ]
        for name, rank in self.mean_rank.items():
            p = "" if name == best else f"   p {self.holm[name]:.2g} against {best}"
            lines.append(f"  {name:24} {rank:5.2f}{p}")
        return "\n".join(lines)


def ranking(losses: Mapping[str, Sequence[float]]) -> Ranking:
    """Rank ways by their losses [T], the same tables for all; equal losses share their ranks.

    A loss that is not finite is worse than any other. Raises ValueError for fewer than two ways or tables,
    or for ways with different numbers of tables.
    """
    names = list(losses)
    counts = {len(losses[name]) for name in names}
    if len(names) < 2 or len(counts) != 1 or counts == {0} or counts == {1}:
        raise ValueError(f"Ranks need two ways and two tables, the same for all: got {len(names)}, {counts}.")
    table = np.array([losses[name] for name in names], float).T
    table = np.where(np.isfinite(table), table, np.inf)
    ranks = np.apply_along_axis(stats.rankdata, 1, table)
    tables, ways = ranks.shape
    mean = dict(sorted(zip(names, ranks.mean(0).tolist(), strict=True), key=lambda pair: pair[1]))
    best = next(iter(mean))
    against = {
        name: _signed_rank(table[:, names.index(name)] - table[:, names.index(best)])
        for name in mean
        if name != best
    }
    return Ranking(mean, tables, _friedman(ranks), _nemenyi(ways, tables), holm(against))


def _friedman(ranks: np.ndarray) -> float:
    """p of Friedman's χ² with the correction for ties; 1 where all ways are equal everywhere."""
    tables, ways = ranks.shape
    spread = ((ranks - (ways + 1) / 2) ** 2).sum() / (tables * (ways - 1))
    if spread == 0:
        return 1.0
    statistic = tables * ((ranks.mean(0) - (ways + 1) / 2) ** 2).sum() / spread
    return float(stats.chi2.sf(statistic, ways - 1))


def _nemenyi(ways: int, tables: int) -> float:
    """CD = q √(k(k + 1)/(6N)), q the studentised range over √2."""
    q = stats.studentized_range.ppf(1 - LEVEL, ways, np.inf) / math.sqrt(2)
    return float(q * math.sqrt(ways * (ways + 1) / (6 * tables)))


def _signed_rank(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's test; ∞ − ∞ counts as a tie."""
    known = np.nan_to_num(differences, nan=0.0, posinf=1e300, neginf=-1e300)
    if not np.any(known):
        return 1.0
    return float(stats.wilcoxon(known, method="auto").pvalue)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction: the i-th smallest of m times m − i + 1, monotone, at most 1."""
    corrected: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[name] * (len(p_values) - place)))
        corrected[name] = highest
    return corrected


@dataclass(frozen=True)
class Difference:
    """Paired differences a − b of losses over tables: mean, 95 % interval, who was better, Wilcoxon's p."""

    mean: float
    low: float
    high: float
    better: int
    worse: int
    p: float

    @property
    def tables(self) -> int:
        """Tables on which the two differ."""
        return self.better + self.worse

    @property
    def verdict(self) -> str:
        """Of a against b: "better", "worse", or "not distinguishable" where p is above 5 %."""
        if self.p > LEVEL:
            return "not distinguishable"
        return "better" if self.mean < 0 else "worse"

    def __str__(self) -> str:
        return (
            f"{self.mean:+.3f} [{self.low:+.3f}, {self.high:+.3f}], better on {self.better} of "
            f"{self.tables}, p {self.p:.2g}: {self.verdict}"
        )


def difference(a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray) -> Difference:
    """Losses of a less those of b, by table [T]. The interval is a percentile bootstrap over tables.

    Where the signed ranks and the mean point different ways, nothing is decided: p is then 1. Raises
    ValueError for fewer than two tables or different numbers of them.
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise ValueError(
            f"Differences need the same two or more tables, got {first.shape} and {second.shape}."
        )
    gaps = first - second
    draws = np.random.default_rng(0).integers(0, len(gaps), (4000, len(gaps)))
    low, high = np.quantile(gaps[draws].mean(1), [0.025, 0.975])
    known = gaps[gaps != 0]
    ranks = float((np.sign(known) * stats.rankdata(np.abs(known))).sum()) if len(known) else 0.0
    agree = ranks * gaps.mean() > 0
    p = _signed_rank(gaps) if agree else 1.0
    return Difference(
        float(gaps.mean()), float(low), float(high), int((gaps < 0).sum()), int((gaps > 0).sum()), p
    )
