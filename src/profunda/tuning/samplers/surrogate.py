"""What a search has learnt, a function with its uncertainty: for figures, importance and stopping rules."""

from collections.abc import Sequence

import numpy as np

from profunda.space.space import Params, Space
from profunda.tuning.samplers.belief import DATA_POINTS, spread_rows
from profunda.tuning.samplers.cube import Cube
from profunda.tuning.samplers.gaussian import Posterior, fitted_kernel
from profunda.tuning.samplers.warp import Warp

__all__ = ["LEAST_TRIALS", "Surrogate", "fitted_surrogate"]

LEAST_TRIALS = 12  # fewer tell nothing of eight or more parameters


class Surrogate:
    """A Gaussian process over a space, fitted to values told.

    It works on targets: losses (values with the sign that makes smaller better) after a monotone map that
    draws in their tails; `value_at` takes targets back to values. A normal distribution on targets is not one
    on values, but mean ± sd as an interval is taken back exactly.
    """

    def __init__(self, cube: Cube, rows: np.ndarray, losses: np.ndarray, sign: float) -> None:
        self.cube, self._sign = cube, sign
        self._warp = Warp.fitted(losses)
        y = self._warp.forward(losses)
        kept = spread_rows(y, DATA_POINTS)
        x = cube.features(rows[kept])
        self._posterior = Posterior(fitted_kernel(x, y[kept], cube.owner), x, y[kept, None])
        left_out = self._posterior.left_out(y[kept])
        around = float(np.square(y[kept] - y[kept].mean()).sum())
        self.explained = max(0.0, 1.0 - float(np.square(left_out).sum()) / around) if around > 0 else 0.0
        """R² of predictions of trials, each left out in turn."""

    def predict(self, params: Sequence[Params]) -> tuple[np.ndarray, np.ndarray]:
        """Means [N] and standard deviations [N] of targets at configurations, noise apart."""
        return self.predict_rows(self.cube.rows(params))

    def predict_rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `predict`, at snapped rows [N, D] of the cube."""
        means, sd = self._posterior.predict(self.cube.features(rows))
        return means[:, 0], sd

    def average(self, rows: np.ndarray) -> tuple[float, float]:
        """Mean and standard deviation of the function's average over snapped rows [N, D]."""
        return self._posterior.average(self.cube.features(rows))

    def value_at(self, targets: np.ndarray) -> np.ndarray:
        """Values of the objective at targets, any shape."""
        return self._sign * self._warp.backward(targets)


def fitted_surrogate(
    space: Space, params: Sequence[Params], values: Sequence[float], greater_is_better: bool
) -> Surrogate | None:
    """The surrogate of trials with values; those that are not finite are left out.

    None with fewer than `LEAST_TRIALS` of them, where all values are one, or in a space without a choice.
    """
    told = np.asarray(values, dtype=np.float64)
    finite = np.flatnonzero(np.isfinite(told))
    if len(finite) < LEAST_TRIALS or np.ptp(told[finite]) == 0.0 or space.dimensions == 0:
        return None
    cube, sign = Cube(space), -1.0 if greater_is_better else 1.0
    return Surrogate(
        cube,
        cube.rows([one for one, value in zip(params, told, strict=True) if np.isfinite(value)]),
        sign * told[finite],
        sign,
    )
