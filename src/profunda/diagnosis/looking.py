"""All looks at a network, its loss and its rows: what a Record is filled with, measured on copies alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from profunda.diagnosis.anatomy import anatomy_of
from profunda.diagnosis.asking import told
from profunda.diagnosis.batches import Batch
from profunda.diagnosis.copying import cloned, copy_of, tensors_in, undisturbed
from profunda.diagnosis.feeding import Feed, feed_of
from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Anatomy, Loss, Rows, Targets, Task
from profunda.diagnosis.ingredients import Making, Parts
from profunda.diagnosis.inputs import rows_of
from profunda.diagnosis.joining import joined, mixed
from profunda.diagnosis.kernels import kernel
from profunda.diagnosis.loaders import evenly
from profunda.diagnosis.losses import loss_of, name_of
from profunda.diagnosis.narrowing import narrower
from profunda.diagnosis.paces import paced
from profunda.diagnosis.passage import PLAIN, UNREAD, Passage
from profunda.diagnosis.record import Kernel, Narrower, Sharpness, Survey, Trial
from profunda.diagnosis.sharpness import sharpness
from profunda.diagnosis.snapshots import Snapshot
from profunda.diagnosis.standing import placed, state_of
from profunda.diagnosis.surveys import survey
from profunda.diagnosis.suspicions import SEEDS, steps_for
from profunda.diagnosis.tables import array_of, table_of
from profunda.diagnosis.targets import targets_of
from profunda.diagnosis.tasks import task_of
from profunda.diagnosis.trials import trials
from profunda.errors import DataError

__all__ = ["Looked", "Looker"]

PROBED = 2048
"""Rows, in any order, that surveys choose from."""

SURVEYS = 6
"""Looks between the first step and the last, both included, at steps that grow geometrically."""


@dataclass(frozen=True)
class Looked:
    """What can be told before training. `raised`: what the module raised on its first batch, or ""."""

    task: Task | None
    loss: Loss | None
    rows: Rows
    targets: Targets
    raised: str


class Looker:
    """Looks at a module, as it was `begun`, on its `first` batch and on a `sample` of rows.

    `begun` is a copy of the user's, and does to outputs what `passage` says (None: the loop does what could
    not be read). `notes` tell what could not be measured; `passed` are the rows that
    trainings for comparison took, about.
    """

    def __init__(
        self,
        begun: nn.Module,
        loss_fn: Callable[..., Any],
        first: Batch | None,
        sample: Sequence[Batch],
        validation: Sequence[Batch],
        passage: Passage | None = PLAIN,
    ) -> None:
        self.passage = passage
        self.begun, self.loss_fn, self.first = begun, loss_fn, first
        self.sample, self.validation = sample, validation
        self.notes: list[str] = []
        self.passed = 0
        self.anatomy = self._anatomy()
        whole = joined(sample)
        self.probe = None if whole is None else mixed(whole, PROBED)
        held = joined(validation)
        self.held = None if held is None else mixed(held, PROBED)
        self.task: Task | None = None

    def _anatomy(self) -> Anatomy:
        if self.first is None:
            return anatomy_of(self.begun, ())
        try:
            inputs = evenly(self.begun, self.first)
        except (TypeError, ValueError) as error:
            return anatomy_of(self.begun, ()) if not self.first.named else Anatomy(why=told(error))
        found = anatomy_of(self.begun, inputs)
        return found if self.passage is None else self.passage.ending(found)

    def looks(self, labels: Tensor | None, rows: int) -> Looked:
        """Task, loss, rows and targets."""
        pairs = [((each.inputs, dict(each.named)), each.targets) for each in self.sample]
        table = table_of(pairs)
        held = [((each.inputs, dict(each.named)), each.targets) for each in self.validation]
        epoch = rows or table.n  # labels of later epochs would tell of another order
        arrived = None if labels is None else array_of(labels[:epoch])
        kept = table_of(held) if held else None
        found = rows_of(table, kept, rows, arrived)
        every = self._every_target()
        outputs, raised = self._outputs()
        loss = None
        if outputs is not None and self.first is not None:
            self.task = task_of(outputs, self.first.targets, every, self.first.inputs)
            loss = (
                Loss(name_of(self.loss_fn), why=UNREAD)
                if self.passage is None
                else loss_of(self.loss_fn, outputs, self.first.targets, self.task, every)
            )
        task = self.task or Task("unknown", 0, (), (), "")
        return Looked(self.task, loss, found, targets_of(table, task, kept), raised)

    def _outputs(self) -> tuple[Any, str]:
        """Of the first batch in evaluation mode, as loss functions get them."""
        if self.first is None:
            return None, "no batch was seen"
        own = copy_of(self.begun).eval()
        try:
            with undisturbed(own), torch.no_grad():
                return own(*cloned(self.first.inputs), **dict(cloned(dict(self.first.named)))), ""
        except Exception as error:
            return None, told(error)

    def _every_target(self) -> Tensor | None:
        given = [next(iter(tensors_in(each.targets)), None) for each in self.sample]
        tensors = [each for each in given if each is not None and each.ndim]
        if not tensors or len({(each.shape[1:], each.dtype) for each in tensors}) > 1:
            return None
        return torch.cat(tensors)

    # Surveys ----------------------------------------------------------------------------------------------

    def surveys(self, snapshots: Sequence[Snapshot], ended: nn.Module, steps: int) -> tuple[Survey, ...]:
        """Of some of the `snapshots`, the first among them, and of the module as it `ended` after `steps`."""
        if self.probe is None:
            return ()
        states = [*((one.step, one.state) for one in _chosen(snapshots, steps)), (steps, state_of(ended))]
        found = []
        for step, state in states:
            own = placed(copy_of(ended), state)
            made = self._survey(own if own.training else own.train(), step)
            if made is None:
                break
            found.append(made)
        return tuple(found)

    def kernel(self, ended: nn.Module) -> Kernel | None:
        """How far that of `ended` turned from its beginning; None where it cannot be told."""
        if self.probe is None:
            return None
        found = kernel(ended, self._start(), self.probe.inputs, named=self.probe.named)
        return found if math.isfinite(found.moved) else None

    def trials(
        self, changes: Sequence[Change], making: Making, rates: np.ndarray, epochs: int
    ) -> tuple[Trial, ...]:
        """What `changes` are worth, from the first weights on, for a run at these `rates` [T]."""
        if self.probe is None or not changes:
            return ()
        size = self.probe.rows if self.first is None else self.first.rows
        few = steps_for(len(changes), len(rates))
        probe = self.probe
        longer = sum(one.value if one.kind == "epochs" else 1.0 for one in changes)
        self.passed += round((1.0 + longer) * SEEDS * few * size)
        try:
            at_peak, pace = paced(making, rates, copy_of(self.begun))
            return trials(
                changes,
                Parts(self.begun, self.loss_fn, at_peak, size, epochs, pace=pace),
                probe.inputs,
                probe.targets,
                steps=few,
                seeds=SEEDS,
                named=probe.named,
                task=self.task,
                held=self._unseen(),
            )
        except Exception as error:  # a loop of its own, on a network and a loss of any kind
            self.notes.append(f"No trainings for comparison were made: {told(error)}")
            return ()

    def _unseen(self) -> Feed | None:
        """Validation rows; None without any, or where they cannot be given in one pass."""
        found = self._validation()
        held = self.held
        return None if found is None or held is None else feed_of(found[0], cloned(found[1]), held.named)

    def narrower(self, reached: nn.Module, making: Making, steps: int) -> Narrower | None:
        """What a network of a part of the widths makes of the rows; None where it cannot be told: it is no
        chain of layers, or there are more rows than are looked at.
        """
        probe, held = self.probe, self.held
        if probe is None or held is None or probe.rows >= PROBED:
            return None
        size = probe.rows if self.first is None else self.first.rows
        try:
            found = narrower(
                Parts(self.begun, self.loss_fn, making, size),
                self.anatomy,
                reached,
                (probe.inputs, probe.targets),
                (held.inputs, held.targets),
                steps=steps,
                task=self.task,
                named=probe.named,
                held_named=held.named,
            )
        except Exception:  # no chain of layers, or a forward that asks for the sizes that were
            return None
        share = found.parameters / max(1, self.anatomy.parameters)
        self.passed += round(share * len(found.loss) * steps * size)
        return found

    def sharpness(self, module: nn.Module, optimizer: Optimizer, step: int) -> Sharpness | None:
        """Of `module` as `optimizer`, which holds its parameters, moves it; None where it cannot be told."""
        if self.probe is None:
            return None
        probe, size = self.probe, None if self.first is None else self.first.rows
        found = sharpness(
            module,
            self.anatomy,
            probe.inputs,
            probe.targets,
            self.loss_fn,
            optimizer,
            step=step,
            named=probe.named,
            batch_size=size,
        )
        return found if math.isfinite(found.curvature) else None

    def _survey(self, own: nn.Module, step: int) -> Survey | None:
        probe = self.probe
        assert probe is not None
        try:
            return survey(
                own,
                self.anatomy,
                probe.inputs,
                probe.targets,
                self.loss_fn,
                step=step,
                start=self._start(),
                validation=self._validation(),
                named=probe.named,
                task=self.task,
                batch_size=None if self.first is None else self.first.rows,
            )
        except DataError as error:
            self.notes.append(str(error))
            return None

    def _validation(self) -> tuple[tuple[Any, ...], Any] | None:
        held = self.held
        if held is None:
            return None
        try:
            return evenly(self.begun, Batch(held.inputs, held.named, held.targets, held.rows)), held.targets
        except (TypeError, ValueError):
            return None

    def _start(self) -> Mapping[str, Tensor]:
        return dict(self.begun.named_parameters())


def _chosen(snapshots: Sequence[Snapshot], steps: int) -> list[Snapshot]:
    """The first one and some before the last step, nearest to steps in geometric order."""
    before = [one for one in snapshots if one.step < steps or one.step == 0]
    if len(before) <= SURVEYS - 1:
        return before if steps else before[:0]
    wanted = np.geomspace(1.0, max(2.0, steps / 2.0), SURVEYS - 2)
    chosen = {0} | {min(range(1, len(before)), key=lambda k: abs(before[k].step - step)) for step in wanted}
    return [before[at] for at in sorted(chosen)]
