"""What a sampler is told about one configuration."""

import math
from dataclasses import dataclass

from profunda.fleet.history import Status

__all__ = ["Outcome"]

_UNUSABLE = (Status.FAILED, Status.DIVERGED)


@dataclass(frozen=True)
class Outcome:
    """`values`, one for each objective (NaN for none), and how the trial ended.

    `violation` says by how much constraints are missed, all of them together: feasible if it is at most 0.
    """

    values: tuple[float, ...]
    status: Status
    violation: float = 0.0

    @property
    def usable(self) -> bool:
        """Whether the trial ended with finite values that can be learnt from."""
        return self.status not in _UNUSABLE and all(math.isfinite(value) for value in self.values)

    @property
    def feasible(self) -> bool:
        """Whether every constraint is met; a violation that is NaN is none that was met."""
        return self.violation <= 0.0
