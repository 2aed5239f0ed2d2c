"""Intervals of paired differences over the folds of a repeated cross-validation."""

import math
from dataclasses import dataclass

import numpy as np

from profunda.errors import ArgumentError

__all__ = ["LEVEL", "Change", "paired_change"]

LEVEL = 0.95


@dataclass(frozen=True)
class Change:
    """A mean difference with its interval [`low`, `high`] at `LEVEL`; `pairs` are behind it.

    NaN where there is no pair, an infinite interval where there is one.
    """

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def paired_change(differences: np.ndarray, judged_share: float) -> Change:
    """The mean of `differences` [n], one for each fold, with its interval; NaN and ∞ are left out.

    `judged_share` = rows judged / rows trained on. Folds share training rows, so their differences are not
    independent: the variance of the mean is s²·(1/n + judged_share), the corrected resampled t (Nadeau and
    Bengio 2003, eq. 14; for repeated cross-validation Bouckaert and Frank 2004, eq. 6), with n − 1 degrees of
    freedom. Raises ArgumentError for a share below 0.
    """
    if not judged_share >= 0:
        raise ArgumentError(f"judged_share={judged_share!r} is judged rows by trained rows: 0 or more.")
    known = np.asarray(differences, np.float64)
    known = known[np.isfinite(known)]
    n = len(known)
    if n == 0:
        return Change(math.nan, math.nan, math.nan, 0)
    mean = float(known.mean())
    if n == 1:
        return Change(mean, -math.inf, math.inf, 1)
    from scipy.special import stdtrit  # here, because it takes a tenth of a second to load

    error = float(known.std(ddof=1)) * math.sqrt(1 / n + judged_share)
    half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * error
    return Change(mean, mean - half, mean + half, n)
