"""A penalty on how far a model's outputs change when its inputs are transformed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from profunda.errors import ArgumentError

__all__ = ["Consistency"]


@dataclass(frozen=True)
class Consistency:
    """λ · mean over rows of ‖p(t(x)) − p(x)‖², to be added to any loss.

    p are the outputs as they are ("values") or the softmax of logits over axis 1 ("probabilities", which are
    bounded). Sajjadi, Javanmardi and Tasdizen (2016, eq. 1) on two random transformations, here on one and
    none; for small transformations it is tangent propagation (Simard et al. 1992). It takes no labels.
    `transform` maps inputs to inputs of the same rows, as an `ImageAugmentation` does; gradients pass to both
    sides.
    """

    strength: float
    transform: Callable[[Tensor], Tensor]
    of: Literal["values", "probabilities"] = "probabilities"

    def __post_init__(self) -> None:
        if not (self.strength >= 0.0 and math.isfinite(self.strength)):
            raise ArgumentError(
                f"strength = {self.strength} is no penalty: it must be finite and at least 0."
            )
        if self.of not in ("values", "probabilities"):
            raise ArgumentError(f"of = {self.of!r}: the penalty is on 'values' or on 'probabilities'")

    def value(self, model: Callable[[Tensor], Tensor], x: Tensor, outputs: Tensor | None = None) -> Tensor:
        """The penalty, a number, on inputs `x` [B, …]; `outputs` [B, …] are model(x), where they are at hand.

        Raises ArgumentError where transformed inputs lead to outputs of another shape.
        """
        before = model(x) if outputs is None else outputs
        after = model(self.transform(x))
        if after.shape != before.shape:
            raise ArgumentError(
                f"the model's outputs are {tuple(before.shape)}, on transformed inputs {tuple(after.shape)}: "
                "they cannot be compared; let the transformation keep the rows and the shape"
            )
        if self.of == "probabilities":
            before, after = torch.softmax(before, 1), torch.softmax(after, 1)
        return self.strength * (after - before).square().flatten(1).sum(1).mean()
