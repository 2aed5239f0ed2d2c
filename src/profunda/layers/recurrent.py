"""Dropout for recurrent networks: masks that stay the same from the first step of a sequence to its last.

Sequences are [T, B, …], time first. All masks are scaled by 1/(1 − p), so that evaluation scales nothing.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from profunda.errors import ArgumentError
from profunda.layers.dropout import drop_rate

__all__ = ["EmbeddingDropout", "LockedDropout", "WeightDropLSTM"]


class LockedDropout(nn.Module):
    """Drops the same entries of x [T, B, H] at all T steps, others in each of the B sequences, in training.

    "Variational" dropout (Gal and Ghahramani 2016, section 4; Merity et al. 2018, section 4.2). Raises
    ArgumentError for other than three axes.
    """

    def __init__(self, *, keep: float | None = None, drop: float | None = None) -> None:
        super().__init__()
        self.drop = drop_rate(keep=keep, drop=drop)

    def forward(self, x: Tensor) -> Tensor:
        """`x` without the entries that are dropped."""
        if x.dim() != 3:
            raise ArgumentError(f"x has {x.dim()} axes, but sequences are [T, B, H]: add the missing axis.")
        if not self.training or not self.drop:
            return x
        return x * functional.dropout(x.new_ones(1, *x.shape[1:]), self.drop)

    def extra_repr(self) -> str:
        return f"drop={self.drop:g}"


class EmbeddingDropout(nn.Module):
    """A table's rows for ids [T, B] → [T, B, E], in training without some of the words wherever they occur.

    One mask over the V rows for the whole call (Gal and Ghahramani 2016, section 4.2; Merity et al. 2018,
    section 4.3). The table is handed in at each call, since output layers may share it. Raises ArgumentError
    for an id that it has no row for.
    """

    def __init__(self, *, keep: float | None = None, drop: float | None = None) -> None:
        super().__init__()
        self.drop = drop_rate(keep=keep, drop=drop)

    def forward(self, ids: Tensor, table: Tensor) -> Tensor:
        """Rows of `table` [V, E]."""
        if self.training and self.drop:
            table = table * functional.dropout(table.new_ones(len(table), 1), self.drop)
        try:
            return functional.embedding(ids, table)
        except IndexError:
            raise ArgumentError(
                f"ids go from {int(ids.min())} to {int(ids.max())}, but the table has {len(table)} rows, "
                "from 0 on. Were they made by the tokenizer that the vocabulary is of?"
            ) from None

    def extra_repr(self) -> str:
        return f"drop={self.drop:g}"


class WeightDropLSTM(nn.Module):
    """One LSTM layer, x [T, B, D] → [T, B, H], whose hidden-to-hidden weights are dropped in training.

    DropConnect (Wan et al. 2013) with one mask of W_hh for all T steps and all sequences (Merity et al.
    2018, section 2): the hidden state itself loses nothing. Parameters have the names, shapes and first
    values of `nn.LSTM`'s, whose function this is in evaluation. Raises ArgumentError for widths below 1, and
    for x or a state of another shape or dtype.
    """

    def __init__(
        self, inputs: int, hidden: int, *, keep: float | None = None, drop: float | None = None
    ) -> None:
        super().__init__()
        if inputs < 1 or hidden < 1:
            raise ArgumentError(f"{inputs} inputs and {hidden} units make no LSTM: give 1 or more of each.")
        self.inputs, self.hidden = inputs, hidden
        self.drop = drop_rate(keep=keep, drop=drop)
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden, inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden, hidden))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """All hidden states [T, B, H], and the last (h, c), each [1, B, H]; `state` None begins at zero."""
        if x.dim() != 3 or x.shape[2] != self.inputs:
            raise ArgumentError(
                f"x has shape {list(x.shape)}, but this layer reads sequences [T, B, {self.inputs}]."
            )
        if state is None:
            zeros = x.new_zeros(1, x.shape[1], self.hidden)
            state = zeros, zeros
        self._check(x, state)
        recurrent = functional.dropout(self.weight_hh_l0, self.drop, self.training)
        weights = [self.weight_ih_l0, recurrent, self.bias_ih_l0, self.bias_hh_l0]
        made, h, c = torch.lstm(x, state, weights, True, 1, 0.0, self.training, False, False)
        return made, (h, c)

    def _check(self, x: Tensor, state: tuple[Tensor, Tensor]) -> None:
        """What torch's kernel does not: it reads and writes beyond the end of a state that is too small."""
        wanted, cast = [1, x.shape[1], self.hidden], torch.is_autocast_enabled(x.device.type)
        if len(state) != 2 or any(
            list(part.shape) != wanted or (part.dtype != x.dtype and not cast) for part in state
        ):
            told = " and ".join(f"{list(part.shape)} of {part.dtype}" for part in state)
            raise ArgumentError(
                f"The state is {told}, but x of {x.shape[1]} sequences of {x.dtype} goes on from h and c, "
                f"each {wanted} of that dtype. Was it left by another batch or model? None begins at zero."
            )

    def extra_repr(self) -> str:
        return f"{self.inputs}, {self.hidden}, drop={self.drop:g}"
