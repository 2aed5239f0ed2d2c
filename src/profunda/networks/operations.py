"""What a forward pass costs in multiplications, counted without running it."""

from copy import deepcopy

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["multiply_adds"]


def multiply_adds(network: nn.Module, shape: tuple[int, ...]) -> int:
    """Multiply-adds of convolutions and matrix products for one input of `shape`, such as (3, 224, 224).

    Counted on torch's meta device in evaluation, so that the largest network takes a second and no memory;
    `network` stays as it is. Norms, activations and sums are not counted, as in the literature.
    """
    ghost = deepcopy(network).to("meta").eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        ghost(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops() // 2
