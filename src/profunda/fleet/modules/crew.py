"""Members on their way, in either way: epochs, the best weights, and what became of each."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import keys_of, permutations, subkeys
from profunda.errors import ArgumentError
from profunda.fleet.history import MemberHistory, Status
from profunda.fleet.modules.members import ModuleMember
from profunda.fleet.modules.task import Task
from profunda.fleet.modules.updates import FlatOptimiser
from profunda.fleet.modules.ways import Loop, Vmapped
from profunda.fleet.schedules import learning_rates
from profunda.fleet.stopping import Watch
from profunda.space.design import Design
from profunda.vitals.causes import cause_of_ending

__all__ = ["Crew", "Ended", "Signals", "batches"]

_REPORT_SECONDS = 0.05


@dataclass(eq=False)
class Signals:
    """Who is told of member-steps, and what asks to stop; several threads share it."""

    progress: Callable[[int], None] | None
    cancel: threading.Event
    _again: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def interrupted(self, steps: int) -> bool:
        """Tell progress, and whether a cancel was asked for."""
        with self._lock:
            known = min(steps, self._again)
            self._again -= known
        if self.progress is not None and steps > known:
            self.progress(steps - known)
        return self.cancel.is_set()

    def begin_anew(self, steps: int) -> None:
        """So many steps that were told are lost: as many of those to come are not told once more."""
        with self._lock:
            self._again += steps


@dataclass(frozen=True, eq=False)
class Ended:
    """One member at its end: its curve, its metrics by epoch, and the weights that were kept."""

    history: MemberHistory
    metrics: dict[str, np.ndarray]
    flat: Tensor
    buffers: dict[str, Tensor]


@dataclass(eq=False)
class _Life:
    """What a member has behind it."""

    member: ModuleMember
    flat: Tensor
    buffers: dict[str, Tensor]
    watch: Watch = field(default_factory=Watch)
    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    status: Status = Status.UNFINISHED

    def ended(self, steps: int) -> Ended:
        """As a value; `steps` an epoch."""
        epochs = len(self.train_loss)
        losses = np.array(self.train_loss), np.array(self.valid_loss)
        history = MemberHistory(epochs, epochs * steps, *losses, self.watch.best_epoch, self.status)
        return Ended(history, {n: np.array(v) for n, v in self.metrics.items()}, self.flat, self.buffers)


def batches(members: Sequence[ModuleMember], task: Task, epoch: int) -> list[Tensor]:
    """Row numbers [M, B] of each step of `epoch` (from 0): an order of each member's own, from its seed."""
    count = len(members[0].train)
    orders = permutations(subkeys(keys_of([m.key for m in members]), "order", epoch), count)
    rows = torch.stack([m.train[torch.from_numpy(o)] for m, o in zip(members, orders, strict=True)])
    return list(rows.split(task.batch_size, 1)[: task.steps(count)])


