"""Optimiser steps over all parameters of a pack at once; formulas and constants are those of torch.optim."""

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.roster import Roster
from profunda.fleet.stack import Stack

__all__ = ["Optimiser"]

_BETAS, _EPS, _ALPHA = (0.9, 0.999), 1e-8, 0.99
_CLIP_EPS = 1e-6


class Optimiser:
    """Updates a Stack in place. All members of a pack share the rule, each has its own rates."""

    def __init__(
        self, rule: str, roster: Roster, params: Stack, gradients: Stack, moments: list[Stack]
    ) -> None:
        self.roster = roster
        self._move = {"adam": self._adam, "sgd": self._sgd, "rmsprop": self._rmsprop}[rule]
        self.params, self.gradients, self.moments = params, gradients, moments
        self.move = Stack(params.shape, params.members, params.flat.dtype, str(params.flat.device))
        self.l1, self.l2, self.momentum, self.clip = (
            self._column(roster.vector(field)) for field in ("l1", "l2", "momentum", "clip")
        )
        self.decay = self.l2 * self._column(roster.vector("decoupled"))

    def _column(self, values: np.ndarray) -> Tensor:
        like = self.params.flat
        return torch.as_tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)

    def step(self, lr: Tensor, number: int) -> None:
        """Step `number` (from 1) with learning rates `lr` [M, 1, 1]."""
        for part in self.roster.clips:
            self._shorten(part)
        for part in self.roster.coupled:
            pairs = zip(self.gradients.weights(part), self.params.weights(part), strict=True)
            for gradient, weight in pairs:
                gradient.add_(weight * self.l2[part])
        if self.roster.decays:
            keep = 1.0 - lr * self.decay
            for weight in self.params.weights(slice(None)):
                weight.mul_(keep)
        self._move(number)
        for target, move in zip(self.params.trained, self.move.trained, strict=True):
            target.addcmul_(move, lr)
        for part in self.roster.l1:
            limit = lr[part] * self.l1[part]
            for weight in self.params.weights(part):
                weight.sub_(torch.clamp(weight, -limit, limit))

    def _shorten(self, part: slice) -> None:
        """g ← g·min(1, clip / (‖g‖ + 1e-6)), as `torch.nn.utils.clip_grad_norm_`; ‖g‖ in float64."""
        blocks = [block[part] for block in self.gradients.trained]
        wide = torch.float64
        norms = [torch.linalg.vector_norm(block.flatten(1), dim=1, dtype=wide) for block in blocks]
        norm = torch.linalg.vector_norm(torch.stack(norms, 1), dim=1).view(-1, 1, 1)
        factor = (self.clip[part] / (norm + _CLIP_EPS)).clamp_(max=1.0).to(self.clip.dtype)
        for block in blocks:
            block.mul_(factor)

    def _adam(self, number: int) -> None:
        # Fused: one pass over memory instead of nine. Rates differ by member, so it moves zeros by rate 1.
        self.move.flat.zero_()
        torch._fused_adam_(
            [self.move.flat],
            [self.gradients.flat],
            [self.moments[0].flat],
            [self.moments[1].flat],
            [],
            [torch.full((), float(number), device=self.move.flat.device)],
            lr=1.0,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            weight_decay=0.0,
            eps=_EPS,
            amsgrad=False,
            maximize=False,
        )

    def _sgd(self, number: int) -> None:
        for buffer, gradient, move in zip(
            self.moments[0].trained, self.gradients.trained, self.move.trained, strict=True
        ):
            buffer.mul_(self.momentum).add_(gradient)
            torch.neg(buffer, out=move)

    def _rmsprop(self, number: int) -> None:
        squares, gradient, move = self.moments[0].flat, self.gradients.flat, self.move.flat
        squares.mul_(_ALPHA).addcmul_(gradient, gradient, value=1.0 - _ALPHA)
        torch.sqrt(squares, out=move).add_(_EPS)
        torch.div(gradient, move, out=move).neg_()
