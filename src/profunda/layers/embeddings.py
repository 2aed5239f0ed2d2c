"""Numbers as several numbers each: x [B, D] to [B, D·k], every input by itself."""

import math

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError

__all__ = ["PeriodicEmbedding", "PiecewiseLinearEmbedding", "QuantileEmbedding", "quantile_edges"]


class PeriodicEmbedding(nn.Module):
    """PBLD: waves cos(2π(w x + b)) of each input, mixed linearly, with the input itself beside them.

    [B, D] → [B, D·(1 + outputs)]: for input i the numbers x_i, then c_i + V_iᵀ cos(2π(w_i x_i + b_i)), in
    which w ~ N(0, scale²), b ~ U(−½, ½) in whole waves, V ~ U(±1/√waves) and c = 0 at the start; all are
    trained. Gorishniy, Rubachev and Babenko (2022), section 3.3, for periodic embeddings; Holzmüller,
    Grinsztajn and Steinwart (2024), section 3, for this form ("periodic bias linear dense") with 16 waves and
    4 numbers an input.
    """

    def __init__(self, features: int, scale: float = 0.1, *, waves: int = 16, outputs: int = 3) -> None:
        super().__init__()
        if not 0.0 < scale < math.inf:
            raise ArgumentError(f"scale = {scale} gives no waves: it must be above 0 and finite.")
        bound = waves**-0.5
        self.frequencies = nn.Parameter(torch.randn(features, waves) * scale)
        self.phases = nn.Parameter(torch.rand(features, waves) - 0.5)
        self.mixing = nn.Parameter((2.0 * torch.rand(features, waves, outputs) - 1.0) * bound)
        self.shifts = nn.Parameter(torch.zeros(features, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Each input and its waves."""
        waves = torch.cos(2.0 * math.pi * (x.unsqueeze(-1) * self.frequencies + self.phases))
        mixed = torch.einsum("bdk,dko->bdo", waves, self.mixing) + self.shifts
        return torch.cat([x.unsqueeze(-1), mixed], dim=-1).flatten(1)


def quantile_edges(x: Tensor, bins: int) -> list[Tensor]:
    """For each of the D inputs of the training rows x [N, D] the distinct quantiles that bound `bins` equally
    full bins, rising; missing values play no part.

    Raises ArgumentError for an input without two different values, and for fewer than one bin.
    """
    if bins < 1:
        raise ArgumentError(f"{bins} bins hold nothing: ask for at least 1.")
    levels = torch.linspace(0.0, 1.0, bins + 1, dtype=torch.float64)
    found = []
    for place, column in enumerate(x.double().unbind(1)):
        known = column[~column.isnan()]
        edges = torch.quantile(known, levels).unique() if len(known) else known
        if len(edges) < 2:
            raise ArgumentError(
                f"Input {place} has fewer than two different values in the {len(x)} rows, so no bins: leave "
                "it out."
            )
        found.append(edges.to(x.dtype))
    return found


class _Edges(nn.Module):
    """Edges [D, T + 1] of up to T bins an input, padded by the last edge; kept, not trained."""

    edges: Tensor
    counts: Tensor

    def __init__(self, edges: list[Tensor]) -> None:
        super().__init__()
        longest = max(map(len, edges))
        padded = [torch.cat([each, each[-1:].expand(longest - len(each))]) for each in edges]
        self.register_buffer("edges", torch.stack(padded))
        self.register_buffer("counts", torch.tensor([len(each) - 1 for each in edges]))

    @property
    def width(self) -> int:
        """How many numbers come out for one row."""
        return int(self.counts.sum())


class PiecewiseLinearEmbedding(_Edges):
    """How far x_i has come through each of its bins: 0 before, 1 behind, the part in between inside.

    [B, D] → [B, Σ T_i], T_i the bins of input i. The first bin goes on below the lowest edge and the last
    above the highest (Gorishniy, Rubachev and Babenko 2022, eq. 1). `edges` as of `quantile_edges`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The place in every bin."""
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        bins = torch.arange(low.shape[1], device=x.device)
        real = bins < self.counts[:, None]
        place = (x.unsqueeze(-1) - low) / torch.where(real, high - low, torch.ones_like(low))
        held = torch.where(bins == 0, place, place.clamp_min(0.0))
        held = torch.where(bins == self.counts[:, None] - 1, held, held.clamp_max(1.0))
        return held[:, real]


class QuantileEmbedding(_Edges):
    """The rank of x_i among the training rows, from −1 to 1, linear between the edges: [B, D] → [B, D].

    `edges` as of `quantile_edges`; beyond them the ends hold. A value that is twice as common takes twice as
    much of the range, so outliers lose their reach.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The rank of each input."""
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        real = torch.arange(low.shape[1], device=x.device) < self.counts[:, None]
        place = (x.unsqueeze(-1) - low) / torch.where(real, high - low, torch.ones_like(low))
        passed = torch.where(real, place.clamp(0.0, 1.0), torch.zeros_like(place)).sum(-1)
        return 2.0 * passed / self.counts - 1.0
