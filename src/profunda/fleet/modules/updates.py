"""Optimiser steps on the flat parameters of M members at once; formulas and constants are torch.optim's."""

from collections.abc import Sequence

import torch
from torch import Tensor

from profunda.fleet.modules.members import ModuleMember

__all__ = ["FlatOptimiser"]

_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8
_CLIP_EPS = 1e-6


class FlatOptimiser:
    """Moves `flat` [M, P] in place. The order of a step: clipping, decay, the optimiser's move.

    As in torch.optim, "sgd" and "adam" add weight_decay · θ to the gradient, and "adamw" takes
    lr · weight_decay · θ off the parameters (Loshchilov and Hutter 2019); all trained parameters decay.
    """

    def __init__(self, rule: str, members: Sequence[ModuleMember], flat: Tensor) -> None:
        self.rule, self.flat = rule, flat
        self.decay, self.momentum, self.clip = (
            flat.new_tensor([getattr(member, name) for member in members]).view(-1, 1)
            for name in ("weight_decay", "momentum", "clip")
        )
        self.moments = [torch.zeros_like(flat) for _ in range(1 if rule == "sgd" else 2)]
        self.move = torch.zeros_like(flat)
        self.decays, self.clips = bool(self.decay.any()), bool(self.clip.any())

    def keep(self, which: Tensor, flat: Tensor) -> None:
        """Go on with the members `which` [M'] alone, whose parameters are now `flat` [M', P]."""
        self.flat, self.move = flat, self.move[which]
        self.decay, self.momentum, self.clip = self.decay[which], self.momentum[which], self.clip[which]
        self.moments = [moment[which] for moment in self.moments]

    def step(self, gradient: Tensor, rates: Tensor, number: int) -> None:
        """Step `number` (from 1) with rates `rates` [M, 1] on `gradient` [M, P], which is used up."""
        if self.clips:
            self._shorten(gradient)
        if self.decays and self.rule == "adamw":
            self.flat.mul_(1.0 - rates * self.decay)
        elif self.decays:
            gradient.addcmul_(self.flat, self.decay)
        if self.rule == "sgd":
            self.moments[0].mul_(self.momentum).add_(gradient)
            self.flat.addcmul_(self.moments[0], rates, value=-1.0)
        else:
            self._adam(gradient, number)
            self.flat.addcmul_(self.move, rates)

    def _shorten(self, gradient: Tensor) -> None:
        """g ← g·min(1, clip / (‖g‖ + 1e-6)), as `torch.nn.utils.clip_grad_norm_`; clip 0 leaves it."""
        norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True, dtype=torch.float64)
        factor = (self.clip / (norm + _CLIP_EPS)).clamp_(max=1.0)
        gradient.mul_(torch.where(self.clip > 0, factor, 1.0).to(gradient.dtype))

    def _adam(self, gradient: Tensor, number: int) -> None:
        # Fused: one pass over memory instead of nine. Rates differ by member, so it moves zeros by rate 1.
        self.move.zero_()
        torch._fused_adam_(
            [self.move],
            [gradient],
            [self.moments[0]],
            [self.moments[1]],
            [],
            [torch.full((), float(number))],
            lr=1.0,
            beta1=_BETA1,
            beta2=_BETA2,
            weight_decay=0.0,
            eps=_EPS,
            amsgrad=False,
            maximize=False,
        )
