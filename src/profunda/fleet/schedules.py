"""Learning-rate schedules as functions of the step over the planned steps."""

import numpy as np

from profunda.space.design import Design

__all__ = ["CYCLES", "learning_rates"]

_WARM_UP = 0.3
CYCLES = np.array([0.0, 1.0, 3.0, 7.0]) / 7.0
"""Where the cycles of "restarts" begin and end, in shares of training."""
_WAVES = 4


def learning_rates(design: Design, steps_per_epoch: int, first: int, count: int) -> np.ndarray:
    """Learning rates float64 [count] of the steps first, first + 1, … (from 0) of a member.

    With T = epochs × steps per epoch and step k: "constant" lr; "cosine" lr·½(1 + cos(πk/T)) (Loshchilov and
    Hutter 2017, eq. 5, one cycle); "onecycle" a linear rise over the first 0.3 T steps, then the cosine down
    to 0 (Smith and Topin 2018, without the momentum cycle); "restarts" a cosine in each of three cycles of
    lengths 1 : 2 : 4 (Loshchilov and Hutter 2017, eq. 5, T_mult = 2); "coslog"
    lr·½(1 − cos(2π·log₂(1 + 15t))) with t = k/T (Holzmüller et al. 2024, arXiv:2407.04491, §3).
    """
    total = design.epochs * steps_per_epoch
    k = np.arange(first, first + count, dtype=np.float64)
    if design.schedule == "constant":
        return np.full(count, design.lr)
    if design.schedule == "cosine":
        return design.lr * 0.5 * (1.0 + np.cos(np.pi * k / total))
    if design.schedule == "restarts":
        cycle = np.searchsorted(CYCLES, k / total, side="right") - 1
        within = (k / total - CYCLES[cycle]) / (CYCLES[cycle + 1] - CYCLES[cycle])
        return design.lr * 0.5 * (1.0 + np.cos(np.pi * within))
    if design.schedule == "coslog":
        waves = np.log2(1.0 + (2.0**_WAVES - 1.0) * k / total)
        return design.lr * 0.5 * (1.0 - np.cos(2.0 * np.pi * waves))
    rise = max(1.0, _WARM_UP * total)
    down = 0.5 * (1.0 + np.cos(np.pi * np.clip((k - rise) / max(1.0, total - rise), 0.0, 1.0)))
    return design.lr * np.where(k < rise, np.minimum(1.0, (k + 1.0) / rise), down)
