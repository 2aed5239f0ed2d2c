"""A trial of both ways on the real shapes, before a group trains: may vmap run it, and is it quicker?"""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from profunda.errors import ArgumentError, DataError
from profunda.fleet.modules.crew import batches
from profunda.fleet.modules.members import ModuleMember
from profunda.fleet.modules.plan import ModulePack
from profunda.fleet.modules.task import Task
from profunda.fleet.modules.updates import FlatOptimiser
from profunda.fleet.modules.ways import Loop, Vmapped
from profunda.fleet.threads import thread_seconds

__all__ = ["CLEARLY", "WORTH", "chosen", "inspected"]

CLEARLY = 1.1
"""How much quicker than the loop vmap must be measured to be: chance should not decide a tie."""
WORTH = 3.0
"""Seconds of the loop for a whole group below which vmap is not tried: the trial, with what torch loads for
its first vmap, takes one or two."""
_REPEATS = 5
_ENOUGH = 0.5  # seconds after which nothing is repeated
_CLOSE = {torch.float64: 1e-9, torch.float32: 1e-3}
"""How far gradients may be apart, beside their length, before vmap is said to compute something else."""


def inspected(member: ModuleMember, task: Task) -> bool:
    """Try one batch of one member: whether it draws random numbers.

    Raises:
        DataError: targets that do not fit the outputs, or whole numbers for a module that takes floats.
        ArgumentError: outputs or a loss of a shape that cannot be trained on, or a loss without a gradient.
    """
    rows = batches([member], task, 0)[0][0]
    way = Loop(member, task, draws=True)
    way.draw_from("step", 0)
    before = torch.get_rng_state()
    with torch.enable_grad():
        outputs = _run(way.module, task.x[rows], way.flat.dtype)
        _check_outputs(outputs, len(rows))
        if task.loss is None:
            _check_targets(outputs, task.y)
        loss = task.loss(outputs, task.y[rows]) if task.loss else task.mean_loss(outputs, task.y[rows])
    if not isinstance(loss, Tensor) or loss.shape not in ((), (len(rows),)):
        said = f"shape {list(loss.shape)}" if isinstance(loss, Tensor) else f"type {type(loss).__name__}"
        raise ArgumentError(
            f"The loss of a batch of {len(rows)} rows has {said}; it must be one number, or one a row "
            f"[{len(rows)}]. Average or add over the other axes."
        )
    if not loss.requires_grad:
        raise ArgumentError(
            "The loss has no gradient: it does not depend on a trained parameter, or was detached, or is a "
            "rate of right answers. Give a loss that torch can differentiate."
        )
    return not torch.equal(before, torch.get_rng_state())


def _run(module: nn.Module, x: Tensor, dtype: torch.dtype) -> Any:
    """What the module makes of a batch."""
    try:
        return module(x)
    except (RuntimeError, TypeError, ValueError):
        if x.is_floating_point() or not _runs(module, x.to(dtype)):
            raise
    raise DataError(
        "x holds whole numbers, with which this module cannot compute, as it can with floats: divide bytes "
        "of pictures by 255 (x / 255), and give other numbers as floats. Whole numbers are for embeddings."
    )


def _runs(module: nn.Module, x: Tensor) -> bool:
    try:
        module(x)
    except Exception:  # a module of the user's: whatever it is, floats are not what it misses
        return False
    return True


def _check_outputs(outputs: object, rows: int) -> None:
    if not isinstance(outputs, Tensor) or outputs.dim() == 0 or len(outputs) != rows:
        said = f"shape {list(outputs.shape)}" if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ArgumentError(
            f"The module made {said} of a batch of {rows} rows; it must return one tensor [{rows}, …]. Wrap "
            "a module that returns a tuple in one that picks what the loss needs."
        )


def _check_targets(outputs: Tensor, y: Tensor) -> None:
    """For the losses that stand in where none is given."""
    if y.is_floating_point():
        if outputs.numel() * len(y) != y.numel() * len(outputs):
            raise DataError(
                f"The outputs of a batch have shape {list(outputs.shape)}, but y {list(y.shape)}; for "
                "numbers they must have equally many a row. Classes are whole numbers: give them as integers."
            )
        return
    if outputs.dim() < 2 or (outputs.shape[0], *outputs.shape[2:]) != (len(outputs), *y.shape[1:]):
        raise DataError(
            f"The outputs of a batch have shape {list(outputs.shape)}, but y of whole numbers "
            f"{list(y.shape)}; for classes [N, …] outputs must be [B, C, …]. Give a loss of your own, "
            "or numbers as floats."
        )
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= outputs.shape[1]:
        raise DataError(
            f"y has classes from {low} to {high}, but the module has {outputs.shape[1]} outputs, for the "
            f"classes 0 to {outputs.shape[1] - 1}. Number the classes from 0, or widen the last layer."
        )


