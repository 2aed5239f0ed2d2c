"""`repair`: tries what a diagnosis proposes, and keeps what proves better."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from profunda.diagnosis.candidates import mends, untried
from profunda.diagnosis.contests import Contest, Entry
from profunda.diagnosis.copying import copy_of, undisturbed
from profunda.diagnosis.diagnosing import BATCH_SIZE, EPOCHS, Followed, check, followed
from profunda.diagnosis.diagnosis import Diagnosis
from profunda.diagnosis.feeding import Feed
from profunda.diagnosis.ingredients import Making, Parts, making_of
from profunda.diagnosis.joining import joined, mixed
from profunda.diagnosis.loaders import batches_of
from profunda.diagnosis.marks import Judge
from profunda.diagnosis.rebuilding import Factory, rebuilt
from profunda.diagnosis.recipes import Recipe, finite_rows
from profunda.diagnosis.record import Task
from profunda.diagnosis.repairs import Repair
from profunda.diagnosis.rounds import Searched, searched
from profunda.diagnosis.runs import Ran
from profunda.diagnosis.snippets import diff
from profunda.diagnosis.supplies import Supply, moved_by, parted, whole_of
from profunda.diagnosis.untouched import untouched
from profunda.errors import ArgumentError

__all__ = ["BUDGET", "repair", "repaired"]

BUDGET = 6.0
"""Whole trainings that may be spent, the diagnosis's own included. One cause takes about 1.4 where it shows
at the beginning, else 2.4: the original, a race of short trainings, and the final one."""

SOON = 0.05
"""Share of its steps for which the original is trained at first: mistakes that are so by themselves show by
then, and where there are such, the rest may be spared."""

PART = (
    f"The original was trained for {SOON:.0%} of its steps, and `before` is its score there: what is wrong "
    "with it is so by itself, and without it the network learns well."
)

READ = 2048
"""Rows by which scalings and class weights are made."""

JUDGING = 4096
"""Rows that judge at most."""


def repair(
    model: nn.Module,
    data: Any,
    loss_fn: Callable[..., Any],
    *,
    optimizer: Optimizer | Factory | None = None,
    validation: Any = None,
    batch_size: int = BATCH_SIZE,
    epochs: int = EPOCHS,
    budget: float = BUDGET,
    seed: int = 0,
) -> Repair:
    """Diagnose a training, try what the findings propose, and train a copy with what proved better.

    >>> import torch
    >>> x = torch.randn(256, 3, generator=torch.Generator().manual_seed(0))
    >>> crawling = lambda parameters: torch.optim.SGD(parameters, lr=1e-5)
    >>> net = torch.nn.Linear(3, 1)
    >>> found = repair(net, (x, x @ x[:3, :].T[:, :1]), torch.nn.MSELoss(), optimizer=crawling, epochs=8)
    >>> found.after >= found.before
    True

    Every change is raced against the training as it is: short trainings with the same batches and several
    seeds, judged on validation rows. It is adopted where a one-sided test over seeds and rows says so with a
    confidence of 99 %, by the score that the task has or by the loss where both use the same one; further
    changes are tried on top of it. What short trainings cannot tell is trained once in full. At last the
    network trained in full is compared with the original, with a seed that chose nothing: if it is worse, the
    original is returned. Ctrl-C ends the search with the best so far. Nothing of the user's is changed.

    Parameters
    ----------
    model, data, loss_fn, optimizer, batch_size, epochs
        As in `diagnose`.
    validation
        Rows that judge. Without them a fifth of the rows is kept for that, and not trained on.
    budget
        Trainings that may be spent beyond that of the diagnosis, as multiples of one whole training.
    seed
        Of all that is drawn.

    Raises
    ------
    ArgumentError
        As `diagnose`; and for a budget that is not above 0.
    DataError
        As `diagnose`.
    """
    return repaired(
        model, data, loss_fn, optimizer, validation, batch_size, epochs, budget, seed, lambda done, most: None
    )


def repaired(
    model: nn.Module,
    data: Any,
    loss_fn: Callable[..., Any],
    optimizer: Optimizer | Factory | None,
    validation: Any,
    batch_size: int,
    epochs: int,
    budget: float,
    seed: int,
    tick: Callable[[int, int], object],
) -> Repair:
    """`repair`, which tells `tick` what is done of what may be done at most."""
    check(model, loss_fn, batch_size, epochs, seed)
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not budget > 0.0:
        raise ArgumentError(
            f"budget is {budget!r}; it is a number of whole trainings above 0: one finding takes about 1.5."
        )
    notes: list[str] = []
    with undisturbed(model), untouched(data, validation, model=model):
        data, validation, batch_size = _given(data, validation, model, batch_size, seed, notes)

        def train(share: float) -> Followed:
            return followed(
                model,
                data,
                loss_fn,
                optimizer,
                validation,
                batch_size,
                epochs,
                seed,
                tick,
                share,
                share == 1.0,
            )

        known = batches_of(data, model, batch_size, seed).length > 0
        found = train(SOON if known else 1.0)
        part = known and bool(mends(found.diagnosis)) and not found.interrupted
        spent = found.rows
        if known and not part and not found.interrupted:
            found = train(1.0)
            spent += found.rows
        diagnosis = found.diagnosis
        contest = _contest(
            model, data, loss_fn, optimizer, validation, batch_size, epochs, budget, seed, tick, diagnosis
        )
        contest.passed = spent

        def entered(made: Followed) -> Entry:
            contest.doubted = any(one.area == "loss" for one in made.diagnosis.faults)
            mark = contest.mark(Ran(made.module.eval(), 0), contest.start)
            return Entry((), made.module, mark, made.diagnosis)

        def whole() -> Entry:
            made = train(1.0)
            contest.passed += made.rows
            if made.interrupted:
                raise KeyboardInterrupt
            return entered(made)

        first = entered(found)
        if found.interrupted:
            end = Searched(first, first, False)
        else:
            end = searched(contest, first, whole if part else None)
        return _told(type(model).__name__, contest, end, epochs, notes)


def _contest(
    model: nn.Module,
    data: Any,
    loss_fn: Callable[..., Any],
    optimizer: Optimizer | Factory | None,
    validation: Any,
    batch_size: int,
    epochs: int,
    budget: float,
    seed: int,
    tick: Callable[[int, int], object],
    diagnosis: Diagnosis,
) -> Contest:
    own = copy_of(model)
    own = own if own.training else own.train()
    _real(own)
    whole = whole_of(batches_of(data, own, batch_size, seed))
    size = batch_size if whole is None else _size(data, batch_size, diagnosis)
    made = rebuilt(optimizer, model, own)
    plain = Parts(own, loss_fn, _making(made, own, optimizer), size, epochs)
    judge = _judge(validation, own, diagnosis)
    shift = 0 if diagnosis.record.targets is None else diagnosis.record.targets.shift
    moved = _judge(validation, own, diagnosis, shift) if shift else None
    sample = whole or joined(batches_of(data, own, batch_size, seed).sample())
    feed = None if sample is None else mixed(sample, READ)
    if feed is None or judge is None:
        raise ArgumentError(
            "No rows could be put together to judge by: rows of inputs and of targets must lie along "
            "the first axis of tensors. Use diagnose, and change by hand what it finds."
        )
    rows = _rows(diagnosis, whole, epochs)
    start, supply = Recipe(plain, made), Supply(data, own, size, whole)
    return Contest(start, supply, judge, feed, rows, budget, seed, tick, moved)


def _rows(diagnosis: Diagnosis, whole: Feed | None, epochs: int) -> int:
    """Of a whole training."""
    course = diagnosis.record.course
    if whole is not None or course is None or not course.steps:
        return (0 if whole is None else whole.rows) * epochs
    seen = float(np.nansum(course.rows))
    return round(seen / course.steps * max(course.planned, course.steps))


def _told(subject: str, contest: Contest, end: Searched, epochs: int, notes: list[str]) -> Repair:
    original, best = end.original, end.best
    assert original.diagnosis is not None
    after = contest.recipe(best.changes, contest.seed)
    text = diff(best.changes, contest.start, after, original.diagnosis.record.anatomy, epochs)
    left = (*untried(original.diagnosis), *(() if best.diagnosis is None else untried(best.diagnosis)))
    return Repair(
        subject,
        best.module.eval(),
        best.changes,
        after,
        original.mark.score,
        best.mark.score,
        contest.cost,
        tuple(contest.attempts),
        original.diagnosis,
        tuple({one.code: one for one in reversed(left)}.values())[::-1],
        text,
        (*notes, *([PART] if end.part else []), *contest.notes),
    )


def _given(
    data: Any, validation: Any, model: nn.Module, batch_size: int, seed: int, notes: list[str]
) -> tuple[Any, Any, int]:
    """Data and validation rows; a part of the former where there are none of the latter."""
    if validation is not None:
        return data, validation, batch_size
    whole = whole_of(batches_of(data, model, batch_size, None))
    if whole is None or whole.rows < 10:
        raise ArgumentError(
            "Without validation rows a part of the data must judge, and these cannot be parted: give "
            "validation=(X, y)."
        )
    first = next(batches_of(data, model, batch_size, None).epoch(0))
    train, held = parted(whole, seed)
    notes.append(
        f"No validation rows were given: {len(held[1]):,} of {whole.rows:,} rows judge, and are not trained "
        "on. Train with all rows once the changes are made."
    )
    return train, held, first.rows


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
