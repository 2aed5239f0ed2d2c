"""Learning-rate schedules as functions of the step over the planned steps."""

import numpy as np

from profunda.space.design import Design

__all__ = ["learning_rates"]

_WARM_UP = 0.3


def learning_rates(design: Design, steps_per_epoch: int, first: int, count: int) -> np.ndarray:
    """Learning rates float64 [count] of the steps first, first + 1, … (from 0) of a member.

    With T = epochs × steps per epoch and step k: "constant" lr; "cosine" lr·½(1 + cos(πk/T)) (Loshchilov and
    Hutter 2017, eq. 5, one cycle); "onecycle" a linear rise over the first 0.3 T steps, then the cosine down
    to 0 (Smith and Topin 2018, without the momentum cycle).
    """
    total = design.epochs * steps_per_epoch
    k = np.arange(first, first + count, dtype=np.float64)
    if design.schedule == "constant":
        return np.full(count, design.lr)
    if design.schedule == "cosine":
        return design.lr * 0.5 * (1.0 + np.cos(np.pi * k / total))
    rise = max(1.0, _WARM_UP * total)
    down = 0.5 * (1.0 + np.cos(np.pi * np.clip((k - rise) / max(1.0, total - rise), 0.0, 1.0)))
    return design.lr * np.where(k < rise, np.minimum(1.0, (k + 1.0) / rise), down)
