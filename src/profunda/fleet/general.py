"""One member at a time by autograd: what trains designs that no hand-written backward pass knows.

Its parts offer the torch engine what those of stacked members do, with M = 1: a `Vector` for a `Stack`, a
`GeneralTrainer` for a `Trainer`, a `GeneralEvaluator` for an `Evaluator`.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import keys_of, permutations, subkeys
from profunda.fleet.averaging import averages, take_into
from profunda.fleet.disturbing import Disturbed, Disturber
from profunda.fleet.leaves import Leaves
from profunda.fleet.member import Member
from profunda.fleet.roster import Roster
from profunda.fleet.row_losses import likelihood_rows, loss_rows
from profunda.fleet.schedules import learning_rates
from profunda.fleet.shape import Shape
from profunda.fleet.snapshots import snapshot_epochs
from profunda.fleet.source import FleetData, Source, balanced
from profunda.fleet.tables import Table
from profunda.fleet.thinning import TrainingStep
from profunda.fleet.updates import Updater
from profunda.fleet.vital_signs import activation_signs
from profunda.networks.layout import NetworkLayout, layout_of
from profunda.networks.passing import forward
from profunda.space.design import Design
from profunda.vitals.signs import PROBE_ROWS, takes_signs

__all__ = ["GeneralEvaluator", "GeneralTrainer", "Vector"]

_REPORT_SECONDS = 0.05
_VALID_ROWS = 4096
"""Validation rows a pass behind those that signs are taken of: bounds memory."""


class Vector:
    """One member's flat vector [P] where the engine would have a Stack."""

    def __init__(self, values: np.ndarray, dtype: torch.dtype, device: str) -> None:
        self.flat = torch.tensor(values, dtype=dtype, device=device)

    def read(self, widths: object, which: Sequence[int] | None = None) -> list[np.ndarray]:
        """A copy as an array, where it is asked for: `which` is [0] or nobody."""
        return [self.flat.cpu().numpy().copy() for _ in ([0] if which is None else which)]

    def put(self, other: "Vector", rows: Tensor) -> None:
        """Overwrite with `other`."""
        self.flat.copy_(other.flat)


