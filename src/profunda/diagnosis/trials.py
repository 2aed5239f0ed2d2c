"""Short trainings of copies, with one thing changed and without: what the change is worth."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from profunda.diagnosis.batches import mapped
from profunda.diagnosis.copying import cloned, copy_of, draws_from, undisturbed
from profunda.diagnosis.feeding import Feed, feed_of, outputs_in
from profunda.diagnosis.finding import Change
from profunda.diagnosis.givens import Task
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.record import Trial
from profunda.diagnosis.remedies import applied
from profunda.diagnosis.scoring import Yardstick, score, yardstick_of
from profunda.diagnosis.tasks import task_of
from profunda.theory.parameter_maps import evaluating

__all__ = ["ended", "judged", "trials"]

SEEDS = 3
"""Each training is made so often, by default."""

_MEASURED = 1024
"""Rows on which a training is judged at its end, evenly spread over all."""


def trials(
    changes: Sequence[Change],
    parts: Parts,
    inputs: tuple[Any, ...],
    targets: Any,
    *,
    steps: int,
    seeds: int = SEEDS,
    named: tuple[tuple[str, Any], ...] = (),
    task: Task | None = None,
    held: Feed | None = None,
) -> tuple[Trial, ...]:
    """One Trial for each change that can be made on `parts`, against one control, `parts` as they are.

    Each training makes `steps` optimiser steps (a change of "epochs" as many times more) from the module's
    weights on rows of `inputs` and `targets`, in an order that depends on the seed alone, as does dropout.
    Ends are judged in evaluation mode by the loss of `parts` on all these rows (of more than 1,024 those
    evenly spread), and on rows `held` back where there are such, outputs scaled back where targets were
    scaled: infinite where it is not finite. A change of loss or head may make losses unlike; their scores
    compare. Changes that this network, loss or optimiser has no place for are left out. Nothing of the
    user's is changed.
    """
    with undisturbed(parts.module):
        feed = feed_of(cloned(inputs), cloned(targets), cloned(named))
        own = copy_of(parts.module)
        if not own.training:
            own.train()  # else parts that rest in evaluation mode, as frozen norms do, stay there
        parts = _bare(parts, own)
        probe = feed.spread(_MEASURED)
        with torch.no_grad(), evaluating(own):
            outputs = probe.through(own)
        yardstick = yardstick_of(parts.loss_fn, outputs, probe, parts.batch_size)
        race = _Race(feed, yardstick, task or task_of(outputs, probe.targets), steps, held)
        control = race.ends([parts] * seeds)
        found = []
        for change in changes:
            try:
                many = [applied(change, parts, feed, seed=seed) for seed in range(seeds)]
                reached = race.ends(many, change.value if change.kind == "epochs" else 1.0)
            except Exception:  # no place for it here, or a network that does not work with it
                continue
            losses, scores = (reached[:, 0], control[:, 0]), (reached[:, 1], control[:, 1])
            unseen = () if held is None else (reached[:, 2], control[:, 2])
            found.append(Trial(change.kind, change.word, change.value, steps, *losses, *scores, *unseen))
    return tuple(found)


@dataclass(frozen=True)
class _Race:
    """What all trainings that are compared have in common."""

    feed: Feed
    yardstick: Yardstick
    task: Task | None
    steps: int
    held: Feed | None

    def ends(self, runners: Sequence[Parts], times: float = 1.0) -> np.ndarray:
        """Losses, scores and losses on rows held back [seeds, 3] of one training of each, `times` as long,
        the first with seed 0.
        """
        steps = round(self.steps * times)
        return np.array([self._end(one, steps, seed) for seed, one in enumerate(runners)])

    def _end(self, parts: Parts, steps: int, seed: int) -> tuple[float, float, float]:
        own = _trained(parts, self.feed, steps, seed)
        if own is None:
            return math.inf, math.nan, math.inf
        loss, reached = judged(own, parts, self.feed.spread(_MEASURED), self.yardstick, self.task)
        if self.held is None:
            return loss, reached, math.nan
        return loss, reached, judged(own, parts, self.held.spread(_MEASURED), self.yardstick, self.task)[0]


def _bare(parts: Parts, own: nn.Module) -> Parts:
    """`parts` with a network that has none of the user's hooks."""
    return Parts(
        own,
        copy_of(parts.loss_fn) if isinstance(parts.loss_fn, nn.Module) else parts.loss_fn,
        parts.optimizer,
        parts.batch_size,
        parts.epochs,
        parts.inputs,
        parts.targets,
        parts.pace,
        parts.clip,
    )


