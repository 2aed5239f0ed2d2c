"""Which rows each member trains on and is validated on."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from profunda.errors import ArgumentError, DataError

__all__ = ["rest_of", "rows_of"]


def rows_of(name: str, given: object, members: int, rows: int) -> list[Tensor]:
    """Row numbers [n] of each of M members.

    `given` is None (all rows), one choice for all or one for each: row numbers [n] or [M, n], a mask [N] or
    [M, N], or a sequence of M such choices, whose lengths may differ. A row number may stand more than once,
    as in a bootstrap.

    Raises:
        ArgumentError: it is nothing of that kind, or has not one choice for each member.
        DataError: a row that is not there, or a member without rows.
    """
    if given is None:
        return [torch.arange(rows)] * members
    if isinstance(given, list | tuple) and given and np.ndim(given[0]) == 1:
        choices: Sequence[object] = given
    else:
        array = np.asarray(given)
        if array.ndim not in (1, 2):
            raise ArgumentError(
                f"{name} has {array.ndim} axes; give row numbers [n] or [M, n], a mask [N] or [M, N], or a "
                "list of M of these."
            )
        choices = list(array) if array.ndim == 2 else [array] * members
    if len(choices) != members:
        raise ArgumentError(
            f"{name} has {len(choices)} choices of rows for {members} members; give one for each."
        )
    return [_numbers(f"{name} of member {i}", np.asarray(one), rows) for i, one in enumerate(choices)]


def _numbers(name: str, given: np.ndarray, rows: int) -> Tensor:
    if given.dtype == np.bool_:
        if given.shape != (rows,):
            raise ArgumentError(f"{name} is a mask of {len(given)} rows, but the data have {rows}.")
        given = np.flatnonzero(given)
    elif given.size and not np.issubdtype(given.dtype, np.integer):
        raise ArgumentError(
            f"{name} holds {given.dtype}; row numbers are whole, and masks are of truth values."
        )
    if not given.size:
        raise DataError(f"{name} chooses no row; every member needs at least one.")
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= rows:
        raise DataError(f"{name} goes from {low} to {high}, but the data have the rows 0 to {rows - 1}.")
    return torch.from_numpy(given.astype(np.int64))


def rest_of(train: Tensor, rows: int) -> Tensor:
    """The rows that are not trained on: [V], perhaps none."""
    left = torch.ones(rows, dtype=torch.bool)
    left[train] = False
    return left.nonzero().flatten()
