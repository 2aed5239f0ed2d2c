"""What became of a fleet of modules."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn

from profunda.fleet.history import MemberHistory
from profunda.fleet.modules.crew import Ended
from profunda.fleet.modules.members import ModuleMember
from profunda.fleet.modules.plan import ModulePlan
from profunda.fleet.modules.ways import restored

__all__ = ["ModuleFleet"]


@dataclass(frozen=True, eq=False)
class ModuleFleet:
    """M trained modules, in the order in which they were given.

    `curves` are their lives as those of any fleet (`valid_loss` is empty [0] where a member has no validation
    rows); `metrics` map the name of a metric to its values [E] on the validation rows; `plan` says which way
    each was trained and why.
    """

    members: tuple[ModuleMember, ...]
    curves: tuple[MemberHistory, ...]
    metrics: tuple[Mapping[str, np.ndarray], ...]
    plan: ModulePlan
    ends: tuple[Ended, ...]

    def module(self, i: int) -> nn.Module:
        """A copy of member `i` in evaluation: with the weights and buffers of its best epoch, or of its last
        whole one where nothing was validated."""
        return restored(self.members[i].module, self.ends[i].flat, self.ends[i].buffers)

    def __len__(self) -> int:
        return len(self.members)

    def __str__(self) -> str:
        causes = Counter(str(curve.status).replace("_", " ") for curve in self.curves).most_common()
        steps = sum(curve.steps for curve in self.curves)
        told = ", ".join(f"{count} {cause}" for cause, count in causes)
        return f"{len(self)} modules, {steps:,} steps: {told}"
