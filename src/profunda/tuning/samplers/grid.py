"""Every configuration of a finite space once, the last name varying fastest."""

from collections.abc import Sequence
from itertools import islice

from profunda.errors import SpaceError
from profunda.space.space import Params, Space
from profunda.tuning.samplers.outcome import Outcome

__all__ = ["GridSampler"]


class GridSampler:
    """Exact enumeration; `propose` returns fewer, and at last no, configurations when the grid is used up."""

    def __init__(self, space: Space) -> None:
        if space.size is None:
            endless = [name for name in space.names if space.domains[name].size is None]
            raise SpaceError(
                f"a grid cannot enumerate {endless[0]}, which is {space.domains[endless[0]].describe()}. "
                "List the values to try, for example [0.1, 0.3, 0.5], or use the random sampler."
            )
        self._space = space
        self._rest = space.grid()

    def propose(self, n: int) -> list[Params]:
        return list(islice(self._rest, n))

    def repeat(self, batch: Sequence[Params]) -> None:
        self.propose(len(batch))

    def tell(self, params: Params, outcome: Outcome) -> None:
        """Nothing to learn: the grid was fixed at the start."""
