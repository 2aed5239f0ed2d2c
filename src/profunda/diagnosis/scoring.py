"""A user's loss and a plain score on given rows: one number a row, whatever the loss sums or averages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.copying import cloned, copy_of
from profunda.diagnosis.feeding import Feed, outputs_in
from profunda.diagnosis.givens import Task
from profunda.diagnosis.record import Against
from profunda.diagnosis.skills import disagreement, mistakes
from profunda.diagnosis.tasks import class_axis, task_of

__all__ = ["Yardstick", "against", "recall", "score", "yardstick_of"]

_FEW = 8


@dataclass(frozen=True)
class Yardstick:
    """`loss_fn` on a copy of its own where it is a module. `sums`: whether it grows with the number of rows
    at the same mean; its value is then scaled to `batch` rows, so that losses of different numbers of rows
    compare, and gradients are as long as those of a batch.
    """

    loss_fn: Callable[..., Any]
    sums: bool
    batch: int

    def loss(self, outputs: Any, targets: Any, rows: int) -> Tensor:
        """A number with its gradient, of a loss that gives one a row the mean. Raises what the loss raises,
        and TypeError where it gives no tensor.
        """
        value = self.loss_fn(outputs, cloned(targets))  # which a loss may change in place
        if not isinstance(value, Tensor):
            raise TypeError(f"the loss gave {type(value).__name__}, and not a tensor")
        if value.numel() != 1:
            value = value.mean()
        value = value.reshape(())
        return value * (self.batch / max(1, rows)) if self.sums else value


def yardstick_of(loss_fn: Callable[..., Any], outputs: Any, feed: Feed, batch: int) -> Yardstick:
    """Learns whether the loss sums over rows: by giving it some rows once, and each of them twice."""
    own = copy_of(loss_fn) if isinstance(loss_fn, nn.Module) else loss_fn
    return Yardstick(own, _sums(own, outputs, feed), batch)


@torch.no_grad()
def _sums(loss_fn: Callable[..., Any], outputs: Any, feed: Feed) -> bool:
    few = torch.arange(min(_FEW, feed.rows))
    twice = torch.cat([few, few])
    if not feed.matched:
        return False
    values = []
    for index in (few, twice):
        part = Feed((outputs,), (), feed.targets, feed.rows, feed.axis).take(index)
        try:
            value = torch.as_tensor(loss_fn(part.inputs[0], part.targets))
        except Exception:  # the loss itself is asked about elsewhere
            return False
        if value.numel() != 1:
            return False
        values.append(float(value))
    once, double = values
    return once != 0.0 and 1.9 < double / once < 4.1  # 4 where rows are compared crosswise


# Scores ---------------------------------------------------------------------------------------------


@torch.no_grad()
def score(outputs: Any, targets: Any, task: Task | None = None) -> float:
    """Share of right answers for classes, of right labels for several; R² for values; NaN where it has no
    meaning.

    With one output a probability above ½, or a logit above 0, is the second class.
    """
    made = outputs_in(outputs)
    if made is None or not isinstance(targets, Tensor) or not targets.numel():
        return float("nan")
    kind = (task or task_of(outputs, targets)).kind
    made = made.detach().double()
    if not bool(torch.isfinite(made).all()):
        return float("nan")
    if kind in ("classes", "binary", "sequence"):
        return _accuracy(made, targets, kind)
    if kind == "multilabel":
        return _labels(made, targets)
    return _explained(made, targets) if kind in ("values", "copy") else float("nan")


@torch.no_grad()
def recall(outputs: Any, targets: Any, task: Task) -> np.ndarray:
    """Of each class's rows or places the share that is told right [C], NaN where a class has none; empty
    where targets are no classes.
    """
    made = outputs_in(outputs)
    n = 2 if task.kind == "binary" else task.n_classes
    if made is None or not isinstance(targets, Tensor) or task.kind not in ("classes", "binary", "sequence"):
        return np.empty(0)
    pair = _classes(made.detach().double(), targets, task.kind)
    if pair is None or n < 2:
        return np.empty(0)
    said, known = pair
    found = np.full(n, np.nan)
    for c in range(n):
        here = known == c
        if bool(here.any()):
            found[c] = float((said[here] == c).double().mean())
    return found


@torch.no_grad()
def against(outputs: Any, targets: Any, task: Task) -> Against | None:
    """How given classes [N] differ from what outputs [N, C] say; None where targets are no such classes."""
    made = outputs_in(outputs)
    if task.kind != "classes" or made is None or made.ndim != 2 or made.shape[1] < 2:
        return None
    if not isinstance(targets, Tensor) or targets.numel() != len(made) or not bool(made.isfinite().all()):
        return None
    shares = made.double().softmax(1).cpu().numpy()
    labels = targets.reshape(-1).long().cpu().numpy()
    found, (surest, rows) = mistakes(shares, labels), disagreement(shares, labels)
    return Against(found.every, surest, rows, found.beside) if rows else None


def _accuracy(made: Tensor, targets: Tensor, kind: str) -> float:
    pair = _classes(made, targets, kind)
    return float("nan") if pair is None or not len(pair[0]) else float((pair[0] == pair[1]).double().mean())


def _classes(made: Tensor, targets: Tensor, kind: str) -> tuple[Tensor, Tensor] | None:
    """Classes that outputs say and targets hold, flat; ignored places (below 0) left out."""
    if kind == "binary" and made.numel() == targets.numel():
        return (made > _middle(made)).long().reshape(-1), _second(targets).reshape(-1)
    if made.shape == targets.shape and made.ndim > 1 and made.shape[-1] > 1:  # one-hot, or shares
        return made.argmax(-1).reshape(-1), targets.argmax(-1).reshape(-1)
    if kind == "binary":
        targets = targets.reshape(len(targets))
    axis = class_axis(tuple(made.shape), tuple(targets.shape))
    if axis is None or made.shape[axis] < 2:
        return None
    said = made.argmax(axis).reshape(-1)
    known = targets.reshape(-1).long()
    return said[known >= 0], known[known >= 0]


def _labels(made: Tensor, targets: Tensor) -> float:
    if made.numel() != targets.numel():
        return float("nan")
    return float(((made > _middle(made)).long().reshape(-1) == _second(targets).reshape(-1)).double().mean())


def _middle(made: Tensor) -> float:
    """½ for what may be probabilities, else 0."""
    return 0.5 if float(made.min()) >= 0.0 and float(made.max()) <= 1.0 else 0.0


def _second(targets: Tensor) -> Tensor:
    """1 for the second of two labels, be they 0 and 1 or −1 and 1."""
    return (targets > max(0.0, float(targets.min()))).long()


def _explained(made: Tensor, targets: Tensor) -> float:
    if made.numel() != targets.numel() or targets.is_complex():
        return float("nan")
    asked = targets.detach().double().reshape(len(targets), -1)
    total = float((asked - asked.mean(0)).square().sum())
    error = float((made.reshape(asked.shape) - asked).square().sum())
    return 1.0 - error / total if total > 0.0 else float("nan")
