"""Optimiser steps of one member on its flat vector, with every penalty and rate that a Design can say.

The formulas of the optimisers are those of torch.optim; the order of a step is: clipping, coupled penalties,
decoupled decay, the optimiser's move, proximal steps, the limit of norms, lookahead. A proximal step (Parikh
and Boyd 2014, "Proximal algorithms", §4.2 and §6) has the rate of each parameter, its pace included.
"""

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.paces import paces, weight_pace
from profunda.fleet.state import MOMENTS
from profunda.networks.layout import NetworkLayout
from profunda.space.design import Design

__all__ = ["LOOKAHEAD_STEPS", "Updater"]

_BETA1, _EPS, _ALPHA = 0.9, 1e-8, 0.99
_CLIP_EPS = 1e-6
LOOKAHEAD_STEPS, _LOOKAHEAD_SHARE = 5, 0.5
"""Zhang, Lucas, Hinton and Ba (2019), "Lookahead optimizer", arXiv:1907.08610: k and α."""


class Updater:
    """Moves `vector` [P] in place; `moments` are those of the state, the optimiser's first."""

    def __init__(self, design: Design, layout: NetworkLayout, vector: Tensor, moments: list[Tensor]) -> None:
        self.design, self.layout, self.vector = design, layout, vector
        self._direction = {"adam": self._adam, "sgd": self._sgd, "rmsprop": self._rmsprop}[design.optimiser]
        own = MOMENTS[design.optimiser]
        self.moments, self.slow = moments[:own], moments[own] if design.lookahead else None
        pace = paces(design, layout)
        self.pace = self._like(pace)
        # Where a rate stands for another size of the parameter, ε stands beside a gradient of that size.
        eps = np.full(layout.size, _EPS)
        inside = [place for place in layout.front.places if place.slot.role == "weights"]
        for block in (*layout.blocks, *inside):
            block.weights_of(eps)[:] = _EPS / weight_pace(design, block.fan_in)
        layout.heads_of(eps)[:, :-1] = _EPS / weight_pace(design, layout.blocks[-1].fan_in)
        self.eps = self._like(eps)
        self.weights = [(block, block.weights_of(vector)) for block in layout.blocks]
        self.shrunk = [
            (block, block.weights_of(vector), float(block.weights_of(pace).flat[0]))
            for block in layout.penalised
        ]
        self.heads = layout.heads_of(vector)
        self.head_l2 = (
            layout.heads_of(self.pace) * design.head_l2 if design.head_l2 and layout.tasks else None
        )
        self.trained = torch.as_tensor(pace > 0, device=vector.device) if design.lookahead else None
        self.group = self._groups() if design.group_lasso else None
        # All that reads what enters the first layer, each [·, E, ·].
        self.readers = [self.weights[0][1][None]]
        if len(self.weights) == 1:
            self.readers.append(self.heads[:, :-1])

    def _like(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=self.vector.dtype, device=self.vector.device)

    def _groups(self) -> Tensor:
        """The group of each row of the first layer, numbered densely: [E]."""
        _, group = np.unique(self.layout.front.columns, return_inverse=True)
        return torch.as_tensor(group.reshape(-1), device=self.vector.device)

    def step(self, gradient: Tensor, rate: float, number: int) -> None:
        """Step `number` (from 1) with learning rate `rate` on `gradient` [P], which is used up."""
        design = self.design
        if design.clip:
            norm = torch.linalg.vector_norm(gradient, dtype=torch.float64)
            gradient.mul_((design.clip / (norm + _CLIP_EPS)).clamp_(max=1.0).to(gradient.dtype))
        self._penalise(gradient)
        if design.l2 and design.decoupled:
            for _, weights, _ in self.shrunk:
                weights.mul_(1.0 - rate * design.l2)
        self.vector.addcmul_(self._direction(gradient, number), self.pace, value=-rate)
        self._threshold(rate)
        if self.head_l2 is not None:
            # The proximal step of ½·head_l2·‖(U, c)‖²: behind the move, so that ∞ leaves nothing of it.
            self.heads.div_(1.0 + rate * self.head_l2)
        if self.group is not None:
            self._threshold_groups(self.group, rate)
        if design.max_norm:
            self._limit()
        if self.slow is not None and self.trained is not None and number % LOOKAHEAD_STEPS == 0:
            ahead = torch.where(self.trained, self.vector - self.slow, 0.0)
            self.slow.add_(ahead, alpha=_LOOKAHEAD_SHARE)
            self.vector.copy_(torch.where(self.trained, self.slow, self.vector))

    def _penalise(self, gradient: Tensor) -> None:
        design = self.design
        coupled, signed = design.l2 and not design.decoupled, design.l1 and design.l1_update == "subgradient"
        for block, weights, _ in self.shrunk if coupled or signed else ():
            own = block.weights_of(gradient)
            if coupled:
                own.add_(weights, alpha=design.l2)
            if signed:
                own.add_(weights.sign(), alpha=design.l1)

    def _threshold(self, rate: float) -> None:
        """w ← S(w, η·f·l1), the proximal step of l1·‖w‖₁."""
        design = self.design
        for _, weights, pace in self.shrunk if design.l1 and design.l1_update == "proximal" else ():
            limit = rate * pace * design.l1
            weights.sub_(weights.clamp(-limit, limit))

    def _threshold_groups(self, group: Tensor, rate: float) -> None:
        """W_g ← W_g·(1 − t_g/‖W_g‖)₊ with t_g = η·f·λ·√n_g (Yuan and Lin 2006, eq. 2.4).

        Where heads of tasks read what the first layer reads, a column's group is [W_g; U_g of all tasks]: it
        goes from the network when both go. n_g counts W_g alone: of a column that says nothing, the
        gradients of all U_g are together no longer than about that of W_g, however many tasks there are.
        """
        block = self.weights[0][0]
        count = int(group.max()) + 1
        sizes = torch.bincount(group, minlength=count) * block.fan_out
        strength = rate * weight_pace(self.design, block.fan_in) * self.design.group_lasso
        limits = strength * sizes.double().sqrt()
        norms = torch.zeros_like(limits)
        for part in self.readers:
            norms.index_add_(0, group, part.double().square().sum((0, 2)))
        norms.sqrt_()
        # A group within its limit goes; the ratio is then beside the point, and may be 0 / 0.
        factors = torch.where(norms > limits, 1.0 - limits / norms, 0.0)
        for part in self.readers:
            part.mul_(factors[group, None].to(part.dtype))

    def _limit(self) -> None:
        """Weights that enter a hidden unit to a norm of at most c."""
        limit = self.design.max_norm
        for _, weights in self.weights[:-1]:
            norms = torch.linalg.vector_norm(weights, dim=0, dtype=torch.float64)
            weights.mul_(torch.where(norms > limit, limit / norms, 1.0).to(weights.dtype))

    def _adam(self, gradient: Tensor, number: int) -> Tensor:
        first, second = self.moments
        beta2 = self.design.beta2
        first.lerp_(gradient, 1.0 - _BETA1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1.0 - beta2)
        spread = second.sqrt().div_((1.0 - beta2**number) ** 0.5).add_(self.eps)
        return torch.div(first, spread, out=spread).div_(1.0 - _BETA1**number)

    def _sgd(self, gradient: Tensor, number: int) -> Tensor:
        return self.moments[0].mul_(self.design.momentum).add_(gradient)

    def _rmsprop(self, gradient: Tensor, number: int) -> Tensor:
        squares = self.moments[0].mul_(_ALPHA).addcmul_(gradient, gradient, value=1.0 - _ALPHA)
        return gradient / squares.sqrt().add_(self.eps)