class Crew:
    """Members with equally many training rows, run by one `way`; those that end leave it at once."""

    def __init__(
        self, members: Sequence[ModuleMember], task: Task, way: Loop | Vmapped, signals: Signals
    ) -> None:
        self.task, self.way, self.signals = task, way, signals
        self.lives = [_Life(member, *self._weights(i)) for i, member in enumerate(members)]
        self.active = list(self.lives)
        self.optimiser = FlatOptimiser(task.optimiser, members, way.flat)
        self.steps = task.steps(len(members[0].train))
        self.told = 0  # member-steps
        self.pace = Design(schedule=task.schedule, epochs=task.epochs, lr=1.0)
        self.lr = way.flat.new_tensor([member.lr for member in members]).view(-1, 1)

    def train(self) -> list[Ended]:
        """All epochs of all members, or as many as there are before a cancel."""
        for epoch in range(self.task.epochs):
            if not self.active or self.signals.cancel.is_set():
                break
            losses = self._train_epoch(epoch)
            if losses is None:
                break
            self._close(epoch, losses)
            self._let_go()
        return [life.ended(self.steps) for life in self.lives]

    def _train_epoch(self, epoch: int) -> np.ndarray | None:
        """Mean of the batch losses float64 [M]; None where interrupted."""
        members, first = [life.member for life in self.active], epoch * self.steps
        paces = learning_rates(self.pace, self.steps, first, self.steps)
        losses, told, done = [], time.perf_counter(), 0
        for at, rows in enumerate(batches(members, self.task, epoch)):
            losses.append(self._step(rows, self.lr * float(paces[at]), first + at))
            done += len(members)
            if time.perf_counter() - told > _REPORT_SECONDS or at == self.steps - 1:
                self.told += done
                if self.signals.interrupted(done):
                    return None
                told, done = time.perf_counter(), 0
        return torch.stack(losses).double().mean(0).numpy()

    def _step(self, rows: Tensor, rates: Tensor, number: int) -> Tensor:
        try:
            losses = self.way.differentiate(rows, number)
        except (RuntimeError, ValueError):
            # A decomposition, say, refuses the NaNs of a member that has diverged: an ending, and no error.
            if len(self.active) > 1 or bool(torch.isfinite(self.way.flat).all()):
                raise
            return self.way.flat.new_full((1,), float("nan"))
        self.optimiser.step(self.way.gradient, rates, number + 1)
        return losses

    def _close(self, epoch: int, losses: np.ndarray) -> None:
        """Validate, keep the best, and say who has ended."""
        valid = self._validated(epoch)
        for i, life in enumerate(self.active):
            life.train_loss.append(float(losses[i]))
            if life.member.valid.numel():
                loss, metrics = valid[i]
                life.valid_loss.append(loss)
                life.watch = life.watch.advance(epoch + 1, loss)
                for name, value in metrics.items():
                    life.metrics.setdefault(name, []).append(value)
            if life.watch.best_epoch == epoch + 1 or not life.member.valid.numel():
                life.flat, life.buffers = self._weights(i)
            life.status = self._status(life)

    def _validated(self, epoch: int) -> list[tuple[float, dict[str, float]]]:
        """Loss and metrics on each member's validation rows; empty where there are none."""
        rows = [life.member.valid for life in self.active]
        if not all(own.numel() for own in rows):
            return []
        found = []
        try:
            made = self.way.outputs(rows, epoch)
        except (RuntimeError, ValueError):
            if len(rows) > 1 or bool(torch.isfinite(self.way.flat).all()):
                raise
            return [(float("nan"), dict.fromkeys(self.task.metrics, float("nan")))]
        for outputs, own in zip(made, rows, strict=True):
            targets = self.task.y[own]
            metrics = {name: _number(name, m(outputs, targets)) for name, m in self.task.metrics.items()}
            found.append((float(self.task.mean_loss(outputs, targets)), metrics))
        return found

    def _status(self, life: _Life) -> Status:
        if not np.isfinite(life.train_loss[-1]):
            return Status.DIVERGED
        if len(life.train_loss) == self.task.epochs:
            losses = np.array(life.train_loss), np.array(life.valid_loss)
            return Status(cause_of_ending(*losses, life.watch.best_epoch, {}))
        return Status.EARLY_STOPPED if life.watch.stops(self.task.patience) else Status.UNFINISHED

    def _let_go(self) -> None:
        """Go on without those that have ended."""
        going = [i for i, life in enumerate(self.active) if life.status is Status.UNFINISHED]
        if 0 < len(going) < len(self.active) and isinstance(self.way, Vmapped):
            which = torch.tensor(going)
            self.way.keep(which)
            self.optimiser.keep(which, self.way.flat)
            self.lr = self.lr[which]
        self.active = [self.active[i] for i in going]

    def _weights(self, i: int) -> tuple[Tensor, dict[str, Tensor]]:
        """A copy of what member `i` of the active ones is now."""
        return self.way.flat[i].clone(), {name: b[i].clone() for name, b in self.way.buffers().items()}


def _number(name: str, found: object) -> float:
    try:
        return float(found)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        raise ArgumentError(
            f"The metric {name!r} gave a {type(found).__name__} that is not one number; average it over the "
            "rows."
        ) from None
