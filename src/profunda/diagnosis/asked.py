"""What a user asks to be repaired, and what a search needs of it: rows that judge, a training as a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from profunda.diagnosis.contests import Contest
from profunda.diagnosis.copying import copy_of
from profunda.diagnosis.diagnosing import Followed, followed
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.givens import Task
from profunda.diagnosis.ingredients import Making, Parts, making_of
from profunda.diagnosis.joining import joined, mixed
from profunda.diagnosis.loaders import batches_of
from profunda.diagnosis.marks import Judge
from profunda.diagnosis.rebuilding import Factory, rebuilt
from profunda.diagnosis.recipes import Recipe, finite_rows
from profunda.diagnosis.supplies import Supply, moved_by, whole_of
from profunda.errors import ArgumentError

__all__ = ["Asked"]

READ = 2048
"""Rows by which scalings and class weights are made."""

JUDGING = 4096
"""Rows that judge at most."""


@dataclass(frozen=True)
class Asked:
    """The arguments of `repair`, with rows that judge in every case; `tick` is told what is done of what may
    be done at most.
    """

    model: nn.Module
    data: Any
    loss_fn: Callable[..., Any]
    optimizer: Optimizer | Factory | None
    validation: Any
    batch_size: int
    epochs: int
    budget: float
    seed: int
    tick: Callable[[int, int], object]

    @property
    def counted(self) -> bool:
        """Whether the steps of an epoch are known before."""
        return batches_of(self.data, self.model, self.batch_size, self.seed).length > 0

    def followed(self, share: float) -> Followed:
        """Trained as it is for a share of its steps, and diagnosed, by itself: races stand in for trainings
        that would compare it with others.
        """
        return followed(
            self.model,
            self.data,
            self.loss_fn,
            self.optimizer,
            self.validation,
            self.batch_size,
            self.epochs,
            self.seed,
            self.tick,
            share,
            trying=False,
        )

    def contest(self, diagnosis: Diagnosis) -> Contest:
        """Raises ArgumentError for lazy parts, and where no rows can be put together to judge by."""
        own = copy_of(self.model)
        own = own if own.training else own.train()
        _real(own)
        batches = batches_of(self.data, own, self.batch_size, self.seed)
        whole = whole_of(batches)
        size = self.batch_size if whole is None else _size(self.data, self.batch_size, diagnosis)
        made = rebuilt(self.optimizer, self.model, own)
        making = _making(made, own, self.optimizer)
        start = Recipe(Parts(own, self.loss_fn, making, size, self.epochs), made)
        judge = _judge(self.validation, own, diagnosis)
        shift = 0 if diagnosis.record.targets is None else diagnosis.record.targets.shift
        moved = _judge(self.validation, own, diagnosis, shift) if shift else None
        sample = whole or joined(batches.sample())
        feed = None if sample is None else mixed(sample, READ)
        if feed is None or judge is None:
            raise ArgumentError(
                "No rows could be put together to judge by: rows of inputs and of targets must lie along "
                "the first axis of tensors. Use diagnose, and change by hand what it finds."
            )
        rows, supply = _rows(diagnosis, whole, self.epochs), Supply(self.data, own, size, whole)
        return Contest(start, supply, judge, feed, rows, self.budget, self.seed, self.tick, moved)


def _rows(diagnosis: Diagnosis, whole: Feed | None, epochs: int) -> int:
    """Of a whole training."""
    course = diagnosis.record.course
    if whole is not None or course is None or not course.steps:
        return (0 if whole is None else whole.rows) * epochs
    seen = float(np.nansum(course.rows))
    return round(seen / course.steps * max(course.planned, course.steps))


def _size(data: Any, batch_size: int, diagnosis: Diagnosis) -> int:
    """Rows of a batch as they come."""
    course = diagnosis.record.course
    if isinstance(data, tuple) or course is None or not len(course.rows):
        return batch_size
    return int(max(course.rows))


def _real(own: nn.Module) -> None:
    """Refuses lazy parts."""
    if any(is_lazy(each) for each in own.parameters()):
        raise ArgumentError(
            f"{type(own).__name__} has lazy parts, which have no first weights to train from twice: pass one "
            "batch through it before."
        )


def _making(made: Optimizer, own: nn.Module, optimizer: Optimizer | Factory | None) -> Making:
    """The user's own way where it is a function of parameters."""
    if optimizer is None or isinstance(optimizer, Optimizer):
        return making_of(made, own)
    give: Factory = optimizer
    usual = making_of(made, own)

    def make(module: nn.Module) -> Optimizer:
        try:
            return give(module.parameters())
        except Exception:  # a function of some parameters of the user's
            return usual(module)

    return make


def _judge(validation: Any, own: nn.Module, diagnosis: Diagnosis, shift: int = 0) -> Judge | None:
    batches = batches_of(validation, own, 512, None, "validation")
    feed = whole_of(batches) or joined(batches.sample())
    if feed is None or not feed.apart or not feed.matched:
        return None
    if shift:
        feed = moved_by(feed, shift)
    good = finite_rows(feed)
    if good is not None and bool(good.any()) and not bool(good.all()):
        feed = feed.take(good.nonzero()[:, 0])
    task = diagnosis.record.task or Task("unknown", 0, (), (), "")
    rare = any(one.code == "class-imbalance" for one in diagnosis.findings)
    return Judge(mixed(feed, JUDGING), task, rare)
