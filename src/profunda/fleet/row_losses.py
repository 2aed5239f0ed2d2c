"""Losses of the rows of one member, for autograd."""

import torch
from torch import Tensor
from torch.nn import functional

from profunda.space.design import Design

__all__ = ["likelihood_rows", "loss_rows"]


def loss_rows(design: Design, logits: Tensor, target: Tensor) -> Tensor:
    """Training losses [B] of outputs [B, C]; `target` [B] class codes or [B, C] numbers.

    Classes: cross-entropy with smoothed targets. Numbers: r², or Huber's 2|r| − 1 beyond 1, added over C.
    """
    if target.dtype == torch.int64:
        return functional.cross_entropy(
            logits, target, label_smoothing=design.label_smoothing, reduction="none"
        )
    if design.loss == "huber":
        size = (logits - target).abs()
        inside = size.clamp(max=1.0)
        return (inside * (2.0 * size - inside)).sum(1)
    return (logits - target).square().sum(1)


def likelihood_rows(logits: Tensor, target: Tensor) -> Tensor:
    """Validation losses [B]: cross-entropy, or r² added over C."""
    if target.dtype == torch.int64:
        return functional.cross_entropy(logits, target, reduction="none")
    return (logits - target).square().sum(1)
