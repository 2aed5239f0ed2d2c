"""How good a trained network is on rows that judge, row by row, and whether one beats another by test.

Two networks judged on the same rows after trainings with the same seeds are compared in pairs. The variance
of the mean difference is that between rows over their number plus that between seeds over theirs, with the
degrees of freedom of Satterthwaite (1946).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from scipy.special import stdtrit
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped
from profunda.diagnosis.copying import tensors_in
from profunda.diagnosis.feeding import Feed, outputs_in
from profunda.diagnosis.givens import Task
from profunda.diagnosis.scoring import score
from profunda.diagnosis.tasks import class_axis

__all__ = ["CONFIDENCE", "Comparison", "Judge", "Mark", "Spread", "compared", "spread_of"]

CONFIDENCE = 0.975
"""Of the one-sided test: 4.3 standard errors where three seeds differ more than rows do."""

GAIN, LESS = 0.005, 0.02
"""Least differences that count: of scores, and of losses as a part of the control's."""

FAR = 9.0
"""A squared error counts at most so many of the targets' variances: three standard deviations, so that a few
wild rows do not hide what the others say."""

BLOCKS, CHUNK = 32, 512
"""Blocks of rows whose losses are compared, and rows in one pass."""


@dataclass(frozen=True)
class Mark:
    """`right` [R] of every row: the share of right answers, or 1 − squared error over the targets' variance;
    those of the best constant where that does better, so that it makes no difference how wrong a network is
    that tells nothing; empty where targets have no such score. `loss` [K] of blocks of rows. `score` over all
    rows. `failed`: training or judging broke down. `belief` [R]: squared distance of probabilities from what
    was right (Brier 1950), empty where outputs are none: it compares networks that were trained by different
    losses. `constant`: the score of the best constant.
    """

    right: np.ndarray
    loss: np.ndarray
    score: float
    failed: bool = False
    belief: np.ndarray = field(default_factory=lambda: np.empty(0))
    constant: float = math.nan

    @property
    def learnt(self) -> float:
        """What it tells more than a constant."""
        return self.told if math.isnan(self.constant) else self.told - self.constant

    @property
    def told(self) -> float:
        """The score, or the best constant's where that is higher."""
        return self.score if math.isnan(self.constant) else max(self.score, self.constant)


@dataclass(frozen=True)
class Comparison:
    """Mean differences of a candidate to its control, score and loss (positive is better), with standard
    errors; NaN where they do not compare. `better` and `worse` by test.
    """

    score: float
    score_error: float
    loss: float
    loss_error: float
    better: bool
    worse: bool

    @property
    def leans(self) -> bool:
        """Whether it looks better, though no test says so."""
        return not self.worse and (self.score > 0.0 or (not self.score < 0.0 and self.loss > 0.0))


