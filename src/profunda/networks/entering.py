"""What stands between a network's inputs and its first layer, as a module."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.networks.bodies.module import BodyModule
from profunda.networks.layout import Front
from profunda.space.design import CODED, PERIODIC, WAVES

__all__ = ["Entering"]


class Entering(nn.Module):
    """Inputs [B, D] to the E numbers that enter the first layer: kept, periodic, looked up, what leaves the
    body, all times scales.

    Formulas and order are those of `networks.layout.Front`. In training each input is dropped with
    probability `drop`, a looked-up one with all of its numbers.
    """

    def __init__(
        self, front: Front, drop: float = 0.0, activation: nn.Module | None = None, drop_inside: float = 0.0
    ) -> None:
        super().__init__()
        self.body = BodyModule(front.body, activation or nn.ReLU(), drop_inside) if front.body.width else None
        n = len(front.waves)
        self.drop = drop
        self.kept, self.waves = list(front.kept), list(front.waves)
        self.places = [place for place, _ in front.codes]
        self.tables = nn.ParameterList(nn.Parameter(torch.randn(size, CODED)) for _, size in front.codes)
        if n:
            self.frequencies = nn.Parameter(torch.randn(n, WAVES))
            self.phases = nn.Parameter(torch.rand(n, WAVES) - 0.5)
            self.mixing = nn.Parameter((2.0 * torch.rand(n, WAVES, PERIODIC) - 1.0) / math.sqrt(WAVES))
            self.shifts = nn.Parameter(torch.zeros(n, PERIODIC))
        self.scales = nn.Parameter(torch.ones(front.width)) if front.scaled else None

    def tensors(self) -> list[Tensor]:
        """All parameters in the order of the flat vector."""
        waves = [self.frequencies, self.phases, self.mixing, self.shifts] if self.waves else []
        scales = [] if self.scales is None else [self.scales]
        return [*waves, *self.tables, *scales, *(self.body.tensors() if self.body is not None else [])]

    def forward(self, x: Tensor) -> Tensor:
        """What enters the first layer, [B, E]."""
        factor = functional.dropout(torch.ones_like(x), self.drop, self.training) if self.drop else None
        numbers = x if factor is None else x * factor
        parts = [numbers[:, self.kept]] if self.kept else []
        if self.waves:
            angles = numbers[:, self.waves].unsqueeze(2) * self.frequencies + self.phases
            mixed = torch.einsum("bnk,nkj->bnj", torch.cos(2.0 * math.pi * angles), self.mixing)
            parts.append((mixed + self.shifts).flatten(1))
        for place, table in zip(self.places, self.tables, strict=True):
            found = functional.embedding(x[:, place].long(), table)
            parts.append(found if factor is None else found * factor[:, place].unsqueeze(1))
        if self.body is not None:
            words = self.body.body.tokens is not None
            parts.append(self.body(x if words else numbers, factor))
        made = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        return made if self.scales is None else made * self.scales
