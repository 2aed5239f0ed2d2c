"""The torch engine: trains one pack's members together and says what became of each."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch

from profunda.errors import ArgumentError
from profunda.fleet.certification import certified
from profunda.fleet.evaluator import Evaluator
from profunda.fleet.general import GeneralEvaluator, GeneralTrainer, Vector
from profunda.fleet.history import Status
from profunda.fleet.member import Member
from profunda.fleet.pack import Pack
from profunda.fleet.result import PackResult
from profunda.fleet.roster import Roster
from profunda.fleet.shape import Shape, shape_of
from profunda.fleet.source import FleetData
from profunda.fleet.stack import Stack
from profunda.fleet.state import MemberState, first_state, n_moments
from profunda.fleet.stopping import Watch
from profunda.fleet.tables import Table, table_of
from profunda.fleet.trainer import Trainer
from profunda.vitals.causes import cause_of_ending
from profunda.vitals.signs import takes_signs

__all__ = ["train_pack"]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
_LADDER = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Sizes of a shrinking pack: few, so that few need certifying, and at most a third of a pack idles."""


def train_pack(
    pack: Pack,
    members: Sequence[Member],
    data: FleetData,
    *,
    until: int | Sequence[int] | None = None,
    states: Sequence[MemberState | None] | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    progress: Callable[[int], None] | None = None,
    cancel: threading.Event | None = None,
) -> PackResult:
    """Train the members of `pack` to the epoch `until` (one number, one each, or None: to their ends).

    `states` (aligned with the pack, None for a fresh member) are resumed bit for bit. `progress` receives the
    member-steps done since its last call, `cancel` is looked at about every 50 ms. Sets torch to one thread
    in the calling thread and leaves it so: more threads in a member's products change its bits.
    Raises ArgumentError where lengths do not match the pack, DataError where a fold is not in `data`.
    """
    torch.get_num_threads()  # in a new thread, the first call undoes what was set before it
    torch.set_num_threads(1)
    chosen = [members[i] for i in pack.members]
    resumed = list(states) if states is not None else [None] * len(chosen)
    ends = list(until) if isinstance(until, Sequence) else [until] * len(chosen)
    if len(resumed) != len(chosen) or len(ends) != len(chosen):
        raise ArgumentError(
            f"The pack has {len(chosen)} members, but {len(resumed)} states and {len(ends)} epochs were "
            "given; give one of each per member of the pack."
        )
    limits = [
        m.design.epochs if end is None else min(end, m.design.epochs)
        for m, end in zip(chosen, ends, strict=True)
    ]
    session = _Session(data, _DTYPES[dtype], device, progress, cancel)
    jobs = [
        _Job(i, member, state or first_state(member, data, np.dtype(dtype)), limit)
        for i, (member, state, limit) in enumerate(zip(chosen, resumed, limits, strict=True))
    ]
    with torch.inference_mode():
        session.run(jobs, stacked=pack.stacked)
    return PackResult(tuple(job.state for job in jobs), session.cancelled)


@dataclass(eq=False)
class _Job:
    """A member on its way: its place in the pack, its last recorded state, and the epoch it trains to."""

    place: int
    member: Member
    state: MemberState
    limit: int

    @property
    def active(self) -> bool:
        return self.state.status is Status.RUNNING and self.state.epoch < self.limit

    @property
    def order(self) -> tuple[object, ...]:
        """Neighbours with the same needs share calls."""
        d = self.member.design
        coupled = d.l2 > 0 and not d.decoupled
        work = (d.activation, d.dropout > 0, d.l1 > 0, coupled, d.label_smoothing > 0, d.loss)
        return (*work, d.clip > 0, d.input_dropout > 0, d.encoding, self.member.fold, self.place)


