"""A flat vector as autograd sees it: each part that a forward pass reads is a leaf of its own.

One leaf for the whole vector would make every backward pass write a vector of zeros for each part.
"""

from typing import cast

import torch
from torch import Tensor

__all__ = ["Leaves"]


class Leaves:
    """Parts of `vector` [P] by their slices, as leaves that share its memory."""

    def __init__(self, vector: Tensor) -> None:
        self.vector = vector
        self.parts: dict[tuple[int, int], Tensor] = {}

    def __getitem__(self, part: slice) -> Tensor:
        place = (part.start, part.stop)
        if place not in self.parts:
            self.parts[place] = self.vector[part].detach().requires_grad_()
        return self.parts[place]

    @property
    def tensor(self) -> Tensor:
        """Itself, where a vector is wanted that is only sliced."""
        return cast(Tensor, self)

    def gradient(self, loss: Tensor, into: Tensor) -> None:
        """∂loss into `into` [P]; 0 where the loss does not depend on a part."""
        into.zero_()
        parts = [(place, leaf) for place, leaf in self.parts.items() if leaf.numel()]
        found = torch.autograd.grad(loss, [leaf for _, leaf in parts], allow_unused=True)
        for ((start, stop), _), gradient in zip(parts, found, strict=True):
            if gradient is not None:
                into[start:stop] = gradient
