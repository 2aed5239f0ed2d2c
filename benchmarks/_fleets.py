"""Fleets of equal networks on made-up rows, trained through the package's own plan: what the sweeps time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import torch

from profunda.fleet.member import Member
from profunda.fleet.native_engine import available, unavailable_reason
from profunda.fleet.plan import Plan, plan
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState, first_state
from profunda.space.design import Design
from profunda.training.packs import run_packs

__all__ = [
    "ENGINES",
    "FEATURES",
    "OUTPUTS",
    "Fleet",
    "Rows",
    "fleet_data",
    "flops",
    "forward_flops",
    "tell_missing",
    "train",
    "trained",
]

FEATURES, OUTPUTS = 20, 2
ENGINES = ("native", "torch") if available() else ("torch",)


def tell_missing() -> None:
    """Print why the native engine cannot be measured, where it cannot."""
    reason = unavailable_reason()
    if reason is not None:
        print(f"The native engine is missing, so its sides are left out: {reason}", flush=True)


@dataclass(frozen=True)
class Rows:
    """How many rows a fold has."""

    train: int
    valid: int


@lru_cache(maxsize=4)
def fleet_data(rows: Rows, features: int = FEATURES, folds: int = 1, seed: int = 0) -> FleetData:
    """Normal inputs [N, D] and two classes that a noisy hyperplane parts, each fold with its own rows.

    With several folds they are cut from the same rows, as in a cross-validation.
    """
    rng = np.random.default_rng(seed)
    count = rows.train + rows.valid
    x = rng.standard_normal((count, features), dtype=np.float32)
    y = (x @ rng.standard_normal(features) + rng.standard_normal(count) > 0).astype(np.int64)
    order = rng.permutation(count)
    parts = [np.sort(np.roll(order, fold * rows.valid)[: rows.valid]) for fold in range(folds)]
    cut = [(np.setdiff1d(order, part), part) for part in parts]
    return FleetData.from_arrays(x, y, folds=cut, classes=True, n_outputs=OUTPUTS, encodings=("robust",))


def flops(widths: Sequence[int], rows: int, features: int = FEATURES) -> float:
    """Additions and multiplications of one training step on `rows` rows, in its matrix products alone.

    Forward, the gradient of every kernel, and the gradient of every input but the first layer's, which
    nobody needs. Biases, activations, dropout, the optimiser and everything else count as nothing.
    """
    sizes = (features, *widths, OUTPUTS)
    kernels = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    return 2.0 * rows * (3 * sum(kernels) - kernels[0])


def forward_flops(widths: Sequence[int], rows: int, features: int = FEATURES) -> float:
    """The same of one forward pass."""
    return 2.0 * rows * sum(fan_in * fan_out for fan_in, fan_out in pairwise((features, *widths, OUTPUTS)))


@dataclass(frozen=True)
class Fleet:
    """`members` replicates of one network: ReLUs, dropout and Adam as in the worked search."""

    widths: tuple[int, ...]
    batch: int
    members: int
    rows: Rows

    @classmethod
    def sized(cls, widths: tuple[int, ...], batch: int, rows: Rows, *, most: int = 64) -> "Fleet":
        """As many members as have an epoch together in 0.1 s at 100 GFLOP/s: 8 at least, `most` at most."""
        return cls(widths, batch, int(min(max(10e9 / flops(widths, rows.train), 8), most)), rows)

    @cached_property
    def data(self) -> FleetData:
        """Two classes of made-up rows."""
        return fleet_data(self.rows)

    @cached_property
    def state(self) -> MemberState:
        """Before the first epoch; all members share it, since engines copy what they change."""
        return first_state(Member(self._design(1)), self.data, np.dtype(np.float32))

    def _design(self, epochs: int) -> Design:
        return Design(widths=self.widths, dropout=0.3, batch_size=self.batch, epochs=epochs)

    def planned(self, epochs: int, engine: str) -> Plan:
        """The plan of all members for some epochs."""
        own = self._design(epochs)
        return plan([Member(own, 0, number) for number in range(self.members)], self.data, engine=engine)

    def trainer(self, engine: str, workers: int) -> Callable[[int], int]:
        """Trains all members for some epochs from the same state; a number of epochs is planned once."""
        plans: dict[int, Plan] = {}

        def epochs(count: int) -> int:
            if count not in plans:
                plans[count] = self.planned(count, engine)
            return train(plans[count], self.data, [self.state] * self.members, workers)

        return epochs


def trained(
    made: Plan, data: FleetData, states: Sequence[MemberState | None], workers: int
) -> Iterator[MemberState]:
    """All members to their last epochs; their states as their packs end."""
    torch.set_num_threads(1)
    until = [member.design.epochs for member in made.members]
    for _, result, _ in run_packs(made, data, until=until, states=states, workers=workers):
        yield from result.states


def train(made: Plan, data: FleetData, states: Sequence[MemberState | None], workers: int) -> int:
    """The same; only the member-steps done are kept. Who diverges has done fewer."""
    return sum(state.step for state in trained(made, data, states, workers))
