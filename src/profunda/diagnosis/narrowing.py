"""A network of a part of the widths, trained as long as the run: whether it does as well on rows not seen."""

from typing import Any

import numpy as np
import torch
from torch import nn

from profunda.diagnosis.copying import cloned, copy_of, draws_from, undisturbed
from profunda.diagnosis.feeding import feed_of
from profunda.diagnosis.givens import Anatomy, Task
from profunda.diagnosis.ingredients import Parts
from profunda.diagnosis.record import Narrower
from profunda.diagnosis.scoring import yardstick_of
from profunda.diagnosis.trials import ended, judged
from profunda.diagnosis.widening import of_widths
from profunda.errors import ArgumentError
from profunda.theory.parameter_maps import evaluating

__all__ = ["narrower"]

WIDTH, SEEDS = 0.25, 2
"""Part of the widths, so that of a large network's weights and time a sixteenth is left; trainings of it."""


def narrower(
    parts: Parts,
    anatomy: Anatomy,
    reached: nn.Module,
    rows: tuple[tuple[Any, ...], Any],
    held: tuple[tuple[Any, ...], Any],
    *,
    steps: int,
    task: Task | None,
    named: tuple[tuple[str, Any], ...] = (),
    held_named: tuple[tuple[str, Any], ...] = (),
) -> Narrower:
    """What `steps` steps on `rows` (inputs and targets) make of a narrower `parts.module`, judged on `held`
    beside the network that the run `reached`, which is as wide as `parts.module`.

    Raises ArgumentError where it cannot be narrowed, and what a module raises that does not work then.
    """
    with undisturbed(parts.module):
        _fit(parts.module, anatomy)
        feed = feed_of(cloned(rows[0]), cloned(rows[1]), cloned(named))
        unseen = feed_of(cloned(held[0]), cloned(held[1]), cloned(held_named))
        own = copy_of(reached)
        with torch.no_grad(), evaluating(own):
            outputs = unseen.through(own)
            yardstick = yardstick_of(parts.loss_fn, outputs, unseen, parts.batch_size)
            before = judged(own, parts, unseen, yardstick, task)
        ends = []
        for seed in range(SEEDS):
            draws_from(seed)
            small = of_widths(copy_of(parts.module).train(), feed, WIDTH)
            few = Parts(small, parts.loss_fn, parts.optimizer, parts.batch_size)
            ends.append(ended(few, feed, yardstick, task, steps, seed, unseen))
        found = np.array(ends)
        numbers = sum(each.numel() for each in small.parameters())
        return Narrower(WIDTH, numbers, steps, found[:, 0], found[:, 1], *before)


def _fit(module: nn.Module, anatomy: Anatomy) -> None:
    """Refuses what is no chain: with skips, or layers that are used twice, less may be enough elsewhere."""
    if anatomy.why or anatomy.shared or anatomy.skips or len(anatomy.layers) < 2:
        raise ArgumentError(f"{type(module).__name__} is no chain of layers that could be narrowed.")
