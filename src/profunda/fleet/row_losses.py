"""Losses of the rows of one member, for autograd."""

import torch
from torch import Tensor
from torch.nn import functional

from profunda.space.design import Design

__all__ = ["likelihood_rows", "loss_rows"]


def loss_rows(
    design: Design, logits: Tensor, target: Tensor, share: Tensor | None = None, *, labels: bool = False
) -> Tensor:
    """Training losses [B] of outputs [B, C]; `target` [B] class codes or [B, C] numbers or labels.

    Classes: cross-entropy with smoothed targets. Labels: that of each against its contrary. Numbers: r², or
    Huber's 2|r| − 1 beyond 1. Both are added over C, each times its `share` [B, C] (None: 1).
    """
    if target.dtype == torch.int64:
        return functional.cross_entropy(
            logits, target, label_smoothing=design.label_smoothing, reduction="none"
        )
    if labels:
        smooth = target * (1.0 - design.label_smoothing) + 0.5 * design.label_smoothing
        return _added(_cross_entropy(logits, smooth), share)
    if design.loss == "huber":
        size = (logits - target).abs()
        inside = size.clamp(max=1.0)
        return _added(inside * (2.0 * size - inside), share)
    return _added((logits - target).square(), share)


def likelihood_rows(
    logits: Tensor, target: Tensor, share: Tensor | None = None, *, labels: bool = False
) -> Tensor:
    """Validation losses [B]: cross-entropy, or r² or the cross-entropy of labels added over C."""
    if target.dtype == torch.int64:
        return functional.cross_entropy(logits, target, reduction="none")
    return _added(_cross_entropy(logits, target) if labels else (logits - target).square(), share)


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, target, reduction="none")


def _added(losses: Tensor, share: Tensor | None) -> Tensor:
    return (losses if share is None else losses * share).sum(1)
