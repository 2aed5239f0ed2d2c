"""Forward and backward pass of M stacked networks on one batch size, written by hand into buffers made once.

Hidden activations are [M, B, H]; outputs are [M, C, B], so that all products write into contiguous memory.
Buffers of hidden layers have room for the next multiple of 8 rows: then a member's slice is a whole number of
vector lanes, and element-wise functions treat every member alike. Spare rows enter no product.
"""

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import subkeys
from profunda.fleet.activations import ACTIVATIONS
from profunda.fleet.masks import Masks
from profunda.fleet.roster import Roster
from profunda.fleet.shape import Shape
from profunda.fleet.stack import Stack

__all__ = ["Workspace"]


class Workspace:
    """Buffers and passes for batches of `rows` rows; `training` adds masks and gradients."""

    def __init__(self, shape: Shape, roster: Roster, rows: int, like: Tensor, *, training: bool) -> None:
        self.shape, self.roster, self.rows, self.training = shape, roster, rows, training
        members, padded = len(roster), -(-rows // 8) * 8
        options = {"dtype": like.dtype, "device": like.device}
        self.z = [torch.zeros(members, padded, width, **options) for width in shape.widths]
        shared = roster.in_place
        self.a = self.z if shared else [torch.zeros_like(z) for z in self.z]
        self.z_rows, self.a_rows = [z[:, :rows] for z in self.z], [a[:, :rows] for a in self.a]
        self.logits = torch.zeros(members, shape.n_outputs, rows, **options)
        self.pads = _pads(shape, roster, like)
        self.masks: list[Masks] = []
        self.input_masks: Masks | None = None
        if training:
            self.d = [torch.zeros_like(z) for z in self.z]
            self.d_rows = [d[:, :rows] for d in self.d]
            self._make_masks(padded, like)

    def _make_masks(self, padded: int, like: Tensor) -> None:
        roster, shape = self.roster, self.shape
        if roster.dropout:
            rates = roster.vector("dropout")
            made = [
                (width, Masks(rates, roster.dropout, self.rows, padded, width, like))
                for width in shape.widths
            ]
            self.masks = [masks for _, masks in made]
        if roster.input_dropout:
            rates = roster.vector("input_dropout")
            self.input_masks = Masks(
                rates, roster.input_dropout, self.rows, self.rows, shape.n_features, like
            )

    def mask_keys(self, first: int, count: int) -> np.ndarray:
        """Keys of the masks of steps first, first + 1, …: uint64 [count, layers + 1, M]; 0 is the input."""
        steps = np.arange(first, first + count, dtype=np.uint64)[:, None, None]
        layers = np.arange(len(self.shape.widths) + 1, dtype=np.uint64)[None, :, None]
        return subkeys(self.roster.keys[None, None], "dropout", steps, layers)

    def drop_inputs(self, x: Tensor, keys: np.ndarray) -> Tensor:
        """`x` [M, B, D + 1] with inputs dropped where members ask for it; `x` itself where none does."""
        if self.input_masks is None:
            return x
        dropped = x.clone()
        values = self.input_masks.draw(keys[0])
        for part in self.roster.input_dropout:
            dropped[part][:, :, : self.shape.n_features].mul_(values[part])
        return dropped

    def forward(self, stack: Stack, x: Tensor, keys: np.ndarray | None = None) -> Tensor:
        """Raw outputs [M, C, B] of `x` [M, B, D + 1] (last column ones); training gives `keys`."""
        for layer, z in enumerate(self.z_rows):
            if layer == 0:
                torch.bmm(x, stack.kernels[0], out=z)
            else:
                torch.baddbmm(stack.biases[layer], self.a_rows[layer - 1], stack.kernels[layer], out=z)
            self._activate(layer, keys)
        last = stack.kernels[-1]
        if not self.z:
            return torch.bmm(last, x.transpose(1, 2), out=self.logits)
        return torch.baddbmm(stack.biases[-1], last, self.a_rows[-1].transpose(1, 2), out=self.logits)

    def _activate(self, layer: int, keys: np.ndarray | None) -> None:
        z, a = self.z[layer], self.a[layer]
        if keys is None or not self.masks:
            for name, part in self.roster.activations:
                ACTIVATIONS[name].forward(z[part], a[part])
        else:
            values = self.masks[layer].draw(keys[layer + 1])
            for name, dropped, part in self.roster.hidden:
                function = ACTIVATIONS[name]
                # The derivative needs the activation before the mask: keep it in z.
                keep = dropped and function.from_output and not function.survives_mask
                function.forward(z[part], z[part] if keep else a[part])
                if dropped:
                    torch.mul(z[part] if keep else a[part], values[part], out=a[part])
        for part, ones in self.pads[layer]:
            a[part].mul_(ones)

    def backward(self, stack: Stack, gradients: Stack, x: Tensor, d: Tensor) -> None:
        """Gradients of the loss on the last forward's batch, from its derivative `d` [M, C, B]."""
        if not self.z:
            torch.bmm(d, x, out=gradients.kernels[0])
            return
        torch.bmm(d, self.a_rows[-1], out=gradients.kernels[-1])
        torch.sum(d, 2, keepdim=True, out=gradients.biases[-1])
        torch.bmm(d.transpose(1, 2), stack.kernels[-1], out=self.d_rows[-1])
        for layer in range(len(self.z) - 1, 0, -1):
            self._through_activation(layer)
            torch.bmm(
                self.a_rows[layer - 1].transpose(1, 2), self.d_rows[layer], out=gradients.kernels[layer]
            )
            torch.sum(self.d_rows[layer], 1, keepdim=True, out=gradients.biases[layer])
            torch.bmm(self.d_rows[layer], stack.kernels[layer].transpose(1, 2), out=self.d_rows[layer - 1])
        self._through_activation(0)
        torch.bmm(x.transpose(1, 2), self.d_rows[0], out=gradients.kernels[0])

    def _through_activation(self, layer: int) -> None:
        d, z, a = self.d[layer], self.z[layer], self.a[layer]
        for name, dropped, part in self.roster.hidden:
            function = ACTIVATIONS[name]
            kept_in_z = dropped and function.from_output and not function.survives_mask
            if dropped:
                d[part].mul_(self.masks[layer].values[part])
            function.backward(d[part], a[part] if function.from_output and not kept_in_z else z[part])


def _pads(shape: Shape, roster: Roster, like: Tensor) -> list[list[tuple[slice, Tensor]]]:
    """For each layer, the slices whose padded units would not stay zero, with masks [m, 1, H]."""
    found: list[list[tuple[slice, Tensor]]] = []
    for layer, width in enumerate(shape.widths):
        parts = []
        for name, part in roster.activations:
            own = np.array([m.design.widths[layer] for m in roster.members[part]])
            if not ACTIVATIONS[name].zero_at_zero and (own < width).any():
                ones = (np.arange(width)[None, None] < own[:, None, None]).astype(np.float64)
                parts.append((part, torch.as_tensor(ones, dtype=like.dtype, device=like.device)))
        found.append(parts)
    return found
