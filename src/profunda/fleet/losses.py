"""Losses of stacked outputs [M, C, B] and their derivatives."""

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.roster import Roster

__all__ = ["TrainingLoss", "row_sums", "validation_losses"]


class TrainingLoss:
    """Loss and derivative of one batch size; losses add up over the batches of an epoch in `total` [M, C, B].

    Classes: cross-entropy with smoothed targets. Numbers: r², or Huber's 2|r| − 1 beyond 1. A row's weight
    multiplies its loss.
    """

    def __init__(self, roster: Roster, classes: bool, logits: Tensor) -> None:
        self.roster, self.classes, self.rows = roster, classes, logits.shape[2]
        self.total, self.product = torch.zeros_like(logits), torch.zeros_like(logits)
        self.log_p, self.d = torch.zeros_like(logits), torch.zeros_like(logits)
        smoothing = torch.as_tensor(
            roster.vector("label_smoothing"), dtype=logits.dtype, device=logits.device
        )
        self.keep = (1.0 - smoothing).view(-1, 1, 1)
        self.spread = (smoothing / logits.shape[1]).view(-1, 1, 1)

    def derivative(self, logits: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
        """∂(mean loss)/∂outputs [M, C, B]; `target` [M, C, B], `weight` None or [M, 1, B]."""
        if self.classes:
            self._classes(logits, target)
        else:
            self._numbers(logits, target)
        if weight is not None:
            self.product.mul_(weight)
            self.d.mul_(weight)
        self.total.add_(self.product)
        return self.d.mul_(1.0 / self.rows)

    def _classes(self, logits: Tensor, target: Tensor) -> None:
        if self.roster.smoothing:
            target = target.clone()
            for part in self.roster.smoothing:
                target[part] = target[part].mul_(self.keep[part]).add_(self.spread[part])
        torch.log_softmax(logits, 1, out=self.log_p)
        torch.mul(self.log_p, target, out=self.product)
        self.product.neg_()
        torch.softmax(logits, 1, out=self.d)
        self.d.sub_(target)

    def _numbers(self, logits: Tensor, target: Tensor) -> None:
        r = torch.sub(logits, target, out=self.log_p)
        for huber, part in self.roster.huber:
            if huber:
                size = r[part].abs()
                inside = size.clamp(max=1.0)
                torch.mul(inside, 2.0 * size - inside, out=self.product[part])
                torch.clamp(r[part], -1.0, 1.0, out=self.d[part]).mul_(2.0)
            else:
                torch.mul(r[part], r[part], out=self.product[part])
                torch.mul(r[part], 2.0, out=self.d[part])

    def take(self) -> Tensor:
        """Mean losses of the batches since the last call: [M, C × B], which the caller adds up."""
        taken = (self.total / self.rows).flatten(1)
        self.total.zero_()
        return taken


def validation_losses(logits: Tensor, target: Tensor, classes: bool) -> Tensor:
    """Likelihood loss of each row, [M, C', B]; `target` [M, 1, B] class codes or [M, C, B]."""
    if classes:
        return -torch.log_softmax(logits, 1).gather(1, target)
    r = logits - target
    return r * r


def row_sums(values: Tensor) -> np.ndarray:
    """Row sums in float64; numpy adds each row by itself, whatever the number of rows."""
    # A diverging member may sum infinities of both signs: its NaN is the answer, not a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        return values.cpu().numpy().astype(np.float64).sum(axis=1)
