"""What training does to the rows of a batch before the network sees them: mixed, noised, blanked, dropped.

Pictures among the inputs are changed first, and blanked and mixed in their own way (`picturing`).

All of it is drawn from the member's streams, so that a step is the same in any company. A halfword of 16 bits
belongs to (row of the batch, input) or (row, column of the table): purposes "mixup" (the first halfword makes
the share λ, what follows says where a column comes from), "noise", "cutout", and "dropout" of layer 0.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from profunda._seeds import halfwords, keys_of, subkey
from profunda.data.inputs import Inputs
from profunda.fleet.masks import QUANTILES, thresholds
from profunda.fleet.mixing import LEVELS, beta_quantiles
from profunda.fleet.picturing import Picturing
from profunda.space.design import Design

__all__ = ["Disturbed", "Disturber", "drawn", "kept"]

_ALL = 65536


def drawn(key: int, purpose: str, step: int, layer: int, count: int) -> np.ndarray:
    """Halfwords uint16 [count] of a member's key."""
    return halfwords(keys_of([subkey(key, purpose, step, layer)]), count)[0]


def kept(words: np.ndarray, rate: float, like: Tensor) -> Tensor:
    """0, or 1/(1 − r), where r is `rate` in steps of 1/65536, for each of `words`."""
    limits, scales = thresholds(np.array([rate]))
    return torch.as_tensor((words >= limits[0]) * scales[0], dtype=like.dtype, device=like.device)


@dataclass(frozen=True)
class Disturbed:
    """A batch as the network sees it: inputs [B, D], and the factors [B, D] on them, None: all 1.

    Numbers are multiplied already; a code is still whole, and its factor belongs to what is looked up.
    `share` λ is that of a row's own target, 1 − λ that of the next row's.
    """

    x: Tensor
    factors: Tensor | None
    share: float


class Disturber:
    """What one member's Design does to batches."""

    def __init__(self, design: Design, inputs: Inputs, key: int) -> None:
        self.design, self.key = design, key
        self.columns = np.array(inputs.columns)
        self.n_columns = int(self.columns.max()) + 1
        self.numeric = list(inputs.numeric)
        self.codes = [place for place, _ in inputs.codes] + list(
            inputs.tokens.places if inputs.tokens else ()
        )
        self.codes += inputs.task[:1] if inputs.task else ()
        self.picturing = None if inputs.picture is None else Picturing(design, inputs.picture, key)
        strength = design.mixup or design.cutmix
        self.shares = beta_quantiles(strength) if strength else None

    def disturb(self, x: Tensor, step: int) -> Disturbed:
        """Rows `x` [B, D] in step number `step` (from 0)."""
        share = 1.0
        if self.picturing is not None:
            x = self.picturing.changed(x, step)
        if self.shares is not None:
            x, share = self._mixed(x, step, self.shares)
        if self.design.noise and self.numeric:
            words = drawn(self.key, "noise", step, 0, x.numel()).reshape(x.shape)[:, self.numeric]
            noise = torch.as_tensor(QUANTILES[words], dtype=x.dtype, device=x.device)
            places = torch.tensor(self.numeric, device=x.device)
            x = x.index_add(1, places, noise, alpha=self.design.noise)
        factors = self._factors(x, step)
        if factors is None:
            return Disturbed(x, None, share)
        lost = x * factors
        if self.codes:
            lost[:, self.codes] = x[:, self.codes]
        return Disturbed(lost, factors, share)

    def _mixed(self, x: Tensor, step: int, shares: np.ndarray) -> tuple[Tensor, float]:
        rows, other = len(x), x.roll(-1, 0)
        columns = self.design.cutmix and self.picturing is None
        count = 1 + (rows * self.n_columns if columns else 0)
        words = drawn(self.key, "mixup", step, 0, count)
        share = float(shares[words[0] // (_ALL // LEVELS)])
        if self.design.cutmix and self.picturing is not None:
            return self.picturing.cut(x, step, share)
        if self.design.cutmix:
            taken = words[1:].reshape(rows, self.n_columns)[:, self.columns] >= round(_ALL * share)
            return torch.where(torch.as_tensor(taken, device=x.device), other, x), share
        mixed = share * x + (1.0 - share) * other
        if self.codes:
            mixed[:, self.codes] = (x if share >= 0.5 else other)[:, self.codes]
        return mixed, share

    def _factors(self, x: Tensor, step: int) -> Tensor | None:
        factors = None
        if self.design.cutout and self.picturing is None:
            words = drawn(self.key, "cutout", step, 0, len(x) * self.n_columns)
            blank = words.reshape(len(x), self.n_columns)[:, self.columns] < round(_ALL * self.design.cutout)
            factors = torch.as_tensor(~blank, dtype=x.dtype, device=x.device)
        if self.design.input_dropout:
            words = drawn(self.key, "dropout", step, 0, x.numel()).reshape(x.shape)
            keep = kept(words, self.design.input_dropout, x)
            factors = keep if factors is None else factors * keep
        return factors
