"""Which numbers can leave a network whatever its last layer gives, told by giving all kinds of numbers to
what stands behind that layer.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped
from profunda.diagnosis.copying import cloned
from profunda.diagnosis.tape import Node

__all__ = ["reach_of", "tail_of"]

SIZES = (1e2, 1e3)
"""Of what the layer gives; an end that lies further out with the larger ones is none."""

GROWS = 1.0
"""Growth of an end between these sizes from which it counts as open: a thousandth of what entered, and less
than what a logarithm grows by."""

ROWS = 32
"""Rows that are sent through: what enters the layer is not looked at, only what leaves it."""

DRAWS = 6
"""Of all magnitudes down to a millionth of the size, beside the size itself to either side."""


def tail_of(nodes: list[Node], ends: list[int]) -> str | None:
    """The layer behind which each operation up to the one output takes what the one before it gives, and
    there is one at least; None where there is no such tail.
    """
    if len(ends) != 1:
        return None
    at, shown = ends[0], 0
    while nodes[at].owner is None:
        if nodes[at].parametric or len(nodes[at].sources) != 1:
            return None
        shown += nodes[at].sort.shown
        at = nodes[at].sources[0]
    return nodes[at].owner if shown else None


@torch.no_grad()
def reach_of(own: nn.Module, layer: nn.Module, inputs: tuple[Any, ...]) -> tuple[float, float]:
    """Least and largest output of `own` in evaluation mode for any numbers that leave `layer`, infinite where
    there is no end; (nan, nan) where it is no layer that gives any numbers, or what it gives is not followed.
    """
    unknown = (math.nan, math.nan)
    if not isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
        return unknown
    inputs = _few(own, inputs)
    reached = [_between(own, layer, inputs, size) for size in SIZES]
    if any(one is None for one in reached):
        return unknown
    (low, high), (lower, higher) = (one for one in reached if one is not None)
    return (
        lower if abs(low - lower) < GROWS else -math.inf,
        higher if abs(higher - high) < GROWS else math.inf,
    )


def _few(own: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first rows of `inputs`, where the module takes so few: what enters does not matter."""
    few = tuple(mapped(one, lambda each: each[:ROWS] if each.ndim else each) for one in inputs)
    try:
        own(*cloned(few))
    except Exception:
        return inputs
    return few


def _between(
    own: nn.Module, layer: nn.Module, inputs: tuple[Any, ...], size: float
) -> tuple[float, float] | None:
    """The ends of what leaves `own` where numbers of up to `size` leave `layer`."""
    generator = torch.Generator().manual_seed(0)
    ends: list[float] = []
    for turn in range(DRAWS + 2):

        def given(part: nn.Module, entered: Any, left: Tensor, turn: int = turn) -> Tensor:
            if turn < 2:
                return torch.full_like(left, size if turn else -size)
            side = torch.randn(left.shape, generator=generator)
            far = torch.rand(left.shape, generator=generator)
            return (size * side * 10.0 ** (-6.0 * far)).to(left)

        handle = layer.register_forward_hook(given)
        try:
            left = own(*cloned(inputs))
        except Exception:
            return None
        finally:
            handle.remove()
        if not isinstance(left, Tensor) or not left.is_floating_point() or not left.numel():
            return None
        ends += [float(left.nan_to_num().min()), float(left.nan_to_num().max())]
    return min(ends), max(ends)