def ended(
    parts: Parts,
    feed: Feed,
    yardstick: Yardstick,
    task: Task | None,
    steps: int,
    seed: int,
    unseen: Feed,
) -> tuple[float, float]:
    """Loss and score that `steps` steps on `feed` end with on rows `unseen`. To be called where random
    numbers may be drawn.
    """
    own = _trained(parts, feed, steps, seed)
    return (math.inf, math.nan) if own is None else judged(own, parts, unseen, yardstick, task)


def _trained(parts: Parts, feed: Feed, steps: int, seed: int) -> nn.Module | None:
    """A copy after so many steps, in evaluation mode; None where its loss was not finite."""
    draws_from(seed)
    own = copy.deepcopy(parts.module)
    scaled = _scaled(parts, feed)
    optimizer = parts.optimizer(own)
    rates = [group["lr"] for group in optimizer.param_groups]
    trained = [each for each in own.parameters() if each.requires_grad]
    order = _Order(feed.rows, parts.batch_size, seed)
    for step in range(steps):
        batch = scaled.take(order.next())
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * parts.rate_at(step / max(1, steps - 1))

        seen: list[float] = []

        def closure(batch: Feed = batch, seen: list[float] = seen) -> float:
            optimizer.zero_grad()
            loss = parts.loss_fn(batch.through(own), batch.targets)
            loss = loss if loss.numel() == 1 else loss.mean()
            loss.backward()
            if math.isfinite(parts.clip):
                torch.nn.utils.clip_grad_norm_(trained, parts.clip)
            seen.append(float(loss.detach()))
            return seen[-1]

        optimizer.step(closure)
        if not math.isfinite(seen[0]):
            return None
    return own.eval()


def judged(
    own: nn.Module, parts: Parts, feed: Feed, yardstick: Yardstick, task: Task | None
) -> tuple[float, float]:
    """Loss and score of `own`, in the mode that it is in, on `feed`."""
    with torch.no_grad():
        outputs = _scaled(parts, feed).through(own)
        found = outputs_in(outputs)
        if parts.targets is not None and found is not None:
            back = parts.targets.back(found.reshape(feed.targets.shape)).reshape(found.shape)
            outputs = (
                back
                if isinstance(outputs, Tensor)
                else mapped(outputs, lambda one: back if one is found else one)
            )
        reached = score(outputs, feed.targets, task)
        try:
            loss = float(yardstick.loss(outputs, feed.targets, feed.rows))
        except Exception:  # the loss that was there cannot take the outputs of another head
            return math.nan, reached
    return (loss if math.isfinite(loss) else math.inf), reached


def _scaled(parts: Parts, feed: Feed) -> Feed:
    """Rows as the network is given them."""
    at = -1

    def change(tensor: Tensor) -> Tensor:
        nonlocal at
        if not tensor.is_floating_point() or not parts.inputs:
            return tensor
        at += 1
        return parts.inputs[at](tensor)

    inputs: Any = mapped(feed.inputs, change)
    named = tuple((name, mapped(each, change)) for name, each in feed.named)
    targets = feed.targets if parts.targets is None else parts.targets(feed.targets)
    return Feed(inputs, named, targets, feed.rows, feed.axis, feed.apart, feed.matched)


class _Order:
    """Rows of one batch after the other: each epoch another permutation, by the seed alone."""

    def __init__(self, rows: int, batch: int, seed: int) -> None:
        self.rows, self.batch = rows, min(batch, rows)
        self.drawn = torch.Generator().manual_seed(seed)
        self.left = torch.empty(0, dtype=torch.long)

    def next(self) -> Tensor:
        """Their numbers; what is left of an epoch and fills no batch is passed over."""
        if len(self.left) < self.batch:
            self.left = torch.randperm(self.rows, generator=self.drawn)
        found, self.left = self.left[: self.batch], self.left[self.batch :]
        return found
