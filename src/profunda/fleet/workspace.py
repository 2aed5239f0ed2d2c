"""Forward and backward pass of M stacked networks on one batch size, written by hand into buffers made once.

Hidden activations are [M, B, H]; outputs are [M, C, B], so that all products write into contiguous memory.
Buffers of hidden layers have room for the next multiple of 8 rows: then a member's slice is a whole number of
vector lanes, and element-wise functions treat every member alike. Spare rows enter no product.
"""

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import subkeys
from profunda.fleet.activations import ACTIVATIONS, Function
from profunda.fleet.dropconnect import DropConnect
from profunda.fleet.masks import Masks
from profunda.fleet.norms import norm_of
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
        self.before, self.after = (
            shape.norm != "none" and shape.norm_place == place for place in ("before", "after")
        )
        # Batch norm takes off what a bias adds: its gradient is 0. Computed, it would be rounding errors,
        # which Adam and RMSprop enlarge to steps.
        self.centred = self.before and shape.norm == "batch"
        self.noisy = shape.dropout_kind == "gaussian" and not self.after
        # A hidden layer computes z = xW + b, u = norm(z) or z, a = σ(u), h = norm(a) or a.
        self.z = [torch.zeros(members, padded, width, **options) for width in shape.widths]
        self.u = [torch.zeros_like(z) for z in self.z] if self.before else self.z
        shared = roster.in_place and not self.noisy
        self.a = self.u if shared else [torch.zeros_like(z) for z in self.z]
        self.h = [torch.zeros_like(z) for z in self.z] if self.after else self.a
        self.z_rows, self.a_rows = [z[:, :rows] for z in self.z], [a[:, :rows] for a in self.a]
        self.h_rows = [h[:, :rows] for h in self.h]
        self.norms = [
            norm_of(layer, normed[:, :rows], roster, training=training)
            for layer, normed in enumerate(self.u if self.before else self.h if self.after else [])
        ]
        self.logits = torch.zeros(members, shape.n_outputs, rows, **options)
        self.pads = _pads(shape, roster, like)
        self.masks: list[Masks] = []
        self.input_masks: Masks | None = None
        self.weight_masks: DropConnect | None = None
        self.kernels: list[Tensor] = []
        if training:
            self.d = [torch.zeros_like(z) for z in self.z]
            self.d_rows = [d[:, :rows] for d in self.d]
            self._make_masks(padded, like)

    def _make_masks(self, padded: int, like: Tensor) -> None:
        roster, shape = self.roster, self.shape
        if shape.dropout_kind == "dropconnect":
            self.weight_masks = DropConnect(shape, roster, like)
        elif roster.dropout:
            rates = roster.vector("dropout")
            gaussian = shape.dropout_kind == "gaussian"
            self.masks = [
                Masks(rates, roster.dropout, self.rows, padded, width, like, gaussian=gaussian)
                for width in shape.widths
            ]
        if roster.input_dropout:
            rates = roster.vector("input_dropout")
            self.input_masks = Masks(
                rates, roster.input_dropout, self.rows, self.rows, shape.n_features, like
            )

    def mask_keys(self, first: int, count: int) -> np.ndarray:
        """Keys of the masks of steps first, first + 1, …: uint64 [count, layers + 1, M]; 0 is the input."""
        steps = np.arange(first, first + count, dtype=np.uint64)[:, None, None]
        layers = np.arange(len(self.shape.widths) + 1, dtype=np.uint64)[None, :, None]
        keys = subkeys(self.roster.keys[None, None], "dropout", steps, layers)
        if self.weight_masks is not None:
            keys[:, 1:] = subkeys(self.roster.keys[None, None], "dropconnect", steps, layers[:, 1:])
        return keys

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
        """Raw outputs [M, C, B] of `x` [M, B, D + 1] (last column ones); training gives `keys`.

        Training with batch norm collects the batch's statistics in `stack`.
        """
        self.kernels = stack.kernels
        if self.weight_masks is not None and keys is not None:
            self.kernels = self.weight_masks.forward(stack, keys)
        for layer, z in enumerate(self.z_rows):
            if layer == 0:
                torch.bmm(x, self.kernels[0], out=z)
            else:
                torch.baddbmm(stack.biases[layer], self.h_rows[layer - 1], self.kernels[layer], out=z)
            if self.before:
                self.norms[layer].forward(z, stack)
            self._activate(layer, keys)
            if self.after:
                self._normalise(layer, stack, keys)
        last = self.kernels[-1]
        if not self.z:
            return torch.bmm(last, x.transpose(1, 2), out=self.logits)
        return torch.baddbmm(stack.biases[-1], last, self.h_rows[-1].transpose(1, 2), out=self.logits)

    def _activate(self, layer: int, keys: np.ndarray | None) -> None:
        u, a = self.u[layer], self.a[layer]
        if keys is None or not self.masks or self.after:
            for name, part in self.roster.activations:
                ACTIVATIONS[name].forward(u[part], a[part])
        else:
            values = self.masks[layer].draw(keys[layer + 1])
            for name, dropped, part in self.roster.hidden:
                function = ACTIVATIONS[name]
                keep = dropped and self._keeps(function)
                function.forward(u[part], u[part] if keep else a[part])
                if dropped:
                    torch.mul(u[part] if keep else a[part], values[part], out=a[part])
        for part, ones in self.pads[layer]:
            a[part].mul_(ones)

    def _keeps(self, function: Function) -> bool:
        """Whether the derivative needs the activation as it was before the mask: it is then kept in u."""
        return function.from_output and (self.noisy or not function.survives_mask)

    def _normalise(self, layer: int, stack: Stack, keys: np.ndarray | None) -> None:
        """The norm behind the activation, and the masks on what leaves it."""
        self.norms[layer].forward(self.a_rows[layer], stack)
        if keys is not None and self.masks:
            values = self.masks[layer].draw(keys[layer + 1])
            for part in self.roster.dropout:
                self.h[layer][part].mul_(values[part])

    def backward(self, stack: Stack, gradients: Stack, x: Tensor, d: Tensor) -> None:
        """Gradients of the loss on the last forward's batch, from its derivative `d` [M, C, B]."""
        if not self.z:
            torch.bmm(d, x, out=gradients.kernels[0])
            return
        torch.bmm(d, self.h_rows[-1], out=gradients.kernels[-1])
        torch.sum(d, 2, keepdim=True, out=gradients.biases[-1])
        torch.bmm(d.transpose(1, 2), self.kernels[-1], out=self.d_rows[-1])
        for layer in range(len(self.z) - 1, 0, -1):
            self._through_layer(layer, stack, gradients)
            torch.bmm(
                self.h_rows[layer - 1].transpose(1, 2), self.d_rows[layer], out=gradients.kernels[layer]
            )
            if not self.centred:
                torch.sum(self.d_rows[layer], 1, keepdim=True, out=gradients.biases[layer])
            torch.bmm(self.d_rows[layer], self.kernels[layer].transpose(1, 2), out=self.d_rows[layer - 1])
        self._through_layer(0, stack, gradients)
        torch.bmm(x.transpose(1, 2), self.d_rows[0], out=gradients.kernels[0])
        if self.centred:
            gradients.biases[0].zero_()
        if self.weight_masks is not None:
            self.weight_masks.backward(gradients)

    def _through_layer(self, layer: int, stack: Stack, gradients: Stack) -> None:
        """d from ∂/∂h into ∂/∂z, in place."""
        d, u, a = self.d[layer], self.u[layer], self.a[layer]
        if self.after:
            if self.masks:
                for part in self.roster.dropout:
                    d[part].mul_(self.masks[layer].values[part])
            self.norms[layer].backward(self.d_rows[layer], stack, gradients)
        for name, drops, part in self.roster.hidden:
            function = ACTIVATIONS[name]
            dropped = drops and bool(self.masks) and not self.after
            if dropped:
                d[part].mul_(self.masks[layer].values[part])
            kept = dropped and self._keeps(function)
            function.backward(d[part], a[part] if function.from_output and not kept else u[part])
        if self.before:
            self.norms[layer].backward(self.d_rows[layer], stack, gradients)


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
