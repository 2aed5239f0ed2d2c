"""What a surrogate is taught: one column of targets from one objective, or from several by weights.

Several objectives become one by the augmented Chebyshev norm with weights drawn anew for every suggestion
(Knowles 2006, ParEGO, eq. 2): each suggestion looks for another place of the Pareto front.
"""

from collections.abc import Sequence

import numpy as np

from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.warp import Warp

__all__ = ["losses_of", "scalar_targets", "violations"]

_AUGMENT = 0.05  # Knowles 2006: small, so that corners of the front stay reachable


def losses_of(outcomes: Sequence[Outcome], signs: Sequence[float]) -> np.ndarray:
    """Values to be minimised, float64 [N, Q objectives]; a row of NaN for a trial without usable values."""
    table = np.full((len(outcomes), len(signs)), np.nan)
    for row, outcome in enumerate(outcomes):
        if outcome.usable:
            table[row] = np.multiply(signs, outcome.values)
    return table


def scalar_targets(losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Targets [N, W] of losses [N, Q] for each row of weights [W, Q]; failed rows count like the worst.

    A failure may be chance or the place: as bad as the worst keeps the search away without tearing a hole.
    At least one row must be usable.
    """
    usable = np.isfinite(losses).all(axis=1)
    kept = losses[usable]
    if losses.shape[1] > 1:
        low, high = kept.min(axis=0), kept.max(axis=0)
        unit = (kept - low) / np.where(high > low, high - low, 1.0)
        weighted = unit[:, None, :] * weights
        kept = weighted.max(axis=2) + _AUGMENT * weighted.sum(axis=2)
    targets = np.stack([Warp.fitted(column).forward(column) for column in kept.T], axis=1)
    table = np.tile(targets.max(axis=0), (len(losses), 1))
    table[usable] = targets
    return table


def violations(outcomes: Sequence[Outcome]) -> np.ndarray | None:
    """−1 for every feasible trial, above 0 by rank for the others, [N]; None where all are feasible.

    Ranks, because a violation may have any unit, and 0 between the two, because there the surrogate knows
    nothing.
    """
    missed = np.array([outcome.violation for outcome in outcomes])
    bad = ~np.array([outcome.feasible for outcome in outcomes], dtype=bool)
    if not bad.any():
        return None
    levels = np.unique(missed[bad])  # NaN, if any, last: nothing is further from being feasible
    table = np.full(len(outcomes), -1.0)
    table[bad] = (np.searchsorted(levels, missed[bad]) + 1) / len(levels)
    return table
