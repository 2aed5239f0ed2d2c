"""Losses that people write themselves, with and without mistakes, and what judges such networks."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from _programs.judging import accuracy, explained

__all__ = [
    "absolute",
    "angle",
    "cosine",
    "first_alone",
    "foremost",
    "growers",
    "log_cosh",
    "nearest",
    "numbered",
    "overlap",
    "overlap_missing",
    "pointed",
    "powers",
    "ratio",
    "ratio_of_powers",
    "raw_divergence",
    "rounded_first",
    "share_explained",
    "share_unexplained",
    "without_zero",
]


def overlap(outputs: Tensor, targets: Tensor) -> Tensor:
    """Dice's coefficient of masks: 1 where they are the same. To be made large."""
    said = outputs.sigmoid()
    both = (said * targets).sum((1, 2, 3))
    return ((2 * both + 1) / (said.sum((1, 2, 3)) + targets.sum((1, 2, 3)) + 1)).mean()


def overlap_missing(outputs: Tensor, targets: Tensor) -> Tensor:
    """What lacks to 1."""
    return 1 - overlap(outputs, targets)


def share_explained(outputs: Tensor, targets: Tensor) -> Tensor:
    """Share of the batch's variance that is explained. To be made large."""
    return 1 - share_unexplained(outputs, targets)


def share_unexplained(outputs: Tensor, targets: Tensor) -> Tensor:
    """What is left of the batch's variance."""
    return (outputs - targets).square().mean() / (targets.var(0, unbiased=False).mean() + 0.01)


def rounded_first(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of probabilities rounded to yes or no: rounding has no slope."""
    return F.binary_cross_entropy(outputs.sigmoid().round(), targets)


def absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error, wherever shapes are the same."""
    return (outputs - targets).abs().mean()


def log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of log cosh of the errors, wherever shapes are the same."""
    error = outputs - targets
    return (error + F.softplus(-2 * error) - math.log(2.0)).mean()


def numbered(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of one number [B, T, 1] that should be the letter's place in the alphabet."""
    return F.mse_loss(outputs[..., 0], targets.float())


def nearest(outputs: Tensor, targets: Tensor) -> float:
    """Share of letters that one number [B, T, 1] rounds to, or that have the largest of more."""
    said = outputs[..., 0].round() if outputs.shape[-1] == 1 else outputs.argmax(-1)
    return float((said == targets).float().mean())


def without_zero(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each place without tag 0, which elsewhere fills up short texts, and here is a tag."""
    return F.cross_entropy(outputs.transpose(1, 2), targets, ignore_index=0)


def first_alone(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of the first target, as when there was but one."""
    return F.mse_loss(outputs[:, 0], targets[:, 0])


def _cosine(outputs: Tensor, targets: Tensor) -> Tensor:
    return (F.normalize(outputs, dim=1) * F.normalize(targets, dim=1)).sum(1)


def angle(outputs: Tensor, targets: Tensor) -> Tensor:
    """Angle between two directions; that of a cosine which rounding makes larger than 1 is no number."""
    return _cosine(outputs, targets).acos().mean()


def cosine(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 less the cosine between two directions."""
    return 1 - _cosine(outputs, targets).mean()


def pointed(outputs: Tensor, targets: Tensor) -> float:
    """Mean cosine between two directions."""
    return float(_cosine(outputs, targets).mean())


def raw_divergence(outputs: Tensor, targets: Tensor) -> Tensor:
    """Divergence of shares from outputs, as if these were logarithms of shares."""
    return F.kl_div(outputs, targets, reduction="batchmean")


def growers(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of one yes or no [B, 1] and a class of three."""
    return F.binary_cross_entropy_with_logits(outputs[:, 0], targets.float())


def foremost(outputs: Tensor, targets: Tensor) -> float:
    """Share of right classes; of one logit, yes is class 1 and no is class 0."""
    return accuracy(torch.cat([-outputs, outputs], 1) if outputs.shape[1] == 1 else outputs, targets)


def ratio(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared logarithm of how many times too large outputs are; below 0 they have no logarithm."""
    return (outputs / targets).log().square().mean()


def ratio_of_powers(outputs: Tensor, targets: Tensor) -> Tensor:
    """The same of outputs that are themselves logarithms."""
    return (outputs - targets.log()).square().mean()


def powers(outputs: Tensor, targets: Tensor) -> float:
    """Share of the variance that outputs which are logarithms explain."""
    return explained(outputs.exp(), targets)
