"""M stacked members through whole epochs: batches, steps, validation, signs; who ends is not decided here."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import permutations, subkeys
from profunda.fleet.losses import TrainingLoss, row_sums
from profunda.fleet.optimisers import Optimiser
from profunda.fleet.roster import Roster
from profunda.fleet.schedules import learning_rates
from profunda.fleet.shape import Shape
from profunda.fleet.stack import Stack
from profunda.fleet.tables import Feed, Table, row_width
from profunda.fleet.vital_signs import gradient_norms, update_ratios
from profunda.fleet.workspace import Workspace
from profunda.vitals.signs import takes_signs

__all__ = ["Trainer"]

_BLOCK_BYTES = 4 << 20
"""Gathered at a time: many steps of small members, so that gathering costs little a step."""

_REPORT_SECONDS = 0.05


class Trainer:
    """Buffers of M members of one Shape, and the epochs run in them."""

    def __init__(
        self, shape: Shape, roster: Roster, tables: Sequence[Table], params: Stack, moments: list[Stack]
    ) -> None:
        self.shape, self.roster, self.feed = shape, roster, Feed(tables)
        self.params, self.moments = params, moments
        like = params.flat
        self.gradients = Stack(shape, len(roster), like.dtype, str(like.device))
        self.optimiser = Optimiser(shape.optimiser, roster, params, self.gradients, moments)
        self.spaces = {
            rows: Workspace(shape, roster, rows, like, training=True)
            for rows in {shape.batch, shape.tail} - {0}
        }
        self.losses = {rows: TrainingLoss(roster, shape, space.logits) for rows, space in self.spaces.items()}
        self.train_rows = [table.train for table in tables]

    def train_epoch(self, epoch: int, interrupted: Callable[[int], bool]) -> dict[str, np.ndarray] | None:
        """All steps of `epoch` (from 0): the signs of weights on the way, None where interrupted.

        `interrupted(steps since the last call)` is asked about every 50 ms.
        """
        shape, first = self.shape, epoch * self.shape.steps
        order = permutations(subkeys(self.roster.keys, "order", epoch), shape.n_train).astype(np.int32)
        rates = self._rates(first)
        keys = self.spaces[shape.batch].mask_keys(first, shape.steps)
        signs: dict[str, np.ndarray] = {}
        before = self.params.flat
        told, done = time.perf_counter(), 0
        for at, x, target, weight, share in self._batches(order):
            last = at == shape.steps - 1 and takes_signs(epoch + 1, shape.steps)
            self._gradient(x, target, weight, share, keys[at])
            if last:
                signs["gradient_norm"] = gradient_norms(self.gradients)
                before = self.params.flat.clone()
            self.optimiser.step(rates[at], first + at + 1)
            if last:
                signs["update_ratio"] = update_ratios(self.params, before)
            done += 1
            if time.perf_counter() - told > _REPORT_SECONDS or at == shape.steps - 1:
                if interrupted(done):
                    return None
                told, done = time.perf_counter(), 0
        return signs

    def _rates(self, first: int) -> Tensor:
        steps = self.shape.steps
        rates = np.stack([learning_rates(m.design, steps, first, steps) for m in self.roster.members], axis=1)
        like = self.params.flat
        return torch.as_tensor(rates, dtype=like.dtype, device=like.device).view(steps, -1, 1, 1)

    def _batches(
        self, order: np.ndarray
    ) -> "Iterator[tuple[int, Tensor, Tensor, Tensor | None, Tensor | None]]":
        """(step, x [M, B, D + 1], target [M, C, B], weight, share) of an epoch, gathered by blocks."""
        shape, like = self.shape, self.params.flat
        width = row_width(shape.n_features)
        bytes_per_step = len(self.roster) * shape.batch * width * like.element_size()
        per_block = max(1, _BLOCK_BYTES // bytes_per_step)
        for start in range(0, shape.steps, per_block):
            rows = np.stack(
                [
                    train[own[start * shape.batch : (start + per_block) * shape.batch]]
                    for train, own in zip(self.train_rows, order, strict=True)
                ]
            )
            x = torch.empty(*rows.shape, width, dtype=like.dtype, device=like.device)
            self.feed.inputs(rows, x)
            target = self.feed.outputs(rows, "target")
            weight = self.feed.outputs(rows, "weight") if shape.weighted else None
            share = self.feed.outputs(rows, "share") if shape.masked else None
            for step in range(min(per_block, shape.steps - start)):
                part = slice(step * shape.batch, min((step + 1) * shape.batch, rows.shape[1]))
                inputs = x[:, part, : shape.n_features + 1]
                w, s = (None if one is None else one[:, :, part] for one in (weight, share))
                yield start + step, inputs, target[:, :, part], w, s

    def _gradient(
        self, x: Tensor, target: Tensor, weight: Tensor | None, share: Tensor | None, keys: np.ndarray
    ) -> None:
        space, loss = self.spaces[x.shape[1]], self.losses[x.shape[1]]
        x = space.drop_inputs(x, keys)
        logits = space.forward(self.params, x, keys)
        space.backward(self.params, self.gradients, x, loss.derivative(logits, target, weight, share))

    def kept(self, epoch: int) -> Stack:
        """What is validated, and kept where it is best, after `epoch` (from 1): the weights themselves."""
        return self.params

    def train_loss(self) -> np.ndarray:
        """Mean of the batch losses of the epoch just trained: float64 [M]."""
        total = np.zeros(len(self.roster))
        for loss in self.losses.values():
            total += row_sums(loss.take())
        return total / self.shape.steps
