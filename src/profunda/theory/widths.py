"""What the widths of a network say before any training: β and the fluctuation of its activations.

Sources: Hanin, "Which neural net architectures give rise to exploding and vanishing gradients?" (2018),
theorem 1 and corollary 2; Hanin and Nica, "Products of many large random matrices and gradients in deep
neural networks" (2020); Hanin and Rolnick, "How to start training" (2018), theorem 6, for ‖x_L‖².
"""

import math
from collections.abc import Sequence

from profunda.errors import ArgumentError

__all__ = ["beta", "checked_widths", "relu_fluctuation"]


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """Widths of hidden layers as they are; none at all is the linear model. ArgumentError for one below 1."""
    for layer, width in enumerate(widths):
        if width < 1:
            raise ArgumentError(
                f"Layer {layer + 1} of {len(widths)} has width {width}: no layer is narrower than 1 unit; "
                "leave out a layer that should not be there."
            )
    return tuple(widths)


def beta(widths: Sequence[int]) -> float:
    """β = Σ_l 1/n_l over the hidden layers: L/H for equal widths, 0 for the linear model.

    At initialisation a ReLU network's log squared gradient norm has a variance of about 5β (Hanin and Nica
    2020), so 5β > 1 means gradients whose size differs by more than a factor e between one seed and the next.
    Raises ArgumentError for a width below 1.

    >>> round(beta([128, 64, 32]), 4)
    0.0547
    """
    return math.fsum(1.0 / width for width in checked_widths(widths))


def relu_fluctuation(widths: Sequence[int]) -> float:
    """Relative variance Π_l (1 + 5/n_l) − 1 of ‖x_L‖² over He initialisations of a ReLU network.

    One layer multiplies ‖x‖² by the mean over its n units of 2·relu(g)², whose second moment is 6 against a
    squared first moment of 1: E[(mean)²] = 1 + 5/n, and layers are independent (Hanin and Rolnick 2018, §3).
    Exact for Gaussian weights and no biases, whatever the widths; the same for ‖J u‖², with J the Jacobian of
    x_L by the input and u a fixed direction, and E z_i²z_j²/q² − 1 for two units of the layer after `widths`.
    `profunda.theory.finite_width` has the laws of logarithms, of input gradients and of the tangent kernel.
    Raises ArgumentError for a width below 1.

    >>> round(relu_fluctuation([128, 64, 32]), 3)
    0.295
    """
    return math.prod(1.0 + 5.0 / width for width in checked_widths(widths)) - 1.0
