"""What a search has learnt about each parameter: the surrogate's mean ± sd over its values, and its weight.

The curve of a parameter is the surrogate averaged over all others, which are drawn from the space (partial
dependence, Friedman 2001, section 8.2), with the posterior standard deviation of that average. Where the
parameter is conditional, only configurations that have it count. The share of variance that it explains alone
follows from the curve: the first-order share of a functional ANOVA (Hutter, Hoos and Leyton-Brown 2014).
"""

from dataclasses import dataclass

import numpy as np

from profunda.space.space import Space
from profunda.tuning.result import SearchResult
from profunda.tuning.samplers.quasi_random import QuasiRandomSampler
from profunda.tuning.samplers.surrogate import Surrogate, fitted_surrogate

__all__ = ["SurrogateCurve", "SurrogateCurves", "surrogate_curves"]

_DRAWS = 256  # configurations that a point of a curve averages over
_POINTS = 25  # of a curve over an interval, or over more values than that
_SEED = 0


@dataclass(frozen=True)
class SurrogateCurve:
    """One parameter: `points` are values of it, `low` and `high` the ends of mean ± sd, in the metric's unit.

    `share` of the surrogate's variance is explained by it alone; it is there in the share `active` of
    configurations.
    """

    name: str
    points: tuple[object, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    share: float
    active: float


@dataclass(frozen=True)
class SurrogateCurves:
    """The parameters that matter most, best first; `explained` is R² on trials left out one by one."""

    curves: tuple[SurrogateCurve, ...]
    explained: float
    trials: int


def surrogate_curves(result: SearchResult, most: int = 6) -> SurrogateCurves | None:
    """Curves of the `most` parameters with the greatest shares.

    None where there are too few scored trials to fit a surrogate (`samplers.surrogate.LEAST_TRIALS`).
    """
    trials = result.trials
    surrogate = fitted_surrogate(
        result.space, [t.params for t in trials], [t.value for t in trials], result.greater_is_better
    )
    if surrogate is None:
        return None
    draws = surrogate.cube.rows(QuasiRandomSampler(result.space, _SEED).propose(_DRAWS))
    spread = float(surrogate.predict_rows(draws)[0].var())
    curves = [_curve(result.space, surrogate, draws, spread, name) for name in result.space.free]
    curves.sort(key=lambda curve: (-curve.share, curve.name))
    scored = sum(np.isfinite(t.value) for t in trials)
    return SurrogateCurves(tuple(curves[:most]), surrogate.explained, int(scored))


def _curve(space: Space, surrogate: Surrogate, draws: np.ndarray, spread: float, name: str) -> SurrogateCurve:
    column, cube = space.free.index(name), surrogate.cube
    has = np.array([name in params for params in cube.params(draws)])
    domain = space.domains[name]
    if domain.size is not None and domain.size <= _POINTS:
        points = domain.levels(None)
    else:
        points = tuple(dict.fromkeys(domain.at((np.arange(_POINTS) + 0.5) / _POINTS)))
    # A rare parent may be missing among the draws: then the curve is over configurations that lack nothing.
    base = draws[has] if has.any() else draws
    targets = np.empty((len(points), 2))
    for row, value in enumerate(points):
        held = base.copy()
        held[:, column] = domain.place(value)
        targets[row] = surrogate.average(held)
    mean, sd = targets.T
    # Parents do not depend on their children: E[f | value] moves only where the parameter is there.
    active = float(has.mean())
    share = min(1.0, active**2 * float(mean.var()) / spread) if spread > 1e-12 else 0.0
    ends = np.sort(surrogate.value_at(np.stack([mean - sd, mean + sd])), axis=0)
    middle, low, high = (tuple(values.tolist()) for values in (surrogate.value_at(mean), *ends))
    return SurrogateCurve(name, tuple(points), middle, low, high, share, active)
