"""Whether weights are still those of a draw: number by number, with nothing learnt in them.

What is learnt lies in a few directions. The largest singular value of a matrix of n by k independent numbers
of mean 0 and spread s comes to s (√n + √k) (Yin, Bai and Krishnaiah 1988), and rarely lies far above; that
of an orthogonal draw is smaller. Directions that training adds stand out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["LEAST", "looks_begun", "looks_drawn", "looks_uniform"]

EDGE = 1.15
"""Largest singular value over s (√n + √k) up to which a matrix counts as drawn: chance moves it by 6 % at
16 by 16, by less the larger it is (Johnstone 2001)."""

LEAST, MOST = 256, 512
"""Numbers that a matrix must have to tell, and rows or columns of it that are looked at."""


def looks_drawn(matrices: Sequence[Tensor]) -> bool:
    """Whether none of these has a direction that stands out, and at least one could show it.

    >>> looks_drawn([torch.randn(32, 32, generator=torch.Generator().manual_seed(0))])
    True
    """
    found = [_over_edge(one.flatten(1)) for one in matrices if one.numel() >= LEAST]
    return bool(found) and max(found) <= EDGE


FLAT = (1.55, 1.9)
"""Largest number over the root mean square: √3 of a uniform law, 2.4 and more of a normal one with 72
numbers; steps push some of those at the edge beyond it."""

ENOUGH = 32
"""Numbers from which on chance moves that quotient by less than a tenth."""


def looks_uniform(matrices: Sequence[Tensor]) -> bool:
    """Whether all of these, too small as they may be for `looks_drawn`, are as torch's own layers draw them.

    >>> looks_uniform([torch.rand(8, 9, generator=torch.Generator().manual_seed(0)) - 0.5])
    True
    """
    known = [one.detach().double() for one in matrices if one.numel() >= ENOUGH]
    found = [float(one.abs().max() / one.square().mean().sqrt().clamp(min=1e-300)) for one in known]
    return bool(found) and all(FLAT[0] <= one <= FLAT[1] for one in found)


EDGES, SURE = (0.85, 1.0 + 1e-5), 64
"""Largest number times √n, of the first numbers of torch's own dense layers and convolutions with n inputs,
which lie evenly between ±1/√n. Of so many numbers some are beyond 0.85, but once in 30,000 draws, and a step
pushes some of those beyond the edge."""


@torch.no_grad()
def looks_begun(matrices: Sequence[Tensor]) -> bool:
    """Whether all of these fill the range of torch's own first weights, and none goes beyond it.

    >>> looks_begun([torch.nn.Conv1d(2, 16, 5).weight])
    True
    """
    found = [float(one.abs().max()) * one[0].numel() ** 0.5 for one in matrices if one.numel() >= SURE]
    return bool(found) and all(EDGES[0] <= one <= EDGES[1] for one in found)


@torch.no_grad()
def _over_edge(matrix: Tensor) -> float:
    few = matrix[:MOST, :MOST].double().cpu()
    spread = float(few.square().mean()) ** 0.5
    if not 0.0 < spread < float("inf"):
        return float("inf")
    largest = float(torch.linalg.matrix_norm(few, 2))
    return largest / (spread * (few.shape[0] ** 0.5 + few.shape[1] ** 0.5))
