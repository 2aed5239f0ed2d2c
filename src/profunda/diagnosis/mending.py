"""`repair`: tries what a diagnosis proposes, and keeps what proves better."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from profunda.diagnosis.asked import Asked
from profunda.diagnosis.candidates import early, untried
from profunda.diagnosis.contests import Contest, Entry
from profunda.diagnosis.copying import undisturbed
from profunda.diagnosis.diagnosing import BATCH_SIZE, EPOCHS, Followed, check
from profunda.diagnosis.loaders import batches_of
from profunda.diagnosis.readers import left_out, reading
from profunda.diagnosis.rebuilding import Factory
from profunda.diagnosis.repairs import Repair
from profunda.diagnosis.rounds import Searched, searched
from profunda.diagnosis.runs import Ran
from profunda.diagnosis.snippets import diff
from profunda.diagnosis.supplies import parted, whole_of
from profunda.diagnosis.untouched import untouched
from profunda.errors import ArgumentError

__all__ = ["BUDGET", "repair", "repaired"]

BUDGET = 6.0
"""Whole trainings that may be spent, the diagnosis's own included. One cause takes 1.3 to 1.6 where it shows
at the beginning, else 2.3: the original, a race of short trainings, and the final one."""

SOON = 0.05
"""Share of its steps for which the original is trained at first: mistakes that are so by themselves show by
then, and where there are such, the rest may be spared."""

PART = (
    f"The original was trained for {SOON:.0%} of its steps, and `before` is its score there: without what is "
    "wrong with it the network learns so well that the rest cannot matter."
)


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
    seeds, judged on validation rows. The winner is trained in full, with a seed that chose nothing, and kept
    where a one-sided test over rows and seeds says with a confidence of 97.5 % that it is better than the
    original (over rows alone where the original tells nothing; 95 % will do where it takes a fault away and
    gains a third of what was left): by the score that the task has, or by the loss where both use the same
    one. Its training is diagnosed in turn, and what that shows is tried on top. Mistakes that show at the
    beginning of the original's training spare the rest of it where that cannot matter: it broke down; or the
    mended network was better after equally many steps, and is nearly perfect, or what was mended is a mistake
    by itself and the network then learns well. Ctrl-C ends the search with the best so far. Nothing of the
    user's is changed.

    Parameters
    ----------
    model, data, loss_fn, optimizer, batch_size, epochs
        As in `diagnose`.
    validation
        Rows that judge. Without them a fifth of the rows is kept for that, and not trained on.
    budget
        Trainings that may be spent, the original's included, as multiples of one whole training.
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
        asked = Asked(model, data, loss_fn, optimizer, validation, batch_size, epochs, budget, seed, tick)
        contest, end = _searched(asked)
        return _told(type(model).__name__, contest, end, epochs, notes)


def _searched(asked: Asked) -> tuple[Contest, Searched]:
    """The beginning alone where it shows what can be mended at once, else the whole training."""
    found = asked.followed(SOON if asked.counted else 1.0)
    spent, part = found.rows, asked.counted and bool(early(found.diagnosis))
    if asked.counted and not part and not found.interrupted:
        found = asked.followed(1.0)
        spent += found.rows
    contest = asked.contest(found.diagnosis)
    contest.passed = spent

    def whole() -> Entry:
        made = asked.followed(1.0)
        contest.passed += made.rows
        if made.interrupted:
            raise KeyboardInterrupt
        return _entered(contest, made)

    first = _entered(contest, found)
    if found.interrupted:
        return contest, Searched(first, first, False)
    return contest, searched(contest, first, whole if part else None)


def _entered(contest: Contest, made: Followed) -> Entry:
    """The original, as it was trained."""
    wrong = {one.code for one in made.diagnosis.faults if one.area == "loss"}
    contest.doubted, contest.turned = bool(wrong), wrong == {"loss-sign"}
    mark = contest.mark(Ran(made.module.eval(), 0), contest.start)
    return Entry((), made.module, mark, made.diagnosis)


def _told(subject: str, contest: Contest, end: Searched, epochs: int, notes: list[str]) -> Repair:
    original, best = end.original, end.best
    assert original.diagnosis is not None
    after = contest.recipe(best.changes, contest.seed)
    text = diff(best.changes, contest.start, after, original.diagnosis.record.anatomy, epochs)
    record = original.diagnosis.record
    reads = (*reading(best.changes, record.anatomy), *left_out(best.changes, record.targets))
    told = [one.diagnosis for one in (original, best) if one.diagnosis is not None]
    refused = (one for each in told for one in each.findings if one.code in contest.refused)
    left = (*(one for each in told for one in untried(each)), *refused)
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
        (*notes, *([PART] if end.part else []), *reads, *_still(best), *contest.notes),
    )


def _still(best: Entry) -> tuple[str, ...]:
    """What the diagnosis of the mended training says."""
    if not best.changes or best.diagnosis is None or not best.diagnosis.findings:
        return ()
    told = ", ".join(f"{one.of.title} ({one.code})" for one in best.diagnosis.findings)
    return (f"With these changes a diagnosis still says: {told}.",)


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
