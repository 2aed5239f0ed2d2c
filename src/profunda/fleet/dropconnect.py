"""DropConnect (Wan et al. 2013): weights dropped instead of activations, one mask a step for all rows."""

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.masks import Masks
from profunda.fleet.roster import Roster
from profunda.fleet.shape import Shape
from profunda.fleet.stack import Stack

__all__ = ["DropConnect"]


class DropConnect:
    """Masked copies of the kernels that leave hidden units; the first leaves inputs and stays whole."""

    def __init__(self, shape: Shape, roster: Roster, like: Tensor) -> None:
        rates, everyone = roster.vector("dropout"), [slice(0, len(roster))]
        leads_to = (*shape.widths[1:], shape.n_outputs)
        self.masks = [
            Masks(rates, everyone, rows, rows, columns, like)
            for rows, columns in zip(shape.widths, leads_to, strict=True)
        ]
        # The output kernel lies transposed in a Stack.
        self.values = [masks.values for masks in self.masks]
        self.values[-1] = self.values[-1].transpose(1, 2)
        self.kernels = [torch.zeros_like(values) for values in self.values]

    def forward(self, stack: Stack, keys: np.ndarray) -> list[Tensor]:
        """All kernels of one step; `keys` uint64 [L + 1, M], one for each kernel (the first is not used)."""
        for number, masks in enumerate(self.masks):
            masks.draw(keys[number + 1])
            torch.mul(stack.kernels[number + 1], self.values[number], out=self.kernels[number])
        return [stack.kernels[0], *self.kernels]

    def backward(self, gradients: Stack) -> None:
        """Gradients of the masked kernels into those of the weights, in place."""
        for kernel, values in zip(gradients.kernels[1:], self.values, strict=True):
            kernel.mul_(values)
