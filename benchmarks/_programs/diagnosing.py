"""One program, diagnosed as a user would: `profunda.diagnose`, or `profunda.watch` in its own loop."""

import math
import time
import traceback
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader

import profunda
from _programs.program import LossFn, Made, Pair, Program
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.watching import Watch as Probe

__all__ = ["Outcome", "Said", "diagnosed", "planned"]


@dataclass(frozen=True)
class Said:
    """What a finding said, and after how many steps."""

    code: str
    area: str
    severity: str
    step: int


@dataclass(frozen=True)
class Outcome:
    """One run: `said`, the most important first, of `steps` planned ones. `error` is how it ended in the
    user's face, "" where it did not.
    """

    program: str
    seed: int
    said: tuple[Said, ...]
    steps: int
    seconds: float
    error: str = ""


def planned(made: Made) -> int:
    """Optimiser steps that the program plans."""
    if isinstance(made.data, DataLoader):
        return made.epochs * len(made.data)
    return made.epochs * math.ceil(len(made.data[0]) / made.batch_size)


def diagnosed(program: Program, seed: int) -> Outcome:
    """Run it; what is raised is part of the outcome."""
    start = time.perf_counter()
    try:
        found, steps = _built(program, seed) if program.build else _looped(program, seed)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        words = f"{type(error).__name__}: {str(error)[:200]} ({where.filename.split('/')[-1]}:{where.lineno})"
        return Outcome(program.name, seed, (), 1, time.perf_counter() - start, words)
    said = tuple(Said(one.code, one.area, one.severity, one.step) for one in found.findings)
    return Outcome(program.name, seed, said, max(steps, 1), time.perf_counter() - start)


def _built(program: Program, seed: int) -> tuple[Diagnosis, int]:
    assert program.build is not None
    made = program.build(seed)
    found = profunda.diagnose(
        made.model,
        made.data,
        made.loss_fn,
        optimizer=made.optimizer(made.model),
        validation=made.validation,
        batch_size=made.batch_size,
        epochs=made.epochs,
        seed=seed,
    )
    return found, planned(made)


def _looped(program: Program, seed: int) -> tuple[Diagnosis, int]:
    assert program.run is not None
    probes: list[Probe] = []

    def watch(
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_fn: LossFn,
        data: Pair | DataLoader | None = None,
        validation: Pair | None = None,
        accumulate: int = 1,
    ) -> Probe:
        probes.append(profunda.watch(model, optimizer, loss_fn, data, validation, accumulate))
        return probes[-1]

    program.run(seed, watch)
    found = probes[-1].diagnosis()
    return found, found.steps
