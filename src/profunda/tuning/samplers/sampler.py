"""What a sampler is, and the samplers by name."""

import difflib
from collections.abc import Sequence
from typing import Protocol

from profunda.errors import ArgumentError
from profunda.space.space import Params, Space
from profunda.tuning.samplers.batch import BatchSampler
from profunda.tuning.samplers.bayesian import BayesianSampler, Direction
from profunda.tuning.samplers.grid import GridSampler
from profunda.tuning.samplers.outcome import Outcome
from profunda.tuning.samplers.quasi_random import QuasiRandomSampler
from profunda.tuning.samplers.random import RandomSampler

__all__ = ["LEARNING", "SAMPLERS", "Direction", "Sampler", "sampler_for"]

SAMPLERS = ("random", "quasi-random", "grid", "batch", "tpe", "gp")
"""The names that `sampler_for` knows."""
LEARNING = ("batch", "tpe", "gp")
"""Those that learn from what they are told."""


class Sampler(Protocol):
    """Proposes configurations, and is told what became of them.

    The same space, seed and sequence of calls give the same proposals, in any process.
    """

    def propose(self, n: int) -> list[Params]:
        """The next `n` configurations; fewer only where the space is used up (a grid), then none."""
        ...

    def repeat(self, batch: Sequence[Params]) -> None:
        """Takes note of proposals made earlier (read from a journal) as if `propose` had just returned them.

        One call for each earlier call of `propose`, in order, with the answers told in between: the next
        proposals are then those of the uninterrupted search, and no model is asked again.
        """
        ...

    def tell(self, params: Params, outcome: Outcome) -> None:
        """What became of one configuration; also of one that was never proposed."""
        ...


def sampler_for(
    name: str, space: Space, seed: int, direction: Direction | Sequence[Direction] = "minimize"
) -> Sampler:
    """The sampler `name` over `space`; several directions for as many values of an outcome.

    Raises ArgumentError for an unknown name or direction, SpaceError for a grid over an interval.
    """
    directions = (direction,) if isinstance(direction, str) else tuple(direction)
    for one in directions or ("none",):
        if one not in ("minimize", "maximize"):
            raise ArgumentError(f"direction = {one!r} is unknown: it is minimize or maximize.")
    match name:
        case "random":
            return RandomSampler(space, seed)
        case "quasi-random":
            return QuasiRandomSampler(space, seed)
        case "grid":
            return GridSampler(space)
        case "batch":
            return BatchSampler(space, seed, [-1.0 if one == "maximize" else 1.0 for one in directions])
        case "tpe" | "gp":
            return BayesianSampler(space, seed, directions, name)
    near = difflib.get_close_matches(str(name), SAMPLERS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ArgumentError(f"there is no sampler {name!r}.{hint} The samplers are: {', '.join(SAMPLERS)}.")
