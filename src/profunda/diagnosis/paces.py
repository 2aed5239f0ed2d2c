"""The rates that a loop took, for trainings that are compared with it."""

import numpy as np
from torch import nn
from torch.optim import Optimizer

from profunda.diagnosis.ingredients import Making

__all__ = ["paced"]

POINTS = 33
"""Moments of a run whose rates are kept: a step of them by a schedule is then smeared over a thirtieth."""

EVEN = 0.99
"""Least rate over the largest of a run at one rate."""


def paced(making: Making, rates: np.ndarray, own: nn.Module) -> tuple[Making, tuple[float, ...]]:
    """What makes an optimiser for a copy of `own` at the peak of `rates` [T], and these relative to it at
    evenly spaced moments; `making` itself and () where they were even, or are not known.
    """
    peak = float(np.max(rates)) if len(rates) and np.isfinite(rates).all() else 0.0
    if not peak > 0.0 or float(np.min(rates)) >= EVEN * peak:
        return making, ()
    base = float(making(own).param_groups[0]["lr"])
    if not base > 0.0:
        return making, ()

    def at_peak(module: nn.Module) -> Optimizer:
        made = making(module)
        for group in made.param_groups:
            group["lr"] = group["lr"] * (peak / base)
        return made

    at = np.linspace(0.0, len(rates) - 1.0, POINTS).round().astype(int)
    return at_peak, tuple(float(one) for one in rates[at] / peak)
