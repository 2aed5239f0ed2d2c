"""Do two ways of training give the same scores? A speed that costs quality is no speed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

__all__ = ["SMALLEST_P", "STANDARD_ERRORS", "Agreement", "agreement"]

SMALLEST_P = 0.001
"""Two-sample Kolmogorov–Smirnov: below this the distributions differ. Ties make the test milder than its
level."""
STANDARD_ERRORS = 3.0
"""The mean paired difference may be this many of its standard errors."""


@dataclass(frozen=True)
class Agreement:
    """Two samples of one score, paired by configuration and round."""

    pairs: int
    ours: float
    theirs: float
    difference: float
    standard_error: float
    ks_statistic: float
    ks_p: float

    @property
    def passed(self) -> bool:
        """Whether nothing tells the two samples apart."""
        near = abs(self.difference) <= STANDARD_ERRORS * self.standard_error
        return bool(self.ks_p >= SMALLEST_P and near)

    def __str__(self) -> str:
        return (
            f"ours {self.ours:.4f}, theirs {self.theirs:.4f}, paired difference {self.difference:+.4f} "
            f"± {self.standard_error:.4f}, KS p {self.ks_p:.3g}, {self.pairs} pairs: "
            f"{'same' if self.passed else 'different'}"
        )


def agreement(ours: Sequence[float], theirs: Sequence[float]) -> Agreement:
    """Compare scores [n] with scores [n] of the same configurations, trained from other seeds.

    Given the configuration the two seeds are independent, so the differences are too, and their spread over
    √n is the standard error of their mean. Raises ValueError for unequal or fewer than 2 scores.
    """
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            f"agreement needs two rows of equally many scores, at least 2: {a.shape}, {b.shape}."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("A score is NaN or infinite: a network diverged, look at its learning rate.")
    difference = a - b
    test = ks_2samp(a, b)
    return Agreement(
        len(a),
        float(a.mean()),
        float(b.mean()),
        float(difference.mean()),
        float(difference.std(ddof=1) / np.sqrt(len(a))),
        float(test.statistic),
        float(test.pvalue),
    )