@dataclass(frozen=True)
class Judge:
    """Rows that judge, for networks given in the user's own units. `balanced`: classes count alike."""

    feed: Feed
    task: Task
    balanced: bool = False

    def __call__(self, module: nn.Module, loss_fn: Callable[..., Any]) -> Mark:
        """`module` in evaluation mode; a loss that raises gives none."""
        own = module.eval()
        made, losses = [], []
        with torch.no_grad():
            for index in torch.arange(self.feed.rows).split(CHUNK):
                part = self.feed.take(index)
                made.append(part.through(own))
            outputs = _together(made)
            for index in torch.arange(self.feed.rows).tensor_split(min(BLOCKS, self.feed.rows)):
                losses.append(self._loss(outputs, index, loss_fn))
        found = outputs_in(outputs)
        if found is None or not bool(torch.isfinite(found).all()):
            return Mark(np.empty(0), np.empty(0), math.nan, True)
        right, constant = self._right(found.double())
        whole = float(right.mean()) if len(right) else score(outputs, self.feed.targets, self.task)
        least = float(constant.mean()) if len(constant) else math.nan
        belief = _belief(found.double(), self.feed.targets, self.task)
        return Mark(constant if whole < least else right, np.array(losses), whole, False, belief, least)

    def _loss(self, outputs: Any, index: Tensor, loss_fn: Callable[..., Any]) -> float:
        part = Feed((outputs,), (), self.feed.targets, self.feed.rows, self.feed.axis).take(index)
        try:
            value = torch.as_tensor(loss_fn(part.inputs[0], part.targets)).double().mean()
        except Exception:  # the old loss need not take the outputs of another head
            return math.nan
        return float(value)

    def _right(self, made: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Of every row, and what the best constant would have there."""
        targets, kind = self.feed.targets, self.task.kind
        if not isinstance(targets, Tensor):
            return np.empty(0), np.empty(0)
        if kind in ("values", "copy") and made.numel() == targets.numel():
            mean = targets.double().mean(0).expand(targets.shape)
            return _explained(made, targets), _explained(mean, targets)
        hits = _hits(made, targets, kind)
        if hits is None:
            return np.empty(0), np.empty(0)
        right, known = hits
        _, known, counts = np.unique(known, return_inverse=True, return_counts=True)
        constant = (known == counts.argmax()).astype(float)
        weight = len(known) / (len(counts) * counts[known]) if self.balanced else 1.0
        return self._by_rows(right * weight), self._by_rows(constant * weight)

    def _by_rows(self, right: np.ndarray) -> np.ndarray:
        n = self.feed.rows
        return right.reshape(n, -1).mean(1) if len(right) % n == 0 else right


def _together(made: Sequence[Any]) -> Any:
    if len(made) == 1:
        return made[0]
    columns = iter(zip(*(tensors_in(one) for one in made), strict=True))
    return mapped(made[0], lambda one: torch.cat(next(columns)) if one.ndim else next(columns)[0])


def _explained(made: Tensor, targets: Tensor) -> np.ndarray:
    asked = targets.double().reshape(len(targets), -1)
    spread = asked.var(0, correction=0)
    error = (made.reshape(asked.shape) - asked).square()[:, spread > 0] / spread[spread > 0]
    return (1.0 - error.clamp(max=FAR)).mean(1).cpu().numpy() if error.shape[1] else np.empty(0)


def _belief(made: Tensor, targets: Any, task: Task) -> np.ndarray:
    """Of yes or no alone, whose probabilities lie between 0 and 1."""
    two = task.kind in ("binary", "multilabel") and isinstance(targets, Tensor)
    if not two or made.numel() != targets.numel() or float(made.min()) < 0.0 or float(made.max()) > 1.0:
        return np.empty(0)
    asked = (targets > max(0.0, float(targets.min()))).double().reshape(len(targets), -1)
    return (made.reshape(asked.shape) - asked).square().mean(1).cpu().numpy()


def _hits(made: Tensor, targets: Tensor, kind: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Right or not, flat, and the classes asked for; ignored places (below 0) left out."""
    two = made.numel() == targets.numel() and (kind in ("binary", "multilabel"))
    if two:
        chances = float(made.min()) >= 0.0 and float(made.max()) <= 1.0
        said = (made > (0.5 if chances else 0.0)).long().reshape(-1)
        known = (targets > max(0.0, float(targets.min()))).long().reshape(-1)
    elif kind not in ("classes", "binary", "sequence"):
        return None
    elif made.shape == targets.shape and made.ndim > 1 and made.shape[-1] > 1:
        said, known = made.argmax(-1).reshape(-1), targets.argmax(-1).reshape(-1)
    elif made.numel() == targets.numel():  # one output that means the class's number
        said, known = made.round().long().reshape(-1), targets.long().reshape(-1)
    else:
        axis = class_axis(tuple(made.shape), tuple(targets.shape))
        if axis is None or made.shape[axis] < 2:
            return None
        said, known = made.argmax(axis).reshape(-1), targets.long().reshape(-1)
    kept = known >= 0
    return (said == known)[kept].double().cpu().numpy(), known[kept].cpu().numpy()


# Tests ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """Variances between seeds of a difference of scores, and of one of losses as a part of the control's (NaN
    where they do not compare), with the degrees of freedom of both. `short`: by how much those that were
    compared fell short of the highest score, 1.
    """

    score: float
    loss: float
    freedom: int
    short: float = math.nan

    def at(self, marks: Sequence[Mark]) -> "Spread":
        """For `marks` that fall less short of 1: scores that are nearer to it have less room to differ."""
        now = float(np.mean([1.0 - one.told for one in marks]))
        if any(one.failed for one in marks) or not 0.0 < now < self.short:
            return self
        return replace(self, score=self.score * (now / self.short) ** 2)


def spread_of(pairs: Sequence[tuple[Sequence[Mark], Sequence[Mark]]], *, alike: bool) -> Spread | None:
    """Pooled over pairs of several seeds each, in none of which one broke down; None where there are none."""
    scores, losses, short, freedom = [], [], [], 0
    for candidate, control in pairs:
        if len(candidate) < 2 or any(one.failed for one in (*candidate, *control)):
            continue
        both = list(zip(candidate, control, strict=False))  # one was decided sooner
        freedom += len(both) - 1
        short.append(float(np.mean([1.0 - mark.told for pair in both for mark in pair])))
        scores.append(float(np.var([one.told - other.told for one, other in both], ddof=1)))
        rows = [_losses(one, other, alike) for one, other in both]
        scale = _scale(control, alike)
        known = all(len(each) for each in rows) and scale > 0.0
        losses.append(float(np.var([np.mean(each) / scale for each in rows], ddof=1)) if known else math.nan)
    if not freedom:
        return None
    return Spread(float(np.mean(scores)), float(np.mean(losses)), freedom, float(np.mean(short)))


def compared(
    candidate: Sequence[Mark],
    control: Sequence[Mark],
    *,
    alike: bool,
    spread: Spread | None = None,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Of marks after the same seeds. `alike`: whether both losses are the same function, so that they
    compare. `spread`: that between seeds, where so few show too little of it. `confidence` of each of the
    one-sided tests.

    A control that broke down counts as a network that tells nothing; a candidate that did is worse.
    """
    if any(one.failed for one in candidate):
        return Comparison(math.nan, math.nan, math.nan, math.nan, False, True)
    rows = [_against(one, other) for one, other in zip(candidate, control, strict=True)]
    scored = _tested(rows, math.nan if spread is None else spread.score, spread, confidence)
    lost = any(one.failed for one in control)
    losses: list[np.ndarray] = []
    scale = math.nan
    if not lost and (alike or all(len(one.belief) for one in (*candidate, *control))):
        losses = [_losses(one, other, alike) for one, other in zip(candidate, control, strict=True)]
        scale = _scale(control, alike)
    less = _tested(losses, math.nan if spread is None else spread.loss * scale**2, spread, confidence)
    much = scored.mean > GAIN and scored.beyond
    worse = -scored.mean > GAIN and scored.below
    gained = less.mean > LESS * scale and less.beyond and not scored.mean < -max(GAIN, scored.error)
    if math.isnan(scored.mean) and lost:
        gained = True
    return Comparison(
        scored.mean, scored.error, less.mean, less.error, bool(much or gained) and not worse, worse
    )


