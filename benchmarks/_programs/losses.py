"""Losses that people write as functions, without and with mistakes."""

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "absolute",
    "always_first",
    "both_heads",
    "broadcast_bce",
    "clipped_bce",
    "detached",
    "divergence",
    "first_place",
    "focal",
    "indices_squared",
    "negated",
    "one_hot_squared",
    "percentage",
    "places",
    "predicted_only",
    "reversed_likeness",
    "similarity",
    "smoothed",
    "squared",
    "unlikeness",
]


def places(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy at every place: [B, T, C] and [B, T]."""
    return F.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def first_place(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of the first place alone: a slice left over from trying it out."""
    return F.cross_entropy(outputs[:, 0], targets[:, 0])


def always_first(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of the first row of each batch."""
    return F.cross_entropy(outputs[:1], targets[:1])


def both_heads(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    """Classes and a value: targets [B, 2] hold both."""
    return F.cross_entropy(outputs[0], targets[:, 0].long()) + F.mse_loss(outputs[1][:, 0], targets[:, 1])


def one_hot_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of what should be probabilities."""
    return F.mse_loss(outputs, F.one_hot(targets, outputs.shape[-1]).float())


def indices_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared errors of one output that should be the number of the class."""
    return F.mse_loss(outputs[:, 0], targets.float())


def negated(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean log-likelihood, made small instead of large."""
    return F.log_softmax(outputs, -1).gather(-1, targets[:, None]).mean()


def unlikeness(outputs: Tensor, targets: Tensor) -> Tensor:
    """1 - correlation over the batch."""
    return 1 - similarity(outputs, targets)


def reversed_likeness(outputs: Tensor, targets: Tensor) -> Tensor:
    """The correlation itself, as a loss."""
    return similarity(outputs, targets)


def similarity(outputs: Tensor, targets: Tensor) -> Tensor:
    """Correlation over the batch of outputs and targets [B, 1]."""
    return F.cosine_similarity(outputs - outputs.mean(), targets - targets.mean(), dim=0).mean()


def detached(outputs: Tensor, targets: Tensor) -> Tensor:
    """What is done so that PyTorch stops complaining."""
    return torch.tensor(F.mse_loss(outputs, targets).item(), requires_grad=True)


def predicted_only(outputs: Tensor, targets: Tensor) -> Tensor:
    """Of the class said, which has no gradient."""
    wrong = (outputs.argmax(-1) != targets).float().mean()
    return wrong.clone().requires_grad_(True)


def percentage(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute percentage error: targets that are 0 divide by 0."""
    return ((outputs - targets) / targets).abs().mean()


def clipped_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of probabilities; what is none is moved to the nearest one, and no gradient passes."""
    return F.binary_cross_entropy(outputs.clamp(1e-7, 1 - 1e-7), targets)


def divergence(outputs: Tensor, targets: Tensor) -> Tensor:
    """Kullback–Leibler divergence from its definition, of one-hot targets: 0 · log 0."""
    wanted, said = F.one_hot(targets, outputs.shape[-1]).float(), outputs.softmax(-1)
    return (wanted * (wanted / said).log()).sum(-1).mean()


def smoothed(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy with labels smoothed by 0.1."""
    return F.cross_entropy(outputs, targets, label_smoothing=0.1)


def focal(outputs: Tensor, targets: Tensor) -> Tensor:
    """Focal loss with γ = 2 (Lin et al. 2017) of one logit."""
    plain = F.binary_cross_entropy_with_logits(outputs, targets, reduction="none")
    return ((1 - torch.exp(-plain)) ** 2 * plain).mean()


def absolute(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error by hand: unequal shapes broadcast."""
    return (outputs - targets).abs().mean()


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error by hand: unequal shapes broadcast."""
    return ((outputs - targets) ** 2).mean()


def broadcast_bce(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of logits from its definition: unequal shapes broadcast."""
    return (F.softplus(outputs) - targets * outputs).mean()
