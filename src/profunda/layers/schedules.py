"""Learning-rate schedules as factors of the highest rate: functions of the course t of training in [0, 1].

t is the step over all planned steps, a number or an array; the result has its shape and is float64.
"""

import numpy as np
from numpy.typing import ArrayLike

from profunda.errors import ArgumentError

__all__ = ["cosine", "cosine_restarts", "coslog", "onecycle"]


def cosine(t: ArrayLike) -> np.ndarray:
    """½(1 + cos πt): from 1 to 0 in half a wave (Loshchilov and Hutter 2017, SGDR, eq. 5, one cycle).

    >>> cosine([0.0, 0.5, 1.0]).round(12).tolist()
    [1.0, 0.5, 0.0]
    """
    return 0.5 * (1.0 + np.cos(np.pi * _course(t)))


def cosine_restarts(t: ArrayLike, cycles: int = 3, growth: float = 2.0) -> np.ndarray:
    """`cosine` begun anew in each of `cycles` cycles, each `growth` times as long as the one before.

    Loshchilov and Hutter (2017, SGDR, eq. 5 with T_mult = growth). At a restart the new cycle's 1 holds; t =
    1 ends the last cycle at 0. Raises ArgumentError unless cycles ≥ 1 and growth > 0.

    >>> cosine_restarts([0.0, 0.25, 0.5, 0.75], cycles=2, growth=1.0).round(12).tolist()
    [1.0, 0.5, 1.0, 0.5]
    """
    ends = cycle_ends(cycles, growth)
    course = _course(t)
    which = np.minimum(np.searchsorted(ends, course, side="right"), cycles - 1)
    starts = np.concatenate([[0.0], ends[:-1]])
    return cosine((course - starts[which]) / (ends - starts)[which])


def cycle_ends(cycles: int, growth: float) -> np.ndarray:
    """Where the cycles of `cosine_restarts` end: float64 [cycles], the last one 1.

    Raises ArgumentError unless cycles ≥ 1 and growth > 0.
    """
    if cycles < 1 or not 0.0 < growth < np.inf:
        raise ArgumentError(
            f"{cycles} cycles that grow by {growth} make no schedule: ask for at least 1 cycle and a growth "
            "above 0."
        )
    lengths = growth ** np.arange(cycles, dtype=np.float64)
    ends = np.cumsum(lengths / lengths.sum())
    ends[-1] = 1.0
    return ends


def onecycle(t: ArrayLike, warm_up: float = 0.3) -> np.ndarray:
    """A linear rise to 1 over the first `warm_up` of training, then `cosine` down to 0.

    Smith and Topin (2018), without the cycle of the momentum. Raises ArgumentError unless 0 < warm_up < 1.

    >>> onecycle([0.0, 0.15, 0.3, 1.0]).round(12).tolist()
    [0.0, 0.5, 1.0, 0.0]
    """
    if not 0.0 < warm_up < 1.0:
        raise ArgumentError(f"warm_up = {warm_up} is a part of training: above 0 and below 1.")
    course = _course(t)
    return np.where(
        course < warm_up, course / warm_up, cosine(np.maximum(course - warm_up, 0) / (1 - warm_up))
    )


def coslog(t: ArrayLike, k: int = 4) -> np.ndarray:
    """½(1 − cos(2π log₂(1 + (2^k − 1)t))): k waves from 0 to 0, each twice as long as the one before.

    Holzmüller, Grinsztajn and Steinwart (2024), "Better by default", appendix on RealMLP, with k = 4.
    Raises ArgumentError unless k ≥ 1.

    >>> coslog([0.0, (2**0.5 - 1) / 15, 1 / 15, 1.0]).round(12).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    if k < 1:
        raise ArgumentError(f"k = {k} waves make no schedule: at least 1 is needed.")
    return 0.5 * (1.0 - np.cos(2.0 * np.pi * np.log2(1.0 + (2.0**k - 1.0) * _course(t))))


def _course(t: ArrayLike) -> np.ndarray:
    course = np.asarray(t, np.float64)
    if not ((course >= 0.0) & (course <= 1.0)).all():
        raise ArgumentError(
            f"The course of training runs from 0 to 1, but t holds values from {course.min()} to "
            f"{course.max()}; hand over the step divided by the planned steps."
        )
    return course