@dataclass(frozen=True)
class _Test:
    mean: float
    error: float
    beyond: bool
    below: bool


def _against(one: Mark, other: Mark) -> np.ndarray:
    if other.failed or len(other.right) != len(one.right):
        return one.right
    return one.right - other.right


def _losses(one: Mark, other: Mark, alike: bool) -> np.ndarray:
    """By how much each block's loss, or each row's belief where losses are not alike, is better."""
    mine, theirs = (one.loss, other.loss) if alike else (one.belief, other.belief)
    return theirs - mine if len(mine) == len(theirs) else np.empty(0)


def _scale(control: Sequence[Mark], alike: bool) -> float:
    held = [np.abs(one.loss) if alike else one.belief for one in control]
    return float(np.mean([np.mean(each) for each in held])) if all(len(each) for each in held) else math.nan


def _tested(
    differences: Sequence[np.ndarray], between: float, spread: Spread | None, confidence: float
) -> _Test:
    """Whether the mean over seeds and rows is above 0, or below; `between` seeds it varies so, as `spread`
    has it, or as these seeds show.
    """
    seeds = len(differences)
    if not seeds or not len(differences[0]) or not all(np.isfinite(each).all() for each in differences):
        return _Test(math.nan, math.nan, False, False)
    table = np.stack(differences)
    mean, n = float(table.mean()), table.shape[1]
    of_rows = float(np.var(table.mean(0), ddof=1)) / n if n > 1 else 0.0
    of_seeds, behind = 0.0, max(1, seeds - 1)
    if spread is not None and math.isfinite(between):
        of_seeds, behind = between / seeds, spread.freedom
    elif seeds > 1:
        of_seeds = float(np.var(table.mean(1), ddof=1)) / seeds
    error = math.sqrt(of_rows + of_seeds)
    weight = of_rows**2 / max(1, n - 1) + of_seeds**2 / behind
    freedom = (of_rows + of_seeds) ** 2 / weight if weight > 0.0 else 1.0
    limit = float(stdtrit(max(1.0, freedom), confidence)) * error
    return _Test(mean, error, mean > limit, mean < -limit)
