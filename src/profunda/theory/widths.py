"""What the widths of a network say before any training: β and the fluctuation of its activations.

Sources: Hanin, "Which neural net architectures give rise to exploding and vanishing gradients?" (2018),
theorem 1 and corollary 2; Hanin and Nica, "Products of many large random matrices and gradients in deep
neural networks" (2020); Hanin and Rolnick, "How to start training" (2018), theorem 6, for ‖x_L‖².
"""

import math
from collections.abc import Sequence

__all__ = ["beta", "relu_fluctuation"]


def beta(widths: Sequence[int]) -> float:
    """β = Σ_l 1/n_l over the hidden layers: L/H for equal widths, 0 for the linear model.

    At initialisation a ReLU network's log squared gradient norm has a variance of about 5β (Hanin and Nica
    2020), so 5β > 1 means gradients whose size differs by more than a factor e between one seed and the next.

    >>> round(beta([128, 64, 32]), 4)
    0.0547
    """
    return math.fsum(1.0 / width for width in widths)


def relu_fluctuation(widths: Sequence[int]) -> float:
    """Relative variance Π_l (1 + 5/n_l) − 1 of ‖x_L‖² over He initialisations of a ReLU network.

    One layer multiplies ‖x‖² by the mean over its n units of 2·relu(g)², whose second moment is 6 against a
    squared first moment of 1: E[(mean)²] = 1 + 5/n, and layers are independent (Hanin and Rolnick 2018, §3).

    >>> round(relu_fluctuation([128, 64, 32]), 3)
    0.295
    """
    return math.prod(1.0 + 5.0 / width for width in widths) - 1.0
