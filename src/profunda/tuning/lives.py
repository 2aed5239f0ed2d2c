"""A member's life as the Record that the rules of a diagnosis read, from what a fleet records anyway."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from profunda.diagnosis.givens import Activation, Anatomy, Group, Layer, Loss, Optimiser, Targets
from profunda.diagnosis.record import Course, Record, Survey
from profunda.diagnosis.rules.speeds import CRAWLS
from profunda.fleet.history import MemberHistory, Status
from profunda.space.design import Design

__all__ = ["Yardstick", "record_of", "yardstick_of"]

_NONE = np.zeros(0)


@dataclass(frozen=True)
class Yardstick:
    """What losses on validation rows are held against, in their unit: `constant`, the loss of the best
    constant, and `best`, the least that a design of this search reached, averaged over folds, with its
    standard error (0 for a single fold). NaN where not known.
    """

    constant: float
    best: float = math.nan
    error: float = 0.0


def yardstick_of(constant: float, trials: Sequence[Sequence[MemberHistory]]) -> Yardstick:
    """The yardstick of a search: the best of its `trials`, each the curves of its folds, on all of them."""
    folds = max((len(curves) for curves in trials), default=0)
    losses = [np.array([curve.best_loss for curve in curves]) for curves in trials if len(curves) == folds]
    losses = [one for one in losses if len(one) and np.isfinite(one).all()]
    if not losses:
        return Yardstick(constant)
    best = min(losses, key=lambda one: float(one.mean()))
    error = float(np.std(best, ddof=1) / math.sqrt(len(best))) if len(best) > 1 else 0.0
    return Yardstick(constant, float(best.mean()), error)


def record_of(design: Design, curve: MemberHistory, yardstick: Yardstick) -> Record:
    """The Record of one member that trained for an epoch at least.

    Losses are those of epochs. Of the training loss and the validation loss the lesser counts as what was
    learnt of the training rows: dropout, noise, mixing and smoothed labels raise the first, and only the
    second has the unit of the yardstick where the loss of training is another one. How far weights went is
    bounded by the sum of all steps, so that it tells only of those that hardly moved. What a simple predictor
    reaches is what the best design of the search reached.
    """
    loss = _learnt(design, curve)
    planned = design.epochs * curve.steps // max(1, curve.epochs)
    ended = curve.status is Status.EARLY_STOPPED  # its own rule found that there is nothing more to gain
    skill, error = 1.0 - yardstick.best / yardstick.constant, yardstick.error / yardstick.constant
    return Record(
        _anatomy(design),
        loss=Loss("likelihood", trivial=yardstick.constant),
        optimiser=Optimiser(design.optimiser, (_group(design),)),
        targets=Targets(_NONE, _NONE, _NONE, skill=skill, skill_error=error),
        surveys=_surveys(design, curve, loss),
        course=_course(curve, loss, curve.steps if ended else planned),
    )


def _learnt(design: Design, curve: MemberHistory) -> np.ndarray:
    if design.loss != "likelihood":
        return np.where(np.isfinite(curve.train_loss), curve.valid_loss, curve.train_loss)
    return np.minimum(curve.train_loss, curve.valid_loss)


def _anatomy(design: Design) -> Anatomy:
    """Fan-ins are not known here: a rule that needs them has no look at the first weights either."""
    widths = (*design.widths, 1)
    layers = tuple(
        Layer(
            f"layer {number}", "linear", "linear", (), 0, width, 0, True,
            design.activation if number < len(widths) else "",
            design.norm if design.norm != "none" and number < len(widths) else "",
            design.dropout if number < len(widths) else 0.0,
        )
        for number, width in enumerate(widths, 1)
    )  # fmt: skip
    places = tuple(
        Activation(f"layer {number}", design.activation, width, number - 1)
        for number, width in enumerate(design.widths, 1)
    )
    return Anatomy(layers=layers, activations=places, skips=int(design.skip))


def _group(design: Design) -> Group:
    """What tells an adaptive optimiser is that it has an ε; its size is the engines' own."""
    adaptive = design.optimiser != "sgd"
    betas = (design.momentum, design.beta2) if design.optimiser == "adam" else (math.nan, math.nan)
    return Group(design.lr, design.momentum, betas, 0.0 if adaptive else math.nan, design.l2, 0)


def _course(curve: MemberHistory, loss: np.ndarray, planned: int) -> Course:
    steps_per_epoch = curve.steps / max(1, curve.epochs)
    ends = np.round(np.arange(1, len(loss) + 1) * steps_per_epoch).astype(np.int64)
    bad = np.flatnonzero(~np.isfinite(loss))
    taken = np.round(curve.sign_epochs * steps_per_epoch).astype(np.int64)
    return Course(
        loss=loss,
        rate=np.full(len(loss), math.nan),
        rows=np.zeros(len(loss)),
        sampled=taken,
        gradient=_sign(curve, "gradient_norm"),
        update=_sign(curve, "update_ratio"),
        agreement=np.full(len(taken), math.nan),
        epoch_step=ends,
        train_loss=loss,
        valid_loss=curve.valid_loss,
        train_score=np.full(len(loss), math.nan),
        valid_score=np.full(len(loss), math.nan),
        steps=curve.steps,
        broken_step=int(bad[0]) if len(bad) else -1,
        planned=planned,
        finished=curve.steps >= planned,
    )


def _sign(curve: MemberHistory, name: str) -> np.ndarray:
    return curve.signs.get(name, _NONE)


def _surveys(design: Design, curve: MemberHistory, loss: np.ndarray) -> tuple[Survey, ...]:
    """The last taking of signs; none where there was none."""
    if not len(curve.sign_epochs):
        return ()
    epoch, layers = int(curve.sign_epochs[-1]), len(design.widths) + 1
    last = {name: values[-1] for name, values in curve.signs.items() if len(values)}
    unknown = np.full(layers, math.nan)
    return (
        Survey(
            step=round(epoch * curve.steps / max(1, curve.epochs)),
            activation_mean=last.get("activation_mean", _NONE),
            activation_std=last.get("activation_std", _NONE),
            dead=last.get("dead", _NONE),
            saturated=last.get("saturated", _NONE),
            gradient_norm=last.get("gradient_norm", _NONE),
            signal=unknown,
            apart=unknown,
            backward=unknown,
            weight=unknown,
            moved=_way(curve, layers),
            noise=unknown,
            copies=unknown,
            output_mean=_NONE,
            output_spread=math.nan,
            output_size=math.nan,
            sensitivity=_NONE,
            mixing=(math.nan, math.nan),
            train_loss=float(loss[epoch - 1]),
            train_score=math.nan,
            valid_loss=float(curve.valid_loss[epoch - 1]),
            valid_score=math.nan,
        ),
    )


def _way(curve: MemberHistory, layers: int) -> np.ndarray:
    """‖θ − θ_0‖/‖θ_0‖ [L] by the triangle inequality, from the steps that were sampled; NaN where that bound
    leaves open whether weights moved.
    """
    updates = _sign(curve, "update_ratio")
    if updates.ndim != 2 or updates.shape[1] != layers or not np.isfinite(updates).all():
        return np.full(layers, math.nan)
    bound = updates.mean(0) * curve.steps
    return bound if bound.max() < CRAWLS else np.full(layers, math.nan)
