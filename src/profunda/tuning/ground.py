"""The ground on which designs are compared: rows that train, rows that stop training, rows that judge.

A design that is judged on the rows that chose its best epoch looks better than it is, and one without early
stopping cannot be judged there at all. So each fold of a repeated cross-validation is parted in three.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import numpy as np

from profunda._seeds import key
from profunda.data.dataset import Dataset
from profunda.data.layout import Encoding
from profunda.data.splits import Fold, split
from profunda.fleet.cost import NATIVE, TORCH, seconds_of_step, torch_seconds
from profunda.fleet.forward import outputs
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.result import PackResult
from profunda.fleet.shape import Shape, shape_of
from profunda.fleet.snapshots import taken
from profunda.fleet.source import FleetData
from profunda.fleet.speed import Speeds
from profunda.fleet.state import MemberState
from profunda.fleet.threads import one_thread
from profunda.metrics.score import Metric
from profunda.networks.prediction import predicted
from profunda.space.design import Design
from profunda.training.packs import run_packs
from profunda.training.sources import Prepared, fleet_data, prepare
from profunda.tuning.corruption import Corruption, Spreads, spreads_of

__all__ = ["Entrant", "Ground", "Measured", "lay_ground", "part_of"]

MOST_JUDGED = 5_000  # rows a fold: beyond, a mean of several folds hardly narrows


@dataclass(frozen=True)
class Entrant:
    """A design to be compared; `last`: its last weights are judged instead of its best epoch's."""

    design: Design
    last: bool = False


@dataclass(frozen=True, eq=False)
class Measured:
    """What became of E entrants on F folds with S seeds under K conditions.

    `values` [E, F, S, K] of the metric on the judging rows (as they are, then by each corruption), NaN where
    a network diverged before its first best epoch; `stopping` [E, F, S] the likelihood loss on the stopping
    rows, for choosing among entrants; `steps` and `seconds` [E, F, S] of training, the latter of one thread:
    a pack's measured time, shared by forecast among its networks.
    """

    values: np.ndarray
    stopping: np.ndarray
    steps: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True, eq=False)
class Ground:
    """F folds with a third part of rows that judge, on each of which every entrant trains.

    `prepared.folds` hold the rows that train and those that stop training, `judging` the rows that judge.
    `repeats` cross-validations make up the folds, one after the other.
    """

    dataset: Dataset
    metric: Metric
    prepared: Prepared
    judging: tuple[np.ndarray, ...]
    corruptions: tuple[Corruption, ...]
    repeats: int

    @property
    def judged_share(self) -> float:
        """Judging rows by rows that the networks have used, for `paired_change`."""
        used = [len(fold.train) + len(fold.valid) for fold in self.prepared.folds]
        return float(np.mean([len(rows) / n for rows, n in zip(self.judging, used, strict=True)]))

    @property
    def data(self) -> FleetData:
        """What the fleet trains on."""
        return fleet_data(self.prepared, self.dataset.task)

    def first(self, repeats: int) -> "Ground":
        """The ground with the first `repeats` of its cross-validations only."""
        n = len(self.judging) // self.repeats * repeats
        prepared = Prepared(self.dataset, self.prepared.folds[:n], self.prepared.encodings)
        return replace(self, prepared=prepared, judging=self.judging[:n], repeats=repeats)

    def members(self, entrants: Sequence[Entrant], seeds: int, seed: int) -> list[Member]:
        """M = E · F · S networks, in this order."""
        return [
            Member(entrant.design, fold, key("ground", seed, number) % 2**48)
            for entrant in entrants
            for fold in range(len(self.judging))
            for number in range(seeds)
        ]

    def measure(
        self,
        entrants: Sequence[Entrant],
        *,
        seeds: int,
        engine: str,
        speeds: Speeds | None,
        workers: int,
        seed: int,
    ) -> Measured:
        """Train all entrants on all folds as one fleet, and judge each network when its pack ends."""
        members, data = self.members(entrants, seeds, seed), self.data
        made = plan(members, data, engine=engine, speeds=speeds)
        shape = (len(entrants), len(self.judging), seeds)
        found = Measured(
            np.full((*shape, 1 + len(self.corruptions)), np.nan),
            np.full(shape, np.inf),
            np.zeros(shape, np.int64),
            np.zeros(shape),
        )
        until = [member.design.epochs for member in members]
        with one_thread():
            packs = run_packs(made, data, until=until, states=[None] * len(members), workers=workers)
            for number, result, seconds in packs:
                pack = made.packs[number]
                shares = _shares(members, pack.members, result, data, pack.engine == "native")
                for i, state, share in zip(pack.members, result.states, shares, strict=True):
                    place, number_of_seed = divmod(i, seeds)
                    at = (*divmod(place, len(self.judging)), number_of_seed)
                    found.stopping[at], found.steps[at] = state.best_loss, state.step
                    found.seconds[at] = seconds * share
                    found.values[at] = self._judge(entrants[at[0]], members[i].fold, state)
        return found

    def _judge(self, entrant: Entrant, fold: int, state: MemberState) -> np.ndarray:
        own = state.params if entrant.last else state.best_params
        voting = (own, *taken(entrant.design, state))
        if not state.best_epoch or not all(np.isfinite(params).all() for params in voting):
            return np.full(1 + len(self.corruptions), np.nan)
        encoding, task = entrant.design.encoding, self.dataset.task
        fitted = self.prepared.preprocessing(encoding, fold)
        clamp = self.prepared.clamp(self.prepared.folds[fold].train)
        y = self.dataset.y[self.judging[fold]]
        found = []
        for x in self._inputs(encoding, fold):
            raw = [outputs(entrant.design, params, x, fitted.inputs) for params in voting]
            votes = [predicted(each, task, fitted, clamp) for each in raw]
            found.append(self.metric.value(y, np.mean(votes, axis=0)))
        return np.array(found)

    def _inputs(self, encoding: Encoding, fold: int) -> tuple[np.ndarray, ...]:
        if (encoding, fold) not in self._kept:
            fitted = self.prepared.preprocessing(encoding, fold)
            self._kept[encoding, fold] = tuple(map(fitted.transform, self._conditions(fold)))
        return self._kept[encoding, fold]

    @cached_property
    def _kept(self) -> dict[tuple[Encoding, int], tuple[np.ndarray, ...]]:
        return {}

    def _conditions(self, fold: int) -> Iterator[np.ndarray]:
        """Codes of the judging rows as they are, then by each corruption."""
        codes = self.dataset.codes[self.judging[fold]]
        yield codes
        spreads: Spreads = spreads_of(
            self.dataset.codes[self.prepared.folds[fold].train], self.dataset.schema
        )
        for corruption in self.corruptions:
            yield corruption(codes, spreads, fold)


