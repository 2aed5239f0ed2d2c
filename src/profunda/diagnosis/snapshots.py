"""Weights and buffers as they stood at a few steps: looks that would slow training down are made later."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

__all__ = ["Snapshot", "Snapshots"]

MOST, BYTES = 12, 256 * 2**20
"""How many, and how large all of them may be together; the first is kept whatever its size."""


@dataclass(frozen=True)
class Snapshot:
    """Detached copies, on their device, of all parameters and buffers after `step` optimiser steps."""

    step: int
    state: tuple[tuple[str, Tensor], ...]


class Snapshots:
    """One before the first step; then at ends of epochs, `every` so many steps, or at powers of two where
    that is 0. When there are too many every second one goes, and so does every second later one.
    """

    def __init__(self, model: nn.Module, every: int) -> None:
        self.model, self.every = model, every
        self.kept: list[Snapshot] = []
        self.following = every or 1
        size = sum(each.numel() * each.element_size() for each in model.parameters() if not is_lazy(each))
        self.most = max(1, min(MOST, BYTES // max(1, size)))

    def begin(self) -> None:
        """The first one; lazy modules have nothing yet to be kept."""
        if not any(is_lazy(each) for each in self.model.parameters()):
            self._keep(0)

    def take(self, step: int) -> None:
        """Keep the weights after `step` steps, which is `following`, and say when to come again."""
        if self.most > 1:
            self._keep(step)
        if len(self.kept) > self.most > 1:
            self.kept = [self.kept[0], *self.kept[2::2]]
            self.every *= 2
        self.following = (step // self.every + 1) * self.every if self.every else 2 * step

    @torch.no_grad()
    def _keep(self, step: int) -> None:
        both = (*self.model.named_parameters(), *self.model.named_buffers())
        self.kept.append(Snapshot(step, tuple((name, each.detach().clone()) for name, each in both)))
