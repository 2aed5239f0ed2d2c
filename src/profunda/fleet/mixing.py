"""How rows of a batch are mixed: the shares λ of mixup and cutmix, from 12 random bits."""

from functools import lru_cache

import numpy as np

__all__ = ["LEVELS", "beta_quantiles"]

LEVELS = 4096


@lru_cache(maxsize=256)
def beta_quantiles(alpha: float) -> np.ndarray:
    """Quantiles of Beta(α, α) at (i + ½)/4096: float64 [4096], read-only.

    A uniform i makes of them a share λ (Zhang et al. 2018, "mixup", §2).
    """
    from scipy.special import betaincinv  # here, because few designs mix rows

    made = betaincinv(alpha, alpha, (np.arange(LEVELS) + 0.5) / LEVELS)
    made.flags.writeable = False
    return made