def _shares(
    members: Sequence[Member], indices: Sequence[int], result: PackResult, data: FleetData, native: bool
) -> np.ndarray:
    """Each member's share of its pack's time: the steps it took, at what a step of its shape should take."""
    costs = [
        max(1, state.step) * _seconds_of_step(shape_of(members[i], data), native)
        for i, state in zip(indices, result.states, strict=True)
    ]
    return np.array(costs) / sum(costs)


def _seconds_of_step(shape: Shape, native: bool) -> float:
    return seconds_of_step(shape, NATIVE) if native else torch_seconds(shape, TORCH)


def part_of(dataset: Dataset, rows: np.ndarray) -> Dataset:
    """The dataset of `rows` alone, without a test part."""
    return replace(
        dataset,
        codes=dataset.codes[rows],
        y=dataset.y[rows],
        test_rows=None,
        groups=None if dataset.groups is None else dataset.groups[rows],
        times=None if dataset.times is None else dataset.times[rows],
        notices=(),
    )


def lay_ground(
    dataset: Dataset,
    metric: Metric,
    *,
    folds: int,
    repeats: int,
    corruptions: Sequence[Corruption] = (),
    seed: int = 0,
) -> Ground:
    """Part the rows of `dataset`: `repeats` cross-validations of `folds`, each fold's rest in train and stop.

    Rows in order of time are parted once. At most 5,000 rows
    judge a fold. Raises DataError or ArgumentError as `split` does where there are too few rows.
    """
    once = dataset.times is not None
    outer = split(dataset, test=0.0, folds=folds, repeats=1 if once else repeats, seed=seed).folds
    inner, judging = [], []
    for number, fold in enumerate(outer):
        (rest,) = split(part_of(dataset, fold.train), test=0.0, folds=1, seed=seed + number).folds
        inner.append(Fold(fold.train[rest.train], fold.train[rest.valid]))
        keep = np.random.default_rng(key("judging", seed, number)).permutation(len(fold.valid))
        judging.append(np.sort(fold.valid[keep[:MOST_JUDGED]]))
    prepared, _ = prepare(dataset, inner, get_args(Encoding))
    return Ground(dataset, metric, prepared, tuple(judging), tuple(corruptions), 1 if once else repeats)
