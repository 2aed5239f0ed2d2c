"""Losses of single rows, as curvature and per-row gradients need them."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from profunda.errors import ArgumentError, DataError

__all__ = ["RowLoss", "check_targets", "cross_entropy", "squared_error"]

RowLoss = Callable[[Tensor, Tensor], Tensor]
"""Predictions [B, C] and targets [B, ...] to one number for each row, [B]."""


def squared_error(z: Tensor, y: Tensor) -> Tensor:
    """½‖z_n − y_n‖² for each row: z [B, C], y [B, C], or [B] where C = 1.

    Its Hessian by the predictions is the identity: the Gauss-Newton matrix is then JᵀJ/N. Raises
    ArgumentError for targets of another shape.
    """
    if y.shape != z.shape and (z.shape[1] != 1 or y.shape != z.shape[:1]):
        raise ArgumentError(
            f"Targets of shape {tuple(y.shape)} do not belong to predictions {tuple(z.shape)}: give one "
            "number for each output of each row."
        )
    return 0.5 * (z - y.reshape(z.shape)).square().sum(dim=1)


def cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """−log softmax(z_n)[y_n] for each row: logits z [B, C], classes y [B]."""
    return functional.cross_entropy(z, y, reduction="none")


def check_targets(z: Tensor, y: Tensor, loss: RowLoss) -> None:
    """Raises DataError for targets that are not finite, ArgumentError for others that do not fit z [B, C]."""
    if y.device != z.device:
        raise ArgumentError(f"y is on {y.device}, the module on {z.device}: move one of them.")
    if y.is_floating_point() and not torch.isfinite(y).all():
        raise DataError("y holds NaN or infinite values: fill or leave out these rows.")
    try:
        found = loss(z, y)
    except Exception as error:  # whatever a stranger's loss raises
        raise ArgumentError(
            f"The loss does not take predictions {tuple(z.shape)} and targets {tuple(y.shape)}, {y.dtype} "
            f"({type(error).__name__}: {error}): squared_error wants numbers, cross_entropy classes."
        ) from error
    if found.shape != (len(z),):
        raise ArgumentError(
            f"The loss gives shape {tuple(found.shape)}, not one number for each of {len(z)} rows: use "
            "reduction='none'."
        )
