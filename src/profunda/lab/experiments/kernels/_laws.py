"""Power laws in a width or a depth, with intervals over networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Law", "band", "power_law"]

Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Law:
    """The exponent of y ∝ x^slope by least squares in logarithms, and its 95 % bootstrap interval."""

    slope: float
    low: float
    high: float

    @property
    def interval(self) -> tuple[float, float]:
        return self.low, self.high


def power_law(
    x: Sequence[float], samples: Sequence[np.ndarray], statistic: Statistic = np.median, seed: int = 0
) -> Law:
    """From one array of values per network at each x; networks are redrawn within each."""
    random = np.random.default_rng(seed)
    logs = np.log(np.asarray(x, np.float64))
    centred = logs - logs.mean()

    def slope(values: Sequence[np.ndarray]) -> float:
        return float(centred @ np.log([statistic(each) for each in values]) / (centred @ centred))

    drawn = [slope([random.choice(each, len(each)) for each in samples]) for _ in range(400)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Law(slope(samples), float(low), float(high))


def band(
    samples: Sequence[np.ndarray], statistic: Statistic = np.median, seed: int = 0
) -> tuple[list[float], list[float]]:
    """95 % bootstrap intervals of the statistic of each array."""
    random = np.random.default_rng(seed)
    ends = [
        np.quantile([statistic(random.choice(each, len(each))) for _ in range(300)], [0.025, 0.975])
        for each in samples
    ]
    return [float(low) for low, _ in ends], [float(high) for _, high in ends]