class _Rows:
    """A member's rows on the device: inputs [N, D], targets [N] or [N, C] with their shares, weights [N]."""

    def __init__(self, member: Member, source: Source, table: Table, like: Tensor, data: FleetData) -> None:
        self.x = table.x[:, : source.x.shape[1]]
        self.y = table.labels[:, 0] if data.classes else table.target
        self.share, self.labels = table.share, data.labels
        weight, place = balanced(source, member.design.class_balance), like.device
        self.weight = None if weight is None else torch.as_tensor(weight, dtype=like.dtype, device=place)
        self.train, self.valid = (torch.as_tensor(r, device=place) for r in (table.train, table.valid))

    def losses(self, design: Design, logits: Tensor, rows: Tensor) -> Tensor:
        """Training losses of `logits` [B, C] for the targets of `rows` [B], times their weights: [B]."""
        share = None if self.share is None else self.share[rows]
        found = loss_rows(design, logits, self.y[rows], share, labels=self.labels)
        return found if self.weight is None else found * self.weight[rows]

    def likelihoods(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Validation losses of `logits` [B, C] for the targets of `rows` [B]: [B]."""
        share = None if self.share is None else self.share[rows]
        return likelihood_rows(logits, self.y[rows], share, labels=self.labels)


class GeneralTrainer:
    """One member through whole epochs; who ends is not decided here."""

    def __init__(
        self,
        shape: Shape,
        member: Member,
        data: FleetData,
        table: Table,
        params: Vector,
        moments: list[Vector],
    ) -> None:
        source = data.source(member)
        self.shape, self.member, self.design = shape, member, member.design
        self.layout = layout_of(self.design, source.inputs, data.n_outputs)
        self.params, self.vector = params, params.flat
        self.snapshots = list(zip(snapshot_epochs(self.design), moments[-2:], strict=False))
        self.mean = moments[-1 - 2 * self.design.snapshots] if self.design.averaging else None
        self.rows = _Rows(member, source, table, self.vector, data)
        self.disturber = Disturber(self.design, source.inputs, member.key)
        self.numeric = torch.zeros(len(source.inputs), dtype=self.vector.dtype, device=self.vector.device)
        self.numeric[list(source.inputs.numeric)] = 1.0
        self.moves = bool(self.design.adversarial and source.inputs.numeric)
        self.leaves, self.gradient = Leaves(self.vector), torch.zeros_like(self.vector)
        self.updater = Updater(self.design, self.layout, self.vector, [m.flat for m in moments])
        self.losses = np.zeros(0)

    def train_epoch(self, epoch: int, interrupted: Callable[[int], bool]) -> dict[str, np.ndarray] | None:
        """All steps of `epoch` (from 0): the signs of weights on the way, None where interrupted.

        `interrupted(steps since the last call)` is asked about every 50 ms.
        """
        steps, first = self.shape.steps, epoch * self.shape.steps
        order = permutations(subkeys(keys_of([self.member.key]), "order", epoch), self.shape.n_train)[0]
        rates = learning_rates(self.design, steps, first, steps)
        batches = self.rows.train[torch.from_numpy(order).to(self.vector.device)].split(self.shape.batch)
        signs: dict[str, np.ndarray] = {}
        losses, told, done = [], time.perf_counter(), 0
        for at, rows in enumerate(batches):
            losses.append(self._gradient(rows, first + at))
            last = at == steps - 1 and takes_signs(epoch + 1, steps)
            before = self.vector.clone() if last else self.vector
            if last:
                signs["gradient_norm"] = np.sqrt(self._squares(self.gradient))
            self.updater.step(self.gradient, float(rates[at]), first + at + 1)
            if last:
                signs["update_ratio"] = self._ratios(before)
            done += 1
            if time.perf_counter() - told > _REPORT_SECONDS or at == steps - 1:
                if interrupted(done):
                    return None
                told, done = time.perf_counter(), 0
        self.losses = torch.stack(losses).double().cpu().numpy()
        if self.mean is not None and averages(self.design, epoch + 1):
            take_into(self.mean.flat, self.vector, self.design, epoch + 1)
        for end, snapshot in self.snapshots:
            if epoch + 1 == end:
                snapshot.flat.copy_(self.vector)
        return signs

    def kept(self, epoch: int) -> Vector:
        """What is validated, and kept where it is best, after `epoch` (from 1)."""
        return self.mean if self.mean is not None and averages(self.design, epoch) else self.params

    def train_loss(self) -> np.ndarray:
        """Mean of the batch losses of the epoch just trained: float64 [1]."""
        with np.errstate(over="ignore", invalid="ignore"):  # a diverging member's sum is the answer
            return np.array([self.losses.sum() / self.shape.steps])

    def _gradient(self, rows: Tensor, number: int) -> Tensor:
        """∂(mean loss) of a batch into `gradient`; the loss."""
        seen = self.disturber.disturb(self.rows.x[rows], number)
        step = TrainingStep(self.design, self.member.key, number, seen.factors)
        with torch.enable_grad():
            x = seen.x.requires_grad_() if self.moves else seen.x
            loss = self._loss(x, seen, rows, step)
            if self.moves:
                (slope,) = torch.autograd.grad(loss, x, retain_graph=True)
                moved = x.detach() + self.design.adversarial * slope.sign() * self.numeric
                loss = 0.5 * (loss + self._loss(moved, seen, rows, step))
            self.leaves.gradient(loss, self.gradient)
        step.collect(self.vector)
        if self.design.norm == "batch" and self.design.norm_place == "before":
            # Batch norm takes off what a bias adds: its gradient is 0. Computed, it is rounding errors, which
            # Adam and RMSprop enlarge to steps.
            for block in self.layout.blocks[:-1]:
                block.biases_of(self.gradient).zero_()
        return loss.detach()

    def _loss(self, x: Tensor, seen: Disturbed, rows: Tensor, step: TrainingStep) -> Tensor:
        logits = forward(self.design, self.layout, self.leaves.tensor, x, step)
        found = self.rows.losses(self.design, logits, rows)
        if seen.share != 1.0:
            other = self.rows.losses(self.design, logits, rows.roll(-1, 0))
            found = seen.share * found + (1.0 - seen.share) * other
        return found.mean()

    def _ratios(self, before: Tensor) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return np.sqrt(self._squares(self.vector - before) / self._squares(before))

    def _squares(self, vector: Tensor) -> np.ndarray:
        """Squared norms of each layer's trained parameters: float64 [1, L + 1]."""
        parts = [vector[block.start : block.trained].double() for block in self.layout.blocks]
        return np.array([[float(part.dot(part)) for part in parts]])


class GeneralEvaluator:
    """One member on its validation rows: losses and signs of activations."""

    def __init__(self, trainer: GeneralTrainer) -> None:
        self.trainer, self.design = trainer, trainer.design
        self.layout: NetworkLayout = trainer.layout
        self.roster = Roster((trainer.member,))

    def validate(self, params: Vector, signs: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Validation loss float64 [1] of `params`, and the signs of activations where wanted."""
        rows, total = self.trainer.rows, np.zeros(1)
        taken: list[Tensor] = []
        most = min(_VALID_ROWS, self.layout.rows)
        first = min(PROBE_ROWS, most)
        for number, part in enumerate((rows.valid[:first], *rows.valid[first:].split(most))):
            probed = taken if signs and number == 0 else None
            logits = forward(self.design, self.layout, params.flat, rows.x[part], None, probed)
            total += float(rows.likelihoods(logits, part).double().sum())
        found = activation_signs([a[None] for a in taken], self.roster) if taken else {}
        return total / len(rows.valid), found
