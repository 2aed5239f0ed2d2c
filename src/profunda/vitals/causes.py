"""Rules that read a cause of ending from the series of a member, as pure functions.

Thresholds, with their reasons:

- diverged: the last training loss is not finite. Nothing learnt after it can be trusted.
- dead: in some hidden layer at least 95 % of the units give the same number on every probe row. The rest
  cannot carry a function of many inputs, and dead units get no gradient that could revive them.
- vanished: the gradient of the first layer is below 1e-6 of the largest layer's, or all are below 1e-12. In
  float32 an update that is 1e-7 of the weights is lost in rounding, so such a layer no longer learns.
- overfitted: the last validation loss is over 10 % above its best while the training loss is still lower than
  it was at the best epoch. 10 % is beyond the epoch-to-epoch noise of a settled curve; without the falling
  training loss the rise is instability, not overfitting.
"""

from collections.abc import Mapping

import numpy as np

__all__ = [
    "DEAD_SHARE",
    "OVERFIT_RISE",
    "VANISHED_RATIO",
    "cause_of_ending",
    "is_dead",
    "is_diverged",
    "is_overfitted",
    "is_vanished",
]

DEAD_SHARE = 0.95
VANISHED_RATIO = 1e-6
VANISHED_NORM = 1e-12
OVERFIT_RISE = 0.10


def is_diverged(train_loss: np.ndarray) -> bool:
    """Whether the last training loss of [E] is infinite or NaN."""
    return bool(len(train_loss)) and not bool(np.isfinite(train_loss[-1]))


def is_dead(signs: Mapping[str, np.ndarray]) -> bool:
    """Whether, at the last taking, a hidden layer had DEAD_SHARE of its units dead: "dead" [E', L]."""
    dead = signs.get("dead")
    return dead is not None and dead.size > 0 and bool(np.max(dead[-1]) >= DEAD_SHARE)


def is_vanished(signs: Mapping[str, np.ndarray]) -> bool:
    """Whether, at the last taking, the first layer's gradient was lost: "gradient_norm" [E', L + 1]."""
    norms = signs.get("gradient_norm")
    if norms is None or not norms.size or norms.shape[1] < 2:
        return False
    last, largest = norms[-1], float(np.max(norms[-1]))
    return largest < VANISHED_NORM or bool(last[0] < VANISHED_RATIO * largest)


def is_overfitted(train_loss: np.ndarray, valid_loss: np.ndarray, best_epoch: int) -> bool:
    """Whether validation loss rose OVERFIT_RISE above its best (epochs from 1) as training loss fell."""
    if not 0 < best_epoch < len(valid_loss):
        return False
    best, last = valid_loss[best_epoch - 1], valid_loss[-1]
    return bool(last > best + OVERFIT_RISE * abs(best) and train_loss[-1] < train_loss[best_epoch - 1])


def cause_of_ending(
    train_loss: np.ndarray, valid_loss: np.ndarray, best_epoch: int, signs: Mapping[str, np.ndarray]
) -> str:
    """The first cause that applies of diverged, dead, vanished, overfitted, completed."""
    if is_diverged(train_loss):
        return "diverged"
    if is_dead(signs):
        return "dead"
    if is_vanished(signs):
        return "vanished"
    if is_overfitted(train_loss, valid_loss, best_epoch):
        return "overfitted"
    return "completed"
