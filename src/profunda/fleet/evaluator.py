"""M stacked members on their validation rows: losses and signs of activations."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.losses import row_sums, validation_losses
from profunda.fleet.roster import Roster
from profunda.fleet.shape import Shape
from profunda.fleet.stack import Stack
from profunda.fleet.tables import Feed, Table, row_width
from profunda.fleet.vital_signs import activation_signs
from profunda.fleet.workspace import Workspace
from profunda.vitals.signs import PROBE_ROWS

__all__ = ["Evaluator"]


class Evaluator:
    """Forward passes without dropout, PROBE_ROWS rows at a time so that memory is bounded."""

    def __init__(self, shape: Shape, roster: Roster, tables: Sequence[Table], like: Tensor) -> None:
        self.shape, self.roster, self.feed, self.like = shape, roster, Feed(tables), like
        self.spaces = {
            rows: Workspace(shape, roster, rows, like, training=False)
            for rows in {min(PROBE_ROWS, shape.n_valid), shape.n_valid % PROBE_ROWS} - {0}
        }
        self.rows = np.stack([table.valid for table in tables])
        self.kept: tuple[Tensor, Tensor, Tensor | None] | None = None

    def validate(self, params: Stack, signs: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Validation loss float64 [M] of `params`, and the signs of activations where wanted."""
        found: dict[str, np.ndarray] = {}
        total = np.zeros(len(self.roster))
        for at, logits, labels, share, space in self._evaluate(params):
            if signs and at == 0 and space.a_rows:
                found = activation_signs(space.a_rows, self.roster)
            total += row_sums(validation_losses(logits, labels, self.shape, share).flatten(1))
        return total / self.shape.n_valid, found

    def _evaluate(self, params: Stack) -> "Iterator[tuple[int, Tensor, Tensor, Tensor | None, Workspace]]":
        for at in range(0, self.shape.n_valid, PROBE_ROWS):
            x, labels, share = self._valid_rows(at)
            space = self.spaces[x.shape[1]]
            yield at, space.forward(params, x), labels, share, space

    def _valid_rows(self, at: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Inputs, labels and shares of the validation rows from `at` on; kept where they are all there is."""
        if self.kept is not None:
            return self.kept
        rows, like = self.rows[:, at : at + PROBE_ROWS], self.like
        x = torch.empty(*rows.shape, row_width(self.shape.n_features), dtype=like.dtype, device=like.device)
        x = self.feed.inputs(rows, x)[:, :, : self.shape.n_features + 1]
        share = self.feed.outputs(rows, "share") if self.shape.masked else None
        found = (x, self.feed.outputs(rows, "labels"), share)
        if self.shape.n_valid <= PROBE_ROWS:
            self.kept = found
        return found
