"""A network whose sequence layers take rows first, as they are fed."""

import copy

from torch import nn

from profunda.errors import ArgumentError

__all__ = ["rows_first"]


def rows_first(module: nn.Module) -> nn.Module:
    """A copy in which recurrent layers and attention have `batch_first`. ArgumentError where all have it.

    >>> rows_first(nn.Sequential(nn.GRU(2, 3)))[0].batch_first
    True
    """
    own, found = copy.deepcopy(module), 0
    for part in own.modules():
        if vars(part).get("batch_first") is False:
            part.batch_first = True  # type: ignore[assignment]
            found += 1
    if not found:
        raise ArgumentError(
            f"{type(module).__name__} holds no recurrent layer or attention that takes time before rows, so "
            "that rows are mixed by a line of its own."
        )
    return own
