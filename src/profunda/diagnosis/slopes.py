"""What an activation does to the numbers that enter it, measured and not read off its name."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Bend", "bend_of"]

LEAST_NUMBERS = 64
"""Numbers that must have entered: of fewer all may lie on one side of a kink by chance."""

MOST = 65_536
"""Numbers, spread evenly over all, that slopes are told from: at most twice as many."""

LEAST_UNITS = 8
"""Units, for the same reason: all rows of one unit often lie on one side."""

STRAIGHT = 1e-4
"""What a line leaves open, over the spread: a hundred times the rounding of float32, and less than what any
bend of curvature 1 leaves open on inputs as wide as `WIDE`."""

WIDE = 0.05
"""Spread of inputs below which every smooth function is straight."""

PIECES = 64
"""Between so many even shares of the inputs, slopes are taken."""

NOTHING = 1e-3
"""Beside the most that a layer gives, and beside the size of 1 that weights are drawn for."""


@dataclass(frozen=True)
class Bend:
    """`straight`: all outputs lie on one line over the inputs. `slope`: root mean square of the slopes where
    the inputs lie, `spread` their standard deviation. `silent`: share of rows to which no unit answers, by
    more than a thousandth of what others get.
    """

    straight: bool
    slope: float
    spread: float
    silent: float


@torch.no_grad()
def bend_of(entered: Tensor, left: Tensor) -> Bend | None:
    """None where it takes no numbers one by one, where these are few, or all equal."""
    if entered.shape != left.shape or not entered.is_floating_point() or entered.ndim < 2:
        return None
    if {entered.layout, left.layout} != {torch.strided}:
        return None
    every = max(1, entered.numel() // MOST)
    x, y = (each.detach().reshape(-1)[::every].double() for each in (entered, left))
    if x.numel() < LEAST_NUMBERS or not bool((x.isfinite() & y.isfinite()).all()):
        return None
    spread = float(x.std())
    if not spread > 0.0:
        return None
    units = min(entered.shape[1], entered.numel() // entered.shape[0]) if entered.ndim < 4 else LEAST_UNITS
    straight = spread >= WIDE and units >= LEAST_UNITS and _is_straight(x, y)
    return Bend(straight, _slope(x, y), spread, _silent(left.detach()))


def _is_straight(x: Tensor, y: Tensor) -> bool:
    """Lines without a slope are none: units that give one number are dead."""
    off, rise = x - x.mean(), y - y.mean()
    slope = (off * rise).sum() / off.square().sum()
    size = rise.square().mean().sqrt()
    return bool(size > 0.0) and bool((rise - slope * off).square().mean().sqrt() <= STRAIGHT * size)


def _slope(x: Tensor, y: Tensor) -> float:
    order = x.argsort()
    at = torch.linspace(0, len(x) - 1, min(PIECES, len(x) // 2) + 1, device=x.device).round().long()
    ends, heights = x[order][at], y[order][at]
    wide = ends.diff() > 0
    if not bool(wide.any()):
        return float("nan")
    return float((heights.diff()[wide] / ends.diff()[wide]).square().mean().sqrt())


def _silent(left: Tensor) -> float:
    most = left.abs().reshape(len(left), -1).amax(1)
    return float((most < NOTHING * most.amax().clamp(max=1.0)).double().mean())
