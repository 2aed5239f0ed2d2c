"""One number per parameter and member in one flat buffer: parameters, gradients, moments.

Blocks lie one after the other, each contiguous over members, because matrix products into strided memory cost
about 1 µs more a matrix. Within a block: the first layer [D + 1, H] with its biases as last row (inputs carry
a column of ones); further hidden layers [K, H] and [1, H]; the output layer transposed, [C, K] and [C, 1]
(with the biases as a column where there is no hidden layer). Then γ and β of all norms, [2, H] each, and then
what batch norms collect, mean and variance, [2, H] each. The buffer's length is a multiple of 64, so that
vectorised loops over it have no remainder: a remainder may round differently, and which member it falls on
depends on the fleet's size.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.shape import Shape
from profunda.networks.layout import Block, layout

__all__ = ["Stack"]

_LANES = 64


class Stack:
    """M vectors of parameters at canonical widths."""

    def __init__(self, shape: Shape, members: int, dtype: torch.dtype, device: str) -> None:
        self.shape, self.members = shape, members
        self.sizes = _block_sizes(shape)
        total = members * sum(rows * columns for rows, columns in self.sizes)
        self.flat = torch.zeros(-(-total // _LANES) * _LANES, dtype=dtype, device=device)
        self.blocks = _views(self.flat, members, self.sizes)
        depth = len(shape.widths)
        ends = 2 * depth + 1
        layers = self.blocks[:ends]
        self.norms = self.blocks[ends : ends + depth]
        self.collected = self.blocks[ends + depth :]
        self.trained = self.blocks[: ends + depth]
        # The first kernel holds its biases as a row: block 0 is kernel 0, then kernels and biases in turn.
        self.kernels: list[Tensor] = [layers[0], *layers[1::2]]
        self.biases: list[Tensor] = [layers[0][:, -1:], *layers[2::2]] if depth else []

    def layer(self, number: int) -> list[Tensor]:
        """The trained blocks [M, …] of one layer: weights and biases, γ and β."""
        blocks = [self.blocks[0]] if number == 0 else self.blocks[2 * number - 1 : 2 * number + 1]
        return blocks + self.norms[number : number + 1]

    def weights(self, part: slice) -> list[Tensor]:
        """Views of all weights without biases of the members of `part`, one for each layer."""
        features = self.shape.n_features
        first = self.blocks[0][part]
        first = first[:, :features] if self.shape.widths else first[:, :, :features]
        return [first, *(kernel[part] for kernel in self.kernels[1:])]

    def write(self, vectors: Sequence[np.ndarray], widths: Sequence[tuple[int, ...]]) -> None:
        """Copy flat vectors [P] of members with true `widths` in; padded places become zero."""
        host = torch.zeros(self.flat.shape, dtype=self.flat.dtype)
        blocks = self._arrays(host)
        for i, (vector, own) in enumerate(zip(vectors, widths, strict=True)):
            for target, source in self._pairs(blocks, i, vector, own):
                target[:] = source
        self.flat.copy_(host)

    def read(self, widths: Sequence[tuple[int, ...]], which: Sequence[int] | None = None) -> list[np.ndarray]:
        """Flat vectors [P] of the members `which` (default all), without padding; `widths` belong to them."""
        blocks = self._arrays(self.flat.cpu())
        rows = range(self.members) if which is None else which
        dtype = blocks[0].dtype
        found = []
        for i, own in zip(rows, widths, strict=True):
            vector = np.empty(self._spans(own)[-1].end, dtype)
            for block, target in self._pairs(blocks, i, vector, own):
                target[:] = block
            found.append(vector)
        return found

    def put(self, other: "Stack", rows: Tensor) -> None:
        """Overwrite the members `rows` with those of `other` at the same places."""
        for target, block in zip(self.blocks, other.blocks, strict=True):
            target.index_copy_(0, rows, block.index_select(0, rows))

    def _arrays(self, host: Tensor) -> list[np.ndarray]:
        return [view.numpy() for view in _views(host, self.members, self.sizes)]

    def _spans(self, own: tuple[int, ...]) -> tuple[Block, ...]:
        return layout(own, self.shape.n_features, self.shape.n_outputs, self.shape.norm)

    def _pairs(
        self, stacked: list[np.ndarray], i: int, vector: np.ndarray, own: tuple[int, ...]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Equal parts of member `i`: (in the blocks, in its flat vector)."""
        blocks = [block[i] for block in stacked]
        pairs = []
        spans = self._spans(own)
        depth = len(own)
        for number, span in enumerate(spans):
            weights, biases = span.weights_of(vector), span.biases_of(vector)
            kernel = blocks[0] if number == 0 else blocks[2 * number - 1]
            if number == len(spans) - 1:
                pairs.append((kernel[:, : span.fan_in], weights.T))
                bias = kernel[:, span.fan_in] if number == 0 else blocks[2 * number][:, 0]
                pairs.append((bias, biases))
            else:
                pairs.append((kernel[: span.fan_in, : span.fan_out], weights))
                bias = kernel[self.shape.n_features] if number == 0 else blocks[2 * number][0]
                pairs.append((bias[: span.fan_out], biases))
                # γ and β, then mean and variance; no pair where there are none.
                vectors = span.norm_of(vector)
                norms = blocks[2 * depth + 1 + number :: depth]
                pairs += [
                    (norm[:, : span.fan_out], vectors[2 * n : 2 * n + 2]) for n, norm in enumerate(norms)
                ]
        return pairs


def _block_sizes(shape: Shape) -> list[tuple[int, int]]:
    if not shape.widths:
        return [(shape.n_outputs, shape.n_features + 1)]
    sizes = [(shape.n_features + 1, shape.widths[0])]
    for before, width in zip(shape.widths, shape.widths[1:], strict=False):
        sizes += [(before, width), (1, width)]
    sizes += [(shape.n_outputs, shape.widths[-1]), (shape.n_outputs, 1)]
    if shape.norm != "none":
        sizes += [(2, width) for width in shape.widths]
    if shape.norm == "batch":
        sizes += [(2, width) for width in shape.widths]
    return sizes


def _views(flat: Tensor, members: int, sizes: list[tuple[int, int]]) -> list[Tensor]:
    views, at = [], 0
    for rows, columns in sizes:
        count = members * rows * columns
        views.append(flat[at : at + count].view(members, rows, columns))
        at += count
    return views
