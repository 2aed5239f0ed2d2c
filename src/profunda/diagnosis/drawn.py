"""Whether weights are still those of a draw: number by number, with nothing learnt in them.

What is learnt lies in a few directions. The largest singular value of a matrix of n by k independent numbers
of mean 0 and spread s comes to s (√n + √k) (Yin, Bai and Krishnaiah 1988), and rarely lies far above; that
of an orthogonal draw is smaller. Directions that training adds stand out.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["looks_drawn"]

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


@torch.no_grad()
def _over_edge(matrix: Tensor) -> float:
    few = matrix[:MOST, :MOST].double().cpu()
    spread = float(few.square().mean()) ** 0.5
    if not 0.0 < spread < float("inf"):
        return float("inf")
    largest = float(torch.linalg.matrix_norm(few, 2))
    return largest / (spread * (few.shape[0] ** 0.5 + few.shape[1] ** 0.5))