class _Session:
    """One call of `train_pack`."""

    def __init__(
        self,
        data: FleetData,
        dtype: torch.dtype,
        device: str,
        progress: Callable[[int], None] | None,
        cancel: threading.Event | None,
    ) -> None:
        self.data, self.dtype, self.device = data, dtype, device
        self.progress, self.cancel, self.cancelled = progress, cancel, False

    def run(self, jobs: list[_Job], *, stacked: bool) -> None:
        """Train every job to its limit."""
        groups: dict[tuple[Shape, int], list[_Job]] = {}
        for job in sorted((job for job in jobs if job.active), key=lambda job: job.order):
            groups.setdefault((shape_of(job.member, self.data), job.state.epoch), []).append(job)
        for (shape, _), group in groups.items():
            whole = stacked and not shape.general and self._certified(shape, group)
            for part in [group] if whole else [[job] for job in group]:
                # Tensors of inference are of no use to autograd.
                with torch.inference_mode(not shape.general), torch.no_grad():
                    self._train(shape, part)

    def _certified(self, shape: Shape, jobs: Sequence[_Job]) -> bool:
        designs = [job.member.design for job in jobs]
        activations, clipped = {d.activation for d in designs}, any(d.clip > 0 for d in designs)
        return certified(shape, len(jobs), activations, self.dtype, self.device, clipped=clipped)

    def _train(self, shape: Shape, jobs: list[_Job]) -> None:
        """Train jobs of one shape and epoch, dropping out those that end."""
        while any(job.active for job in jobs) and not self.cancelled:
            chosen = self._shrunk(jobs)
            if not self._certified(shape, chosen):  # this size is not proven: the rest go one by one
                for job in chosen:
                    self._train(shape, [job])
                return
            crew = _Crew(self, shape, chosen)
            crew.train()
            jobs = crew.jobs

    def _shrunk(self, jobs: list[_Job]) -> list[_Job]:
        """The active jobs, filled up with ended ones to a size of the ladder where that is certified."""
        active = [job for job in jobs if job.active]
        size = _ladder_size(len(active), len(jobs))
        idle = [job for job in jobs if not job.active][: size - len(active)]
        return sorted(active + idle, key=lambda job: job.order)

    def table(self, member: Member) -> Table:
        """The member's rows as tensors."""
        return table_of(self.data.source(member), self.data, self.dtype, self.device)

    def stack(self, shape: Shape, jobs: Sequence[_Job], vectors: Sequence[np.ndarray]) -> Stack:
        """Flat vectors of jobs as one Stack; of a job by itself, as a Vector, which offers the same."""
        if shape.general:
            return cast(Stack, Vector(vectors[0], self.dtype, self.device))
        made = Stack(shape, len(jobs), self.dtype, self.device)
        made.write(vectors, [job.member.design.widths for job in jobs])
        return made

    def interrupted(self, steps: int, active: int) -> bool:
        """Tell progress, and whether a cancel was asked for."""
        if self.progress is not None:
            self.progress(steps * active)
        return self.cancel is not None and self.cancel.is_set()


def _ladder_size(active: int, size: int) -> int:
    """How many members a pack of `size` with `active` active ones goes on with."""
    return min((step for step in (*_LADDER, size) if step >= active), default=size)


