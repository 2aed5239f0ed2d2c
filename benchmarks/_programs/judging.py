"""How good a trained network is on rows nobody trained it on: more is better, NaN never comes out."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from _programs.program import Pair, Rows

__all__ = [
    "accuracy",
    "balanced",
    "believable",
    "believable_logits",
    "by",
    "copied",
    "correlation",
    "explained",
    "foretold",
    "heads_sorted",
    "honestly",
    "informed",
    "outputs_of",
    "probable",
    "rounded",
    "sided",
]

Metric = Callable[[Tensor, Tensor], float]
FLOOR = -1.0
"""Worse than this is not told apart: a share of the variance explained has no lower end."""


def outputs_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """What `model` says in evaluation mode, all rows in one batch; the mode is put back."""
    training = model.training
    model.eval()
    with torch.no_grad():
        outputs = model(inputs)
    model.train(training)
    return outputs


def by(metric: Metric) -> Callable[[nn.Module, Rows], float]:
    """`metric` on the test rows."""

    def judge(model: nn.Module, rows: Rows) -> float:
        return _of(metric, model, rows.test)

    return judge


def foretold(model: nn.Module, rows: Rows) -> float:
    """Share of next words [B, T] that are right where, as in use, no later word is known yet."""
    inputs, targets = rows.test
    right = []
    for place in range(inputs.shape[1]):
        known = inputs.clone()
        known[:, place + 1 :] = 0
        right.append(outputs_of(model, known)[:, place].argmax(-1) == targets[:, place])
    return float(torch.stack(right).float().mean())


def honestly(metric: Metric) -> Callable[[nn.Module, Rows], float]:
    """How far the validation's score can be trusted: minus its distance from the test's."""

    def judge(model: nn.Module, rows: Rows) -> float:
        return -abs(_of(metric, model, rows.valid) - _of(metric, model, rows.test))

    return judge


def _of(metric: Metric, model: nn.Module, rows: Pair) -> float:
    outputs = outputs_of(model, rows[0])
    if isinstance(outputs, tuple):
        finite = all(bool(part.isfinite().all()) for part in outputs)
    else:
        finite = bool(outputs.isfinite().all())
    return metric(outputs, rows[1]) if finite else FLOOR


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of right classes; classes are the last axis of outputs."""
    return float((outputs.argmax(-1) == targets).float().mean())


def balanced(outputs: Tensor, targets: Tensor) -> float:
    """Mean over the classes of the share of each that is found; one output is a logit."""
    said = outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs[:, 0] > 0).long()
    targets = targets.reshape(-1).long()
    return float(torch.stack([(said[targets == k] == k).float().mean() for k in targets.unique()]).mean())


def sided(outputs: Tensor, targets: Tensor) -> float:
    """Share of logits on the right side of 0."""
    return float(((outputs > 0) == (targets > 0.5)).float().mean())


def probable(outputs: Tensor, targets: Tensor) -> float:
    """Share of probabilities on the right side of one half."""
    return float(((outputs > 0.5) == (targets > 0.5)).float().mean())


def rounded(outputs: Tensor, targets: Tensor) -> float:
    """Share of numbers that round to the right class."""
    return float((outputs.reshape(-1).round() == targets).float().mean())


def explained(outputs: Tensor, targets: Tensor) -> float:
    """Share of the targets' variance explained."""
    outputs = outputs.reshape(targets.shape)
    share = 1 - float(F.mse_loss(outputs, targets)) / float(targets.var(0, unbiased=False).mean())
    return max(share, FLOOR)


def copied(outputs: Tensor, targets: Tensor) -> float:
    """As `explained`, over whole rows."""
    return explained(outputs.flatten(1), targets.flatten(1))


def correlation(outputs: Tensor, targets: Tensor) -> float:
    """Correlation of outputs and targets; 0 where either does not vary."""
    pair = torch.stack([outputs.reshape(-1), targets.reshape(-1)])
    return float(torch.corrcoef(pair)[0, 1].nan_to_num(0.0))


def believable(outputs: Tensor, targets: Tensor) -> float:
    """Share of the targets' variance that probabilities explain (Brier's score against the base rate)."""
    return explained(outputs, targets)


def believable_logits(outputs: Tensor, targets: Tensor) -> float:
    """The same of logits."""
    return explained(outputs.sigmoid(), targets)


def informed(outputs: Tensor, targets: Tensor) -> float:
    """Share of a uniform guess's cross-entropy that logits take away: being sure and wrong costs."""
    return max(1 - float(F.cross_entropy(outputs, targets)) / math.log(outputs.shape[-1]), FLOOR)


def heads_sorted(outputs: tuple[Tensor, Tensor], targets: Tensor) -> float:
    """Accuracy of the first of two heads; the classes are the targets' first column."""
    return accuracy(outputs[0], targets[:, 0].long())
