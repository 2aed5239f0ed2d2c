"""What a probe saw, folded into a `record.Course`."""

import math
from array import array
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from profunda.diagnosis.record import Course

__all__ = ["Log", "Sample", "Step", "Term", "course_of", "fetched", "glanced"]

SCALED = 64.0
"""A loss that arrives at its gradient times this much or more was scaled for half precision."""

BACKED_OFF = 0.75
"""A scaler that skips a step lowers its scale, usually by half."""


@dataclass(slots=True)
class Term:
    """One value of the loss function: `weight` is the gradient that came back to it, NaN before it did.
    Both may be tensors on an accelerator until they are read.
    """

    value: Any
    weight: Any = math.nan
    rows: int = 0


@dataclass(frozen=True)
class Step:
    """One optimiser step: `losses` are its micro-batches', each a tuple of the loss function's values.
    Where it was not `followed`, their weights are those of an earlier step.
    """

    losses: tuple[tuple[Term, ...], ...]
    rate: float
    rows: int
    followed: bool = True


@dataclass(frozen=True)
class Sample:
    """A closer look at one step, by parameter [P tensors]: squared norms of gradients, of the step and of
    the weights before it. `arrived` is the gradients' norm when the last backward pass ended, `used` when
    the optimiser took them; `agreement` the cosine of gradients with those of the look before.
    """

    step: int
    gradient: np.ndarray
    moved: np.ndarray
    weight: np.ndarray
    arrived: float
    used: float
    agreement: float


@dataclass
class Log:
    """What is written down while the loop runs; arrays have a number a step, in order. Counts that are no
    whole numbers come from steps that stand for several.
    """

    loss: array = field(default_factory=lambda: array("d"))
    rate: array = field(default_factory=lambda: array("d"))
    rows: array = field(default_factory=lambda: array("q"))
    scale: array = field(default_factory=lambda: array("d"))
    parts: array = field(default_factory=lambda: array("q"))
    unused: array = field(default_factory=lambda: array("q"))
    samples: list[Sample] = field(default_factory=list)
    forwards: int = 0
    losses: int = 0
    covered: float = 0.0
    backwards: float = 0.0
    detached: float = 0.0
    dropped: float = 0.0
    skipped: float = 0.0
    uncleared: float = 0.0
    in_evaluation: float = 0.0
    stuck: dict[str, None] = field(default_factory=dict)
    evaluated_in_training: int = 0
    compared: int = 0
    equal: int = 0
    overwritten: float = 0.0
    broken_step: int = -1
    broken_at: str = ""
    finished: bool = True
    gave_back: float = math.nan
    turned: int = 0
    weighed: int = 0
    forgot: int = 0
    returned: int = 0

    def add(self, step: Step) -> None:
        """Write down one step."""
        totals = [_total(terms) for terms in step.losses if terms]
        weights = [term.weight for terms in step.losses for term in terms if not math.isnan(term.weight)]
        self.weighed += bool(weights and step.followed)
        self.turned += bool(weights and step.followed and max(weights) < 0.0)
        self.loss.append(sum(value for value, _ in totals) / len(totals) if totals else math.nan)
        known = totals and step.followed
        self.scale.append(sum(weight for _, weight in totals) if known else math.nan)
        self.rate.append(step.rate)
        self.rows.append(step.rows)
        self.parts.append(len(totals))
        if self.broken_step < 0 and totals and not math.isfinite(self.loss[-1]):
            self.broken_step = len(self.loss) - 1

    def glance(self, value: float, rate: float, rows: int) -> None:
        """Write down a step that was not followed and had one loss."""
        self.loss.append(value)
        self.scale.append(math.nan)
        self.rate.append(rate)
        self.rows.append(rows)
        self.parts.append(1)
        if self.broken_step < 0 and not math.isfinite(value):
            self.broken_step = len(self.loss) - 1

    def compare(self, batch: tuple[Tensor, ...] | None, before: tuple[Tensor, ...] | None) -> None:
        """Marks of a step's batch and of that of the step before, where both are known."""
        if batch is None or before is None or len(batch) != len(before):
            return
        self.compared += 1
        pairs = zip(batch, before, strict=True)
        self.equal += all(a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)

    def drop(self, losses: tuple[tuple[Term, ...], ...], worth: float) -> None:
        """Gradients of `losses` were cleared before any step used them."""
        self.dropped += worth
        totals = [_total(terms) for terms in losses if terms]
        self.gave_back = max((weight for _, weight in totals), default=math.nan)

    def after_drop(self, terms: tuple[Term, ...], worth: float) -> None:
        """The next losses' scale tells whether a scaler dropped the last ones."""
        if terms and not math.isnan(self.gave_back):
            if _total(terms)[1] < BACKED_OFF * self.gave_back and self.gave_back > 1.0:
                self.skipped += worth
            self.gave_back = math.nan


