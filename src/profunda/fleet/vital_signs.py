"""The vital signs of `vitals.signs` for stacked members."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from profunda.fleet.roster import Roster
from profunda.fleet.stack import Stack
from profunda.vitals.signs import SATURATION

__all__ = ["activation_signs", "gradient_norms", "update_ratios"]


# A diverging member's infinities and NaNs belong into its signs; they are no reason to warn.
_quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


@_quiet
def activation_signs(layers: Sequence[Tensor], roster: Roster) -> dict[str, np.ndarray]:
    """Signs {name: float64 [M, L]} of activations [M, B, H] on the probe rows; padded units do not count."""
    columns: dict[str, list[np.ndarray]] = {}
    for number, a in enumerate(layers):
        units = np.array([m.design.widths[number] for m in roster.members], np.float64)
        own = torch.arange(a.shape[2], device=a.device) < torch.as_tensor(units, device=a.device).view(-1, 1)
        count = units * a.shape[1]
        total, squares = _unit_sums(a, own), _unit_sums(a * a, own)
        mean = total / count
        spread = np.sqrt(np.maximum(squares / count - mean * mean, 0.0))
        flat = (torch.amax(a, 1) == torch.amin(a, 1)) & own
        for name, values in (
            ("activation_mean", mean),
            ("activation_std", spread),
            ("dead", flat.sum(1).cpu().numpy() / units),
            ("saturated", _saturated(a, own, roster) / count),
        ):
            columns.setdefault(name, []).append(values)
    return {name: np.stack(values, axis=1) for name, values in columns.items()}


def _unit_sums(a: Tensor, own: Tensor) -> np.ndarray:
    by_unit = a.sum(1) * own
    return by_unit.cpu().numpy().astype(np.float64).sum(axis=1)


def _saturated(a: Tensor, own: Tensor, roster: Roster) -> np.ndarray:
    counts = np.zeros(len(roster))
    for name, part in roster.activations:
        if name in SATURATION:
            low, high = SATURATION[name]
            outside = ((a[part] < low) | (a[part] > high)).sum(1) * own[part]
            counts[part] = outside.sum(1).cpu().numpy()
    return counts


@_quiet
def gradient_norms(gradients: Stack) -> np.ndarray:
    """‖g‖ of each layer: float64 [M, L + 1]."""
    return np.sqrt(_layer_squares(gradients))


@_quiet
def update_ratios(params: Stack, before: Tensor) -> np.ndarray:
    """‖Δθ‖ / ‖θ‖ of each layer, θ being the parameters `before` the step (flat): float64 [M, L + 1]."""
    old, change = (Stack(params.shape, params.members, before.dtype, str(before.device)) for _ in range(2))
    old.flat.copy_(before)
    torch.sub(params.flat, before, out=change.flat)
    return np.sqrt(_layer_squares(change) / _layer_squares(old))


def _layer_squares(stack: Stack) -> np.ndarray:
    layers = []
    for number in range(len(stack.shape.widths) + 1):
        blocks = [block.flatten(1).cpu().numpy().astype(np.float64) for block in stack.layer(number)]
        layers.append(sum(np.square(block).sum(axis=1) for block in blocks))
    return np.stack(layers, axis=1)
