"""Who trains with whom: every task alone and every pair of tasks, as networks of one fleet.

Tasks are several targets of the same rows, or groups of rows with one target. Targets of a pair are two
outputs of one network; a target alone is both outputs of it, so that networks differ in company and in
nothing else. Groups of a pair train one network on the rows of both, told by further inputs whose row it is.
Who has fewer rows trains for more epochs, so that all take as many steps: a task is not to gain from mere
training.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from profunda._seeds import key
from profunda.data.dealing import dealt
from profunda.errors import DataError
from profunda.fleet.forward import outputs
from profunda.fleet.member import Member
from profunda.fleet.plan import plan
from profunda.fleet.source import FleetData, Source
from profunda.fleet.state import MemberState
from profunda.fleet.threads import one_thread
from profunda.space.design import Design
from profunda.training.packs import run_packs

__all__ = ["Companies", "companies_of"]

_STOPPING = 5  # one in so many rows that do not judge stops training


@dataclass(frozen=True, eq=False)
class Companies:
    """Tasks, their rows, and the folds on which every task trains alone and with each other one.

    `x` float64 [N, D], `y` [N, T] with NaN where a row is not of a task or lacks its target; `task` int64 [N]
    where tasks are groups of rows, None where they are targets. `labels`: targets are 0 or 1. `fold` int64
    [N] is the fold in which a row judges; `stops` [F, N] the rows that stop training there.
    """

    x: np.ndarray
    y: np.ndarray
    task: np.ndarray | None
    labels: bool
    fold: np.ndarray
    stops: np.ndarray

    @property
    def n_tasks(self) -> int:
        """T."""
        return self.y.shape[1]

    @property
    def n_folds(self) -> int:
        """F."""
        return len(self.stops)

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """K = T(T + 1)/2 companies: every task alone, then every pair."""
        return tuple((t,) for t in range(self.n_tasks)) + tuple(combinations(range(self.n_tasks), 2))

    @property
    def judged_share(self) -> float:
        """Judging rows by rows that the networks have used, for `paired_change`."""
        return 1.0 / (self.n_folds - 1)

    @cached_property
    def _scaled(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each fold inputs float32 [N, D (+ T)] and targets float32 [N, T], by its training rows."""
        return tuple(self._scaled_by(self._training(fold)) for fold in range(self.n_folds))

    def _scaled_by(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x = (self.x - self.x[rows].mean(axis=0)) / _spread(self.x[rows])
        if self.task is not None:
            x = np.concatenate([x, np.eye(self.n_tasks)[self.task]], axis=1)
        y = self.y
        if not self.labels:  # groups of one target have one scale
            known = self.y[rows] if self.task is None else np.nansum(self.y[rows], axis=1)[:, None]
            y = (self.y - np.nanmean(known, axis=0)) / _spread(known)
        return x.astype(np.float32), y.astype(np.float32)

    def _training(self, fold: int) -> np.ndarray:
        return (self.fold != fold) & ~self.stops[fold]

    def source(self, group: tuple[int, ...], fold: int) -> Source:
        """What the network of a company trains on in a fold."""
        x, y = self._scaled[fold]
        if self.task is None:
            targets = y[:, list(group * 2)[:2]]
            there = ~np.isnan(targets).all(axis=1)
        else:
            targets = np.nansum(y, axis=1, keepdims=True)
            there = np.isin(self.task, group)
        train, stop = self._training(fold) & there, self.stops[fold] & there
        return Source(x, np.ascontiguousarray(targets), np.flatnonzero(train), np.flatnonzero(stop))

    def data(self, design: Design) -> FleetData:
        """The rows of all companies, one after the other, in all folds."""
        sources = [self.source(group, fold) for group in self.groups for fold in range(self.n_folds)]
        named = {(design.encoding, number): source for number, source in enumerate(sources)}
        return FleetData(named, 2 if self.task is None else 1, False, self.labels)

    def judged(self, group: tuple[int, ...], fold: int, design: Design, params: np.ndarray) -> np.ndarray:
        """Mean loss [T] of a network on the judging rows of each task of its company; NaN for the others."""
        x, y = self._scaled[fold]
        found = np.full(self.n_tasks, np.nan)
        for place, task in enumerate(group):
            rows = (self.fold == fold) & ~np.isnan(y[:, task])
            told = outputs(design, params, x[rows]).astype(np.float64)
            told = (
                told[:, 0] if self.task is not None else told.mean(1) if len(group) == 1 else told[:, place]
            )
            true = y[rows, task].astype(np.float64)
            each = np.logaddexp(0.0, told) - true * told if self.labels else (told - true) ** 2
            found[task] = each.mean()
        return found

    def measure(
        self, design: Design, *, seeds: int, early: float, engine: str, workers: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Losses [K, F, S, T] after that share of the epochs and in the end, of the best epoch by then."""
        data = self.data(design)
        members = self.members(design, data, seeds, seed)
        made = plan(members, data, engine=engine)
        states: list[MemberState | None] = [None] * len(members)
        told = []
        for share in (early, 1.0):
            until = [max(1, round(share * member.design.epochs)) for member in members]
            ended = list(states)
            with one_thread():
                for number, result, _ in run_packs(made, data, until=until, states=states, workers=workers):
                    for place, state in zip(made.packs[number].members, result.states, strict=True):
                        ended[place] = state
            states = ended
            told.append(self._losses(design, members, states, seeds))
        return told[0], told[1]

    def members(self, design: Design, data: FleetData, seeds: int, seed: int) -> list[Member]:
        """One network for each company, fold and seed, with as many steps as that of the most rows takes."""
        batches = [
            -(-len(source.train) // design.batch_size) for source in data.sources.values()
        ]  # rounded up, as an epoch's last batch is smaller
        stretched = [max(batches) / count for count in batches]
        designs = [
            replace(design, epochs=round(one * design.epochs), patience=round(one * design.patience))
            for one in stretched
        ]
        return [
            Member(one, number, key("companies", seed, replicate) % 2**48)
            for number, one in enumerate(designs)
            for replicate in range(seeds)
        ]

    def _losses(
        self, design: Design, members: list[Member], states: list[MemberState | None], seeds: int
    ) -> np.ndarray:
        found = np.full((len(members), self.n_tasks), np.nan)
        for number, (member, state) in enumerate(zip(members, states, strict=True)):
            if state is not None and state.best_epoch and np.isfinite(state.best_params).all():
                company, fold = divmod(member.fold, self.n_folds)
                found[number] = self.judged(self.groups[company], fold, design, state.best_params)
        return found.reshape(len(self.groups), self.n_folds, seeds, self.n_tasks)


def companies_of(x: np.ndarray, y: np.ndarray, task: np.ndarray | None, folds: int, seed: int) -> Companies:
    """Tasks of `y` [N, T], or of `y` [N] and the number of each row's `task` [N], with folds within tasks.

    Raises DataError for other shapes, inputs that are not finite, fewer than two tasks, a task with fewer
    than 2 rows a fold, one whose target never changes, and one of which no row judges, trains or stops
    training in a fold.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    wanted = "[N, T]" if task is None else "[N] beside task [N]"
    fits = y.ndim == (2 if task is None else 1) and x.ndim == 2 and len(x) == len(y)
    if not fits or (task is not None and task.shape != y.shape):
        raise DataError(f"x {x.shape} must be [N, D], and y {y.shape} {wanted}.")
    if not np.isfinite(x).all() or np.isinf(y).any() or (task is not None and np.isnan(y).any()):
        raise DataError("Inputs, and targets of groups of rows, must be finite: impute, or leave rows out.")
    if task is not None:
        y = np.where(np.eye(int(task.max()) + 1, dtype=bool)[task], y[:, None], np.nan)
    counts = (~np.isnan(y)).sum(axis=0)
    fewest = int(counts.min(initial=len(y)))
    if len(counts) < 2 or fewest < 2 * folds:
        raise DataError(
            f"{len(counts)} task(s) with {fewest} row(s) in the smallest: relations are between two "
            f"tasks or more, of at least {2 * folds} rows each for {folds} folds."
        )
    known = [column[~np.isnan(column)] for column in y.T]
    if (still := next((t for t, column in enumerate(known) if np.ptp(column) == 0.0), None)) is not None:
        raise DataError(f"The target of task {still} is {known[still][0]:g} in every row: leave it out.")
    labels = bool(np.isin(np.concatenate(known), (0.0, 1.0)).all())
    return Companies(x, y, task, labels, *_dealt(y, counts, folds, seed))


def _dealt(y: np.ndarray, counts: np.ndarray, folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The fold in which each row judges int64 [N], and the rows that stop training in each fold [F, N].

    Every task has its share of both, the rarest first; DataError where one is left without any.
    """
    absent = np.isnan(y)
    states = absent[:, np.argsort(counts, kind="stable")].astype(np.int64)
    fold = dealt(states, folds, np.random.default_rng(key("companies", seed, "judge")))
    stops = np.zeros((folds, len(y)), bool)
    for number in range(folds):
        left = np.flatnonzero(fold != number)
        random = np.random.default_rng(key("companies", seed, number))
        stops[number, left] = dealt(states[left], _STOPPING, random) == 0
        judges, trains = fold == number, (fold != number) & ~stops[number]
        for what, rows in (("judges", judges), ("stops training", stops[number]), ("trains", trains)):
            if (lacking := absent[rows].all(axis=0)).any():
                task = int(lacking.argmax())
                raise DataError(
                    f"None of the {counts[task]:,} rows of task {task} {what} in fold {number + 1} of "
                    f"{folds}: they are too few to be dealt out beside those of the other tasks. Take "
                    "another number of folds, or leave the task out."
                )
    return fold, stops


def _spread(values: np.ndarray) -> np.ndarray:
    spread = np.nanstd(values, axis=0)
    return np.where(spread > 0.0, spread, 1.0)
