"""A network with its data and its loss, as a function of the user's hands them over to be diagnosed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn
from torch.optim import Optimizer

from profunda.data.dataset import Dataset
from profunda.data.preprocessing import fit_preprocessing
from profunda.data.splits import split
from profunda.diagnosis.rebuilding import Factory
from profunda.errors import ArgumentError

__all__ = ["Program", "program_of", "rows_from"]

ENCODING = "robust"
"""Of columns of numbers: by their median and quartiles, so that a few wild ones spoil nothing."""


@dataclass(frozen=True)
class Program:
    """What `diagnose` takes; see there."""

    model: nn.Module
    data: Any
    loss_fn: Callable[..., Any]
    optimizer: Optimizer | Factory | None = None
    validation: Any = None


def program_of(made: object, table: Dataset | None, seed: int) -> Program:
    """The Program that a function gave: one itself, or (model, data, loss[, optimizer[, validation]]).

    With a `table` its rows take the place of data and validation, and (model, loss[, optimizer]) will do.

    Raises ArgumentError for anything else.
    """
    if isinstance(made, Program):
        found = made
    elif isinstance(made, tuple | list) and table is not None and 2 <= len(made) <= 3 and callable(made[1]):
        found = Program(made[0], None, made[1], *made[2:])
    elif isinstance(made, tuple | list) and 3 <= len(made) <= 5:
        found = Program(*made)
    else:
        size = f" of {len(made)}" if isinstance(made, tuple | list) else ""
        raise ArgumentError(
            f"The function returned a {type(made).__name__}{size}; return (model, data, loss), and after "
            "these an optimiser and validation data if you have them; with --data, (model, loss) will do."
        )
    if table is None:
        return found
    data, validation = rows_from(table, seed)
    return Program(found.model, data, found.loss_fn, found.optimizer, validation)


Pair = tuple[np.ndarray, np.ndarray]


def rows_from(table: Dataset, seed: int) -> tuple[Pair, Pair]:
    """Training and validation rows of a table as (X, y): X float32 [n, D] encoded and scaled on the training
    rows alone; y int64 [n] classes, or float32 [n, 1] standardised values.
    """
    fold = split(table, test=0.0, folds=1, seed=seed).folds[0]
    fitted = fit_preprocessing(table.codes, table.y, fold.train, table.schema, ENCODING, table.task)
    classes = table.task.kind != "regression"

    def pair(rows: np.ndarray) -> Pair:
        y = np.asarray(fitted.target(table.y[rows]))
        kind = np.int64 if classes else np.float32
        return fitted.transform(table.codes[rows]), y.astype(kind).reshape(
            (len(rows),) if classes else (-1, 1)
        )

    return pair(fold.train), pair(fold.valid)
