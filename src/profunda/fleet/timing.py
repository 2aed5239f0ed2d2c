"""A trial of each engine on a few shapes, and the rates that explain the seconds it took."""

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from profunda.fleet.cost import NATIVE, TORCH, Rates, seconds_of_step
from profunda.fleet.member import Member
from profunda.fleet.native_engine import available, run_packs
from profunda.fleet.pack import Pack, Plan
from profunda.fleet.shape import shape_of
from profunda.fleet.source import FleetData
from profunda.fleet.state import MemberState
from profunda.fleet.threads import one_thread, thread_seconds
from profunda.fleet.torch_engine import train_pack
from profunda.space.design import Design

__all__ = ["measured_rates"]

_INPUTS, _OUTPUTS, _VALID = 20, 2, 16
_REPEATS = 3
_ENOUGH = 0.5  # seconds after which nothing is repeated
_TRUST = 0.1  # weight of the reference rates against one measured shape
_NEWTON_STEPS = 20
_FARTHEST = 4.6  # a rate 100 times off the reference says that the clock was disturbed


@dataclass(frozen=True)
class _Case:
    """Members of one shape: `members` stacked on torch; `steps` an epoch on `batch` rows each."""

    widths: tuple[int, ...]
    batch: int
    members: int
    steps: int
    epochs: int
    native_epochs: int


_CASES = (
    _Case((16,), 16, 1, 20, 2, 100),
    _Case((64,), 32, 32, 10, 2, 60),
    _Case((64, 64, 64), 64, 8, 10, 1, 6),
    _Case((192, 192), 128, 1, 6, 2, 6),
    _Case((512, 512), 128, 1, 8, 1, 2),
)
"""From a step that is all calls to one that is all arithmetic."""

_Train = Callable[
    [list[Member], FleetData, list[MemberState | None], int], tuple[Sequence[MemberState], float]
]
"""Brings members from their states to an epoch; gives their states and the seconds of computing it took."""


def measured_rates() -> tuple[Rates, Rates | None]:
    """Rates of the torch engine, and of the native one where there is one, on one thread of this machine."""
    started = time.perf_counter()
    with one_thread():
        trials = [_Trial(case, _train_by_torch, case.members, case.epochs) for case in _CASES]
        if available():
            trials += [_Trial(case, _train_natively, 1, case.native_epochs) for case in _CASES]
        for repeat in range(_REPEATS):
            if repeat and time.perf_counter() - started > _ENOUGH:
                break
            for trial in trials:
                trial.run()
    native = _explaining(trials[len(_CASES) :], NATIVE) if available() else None
    return _explaining(trials[: len(_CASES)], TORCH), native


class _Trial:
    """One engine on one case: trained for an epoch at first, whose cost is not counted, then timed."""

    def __init__(self, case: _Case, train: _Train, members: int, epochs: int) -> None:
        self.train, self.epochs, self.member_count = train, epochs, members
        self.data = _data(case)
        design = Design(widths=case.widths, batch_size=case.batch, dropout=0.2, lr=1e-4, epochs=10_000)
        self.members = [Member(design, 0, number) for number in range(members)]
        self.shape = shape_of(self.members[0], self.data)
        self.seconds = float("inf")  # of a member's step, the quickest so far
        self.states: Sequence[MemberState] = ()

    def run(self) -> None:
        if not self.states:
            self.states, _ = self.train(self.members, self.data, [None] * self.member_count, 1)
        _, seconds = self.train(self.members, self.data, list(self.states), 1 + self.epochs)
        steps = self.shape.steps * self.epochs * self.member_count
        self.seconds = min(self.seconds, seconds / steps)


def _data(case: _Case) -> FleetData:
    rng = np.random.default_rng(0)
    rows = case.batch * case.steps
    x = rng.standard_normal((rows + _VALID, _INPUTS), dtype=np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    index = np.arange(rows + _VALID)
    return FleetData.from_arrays(
        x, y, folds=[(index[:rows], index[rows:])], classes=True, n_outputs=_OUTPUTS, encodings=("robust",)
    )


def _train_by_torch(
    members: list[Member], data: FleetData, states: list[MemberState | None], until: int
) -> tuple[Sequence[MemberState], float]:
    pack, started = Pack(tuple(range(len(members))), "torch", stacked=len(members) > 1), thread_seconds()
    result = train_pack(pack, members, data, until=until, states=states)
    return result.states, thread_seconds() - started


def _train_natively(
    members: list[Member], data: FleetData, states: list[MemberState | None], until: int
) -> tuple[Sequence[MemberState], float]:
    """What Python does between the members is little, and other threads do it while these train."""
    pack = Pack(tuple(range(len(members))), "native", stacked=False)
    plan = Plan(tuple(members), (pack,), "cpu", "float32", 0, "", ())
    ends = [until] * len(members)
    ((_, result, seconds),) = run_packs(
        plan, [0], data, until=ends, states=states, workers=1, progress=None, cancel=None
    )
    return result.states, seconds


def _explaining(trials: Sequence[_Trial], reference: Rates) -> Rates:
    """The reference with calls, products and the rest each made slower or quicker.

    Three factors only: five shapes measured in milliseconds cannot tell more. They make the squares of
    log(predicted / measured) smallest, by Gauss's and Newton's method on their logarithms; that the factors
    are 1 counts a little, for what the shapes leave open.
    """
    parts = np.array([_parts(trial, reference) for trial in trials])
    seconds = np.array([trial.seconds for trial in trials])
    logs = np.zeros(3)
    for _ in range(_NEWTON_STEPS):
        each = parts * np.exp(logs)
        predicted = each.sum(axis=1)
        slopes = np.vstack([each / predicted[:, None], _TRUST * np.eye(3)])
        errors = np.concatenate([np.log(predicted / seconds), _TRUST * logs])
        change = np.linalg.lstsq(slopes, -errors, rcond=None)[0]
        logs = np.clip(logs + np.clip(change, -1.0, 1.0), -_FARTHEST, _FARTHEST)
    calls, products, rest = (float(factor) for factor in np.exp(logs))
    step, layer, flop, activation, parameter = astuple(reference)
    return Rates(step * calls, layer * calls, flop * products, activation * rest, parameter * rest)


def _parts(trial: _Trial, reference: Rates) -> list[float]:
    """Seconds of a step by the reference: of calls, of products, of the rest."""
    step, layer, flop, activation, parameter = astuple(reference)
    only = (
        Rates(step, layer, 0.0, 0.0, 0.0),
        Rates(0.0, 0.0, flop, 0.0, 0.0),
        Rates(0.0, 0.0, 0.0, activation, parameter),
    )
    return [seconds_of_step(trial.shape, rates, trial.member_count) for rates in only]
