"""Losses of stacked outputs [M, C, B] and their derivatives."""

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.roster import Roster
from profunda.fleet.shape import Shape

__all__ = ["TrainingLoss", "row_sums", "validation_losses"]


class TrainingLoss:
    """Loss and derivative of one batch size; losses add up over the batches of an epoch in `total` [M, C, B].

    Classes: cross-entropy with smoothed targets. Labels: that of each against its contrary. Numbers: r², or
    Huber's 2|r| − 1 beyond 1. A row's weight multiplies its loss, a target's share the loss of it.
    """

    def __init__(self, roster: Roster, shape: Shape, logits: Tensor) -> None:
        self.roster, self.shape, self.rows = roster, shape, logits.shape[2]
        self.total, self.product = torch.zeros_like(logits), torch.zeros_like(logits)
        self.log_p, self.d = torch.zeros_like(logits), torch.zeros_like(logits)
        smoothing = torch.as_tensor(
            roster.vector("label_smoothing"), dtype=logits.dtype, device=logits.device
        )
        self.keep = (1.0 - smoothing).view(-1, 1, 1)
        self.spread = (smoothing / (2 if shape.labels else logits.shape[1])).view(-1, 1, 1)
        self.pair = logits.new_zeros(len(logits), 2, logits[0].numel() if shape.labels else 0)

    def derivative(
        self, logits: Tensor, target: Tensor, weight: Tensor | None, share: Tensor | None = None
    ) -> Tensor:
        """∂(mean loss)/∂outputs [M, C, B]; `target` [M, C, B], `weight` None or [M, 1, B], `share` None or
        [M, C, B]."""
        if self.shape.classes:
            self._classes(logits, target)
        elif self.shape.labels:
            self._labels(logits, target)
        else:
            self._numbers(logits, target)
        if share is not None:
            self.product.mul_(share)
            self.d.mul_(share)
        if weight is not None:
            self.product.mul_(weight)
            self.d.mul_(weight)
        self.total.add_(self.product)
        return self.d.mul_(1.0 / self.rows)

    def _smoothed(self, target: Tensor) -> Tensor:
        if self.roster.smoothing:
            target = target.clone()
            for part in self.roster.smoothing:
                target[part] = target[part].mul_(self.keep[part]).add_(self.spread[part])
        return target

    def _classes(self, logits: Tensor, target: Tensor) -> None:
        target = self._smoothed(target)
        torch.log_softmax(logits, 1, out=self.log_p)
        torch.mul(self.log_p, target, out=self.product)
        self.product.neg_()
        torch.softmax(logits, 1, out=self.d)
        self.d.sub_(target)

    def _labels(self, logits: Tensor, target: Tensor) -> None:
        """A label is a class of two, the other's output being 0: the softmax of classes serves, whose bits do
        not depend on the number of members, as those of functions of single numbers do."""
        target = self._smoothed(target)
        self.pair[:, 1] = logits.flatten(1)
        log_p = torch.log_softmax(self.pair, 1).view(len(logits), 2, *logits.shape[1:])
        torch.mul(log_p[:, 1], target, out=self.product)
        self.product.addcmul_(log_p[:, 0], 1.0 - target).neg_()
        torch.sub(torch.softmax(self.pair, 1)[:, 1].view_as(logits), target, out=self.d)

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


def validation_losses(logits: Tensor, target: Tensor, shape: Shape, share: Tensor | None = None) -> Tensor:
    """Likelihood loss of each row, [M, C', B]; `target` [M, 1, B] class codes or [M, C, B], `share` None or
    [M, C, B]."""
    if shape.classes:
        return -torch.log_softmax(logits, 1).gather(1, target)
    if shape.labels:
        pair = torch.stack([torch.zeros_like(logits), logits], 1)
        log_p = torch.log_softmax(pair.flatten(2), 1).view_as(pair)
        losses = -torch.where(target > 0.5, log_p[:, 1], log_p[:, 0])
    else:
        r = logits - target
        losses = r * r
    return losses if share is None else losses * share


def row_sums(values: Tensor) -> np.ndarray:
    """Row sums in float64; numpy adds each row by itself, whatever the number of rows."""
    # A diverging member may sum infinities of both signs: its NaN is the answer, not a warning.
    with np.errstate(over="ignore", invalid="ignore"):
        return values.cpu().numpy().astype(np.float64).sum(axis=1)