def chosen(
    numbers: Sequence[int], members: Sequence[ModuleMember], task: Task, asked: str, *, draws: bool
) -> ModulePack:
    """Which way trains the group `members`, called `numbers` in the fleet, and why."""
    pack = ModulePack(tuple(numbers), "loop")
    if asked == "loop":
        return pack.told("so it was asked for")
    if len(members) == 1:
        return pack.told("a group of one")
    if draws:
        return pack.told("it draws random numbers, as dropout does, which vmap could not draw by each seed")
    alone = _stepper(Loop(members[0], task, draws=False), members[:1], task)
    alone()  # not counted: what is made once
    seconds = min(alone() for _ in range(_REPEATS))
    work = seconds * len(members) * task.epochs * task.steps(len(members[0].train))
    if asked == "auto" and work < WORTH:
        return pack.told(f"{work:.2g} s of work are not worth a trial of vmap", seconds)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="There is a performance drop")
            vmapped = Vmapped(members, task)
            if strange := _strange(vmapped, members, task):
                return pack.told(f"vmap computes something else: {strange}", seconds)
            return _timed(pack, alone, _stepper(vmapped, members, task), asked)
    except Exception as error:  # whatever vmap stumbles over in a user's module
        return pack.told(f"vmap cannot run it: {_first_line(error)}", seconds)


def _strange(vmapped: Vmapped, members: Sequence[ModuleMember], task: Task) -> str:
    """What differs between vmap and the loop after a batch and an evaluation; "" where nothing does."""
    rows = batches(members, task, 0)[0]
    seen = [(member.valid if member.valid.numel() else member.train)[: task.eval_rows] for member in members]
    vmapped.differentiate(rows, 0)
    buffers, outputs = vmapped.buffers(), vmapped.outputs(seen, 0)
    for i, member in enumerate(members):
        loop = Loop(member, task, draws=False)
        loop.differentiate(rows[i : i + 1], 0)
        pairs = {"the gradient": (vmapped.gradient[i], loop.gradient[0])}
        pairs |= {f"the buffer {n}": (buffers[n][i], held[0]) for n, held in loop.buffers().items()}
        pairs["the outputs in evaluation"] = outputs[i], loop.outputs([seen[i]], 0)[0]
        for name, (ours, theirs) in pairs.items():
            if not _close(ours, theirs):
                return f"{name} of the module with seed {member.seed}"
    return ""


def _close(ours: Tensor, theirs: Tensor) -> bool:
    if ours.shape != theirs.shape:
        return False
    limit = _CLOSE.get(theirs.dtype, 1e-3)
    ours, theirs = ours.double(), theirs.double()
    if not bool(torch.isfinite(theirs).all()):
        return not bool(torch.isfinite(ours).all())
    return bool((ours - theirs).norm() <= limit * (theirs.norm() + 1e-6))


def _timed(
    pack: ModulePack, alone: Callable[[], float], together: Callable[[], float], asked: str
) -> ModulePack:
    """Steps of both ways by turns, vmap's first one not counted; the quickest of each counts."""
    together()
    started, loop_seconds, vmap_seconds = time.perf_counter(), float("inf"), float("inf")
    for repeat in range(_REPEATS):
        if repeat and time.perf_counter() - started > _ENOUGH:
            break
        loop_seconds = min(loop_seconds, *(alone() for _ in range(_REPEATS)))
        vmap_seconds = min(vmap_seconds, together() / len(pack.members))
    gain = loop_seconds / vmap_seconds
    if asked == "vmap":
        pack, why = pack.by_vmap(), "so it was asked for"
    elif gain >= CLEARLY:
        pack, why = pack.by_vmap(), f"{gain:.2f} times as fast as the loop"
    else:
        why = f"vmap is {gain:.2f} times as fast, and {CLEARLY} is asked for"
    return pack.told(why, loop_seconds, vmap_seconds)


def _stepper(way: Loop | Vmapped, members: Sequence[ModuleMember], task: Task) -> Callable[[], float]:
    """Whole optimiser steps on copies; the seconds of this thread that one takes."""
    optimiser = FlatOptimiser(task.optimiser, members, way.flat)
    rows = batches(members, task, 0)[0]
    rates = way.flat.new_zeros(len(members), 1)

    def step() -> float:
        start = thread_seconds()
        way.differentiate(rows, 0)
        optimiser.step(way.gradient, rates, 1)
        return thread_seconds() - start

    return step


def _first_line(error: Exception) -> str:
    """A message of torch's in one sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
