"""Losses that can take the place of another: by name, or by what they mend in the one that is there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from profunda.diagnosis.tasks import class_axis
from profunda.errors import ArgumentError

__all__ = ["OBJECTIVES", "Mended", "Objective", "class_weights"]

OBJECTIVES = ("cross-entropy", "nll", "bce", "bce-logits", "mse", "mae", "huber", "robust")
"""What `Objective` can be. "robust" is (1 − p^q)/q of the right class's probability p, the generalised
cross-entropy of Zhang and Sabuncu (2018): a row whose label cannot be believed counts less."""

TRUST = 0.7
"""Its q: 0 is cross-entropy, 1 the mean absolute error."""


@dataclass(frozen=True)
class Objective:
    """A loss by `name`, for outputs [N, …] and targets of any shape that holds as much: classes as indices
    or one-hot, one column or none. `weights` [C] are of classes, `smoothing` is of labels.
    """

    name: str
    weights: Tensor | None = None
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in OBJECTIVES:
            raise ArgumentError(
                f"No loss is called {self.name!r}; those that can be put in are {', '.join(OBJECTIVES)}."
            )

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean over all that is compared."""
        weights = None if self.weights is None else self.weights.to(outputs)
        if self.name == "robust":
            made, asked = _as_classes(outputs, targets)
            log_chance = -functional.cross_entropy(made, asked, reduction="none")
            return ((1.0 - (TRUST * log_chance).exp()) / TRUST).mean()
        if self.name in ("cross-entropy", "nll"):
            made, asked = _as_classes(outputs, targets)
            if self.name == "nll":
                return functional.nll_loss(made, asked, weight=weights)
            return functional.cross_entropy(made, asked, weight=weights, label_smoothing=self.smoothing)
        asked = _as_numbers(outputs, targets)
        if self.name == "bce-logits":
            positive = None if weights is None else weights[1] / weights[0]
            return functional.binary_cross_entropy_with_logits(outputs, asked, pos_weight=positive)
        if self.name == "bce":
            return functional.binary_cross_entropy(outputs.clamp(0.0, 1.0), asked)
        plain = {"mse": functional.mse_loss, "mae": functional.l1_loss, "huber": functional.smooth_l1_loss}
        return plain[self.name](outputs, asked)


@dataclass(frozen=True)
class Mended:
    """The loss that is there, with `how`: "sign" turned round, "shapes" of targets those of outputs, or
    "sigmoid", "softmax", "log_softmax" applied to outputs first.
    """

    loss_fn: Callable[..., Any]
    how: str

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """What the loss gives so."""
        if self.how == "sign":
            return -self.loss_fn(outputs, targets)
        if self.how == "shapes":
            return self.loss_fn(outputs, _as_numbers(outputs, targets))
        axis = 1 if outputs.ndim > 1 else 0
        apply = {
            "sigmoid": torch.sigmoid,
            "softmax": lambda made: made.softmax(axis),
            "log_softmax": lambda made: made.log_softmax(axis),
        }
        return self.loss_fn(apply[self.how](outputs), targets)


def class_weights(targets: Tensor) -> Tensor:
    """N/(C·n_c) of each class [C]: the mean over rows is 1."""
    counts = torch.bincount(targets.reshape(-1).long().clamp(min=0)).clamp(min=1).float()
    return counts.sum() / (len(counts) * counts)


def _as_classes(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits with classes on axis 1, and indices."""
    if targets.shape == outputs.shape and targets.ndim > 1 and outputs.shape[1] > 1:
        return outputs, targets.argmax(1) if not targets.is_floating_point() else targets.to(outputs)
    axis = class_axis(tuple(outputs.shape), tuple(targets.shape))
    if axis is None:
        flat = outputs.reshape(-1, outputs.shape[-1])
        return flat, targets.reshape(-1).long()
    made = outputs.movedim(axis, 1)
    return made, targets.reshape(made.shape[:1] + made.shape[2:]).long()


def _as_numbers(outputs: Tensor, targets: Tensor) -> Tensor:
    if targets.numel() == outputs.numel():
        return targets.to(outputs).reshape(outputs.shape)
    if outputs.ndim == 2 and targets.numel() == len(outputs):  # indices of classes
        return functional.one_hot(targets.reshape(-1).long(), outputs.shape[1]).to(outputs)
    raise ArgumentError(
        f"Outputs {list(outputs.shape)} and targets {list(targets.shape)} do not hold equally many numbers, "
        "so no loss compares them one by one: give the network as many outputs as targets."
    )
