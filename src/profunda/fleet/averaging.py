"""Stochastic weight averaging (Izmailov et al. 2018, arXiv:1803.05407): the mean of late epochs' weights."""

import math

from torch import Tensor

from profunda.space.design import Design

__all__ = ["averages", "take_into"]

_FROM = 0.75


def _first(design: Design) -> int:
    return max(1, math.ceil(_FROM * design.epochs))


def averages(design: Design, epoch: int) -> bool:
    """Whether what is validated and kept after `epoch` (from 1) is a mean."""
    return design.averaging and epoch >= _first(design)


def take_into(mean: Tensor, vector: Tensor, design: Design, epoch: int) -> None:
    """`vector` [P] at the end of `epoch` into the mean of all since the first averaged one, in place."""
    count = epoch - _first(design) + 1
    if count == 1:
        mean.copy_(vector)
    else:
        mean.add_((vector - mean) / count)