def glanced(terms: list[Term], rate: Any, pattern: list[list[Any]], first: bool, rows: int) -> Step:
    """A step that was not followed: its last losses, or the `first` ones, are taken for those that were
    differentiated, with the weights of `pattern`; `rows` where they do not tell.
    """
    last = iter(terms if first else terms[-sum(len(weights) for weights in pattern) :])
    losses = tuple(
        tuple(Term(term.value, weight, term.rows) for weight, term in zip(weights, last, strict=False))
        for weights in pattern
    )
    seen = sum(max((term.rows for term in terms), default=0) for terms in losses)
    return Step(losses, rate, seen or rows, followed=False)


def _total(terms: tuple[Term, ...]) -> tuple[float, float]:
    """The loss that was differentiated, freed of the common factor, and that factor."""
    known = [term for term in terms if not math.isnan(term.weight)]
    factor = max((abs(term.weight) for term in known), default=0.0)
    if not known or factor == 0.0 or not math.isfinite(factor):
        return terms[-1].value, factor if known else math.nan
    return sum(term.value * term.weight / factor for term in known), factor


def fetched(passes: list[list[Term]]) -> tuple[tuple[Term, ...], ...]:
    """The same Terms with numbers in them, all fetched at once where they lie on an accelerator."""
    every = [term for terms in passes for term in terms]
    tensors = [value for term in every for value in (term.value, term.weight) if isinstance(value, Tensor)]
    if tensors:
        home = tensors[0].device
        numbers = iter(torch.stack([each.double().to(home) for each in tensors]).tolist())
        for term in every:
            if isinstance(term.value, Tensor):
                term.value = next(numbers)
            if isinstance(term.weight, Tensor):
                term.weight = next(numbers)
    return tuple(tuple(terms) for terms in passes)


