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
_FARTHEST = 3.0  # typical misses; what lies beyond is as bad
_MARGIN = 0.3  # typical misses


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
    """By how much constraints are missed [N], in units of the typical miss; None where all are feasible.

    Below 0 stand those that met them: by their margin where one was told, else by a fixed one, since a
    surrogate that is taught 0 there would think the whole feasible region its border.
    """
    if all(outcome.feasible for outcome in outcomes):
        return None
    told = np.array([outcome.violation for outcome in outcomes])
    missed = told[np.isfinite(told) & (told > 0)]
    scaled = np.nan_to_num(told / np.median(missed) if len(missed) else told, nan=_FARTHEST)
    scaled[told == 0.0] = -_MARGIN
    return np.clip(scaled, -_FARTHEST, _FARTHEST)
