"""Whether layers that stay as they are hold features learnt before, on which a head alone may train."""

import math
from collections.abc import Collection

from profunda.diagnosis.givens import Anatomy

__all__ = ["learnt_before", "left_raw"]

SURE = 256
"""Numbers of a matrix from which on what was learnt in it stands out from a draw."""


def learnt_before(anatomy: Anatomy, still: Collection[str]) -> frozenset[str]:
    """Of the layers called `still`: up to the last one whose weights are surely no draw, for that one was
    learnt on what those before it give.
    """
    raw = {*anatomy.drawn, *anatomy.frozen}
    learnt = [
        at
        for at, one in enumerate(anatomy.layers)
        if one.name in still and one.name not in raw and math.prod(one.shape) >= SURE
    ]
    last = max(learnt, default=-1)
    return frozenset(one.name for one in anatomy.layers[: last + 1] if one.name in still)


def left_raw(anatomy: Anatomy) -> tuple[str, ...]:
    """Frozen layers that are as they were drawn, and nothing behind them was learnt on."""
    still = [one.name for one in anatomy.layers if not one.trainable or one.name in anatomy.frozen]
    learnt = learnt_before(anatomy, still)
    return tuple(name for name in anatomy.frozen if name not in learnt)
