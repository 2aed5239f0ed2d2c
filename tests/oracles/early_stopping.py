"""Early stopping line by line: algorithms 7.1 and 7.3 of Goodfellow, Bengio and Courville (2016)."""

import math
from collections.abc import Sequence

__all__ = ["algorithm_7_1", "algorithm_7_3"]


def algorithm_7_1(errors: Sequence[float], p: int) -> tuple[int, float, int]:
    """(i*, v, i): best step, its error, steps taken; `errors` are those of the validation set by step.

    The listing never ends where the error keeps improving; here it does with the last error given.
    """
    i, j, v, i_star = 0, 0, math.inf, 0
    while j < p and i < len(errors):
        i = i + 1
        v_new = errors[i - 1]
        if v_new < v:
            j = 0
            i_star = i
            v = v_new
        else:
            j = j + 1
    return i_star, v, i


def algorithm_7_3(epsilon: float, best: int, validation: Sequence[float], budget: int) -> int:
    """Epochs in all after continuing from epoch `best` while the validation rows' error is above ε.

    `validation[k]` is their error after k more epochs; `budget` the most epochs in all.
    """
    more = 0
    while validation[more] >= epsilon and best + more < budget:
        more = more + 1
    return best + more
