"""The one order of a dense network's parameters in a flat vector.

For each layer, from the inputs to the outputs: its weights W [K, H] row by row, so that the layer is x W + b,
then its biases b [H]. `nn.Linear` keeps the transpose. A hidden layer with a norm has gains γ [H] and shifts
β [H] behind them, one with batch norm then the collected mean [H] and variance [H], which are not trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from profunda.space.design import Norm

__all__ = ["Block", "layout"]

_VECTORS: dict[Norm, int] = {"none": 0, "layer": 2, "batch": 4}
"""How many vectors [H] a norm keeps: γ, β, and the mean and variance collected."""


@dataclass(frozen=True)
class Block:
    """Where one layer lies in the flat vector: weights [K, H] at `start`, biases [H], vectors of its norm."""

    fan_in: int
    fan_out: int
    start: int
    norm: Norm = "none"

    @property
    def biases(self) -> int:
        """Where the biases start."""
        return self.start + self.fan_in * self.fan_out

    @property
    def gains(self) -> int:
        """Where the norm's vectors start, where it has any."""
        return self.biases + self.fan_out

    @property
    def end(self) -> int:
        """Where the next layer starts."""
        return self.gains + _VECTORS[self.norm] * self.fan_out

    def weights_of(self, params: np.ndarray) -> np.ndarray:
        """W [K, H] as a view of `params` [P]."""
        return params[self.start : self.biases].reshape(self.fan_in, self.fan_out)

    def biases_of(self, params: np.ndarray) -> np.ndarray:
        """b [H] as a view of `params` [P]."""
        return params[self.biases : self.gains]

    def norm_of(self, params: np.ndarray) -> np.ndarray:
        """The norm's vectors as a view of `params` [P]: [0, H] without one, [2, H] γ and β of layer norm,
        [4, H] γ, β, mean and variance of batch norm."""
        return params[self.gains : self.end].reshape(_VECTORS[self.norm], self.fan_out)


@lru_cache(maxsize=4096)
def _layout(sizes: tuple[int, ...], norm: Norm) -> tuple[Block, ...]:
    blocks, start = [], 0
    for number, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        hidden = number < len(sizes) - 2
        blocks.append(Block(fan_in, fan_out, start, norm if hidden else "none"))
        start = blocks[-1].end
    return tuple(blocks)


def layout(widths: Sequence[int], n_features: int, n_outputs: int, norm: Norm = "none") -> tuple[Block, ...]:
    """The layers of D inputs, hidden `widths` and C outputs; the vector ends where the last block does."""
    return _layout((n_features, *widths, n_outputs), norm)
