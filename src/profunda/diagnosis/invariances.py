"""What of the targets a loss of values leaves open, told by moves of the outputs that it does not feel.

A loss that stays the same while outputs z are stretched has a gradient g at a right angle to them (Euler:
Σ g z = 0): row by row where it sees each row's direction alone, as a cosine does, or over all rows where it
is a correlation, which feels no common offset either (Σ g = 0 over rows). A variance of errors feels all but
an offset: its gradient is the error less its mean.
"""

import torch
from torch import Tensor

__all__ = ["left_open"]

ROUNDED = 1e-3
"""Share of the terms of a sum that may be left over: rounding of float32, and a small ε in a denominator."""

FEWEST = 4
"""Rows: of two, a correlation is 1 or -1 whatever is said."""


def left_open(outputs: Tensor, slopes: Tensor, targets: Tensor) -> tuple[str, float]:
    """What no gradient [S, N, …] at outputs [S, N, …] feels: "size", "unit" or "offset", and the share of the
    variance of the targets [N, …] that lies in it; ("", 0) where there is no such thing.
    """
    z, g = (each.reshape(*each.shape[:2], -1).double() for each in (outputs, slopes))
    t = targets.reshape(len(targets), -1).double()
    spread = float((t - t.mean(0)).square().sum())
    if len(t) < FEWEST or not spread > 0.0:
        return "", 0.0
    if t.shape[1] > 1 and _cancels(g * z, 2):
        length = t.norm(dim=1, keepdim=True)
        far = t - t / length.clamp(min=1e-300) * length.mean()
        return "size", min(1.0, float(far.square().sum()) / spread)
    even = _cancels(g, 1)
    if even and _cancels((g * z).flatten(1), 1):
        return "unit", 1.0
    if even and _is_error(z - t, g):
        return "offset", min(1.0, float(t.mean(0).square().sum()) * len(t) / spread)
    return "", 0.0


def _cancels(terms: Tensor, axis: int) -> bool:
    """Whether sums over the axis are nothing beside their terms."""
    return float(terms.sum(axis).abs().max()) <= ROUNDED * float(terms.abs().sum(axis).max())


def _is_error(away: Tensor, slopes: Tensor) -> bool:
    """Whether each draw's gradient is a multiple of the errors less their mean over rows."""
    away, slopes = (away - away.mean(1, keepdim=True)).flatten(1), slopes.flatten(1)
    across = (away * slopes).sum(1)
    return bool(torch.all(across >= (1.0 - ROUNDED) * away.norm(dim=1) * slopes.norm(dim=1)))
