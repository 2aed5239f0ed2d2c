"""What several objectives at once are: their names and directions, and the front of the best compromises."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Aim", "pareto_front"]


@dataclass(frozen=True)
class Aim:
    """One objective: a metric and its direction."""

    metric: str
    greater_is_better: bool

    def loss(self, value: float) -> float:
        """The value so that lower is better."""
        return -value if self.greater_is_better else value


def pareto_front(losses: np.ndarray) -> tuple[int, ...]:
    """Rows of losses [N, K] (lower is better) that no other row dominates, sorted by their columns.

    A row dominates another if it is nowhere higher and somewhere lower; of equal rows the first stays. Rows
    that are not finite are never in the front.

    >>> pareto_front(np.array([[1.0, 5.0], [2.0, 2.0], [2.0, 3.0], [3.0, 1.0], [2.0, 2.0]]))
    (0, 1, 3)
    """
    finite = np.flatnonzero(np.isfinite(losses).all(axis=1))
    order = finite[np.lexsort((finite, *losses[finite].T[::-1]))] if len(finite) else finite
    front: list[int] = []
    for row in order:
        # Sorted by columns, so only rows before can dominate; those in the front are enough to ask.
        if not any((losses[chosen] <= losses[row]).all() for chosen in front):
            front.append(int(row))
    return tuple(front)
