"""`diagnose`: trains a copy of a network and tells why it does not learn as well as it could."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import seed as seed_python
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from profunda.diagnosis.batches import Batch
from profunda.diagnosis.concluding import Seen, conclude
from profunda.diagnosis.copying import copy_of, draws_from, undisturbed
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.driving import LOST, Driven, Stopped, drive
from profunda.diagnosis.ingredients import making_of
from profunda.diagnosis.loaders import Batches, batches_of
from profunda.diagnosis.looking import Looker
from profunda.diagnosis.optimisers import optimiser_of
from profunda.diagnosis.rebuilding import Factory, rebuilt
from profunda.diagnosis.record import Sharpness
from profunda.diagnosis.refusing import refusal
from profunda.diagnosis.snapshots import Snapshot
from profunda.diagnosis.standing import Standings
from profunda.diagnosis.untouched import untouched
from profunda.diagnosis.watching import Watch
from profunda.errors import ArgumentError

__all__ = ["BATCH_SIZE", "EPOCHS", "Followed", "check", "diagnose", "examined", "followed"]

BATCH_SIZE, EPOCHS = 32, 20

SOON, LATER = 0.05, 16
"""When curvature is looked at: after this part of all steps, or so many where their number is unknown."""

HALF = 0.5
"""Part of all steps by which it shows which of two trainings is ahead, where a beginning is too short."""

EXPLAINING = ("data", "labels", "loss", "output")
"""Areas of faults that can be why a loss raises: with one of them it is a finding, and no error."""


@dataclass(frozen=True)
class Followed:
    """A diagnosis, the copy that was trained for it, and the rows trained on, comparisons included; whether
    it was `interrupted` from the keyboard. `soon`: its weights as they stood a few times in its first HALF,
    each after twice as many steps as before.
    """

    diagnosis: Diagnosis
    module: nn.Module
    rows: int
    interrupted: bool = False
    soon: tuple[Snapshot, ...] = ()


def diagnose(
    model: nn.Module,
    data: Any,
    loss_fn: Callable[..., Any],
    *,
    optimizer: Optimizer | Factory | None = None,
    validation: Any = None,
    batch_size: int = BATCH_SIZE,
    epochs: int = EPOCHS,
    seed: int = 0,
) -> Diagnosis:
    """Train a copy of `model` and find out why it does not learn as well as it could.

    >>> import torch
    >>> x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    >>> found = diagnose(torch.nn.Linear(3, 1), (x, x[:, :1]), torch.nn.MSELoss(), epochs=2)
    >>> found.steps
    4

    The user's model, optimiser and random numbers stay bit for bit as they were.

    Parameters
    ----------
    model
        Any module, called as ``model(X)``, ``model(*X)`` for a tuple, ``model(**X)`` for a dict.
    data, validation
        A DataLoader, a pair ``(X, y)`` of tensors or arrays (N rows each), a Dataset, or an iterable of
        batches ``(inputs, targets)``. Without `validation` nothing is said of overfitting and leaks.
    loss_fn
        ``loss_fn(outputs, targets)`` gives the loss of a batch.
    optimizer
        One of the model's parameters, rebuilt for the copy; or a function that makes one of parameters; None:
        Adam with a rate of 0.001.
    batch_size
        Rows of a batch where `data` is a pair or a Dataset.
    epochs
        Times that the training goes over the data.
    seed
        Of the order of rows, of dropout, and of all else that is drawn.

    Returns
    -------
    Diagnosis
        Its `findings`, most important first, are empty where nothing is wrong. Ctrl-C ends the training
        early: what was seen until then is diagnosed.

    Raises
    ------
    ArgumentError
        The model or the loss raises, for no reason that a finding names; or an argument cannot be used.
    DataError
        There are no rows, no targets, unequal numbers of both, or batches that are none.
    """
    return examined(
        model, data, loss_fn, optimizer, validation, batch_size, epochs, seed, lambda step, planned: None
    )


def examined(
    model: nn.Module,
    data: Any,
    loss_fn: Callable[..., Any],
    optimizer: Optimizer | Factory | None,
    validation: Any,
    batch_size: int,
    epochs: int,
    seed: int,
    tick: Callable[[int, int], object],
) -> Diagnosis:
    """`diagnose`, which tells `tick` the steps made and those planned (0 where unknown)."""
    return followed(model, data, loss_fn, optimizer, validation, batch_size, epochs, seed, tick).diagnosis


def followed(
    model: nn.Module,
    data: Any,
    loss_fn: Callable[..., Any],
    optimizer: Optimizer | Factory | None,
    validation: Any,
    batch_size: int,
    epochs: int,
    seed: int,
    tick: Callable[[int, int], object],
    share: float = 1.0,
    trying: bool = True,
) -> Followed:
    """`examined`, and what was trained for it: of a training of a known number of steps a `share`, and with
    `trying` short trainings for comparison.
    """
    check(model, loss_fn, batch_size, epochs, seed)
    with undisturbed(model), untouched(data, validation, model=model):
        _seeded(seed)
        own = copy_of(model).train()
        batches = batches_of(data, own, batch_size, seed)
        held = None if validation is None else batches_of(validation, own, batch_size, None, "validation")
        first = next(batches.epoch(0))
        _materialised(own, first)
        watch = Watch(own, rebuilt(optimizer, model, own), _own_loss(loss_fn), hurried=False)
        training = _Training(watch, _Food(batches, held, first), epochs, tick)
        _seeded(seed)
        driven = training.driven(share)
        return _told(training, driven, training.seen(driven, trying))


@dataclass(frozen=True)
class _Food:
    """Batches to train on, those held back for validation, and the first one of all."""

    batches: Batches
    held: Batches | None
    first: Batch


class _Training:
    """One training of a copy, looked at before its first step, on its way and at its end."""

    def __init__(self, watch: Watch, food: _Food, epochs: int, tick: Callable[[int, int], object]) -> None:
        self.watch, self.food, self.epochs, self.tick = watch, food, epochs, tick
        self.sample = food.batches.sample()
        self.valid = [] if food.held is None else food.held.sample()
        self.optimiser = optimiser_of(watch.optimizer, watch.model)
        self.looker = Looker(copy_of(watch.model), watch.loss_fn, food.first, self.sample, self.valid)
        self.standings = Standings(watch.model, watch.loss_fn, food.first, self.sample, self.valid)
        self.planned = food.batches.length * epochs
        self.sharpness: list[Sharpness | None] = []

    def driven(self, share: float) -> Driven:
        """What became of it, after a `share` of its steps where their number is known."""
        self._look(0)
        most = math.ceil(share * self.planned) if share < 1.0 else 0
        driven = drive(self.watch, self.food.batches, self.epochs, self.standings, self._look, most)
        self._measure(driven.steps)
        return driven

    def _look(self, step: int) -> None:
        """Curvature costs tens of passes: before the first step and early on, besides the end."""
        self.tick(step, self.planned)
        if step in (0, max(1, round(SOON * self.planned)) if self.planned else LATER):
            self._measure(step)

    def _measure(self, step: int) -> None:
        self.sharpness.append(self.looker.sharpness(self.watch.model, self.watch.optimizer, step))

    def seen(self, driven: Driven, trying: bool) -> Seen:
        """All of it; with `trying`, what short trainings for comparison are made with, too."""
        watch, batches, held = self.watch, self.food.batches, self.food.held
        return Seen(
            module=watch.model,
            loss_fn=watch.loss_fn,
            optimiser=self.optimiser,
            course=watch.course,
            first=self.food.first,
            sample=self.sample,
            rows=batches.rows,
            validation=self.valid,
            labels=watch.labels,
            snapshots=watch.snapshots,
            making=making_of(watch.optimizer, watch.model) if trying else None,
            epochs=self.epochs,
            sharpness=tuple(one for one in self.sharpness if one is not None),
            standings=driven.standings,
            planned=self.planned,
            finished=not (driven.interrupted or driven.stopped or driven.cut or driven.short),
            notes=(*batches.notes, *(held.notes if held else ()), *_ending(driven)),
        )


def _told(training: _Training, driven: Driven, seen: Seen) -> Followed:
    """What is concluded; where the loop could not go on and no finding says why, its error is raised."""
    told = conclude(seen, training.looker)
    if driven.stopped is not None and not any(one.area in EXPLAINING for one in told.faults):
        raise refusal(seen.module, driven.stopped, told.steps)
    course = told.record.course
    rows = 0 if course is None else int(np.nansum(course.rows))
    soon = tuple(one for one in seen.snapshots if 0 < one.step <= HALF * training.planned)[-3:]
    return Followed(told, seen.module, rows + training.looker.passed, driven.interrupted, soon)


def _ending(driven: Driven) -> tuple[str, ...]:
    if driven.interrupted:
        return ("Interrupted: what was seen until then is judged.",)
    if driven.stopped is not None:
        return (f"The loop could not go on: {type(driven.stopped.error).__name__}: {driven.stopped.error}",)
    if driven.cut:
        return (
            f"The loop was ended after {LOST} losses in a row that were not finite, or that no gradient "
            "flows from: nothing more could be learnt.",
        )
    return ()


# Arguments ----------------------------------------------------------------------------------------------


def check(model: object, loss_fn: object, batch_size: int, epochs: int, seed: int) -> None:
    if not isinstance(model, nn.Module):
        raise ArgumentError(
            f"model is a {type(model).__name__}; diagnose takes a torch.nn.Module. Of a fitted estimator "
            "give its network, such as estimator.module_."
        )
    if next(model.parameters(), None) is None:
        raise ArgumentError(
            f"{type(model).__name__} has 0 parameters, so there is nothing to train. Were its layers put "
            "into a plain list or dict? Use nn.ModuleList or nn.ModuleDict."
        )
    empty = next((name for name, each in model.named_parameters() if each.is_meta), None)
    if empty is not None:
        raise ArgumentError(
            f"{empty} of {type(model).__name__} lies on the device meta and has no numbers. Load its "
            "weights, or give it room with model.to_empty(device=...) and set them."
        )
    if isinstance(loss_fn, type):
        raise ArgumentError(
            f"loss_fn is the class {loss_fn.__name__}; give one of it, such as {loss_fn.__name__}()."
        )
    if not callable(loss_fn):
        raise ArgumentError(
            f"loss_fn is a {type(loss_fn).__name__} and cannot be called; give the function or module that "
            "maps (outputs, targets) to the loss. The order is diagnose(model, data, loss_fn)."
        )
    for name, value, least in (("batch_size", batch_size, 1), ("epochs", epochs, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ArgumentError(f"{name} is {value!r}; it is a whole number of at least {least}.")


def _own_loss(loss_fn: Callable[..., Any]) -> Callable[..., Any]:
    """A loss module may have buffers, or be trained: it is copied."""
    if not isinstance(loss_fn, nn.Module):
        return loss_fn
    try:
        return copy_of(loss_fn)
    except Exception:  # it is called as it is then
        return loss_fn


def _materialised(own: nn.Module, first: Batch) -> None:
    """Lazy modules get their parameters in a first pass; what it raises is told when the loop begins."""
    if any(is_lazy(each) for each in own.parameters()):
        try:
            with torch.no_grad():
                own(*first.inputs, **dict(first.named))
        except Exception as error:
            raise refusal(own, Stopped("forward", first, error), 0) from error


def _seeded(seed: int) -> None:
    number = int(seed)  # one of numpy's is no seed for Python's generator
    draws_from(number % 2**63)
    np.random.seed(number % 2**32)
    seed_python(number)
