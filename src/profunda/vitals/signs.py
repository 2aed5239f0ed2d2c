"""The one table of vital signs: what is measured, on which rows, and when; every producer follows it.

The formulas are over one layer of one member. a [B, H] are the activations of a hidden layer in evaluation
mode (right after the activation function: before a norm placed behind it, without dropout) on the probe rows;
θ are a layer's weights and biases, and γ and β of its norm; g their gradient of the mean batch loss without
penalties and before clipping, Δθ what the step changed.
"""

from dataclasses import dataclass

__all__ = ["PROBE_ROWS", "SATURATION", "SIGNS", "Sign", "sign_interval", "takes_signs"]

PROBE_ROWS = 256
"""Activations are taken on so many first validation rows: few to cost little, many for a stable share."""

STEPS_BETWEEN = 100
"""Signs are taken about once in so many steps; in short epochs they would cost more than the training."""


@dataclass(frozen=True)
class Sign:
    """One vital sign. `of` is "activations" (hidden layers) or "weights" (all layers)."""

    name: str
    title: str
    formula: str
    unit: str
    of: str


SIGNS = (
    Sign("activation_mean", "mean activation", "mean of a over rows and units", "activation", "activations"),
    Sign("activation_std", "spread of activations", "sqrt(mean a² − (mean a)²)", "activation", "activations"),
    Sign(
        "dead", "dead units", "share of units whose a is the same on every probe row", "share", "activations"
    ),
    Sign(
        "saturated",
        "saturated activations",
        "share of a at a flat end of the activation function (see SATURATION)",
        "share",
        "activations",
    ),
    Sign(
        "gradient_norm", "gradient norm", "‖g‖ on the last step of the epoch", "loss per parameter", "weights"
    ),
    Sign("update_ratio", "update to weight", "‖Δθ‖ / ‖θ‖ on the last step of the epoch", "ratio", "weights"),
)

SATURATION: dict[str, tuple[float, float]] = {
    "tanh": (-0.99, 0.99),
    "sigmoid": (0.01, 0.99),
    "elu": (-0.99, float("inf")),
    "selu": (-0.99 * 1.0507009873554805 * 1.6732632423543772, float("inf")),
}
"""Outside (low, high) an activation sits at a flat end, where less than about 4 % of the largest slope is
left. Activations not listed have no flat end but zero, which `dead` covers; their share is 0."""


def sign_interval(steps_per_epoch: int) -> int:
    """k: signs are taken in the epochs 1, 1 + k, 1 + 2k, …, with k = ⌈100 / steps per epoch⌉.

    >>> sign_interval(13), sign_interval(100), sign_interval(1000)
    (8, 1, 1)
    """
    return max(1, -(-STEPS_BETWEEN // steps_per_epoch))


def takes_signs(epoch: int, steps_per_epoch: int) -> bool:
    """Whether signs are taken in `epoch`, counted from 1."""
    return (epoch - 1) % sign_interval(steps_per_epoch) == 0