class _Crew:
    """Jobs stacked in one Trainer, until so many have ended that a smaller one pays."""

    def __init__(self, session: _Session, shape: Shape, jobs: list[_Job]) -> None:
        self.session, self.shape, self.jobs = session, shape, jobs
        self.epoch = next(job.state.epoch for job in jobs if job.active)
        self.watches = [Watch(j.state.best_epoch, j.state.best_loss, j.state.stall) for j in jobs]
        self.train_losses = [list(job.state.train_loss) for job in jobs]
        self.valid_losses = [list(job.state.valid_loss) for job in jobs]
        self.signs = [{name: list(rows) for name, rows in job.state.signs.items()} for job in jobs]
        self.sign_epochs = [list(job.state.sign_epochs) for job in jobs]
        self.params = session.stack(shape, jobs, [job.state.params for job in jobs])
        self.best = session.stack(shape, jobs, [job.state.best_params for job in jobs])
        self.moments = [
            session.stack(shape, jobs, [job.state.moments[i] for job in jobs])
            for i in range(n_moments(jobs[0].member.design))
        ]
        self.trainer, self.evaluator = self._hands()
        self.active = [job.active for job in jobs]

    def _hands(self) -> tuple[Trainer, Evaluator]:
        """Who trains and who validates."""
        members = tuple(job.member for job in self.jobs)
        tables = [self.session.table(member) for member in members]
        if self.shape.general:
            (member,), (table,) = members, tables
            params, moments = cast(Vector, self.params), cast(list[Vector], self.moments)
            alone = GeneralTrainer(self.shape, member, self.session.data, table, params, moments)
            return cast(Trainer, alone), cast(Evaluator, GeneralEvaluator(alone))
        roster = Roster(members)
        trainer = Trainer(self.shape, roster, tables, self.params, self.moments)
        return trainer, Evaluator(self.shape, roster, tables, self.params.flat)

    def train(self) -> None:
        """Epochs until the crew should shrink, all have ended, or a cancel comes."""
        size = len(self.jobs)
        while any(self.active) and _ladder_size(sum(self.active), size) == size:
            kept = self._snapshot()
            signs = self.trainer.train_epoch(self.epoch, self._interrupted)
            if signs is None:
                self._restore(kept)
                self.session.cancelled = True
                break
            self._close_epoch(signs)
        self._record([i for i, active in enumerate(self.active) if active], Status.RUNNING)

    def _interrupted(self, steps: int) -> bool:
        return self.session.interrupted(steps, sum(self.active))

    def _snapshot(self) -> list[torch.Tensor]:
        if self.session.cancel is None:
            return []
        return [stack.flat.clone() for stack in (self.params, *self.moments)]

    def _restore(self, kept: list[torch.Tensor]) -> None:
        for stack, flat in zip((self.params, *self.moments), kept, strict=True):
            stack.flat.copy_(flat)

    def _close_epoch(self, weight_signs: dict[str, np.ndarray]) -> None:
        self.epoch += 1
        taken = takes_signs(self.epoch, self.shape.steps)
        train_loss = self.trainer.train_loss()
        kept = self.trainer.kept(self.epoch)
        valid_loss, signs = self.evaluator.validate(kept, taken)
        signs |= weight_signs
        improved = []
        for i in [i for i, active in enumerate(self.active) if active]:
            self.train_losses[i].append(train_loss[i])
            self.valid_losses[i].append(valid_loss[i])
            self.watches[i] = self.watches[i].advance(self.epoch, float(valid_loss[i]))
            if self.watches[i].best_epoch == self.epoch:
                improved.append(i)
            if taken:
                self.sign_epochs[i].append(self.epoch)
                for name, values in signs.items():
                    self.signs[i].setdefault(name, []).append(values[i])
        self._keep_best(improved, kept)
        self._end_members()

    def _keep_best(self, improved: list[int], kept: Stack) -> None:
        if len(improved) == len(self.jobs):
            self.best.flat.copy_(kept.flat)
        elif improved:
            self.best.put(kept, torch.tensor(improved, device=kept.flat.device))

    def _end_members(self) -> None:
        for i in [i for i, active in enumerate(self.active) if active]:
            status = self._status(i)
            if status is not Status.RUNNING or self.epoch >= self.jobs[i].limit:
                self._record([i], status)
                self.active[i] = False

    def _status(self, i: int) -> Status:
        design = self.jobs[i].member.design
        if not np.isfinite(self.train_losses[i][-1]):
            return Status.DIVERGED
        if self.epoch >= design.epochs:
            signs = {name: np.array(rows) for name, rows in self.signs[i].items()}
            losses = np.array(self.train_losses[i]), np.array(self.valid_losses[i])
            return Status(cause_of_ending(*losses, self.watches[i].best_epoch, signs))
        return Status.EARLY_STOPPED if self.watches[i].stops(design.patience) else Status.RUNNING

    def _record(self, which: list[int], status: Status) -> None:
        widths = [self.jobs[i].member.design.widths for i in which]
        params, best = self.params.read(widths, which), self.best.read(widths, which)
        moments = [stack.read(widths, which) for stack in self.moments]
        for n, i in enumerate(which):
            watch = self.watches[i]
            self.jobs[i].state = replace(
                self.jobs[i].state,
                epoch=self.epoch,
                step=self.epoch * self.shape.steps,
                params=params[n],
                moments=tuple(vectors[n] for vectors in moments),
                best_params=best[n],
                best_epoch=watch.best_epoch,
                best_loss=watch.best_loss,
                stall=watch.stall,
                status=status,
                train_loss=np.array(self.train_losses[i], np.float64),
                valid_loss=np.array(self.valid_losses[i], np.float64),
                signs={name: np.stack(rows) for name, rows in self.signs[i].items()},
                sign_epochs=np.array(self.sign_epochs[i], np.int64),
            )
