"""The one order of a dense network's parameters in a flat vector.

For each layer, from the inputs to the outputs: its weights W [K, H] row by row, so that the layer is x W + b,
then its biases b [H]. `nn.Linear` keeps the transpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

__all__ = ["Block", "layout"]


@dataclass(frozen=True)
class Block:
    """Where one layer lies in the flat vector: weights [K, H] at `start`, biases [H] behind them."""

    fan_in: int
    fan_out: int
    start: int

    @property
    def biases(self) -> int:
        """Where the biases start."""
        return self.start + self.fan_in * self.fan_out

    @property
    def end(self) -> int:
        """Where the next layer starts."""
        return self.biases + self.fan_out

    def weights_of(self, params: np.ndarray) -> np.ndarray:
        """W [K, H] as a view of `params` [P]."""
        return params[self.start : self.biases].reshape(self.fan_in, self.fan_out)

    def biases_of(self, params: np.ndarray) -> np.ndarray:
        """b [H] as a view of `params` [P]."""
        return params[self.biases : self.end]


@lru_cache(maxsize=4096)
def _layout(sizes: tuple[int, ...]) -> tuple[Block, ...]:
    blocks, start = [], 0
    for fan_in, fan_out in pairwise(sizes):
        blocks.append(Block(fan_in, fan_out, start))
        start = blocks[-1].end
    return tuple(blocks)


def layout(widths: Sequence[int], n_features: int, n_outputs: int) -> tuple[Block, ...]:
    """The layers of D inputs, hidden `widths` and C outputs; the last block's `end` is P."""
    return _layout((n_features, *widths, n_outputs))