def course_of(log: Log, columns: tuple[tuple[int, ...], ...]) -> Course:
    """The Course of `log`; column l of its [K, L] arrays joins the parameters with indices `columns[l]`.

    Counts are estimated for all steps from those that were followed (`covered`: the steps they stand for), as
    `repeated` is from those that were compared; `unused` forwards count as
    evaluations where a usual step has none.
    """
    samples = log.samples
    gradient = _joined([sample.gradient for sample in samples], columns)
    weight = _joined([sample.weight for sample in samples], columns)
    moved = _joined([sample.moved for sample in samples], columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        update = np.where(weight > 0, moved / weight, np.where(moved > 0, np.inf, moved))
    unseen = np.zeros(0)
    steps = len(log.loss)
    whole = steps / log.covered if steps and log.covered else 1.0
    return Course(
        loss=np.array(log.loss, dtype=np.float64),
        rate=np.array(log.rate, dtype=np.float64),
        rows=np.array(log.rows, dtype=np.int64),
        sampled=np.array([sample.step for sample in samples], dtype=np.int64),
        gradient=gradient,
        update=update,
        agreement=np.array([sample.agreement for sample in samples], dtype=np.float64),
        epoch_step=np.zeros(0, dtype=np.int64),
        train_loss=unseen,
        valid_loss=unseen,
        train_score=unseen,
        valid_score=unseen,
        forwards=log.forwards,
        backwards=round(whole * log.backwards),
        steps=steps,
        skipped=round(whole * log.skipped),
        uncleared=round(whole * log.uncleared),
        in_evaluation=round(whole * log.in_evaluation),
        stuck=tuple(log.stuck),
        evaluated_in_training=log.evaluated_in_training + _spare(log),
        repeated=round(log.equal / log.compared * max(0, steps - 1)) if log.compared else 0,
        overwritten=round(whole * log.overwritten),
        clipped=_clipped(log),
        summed=_summed(log),
        detached=round(whole * log.detached),
        dropped=round(whole * log.dropped),
        broken_step=log.broken_step,
        broken_at=log.broken_at,
        finished=log.finished,
        turned=log.turned / log.weighed if log.weighed else 0.0,
        forgot=log.forgot,
        returned=log.returned,
        factor=_factor(log),
        idle=_idle(log),
    )


def _spare(log: Log) -> int:
    """Forwards whose losses no step used, over all steps, where a usual step has none."""
    if not log.unused or median(log.unused) != 0:
        return 0
    return round(sum(log.unused) * len(log.loss) / len(log.unused))


def _joined(rows: list[np.ndarray], columns: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """[K, L] norms from squared norms by parameter; NaN where no parameter of a column was measured."""
    found = np.full((len(rows), len(columns)), np.nan)
    for k, row in enumerate(rows):
        for column, indices in enumerate(columns):
            part = row[list(indices)]
            if part.size and not np.isnan(part).all():
                found[k, column] = math.sqrt(np.nansum(part))
    return found


def _shortened(sample: Sample, scale: float, parts: int) -> float:
    """By which factor gradients were shortened between backward pass and step, a scaler's share removed."""
    factor = sample.used / sample.arrived if sample.arrived > 0 else math.nan
    if scale / max(1, parts) >= SCALED and factor < 1 / SCALED:  # `scale` sums over micro-batches
        for known in (scale, scale / max(1, parts)):  # S = k·(S/k) where each was divided by k, else S
            if factor * known <= 1.05:
                return factor * known
    return factor


def _clipped(log: Log) -> float:
    found = [
        _shortened(sample, log.scale[sample.step], log.parts[sample.step])
        for sample in log.samples
        if sample.step < len(log.scale) and math.isfinite(sample.used)
    ]
    found = [factor for factor in found if math.isfinite(factor)]
    return min(1.0, median(found)) if found else 1.0


def _idle(log: Log) -> float:
    """Losses of a usual step, made in training, that are not differentiated."""
    steps = len(log.loss)
    if not log.unused or not steps:
        return 0.0
    most = log.losses / steps - 1.0  # passes without a loss may be for anything
    return max(0.0, min(float(median(log.unused)), most))


def _factor(log: Log) -> float:
    """By what the loss's gradient was multiplied until the step used it; NaN where that was not seen."""
    found = [
        log.scale[sample.step] * sample.used / sample.arrived
        for sample in log.samples
        if sample.step < len(log.scale) and sample.arrived > 0
    ]
    found = [factor for factor in found if math.isfinite(factor)]
    return median(found) if found else math.nan


def _summed(log: Log) -> int:
    """Micro-batches of a usual step where their losses came in whole, 1 where they were divided."""
    known = [(log.scale[t], log.parts[t]) for t in range(len(log.loss)) if math.isfinite(log.scale[t])]
    several = [(scale, parts) for scale, parts in known if parts > 1]
    if 2 * len(several) <= len(known):  # of the steps that were followed: others have no scale
        return 1
    parts = round(median(parts for _, parts in several))
    scale = median(scale for scale, _ in several)
    if scale / parts >= SCALED:  # a scaler's, of which the step shows what is left when it is taken out
        left = [
            sample.used / sample.arrived * log.scale[sample.step]
            for sample in log.samples
            if sample.arrived > 0 and sample.used < sample.arrived / SCALED
        ]
        scale = max((each for each in left if math.isfinite(each)), default=math.nan)
    return parts if scale >= 0.9 * parts else 1
